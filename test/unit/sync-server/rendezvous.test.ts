/** What a slot does with time, and its limits of number. */
import { describe, expect, test } from "vitest";
import { idFromBytes, type RendezvousId } from "../../../core/base/ids.ts";
import { RENDEZVOUS_TTL_MS } from "../../../core/base/limits.ts";
import { RENDEZVOUS_WAIT_MS } from "../../../core/protocol/directory.ts";
import { createRendezvous } from "../../../sync-server/directory/rendezvous.ts";
import { RENDEZVOUS_SLOTS_MAX, RENDEZVOUS_WAITERS_PER_SLOT_MAX } from "../../../sync-server/limits.ts";

function world() {
  let nowMs = 0;
  const timers: { atMs: number; task: () => void }[] = [];
  const clock = {
    nowMs: () => nowMs,
    schedule(delayMs: number, task: () => void) {
      const timer = { atMs: nowMs + delayMs, task };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  };
  const pass = (ms: number): void => {
    nowMs += ms;
    for (const timer of [...timers]) if (timer.atMs <= nowMs) timer.task();
  };
  return { rendezvous: createRendezvous(clock), pass, timers };
}

const slot = (n: number): RendezvousId =>
  idFromBytes(
    "rendezvous",
    new Uint8Array(16).map((_, i) => (n >> (8 * i)) & 255),
  );
const message = new Uint8Array([1]);
const yes = (): boolean => true;
const never = new AbortController().signal;

describe("a rendezvous", () => {
  test("[DI8] lives five minutes, and its id cannot be used again for as long", async () => {
    const { rendezvous, pass } = world();
    expect(rendezvous.put(slot(1), { expectedVersion: 0, message }, yes).ok).toBe(true);
    pass(RENDEZVOUS_TTL_MS - 1);
    expect((await rendezvous.wait(slot(1), 0, never)).ok).toBe(true);
    expect(rendezvous.put(slot(1), { expectedVersion: 1, message }, yes).ok).toBe(true);
    pass(1);
    expect(await rendezvous.wait(slot(1), 0, never)).toMatchObject({ error: { code: "rendezvous-gone" } });
    expect(rendezvous.put(slot(1), { expectedVersion: 2, message }, yes)).toMatchObject({
      error: { code: "rendezvous-gone" },
    });
    expect(rendezvous.put(slot(1), { expectedVersion: 0, message }, yes)).toMatchObject({
      error: { code: "rendezvous-conflict" },
    });
    pass(RENDEZVOUS_TTL_MS);
    expect(rendezvous.put(slot(1), { expectedVersion: 0, message }, yes).ok).toBe(true);
  });

  test("[DI8] answers who waits in vain, or has gone, with what is there", async () => {
    const { rendezvous, pass, timers } = world();
    rendezvous.put(slot(1), { expectedVersion: 0, message }, yes);
    const waiting = rendezvous.wait(slot(1), 1, never);
    pass(RENDEZVOUS_WAIT_MS);
    expect(await waiting).toEqual({ ok: true, value: { version: 1, message: null } });
    const gone = new AbortController();
    const left = rendezvous.wait(slot(1), 1, gone.signal);
    gone.abort();
    expect(await left).toEqual({ ok: true, value: { version: 1, message: null } });
    expect(timers).toEqual([]);
  });

  test("[DI8] lets so many wait for one slot", () => {
    const { rendezvous } = world();
    rendezvous.put(slot(1), { expectedVersion: 0, message }, yes);
    const waiting = Array.from({ length: RENDEZVOUS_WAITERS_PER_SLOT_MAX }, () =>
      rendezvous.wait(slot(1), 1, never),
    );
    expect(waiting).toHaveLength(RENDEZVOUS_WAITERS_PER_SLOT_MAX);
    return expect(rendezvous.wait(slot(1), 1, never)).resolves.toMatchObject({
      error: { code: "overloaded" },
    });
  });

  test("[DI8] exists so many times at once, and is made only while the maker's rate allows", () => {
    const { rendezvous, pass } = world();
    expect(rendezvous.put(slot(0), { expectedVersion: 0, message }, () => false)).toMatchObject({
      error: { code: "rate-limited" },
    });
    for (let n = 1; n <= RENDEZVOUS_SLOTS_MAX; n++)
      expect(rendezvous.put(slot(n), { expectedVersion: 0, message }, yes).ok).toBe(true);
    expect(rendezvous.put(slot(0), { expectedVersion: 0, message }, yes)).toMatchObject({
      error: { code: "overloaded" },
    });
    pass(2 * RENDEZVOUS_TTL_MS);
    expect(rendezvous.put(slot(0), { expectedVersion: 0, message }, yes).ok).toBe(true);
  });
});
