/** What is asked for again of a group that was given up. */
import { beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ROOM_INTENTS_MAX } from "../../../../../core/base/limits.ts";
import { ok } from "../../../../../core/base/result.ts";
import { createRoomRedo } from "../../../../../core/client/rooms/log/room-redo.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomIntent, RoomPart, RoomRecord } from "../../../../../core/document/schema/groups.ts";
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

interface Case {
  /** As it was given up, in epoch 4. */
  readonly lost: RoomContext;
  /** Null while the device is in no group. */
  readonly now: RoomContext | null;
  readonly gone?: readonly AccountId[];
  readonly came?: readonly AccountId[];
  readonly isCalled?: boolean;
  readonly intentCount?: number;
  readonly known?: readonly object[];
  readonly state?: "accepted" | "blocked";
}

/** What Ada asks of the room, and whether anything is left to be asked. */
async function asked({ lost, now, gone = [], came = [], ...rest }: Case) {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const intents: RoomIntent[] = [];
  let drawn = 0;
  const others = Array.from({ length: rest.intentCount ?? 0 }, () => ({
    intent: { type: "name", name: "" },
  }));
  const redo = createRoomRedo({
    context: {
      tables,
      identity: { accountId: ada },
      random: { bytes: (count: number) => new Uint8Array(count).fill(drawn++) },
      clock: { nowMs: () => 5 },
    } as never,
    book: {
      get: async () => ok({ intents: [...(rest.known ?? []), ...others] } as unknown as RoomRecord),
      set: async (_, parts: ReadonlyMap<string, RoomPart>, { with: rows = [] } = {}) => {
        for (const part of parts.values()) if (part.type === "intent") intents.push(part.intent);
        return store.batch(rows);
      },
    },
    contacts: { get: async () => ok({ state: rest.state ?? "accepted", conversationId: roomId } as never) },
    calling: { of: async () => ok(rest.isCalled === true ? ({} as never) : null) },
    contextOf: async () => ok(now),
  });
  const context = encodeRoomContext(lost);
  good(
    await store.batch([
      tables.roomredo.put([roomId], { epoch: 4, context }),
      tables.roomdone.put([roomId], { gone, came }),
    ]),
  );
  const hasDone = good(await redo(roomId));
  const isLeft = good(await tables.roomredo.get(roomId)) !== null;
  expect(good(await tables.roomdone.get(roomId)) !== null).toBe(isLeft);
  expect(hasDone).toBe(!isLeft || intents.length > 0);
  if (isLeft && intents.length > 0) return { intents, isLeft };
  return isLeft ? "waits" : intents;
}

const self: Member = [ada, "owner", 0];

test("[RM62] whom a device has followed out of a group that it gave up is taken out again, unless they came in later", async () => {
  const lost = roomOf(self);
  const now = roomOf(self, [ben, "member", 4], [carl, "member", 4]);
  expect(await asked({ lost, now, gone: [ben] })).toEqual([{ type: "remove", accountId: ben }]);
  expect(await asked({ lost, now })).toEqual([]);
  expect(await asked({ lost, now: roomOf(self, [ben, "member", 5]), gone: [ben] })).toEqual([]);
  expect(await asked({ lost, now: roomOf(self), gone: [ben] })).toEqual([]);
});

test("[RM62] whom this account had let into a group that came apart from others comes in again, as a contact", async () => {
  const lost = roomOf(self, [ben, "moderator", 3], [carl, "member", 3]);
  const came = [ben, carl];
  const both = [
    { type: "invite", accountId: ben, role: "moderator" },
    { type: "invite", accountId: carl, role: "member" },
  ];
  expect(await asked({ lost, now: roomOf(self), came })).toEqual(both);
  expect(await asked({ lost, now: roomOf(self, [ben, "member", 6]), came })).toEqual(both.slice(1));
  expect(await asked({ lost, now: roomOf(self), came, state: "blocked" })).toEqual([]);
  expect(await asked({ lost, now: roomOf(self) })).toEqual([]);
});

test("[RM62] what finds no room among a room's intents waits, and what is asked for already is not asked for again", async () => {
  const lost = roomOf(self, [ben, "member", 3], [carl, "member", 3]);
  const all = { lost, now: roomOf(self), came: [ben, carl] };
  const one = (accountId: AccountId) => ({ type: "invite", accountId, role: "member" });
  expect(await asked({ ...all, intentCount: ROOM_INTENTS_MAX - 2 })).toEqual([one(ben), one(carl)]);
  expect(await asked({ ...all, intentCount: ROOM_INTENTS_MAX - 1 })).toEqual({
    intents: [one(ben)],
    isLeft: true,
  });
  expect(await asked({ ...all, intentCount: ROOM_INTENTS_MAX })).toBe("waits");
  const known = [{ intent: { type: "invite", accountId: ben, role: "member" } }];
  expect(await asked({ ...all, known })).toEqual([one(carl)]);
});

test("[RM62] nothing is asked for that the role does not allow", async () => {
  const owner: Member = [account(9), "owner", 0];
  const lost = roomOf([ada, "moderator", 0], [ben, "member", 3], [carl, "moderator", 3], owner);
  const came = [ben, carl];
  const now = roomOf([ada, "moderator", 0], owner);
  expect(await asked({ lost, now, came })).toEqual([{ type: "invite", accountId: ben, role: "member" }]);
  expect(await asked({ lost, now: roomOf([ada, "member", 0], owner), came })).toEqual([]);
  expect(await asked({ lost, now: roomOf(owner), came })).toEqual([]);
});

test("[RM62] [RM72] it waits until the device is in a group that it was not called into", async () => {
  const lost = roomOf(self, [ben, "member", 3]);
  expect(await asked({ lost, now: null, came: [ben] })).toBe("waits");
  expect(await asked({ lost, now: roomOf(self), came: [ben], isCalled: true })).toBe("waits");
});
