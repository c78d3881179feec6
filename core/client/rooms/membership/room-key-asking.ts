/**
 * A device to which the log gives nothing more by the keys it has asks a contact who is in the room for those the log has now, in the
 * conversation with them, and is told them as one is who was let in; one that is in a group asks the founder alone. Runs within the
 * serial. Rules RM68, RM72.
 */
import { equalBytes } from "../../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { encode } from "../../../codec/shape.ts";
import type { RoomPart, RoomRecord } from "../../../document/schema/groups.ts";
import { groupEpoch, isActive } from "../../../group/group.ts";
import { OP_KIND } from "../../../messenger/op.ts";
import { memberOf } from "../../../messenger/room/room-context.ts";
import {
  type RoomInvitation,
  type RoomKeys,
  type RoomOut,
  roomOutPayloadShape,
} from "../../../messenger/room/room-invitation.ts";
import { ROOM_LINK_SECRET_BYTES, roomJoinPayloadShape } from "../../../messenger/room/room-link.ts";
import { isRoomLogOf } from "../../../protocol/room-log-id.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { ContactBook, ContactRecord } from "../../contacts/contact-book.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { EngineContext } from "../../engine-context.ts";
import { roomContextOf } from "../reading/room-judge.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import { keptKeysOf, type RoomBook } from "../room-book.ts";
import { happeningsIn } from "../room-happenings.ts";
import { lastInvitedTo } from "./own-invitations.ts";
import type { RoomCalling } from "./room-calling.ts";
import type { RoomGroups } from "./room-groups.ts";

/** How long the next contact is not asked; as long again once all were, and twice as long each time. */
const ASK_INTERVAL_MS = 60_000;
const ASK_INTERVAL_MS_MAX = 86_400_000;
/** So many have to say that this account is out, or all there are to ask. */
const OUT_OPINIONS = 2;
/** How long nobody is answered again. */
const ANSWER_INTERVAL_MS = ASK_INTERVAL_MS / 2;
/** What no link says. */
const NO_SECRET = new Uint8Array(ROOM_LINK_SECRET_BYTES);

export interface RoomKeyAskingDeps {
  readonly context: EngineContext;
  readonly contacts: Pick<ContactBook, "all" | "get">;
  readonly conversations: Pick<Conversations, "write">;
  readonly book: Pick<RoomBook, "get" | "set">;
  readonly groups: Pick<RoomGroups, "load">;
  readonly intake: Pick<RoomIntake, "takeKeys" | "reader">;
  readonly calling: Pick<RoomCalling, "of">;
  kick(roomId: ConversationId): void;
  onChanged(): void;
}

export interface RoomKeyAsking {
  /** Asks the next contact who is in the room, at most so often. */
  ask(roomId: ConversationId, room: RoomRecord): Promise<Result<void, ClientError>>;
  /** The log gives this device something: where it is in a group, it wants nothing of others any more. */
  noteOpen(roomId: ConversationId): Promise<Result<void, ClientError>>;
  /** Keys it was told, and has not tried; null for none. */
  told(roomId: ConversationId): ToldKeys | null;
  /** Goes on with those where they open the log, else waits for others. True when it does. */
  goOn(
    roomId: ConversationId,
    room: RoomRecord,
    tried: { readonly keys: ToldKeys; readonly doOpen: boolean },
  ): Promise<Result<boolean, ClientError>>;
  /** Whether this device goes by keys it was told: where nobody brings it back with those, it asks the next. */
  isTold(roomId: ConversationId): boolean;
  /** Keeps what somebody says who was asked, to be tried; what anybody else says is passed over. */
  take(
    roomId: ConversationId,
    room: RoomRecord,
    told: { readonly by: AccountId; readonly invitation: RoomInvitation },
  ): Promise<Result<void, ClientError>>;
  /** Notes that somebody who was asked says this account is out, in one transaction with `remove`. */
  takeOut(by: AccountId, out: RoomOut, remove: WriteOp): Promise<Result<void, ClientError>>;
  /** The same of who says that its membership begins later than it knows: the one it had is over. True when this account is out by that. */
  takeLater(
    roomId: ConversationId,
    room: RoomRecord,
    later: { readonly by: AccountId; readonly sinceEpoch: number },
  ): Promise<Result<boolean, ClientError>>;
  /** Tells somebody who asks the keys there are where this device has read to, or that they are out; `remove` goes with it. */
  answer(
    asked: { readonly roomId: ConversationId; readonly room: RoomRecord; readonly by: AccountId },
    remove: WriteOp,
  ): Promise<Result<void, ClientError>>;
}

export type ToldKeys = Pick<RoomKeys, "accessSeed" | "roomKey">;

/** Whom this device has asked of a room, how often it has asked anybody, what it was told, and who has said that it is out. */
interface Asked {
  readonly accounts: readonly AccountId[];
  readonly count: number;
  readonly atMs: number;
  readonly told: ToldKeys | null;
  readonly isTold: boolean;
  readonly out: readonly AccountId[];
}

const NOBODY: Asked = {
  ...{ accounts: [], count: 0, atMs: -ASK_INTERVAL_MS_MAX },
  ...{ told: null, isTold: false, out: [] },
};

export function createRoomKeyAsking(all: RoomKeyAskingDeps): RoomKeyAsking {
  const { context, groups, intake } = all;
  const { tables, store, identity, clock } = context;
  const asked = new Map<ConversationId, Asked>();
  const answeredAtMs = new Map<string, number>();
  const nowMs = () => Math.max(0, clock.nowMs());

  async function isInside(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    const group = await groups.load(roomId);
    return group.ok ? ok(group.value !== null && isActive(group.value)) : group;
  }

  /** Whether it is in a group that it was not called into (RM72): who was may be shut out of the room's. */
  async function isSettled(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    const inside = await isInside(roomId);
    if (!inside.ok || !inside.value) return inside;
    const called = await all.calling.of(roomId);
    return called.ok ? ok(called.value === null) : called;
  }

  /** Contacts to ask: who is in the room, as far as this account was told; by a device that is in a group its founder alone, whose the log is. */
  async function othersIn(
    roomId: ConversationId,
    { info, keys, standing }: RoomRecord,
  ): Promise<Result<readonly ContactRecord[], ClientError>> {
    const known = await all.contacts.all();
    if (!known.ok) return known;
    const inside = await isSettled(roomId);
    if (!inside.ok) return inside;
    const members = new Set(info?.members.map(({ accountId }) => accountId));
    // Who has never come in knows of nobody else.
    if (members.size === 0 && standing.by !== null) members.add(standing.by);
    const isAsked = ({ accountId, state }: ContactRecord) =>
      state === "accepted" && members.has(accountId) && (!inside.value || isRoomLogOf(keys.logId, accountId));
    return ok(known.value.filter(isAsked));
  }

  const ask: RoomKeyAsking["ask"] = async (roomId, room) => {
    const members = await othersIn(roomId, room);
    if (!members.ok) return members;
    const inside = await isSettled(roomId);
    if (!inside.ok) return inside;
    // Who is further than a log that begins anew may still bring what leads on from there (RM62).
    const known = asked.get(roomId);
    if (known === undefined && inside.value) asked.set(roomId, { ...NOBODY, atMs: nowMs() });
    const before = asked.get(roomId) ?? NOBODY;
    const next = members.value[before.count % members.value.length];
    if (next === undefined) return ok();
    const rounds = Math.floor(before.count / members.value.length);
    const intervalMs = Math.min(ASK_INTERVAL_MS * 2 ** rounds, ASK_INTERVAL_MS_MAX);
    if (Math.abs(nowMs() - before.atMs) < intervalMs) return ok();
    const accounts = [...before.accounts.filter((one) => one !== next.accountId), next.accountId];
    asked.set(roomId, { ...before, accounts, count: before.count + 1, atMs: nowMs() });
    const payload = encode(roomJoinPayloadShape, { roomId, secret: NO_SECRET });
    const written = await all.conversations.write(next, OP_KIND.roomJoin, payload);
    return written.ok ? ok() : written;
  };

  /** What was asked, of somebody who may be asked, in this membership; null for anything else. */
  async function awaited(
    roomId: ConversationId,
    room: RoomRecord,
    by: AccountId,
  ): Promise<Result<Asked | null, ClientError>> {
    const before = asked.get(roomId);
    if (before?.accounts.includes(by) !== true || room.standing.standing !== "joined") return ok(null);
    const members = await othersIn(roomId, room);
    if (!members.ok) return members;
    return ok(members.value.some(({ accountId }) => accountId === by) ? before : null);
  }

  const noteOpen: RoomKeyAsking["noteOpen"] = async (roomId) => {
    if (!asked.has(roomId)) return ok();
    const inside = await isInside(roomId);
    if (inside.ok && inside.value) asked.delete(roomId);
    return inside.ok ? ok() : inside;
  };

  const take: RoomKeyAsking["take"] = async (roomId, room, { by, invitation: { keys, sinceEpoch } }) => {
    const before = await awaited(roomId, room, by);
    if (!before.ok) return before;
    if (before.value === null) return ok();
    const isMember = await isMembership(room, { by, sinceEpoch });
    if (!isMember.ok || !isMember.value) return isMember.ok ? ok() : isMember;
    const { accessSeed, roomKey } = keys;
    if (equalBytes(accessSeed, room.keys.accessSeed) && equalBytes(roomKey, room.keys.roomKey)) return ok();
    asked.set(roomId, { ...before.value, told: { accessSeed, roomKey } });
    all.kick(roomId);
    return ok();
  };

  /**
   * Whether they are of the membership this account knows. Where the log has begun anew its founder's may be an earlier one: in the group
   * that holds this account came in sooner than in the one it is in.
   */
  async function isMembership(
    room: RoomRecord,
    { by, sinceEpoch }: { readonly by: AccountId; readonly sinceEpoch: number },
  ): Promise<Result<boolean, ClientError>> {
    if (sinceEpoch >= room.standing.since || !isRoomLogOf(room.keys.logId, by))
      return ok(sinceEpoch === room.standing.since);
    const reader = await intake.reader(room);
    return reader.ok ? ok(reader.value.point.incarnation > 0) : reader;
  }

  const goOn: RoomKeyAsking["goOn"] = async (roomId, room, { keys, doOpen }) => {
    const before = asked.get(roomId);
    if (before?.told !== keys) return ok(false);
    asked.set(roomId, { ...before, told: null, isTold: before.isTold || doOpen });
    if (!doOpen || room.standing.standing !== "joined") return ok(false);
    const taken = await intake.takeKeys(roomId, room, keys, "lost");
    return taken.ok ? ok(true) : taken;
  };

  const takeOut: RoomKeyAsking["takeOut"] = async (by, { roomId, epoch }, remove) => {
    const room = await all.book.get(roomId);
    if (!room.ok) return room;
    if (room.value === null || epoch < room.value.standing.since) return store.batch([remove]);
    const isOut = await hearOut(roomId, room.value, by, [remove]);
    if (!isOut.ok) return isOut;
    return isOut.value ? ok() : store.batch([remove]);
  };

  const takeLater: RoomKeyAsking["takeLater"] = async (roomId, room, { by, sinceEpoch }) => {
    if (sinceEpoch <= room.standing.since) return ok(false);
    const reader = await intake.reader(room);
    if (!reader.ok) return reader;
    // Its founder may have been in another group when they let this account in, and can shut it out of the log in any case.
    const isFoundersWord = isRoomLogOf(room.keys.logId, by) && room.standing.by === by;
    const isEnough = isFoundersWord && reader.value.point.incarnation > 0;
    return hearOut(roomId, room, by, [], isEnough ? 1 : OUT_OPINIONS);
  };

  /** One more says that this account is out. True when these are enough: then it is, in one transaction with `rows`. */
  async function hearOut(
    roomId: ConversationId,
    room: RoomRecord,
    by: AccountId,
    rows: readonly WriteOp[],
    opinions = OUT_OPINIONS,
  ): Promise<Result<boolean, ClientError>> {
    const before = await awaited(roomId, room, by);
    if (!before.ok || before.value === null) return before.ok ? ok(false) : before;
    const out = [...before.value.out.filter((one) => one !== by), by];
    asked.set(roomId, { ...before.value, out });
    const members = await othersIn(roomId, room);
    if (!members.ok) return members;
    if (out.length < Math.min(opinions, members.value.length)) return ok(false);
    const part: RoomPart = { type: "standing", ...room.standing, standing: "removed", atMs: nowMs() };
    const told = await all.book.set(roomId, new Map([["standing", part]]), { with: rows });
    if (!told.ok) return told;
    asked.delete(roomId);
    all.kick(roomId);
    all.onChanged();
    return ok(true);
  }

  const answer: RoomKeyAsking["answer"] = async ({ roomId, room, by }, remove) => {
    const nothing = () => store.batch([remove]);
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const now = group.value === null || !isActive(group.value) ? null : roomContextOf(group.value);
    const isIn = room.standing.standing === "joined" && by !== identity.accountId;
    if (group.value === null || now === null || !isIn) return nothing();
    const who = `${roomId} ${by}`;
    if (Math.abs(nowMs() - (answeredAtMs.get(who) ?? -ANSWER_INTERVAL_MS)) < ANSWER_INTERVAL_MS)
      return nothing();
    answeredAtMs.set(who, nowMs());
    const member = memberOf(now, by);
    const knows = member === null ? await hasBeenIn(roomId, by) : ok(true);
    if (!knows.ok || !knows.value) return knows.ok ? nothing() : knows;
    if (member === null) return tellOut(by, { roomId, epoch: Number(groupEpoch(group.value)) }, remove);
    // Of a device that the room knows to be revoked, and this device's book does not yet, nobody is told by it.
    const chain = await context.storedChain(by);
    if (!chain.ok) return chain;
    const waiting = await tables.invitee.get(roomId, by);
    if (!waiting.ok) return waiting;
    if ((chain.value?.seq ?? 0) < member.seq || waiting.value !== null) return nothing();
    const reader = await intake.reader(room);
    if (!reader.ok) return reader;
    const told = { ...keptKeysOf(room), from: reader.value.point, sinceEpoch: member.sinceEpoch };
    return store.batch([remove, tables.invitee.put([roomId, by], told)]);
  };

  /** Whether they know anyway that this account is in the room: it has let them in, or this device has followed how they went. */
  async function hasBeenIn(roomId: ConversationId, by: AccountId): Promise<Result<boolean, ClientError>> {
    const rows = await happeningsIn(tables, roomId);
    if (!rows.ok) return rows;
    const hasGone = rows.value.some(
      ({ happening }) =>
        (happening.type === "removed" || happening.type === "left") && happening.accountId === by,
    );
    const contact = hasGone ? ok(null) : await all.contacts.get(by);
    if (!contact.ok || contact.value === null) return contact.ok ? ok(hasGone) : contact;
    const invited = await lastInvitedTo(tables, roomId, contact.value, identity.accountId);
    return invited.ok ? ok(invited.value !== null) : invited;
  }

  async function tellOut(by: AccountId, out: RoomOut, remove: WriteOp): Promise<Result<void, ClientError>> {
    const contact = await all.contacts.get(by);
    if (!contact.ok) return contact;
    if (contact.value?.state !== "accepted") return store.batch([remove]);
    const written = await all.conversations.write(
      contact.value,
      OP_KIND.roomOut,
      encode(roomOutPayloadShape, out),
      { storeWith: (writes) => store.batch([...writes, remove]) },
    );
    return written.ok ? ok() : written;
  }

  return {
    ask,
    noteOpen,
    told: (roomId) => asked.get(roomId)?.told ?? null,
    goOn,
    isTold: (roomId) => asked.get(roomId)?.isTold === true,
    take,
    takeOut,
    takeLater,
    answer,
  };
}
