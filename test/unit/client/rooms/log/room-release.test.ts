/** Up to where a room's log is needed by nobody, as its founder's device counts it, and when it tells the server. */
import { beforeAll, expect, test } from "vitest";
import { type DeviceId, idFromBytes, type LogId } from "../../../../../core/base/ids.ts";
import { ROOM_LOG_KEPT_MS } from "../../../../../core/base/limits.ts";
import { err, ok } from "../../../../../core/base/result.ts";
import { createRoomRelease, readRows } from "../../../../../core/client/rooms/log/room-release.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { createLogReader } from "../../../../../core/log/log-reader.ts";
import { roomLogId } from "../../../../../core/protocol/room-log-id.ts";
import type { ChainState } from "../../../../../core/sigchain/chain-state.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { addDevice, createWorld, firstKeys, stateOf } from "../../../../support/chain-world.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const roomId = idFromBytes("conversation", new Uint8Array(32).fill(7));

const upTo = (chain: ChainState, seq: number): ChainState => ({
  ...{ ...chain, seq },
  hashes: chain.hashes.slice(0, seq),
});

/** Ada, who has founded the room, with two devices, and Ben with one, who are in it. */
function createFounder() {
  const [adas, bens] = [createWorld("release ada"), createWorld("release ben")];
  const phone = firstKeys(adas).id;
  const laptop = addDevice(adas).id;
  const bensPhone = firstKeys(bens).id;
  const [ada, ben] = [stateOf(adas), stateOf(bens)];
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const logId = roomLogId(ada.accountId, new Uint8Array(16));
  const state = {
    nowMs: 1_800_000_000_000,
    told: [] as object[],
    code: null as "seq-out-of-range" | null,
    bensSeq: ben.seq,
  };
  const identity = { accountId: ada.accountId, deviceId: phone } as never;
  const times = { steadyMs: () => state.nowMs } as never;
  const context = { store, tables, identity, times, serial: { run: <T>(work: () => T) => work() } as never };
  const release = createRoomRelease({
    context,
    chains: {
      load: async (id) =>
        ok([ada, upTo(ben, state.bensSeq)].find(({ accountId }) => accountId === id) ?? null),
    },
    home: () =>
      ({
        call: async (_: string, frame: object) => {
          state.told.push(frame);
          return state.code === null ? ok({}) : err({ type: "Refused", code: state.code });
        },
      }) as never,
    contextOf: async () =>
      ok({ members: [ada, ben].map(({ accountId, seq, head }) => ({ accountId, seq, head })) } as never),
  });
  const follow = async (
    by: DeviceId,
    seq: number,
    { log = logId, incarnation = 0 }: { readonly log?: LogId; readonly incarnation?: number } = {},
  ) => {
    const reader = createLogReader(log, { ...createLogReader(log).point, incarnation });
    good(await store.batch(good(await readRows(context, roomId, reader, { by, seq }))));
  };
  const readOf = async (device: DeviceId) => good(await tables.roomread.get(roomId, device));
  const tell = async () => {
    const before = state.told.length;
    good(await release.release(roomId, { keys: { logId } } as never));
    return state.told.slice(before).map((frame) => ("upto" in frame ? frame.upto : null));
  };
  /** How much of Ben's chain this device has. */
  const hasOfBens = (seq: number) => {
    state.bensSeq = seq;
  };
  /** As of a device that is new. */
  const forgetRead = async (device: DeviceId) =>
    good(await store.batch([tables.roomread.remove(roomId, device)]));
  return {
    ...{ phone, laptop, bensPhone, tables, state, logId, follow, readOf, tell, hasOfBens, forgetRead },
    bensId: ben.accountId,
    bensSeq: ben.seq,
  };
}

test("[RM74] who makes a commit has read what stood before the last one, and of who has made none nothing is known", async () => {
  const { phone, bensPhone, follow, readOf } = createFounder();
  await follow(phone, 1);
  expect(await readOf(phone)).toEqual({ incarnation: 0, seq: 0 });
  await follow(phone, 9);
  expect(await readOf(phone)).toEqual({ incarnation: 0, seq: 1 });
  expect(await readOf(bensPhone)).toBe(null);
  await follow(bensPhone, 20);
  expect(await readOf(bensPhone)).toEqual({ incarnation: 0, seq: 9 });
  // Who is brought back may have read no more than when they last made one.
  await follow(phone, 30);
  expect(await readOf(bensPhone)).toEqual({ incarnation: 0, seq: 9 });
});

test("[RM74] in a log that began anew a device counts from the first commit on that it has made there itself", async () => {
  const { phone, laptop, bensPhone, follow, readOf } = createFounder();
  const anew = { incarnation: 1 };
  await follow(phone, 1);
  await follow(bensPhone, 9);
  // What is brought again, or may be.
  await follow(bensPhone, 2, anew);
  await follow(laptop, 3, anew);
  expect(await readOf(bensPhone)).toEqual({ incarnation: 0, seq: 1 });
  expect(await readOf(laptop)).toBe(null);
  await follow(phone, 5, anew);
  expect(await readOf(phone)).toEqual({ incarnation: 1, seq: 0 });
  expect(await readOf(bensPhone)).toEqual({ incarnation: 0, seq: 1 });
  await follow(laptop, 8, anew);
  expect(await readOf(laptop)).toEqual({ incarnation: 1, seq: 5 });
  await follow(bensPhone, 12, anew);
  expect(await readOf(bensPhone)).toEqual({ incarnation: 1, seq: 8 });
});

test("[RM74] a device counts nothing in a room that somebody else has founded", async () => {
  const { phone, tables, follow, bensId } = createFounder();
  await follow(phone, 5, { log: roomLogId(bensId, new Uint8Array(16)) });
  expect(good(await tables.roomread.scan())).toEqual([]);
  expect(good(await tables.roomrelease.scan())).toEqual([]);
});

test("[RM74] what every device of every member has read is told once that was so for 30 days, and not a moment before", async () => {
  const { phone, laptop, bensPhone, state, follow, tell, logId } = createFounder();
  expect(await tell()).toEqual([]);
  await follow(phone, 1);
  for (const [index, device] of [phone, laptop, bensPhone, phone, laptop].entries())
    await follow(device, 10 + index);
  const passKept = async () => {
    state.nowMs += ROOM_LOG_KEPT_MS - 1;
    expect(await tell()).toEqual([]);
    state.nowMs += 1;
    return tell();
  };
  // It begins to count what has been read; Ben's phone has made one commit, which follows that at 11.
  expect(await passKept()).toEqual([]);
  await follow(bensPhone, 30);
  expect(await passKept()).toEqual([11]);
  expect(state.told.at(-1)).toEqual({ type: "releaseLog", logId, incarnation: 0, upto: 11 });
  expect(await passKept()).toEqual([12]);
  // Refused: with the next month's, and no other error.
  state.code = "seq-out-of-range";
  expect(await passKept()).toEqual([12]);
  // A device of which nothing is known, and counted time that was lost, hold everything back.
  state.nowMs -= ROOM_LOG_KEPT_MS;
  expect(await tell()).toEqual([]);
  // Of what was counted in a log that began anew the one before says nothing.
  await follow(phone, 2, { incarnation: 1 });
  expect(await passKept()).toEqual([]);
  expect(await passKept()).toEqual([]);
});

test("[RM74] nothing is told while a chain is here less far than the room has it, or a device has come and made no commit; what was counted by then is told once that is over, and of a log that began anew what was made there", async () => {
  const { phone, laptop, bensPhone, bensSeq, state, follow, tell, hasOfBens, forgetRead } = createFounder();
  const round = async (from: number, incarnation = 0, devices = [phone, laptop, bensPhone]) => {
    for (const [index, device] of [...devices, ...devices].entries())
      await follow(device, from + index, { incarnation });
  };
  const passKept = async () => {
    state.nowMs += ROOM_LOG_KEPT_MS;
    return tell();
  };
  await round(1);
  expect(await passKept(), "counted").toEqual([]);
  expect(await passKept(), "told").toHaveLength(1);
  hasOfBens(bensSeq - 1);
  expect(await passKept(), "counted, and Ben's chain is short").toEqual([]);
  hasOfBens(bensSeq);
  expect(await tell(), "the chain is here").toEqual([3]);
  await forgetRead(laptop);
  expect(await passKept(), "counted, and a device is new").toEqual([]);
  await follow(bensPhone, 15);
  await follow(laptop, 16);
  expect(await tell(), "it has made a commit, and what was counted then is told at once").toEqual([3]);
  await round(20, 1, [laptop, bensPhone]);
  for (let month = 0; month < 3; month++) await passKept();
  expect(state.told.filter((frame) => "incarnation" in frame && frame.incarnation === 1)).toEqual([]);
  await round(30, 1);
  expect(await passKept(), "counted").toEqual([]);
  expect(await passKept(), "made there").toEqual([32]);
  expect(state.told.at(-1)).toMatchObject({ incarnation: 1 });
});
