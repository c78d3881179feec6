/**
 * Letters of others as they were sealed, kept for a log that begins anew: what those wrote who are out by then nobody sends again, so a
 * commit that is made or brought there brings the letters that stood before it. Only who is in the epoch of such a letter, and has not
 * read it, can open it. Runs within the serial. Rule RM75.
 */
import type { Bytes } from "../../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import {
  ROOM_BROUGHT_LETTERS_BYTES_MAX,
  ROOM_HEARD_ENTRIES_MAX,
  ROOM_HEARD_LETTER_BYTES_MAX,
} from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import { memberOf, type RoomContext } from "../../../messenger/room/room-context.ts";
import type { StoreError, WriteOp } from "../../../store/tx-store.ts";
import type { RoomHeardRow, Tables } from "../../tables.ts";

/** Writes that keep a letter that was read, in place of what was read so many entries before. */
export function keepHeard(
  { roomheard }: Pick<Tables, "roomheard">,
  roomId: ConversationId,
  heard: RoomHeardRow,
): readonly WriteOp[] {
  // Only a changed program writes one that is larger.
  if (heard.sealed.length > ROOM_HEARD_LETTER_BYTES_MAX) return [];
  return [roomheard.put([roomId, heard.incarnation % 2, heard.seq % ROOM_HEARD_ENTRIES_MAX], heard)];
}

/** What goes with a commit of this epoch: the newest letters, in order, of who was in the room then and is not, or came anew since. */
export async function lettersToBring(
  { roomheard }: Pick<Tables, "roomheard">,
  roomId: ConversationId,
  {
    incarnation,
    epoch,
    now,
  }: { readonly incarnation: number; readonly epoch: number; readonly now: RoomContext },
): Promise<Result<readonly Bytes[], StoreError>> {
  if (incarnation === 0) return ok([]);
  const isOut = (accountId: AccountId) => (memberOf(now, accountId)?.sinceEpoch ?? Infinity) > epoch;
  const rows = await roomheard.scan({ under: [roomId] });
  if (!rows.ok) return rows;
  const newestFirst = rows.value
    .map(({ value }) => value)
    .filter((one) => one.incarnation < incarnation && one.epoch === epoch && isOut(one.accountId))
    .sort((a, b) => b.incarnation - a.incarnation || b.seq - a.seq);
  const letters: Bytes[] = [];
  let size = 0;
  for (const { sealed } of newestFirst) {
    size += sealed.length;
    // Nothing comes without what was said after it: that may take it back.
    if (size > ROOM_BROUGHT_LETTERS_BYTES_MAX) break;
    letters.unshift(sealed);
  }
  return ok(letters);
}
