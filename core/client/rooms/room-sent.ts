/** A letter the room's log has: its ops need not wait any more, and what it carried is known for a while. Rules RM18, RM24. */
import type { ConversationId } from "../../base/ids.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { LetterRow, Tables } from "../tables.ts";
import type { RoomOutbox } from "./room-outbox.ts";

/** Of how many own entries it is known what they carried. */
export const SENT_LETTERS_KEPT = 256;

/** Writes that note it; `commit` follows them. */
export function sentLetter(
  tables: Tables,
  outbox: RoomOutbox,
  {
    roomId,
    writerSeq,
    row,
  }: { readonly roomId: ConversationId; readonly writerSeq: number; readonly row: LetterRow },
): { readonly writes: readonly WriteOp[]; commit(): void } {
  const done = outbox.remove(row.outKeys);
  const writes = [tables.letter.remove(roomId, writerSeq), ...done.writes];
  if (row.outKeys.length === 0) return { writes, commit: done.commit };
  const { entryId, outKeys, epoch } = row;
  writes.push(tables.roomsent.put([roomId, writerSeq], { entryId, outKeys, epoch }));
  const old = writerSeq - SENT_LETTERS_KEPT;
  if (old > 0) writes.push(tables.roomsent.remove(roomId, old));
  return { writes, commit: done.commit };
}
