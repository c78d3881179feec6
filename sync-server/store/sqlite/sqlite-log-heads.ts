/**
 * Heads of logs in memory: seq, chain, bytes, last entry of each kind, last seqs of writers.
 *
 * Inside a transaction they are changed here and each is written once at its end, however many entries it placed; a
 * rollback forgets them all. A head is compared with the entries when it is loaded.
 */
import type { DatabaseSync } from "node:sqlite";
import { assert } from "@dovetail/core/base/assert.ts";
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import {
  type EntryId,
  ID_BYTES,
  idBytes,
  idFromBytes,
  type LogId,
  type WriterTag,
} from "@dovetail/core/base/ids.ts";
import type { LogKind } from "@dovetail/core/protocol/client-frame.ts";
import { ACCOUNTS_CACHED_MAX, LOGS_CACHED_MAX, WRITERS_CACHED_PER_LOG_MAX } from "../../limits.ts";
import { blobOf, blobOrNull, numberOf } from "./sqlite-row.ts";
import { LOG_KIND_NUMBER, placeOf, seqAt } from "./sqlite-schema.ts";

/** A writer of a log and its last accepted seq. */
export interface WriterHead {
  readonly number: number;
  seq: number;
}

/** A log in memory. Only the adapter changes it, and only inside a transaction. */
export interface LogHead {
  readonly row: number;
  readonly logId: LogId;
  readonly owner: number;
  readonly kind: LogKind;
  appendKey: Bytes | null;
  isClosed: boolean;
  readonly incarnation: number;
  readonly reseed: Bytes | null;
  seq: number;
  chain: Bytes;
  trimmedUpto: number;
  /** Changed by `addBytes` only. */
  bytes: number;
  readonly lastOfKinds: Map<number, EntryId>;
  readonly writers: Map<WriterTag, WriterHead>;
}

export interface LogHeads {
  find(logId: LogId): LogHead | null;
  /** Null for a writer that has placed nothing. */
  findWriter(head: LogHead, writerTag: WriterTag): WriterHead | null;
  addWriter(head: LogHead, writerTag: WriterTag): WriterHead;
  /** Counts bytes that a log gains or loses, for itself and for its owner. */
  addBytes(head: LogHead, bytes: number): void;
  /** Bytes of all logs of an account. */
  ownerBytes(owner: number): number;
  /** Says that `head` was changed in this transaction. */
  touch(head: LogHead): void;
  writeTouched(): void;
  /** Forgets a log whose row was changed beside this cache. */
  forget(head: LogHead): void;
  /** Forgets the logs of an account whose rows were changed beside this cache. */
  forgetOwner(owner: number): void;
  /** After a rollback: a head may have been changed, or loaded from a row that is gone again. */
  forgetAll(): void;
}

/** A cache over the tables `logs` and `writers`. */
export function createLogHeads(db: DatabaseSync): LogHeads {
  const selectLog = db.prepare(
    "SELECT id, owner, kind, append_key, is_closed, incarnation, seq, chain, trimmed_upto, bytes, kinds, reseed FROM logs WHERE log_id = ? AND owner > 0",
  );
  const selectLast = db.prepare("SELECT max(place) AS place FROM entries WHERE place BETWEEN ? AND ?");
  const selectWriter = db.prepare("SELECT number, trimmed_seq FROM writers WHERE log = ? AND tag = ?");
  const selectWriterSeq = db.prepare("SELECT max(writer_seq) AS seq FROM entries WHERE writer = ?");
  const insertWriter = db.prepare("INSERT INTO writers (log, tag) VALUES (?, ?)");
  const updateLog = db.prepare(
    "UPDATE logs SET seq = ?, chain = ?, trimmed_upto = ?, bytes = ?, is_closed = ?, kinds = ? WHERE id = ?",
  );
  const selectOwnerBytes = db.prepare("SELECT coalesce(sum(bytes), 0) AS bytes FROM logs WHERE owner = ?");
  const headById = new Map<LogId, LogHead>();
  const bytesByOwner = new Map<number, number>();
  const touched = new Set<LogHead>();

  function load(logId: LogId): LogHead | null {
    const row = selectLog.get(idBytes(logId));
    if (row === undefined) return null;
    const id = numberOf(row.id);
    const seq = numberOf(row.seq);
    const last = selectLast.get(placeOf(id, 0), placeOf(id + 1, 0) - 1)?.place;
    const trimmedUpto = numberOf(row.trimmed_upto);
    const lastSeq = Math.max(trimmedUpto, typeof last === "number" ? seqAt(last) : 0);
    assert(lastSeq === seq, "a log's head is its last entry");
    const head: LogHead = {
      row: id,
      logId,
      owner: numberOf(row.owner),
      kind: logKind(numberOf(row.kind)),
      appendKey: blobOrNull(row.append_key),
      isClosed: row.is_closed === 1,
      incarnation: numberOf(row.incarnation),
      reseed: blobOrNull(row.reseed),
      seq,
      chain: blobOf(row.chain),
      trimmedUpto,
      bytes: numberOf(row.bytes),
      lastOfKinds: unpackKinds(blobOf(row.kinds)),
      writers: new Map(),
    };
    if (headById.size >= LOGS_CACHED_MAX) evict();
    headById.set(logId, head);
    return head;
  }

  /** Half of the cache goes, oldest first; what this transaction changed stays until it is written. */
  function evict(): void {
    let left = LOGS_CACHED_MAX / 2;
    for (const [logId, head] of headById) {
      if (left-- <= 0) break;
      if (!touched.has(head)) headById.delete(logId);
    }
  }

  /** Loaded before the first change of a transaction, and kept in step from then on. */
  function ownerBytes(owner: number): number {
    const there = bytesByOwner.get(owner);
    if (there !== undefined) return there;
    const bytes = numberOf(selectOwnerBytes.get(owner)?.bytes);
    bytesByOwner.set(owner, bytes);
    return bytes;
  }

  function keepWriter(head: LogHead, writerTag: WriterTag, writer: WriterHead): WriterHead {
    if (head.writers.size >= WRITERS_CACHED_PER_LOG_MAX) head.writers.clear();
    head.writers.set(writerTag, writer);
    return writer;
  }

  return {
    find: (logId) => headById.get(logId) ?? load(logId),
    findWriter(head, writerTag) {
      const there = head.writers.get(writerTag);
      if (there !== undefined) return there;
      const row = selectWriter.get(head.row, idBytes(writerTag));
      if (row === undefined) return null;
      const number = numberOf(row.number);
      const last = selectWriterSeq.get(number)?.seq;
      const seq = Math.max(numberOf(row.trimmed_seq), typeof last === "number" ? last : 0);
      return keepWriter(head, writerTag, { number, seq });
    },
    addWriter(head, writerTag) {
      const { lastInsertRowid } = insertWriter.run(head.row, idBytes(writerTag));
      return keepWriter(head, writerTag, { number: Number(lastInsertRowid), seq: 0 });
    },
    addBytes(head, bytes) {
      bytesByOwner.set(head.owner, ownerBytes(head.owner) + bytes);
      head.bytes += bytes;
    },
    ownerBytes,
    touch: (head) => {
      touched.add(head);
    },
    writeTouched() {
      for (const head of touched) {
        updateLog.run(
          head.seq,
          head.chain,
          head.trimmedUpto,
          head.bytes,
          head.isClosed ? 1 : 0,
          packKinds(head.lastOfKinds),
          head.row,
        );
      }
      touched.clear();
      // Only here do the rows say again what is in memory.
      if (bytesByOwner.size > ACCOUNTS_CACHED_MAX) bytesByOwner.clear();
    },
    forget(head) {
      headById.delete(head.logId);
      touched.delete(head);
      bytesByOwner.delete(head.owner);
    },
    forgetOwner(owner) {
      for (const [logId, head] of headById) {
        if (head.owner !== owner) continue;
        headById.delete(logId);
        touched.delete(head);
      }
      bytesByOwner.delete(owner);
    },
    forgetAll() {
      headById.clear();
      bytesByOwner.clear();
      touched.clear();
    },
  };
}

const KIND_BYTES = 1 + ID_BYTES.entry;

function packKinds(lastOfKinds: ReadonlyMap<number, EntryId>): Bytes {
  const packed = new Uint8Array(lastOfKinds.size * KIND_BYTES);
  let offset = 0;
  for (const [kind, id] of lastOfKinds) {
    packed[offset] = kind;
    packed.set(idBytes(id), offset + 1);
    offset += KIND_BYTES;
  }
  return packed;
}

function unpackKinds(packed: Bytes): Map<number, EntryId> {
  const lastOfKinds = new Map<number, EntryId>();
  for (let offset = 0; offset < packed.length; offset += KIND_BYTES) {
    lastOfKinds.set(
      packed[offset] ?? 0,
      idFromBytes("entry", packed.subarray(offset + 1, offset + KIND_BYTES)),
    );
  }
  return lastOfKinds;
}

function logKind(number: number): LogKind {
  if (number === LOG_KIND_NUMBER.account) return "account";
  if (number === LOG_KIND_NUMBER.request) return "request";
  if (number === LOG_KIND_NUMBER.inbound) return "inbound";
  assert(number === LOG_KIND_NUMBER.room, "the kind of a log is known");
  return "room";
}
