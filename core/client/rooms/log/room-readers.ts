/** How far each room's log has been read. Runs within the serial. */
import type { LogId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { createLogReader, type LogReader } from "../../../log/log-reader.ts";
import type { StoreError, TxStore, WriteOp } from "../../../store/tx-store.ts";
import type { Tables } from "../../tables.ts";
import { keysOf } from "../room-book.ts";

/** `commit` follows the write. */
export interface ReaderChange {
  readonly write: WriteOp;
  commit(): void;
}

export interface RoomReadersDeps {
  readonly tables: Pick<Tables, "reader">;
  readonly store: Pick<TxStore, "batch">;
}

export interface RoomReaders {
  /** Where nothing was read yet, from where the room's keys open its log. */
  of(room: RoomRecord): Promise<Result<LogReader, StoreError>>;
  /** Whether this device has ever found the log there. */
  hasOpened(logId: LogId): Promise<Result<boolean, StoreError>>;
  /** Notes that it has, where nothing of it was read yet. */
  noteOpened(room: RoomRecord): Promise<Result<void, StoreError>>;
  put(reader: LogReader): ReaderChange;
  forget(logId: LogId): ReaderChange;
}

export function createRoomReaders({ tables, store }: RoomReadersDeps): RoomReaders {
  const byLog = new Map<LogId, LogReader>();
  /** Those that have a row. */
  const opened = new Set<LogId>();

  const of: RoomReaders["of"] = async (room) => {
    const { logId, from } = keysOf(room);
    const known = byLog.get(logId);
    if (known !== undefined) return ok(known);
    const row = await tables.reader.get(logId);
    if (!row.ok) return row;
    if (row.value !== null) opened.add(logId);
    const loaded = createLogReader(logId, row.value?.point ?? (from.seq === 0 ? undefined : from));
    byLog.set(logId, loaded);
    return ok(loaded);
  };

  const put: RoomReaders["put"] = (reader) => ({
    write: tables.reader.put([reader.logId], { point: reader.point, epochFloor: 0 }),
    commit() {
      byLog.set(reader.logId, reader);
      opened.add(reader.logId);
    },
  });

  async function hasOpened(logId: LogId): Promise<Result<boolean, StoreError>> {
    if (opened.has(logId)) return ok(true);
    const row = await tables.reader.get(logId);
    return row.ok ? ok(row.value !== null) : row;
  }

  return {
    of,
    put,
    hasOpened,
    async noteOpened(room) {
      const reader = await of(room);
      if (!reader.ok) return reader;
      if (opened.has(reader.value.logId)) return ok();
      const change = put(reader.value);
      const stored = await store.batch([change.write]);
      if (stored.ok) change.commit();
      return stored;
    },
    forget: (logId) => ({
      write: tables.reader.remove(logId),
      commit() {
        byLog.delete(logId);
        opened.delete(logId);
      },
    }),
  };
}
