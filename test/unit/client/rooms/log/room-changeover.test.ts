/** What a device does with the group it was in, as it goes on with other keys. */
import { beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import {
  createRoomChangeover,
  type RoomChangeoverDeps,
} from "../../../../../core/client/rooms/log/room-changeover.ts";
import { createRoomAnew } from "../../../../../core/client/rooms/log/room-anew.ts";
import type { RoomLandmarks } from "../../../../../core/client/rooms/log/room-landmarks.ts";
import { createRoomReaders } from "../../../../../core/client/rooms/log/room-readers.ts";
import type { RoomDraft } from "../../../../../core/client/rooms/reading/room-draft.ts";
import { createTables, type RoomKeysRow } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomRecord } from "../../../../../core/document/schema/groups.ts";
import { createLogReader } from "../../../../../core/log/log-reader.ts";
import { encodeRoomContext } from "../../../../../core/messenger/room/room-context.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";
import { createGroupWorld } from "../../../../support/group-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const logId = idFromBytes("log", filled(2));
const [ada, ben]: readonly AccountId[] = [
  idFromBytes("account", filled(3)),
  idFromBytes("account", filled(4)),
];

const roomWith = (generation: number, fromSeq: number): RoomRecord => {
  const seeds = { accessSeed: filled(5), roomKey: filled(6 + generation) };
  return { keys: { logId, generation, ...seeds, fromSeq, fromChain: filled(9) } } as unknown as RoomRecord;
};

/** A device that has read three entries of a log begun anew, in a group with these people, or in none. */
async function createCase(people: readonly (AccountId | undefined)[] | null) {
  const world = createGroupWorld("changeover");
  const founded = await world.found(world.device("ada", "laptop"));
  const context = encodeRoomContext({
    ...{ name: "Garden", about: "", keysSince: 0, lifetimeMs: null, history: null },
    members: (people ?? []).flatMap((accountId, at) =>
      accountId === undefined
        ? []
        : {
            ...({ accountId, role: at === 0 ? "owner" : "member", sinceEpoch: at, seq: 1 } as const),
            ...{ name: "", origin: "", head: idFromBytes("link", filled(0)), mutedUntilMs: null },
          },
    ),
  });
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const readers = createRoomReaders({ tables, store });
  const { point } = createLogReader(logId);
  const read = readers.put(createLogReader(logId, { ...point, incarnation: 1, seq: 3 }));
  good(
    await store.batch([
      read.write,
      tables.handshake.put([roomId], { last: idFromBytes("entry", filled(8)) }),
    ]),
  );
  read.commit();
  const done: unknown[] = [];
  const changeover = createRoomChangeover({
    context: { tables, store, identity: { accountId: ada } },
    book: {
      get: async () => ok(roomWith(0, 0)),
      keep: (_: unknown, row: RoomKeysRow) => ({
        write: tables.roomkeys.put([roomId], row),
        commit: () => done.push("keys"),
      }),
    },
    groups: {
      load: async () => ok(people === null ? null : { ...founded, context }),
      keep: (_: unknown, group: unknown) => done.push(group),
    },
    landmarks: {
      of: async () => ok([]),
      put: () => ({ write: tables.landmark.put([roomId], { places: [] }), commit: () => {} }),
    } as unknown as RoomLandmarks,
    anew: createRoomAnew(tables),
    readers,
    words: {
      sendUnread: async (_: unknown, { accountId }: { accountId: AccountId }, draft: RoomDraft) => {
        done.push("sends again", accountId, draft.reader.point.incarnation);
        draft.commits.push(() => done.push("sent again"));
        return ok();
      },
    },
    givingUp: {
      give: async (_: unknown, draft: RoomDraft, why: string) => {
        done.push("gives up", why, draft.group !== null);
        draft.group = null;
        return ok();
      },
    },
    onChanged: () => {},
  } as unknown as RoomChangeoverDeps);
  const gap = async () => good(await tables.roomgap.get(roomId));
  const after = async () => ({
    done,
    keys: good(await tables.roomkeys.get(roomId))?.generation,
    seq: good(await tables.reader.get(logId))?.point.seq,
    hasHandshake: good(await tables.handshake.get(roomId)) !== null,
  });
  return { changeover, after, gap };
}

const inGroup = (why: string) => ["sends again", ada, 1, "gives up", why, true, "keys", "sent again", null];
const IN_GROUP = inGroup("lost");

test("[RM30] [RM62] who goes on with a sibling's keys sends again what it said in the group that it gives up, and asks for what it did there", async () => {
  const { changeover, after } = await createCase([ada, ben]);
  good(await changeover.moveTo(roomId, roomWith(2, 0)));
  expect(await after()).toEqual({ done: IN_GROUP, keys: 2, seq: 3, hasHandshake: true });
});

test("[RM30] where a sibling's keys hold from another place, it goes on there", async () => {
  const { changeover, after } = await createCase([ada, ben]);
  good(await changeover.moveTo(roomId, roomWith(2, 7)));
  expect(await after()).toEqual({ done: IN_GROUP, keys: 2, seq: 7, hasHandshake: false });
});

test("[RM62] [RM68] so does who goes on with keys that somebody in the room has told, or an elder device has set, which shows that the groups came apart", async () => {
  for (const why of ["lost", "forked"] as const) {
    const { changeover, after } = await createCase([ada, ben]);
    const keys = { accessSeed: filled(5), roomKey: filled(7) };
    good(await changeover.takeKeys(roomId, roomWith(0, 0), keys, why));
    expect(await after()).toEqual({ done: inGroup(why), keys: 0, seq: 3, hasHandshake: true });
  }
});

test("[RM30] who is in no group, or not among its people, has nothing to send again", async () => {
  const none = await createCase(null);
  good(await none.changeover.moveTo(roomId, roomWith(2, 0)));
  expect((await none.after()).done).toEqual(["gives up", "lost", false, "keys", null]);
  const out = await createCase([ben]);
  good(await out.changeover.moveTo(roomId, roomWith(2, 0)));
  expect((await out.after()).done).toEqual(["gives up", "lost", true, "keys", null]);
});

test("[RM74] who was in the group notes once what was gone before it was read, and who was in none does not", async () => {
  const readTo = (seq: number) =>
    createLogReader(logId, { ...createLogReader(logId).point, incarnation: 1, seq });
  const { changeover, after, gap } = await createCase([ada, ben]);
  good(await changeover.passTrimmed(roomId, roomWith(0, 0), readTo(6), 9));
  good(await changeover.passTrimmed(roomId, roomWith(0, 0), readTo(9), 9));
  expect(await gap()).toEqual({ expectedSeq: 4, seq: 9 });
  expect(await after()).toMatchObject({ seq: 9 });
  const none = await createCase(null);
  good(await none.changeover.passTrimmed(roomId, roomWith(0, 0), readTo(9), 9));
  expect(await none.gap()).toBe(null);
  expect(await none.after()).toMatchObject({ seq: 9, done: [] });
});

test("[RM74] what was gone of a log is not told of the one that took its place", async () => {
  const { changeover, gap } = await createCase([ada, ben]);
  const readTo = createLogReader(logId, { ...createLogReader(logId).point, incarnation: 1, seq: 9 });
  good(await changeover.passTrimmed(roomId, roomWith(0, 0), readTo, 9));
  expect(await gap()).toEqual({ expectedSeq: 4, seq: 9 });
  const room = { ...roomWith(0, 0), standing: { standing: "joined" } } as RoomRecord;
  good(await changeover.enter(roomId, room, { incarnation: 2, logEpoch: null }));
  expect(await gap()).toBe(null);
});
