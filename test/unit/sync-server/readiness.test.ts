import { expect, test } from "vitest";
import { ok, type Result } from "../../../core/base/result.ts";
import { createReadiness } from "../../../sync-server/http/readiness.ts";
import { READY_FRESH_MS, READY_TIMEOUT_MS } from "../../../sync-server/limits.ts";
import { type Refusal, refuse } from "../../../sync-server/store/refusal.ts";
import { createManualClock } from "../../support/manual-clock.ts";

/** A store whose writes end as the test says. */
function scriptedStore() {
  const script = { writes: 0, answer: (): Promise<Result<void, Refusal>> => Promise.resolve(ok()) };
  const probe = () => {
    script.writes += 1;
    return script.answer();
  };
  return { script, probe };
}

test("a server is ready when a write is committed, and one write serves who ask soon after", async () => {
  const clock = createManualClock();
  const { script, probe } = scriptedStore();
  const isReady = createReadiness({ probe }, clock);
  expect(await Promise.all([isReady(), isReady()])).toEqual(["ready", "ready"]);
  expect(script.writes).toBe(1);
  await clock.advance(READY_FRESH_MS - 1);
  await isReady();
  expect(script.writes).toBe(1);
  await clock.advance(1);
  await isReady();
  expect(script.writes).toBe(2);
});

test.each([
  ["storage-full", "storage-full"],
  ["internal", "store-unavailable"],
] as const)("a store that answers %s makes it %s", async (code, status) => {
  const { script, probe } = scriptedStore();
  script.answer = () => Promise.resolve(refuse(code));
  expect(await createReadiness({ probe }, createManualClock())()).toBe(status);
});

test("a write that does not come back makes it stuck", async () => {
  const clock = createManualClock();
  const { script, probe } = scriptedStore();
  script.answer = () => new Promise(() => {});
  const asked = createReadiness({ probe }, clock)();
  await clock.advance(READY_TIMEOUT_MS);
  expect(await asked).toBe("queue-stuck");
});
