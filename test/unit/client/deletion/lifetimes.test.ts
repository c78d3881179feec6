/** Messages that go by themselves: when a device wakes, what it does then, and how much it notes of others. */
import { expect, test } from "vitest";
import { present } from "../../../../core/base/assert.ts";
import type { ConversationId, OpId } from "../../../../core/base/ids.ts";
import { ROOM_LIMITS_PER_DEVICE_MAX } from "../../../../core/base/limits.ts";
import { err, ok } from "../../../../core/base/result.ts";
import { createLifetimes } from "../../../../core/client/deletion/lifetimes.ts";
import { createOpStore } from "../../../../core/client/conversations/op-store.ts";
import { createSerial } from "../../../../core/client/serial.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import type { RoomPart, RoomRecord } from "../../../../core/document/schema/groups.ts";
import { HLC_TICKS_PER_MS } from "../../../../core/messenger/hlc.ts";
import { bucketPlaceOf, type NamedOp } from "../../../../core/messenger/op.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import type { TxStore } from "../../../../core/store/tx-store.ts";
import { good } from "../../../support/client-world.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { accountOf, conversationOf, messageOp } from "../../../support/messages.ts";

await cryptoReady();

/** A full hour. */
const START_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const room = conversationOf(1);

function createWorld(store: TxStore = createMemoryTxStore(), startMs = START_MS) {
  const tables = createTables(store);
  const clock = createManualClock(startMs);
  const serial = createSerial();
  const state = { isHeard: true, behindMs: 0 };
  const log = { gone: [] as ConversationId[], forgotten: [] as OpId[], renewed: [] as number[] };
  const parts = new Map<string, RoomPart>();
  const record = () =>
    ({ limits: [...parts.values()].filter((part) => part.type === "limit") }) as unknown as RoomRecord;
  const times = { surelyMs: () => clock.nowMs() - state.behindMs, isHeard: () => state.isHeard };
  const lifetimes = createLifetimes({
    context: { tables, store, clock, serial, times, identity: { accountId: accountOf(9) } },
    log: { edit: async () => ok() },
    ops: { get: (key) => ops.get(key), remove: (places) => ops.remove(places) },
    book: () => ({
      all: async () => ok(new Map([[room, record()]])),
      get: async () => ok(record()),
      async set(_room, more) {
        for (const [key, part] of more) if (part !== null) parts.set(key, part);
        return ok();
      },
    }),
    forgetTexts: async (ids) => ok(void log.forgotten.push(...ids)),
    withdraw: async () => ok(),
    dropArchiving: () => {},
    async renewSoon(places, writes) {
      for (const { index } of places) log.renewed.push(index);
      return store.batch(writes);
    },
    onGone: (id) => void log.gone.push(id),
  });
  const ops = createOpStore(tables, lifetimes.added, {
    isForgotten: () => false,
    perishesAtMs: lifetimes.perishesAtMs,
    isOver: lifetimes.isOver,
    isDeviceOf: async () => ok(true),
  });
  const add = async (...named: NamedOp[]) => {
    const addition = good(await ops.add(named, clock.nowMs()));
    good(await store.batch(addition.writes));
    addition.commit();
    return addition;
  };
  const shown = async () => good(await ops.all(room)).map(({ id }) => id);
  /** As a program that is started again. */
  const pass = async (ms: number) => {
    await clock.advance(ms);
    await serial.idle();
  };
  return { lifetimes, tables, ops, add, shown, pass, state, log, clock };
}

const messageAt = (deviceSeq: number, expire: number | null, ms = START_MS) =>
  messageOp(
    { conversationId: room, deviceSeq, hlc: ms * HLC_TICKS_PER_MS + deviceSeq, expire },
    `text ${deviceSeq}`,
  );

test("[RM36] one timer wakes at the earliest time; each message goes at its own, and its bucket at most once an hour", async () => {
  const world = createWorld();
  const { add, shown, pass, log, clock, tables } = world;
  const all = [0, 1, 2].map((n) => messageAt(n, START_MS + (3 - n) * 600_000));
  const stays = messageAt(600, null);
  await add(...all, stays);
  expect(clock.scheduledCount()).toBe(1);
  await pass(600_000);
  expect(log.forgotten).toEqual([all[2]?.id]);
  await pass(600_000);
  await pass(600_000);
  expect(log.forgotten).toEqual([all[2]?.id, all[1]?.id, all[0]?.id]);
  expect(await shown()).toEqual([stays.id]);
  expect(log.gone).toEqual([room, room, room]);
  expect(log.renewed).toEqual([]);
  await pass(HOUR_MS);
  expect(log.renewed).toEqual([0]);
  expect(good(await tables.due.scan())).toEqual([]);
  expect(clock.scheduledCount()).toBe(0);
});

test("[RM36] without the server's word it is hidden, told of once, and kept", async () => {
  const { add, shown, pass, log, state, lifetimes, ops } = createWorld();
  state.isHeard = false;
  const message = messageAt(0, START_MS + HOUR_MS);
  await add(message);
  await pass(HOUR_MS);
  expect(lifetimes.isHidden(message)).toBe(true);
  expect([await shown(), log.gone]).toEqual([[message.id], [room]]);
  await lifetimes.sweep();
  expect([await shown(), log.gone]).toEqual([[message.id], [room]]);
  expect(good(await ops.isGone(message))).toBe(false);
  state.isHeard = true;
  good(await lifetimes.sweep());
  expect(await shown()).toEqual([]);
});

test("[RM36] a clock that is found to be ahead brings back what it hid", async () => {
  const { add, pass, state, lifetimes, shown } = createWorld();
  state.isHeard = false;
  const message = messageAt(0, START_MS + HOUR_MS);
  await add(message);
  await pass(5 * HOUR_MS);
  expect(lifetimes.isHidden(message)).toBe(true);
  [state.isHeard, state.behindMs] = [true, 5 * HOUR_MS];
  good(await lifetimes.sweep());
  expect([lifetimes.isHidden(message), await shown()]).toEqual([false, [message.id]]);
});

test("[RM36] what is over when it comes is not stored, and counts as having come", async () => {
  const { add, shown, ops, log, lifetimes, pass } = createWorld();
  const over = messageAt(0, START_MS - 1);
  expect(await add(over)).toMatchObject({ fresh: [], over: [over], deleted: [] });
  expect(await shown()).toEqual([]);
  expect([...good(await ops.frontiers(room))]).toEqual([[over.op.device, 1]]);
  expect(good(await ops.isGone(over))).toBe(true);
  good(await lifetimes.later(bucketPlaceOf(over.op)));
  good(await lifetimes.later(bucketPlaceOf(over.op)));
  await pass(2 * HOUR_MS);
  expect(log.renewed).toEqual([0]);
});

test("[RM35] what goes earlier than it says is known before it is here, and after it went", async () => {
  const { add, shown, pass, lifetimes, ops } = createWorld();
  const message = messageAt(0, null);
  const dueMs = START_MS + HOUR_MS;
  expect(good(await lifetimes.limit(room, [{ op: message, dueMs }])).size).toBe(0);
  // A later time does not undo it.
  good(await lifetimes.limit(room, [{ op: message, dueMs: dueMs + HOUR_MS }]));
  await add(message);
  expect(lifetimes.perishesAtMs(message)).toBe(dueMs);
  await pass(HOUR_MS);
  expect(await shown()).toEqual([]);
  expect(await add(message)).toMatchObject({ over: [message] });
  expect(good(await ops.isGone(message))).toBe(true);
});

test("[RM35] a device that writes too many such messages is not listened to; others are", async () => {
  const { lifetimes } = createWorld();
  const limitOf = (op: NamedOp) => ({ op, dueMs: START_MS + HOUR_MS });
  const messages = Array.from({ length: ROOM_LIMITS_PER_DEVICE_MAX + 1 }, (_, n) => messageAt(n, null));
  const [last, rest] = [present(messages.at(-1), "a message"), messages.slice(0, -1)];
  expect(good(await lifetimes.limit(room, rest.map(limitOf))).size).toBe(0);
  expect([...good(await lifetimes.limit(room, [limitOf(last)]))]).toEqual([last.id]);
  const other = messageOp(
    { conversationId: room, deviceSeq: 0, device: present(messages[0], "a message").op.device },
    "own",
  );
  const own = { ...other, op: { ...other.op, author: accountOf(9) } };
  expect(good(await lifetimes.limit(room, [limitOf(own)])).size).toBe(0);
});

test("[RM36][RM37] a program that ends at any write goes on where it was", async () => {
  const messages = [0, 1, 600].map((n) => messageAt(n, START_MS + HOUR_MS));
  for (let writes = 0; ; writes++) {
    const inner = createMemoryTxStore();
    let left = Number.POSITIVE_INFINITY;
    const cut: TxStore = {
      ...inner,
      batch: async (...batch) =>
        left-- > 0 ? inner.batch(...batch) : err({ type: "StoreUnavailable", detail: "the power is gone" }),
    };
    const before = createWorld(cut);
    await before.add(...messages);
    left = writes;
    await before.pass(HOUR_MS);
    const isWhole = left >= 0;
    const after = createWorld(inner, START_MS + HOUR_MS);
    good(await after.lifetimes.sweep());
    expect(await after.shown(), `after ${writes} writes`).toEqual([]);
    await after.pass(2 * HOUR_MS);
    expect([...after.log.renewed].sort(), `after ${writes} writes`).toEqual([0, 1]);
    expect(good(await after.tables.due.scan())).toEqual([]);
    if (isWhole) return;
  }
});
