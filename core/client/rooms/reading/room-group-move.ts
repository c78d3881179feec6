/**
 * A room's group has moved on by a commit: what follows from it for this device is stored in one transaction with it, and own devices
 * are told. Runs within the serial. Rules RM17, RM22, RM23, RM28, RM33.
 */
import type { AccountId, ConversationId, DeviceId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomPart } from "../../../document/schema/groups.ts";
import { type Group, groupEpoch, isActive } from "../../../group/group.ts";
import type { NamedEntry } from "../../../log/log-reader.ts";
import { memberOf, type RoomContext } from "../../../messenger/room/room-context.ts";
import type { RoomCommit } from "../../../messenger/room/room-entry.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import { readRows } from "../log/room-release.ts";
import type { RoomIncarnation } from "../log/room-incarnation.ts";
import type { RoomRekeying } from "../log/room-rekeying.ts";
import type { RoomCalling } from "../membership/room-calling.ts";
import { newsOf } from "../membership/room-info.ts";
import type { RoomBook } from "../room-book.ts";
import { happeningsOf, keepHappenings } from "../room-happenings.ts";
import { markCommit, type RoomDraft } from "./room-draft.ts";
import type { RoomFlush } from "./room-flush.ts";
import type { RoomUnheard } from "./room-unheard.ts";

/** A commit that was taken over. `added` are the ids of the devices it brought. */
export interface GroupMove {
  readonly before: RoomContext | null;
  /** The room as the commit makes it, also where this device is not in it any more. */
  readonly after: RoomContext | null;
  readonly by: AccountId;
  readonly byDevice: DeviceId;
  /** When it was made, as it says; null for an own one. */
  readonly timeMs: number | null;
  /** Who has left, as the commit says. */
  readonly departed: readonly AccountId[];
  readonly next: Group;
  readonly added: ReadonlySet<DeviceId>;
  /** As it was sent. */
  readonly commit: RoomCommit;
  /** Keys of own intents that it carries out. */
  readonly carried: readonly string[];
}

export interface MoveGroupDeps {
  readonly context: Pick<EngineContext, "tables" | "identity" | "clock" | "times">;
  readonly book: Pick<RoomBook, "get" | "set">;
  readonly anew: Pick<RoomAnew, "keep">;
  readonly rekeying: Pick<RoomRekeying, "keysWith">;
  readonly incarnation: Pick<RoomIncarnation, "noteLogEpoch">;
  readonly flush: RoomFlush;
  readonly unheard: Pick<RoomUnheard, "fail">;
  readonly calling: Pick<RoomCalling, "noteBrought">;
  onChanged(): void;
}

/** `entry` is the commit's last one, and passed in the draft. */
export type MoveGroup = (
  roomId: ConversationId,
  entry: NamedEntry,
  move: GroupMove,
  draft: RoomDraft,
) => Promise<Result<void, ClientError>>;

export function createMoveGroup(all: MoveGroupDeps): MoveGroup {
  const { context, book } = all;
  const { tables } = context;
  const self = context.identity.accountId;

  const moveGroup: MoveGroup = async (roomId, entry, move, draft) => {
    const { after, next, added, carried } = move;
    draft.group = next;
    if (move.by === self) all.calling.noteBrought(added);
    markCommit(draft, roomId, entry);
    const before = draft.keys;
    const keys = await all.rekeying.keysWith(roomId, next, after, draft);
    if (!keys.ok) return keys;
    if (isActive(next)) {
      const epoch = Number(groupEpoch(next));
      const followed = { epoch: epoch - 1, commit: move.commit, before, after: draft.keys };
      draft.writes.push(...all.anew.keep(roomId, followed));
      const at = { logEpoch: epoch, isRekeyed: keys.value !== null };
      const noted = await all.incarnation.noteLogEpoch(roomId, at, draft);
      if (!noted.ok) return noted;
    }
    const followed = { by: move.byDevice, seq: entry.seq };
    const read = await readRows(context, roomId, draft.reader, followed);
    if (!read.ok) return read;
    draft.writes.push(...read.value);
    const happened = await happeningRows(roomId, move);
    if (!happened.ok) return happened;
    draft.writes.push(...happened.value);
    const settled = await settledRows(roomId, after, added);
    if (!settled.ok) return settled;
    draft.writes.push(...settled.value);
    const parts = new Map<string, RoomPart | null>(carried.map((key) => [key, null]));
    if (after !== null) {
      const room = await book.get(roomId);
      if (!room.ok) return room;
      const news = newsOf(room.value, next, after, { handshake: entry.id, self });
      for (const [key, part] of news) parts.set(key, part);
    }
    if (keys.value !== null) parts.set("keys", keys.value);
    const unheard = isOutside(after) ? await all.unheard.fail(roomId, move.commit, draft) : ok();
    if (!unheard.ok) return unheard;
    const flushed = await all.flush(roomId, draft);
    if (!flushed.ok) return flushed;
    const rows: WriteOp[] = [];
    if (!isActive(next)) {
      const standing = await standingOutside(roomId, after);
      if (!standing.ok) return standing;
      if (standing.value !== null) parts.set("standing", standing.value);
      const letters = isOutside(after) ? await tables.letter.scan({ under: [roomId] }) : ok([]);
      if (!letters.ok) return letters;
      // RM33: a letter that is not before this commit has no place after it.
      rows.push(...letters.value.map(({ key }) => ({ type: "delete" as const, key })));
    }
    const isQuiet = parts.size === 0 && rows.length === 0;
    const told = isQuiet ? ok() : await book.set(roomId, parts, { with: rows });
    all.onChanged();
    return told;
  };

  /** RM28: what people are told of the change. */
  async function happeningRows(
    roomId: ConversationId,
    { before, after, by, timeMs, departed, next }: GroupMove,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    if (before === null || after === null) return ok([]);
    const left = await tables.departure.scan({ under: [roomId] });
    if (!left.ok) return left;
    const gone = new Set([...departed, ...left.value.map(({ value }) => value.departure.accountId)]);
    const nowMs = Math.max(0, context.clock.nowMs());
    // A time that somebody else says is no later than now.
    const atMs = Math.min(timeMs ?? nowMs, nowMs);
    const rows = happeningsOf(before, after, gone).map((happening) => ({ by, atMs, happening }));
    return keepHappenings(tables, { roomId, epoch: Number(groupEpoch(next)) }, rows);
  }

  /** Rows of work that the group as it is now shows to be done. */
  async function settledRows(
    roomId: ConversationId,
    after: RoomContext | null,
    added: ReadonlySet<string>,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    if (after === null) return ok([]);
    const writes: WriteOp[] = [];
    const left = await tables.departure.scan({ under: [roomId] });
    if (!left.ok) return left;
    for (const { value } of left.value) {
      const { accountId, sinceEpoch } = value.departure;
      if (memberOf(after, accountId)?.sinceEpoch !== sinceEpoch)
        writes.push(tables.departure.remove(roomId, accountId));
    }
    const asked = await tables.rejoin.scan({ under: [roomId] });
    if (!asked.ok) return asked;
    for (const { key } of asked.value) {
      const [, , accountId = "", deviceId = ""] = rowKeyParts(key);
      if (!after.members.some((member) => member.accountId === accountId) || added.has(deviceId))
        writes.push(tables.rejoin.remove(roomId, accountId, deviceId));
    }
    return ok(writes);
  }

  const isOutside = (after: RoomContext | null): boolean => after !== null && memberOf(after, self) === null;

  /** This device was taken out: with its account, or alone, and then it asks to come back. RM22, RM23 */
  async function standingOutside(
    roomId: ConversationId,
    after: RoomContext | null,
  ): Promise<Result<RoomPart | null, ClientError>> {
    const room = await book.get(roomId);
    if (!room.ok) return room;
    if (room.value?.standing.standing !== "joined") return ok(null);
    if (!isOutside(after)) return ok(null);
    const atMs = Math.max(0, context.clock.nowMs());
    return ok({ type: "standing", ...room.value.standing, standing: "removed", atMs });
  }

  return moveGroup;
}
