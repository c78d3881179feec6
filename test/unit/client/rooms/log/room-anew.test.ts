/** What is kept for a room's log that begins anew, and what a device says on entering it. Rules RM62, RM63. */
import { expect, test } from "vitest";
import { ROOM_PAST_COMMIT_BYTES_MAX, ROOM_PAST_COMMITS_MAX } from "../../../../../core/base/limits.ts";
import { type ConversationId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import { createRoomAnew, isNamed, nextToBring } from "../../../../../core/client/rooms/log/room-anew.ts";
import { createRoomIntake } from "../../../../../core/client/rooms/reading/room-intake.ts";
import { createRoomLandmarks } from "../../../../../core/client/rooms/log/room-landmarks.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { decode, encode } from "../../../../../core/codec/shape.ts";
import { type RoomCommit, roomCommitShape } from "../../../../../core/messenger/room/room-entry.ts";
import {
  isBeyond,
  pastCommitHash,
  roomPositionShape,
} from "../../../../../core/messenger/room/room-position.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { must } from "../../../../support/chain-world.ts";

const roomId = "c".repeat(64) as ConversationId;
const keysOf = (generation: number) => ({
  generation,
  accessSeed: new Uint8Array(32).fill(generation),
  roomKey: new Uint8Array(32),
});
const commitOf = (sizeBytes: number): RoomCommit => ({
  commit: new Uint8Array(sizeBytes),
  context: null,
  welcome: null,
});

async function follow(epochs: readonly number[], sizeOf = (_epoch: number) => 1) {
  const store = createMemoryTxStore();
  const anew = createRoomAnew(createTables(store));
  for (const epoch of epochs) {
    const followed = {
      epoch,
      commit: commitOf(sizeOf(epoch)),
      before: keysOf(epoch),
      after: keysOf(epoch + 1),
    };
    must(await store.batch(anew.keep(roomId, followed)));
  }
  return anew;
}

const epochsOf = async (anew: Awaited<ReturnType<typeof follow>>, until: number) =>
  must(await anew.past(roomId, until)).map(({ epoch }) => epoch);

test(`[RM62] of the commits that were followed the last ${ROOM_PAST_COMMITS_MAX} are kept, with what opened the log`, async () => {
  const count = ROOM_PAST_COMMITS_MAX + 3;
  const anew = await follow(Array.from({ length: count }, (_, epoch) => epoch));
  expect(await epochsOf(anew, count)).toEqual(
    Array.from({ length: ROOM_PAST_COMMITS_MAX }, (_, index) => index + 3),
  );
  const former = must(await anew.formerKeys(roomId)).map(({ generation }) => generation);
  expect(former).toEqual(Array.from({ length: ROOM_PAST_COMMITS_MAX + 1 }, (_, index) => count - index));
});

test(`[RM62] one of more than ${ROOM_PAST_COMMIT_BYTES_MAX} bytes is a gap, behind which what is kept begins`, async () => {
  const overhead =
    encode(roomCommitShape, commitOf(ROOM_PAST_COMMIT_BYTES_MAX)).length - ROOM_PAST_COMMIT_BYTES_MAX;
  const most = ROOM_PAST_COMMIT_BYTES_MAX - overhead;
  expect(await epochsOf(await follow([0, 1, 2], (epoch) => (epoch === 1 ? most - 1 : 1)), 3)).toEqual([
    0, 1, 2,
  ]);
  expect(await epochsOf(await follow([0, 1, 2], (epoch) => (epoch === 1 ? most : 1)), 3)).toEqual([0, 1, 2]);
  expect(await epochsOf(await follow([0, 1, 2], (epoch) => (epoch === 1 ? most + 1 : 1)), 3)).toEqual([2]);
  // What does not lead to where the group is leads nowhere.
  expect(await epochsOf(await follow([0, 1]), 5)).toEqual([]);
});

test("[RM63] how far was read before is what was read last, also where two incarnations begin at once", async () => {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const logId = idFromBytes("log", new Uint8Array(32).fill(1));
  const intake = createRoomIntake({
    context: { tables, store, identity: { accountId: "a", deviceId: "d" } },
    groups: { load: async () => ok(null) },
    conversations: {},
    anew: createRoomAnew(tables),
    landmarks: createRoomLandmarks(tables),
    onChanged: () => {},
  } as never);
  const room = { keys: { logId, fromSeq: 0, fromChain: new Uint8Array(32) }, standing: {} } as never;
  const point = { incarnation: 0, seq: 7, chain: new Uint8Array(32).fill(7) };
  must(await store.batch([tables.reader.put([logId], { point, epochFloor: 0 })]));
  for (const incarnation of [1, 2]) {
    must(await intake.enter(roomId, room, { incarnation, logEpoch: null }));
    const row = must(await tables.roomanew.get(roomId));
    expect(row).toMatchObject({ incarnation, upto: point, isTold: false });
  }
});

test("[RM63] beyond is what stands later in the log, or in a later incarnation of it", () => {
  const upto = { incarnation: 1, seq: 7 };
  expect(isBeyond({ incarnation: 1, seq: 8 }, upto)).toBe(true);
  expect(isBeyond({ incarnation: 1, seq: 7 }, upto)).toBe(false);
  expect(isBeyond({ incarnation: 2, seq: 1 }, upto)).toBe(true);
  expect(isBeyond({ incarnation: 0, seq: 9 }, upto)).toBe(false);
});

test("[RM66] of epochs before the one that was named the named commits count alone, of later ones any", () => {
  const commits = [1, 2].map((byte) => new Uint8Array(8).fill(byte));
  const begun = { incarnation: 1, epoch: 5, commits: commits.map(pastCommitHash) };
  const [first = new Uint8Array(), second = new Uint8Array()] = commits;
  expect(isNamed(begun, 3, first)).toBe(true);
  expect(isNamed(begun, 4, second)).toBe(true);
  expect(isNamed(begun, 3, second)).toBe(false);
  expect(isNamed(begun, 4, new Uint8Array(8))).toBe(false);
  expect(isNamed(begun, 2, first)).toBe(false);
  expect(isNamed(begun, 5, new Uint8Array(8))).toBe(true);
});

test("[RM66] a position names as many commits as a device keeps, and no more", () => {
  const position = (count: number) => ({
    ...{ accountId: idFromBytes("account", new Uint8Array(32)), incarnation: 1, epoch: 20 },
    deviceId: idFromBytes("device", new Uint8Array(16)),
    upto: { incarnation: 0, seq: 1, chain: new Uint8Array(32) },
    commits: Array.from({ length: count }, () => new Uint8Array(32)),
    signature: new Uint8Array(64),
  });
  for (const count of [0, ROOM_PAST_COMMITS_MAX - 1, ROOM_PAST_COMMITS_MAX])
    expect(decode(roomPositionShape, encode(roomPositionShape, position(count)))).toMatchObject({ ok: true });
  const over = encode(roomPositionShape, position(ROOM_PAST_COMMITS_MAX + 1));
  expect(decode(roomPositionShape, over).ok).toBe(false);
});

test("[RM62] a commit is brought where the log has the keys of its epoch: what is for later ones waits, what was for earlier ones has gone by", () => {
  const past = [0, 0, 2, 2].map((generation, index) => ({
    ...{ epoch: index + 1, commit: new Uint8Array(1) },
    before: keysOf(generation),
    after: keysOf(index === 1 ? 2 : generation),
  }));
  const nextOf = (logEpoch: number, generation: number) =>
    nextToBring(past, logEpoch, generation)?.epoch ?? null;
  expect([1, 2, 3, 4, 5].map((logEpoch) => nextOf(logEpoch, 0))).toEqual([1, 2, null, null, null]);
  expect([1, 2, 3, 4, 5].map((logEpoch) => nextOf(logEpoch, 2))).toEqual([3, 3, 3, 4, null]);
  expect([1, 4].map((logEpoch) => nextOf(logEpoch, 1))).toEqual([null, null]);
  expect(nextOf(0, 0)).toBeNull();
});
