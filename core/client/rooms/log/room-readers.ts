/** How far each room's log has been read. Runs within the serial. */
import type { LogId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { createLogReader, type LogReader } from "../../../log/log-reader.ts";
import type { StoreError, WriteOp } from "../../../store/tx-store.ts";
import type { Tables } from "../../tables.ts";
import { keysOf } from "../room-book.ts";

/** `commit` follows the write. */
export interface ReaderChange {
  readonly write: WriteOp;
  commit(): void;
}

export interface RoomReaders {
  /** Where nothing was read yet, from where the room's keys open its log. */
  of(room: RoomRecord): Promise<Result<LogReader, StoreError>>;
  put(reader: LogReader): ReaderChange;
  forget(logId: LogId): ReaderChange;
}

export function createRoomReaders(tables: Pick<Tables, "reader">): RoomReaders {
  const byLog = new Map<LogId, LogReader>();
  return {
    async of(room) {
      const { logId, from } = keysOf(room);
      const known = byLog.get(logId);
      if (known !== undefined) return ok(known);
      const row = await tables.reader.get(logId);
      if (!row.ok) return row;
      const loaded = createLogReader(logId, row.value?.point ?? (from.seq === 0 ? undefined : from));
      byLog.set(logId, loaded);
      return ok(loaded);
    },
    put: (reader) => ({
      write: tables.reader.put([reader.logId], { point: reader.point, epochFloor: 0 }),
      commit: () => void byLog.set(reader.logId, reader),
    }),
    forget: (logId) => ({
      write: tables.reader.remove(logId),
      commit: () => void byLog.delete(logId),
    }),
  };
}
