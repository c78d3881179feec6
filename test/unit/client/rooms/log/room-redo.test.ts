/** What is asked for again of a group that was given up. */
import { beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import { createRoomRedo } from "../../../../../core/client/rooms/log/room-redo.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomIntent, RoomPart } from "../../../../../core/document/schema/groups.ts";
import {
  encodeRoomContext,
  type RoomContext,
  type RoomRole,
} from "../../../../../core/messenger/room/room-context.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const roomId = idFromBytes("conversation", new Uint8Array(32).fill(7));
const account = (number: number): AccountId => idFromBytes("account", new Uint8Array(32).fill(number));
const [ada, ben, carl] = [account(1), account(2), account(3)] as const;
const head = idFromBytes("link", new Uint8Array(32));

type Member = readonly [AccountId, RoomRole, number];

const roomOf = (...members: readonly Member[]): RoomContext => ({
  ...{ name: "Garden", about: "", keysSince: 0, lifetimeMs: null, history: null },
  members: members.map(([accountId, role, sinceEpoch]) => ({
    ...{ accountId, role, sinceEpoch, name: "", origin: "", seq: 1, head, mutedUntilMs: null },
  })),
});

/** What Ada asks of the room who gave up `lost` in epoch 4, and had come the same way up to `forkedAfter`. */
async function asked(
  lost: RoomContext,
  room: RoomContext | null,
  {
    takenOut = [],
    forkedAfter = null,
  }: { readonly takenOut?: readonly AccountId[]; readonly forkedAfter?: number | null } = {},
) {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const intents: RoomIntent[] = [];
  const redo = createRoomRedo({
    context: {
      tables,
      identity: { accountId: ada },
      random: { bytes: (count: number) => new Uint8Array(count).fill(intents.length) },
      clock: { nowMs: () => 5 },
    } as never,
    book: {
      set: async (_, parts: ReadonlyMap<string, RoomPart>, { with: rows = [] } = {}) => {
        for (const part of parts.values()) if (part.type === "intent") intents.push(part.intent);
        return store.batch(rows);
      },
    },
    contextOf: async () => ok(room),
  });
  const context = encodeRoomContext(lost);
  good(await store.batch([tables.roomredo.put([roomId], { epoch: 4, context })]));
  if (forkedAfter !== null)
    good(await store.batch([tables.roomforked.put([roomId], { epoch: forkedAfter })]));
  for (const [index, accountId] of takenOut.entries())
    good(
      await store.batch([
        tables.happening.put([roomId, 6, index], {
          by: ada,
          atMs: 1,
          happening: { type: "removed", accountId, name: "" },
        }),
      ]),
    );
  const isDone = good(await redo(roomId));
  expect(good(await redo(roomId))).toBe(false);
  return isDone ? intents : null;
}

const self: Member = [ada, "owner", 0];

test("[RM62] whom a device has followed out of a group that it gave up is taken out again, and nobody else who is not in that", async () => {
  const lost = roomOf(self);
  const room = roomOf(self, [ben, "member", 4], [carl, "member", 4]);
  expect(await asked(lost, room, { takenOut: [ben] })).toEqual([{ type: "remove", accountId: ben }]);
  expect(await asked(lost, room)).toEqual([]);
  // Who came in after they parted is none of those.
  expect(await asked(lost, roomOf(self, [ben, "member", 5]), { takenOut: [ben] })).toEqual([]);
});

test("[RM62] who had come into a group that came apart from others comes in again, and nobody whom others have taken out", async () => {
  const lost = roomOf(self, [ben, "moderator", 3], [carl, "member", 2]);
  const apart = { forkedAfter: 2 };
  expect(await asked(lost, roomOf(self), apart)).toEqual([
    { type: "invite", accountId: ben, role: "moderator" },
  ]);
  expect(await asked(lost, roomOf(self, [ben, "member", 6]), apart)).toEqual([]);
  // One that was lost had come the same way as those that others have.
  expect(await asked(lost, roomOf(self))).toEqual([]);
});

test("[RM62] nothing is asked for that the role does not allow", async () => {
  const owner: Member = [account(9), "owner", 0];
  const apart = { forkedAfter: 2 };
  const lost = roomOf([ada, "moderator", 0], [ben, "member", 3], [carl, "moderator", 3], owner);
  expect(await asked(lost, roomOf([ada, "moderator", 0], owner), apart)).toEqual([
    { type: "invite", accountId: ben, role: "member" },
  ]);
  expect(await asked(lost, roomOf([ada, "member", 0], owner), apart)).toEqual([]);
  expect(await asked(lost, roomOf(owner), apart)).toEqual([]);
});

test("[RM62] what is to be asked for waits until the device is in a group", async () => {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  good(
    await store.batch([
      tables.roomredo.put([roomId], { epoch: 4, context: encodeRoomContext(roomOf(self)) }),
    ]),
  );
  const redo = createRoomRedo({
    context: { tables } as never,
    book: { set: async () => ok() },
    contextOf: async () => ok(null),
  });
  expect(good(await redo(roomId))).toBe(false);
  expect(good(await tables.roomredo.get(roomId))).not.toBe(null);
});
