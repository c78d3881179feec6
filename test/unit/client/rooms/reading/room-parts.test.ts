/** Commits that take several entries: which of them are whole follows from the order of the log alone. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../../core/base/ids.ts";
import { ROOM_BEGUN_COMMITS_MAX } from "../../../../../core/base/limits.ts";
import { createRoomParts } from "../../../../../core/client/rooms/reading/room-parts.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { cutRoomCommit, type RoomBody } from "../../../../../core/messenger/room/room-entry.ts";
import { writerTag } from "../../../../../core/protocol/entry.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import type { TxStore } from "../../../../../core/store/tx-store.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const logId = idFromBytes("log", filled(2));
const tagOf = (writer: number) => writerTag(logId, filled(writer));
const COMMIT = { commit: filled(3, 250), context: filled(4, 300), welcome: filled(5, 100) };

function createCase() {
  const inner = createMemoryTxStore();
  const scanned = { bytes: 0 };
  const store: TxStore = {
    ...inner,
    async scan(range) {
      const rows = await inner.scan(range);
      if (rows.ok) for (const { value } of rows.value) scanned.bytes += value.length;
      return rows;
    },
  };
  const tables = createTables(store);
  const parts = createRoomParts(tables);
  let seq = 0;
  const counters = new Map<number, number>();
  /** The next entry of this writer. Gives the commit it makes whole, or null. */
  async function read(writer: number, body: RoomBody) {
    const before = { incarnation: 0, seq: seq++, chain: filled(seq) };
    const writerSeq = (counters.get(writer) ?? 0) + 1;
    counters.set(writer, writerSeq);
    const by = { writerTag: tagOf(writer), writerSeq };
    if (body.type === "part") good(await store.batch(good(await parts.keep(roomId, by, body, before))));
    if (body.type !== "commit") return null;
    const whole = good(await parts.whole(roomId, by, body, before));
    if (whole !== null) good(await store.batch(whole.writes));
    return whole;
  }
  const kept = async () => good(await tables.roompart.scan()).length;
  return {
    read,
    kept,
    scanned,
    other: (writer: number) => read(writer, { type: "message", sealed: filled(1) }),
  };
}

const bodies = () => good(cutRoomCommit(COMMIT, 200));

test("[RM38] is whole of its parts in order, whatever others write between, and is known by where it began", async () => {
  const { read, kept, other } = createCase();
  const [first, ...rest] = bodies();
  if (first === undefined) throw new Error("a first part");
  await other(8);
  await read(7, first);
  let whole = null;
  for (const body of rest) {
    await other(8);
    whole = await read(7, body);
  }
  expect(whole?.commit).toEqual(COMMIT);
  expect(whole?.from.seq).toBe(1);
  expect(await kept()).toBe(0);
  const [alone] = good(cutRoomCommit(COMMIT));
  expect(alone && (await read(8, alone))?.commit).toEqual(COMMIT);
});

test("[RM38] is not whole with a part missing, twice, in another order, of somebody else, or with something of its writer between", async () => {
  const all = bodies();
  const [first, second, ...rest] = all;
  if (first === undefined || second === undefined) throw new Error("two parts");
  const orders: readonly (readonly RoomBody[])[] = [
    [first, ...rest],
    [second, ...rest],
    rest,
    [first, second, second, ...rest],
    [second, first, ...rest],
  ];
  for (const order of orders) {
    const { read } = createCase();
    let whole = null;
    for (const body of order) whole = await read(7, body);
    expect(whole).toBeNull();
  }
  const { read, other } = createCase();
  await read(7, first);
  await other(7);
  for (const body of [second, ...rest]) expect(await read(7, body)).toBeNull();
  for (const body of all.slice(0, -1)) await read(9, body);
  expect(await read(7, all.at(-1) ?? first)).toBeNull();
  // And it can be begun anew.
  let whole = null;
  for (const body of all) whole = await read(7, body);
  expect(whole?.commit).toEqual(COMMIT);
});

test(`[RM38] of commits that were begun the newest ${ROOM_BEGUN_COMMITS_MAX} are kept`, async () => {
  const { read } = createCase();
  const all = bodies();
  const writers = Array.from({ length: ROOM_BEGUN_COMMITS_MAX + 1 }, (_, at) => 10 + at);
  for (const body of all.slice(0, -1)) {
    if (body.type === "part" && body.index > 0) continue;
    for (const writer of writers) await read(writer, body);
  }
  const rest = all.slice(1);
  const ends = [];
  for (const writer of writers) {
    let whole = null;
    for (const body of rest) whole = await read(writer, body);
    ends.push(whole !== null);
  }
  expect(ends).toEqual(writers.map((_, at) => at > 0));
});

test("[RM38] beginning a commit reads of what others have begun as much as there are of them, whatever it weighs", async () => {
  const { read, scanned } = createCase();
  const partBytes = 10_000;
  const whole = { ...COMMIT, commit: filled(3, 12 * partBytes) };
  const all = good(cutRoomCommit(whole, partBytes)).slice(0, -1);
  expect(all.length).toBeGreaterThan(11);
  for (let writer = 10; writer < 10 + ROOM_BEGUN_COMMITS_MAX; writer++)
    for (const body of all) await read(writer, body);
  scanned.bytes = 0;
  await read(50, { type: "part", index: 0, bytes: filled(1, 10) });
  expect(scanned.bytes).toBeLessThan((ROOM_BEGUN_COMMITS_MAX + 1) * (partBytes + 100));
  // And a part that goes on reads the one before it.
  scanned.bytes = 0;
  await read(51, { type: "part", index: 0, bytes: filled(1, 10) });
  scanned.bytes = 0;
  await read(51, { type: "part", index: 1, bytes: filled(1, 10) });
  expect(scanned.bytes).toBeLessThan(200);
});
