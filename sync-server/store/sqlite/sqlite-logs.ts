/** `LogStore` over SQLite: everything but the append itself, which is in sqlite-append.ts. */
import { present } from "@dovetail/core/base/assert.ts";
import { type Bytes, equalBytes } from "@dovetail/core/base/bytes.ts";
import { type DeviceId, idBytes, type LogId } from "@dovetail/core/base/ids.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import { chainStart, type PlacedEntry } from "@dovetail/core/protocol/entry.ts";
import { ACK_COALESCE_MS, ENTRY_COST_BYTES, LOGS_PER_ACCOUNT_MAX } from "../../limits.ts";
import type { CommitQueue } from "../commit-queue.ts";
import {
  isManyOfAKind,
  type LogPage,
  type LogRecord,
  type LogStore,
  type NewLog,
  type ReadRange,
} from "../log-store.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { AccountStandings } from "./sqlite-accounts.ts";
import { prepareAppend, prepareFindEntry, type SqliteAppendDeps } from "./sqlite-append.ts";
import type { LogHead } from "./sqlite-log-heads.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";
import { prepareReseed } from "./sqlite-reseed.ts";
import { LOG_KIND_NUMBER, placeOf, seqAt } from "./sqlite-schema.ts";

export interface SqliteLogsDeps extends SqliteAppendDeps {
  readonly queue: CommitQueue;
  /** Reads outside a transaction; turns what the medium throws into a refusal. */
  read<T>(query: () => Result<T, Refusal>): Promise<Result<T, Refusal>>;
  /** Something waits in `erasures`. */
  onErasure(): void;
}

/** The log operations of the SQLite store. */
export function createSqliteLogs(deps: SqliteLogsDeps): Omit<LogStore, "onEvent"> & { flushAcks(): void } {
  const { queue, heads } = deps;
  const append = prepareAppend(deps);
  const readPage = prepareRead(deps);
  const createLog = prepareCreate(deps);
  const reseedLog = prepareReseed(deps);
  const setTickets = prepareTickets(deps);
  const acks = createAcks(deps);
  const findEntry = prepareFindEntry(deps);

  function withHead<T>(logId: LogId, use: (head: LogHead) => T): Result<T, Refusal> {
    const head = heads.find(logId);
    return head === null ? refuse("unknown-log") : ok(use(head));
  }

  return {
    createLog: (log) => queue.run(() => createLog(log)),
    async reseedLog(log) {
      const done = await queue.run(() => reseedLog(log));
      if (done.ok) deps.onErasure();
      return done;
    },
    findLog: (logId) =>
      deps.read(() => {
        const head = heads.find(logId);
        return ok(head === null ? null : recordOf(deps.standings, head));
      }),
    append: (request) => queue.run(() => append(request)),
    read: (range) => deps.read(() => readPage(range)),
    findEntry: (logId, entry) => deps.read(() => withHead(logId, (head) => findEntry(head, entry))),
    writerSeq: (logId, writerTag) =>
      deps.read(() => withHead(logId, (head) => heads.findWriter(head, writerTag)?.seq ?? 0)),
    ack: (logId, deviceId, upto) => acks.ack(logId, deviceId, upto),
    closeLog: (logId) =>
      queue.run(() =>
        withHead(logId, (head) => {
          heads.touch(head);
          head.isClosed = true;
        }),
      ),
    setLogKey: (logId, appendKey) =>
      queue.run(() => withHead(logId, (head) => deps.keys.replace(head, appendKey))),
    formerKey: (logId, key) => deps.read(() => withHead(logId, (head) => deps.keys.formerKey(head, key))),
    setTickets: (logId, ticketHashes) => queue.run(() => setTickets(logId, ticketHashes)),
    flushAcks: acks.flush,
  };
}

function recordOf(standings: AccountStandings, head: LogHead): LogRecord {
  return {
    logId: head.logId,
    ownerId: present(standings.byRow(head.owner), "a log has an owner").accountId,
    kind: head.kind,
    appendKey: head.appendKey,
    isClosed: head.isClosed,
    head: { incarnation: head.incarnation, seq: head.seq, chain: head.chain },
    reseed: head.reseed,
    trimmedUpto: head.trimmedUpto,
    bytes: head.bytes,
  };
}

function prepareCreate(deps: SqliteLogsDeps): (log: NewLog) => Result<void, Refusal> {
  const { db, heads, standings } = deps;
  const selectSingle = db.prepare("SELECT 1 FROM logs WHERE owner = ? AND kind = ?");
  const selectCount = db.prepare("SELECT log_count FROM accounts WHERE id = ?");
  const addCount = db.prepare("UPDATE accounts SET log_count = log_count + 1 WHERE id = ?");
  const insert = db.prepare(
    "INSERT INTO logs (log_id, owner, kind, append_key, is_closed, incarnation, seq, chain, bytes, kinds) VALUES (?, ?, ?, ?, 0, 0, 0, ?, 0, x'')",
  );
  return (log) => {
    const owner = standings.byId(log.ownerId);
    if (owner === null) return refuse("unknown-account");
    const there = heads.find(log.logId);
    // LG13: the same again is the retry of a lost answer.
    if (there !== null) return isSameLog(there, log, owner.row) ? ok() : refuse("log-exists");
    const kind = LOG_KIND_NUMBER[log.kind];
    if (!isManyOfAKind(log.kind) && selectSingle.get(owner.row, kind) !== undefined)
      return refuse("log-exists");
    if (numberOf(selectCount.get(owner.row)?.log_count) >= LOGS_PER_ACCOUNT_MAX) return refuse("quota");
    insert.run(idBytes(log.logId), owner.row, kind, log.appendKey, chainStart(log.logId));
    addCount.run(owner.row);
    return ok();
  };
}

function isSameLog(there: LogHead, log: NewLog, owner: number): boolean {
  if (there.owner !== owner || there.kind !== log.kind) return false;
  if (there.appendKey === null || log.appendKey === null) return there.appendKey === log.appendKey;
  return equalBytes(there.appendKey, log.appendKey);
}

function prepareRead(deps: SqliteLogsDeps): (range: ReadRange) => Result<LogPage, Refusal> {
  const select = deps.db.prepare(
    "SELECT place, header, sealed FROM entries WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
  );
  return (range) => {
    const head = deps.heads.find(range.logId);
    if (head === null) return refuse("unknown-log");
    if (range.after > head.seq) return refuse("seq-out-of-range");
    if (range.after < head.trimmedUpto) return refuse("log-trimmed"); // SN14
    const entries: PlacedEntry[] = [];
    let bytes = 0;
    for (const row of select.iterate(
      placeOf(head.row, range.after + 1),
      placeOf(head.row, head.seq),
      range.entriesMax,
    )) {
      const entry = {
        seq: seqAt(numberOf(row.place)),
        header: blobOf(row.header),
        sealed: blobOf(row.sealed),
      };
      bytes += entry.header.length + entry.sealed.length + ENTRY_COST_BYTES;
      if (bytes > range.bytesMax && entries.length > 0) break;
      entries.push(entry);
    }
    return ok({ entries, head: { incarnation: head.incarnation, seq: head.seq, chain: head.chain } });
  };
}

function prepareTickets(
  deps: SqliteLogsDeps,
): (logId: LogId, ticketHashes: readonly Bytes[]) => Result<void, Refusal> {
  const remove = deps.db.prepare("DELETE FROM tickets WHERE log = ?");
  const insert = deps.db.prepare(
    "INSERT INTO tickets (log, ticket_hash) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  return (logId, ticketHashes) => {
    const head = deps.heads.find(logId);
    if (head === null) return refuse("unknown-log");
    remove.run(head.row);
    for (const ticketHash of ticketHashes) insert.run(head.row, ticketHash);
    return ok();
  };
}

interface WaitingAck {
  upto: number;
  readonly answers: ((result: Result<void, Refusal>) => void)[];
}

/** Acks of a short while are written together: only a device's highest counts, and each alone would cost a sync. */
function createAcks(deps: SqliteLogsDeps) {
  const put = deps.db.prepare(
    // A log that was deleted meanwhile gets none.
    "INSERT INTO acks (log, device_id, upto) SELECT id, ?2, ?3 FROM logs WHERE id = ?1 AND owner > 0 ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)",
  );
  let waiting = new Map<string, WaitingAck & { readonly row: number; readonly deviceId: DeviceId }>();
  let timer: ReturnType<typeof setTimeout> | null = null;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const batch = waiting;
    if (batch.size === 0) return;
    waiting = new Map();
    const written = deps.queue.run(() => {
      for (const { row, deviceId, upto } of batch.values()) put.run(row, idBytes(deviceId), upto);
      return ok();
    });
    void written.then((result) => {
      for (const { answers } of batch.values()) for (const answer of answers) answer(result);
    });
  }

  function ack(logId: LogId, deviceId: DeviceId, upto: number): Promise<Result<void, Refusal>> {
    return deps
      .read(() => {
        const head = deps.heads.find(logId);
        if (head === null) return refuse("unknown-log");
        return upto > head.seq ? refuse("seq-out-of-range") : ok(head.row);
      })
      .then((row) => {
        if (!row.ok) return row;
        return new Promise((resolve) => {
          const key = `${row.value}/${deviceId}`;
          const there = waiting.get(key);
          if (there === undefined) waiting.set(key, { row: row.value, deviceId, upto, answers: [resolve] });
          else {
            there.upto = Math.max(there.upto, upto);
            there.answers.push(resolve);
          }
          timer ??= setTimeout(flush, ACK_COALESCE_MS);
        });
      });
  }

  return { ack, flush };
}
