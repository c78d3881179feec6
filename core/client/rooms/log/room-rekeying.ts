/**
 * The keys of a room's log change with the group while it is read: what opens the log from there on, for this device and its siblings.
 * Runs within the serial. Rules RM29, RM30, RM68.
 */
import type { ConversationId, LogId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomPart, RoomRecord } from "../../../document/schema/groups.ts";
import { type Group, type GroupDeps, groupEpoch, isActive } from "../../../group/group.ts";
import { createLogReader } from "../../../log/log-reader.ts";
import type { RoomContext } from "../../../messenger/room/room-context.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomKeysRow } from "../../tables.ts";
import type { RoomDraft } from "../reading/room-draft.ts";
import { keysOf, type RoomBook } from "../room-book.ts";
import { rewrapLetters, roomKeysOf } from "./room-keys.ts";

export interface RoomRekeyingDeps {
  readonly context: Pick<EngineContext, "tables" | "random" | "entryId" | "padding">;
  readonly book: Pick<RoomBook, "get" | "shared">;
  readonly deps: Pick<GroupDeps, "suite">;
}

export interface RoomRekeying {
  /** RM29: the keys of the log change with the group, when somebody went; for siblings too. Null when they stay. */
  keysWith(
    roomId: ConversationId,
    next: Group,
    after: RoomContext | null,
    draft: RoomDraft,
  ): Promise<Result<RoomPart | null, ClientError>>;
  /** RM68: the keys somebody else has told this device, once the group has shown that they are those of the room. */
  untoldKeys(
    roomId: ConversationId,
    room: RoomContext,
    draft: RoomDraft,
  ): Promise<Result<RoomPart | null, ClientError>>;
  /** The log goes on with `keys`; letters that have no place yet are put under them. RM30 */
  rekey(
    at: { readonly roomId: ConversationId; readonly logId: LogId },
    keys: RoomKeysRow,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>>;
}

export function createRoomRekeying({ context, book, deps }: RoomRekeyingDeps): RoomRekeying {
  const rekey: RoomRekeying["rekey"] = async (at, keys, draft) => {
    const placed = new Set(draft.placed);
    const pair = { before: draft.keys.roomKey, after: keys.roomKey };
    const wrapped = await rewrapLetters(context, at, pair, (seq) => placed.has(seq));
    if (!wrapped.ok) return wrapped;
    draft.writes.push(...wrapped.value);
    draft.keys = keys;
    draft.areKeysNew = true;
    return ok();
  };

  const keysWith: RoomRekeying["keysWith"] = async (roomId, next, after, draft) => {
    if (!isActive(next) || after === null || after.keysSince !== Number(groupEpoch(next))) return ok(null);
    const room = await book.get(roomId);
    if (!room.ok) return room;
    if (room.value === null) return ok(null);
    const { logId } = keysOf(room.value);
    const keys = await roomKeysOf(deps, logId, next);
    const changed = await rekey({ roomId, logId }, keys, draft);
    return changed.ok ? ok(keysPart(room.value, draft)) : changed;
  };

  const untoldKeys: RoomRekeying["untoldKeys"] = async (roomId, { keysSince }, draft) => {
    const shared = await book.shared(roomId);
    if (!shared.ok || shared.value === null) return shared.ok ? ok(null) : shared;
    const { generation } = draft.keys;
    const isNews = generation === keysSince && shared.value.keys.generation < generation;
    return ok(isNews ? keysPart(shared.value, draft) : null);
  };

  return { keysWith, untoldKeys, rekey };
}

/** What opens the log from where the draft stands, for own devices. */
function keysPart(room: RoomRecord, { keys, reader: { point } }: RoomDraft): RoomPart {
  const { logId, origin } = keysOf(room);
  // The place is one of the first incarnation; in a later one whoever takes them reads on where they are.
  const { seq, chain } = point.incarnation === 0 ? point : createLogReader(logId).point;
  return { type: "keys", logId, origin, ...keys, fromSeq: seq, fromChain: chain };
}
