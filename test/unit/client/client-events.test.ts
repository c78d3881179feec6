/** Who comes to listen while something is under way. */
import { expect, test } from "vitest";
import type { ClientEvent } from "../../../core/client/client.ts";
import { createClientEvents } from "../../../core/client/client-events.ts";

const progress = (done: number, phase: "history" | "indexing" = "history"): ClientEvent => ({
  type: "progress",
  phase,
  done,
  total: 9,
});

test("who comes to listen is told how far each thing is that is under way, and nothing of what has ended", () => {
  const { emit, onEvent, isHeard, endProgress } = createClientEvents();
  expect(isHeard()).toBe(false);
  const heard: ClientEvent[] = [];
  for (const event of [progress(1), progress(2, "indexing"), progress(3), { type: "state" } as const])
    emit(event);
  const leave = onEvent((event) => void heard.push(event));
  expect(heard).toEqual([progress(3), progress(2, "indexing")]);
  emit(progress(9));
  leave();
  expect(isHeard()).toBe(false);
  const late: ClientEvent[] = [];
  onEvent((event) => void late.push(event));
  expect(late).toEqual([progress(2, "indexing")]);
  expect(heard.at(-1)).toEqual(progress(9));
  endProgress();
  expect(late.at(-1)).toEqual(progress(9, "indexing"));
  onEvent(() => expect.unreachable("nothing is under way"));
});
