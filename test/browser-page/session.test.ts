/** How often the screens are told of what goes on, in a real page. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Session } from "../../app/ui/session/session.ts";
import { err } from "../../core/base/result.ts";
import type { Client, ClientEvent, ConnectionStatus } from "../../core/client/client.ts";

const ONLINE: ConnectionStatus = { state: "online", sinceMs: 1, lastError: null, pendingCount: 0 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A session over a client that answers nothing and whose events the test makes. */
async function openSession() {
  let emit: (event: ClientEvent) => void = () => {};
  const known: Partial<Client> = {
    status: () => ONLINE,
    onEvent: (listener) => {
      emit = listener;
      return () => {};
    },
  };
  const client = new Proxy(known, {
    get: (target, name) => Reflect.get(target, name) ?? (async () => err({ type: "ClientStopped" })),
  });
  const session = new Session(client as Client, () => {});
  await vi.advanceTimersByTimeAsync(1_000);
  const told: ConnectionStatus[] = [];
  session.onChange((event) => {
    if (event?.type === "connection") told.push(event.status);
  });
  return { session, told, say: (status: ConnectionStatus) => emit({ type: "connection", status }) };
}

test("how much waits is told once for many changes, as it is by then; a connection that goes is told at once", async () => {
  const { session, told, say } = await openSession();
  for (const pendingCount of [1, 2, 3, 2, 1]) say({ ...ONLINE, pendingCount });
  expect(told).toEqual([]);
  expect(session.status.pendingCount).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual([{ ...ONLINE, pendingCount: 1 }]);
  const offline = { ...ONLINE, state: "offline", sinceMs: 2, pendingCount: 1 } as const;
  say(offline);
  expect(told.at(-1)).toEqual(offline);
  const failed: ConnectionStatus = { ...offline, lastError: { type: "ClientStopped" } };
  say(failed);
  expect(told).toHaveLength(3);
  say({ ...failed, pendingCount: 5 });
  session.close();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toHaveLength(3);
});
