/**
 * What a group that was given up had done in a log that began anew is asked for again in the one that took its place. Runs within the
 * serial. Rule RM62.
 */
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { newIntentKey, type RoomIntent, type RoomPart } from "../../../document/schema/groups.ts";
import {
  memberOf,
  parseRoomContext,
  rankOf,
  type RoomContext,
  type RoomMember,
} from "../../../messenger/room/room-context.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomBook } from "../room-book.ts";
import { takenOutOf } from "../room-happenings.ts";

export interface RoomRedoDeps {
  readonly context: Pick<EngineContext, "tables" | "identity" | "random" | "clock">;
  readonly book: Pick<RoomBook, "set">;
  contextOf(roomId: ConversationId): Promise<Result<RoomContext | null, ClientError>>;
}

/** A function that asks for it, once this device is in a group; it gives true when there was something. */
export function createRoomRedo({ context, book, contextOf }: RoomRedoDeps) {
  const { tables, identity, random, clock } = context;

  return async function redo(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    const row = await tables.roomredo.get(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok(false) : row;
    const room = await contextOf(roomId);
    if (!room.ok || room.value === null) return room.ok ? ok(false) : room;
    const forked = await tables.roomforked.get(roomId);
    if (!forked.ok) return forked;
    const { epoch, context: bytes } = row.value;
    const forkedAfter = forked.value?.epoch ?? null;
    const lost = parseRoomContext(bytes);
    const takenOut = await takenOutOf(tables, roomId);
    if (!takenOut.ok) return takenOut;
    const self = memberOf(room.value, identity.accountId);
    const missing = lost.ok
      ? missingOf({ room: room.value, lost: lost.value, epoch, forkedAfter, takenOut: takenOut.value }, self)
      : [];
    const order = Math.max(0, clock.nowMs());
    const intents = missing.map((intent): [string, RoomPart] => [
      newIntentKey(random),
      { type: "intent", intent, order },
    ]);
    const rows = [tables.roomredo.remove(roomId), tables.roomforked.remove(roomId)];
    const done = await book.set(roomId, new Map(intents), { with: rows });
    return done.ok ? ok(true) : done;
  };
}

/** A group that was given up, the room as it is, and whom this device has followed out of it. */
interface Lost {
  readonly room: RoomContext;
  readonly lost: RoomContext;
  /** Of what was lost. */
  readonly epoch: number;
  /** Up to there both had come the same way, where they came apart; null where it is not known that they did. */
  readonly forkedAfter: number | null;
  readonly takenOut: ReadonlySet<AccountId>;
}

/** Whom this device has followed out of the one that was given up goes; who came in there comes in. As far as `self` may ask. */
function missingOf(
  { room, lost, epoch, forkedAfter, takenOut }: Lost,
  self: RoomMember | null,
): readonly RoomIntent[] {
  if (self === null || rankOf(self.role) < rankOf("moderator")) return [];
  const mayAsk = ({ role }: RoomMember) => rankOf(self.role) > rankOf(role);
  const gone = room.members.filter(
    ({ accountId, sinceEpoch }) =>
      sinceEpoch <= epoch && memberOf(lost, accountId) === null && takenOut.has(accountId),
  );
  const came = lost.members.filter(
    ({ accountId, sinceEpoch }) =>
      forkedAfter !== null && sinceEpoch > forkedAfter && memberOf(room, accountId) === null,
  );
  return [
    ...gone.filter(mayAsk).map(({ accountId }): RoomIntent => ({ type: "remove", accountId })),
    ...came.filter(mayAsk).map(({ accountId, role }): RoomIntent => ({ type: "invite", accountId, role })),
  ];
}
