/** What failed and is tried again by itself. */
import { expect, test } from "vitest";
import { createRetries } from "../../../core/client/retries.ts";
import { createManualClock } from "../../support/manual-clock.ts";

test("what fails is tried after a while, twice as long each time up to a limit, and soon again once it was done", async () => {
  const clock = createManualClock();
  const tried: string[] = [];
  const retries = createRetries<string>(clock, { minMs: 10, maxMs: 35 }, (key) => void tried.push(key));
  for (const waitMs of [10, 20, 35, 35]) {
    retries.later("one");
    retries.later("one");
    await clock.advance(waitMs - 1);
    expect(tried).toEqual([]);
    await clock.advance(1);
    expect(tried.splice(0)).toEqual(["one"]);
  }
  // Another one waits for itself alone.
  retries.later("one");
  retries.later("two");
  await clock.advance(10);
  expect(tried.splice(0)).toEqual(["two"]);
  retries.done("one");
  retries.later("one");
  await clock.advance(10);
  expect(tried.splice(0)).toEqual(["one"]);
  retries.later("two");
  retries.clear();
  expect(clock.scheduledCount()).toBe(0);
});
