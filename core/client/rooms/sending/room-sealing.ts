/** Entries of this device for a room's log, and the numbers they take. Runs within the serial. Rule RM20. */
import type { EntryId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { type RoomBody, sealRoomEntry } from "../../../messenger/room/room-entry.ts";
import { type Entry, type EntryKind, encodeEntryHeader, writerTag } from "../../../protocol/entry.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import { writerKey } from "../../devices/device-identity.ts";
import type { EngineContext } from "../../engine-context.ts";
import { keysOf } from "../room-book.ts";

/** Of a letter row that carries none. */
export const NO_OPS = { outKeys: [], epoch: 0 } as const;

/** An entry with its final bytes. */
export interface SealedEntry {
  readonly entry: Entry;
  readonly entryId: EntryId;
}

export interface RoomSealing {
  /** The number of the next entry. */
  nextSeq(room: RoomRecord): Promise<Result<number, ClientError>>;
  /** The entry of this number is made. */
  writerWrite(room: RoomRecord, writerSeq: number): WriteOp;
  sealed(
    room: RoomRecord,
    place: { readonly kind: EntryKind; readonly writerSeq: number; readonly expect: EntryId | null },
    body: RoomBody,
  ): Result<SealedEntry, ClientError>;
}

export function createRoomSealing(
  context: Pick<EngineContext, "tables" | "identity" | "random" | "padding" | "entryId">,
): RoomSealing {
  const { tables, identity, random } = context;
  return {
    async nextSeq(room) {
      const row = await tables.writer.get(keysOf(room).logId);
      return row.ok ? ok((row.value?.writerSeq ?? 0) + 1) : row;
    },
    writerWrite: (room, writerSeq) =>
      tables.writer.put([keysOf(room).logId], { writerSeq, previous: null, receipt: null }),
    sealed(room, place, body) {
      const { logId, roomKey } = keysOf(room);
      const tag = writerTag(logId, writerKey(identity.seeds, logId).publicKey);
      const header = encodeEntryHeader({ version: 1, ...place, writerTag: tag, epoch: null });
      const bytes = sealRoomEntry(random, roomKey, { logId, header }, body, context.padding());
      if (!bytes.ok) return err({ type: "RoomTooLarge" });
      const entry = { header, sealed: bytes.value };
      return ok({ entry, entryId: context.entryId(logId, entry) });
    },
  };
}
