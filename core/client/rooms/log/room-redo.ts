/**
 * What a group that was given up had done in a log that began anew is asked for again in the one that took its place. Runs within the
 * serial. Rule RM62.
 */
import type { Bytes } from "../../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { ROOM_INTENTS_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import { newIntentKey, type RoomIntent, type RoomPart } from "../../../document/schema/groups.ts";
import {
  memberOf,
  parseRoomContext,
  rankOf,
  type RoomContext,
} from "../../../messenger/room/room-context.ts";
import type { ClientError } from "../../client-error.ts";
import type { ContactBook } from "../../contacts/contact-book.ts";
import type { EngineContext } from "../../engine-context.ts";
import { lastInvitedTo } from "../membership/own-invitations.ts";
import type { RoomCalling } from "../membership/room-calling.ts";
import type { RoomBook } from "../room-book.ts";

export interface RoomRedoDeps {
  readonly context: Pick<EngineContext, "tables" | "identity" | "random" | "clock">;
  readonly book: Pick<RoomBook, "get" | "set">;
  readonly contacts: Pick<ContactBook, "get">;
  readonly calling: Pick<RoomCalling, "of">;
  contextOf(roomId: ConversationId): Promise<Result<RoomContext | null, ClientError>>;
}

/** A function that asks for it, once this device is in a group that it was not called into; it gives true when there was something. */
export function createRoomRedo({ context, book, contacts, calling, contextOf }: RoomRedoDeps) {
  const { tables, identity, random, clock } = context;
  const self = identity.accountId;

  return async function redo(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    const row = await tables.roomredo.get(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok(false) : row;
    const now = await contextOf(roomId);
    if (!now.ok || now.value === null) return now.ok ? ok(false) : now;
    const called = await calling.of(roomId);
    if (!called.ok || called.value !== null) return called.ok ? ok(false) : called;
    const missing = await missingIn(roomId, now.value, row.value);
    if (!missing.ok) return missing;
    const room = await book.get(roomId);
    if (!room.ok) return room;
    const known = room.value?.intents.map(({ intent }) => intent) ?? [];
    const toAsk = missing.value.filter((one) => !known.some((intent) => isSame(intent, one)));
    const left = Math.max(0, ROOM_INTENTS_MAX - known.length);
    // What finds no room among the intents waits until some are done.
    if (left === 0 && toAsk.length > 0) return ok(false);
    const order = Math.max(0, clock.nowMs());
    const intents = toAsk
      .slice(0, left)
      .map((intent): [string, RoomPart] => [newIntentKey(random), { type: "intent", intent, order }]);
    const isAll = toAsk.length <= left;
    const rows = isAll ? [tables.roomredo.remove(roomId), tables.roomdone.remove(roomId)] : [];
    const done = await book.set(roomId, new Map(intents), { with: rows });
    return done.ok ? ok(true) : done;
  };

  /** Whom the lost group had taken out, and is in; whom this account had let into it, and is not. As far as its role allows. */
  async function missingIn(
    roomId: ConversationId,
    now: RoomContext,
    { epoch, context: bytes }: { readonly epoch: number; readonly context: Bytes },
  ): Promise<Result<readonly RoomIntent[], ClientError>> {
    const done = await tables.roomdone.get(roomId);
    if (!done.ok) return done;
    const lost = parseRoomContext(bytes);
    const role = memberOf(now, self)?.role ?? "member";
    if (!lost.ok || done.value === null || rankOf(role) < rankOf("moderator")) return ok([]);
    const missing: RoomIntent[] = [];
    for (const accountId of done.value.gone) {
      const member = memberOf(now, accountId);
      // Who came in later is none of those who were out.
      const isBelow = member !== null && member.sinceEpoch <= epoch && rankOf(role) > rankOf(member.role);
      if (isBelow) missing.push({ type: "remove", accountId });
    }
    for (const accountId of done.value.came) {
      const member = memberOf(lost.value, accountId);
      if (member === null || memberOf(now, accountId) !== null || rankOf(role) <= rankOf(member.role))
        continue;
      const isAsked = await isAskedSince(roomId, accountId, member.sinceEpoch);
      if (!isAsked.ok) return isAsked;
      if (!isAsked.value) missing.push({ type: "invite", accountId, role: member.role });
    }
    return ok(missing);
  }

  /** Whether this account has let them in again meanwhile, by another device: what became of that is not known here. */
  async function isAskedSince(
    roomId: ConversationId,
    accountId: AccountId,
    since: number,
  ): Promise<Result<boolean, ClientError>> {
    const contact = await contacts.get(accountId);
    if (!contact.ok) return contact;
    if (contact.value?.state !== "accepted") return ok(true);
    const last = await lastInvitedTo(tables, roomId, contact.value, self);
    return last.ok ? ok(last.value !== null && last.value > since) : last;
  }
}

/** Whether two intents come to the same for whom they are about. */
function isSame(one: RoomIntent, other: RoomIntent): boolean {
  return (
    one.type === other.type && "accountId" in one && "accountId" in other && one.accountId === other.accountId
  );
}
