/** The rules of a room: who may change what, by role, and what no role allows. */
import { beforeAll, describe, expect, test } from "vitest";
import type { AccountId } from "../../../../core/base/ids.ts";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import {
  encodeRoomContext,
  parseRoomContext,
  ROOM_ROLES,
  roomContextShape,
  type RoomContext,
  type RoomMember,
  type RoomRole,
} from "../../../../core/messenger/room/room-context.ts";
import {
  ROOM_ABOUT_BYTES_MAX,
  ROOM_ACCOUNTS_MAX,
  ROOM_LIFETIME_MS_MAX,
  ROOM_LIFETIME_MS_MIN,
  ROOM_NAME_BYTES_MAX,
  ROOM_OF_TWO_ACCOUNTS_MAX,
} from "../../../../core/base/limits.ts";
import {
  judgeRoomChange,
  type RoomChange,
  type RoomDevice,
  type RoomRule,
} from "../../../../core/messenger/room/room-rules.ts";

beforeAll(cryptoReady);

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const account = (byte: number): AccountId => idFromBytes("account", filled(byte));
const device = (byte: number): RoomDevice => ({
  accountId: account(byte),
  deviceId: idFromBytes("device", filled(byte, 16)),
});
const member = (byte: number, role: RoomRole): RoomMember => ({
  accountId: account(byte),
  name: `member ${byte}`,
  origin: "https://one.example",
  role,
  sinceEpoch: byte,
  seq: 1,
  head: idFromBytes("link", filled(byte)),
  mutedUntilMs: null,
});
/** The one who acts is 1; the others are an owner, an admin, a moderator and a member. */
const ACTOR = 1;
const OTHERS: Readonly<Record<RoomRole, number>> = { owner: 2, admin: 3, moderator: 4, member: 5 };
const STRANGER = 9;

function roomOf(actor: RoomRole): RoomContext {
  return {
    name: "before",
    about: "",
    keysSince: 0,
    lifetimeMs: null,
    history: null,
    members: [member(ACTOR, actor), ...ROOM_ROLES.map((role) => member(OTHERS[role], role))],
  };
}

function change(before: RoomContext, after: RoomContext, more: Partial<RoomChange> = {}): RoomChange {
  const added = after.members
    .filter(({ accountId }) => !before.members.some((one) => one.accountId === accountId))
    .map(({ accountId }) => ({ accountId, deviceId: device(STRANGER).deviceId }));
  const removed =
    more.removed ??
    before.members
      .filter(({ accountId }) => !after.members.some((one) => one.accountId === accountId))
      .map(({ accountId }) => ({ accountId, deviceId: device(ACTOR).deviceId }));
  return {
    before,
    // As whoever makes a commit does it; a case of its own says otherwise.
    after: removed.length > 0 && after.keysSince === before.keysSince ? { ...after, keysSince: 21 } : after,
    epoch: 20,
    committer: device(ACTOR),
    added,
    removed,
    leaves: after.members.map(({ accountId }) => ({ accountId, deviceId: device(ACTOR).deviceId })),
    isActiveAt: () => true,
    isOnChain: () => true,
    hasLeft: () => false,
    ...more,
  };
}

const edit = (room: RoomContext, byte: number, to: Partial<RoomMember>): RoomContext => ({
  ...room,
  members: room.members.map((one) => (one.accountId === account(byte) ? { ...one, ...to } : one)),
});
const without = (room: RoomContext, byte: number): RoomContext => ({
  ...room,
  members: room.members.filter(({ accountId }) => accountId !== account(byte)),
});
const withNew = (room: RoomContext, role: RoomRole): RoomContext => ({
  ...room,
  members: [...room.members, { ...member(STRANGER, role), sinceEpoch: 21 }],
});

/** A conversation of so many: 1 acts. */
function ofTwo(people: number): RoomContext {
  const members = Array.from({ length: people }, (_, index) => member(index + 1, "owner"));
  return { ...roomOf("owner"), name: "", members };
}

const ABOVE: Readonly<Record<RoomRole, readonly RoomRole[]>> = {
  member: [],
  moderator: ["member"],
  admin: ["member", "moderator"],
  owner: ["member", "moderator", "admin"],
};

describe("what a role may change", () => {
  const cases = ROOM_ROLES.flatMap((actor) =>
    ROOM_ROLES.flatMap((target) => ROOM_ROLES.map((to) => ({ actor, target, to }))),
  );

  test.each(ROOM_ROLES)("[RM6] the name, the description and the lifetime of messages: %s", (actor) => {
    const room = roomOf(actor);
    const isAdmin = actor === "admin" || actor === "owner";
    expect(judgeRoomChange(change(room, { ...room, name: "after" }))).toBe(isAdmin ? null : "name");
    expect(judgeRoomChange(change(room, { ...room, about: "after" }))).toBe(isAdmin ? null : "about");
    const hour = { ...room, lifetimeMs: ROOM_LIFETIME_MS_MIN };
    for (const [before, lifetimeMs] of [
      [room, ROOM_LIFETIME_MS_MIN],
      [hour, ROOM_LIFETIME_MS_MAX],
      [hour, null],
    ] as const)
      expect(judgeRoomChange(change(before, { ...before, lifetimeMs }))).toBe(isAdmin ? null : "lifetime");
    // Together with what a role may do, it is refused all the same.
    const muted = edit(hour, OTHERS.member, { mutedUntilMs: 1 });
    if (!isAdmin) expect(judgeRoomChange(change(room, muted))).toBe("lifetime");
  });

  test.each(ROOM_ROLES)("[RM6][RM39][RM40] what newcomers get, and nothing but what follows: %s", (actor) => {
    const room = roomOf(actor);
    const may = actor === "admin" || actor === "owner" ? null : ("history" as const);
    const week = { days: 7, since: 21, former: [] };
    const given = { ...room, history: { ...week, since: 4 } };
    expect(judgeRoomChange(change(room, { ...room, history: week }))).toBe(may);
    expect(judgeRoomChange(change(given, { ...given, history: null }))).toBe(may);
    expect(judgeRoomChange(change(given, { ...given, history: { ...given.history, days: 6 } }))).toBe(may);
    // Not from earlier on, not wider from where it was, and nobody slipped in.
    for (const since of [1, 20, 22])
      expect(judgeRoomChange(change(room, { ...room, history: { ...week, since } }))).toBe("history");
    expect(judgeRoomChange(change(given, { ...given, history: { ...given.history, days: null } }))).toBe(
      "history",
    );
    expect(judgeRoomChange(change(given, { ...given, history: { ...given.history, since: 3 } }))).toBe(
      "history",
    );
    const { sinceEpoch, mutedUntilMs: _, role: __, ...who } = member(OTHERS.member, "member");
    const former = [{ ...who, since: sinceEpoch, until: 21 }];
    const slipped = { ...given, history: { ...given.history, former } };
    expect(judgeRoomChange(change(given, slipped))).toBe("history");
    if (actor === "member") return;
    const gone = without(given, OTHERS.member);
    expect(judgeRoomChange(change(given, { ...gone, history: { ...given.history, former } }))).toBe(null);
    expect(judgeRoomChange(change(given, gone))).toBe("history");
  });

  test.each(cases.filter(({ to }) => to === "member"))(
    "[RM7][RM9] who is removed or muted: $actor, $target",
    ({ actor, target }) => {
      const room = roomOf(actor);
      const may = ABOVE[actor].includes(target);
      expect(judgeRoomChange(change(room, without(room, OTHERS[target])))).toBe(
        may ? null : "remove-account",
      );
      const muted = edit(room, OTHERS[target], { mutedUntilMs: 1 });
      expect(judgeRoomChange(change(room, muted))).toBe(may ? null : "mute");
    },
  );

  test("[RM29] the keys of the log change with whoever goes, to those of the new epoch, and at no other time", () => {
    const room = { ...roomOf("owner"), keysSince: 12 };
    const [leaf] = change(room, without(room, OTHERS.member)).removed;
    if (leaf === undefined) throw new Error("somebody goes");
    const after = without(room, OTHERS.member);
    expect(judgeRoomChange(change(room, { ...after, keysSince: 21 }))).toBe(null);
    for (const keysSince of [0, 11, 20, 22])
      expect(judgeRoomChange(change(room, { ...after, keysSince })), String(keysSince)).toBe("keys");
    const kept = { ...change(room, after), after };
    expect(judgeRoomChange(kept)).toBe("keys");
    expect(judgeRoomChange(change(room, { ...room, keysSince: 21 }))).toBe("keys");
    expect(judgeRoomChange(change(room, { ...room, keysSince: 13, name: "after" }))).toBe("keys");
  });

  test.each(cases)("[RM9] a role: $actor makes $target $to", ({ actor, target, to }) => {
    const room = roomOf(actor);
    const changed = edit(room, OTHERS[target], { role: to });
    const may =
      target === to ||
      (actor === "owner" && target !== "owner") ||
      (actor === "admin" && ABOVE.admin.includes(target) && ABOVE.admin.includes(to));
    expect(judgeRoomChange(change(room, changed))).toBe(may ? null : "role");
  });

  test.each(ROOM_ROLES.flatMap((actor) => ROOM_ROLES.map((to) => ({ actor, to }))))(
    "[RM9] their own role: $actor to $to",
    ({ actor, to }) => {
      const room = roomOf(actor);
      const may = actor === to || ABOVE[actor].includes(to);
      expect(judgeRoomChange(change(room, edit(room, ACTOR, { role: to })))).toBe(may ? null : "role");
    },
  );

  test.each(ROOM_ROLES.flatMap((actor) => ROOM_ROLES.map((to) => ({ actor, to }))))(
    "[RM8] who is let in: $actor adds a new $to",
    ({ actor, to }) => {
      const room = roomOf(actor);
      const may = actor !== "member" && (to === "member" || ABOVE[actor].includes(to));
      expect(judgeRoomChange(change(room, withNew(room, to)))).toBe(may ? null : "add-account");
    },
  );
});

describe("what no role allows", () => {
  const room = roomOf("owner");
  const refused = (after: RoomContext, more: Partial<RoomChange> = {}): RoomRule | null =>
    judgeRoomChange(change(room, after, more));

  test("[RM3] a committer who is no member, or whose device is not active", () => {
    expect(refused(room, { committer: device(STRANGER) })).toBe("committer");
    expect(refused(room, { isActiveAt: ({ accountId }) => accountId !== account(ACTOR) })).toBe("committer");
  });

  test("[RM4] a leaf without its account, or of a device that is not active", () => {
    expect(refused(room, { added: [device(STRANGER)], leaves: [device(STRANGER)] })).toBe("leaf");
    expect(refused(room, { leaves: [device(ACTOR), device(STRANGER)] })).toBe("leaf");
    const dead = device(OTHERS.member);
    const isActiveAt = ({ deviceId }: RoomDevice) => deviceId !== dead.deviceId;
    expect(refused(room, { added: [dead], isActiveAt })).toBe("leaf");
    expect(refused(without(room, OTHERS.member), { removed: [], leaves: [dead] })).toBe("leaf");
  });

  test("[RM5] a leaf that goes alone, but a revoked one, or one that comes again", () => {
    const leaf = device(OTHERS.admin);
    expect(refused(room, { removed: [leaf] })).toBe("removal");
    expect(refused(room, { removed: [leaf], added: [leaf] })).toBe(null);
    expect(refused(room, { removed: [leaf], isActiveAt: (one) => one.deviceId !== leaf.deviceId })).toBe(
      null,
    );
  });

  test("[RM7] somebody is out by their own word at whoever's hand, and by an old word not", () => {
    const plain = roomOf("member");
    const gone = without(plain, OTHERS.owner);
    const hasLeft = (accountId: AccountId, since: number) =>
      accountId === account(OTHERS.owner) && since === OTHERS.owner;
    const heir = edit(gone, OTHERS.admin, { role: "owner" });
    expect(judgeRoomChange(change(plain, heir, { hasLeft }))).toBe(null);
    expect(judgeRoomChange(change(plain, heir, { hasLeft: () => false }))).toBe("remove-account");
    const again = edit(plain, OTHERS.owner, { sinceEpoch: 12 });
    expect(
      judgeRoomChange(
        change(again, edit(without(again, OTHERS.owner), OTHERS.admin, { role: "owner" }), { hasLeft }),
      ),
    ).toBe("remove-account");
  });

  test("[RM10] a room without an owner, or with another heir than the first", () => {
    const plain = roomOf("member");
    const gone = without(plain, OTHERS.owner);
    const hasLeft = (accountId: AccountId) => accountId === account(OTHERS.owner);
    expect(judgeRoomChange(change(plain, gone, { hasLeft }))).toBe("owner");
    expect(judgeRoomChange(change(plain, edit(gone, OTHERS.moderator, { role: "owner" }), { hasLeft }))).toBe(
      "role",
    );
    expect(judgeRoomChange(change(plain, edit(gone, ACTOR, { role: "owner" }), { hasLeft }))).toBe("role");
    const alone: RoomContext = {
      ...room,
      members: [member(ACTOR, "owner"), member(OTHERS.member, "member")],
    };
    expect(judgeRoomChange(change(alone, edit(alone, ACTOR, { role: "admin" })))).toBe("owner");
  });

  test("[RM9] what of a member never changes, and a chain that goes back or is another", () => {
    const later = edit(room, OTHERS.member, { seq: 5 });
    const to = (changes: Partial<RoomMember>) => refused(edit(room, OTHERS.member, changes));
    expect(to({ sinceEpoch: 20 })).toBe("member");
    expect(to({ origin: "https://two.example" })).toBe("member");
    expect(to({ head: idFromBytes("link", filled(77)) })).toBe("member");
    expect(to({ name: "another" })).toBe("member");
    expect(judgeRoomChange(change(later, room))).toBe("member");
    expect(judgeRoomChange(change(room, later))).toBe(null);
    expect(judgeRoomChange(change(room, later, { isOnChain: () => false }))).toBe("member");
    expect(refused(edit(room, ACTOR, { name: "mine" }))).toBe(null);
  });

  test("[RM8] a newcomer who was there before, is muted, without a device, or not on their chain", () => {
    const came = withNew(room, "member");
    expect(judgeRoomChange(change(room, edit(came, STRANGER, { sinceEpoch: 20 })))).toBe("add-account");
    expect(judgeRoomChange(change(room, edit(came, STRANGER, { mutedUntilMs: 1 })))).toBe("add-account");
    expect(judgeRoomChange(change(room, came, { added: [] }))).toBe("add-account");
    expect(
      judgeRoomChange(change(room, came, { isOnChain: ({ accountId }) => accountId !== account(STRANGER) })),
    ).toBe("add-account");
  });
});

test("[RM70] a conversation of two gets no name, a room loses none, and whoever comes owns it", () => {
  const both = ofTwo(2);
  const come = (role: RoomRole): RoomContext => ({
    ...ofTwo(1),
    members: [...ofTwo(1).members, { ...member(STRANGER, role), sinceEpoch: 21 }],
  });
  expect(judgeRoomChange(change(ofTwo(1), come("owner")))).toBe(null);
  expect(judgeRoomChange(change(both, { ...both, name: "Garden" }))).toBe("name");
  const named = { ...both, name: "Garden" };
  expect(judgeRoomChange(change(named, both))).toBe("name");
  expect(judgeRoomChange(change(both, { ...both, lifetimeMs: ROOM_LIFETIME_MS_MIN }))).toBe(null);
  expect(judgeRoomChange(change(both, without(both, 2)))).toBe("remove-account");
  expect(judgeRoomChange(change(both, without(both, 2), { hasLeft: () => true }))).toBe(null);
});

describe("a context", () => {
  test("[RM1] comes back as it was; members are in order, once each", () => {
    const unsorted = roomOf("owner");
    const members = [...unsorted.members].sort((a, b) => (a.accountId < b.accountId ? -1 : 1));
    const room = { ...unsorted, members };
    const bytes = encodeRoomContext(unsorted);
    expect(parseRoomContext(bytes)).toEqual({ ok: true, value: room });
    const limited = { ...room, lifetimeMs: ROOM_LIFETIME_MS_MIN };
    // In which messages stay for ever, it is as it was before there were lifetimes.
    const { lifetimeMs: _, ...rest } = room;
    expect(bytes).toEqual(encode(roomContextShape, { version: 1, ...rest }));
    expect(parseRoomContext(encodeRoomContext(limited))).toEqual({ ok: true, value: limited });
    const twice = encodeRoomContext({ ...room, members: [...room.members, member(ACTOR, "member")] });
    expect(parseRoomContext(twice)).toMatchObject({ error: { type: "BadRoomContext", rule: "order" } });
  });

  test("[RM1] has an owner and a name, and is nothing else", () => {
    const plain = without(roomOf("member"), OTHERS.owner);
    expect(parseRoomContext(encodeRoomContext(plain))).toMatchObject({ error: { rule: "owner" } });
    const nameless = encodeRoomContext({ ...roomOf("owner"), name: "" });
    expect(parseRoomContext(nameless)).toMatchObject({ error: { rule: "of-two" } });
    expect(parseRoomContext(filled(1)).ok).toBe(false);
  });

  test("[RM70] without a name is of two, who own it, and says nothing else", () => {
    expect(ROOM_OF_TWO_ACCOUNTS_MAX).toBe(2);
    for (const people of [1, 2])
      expect(parseRoomContext(encodeRoomContext(ofTwo(people)))).toEqual({ ok: true, value: ofTwo(people) });
    const limited = { ...ofTwo(2), lifetimeMs: ROOM_LIFETIME_MS_MIN };
    expect(parseRoomContext(encodeRoomContext(limited)).ok).toBe(true);
    const history = { days: null, since: 1, former: [] };
    for (const other of [
      ofTwo(3),
      { ...ofTwo(2), about: "for us" },
      { ...ofTwo(2), history },
      edit(ofTwo(2), 2, { role: "admin" as const }),
    ])
      expect(parseRoomContext(encodeRoomContext(other))).toMatchObject({ error: { rule: "of-two" } });
  });

  test("[RM1] holds what its limits say, and no more", () => {
    const room = roomOf("owner");
    const holds = (changed: RoomContext): boolean => {
      try {
        return parseRoomContext(encodeRoomContext(changed)).ok;
      } catch {
        return false;
      }
    };
    expect(holds({ ...room, name: "n".repeat(ROOM_NAME_BYTES_MAX) })).toBe(true);
    expect(holds({ ...room, name: "n".repeat(ROOM_NAME_BYTES_MAX + 1) })).toBe(false);
    expect(holds({ ...room, about: "a".repeat(ROOM_ABOUT_BYTES_MAX) })).toBe(true);
    expect(holds({ ...room, about: "a".repeat(ROOM_ABOUT_BYTES_MAX + 1) })).toBe(false);
    for (const lifetimeMs of [null, ROOM_LIFETIME_MS_MIN, ROOM_LIFETIME_MS_MAX])
      expect(holds({ ...room, lifetimeMs }), String(lifetimeMs)).toBe(true);
    for (const lifetimeMs of [0, ROOM_LIFETIME_MS_MIN - 1, ROOM_LIFETIME_MS_MAX + 1])
      expect(holds({ ...room, lifetimeMs }), String(lifetimeMs)).toBe(false);
    const many = (count: number): RoomContext => ({
      ...room,
      members: Array.from({ length: count }, (_, index) => ({
        ...member(1, "owner"),
        accountId: idFromBytes("account", new Uint8Array([index >> 8, index & 255, ...filled(0, 30)])),
      })),
    });
    expect(holds(many(ROOM_ACCOUNTS_MAX))).toBe(true);
    expect(holds(many(ROOM_ACCOUNTS_MAX + 1))).toBe(false);
  });
});
