/**
 * Ops on their way into the account log: those that come together go into their buckets together, and the log they came in is
 * acknowledged no further than what is there. Rules DM6, MS5. Runs within the serial.
 */
import type { LogId, OpId } from "../../base/ids.ts";
import { OP_BYTES_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { CHANGE_BYTES_MAX } from "../../log/account-entry.ts";
import type { BucketName } from "../../log/document-name.ts";
import { encodeArchivedOp } from "../../messenger/archived-op.ts";
import { bucketPlaceOf, type NamedOp, parseOp } from "../../messenger/op.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import { createRetries, type RetryTimes } from "../retries.ts";
import type { ArchiveRow } from "../tables.ts";
import type { Deleting } from "./conversation-ports.ts";
import type { OpStore } from "./op-store.ts";

/** Ops that come together are archived together, so that a bucket gets few changes. */
const ARCHIVE_DELAY_MS = 25;
/** When what the disk refused is put away again. */
const ARCHIVE_RETRY: RetryTimes = { minMs: 15_000, maxMs: 960_000 };
const ARCHIVE_OPS_MAX = 256;
/** What ops archived together may weigh, so that the change they make fits an item of an account entry. */
const ARCHIVE_BYTES_MAX = CHANGE_BYTES_MAX - OP_BYTES_MAX;
/** What an op takes in a change beside its bytes: its id as text, its source, the change's own columns. */
const ARCHIVED_OVERHEAD_BYTES = 192;

/** An op and the entry it came in; without one it was written here, or handed on. */
export interface ToArchive {
  readonly op: NamedOp;
  readonly source: ArchiveRow["source"];
}

export interface OpArchiveDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "clock" | "serial">;
  readonly log: Pick<AccountLog, "archive" | "settling">;
  readonly ops: Pick<OpStore, "isGone">;
  readonly bucketOf: Deleting["bucketOf"];
  /** Everything up to a seq of this log is in the account log. */
  onAckable(logId: LogId): void;
}

export interface OpArchive {
  start(): Promise<Result<void, ClientError>>;
  /** Ops to archive; they wait for each other a moment. */
  add(items: readonly ToArchive[]): RowsStep;
  /** Archives what waits. */
  flush(): Promise<Result<void, ClientError>>;
  /** Ops that are deleted: what they came in need not wait for them. */
  drop(ids: readonly OpId[]): void;
  /** Rows whose ops are in the account log. */
  settled(keys: readonly string[]): void;
  /** Lowest seq of this log whose ops are not in the account log, or null. */
  lowestSeq(logId: LogId): number | null;
  hasWork(): boolean;
  /** Cancels timers. */
  stop(): void;
}

export function createOpArchive({ context, log, ops, bucketOf, onAckable }: OpArchiveDeps): OpArchive {
  const { tables, store, clock } = context;
  const waiting = new Map<OpId, ToArchive>();
  /** Sources of archive rows that are not settled, by row key. */
  const unsettled = new Map<string, NonNullable<ArchiveRow["source"]>>();
  const retries = createRetries<"archive">(clock, ARCHIVE_RETRY, () => void context.serial.run(flush));
  let cancelFlush: (() => void) | null = null;

  async function start(): Promise<Result<void, ClientError>> {
    const covered = new Set(log.settling());
    const rows = await tables.archive.scan();
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      const op = parseOp(value.op);
      const isGone = op.ok ? await ops.isGone(op.value) : ok(false);
      if (!isGone.ok) return isGone;
      if (isGone.value) {
        const deleted = await store.batch([{ type: "delete", key }]);
        if (!deleted.ok) return deleted;
        continue;
      }
      if (value.source !== null) unsettled.set(key, value.source);
      if (op.ok && !covered.has(key)) waiting.set(op.value.id, { op: op.value, source: value.source });
    }
    schedule();
    return ok();
  }

  function schedule(): void {
    if (waiting.size === 0) return;
    cancelFlush ??= clock.schedule(ARCHIVE_DELAY_MS, () => {
      cancelFlush = null;
      void context.serial.run(flush);
    });
  }

  const add: OpArchive["add"] = (items) => ({
    writes: items.map(({ op, source }) => tables.archive.put([op.id], { op: op.bytes, source })),
    commit() {
      for (const item of items) {
        waiting.set(item.op.id, item);
        if (item.source !== null) unsettled.set(tables.archive.key(item.op.id), item.source);
      }
      schedule();
    },
  });

  async function flush(): Promise<Result<void, ClientError>> {
    cancelFlush?.();
    cancelFlush = null;
    const byBucket = new Map<string, { name: BucketName; items: ToArchive[] }>();
    for (const item of [...waiting.values()].sort((a, b) => a.op.op.deviceSeq - b.op.op.deviceSeq)) {
      const name = bucketOf(bucketPlaceOf(item.op.op));
      const key = `${name.conversationId}/${name.device}/${name.index}`;
      const group = byBucket.get(key);
      if (group === undefined) byBucket.set(key, { name, items: [item] });
      else group.items.push(item);
    }
    for (const { name, items } of byBucket.values()) {
      for (const part of inParts(items)) {
        const values = part.map(({ op, source }) => ({
          stored: [op.id, encodeArchivedOp(op, source?.entry ?? null)] as const,
          settles: tables.archive.key(op.id),
        }));
        const archived = await log.archive(name, values);
        if (!archived.ok) {
          retries.later("archive");
          return archived;
        }
        for (const { op } of part) waiting.delete(op.id);
      }
    }
    retries.done("archive");
    return ok();
  }

  function settled(keys: readonly string[]): void {
    const logs = new Set<LogId>();
    for (const key of keys) {
      const source = unsettled.get(key);
      if (source === undefined) continue;
      unsettled.delete(key);
      logs.add(source.logId);
    }
    for (const logId of logs) onAckable(logId);
  }

  return {
    start,
    add,
    flush,
    drop(ids) {
      for (const id of ids) waiting.delete(id);
      settled(ids.map((id) => tables.archive.key(id)));
    },
    settled,
    lowestSeq(logId) {
      let lowest: number | null = null;
      for (const source of unsettled.values())
        if (source.logId === logId) lowest = Math.min(lowest ?? source.seq, source.seq);
      return lowest;
    },
    hasWork: () => waiting.size > 0,
    stop() {
      cancelFlush?.();
      retries.clear();
    },
  };
}

function inParts(items: readonly ToArchive[]): ToArchive[][] {
  const parts: ToArchive[][] = [];
  let size = 0;
  for (const item of items) {
    const part = parts.at(-1);
    const weight = item.op.bytes.length + ARCHIVED_OVERHEAD_BYTES;
    if (part === undefined || part.length >= ARCHIVE_OPS_MAX || size + weight > ARCHIVE_BYTES_MAX) {
      parts.push([item]);
      size = weight;
    } else {
      part.push(item);
      size += weight;
    }
  }
  return parts;
}
