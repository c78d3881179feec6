/** `LogStore` in memory: what the port means, without a medium. For tests and for trials. */
import { type Bytes, equalBytes, toHex } from "@dovetail/core/base/bytes.ts";
import { present } from "@dovetail/core/base/assert.ts";
import type { AccountId, DeviceId, EntryId, LogId, WriterTag } from "@dovetail/core/base/ids.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import { chainNext, chainStart, type LogPoint, type PlacedEntry } from "@dovetail/core/protocol/entry.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { AppendResult } from "@dovetail/core/protocol/server-frame.ts";
import { ENTRY_COST_BYTES, FORMER_KEYS_PER_LOG_MAX, LOGS_PER_ACCOUNT_MAX } from "../../limits.ts";
import type { DeviceRecord } from "../directory-store.ts";
import { type AppendView, decideEntry, entryCost } from "../decide-append.ts";
import {
  type Appender,
  type AppendRequest,
  isManyOfAKind,
  type LogPage,
  type LogRecord,
  type LogStore,
  type NewEntry,
  type NewLog,
  type ReadRange,
  type ReseededLog,
  type StoreEvent,
} from "../log-store.ts";
import type { StoreFigures } from "../operator-store.ts";
import type { Quotas } from "../quotas.ts";
import { type Refusal, refuse } from "../refusal.ts";

/** What the logs need to know of their owners. */
export interface MemoryOwners {
  count(): number;
  epochOf(accountId: AccountId): number | null;
  isActive(accountId: AccountId, deviceId: DeviceId): boolean;
  devicesOf(accountId: AccountId): ReadonlyMap<DeviceId, DeviceRecord>;
}

/** A log; entries up to `trimmedUpto` may be null, `ids` has all of them. */
export interface MemoryLog extends NewLog {
  appendKey: Bytes | null;
  readonly formerKeys: Map<string, LogPoint>;
  readonly incarnation: number;
  readonly reseed: Bytes | null;
  isClosed: boolean;
  bytes: number;
  chain: LogPoint["chain"];
  readonly entries: (PlacedEntry | null)[];
  readonly ids: EntryId[];
  trimmedUpto: number;
  readonly seqById: Map<EntryId, number>;
  readonly writerSeqByTag: Map<WriterTag, number>;
  readonly lastByKind: Map<number, EntryId>;
  readonly acks: Map<DeviceId, number>;
  tickets: ReadonlySet<string>;
}

/** Log operations over `owners`; `announce` hears of what was placed before the caller does. */
export function createMemoryLogs(
  owners: MemoryOwners,
  announce: (event: StoreEvent) => void,
  quotas: Quotas,
): {
  readonly logs: Omit<LogStore, "onEvent">;
  readonly logById: Map<LogId, MemoryLog>;
  figures(): Omit<StoreFigures, "accounts" | "blobBytes">;
} {
  const logById = new Map<LogId, MemoryLog>();

  function withLog<T>(
    logId: LogId,
    use: (log: MemoryLog) => Result<T, Refusal>,
  ): Promise<Result<T, Refusal>> {
    const log = logById.get(logId);
    return Promise.resolve(log === undefined ? refuse("unknown-log") : use(log));
  }

  function replaceKey(log: MemoryLog, key: Bytes): void {
    if (log.appendKey !== null && equalBytes(log.appendKey, key)) return;
    const at = pointOf(log);
    if (log.appendKey !== null) {
      log.formerKeys.delete(toHex(log.appendKey));
      log.formerKeys.set(toHex(log.appendKey), at);
    }
    log.formerKeys.delete(toHex(key));
    for (const oldest of log.formerKeys.keys()) {
      if (log.formerKeys.size <= FORMER_KEYS_PER_LOG_MAX) break;
      log.formerKeys.delete(oldest);
    }
    log.appendKey = key;
    announce({ type: "rekeyed", logId: log.logId, at });
  }

  const logs: Omit<LogStore, "onEvent"> = {
    createLog: (log) => Promise.resolve(createLog(logById, owners, log)),
    reseedLog(log) {
      const reseeded = reseedLog(logById, owners, log);
      if (reseeded.ok) announce({ type: "reseeded", logId: log.logId });
      return Promise.resolve(reseeded);
    },
    findLog: (logId) => {
      const log = logById.get(logId);
      return Promise.resolve(ok(log === undefined ? null : recordOf(log)));
    },
    append: (request) =>
      withLog(request.logId, (log) => {
        const fault = checkAppender(owners, log, request.appender);
        if (fault !== null) return refuse(fault);
        const { results, placed } = placeAll(log, request, {
          epoch: present(owners.epochOf(log.ownerId), "a log has an owner"),
          quotas,
          otherBytes: bytesOf(logById, log.ownerId) - log.bytes,
        });
        if (placed.length > 0) announce({ type: "appended", logId: log.logId, entries: placed });
        if (placed.length > 0 && request.rekey !== undefined) replaceKey(log, request.rekey);
        return ok(results);
      }),
    read: (range) => withLog(range.logId, (log) => readPage(log, range)),
    findEntry: (logId, { entryId }) => withLog(logId, (log) => ok(log.seqById.get(entryId) ?? null)),
    writerSeq: (logId, tag) => withLog(logId, (log) => ok(log.writerSeqByTag.get(tag) ?? 0)),
    ack: (logId, deviceId, upto) =>
      withLog(logId, (log) => {
        if (upto > log.entries.length) return refuse("seq-out-of-range");
        log.acks.set(deviceId, Math.max(upto, log.acks.get(deviceId) ?? 0));
        return ok();
      }),
    closeLog: (logId) =>
      withLog(logId, (log) => {
        log.isClosed = true;
        return ok();
      }),
    setLogKey: (logId, appendKey) => withLog(logId, (log) => ok(replaceKey(log, appendKey))),
    formerKey: (logId, key) => withLog(logId, (log) => ok(log.formerKeys.get(toHex(key)) ?? null)),
    setTickets: (logId, ticketHashes) =>
      withLog(logId, (log) => {
        log.tickets = new Set(ticketHashes.map(toHex));
        return ok();
      }),
  };
  return { logs, logById, figures: () => figuresOf([...logById.values()]) };
}

function figuresOf(logs: readonly MemoryLog[]): Omit<StoreFigures, "accounts" | "blobBytes"> {
  const sum = (of: readonly MemoryLog[], size: (log: MemoryLog) => number): number =>
    of.reduce((total, log) => total + size(log), 0);
  const kinds = (["account", "inbound", "request", "room"] as const).map((kind) => {
    const own = logs.filter((log) => log.kind === kind);
    const entries = sum(own, (log) => log.entries.length);
    return { kind, logs: own.length, entries, bytes: sum(own, (log) => log.bytes) };
  });
  const byOwner = Map.groupBy(logs, ({ ownerId }) => ownerId);
  const largestAccountBytes = Math.max(
    0,
    ...[...byOwner.values()].map((own) => sum(own, ({ bytes }) => bytes)),
  );
  return { logs: kinds, largestAccountBytes, databaseBytes: 0, freeBytes: 0, erasures: 0 };
}

function createLog(logById: Map<LogId, MemoryLog>, owners: MemoryOwners, log: NewLog): Result<void, Refusal> {
  if (owners.epochOf(log.ownerId) === null) return refuse("unknown-account");
  const there = logById.get(log.logId);
  if (there !== undefined) return isSameLog(there, log) ? ok() : refuse("log-exists");
  const own = [...logById.values()].filter(({ ownerId }) => ownerId === log.ownerId);
  if (!isManyOfAKind(log.kind) && own.some(({ kind }) => kind === log.kind)) return refuse("log-exists");
  if (own.length >= LOGS_PER_ACCOUNT_MAX) return refuse("quota");
  logById.set(log.logId, emptyLog(log, 0, null));
  return ok();
}

function reseedLog(
  logById: Map<LogId, MemoryLog>,
  owners: MemoryOwners,
  { incarnation, after, reseed, ...log }: ReseededLog,
): Result<void, Refusal> {
  if (owners.epochOf(log.ownerId) === null) return refuse("unknown-account");
  const there = logById.get(log.logId);
  if (incarnation !== Math.max(there?.incarnation ?? 0, after.incarnation) + 1) return refuse("log-exists");
  if (there === undefined) {
    const created = createLog(logById, owners, log);
    if (!created.ok) return created;
  } else if (there.ownerId !== log.ownerId || there.kind !== log.kind) return refuse("log-exists");
  // IN2
  else if (there.incarnation === after.incarnation && holds(there, after)) return refuse("log-exists");
  logById.set(log.logId, emptyLog(log, incarnation, reseed));
  return ok();
}

/** Whether a log leads through a point. */
function holds(log: MemoryLog, { seq, chain }: LogPoint): boolean {
  if (seq > log.ids.length) return false;
  const value = log.ids.slice(0, seq).reduce(chainNext, chainStart(log.logId));
  return equalBytes(value, chain);
}

function emptyLog(log: NewLog, incarnation: number, reseed: Bytes | null): MemoryLog {
  return {
    ...log,
    incarnation,
    reseed,
    isClosed: false,
    bytes: 0,
    chain: chainStart(log.logId),
    entries: [],
    ids: [],
    trimmedUpto: 0,
    seqById: new Map(),
    writerSeqByTag: new Map(),
    lastByKind: new Map(),
    acks: new Map(),
    tickets: new Set(),
    formerKeys: new Map(),
  };
}

function isSameLog(there: NewLog, log: NewLog): boolean {
  if (there.ownerId !== log.ownerId || there.kind !== log.kind) return false;
  if (there.appendKey === null || log.appendKey === null) return there.appendKey === log.appendKey;
  return equalBytes(there.appendKey, log.appendKey);
}

/** Head of a log. */
export function pointOf(log: MemoryLog): LogPoint {
  return { incarnation: log.incarnation, seq: log.entries.length, chain: log.chain };
}

function recordOf(log: MemoryLog): LogRecord {
  const { logId, ownerId, kind, appendKey, isClosed, trimmedUpto, bytes, reseed } = log;
  return { logId, ownerId, kind, appendKey, isClosed, trimmedUpto, bytes, reseed, head: pointOf(log) };
}

function checkAppender(owners: MemoryOwners, log: MemoryLog, appender: Appender): FailureCode | null {
  if (appender.type === "device") {
    if (appender.accountId !== log.ownerId) return "forbidden";
    return owners.isActive(appender.accountId, appender.deviceId) ? null : "revoked-device";
  }
  if (log.isClosed) return "log-closed";
  if (appender.type === "capability")
    return log.appendKey !== null && equalBytes(log.appendKey, appender.key) ? null : "forbidden";
  if (appender.type === "ticket") return log.tickets.has(toHex(appender.ticketHash)) ? null : "not-admitted";
  return null;
}

function bytesOf(logById: ReadonlyMap<LogId, MemoryLog>, ownerId: AccountId): number {
  return [...logById.values()].reduce((sum, log) => sum + (log.ownerId === ownerId ? log.bytes : 0), 0);
}

interface PlaceStanding {
  readonly epoch: number;
  readonly quotas: Quotas;
  /** Bytes of the owner's other logs. */
  readonly otherBytes: number;
}

function placeAll(log: MemoryLog, request: AppendRequest, { epoch, quotas, otherBytes }: PlaceStanding) {
  const view: AppendView = {
    kind: log.kind,
    incarnation: log.incarnation,
    get bytes() {
      return log.bytes;
    },
    get entries() {
      return log.entries.length;
    },
    get ownerBytes() {
      return otherBytes + log.bytes;
    },
    writerSeq: (tag) => log.writerSeqByTag.get(tag) ?? 0,
    lastOfKind: (kind) => log.lastByKind.get(kind) ?? null,
    kindCount: () => log.lastByKind.size,
    seqOf: ({ id }) => log.seqById.get(id) ?? null,
  };
  const placed: PlacedEntry[] = [];
  let isAfterRefused = false;
  const results = request.entries.map((entry): AppendResult => {
    const decision = decideEntry(view, entry, {
      writerTag: request.writerTag,
      appender: request.appender,
      epoch,
      quotas,
      isAfterRefused,
    });
    if (decision !== "place") {
      isAfterRefused ||= decision.type === "refused";
      return decision;
    }
    placed.push(place(log, entry));
    return { type: "accepted", seq: log.entries.length, chain: log.chain };
  });
  return { results, placed };
}

function place(log: MemoryLog, entry: NewEntry): PlacedEntry {
  const { id, header, sealed, fields } = entry;
  const seq = log.entries.length + 1;
  log.entries.push({ seq, header, sealed });
  log.ids.push(id);
  log.seqById.set(id, seq);
  log.chain = chainNext(log.chain, id);
  log.bytes += entryCost(entry);
  log.writerSeqByTag.set(fields.writerTag, fields.writerSeq);
  log.lastByKind.set(fields.kind, id);
  return { seq, header, sealed };
}

function readPage(log: MemoryLog, range: ReadRange): Result<LogPage, Refusal> {
  if (range.after > log.entries.length) return refuse("seq-out-of-range");
  if (range.after < log.trimmedUpto) return refuse("log-trimmed");
  const entries: PlacedEntry[] = [];
  let bytes = 0;
  for (const entry of log.entries.slice(range.after, range.after + range.entriesMax)) {
    const { seq, header, sealed } = present(entry, "an entry above the trimmed end is whole");
    bytes += header.length + sealed.length + ENTRY_COST_BYTES;
    if (bytes > range.bytesMax && entries.length > 0) break;
    entries.push({ seq, header, sealed });
  }
  return ok({ entries, head: pointOf(log) });
}
