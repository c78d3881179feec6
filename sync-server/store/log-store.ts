/**
 * Port: sealed logs. Contract: test/contract/log-store.ts, run on every adapter. Rules LG1-LG14.
 *
 * Whatever changes something resolves only after it is durable. Operations that arrive together may share one
 * transaction; each still happens wholly or not at all, in the order of the calls.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId, DeviceId, EntryId, LogId, WriterTag } from "@dovetail/core/base/ids.ts";
import type { Result } from "@dovetail/core/base/result.ts";
import type { LogKind } from "@dovetail/core/protocol/client-frame.ts";
import type { EntryHeader, LogPoint, PlacedEntry } from "@dovetail/core/protocol/entry.ts";
import type { AppendResult } from "@dovetail/core/protocol/server-frame.ts";
import type { Refusal } from "./refusal.ts";

export interface NewLog {
  readonly logId: LogId;
  readonly ownerId: AccountId;
  readonly kind: LogKind;
  readonly appendKey: Bytes | null;
}

/** LG13: an account has one log of the other kinds, without a key to append with. */
export function isManyOfAKind(kind: LogKind): boolean {
  return kind === "inbound" || kind === "room";
}

/** A log that goes on as its next incarnation; the gateway has checked the signature. */
export interface ReseededLog extends NewLog {
  readonly incarnation: number;
  /** What its owner's device had read. */
  readonly after: LogPoint;
  readonly reseed: Bytes;
}

/** What is known of a log. `bytes` is what it holds against its quota. */
export interface LogRecord extends NewLog {
  readonly isClosed: boolean;
  readonly head: LogPoint;
  /** Its owner's word that it goes on, above incarnation 0. */
  readonly reseed: Bytes | null;
  /** Entries up to this seq are trimmed, but those a snapshot excepts. */
  readonly trimmedUpto: number;
  readonly bytes: number;
}

/** Who appends. The gateway has checked the proof; the store checks again what may have changed since. */
export type Appender =
  | { readonly type: "device"; readonly accountId: AccountId; readonly deviceId: DeviceId }
  /** `key` is the one that was proven: a room's may have been replaced since. */
  | { readonly type: "capability"; readonly key: Bytes }
  | { readonly type: "ticket"; readonly ticketHash: Bytes }
  | { readonly type: "work" };

/** An entry to place; `id` and `fields` were computed from the bytes. */
export interface NewEntry {
  readonly id: EntryId;
  readonly fields: EntryHeader;
  readonly header: Bytes;
  readonly sealed: Bytes;
}

export interface AppendRequest {
  readonly logId: LogId;
  readonly appender: Appender;
  /** The proven tag of the connection. */
  readonly writerTag: WriterTag;
  readonly entries: readonly NewEntry[];
  /** Replaces the log's key once its one entry is placed. LG21 */
  readonly rekey?: Bytes;
}

/** An entry by its writer's place and its id. */
export interface EntryName {
  readonly writerTag: WriterTag;
  readonly writerSeq: number;
  readonly entryId: EntryId;
}

export interface ReadRange {
  readonly logId: LogId;
  /** Exclusive. */
  readonly after: number;
  readonly entriesMax: number;
  /** The page ends before the entry that would pass this, but never before its first. */
  readonly bytesMax: number;
}

export interface LogPage {
  readonly entries: readonly PlacedEntry[];
  readonly head: LogPoint;
}

/** What others must hear of, told in the turn of the commit and before any answer. */
export type StoreEvent =
  | { readonly type: "reseeded"; readonly logId: LogId }
  /** Its key was replaced at this point. */
  | { readonly type: "rekeyed"; readonly logId: LogId; readonly at: LogPoint }
  | { readonly type: "appended"; readonly logId: LogId; readonly entries: readonly PlacedEntry[] }
  | { readonly type: "deleted"; readonly deviceIds: readonly DeviceId[] }
  | { readonly type: "revoked"; readonly accountId: AccountId; readonly deviceIds: readonly DeviceId[] };

export interface LogStore {
  /** - Fails: `log-exists` unless an equal log is there already; `unknown-account`; `quota`. */
  createLog(log: NewLog): Promise<Result<void, Refusal>>;
  /**
   * Begins a log anew at seq 0 of its next incarnation; what was there of it goes.
   *
   * - Fails: `log-exists` while `after` is in it or it is of another owner, or when the incarnation is not the next one;
   *   `unknown-account`; `quota`.
   */
  reseedLog(log: ReseededLog): Promise<Result<void, Refusal>>;
  findLog(logId: LogId): Promise<Result<LogRecord | null, Refusal>>;
  /**
   * Places entries in order; each has its own result.
   *
   * - Fails as a whole: `unknown-log`, `log-closed`, `revoked-device`, `not-admitted`.
   */
  append(request: AppendRequest): Promise<Result<readonly AppendResult[], Refusal>>;
  /** Entries in seq order without gaps. - Fails: `unknown-log`; `seq-out-of-range` past the head; `log-trimmed` below the trimmed end. */
  read(range: ReadRange): Promise<Result<LogPage, Refusal>>;
  /** Seq of an entry, or null when its writer's place holds none or another. */
  findEntry(logId: LogId, entry: EntryName): Promise<Result<number | null, Refusal>>;
  /** The writer's last accepted seq, 0 for none. */
  writerSeq(logId: LogId, writerTag: WriterTag): Promise<Result<number, Refusal>>;
  /** Records how far a device has read; never goes back. - Fails: `seq-out-of-range` past the head. */
  ack(logId: LogId, deviceId: DeviceId, upto: number): Promise<Result<void, Refusal>>;
  /** Ends appends by capability, ticket and work. */
  closeLog(logId: LogId): Promise<Result<void, Refusal>>;
  /** Replaces the key of a room's log; the former one reads up to here. LG21 */
  setLogKey(logId: LogId, appendKey: Bytes): Promise<Result<void, Refusal>>;
  /** Up to where a former key of a log reads; null for a key it never had. */
  formerKey(logId: LogId, key: Bytes): Promise<Result<LogPoint | null, Refusal>>;
  /** Replaces the tickets of a request log. */
  setTickets(logId: LogId, ticketHashes: readonly Bytes[]): Promise<Result<void, Refusal>>;
  /** The listener must not throw. */
  onEvent(listener: (event: StoreEvent) => void): () => void;
}
