import { expect, test } from "vitest";
import { SERVED_EVENTS_UNSEEN_MAX, SERVED_EVENTS_WAITING_MAX } from "../../../../core/base/limits.ts";
import { mergeClientEvent } from "../../../../core/client/served-client/client-service.ts";
import { createEventWindow } from "../../../../core/client/served-client/event-window.ts";
import type { ClientEvent } from "../../../../core/client/client.ts";

function progress(done: number): ClientEvent {
  return { type: "progress", phase: "history", done, total: 1_000 };
}

function request(name: string): ClientEvent {
  // What is merged is told by type alone; the contact of a request is not looked at.
  return { type: "request", contact: { name } } as ClientEvent;
}

const revoked: ClientEvent = { type: "alarm", alarm: { type: "DeviceRevoked" } };

test("SERVED_EVENTS_UNSEEN_MAX events go without an answer, one more waits until one is confirmed", () => {
  const sent: number[] = [];
  const window = createEventWindow<number>(
    (number) => sent.push(number),
    (waiting, event) => [...waiting, event],
  );
  for (let event = 0; event <= SERVED_EVENTS_UNSEEN_MAX; event++) window.push(event);
  expect(sent.length).toBe(SERVED_EVENTS_UNSEEN_MAX);
  window.confirm(1);
  expect(sent.at(-1)).toBe(SERVED_EVENTS_UNSEEN_MAX + 1);
});

test("confirming what was never sent opens nothing", () => {
  const sent: number[] = [];
  const window = createEventWindow<number>(
    (number) => sent.push(number),
    (waiting, event) => [...waiting, event],
  );
  for (let event = 0; event < 2 * SERVED_EVENTS_UNSEEN_MAX; event++) window.push(event);
  window.confirm(SERVED_EVENTS_UNSEEN_MAX + 1);
  expect(sent.length).toBe(SERVED_EVENTS_UNSEEN_MAX);
});

test("of progress and state only the newest waits", () => {
  const waiting = [progress(1), revoked, { type: "state" } as const];
  expect(mergeClientEvent(waiting, progress(2))).toEqual([revoked, { type: "state" }, progress(2)]);
  expect(mergeClientEvent(waiting, { type: "state" })).toEqual([progress(1), revoked, { type: "state" }]);
});

test("up to SERVED_EVENTS_WAITING_MAX all wait; over it the oldest go, alarms stay, and all is to be read again", () => {
  let waiting: readonly ClientEvent[] = [revoked];
  for (let index = 1; index < SERVED_EVENTS_WAITING_MAX; index++)
    waiting = mergeClientEvent(waiting, request(`${index}`));
  expect(waiting.length).toBe(SERVED_EVENTS_WAITING_MAX);
  expect(waiting[1]).toEqual(request("1"));
  waiting = mergeClientEvent(waiting, request("last"));
  expect(waiting.length).toBe(SERVED_EVENTS_WAITING_MAX);
  expect(waiting[0]).toEqual(revoked);
  expect(waiting[1]).toEqual(request("3"));
  expect(waiting.slice(-2)).toEqual([request("last"), { type: "state" }]);
});
