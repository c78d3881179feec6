/**
 * A device that is in no group, and to which the log gives nothing more by the keys it has, asks a contact who is in the room for those
 * the log has now, in the conversation with them, and is told them as one is who was let in. Runs within the serial. Rule RM68.
 */
import { equalBytes } from "../../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { encode } from "../../../codec/shape.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { isActive } from "../../../group/group.ts";
import { OP_KIND } from "../../../messenger/op.ts";
import { memberOf } from "../../../messenger/room/room-context.ts";
import type { RoomInvitation } from "../../../messenger/room/room-invitation.ts";
import { ROOM_LINK_SECRET_BYTES, roomJoinPayloadShape } from "../../../messenger/room/room-link.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { ContactBook } from "../../contacts/contact-book.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { EngineContext } from "../../engine-context.ts";
import { roomContextOf } from "../reading/room-judge.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import { keptKeysOf } from "../room-book.ts";
import type { RoomGroups } from "./room-groups.ts";

/** How long the next contact is not asked; as long again once all were, and twice as long each time. */
const ASK_INTERVAL_MS = 60_000;
const ASK_INTERVAL_MS_MAX = 86_400_000;
/** What no link says. */
const NO_SECRET = new Uint8Array(ROOM_LINK_SECRET_BYTES);

export interface RoomKeyAskingDeps {
  readonly context: EngineContext;
  readonly contacts: Pick<ContactBook, "all">;
  readonly conversations: Pick<Conversations, "write">;
  readonly groups: Pick<RoomGroups, "load">;
  readonly intake: Pick<RoomIntake, "moveTo" | "reader">;
  kick(roomId: ConversationId): void;
}

export interface RoomKeyAsking {
  /** Asks the next contact who is in the room, at most so often; nobody where this device is in the group. */
  ask(roomId: ConversationId, room: RoomRecord): Promise<Result<void, ClientError>>;
  /** Whether this device goes by keys it was told: where nobody brings it back with those, it asks the next. */
  isTold(roomId: ConversationId): boolean;
  /** Goes on with what somebody says who was asked; what anybody else says is passed over. */
  take(
    roomId: ConversationId,
    room: RoomRecord,
    told: { readonly by: AccountId; readonly invitation: RoomInvitation },
  ): Promise<Result<void, ClientError>>;
  /** Writes that tell somebody who asks, and is in the room, the keys there are where this device has read to; none for anybody else. */
  answer(
    roomId: ConversationId,
    room: RoomRecord,
    by: AccountId,
  ): Promise<Result<readonly WriteOp[], ClientError>>;
}

/** Whom this device has asked of a room. */
interface Asked {
  readonly accounts: readonly AccountId[];
  readonly rounds: number;
  readonly atMs: number;
  readonly isTold: boolean;
}

const NOBODY: Asked = { accounts: [], rounds: 0, atMs: -ASK_INTERVAL_MS_MAX, isTold: false };

export function createRoomKeyAsking(all: RoomKeyAskingDeps): RoomKeyAsking {
  const { context, groups, intake } = all;
  const { tables, identity, clock } = context;
  const asked = new Map<ConversationId, Asked>();
  const nowMs = () => Math.max(0, clock.nowMs());

  async function isInside(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    const group = await groups.load(roomId);
    return group.ok ? ok(group.value !== null && isActive(group.value)) : group;
  }

  const ask: RoomKeyAsking["ask"] = async (roomId, { info }) => {
    const inside = await isInside(roomId);
    if (!inside.ok || inside.value) return inside.ok ? ok() : inside;
    const before = asked.get(roomId) ?? NOBODY;
    const intervalMs = Math.min(ASK_INTERVAL_MS * 2 ** before.rounds, ASK_INTERVAL_MS_MAX);
    if (Math.abs(nowMs() - before.atMs) < intervalMs) return ok();
    const known = await all.contacts.all();
    if (!known.ok) return known;
    const members = known.value.filter(
      ({ accountId, state }) =>
        state === "accepted" && info?.members.some((member) => member.accountId === accountId),
    );
    const next = members.find(({ accountId }) => !before.accounts.includes(accountId)) ?? members[0];
    if (next === undefined) return ok();
    const isAgain = before.accounts.includes(next.accountId);
    asked.set(roomId, {
      accounts: isAgain ? before.accounts : [...before.accounts, next.accountId],
      rounds: before.rounds + (isAgain ? 1 : 0),
      atMs: nowMs(),
      isTold: before.isTold,
    });
    const payload = encode(roomJoinPayloadShape, { roomId, secret: NO_SECRET });
    const written = await all.conversations.write(next, OP_KIND.roomJoin, payload);
    return written.ok ? ok() : written;
  };

  const take: RoomKeyAsking["take"] = async (roomId, room, { by, invitation: { keys, sinceEpoch } }) => {
    const { standing, since } = room.standing;
    const before = asked.get(roomId);
    if (before?.accounts.includes(by) !== true || standing !== "joined" || since !== sinceEpoch) return ok();
    const { accessSeed, roomKey } = room.keys;
    if (equalBytes(keys.accessSeed, accessSeed) && equalBytes(keys.roomKey, roomKey)) return ok();
    const inside = await isInside(roomId);
    if (!inside.ok || inside.value) return inside.ok ? ok() : inside;
    const { logId: _, origin: __, from, ...opens } = keys;
    const fresh = { ...opens, fromSeq: from.seq, fromChain: from.chain };
    const moved = await intake.moveTo(roomId, { ...room, keys: { ...room.keys, ...fresh } });
    if (!moved.ok) return moved;
    asked.set(roomId, { ...before, isTold: true });
    all.kick(roomId);
    return ok();
  };

  const answer: RoomKeyAsking["answer"] = async (roomId, room, by) => {
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const now = group.value === null || !isActive(group.value) ? null : roomContextOf(group.value);
    const member = now === null || by === identity.accountId ? null : memberOf(now, by);
    if (member === null || room.standing.standing !== "joined") return ok([]);
    // Of a device that the room knows to be revoked, and this device's book does not yet, nobody is told by it.
    const chain = await context.storedChain(by);
    if (!chain.ok || (chain.value?.seq ?? 0) < member.seq) return chain.ok ? ok([]) : chain;
    const waiting = await tables.invitee.get(roomId, by);
    if (!waiting.ok || waiting.value !== null) return waiting.ok ? ok([]) : waiting;
    const reader = await intake.reader(room);
    if (!reader.ok) return reader;
    const told = { ...keptKeysOf(room), from: reader.value.point, sinceEpoch: member.sinceEpoch };
    return ok([tables.invitee.put([roomId, by], told)]);
  };

  return { ask, isTold: (roomId) => asked.get(roomId)?.isTold === true, take, answer };
}
