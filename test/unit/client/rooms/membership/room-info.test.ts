/** What own devices are told of a room. */
import { beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../../../../core/base/ids.ts";
import {
  agreedOf,
  isAsOffered,
  otherOf,
  shownName,
  insideOf,
  isBegunAlone,
  isNews,
  newsOf,
  TOLD_AT_ONCE_MEMBERS_MAX,
  TOLD_SHARE,
} from "../../../../../core/client/rooms/membership/room-info.ts";
import { ROOM_AGREED_BYTES_MAX, ROOM_INSIDE_DEVICES_MAX } from "../../../../../core/base/limits.ts";
import { NO_ENTRY } from "../../../../../core/client/rooms/log/room-landmarks.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomRecord } from "../../../../../core/document/schema/groups.ts";
import type { Group } from "../../../../../core/group/group.ts";
import {
  encodeRoomContext,
  parseRoomContext,
  type RoomContext,
} from "../../../../../core/messenger/room/room-context.ts";
import { good } from "../../../../support/client-world.ts";
import { createGroupWorld } from "../../../../support/group-world.ts";

beforeAll(cryptoReady);

type Info = Parameters<typeof isNews>[1];

const account = (number: number): AccountId =>
  idFromBytes("account", new Uint8Array(32).fill(number % 256).fill(number >> 8, 0, 1));
const SELF = account(0);

/** A room of so many, of whom the last `changed` are called otherwise. */
function infoOf(count: number, changed = 0, more: Partial<Info> = {}): Info {
  const members = Array.from({ length: count }, (_, at) => ({
    accountId: account(at),
    name: at >= count - changed ? "Anew" : "Before",
    role: "member" as const,
    mutedUntilMs: null,
  }));
  return { type: "info", epoch: 1, name: "Garden", about: "", members, ...more };
}

test(`[RM48] a change is told at once of up to ${TOLD_AT_ONCE_MEMBERS_MAX} members, of more when over a ${TOLD_SHARE}th changed`, () => {
  const small = TOLD_AT_ONCE_MEMBERS_MAX;
  expect(isNews(infoOf(small), infoOf(small, 1), SELF)).toBe(true);
  expect(isNews(infoOf(small), infoOf(small - 1), SELF)).toBe(true);
  // With one more it is a large one.
  expect(isNews(infoOf(small), infoOf(small + 1), SELF)).toBe(false);
  const large = 20 * TOLD_SHARE;
  expect(isNews(infoOf(large), infoOf(large, 20), SELF)).toBe(false);
  expect(isNews(infoOf(large), infoOf(large, 21), SELF)).toBe(true);
  expect(isNews(infoOf(large), infoOf(large - 21), SELF)).toBe(true);
});

test("[RM48] what is as it was told is not told again; a name, a description and what becomes of oneself always are", () => {
  const large = 20 * TOLD_SHARE;
  expect(isNews(null, infoOf(large), SELF)).toBe(true);
  for (const count of [2, large]) {
    expect(isNews(infoOf(count), infoOf(count, 0, { epoch: 2 }), SELF)).toBe(false);
    expect(isNews(infoOf(count), infoOf(count, 0, { name: "Yard" }), SELF)).toBe(true);
    expect(isNews(infoOf(count), infoOf(count, 0, { about: "Beds" }), SELF)).toBe(true);
    expect(isNews(infoOf(count), infoOf(count, 1), account(count - 1))).toBe(true);
  }
  const { members } = infoOf(large);
  expect(isNews(infoOf(large), infoOf(large, 0, { members: members.slice(1) }), SELF)).toBe(true);
});

test("[RM72] a large room is told of once more to ask for whom the group lacks", async () => {
  const world = createGroupWorld("lacks");
  const group = await world.found(world.device("ada", "laptop"));
  const head = idFromBytes("link", new Uint8Array(32));
  const { members, ...info } = infoOf(TOLD_AT_ONCE_MEMBERS_MAX + 1, 0, { name: "" });
  const room = { info: { ...info, members } } as unknown as RoomRecord;
  const now = {
    ...{ name: "", about: "", keysSince: 0, lifetimeMs: null, history: null },
    members: members.slice(1).map((member) => ({ ...member, origin: "", sinceEpoch: 0, seq: 1, head })),
  };
  const self = account(1);
  const told = (lacksKnown: boolean) =>
    newsOf(room, group, now, { handshake: NO_ENTRY, self, lacksKnown }).get("info");
  expect(told(false)).toBe(undefined);
  expect(told(true)).toMatchObject({ type: "info", members: members.slice(1) });
});

test(`[RM64] of a group that is this account's alone its devices are told, up to ${ROOM_INSIDE_DEVICES_MAX}`, async () => {
  const world = createGroupWorld("inside");
  const small = await world.found(world.device("ada", "laptop"));
  const withLeaves = (count: number): Group => {
    const [leaf] = small.state.ratchetTree;
    const ratchetTree = Array.from({ length: count * 2 - 1 }, (_, at) => (at % 2 === 0 ? leaf : undefined));
    return { ...small, state: { ...small.state, ratchetTree } };
  };
  const room = { name: "", about: "", keysSince: 0, lifetimeMs: null, history: null };
  const member = { accountId: SELF, name: "", origin: "", role: "owner", sinceEpoch: 0, seq: 1 } as const;
  const head = idFromBytes("link", new Uint8Array(32));
  const alone = { ...room, members: [{ ...member, head, mutedUntilMs: null }] };
  const told = (count: number, now = alone) => insideOf(withLeaves(count), now, NO_ENTRY);
  expect(told(1)).toMatchObject({ type: "inside", epoch: 0, handshake: NO_ENTRY });
  expect(told(ROOM_INSIDE_DEVICES_MAX - 1)?.devices).toHaveLength(ROOM_INSIDE_DEVICES_MAX - 1);
  expect(told(ROOM_INSIDE_DEVICES_MAX)?.devices).toHaveLength(ROOM_INSIDE_DEVICES_MAX);
  expect(told(ROOM_INSIDE_DEVICES_MAX + 1)).toBe(null);
  expect(told(1, { ...alone, members: [...alone.members, ...alone.members] })).toBe(null);
});

test(`[RM69] of a room with others in it the eldest's devices are told what it agrees on, of up to ${ROOM_AGREED_BYTES_MAX} bytes`, async () => {
  const group = await createGroupWorld("agreed").found(createGroupWorld("agreed").device("ada", "laptop"));
  const head = idFromBytes("link", new Uint8Array(32));
  const member = (number: number, sinceEpoch: number) => ({
    ...{ accountId: account(number), name: "", origin: "", role: "owner" as const },
    ...{ sinceEpoch, seq: 1, head, mutedUntilMs: null },
  });
  const roomOf = (about: string) => ({
    ...{ name: "Garden", about, keysSince: 0, lifetimeMs: null, history: null },
    members: [member(0, 4), member(1, 3), member(2, 3)],
  });
  const told = (number: number, about = "") =>
    agreedOf(group, roomOf(about), { handshake: NO_ENTRY, self: account(number) });
  // The earlier membership, then the lower id.
  expect([told(0), told(2)]).toEqual([null, null]);
  const { context, ...at } = told(1) ?? { context: new Uint8Array() };
  expect(at).toEqual({ type: "agreed", epoch: 0, handshake: NO_ENTRY });
  expect(good(parseRoomContext(context))).toEqual(roomOf(""));
  const alone = { ...roomOf(""), members: [member(1, 3)] };
  expect(agreedOf(group, alone, { handshake: NO_ENTRY, self: account(1) })).toBe(null);
  // A text of 256 bytes and more has a head of three.
  const rest = ROOM_AGREED_BYTES_MAX - encodeRoomContext(roomOf("a".repeat(256))).length + 256;
  for (const less of [1, 0])
    expect(told(1, "a".repeat(rest - less))?.context).toHaveLength(ROOM_AGREED_BYTES_MAX - less);
  expect(told(1, "a".repeat(rest + 1))).toBe(null);
});

test("[RM69] a group with one account's devices alone, though others are in the room, is one that was begun anew", async () => {
  const world = createGroupWorld("begun");
  const laptop = world.device("ada", "laptop");
  const group = await world.found(laptop);
  const head = idFromBytes("link", new Uint8Array(32));
  const { accountId } = laptop.member;
  const member = {
    name: "",
    origin: "",
    role: "owner" as const,
    sinceEpoch: 0,
    seq: 1,
    head,
    mutedUntilMs: null,
  };
  const room = { name: "", about: "", keysSince: 0, lifetimeMs: null, history: null };
  const two = {
    ...room,
    members: [
      { ...member, accountId },
      { ...member, accountId: account(9) },
    ],
  };
  expect(isBegunAlone(group, two, accountId)).toBe(true);
  expect(isBegunAlone(group, two, account(9))).toBe(false);
  expect(isBegunAlone(group, { ...two, members: two.members.slice(0, 1) }, accountId)).toBe(false);
});

test("[RM70] with whom a conversation of two was stays known, and is shown by what they are called here", () => {
  const both = infoOf(2, 0, { name: "" });
  expect(isNews(infoOf(1, 0, { name: "" }), both, SELF)).toBe(true);
  expect(isNews(both, infoOf(1, 0, { name: "" }), SELF)).toBe(false);
  const standing = { standing: "joined", since: 0, by: null, atMs: 0 } as const;
  const asked = {
    key: "intent",
    intent: { type: "invite", accountId: account(7), role: "owner" },
    order: 0,
  } as const;
  const nameOf = (id: AccountId) => (id === account(1) ? "Ben" : undefined);
  const named = (room: Parameters<typeof otherOf>[0]) => shownName(room, SELF, nameOf);
  expect(named({ info: infoOf(2), standing, intents: [] })).toBe("Garden");
  expect(named({ info: both, standing, intents: [] })).toBe("Ben (MLS)");
  expect(shownName({ info: both, standing, intents: [] }, SELF, () => undefined)).toBe("Before (MLS)");
  const alone = infoOf(1, 0, { name: "" });
  expect(otherOf({ info: alone, standing: { ...standing, by: account(1) }, intents: [] }, SELF)).toBe(
    account(1),
  );
  expect(otherOf({ info: alone, standing, intents: [asked] }, SELF)).toBe(account(7));
  expect(named({ info: alone, standing, intents: [] })).toBe("MLS");
});

test("[RM70] who is asked into a conversation of two comes into one with who asked, and into nothing else", () => {
  const room = (name: string, ...ids: readonly number[]): RoomContext => ({
    ...{ name, about: "", keysSince: 0, lifetimeMs: null, history: null },
    members: ids.map((id) => ({
      ...{ accountId: account(id), name: "", origin: "https://one.example", role: "owner" },
      ...{ sinceEpoch: 0, seq: 1, head: idFromBytes("link", new Uint8Array(32)), mutedUntilMs: null },
    })),
  });
  const standing = { standing: "invited", since: 1, by: account(1), atMs: 0 } as const;
  const offered = { info: infoOf(0, 0, { name: "" }), standing };
  expect(isAsOffered(offered, room("", 0, 1))).toBe(true);
  expect(isAsOffered(offered, room("", 0, 2))).toBe(false);
  expect(isAsOffered(offered, room("Garden", 0, 1))).toBe(false);
  expect(isAsOffered({ info: infoOf(0), standing }, room("Garden", 0, 2))).toBe(true);
  expect(isAsOffered({ info: null, standing }, room("Garden", 0, 2))).toBe(true);
});
