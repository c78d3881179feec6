/**
 * Sending: own ops become sealed entries in the other side's log. Rules DM10-DM13, DM15, FC1, FC5; order of design §6.
 *
 * An op waits in `outbox` from the moment it is written. Sealing moves the ratchets on and stores the final bytes in one
 * transaction; those bytes are sent until the server's receipt, and the row stays until the other side's delivery
 * frontier covers the op. Runs within the serial.
 */
import type { AccountId, ConversationId, LogId, OpId } from "../../base/ids.ts";
import { STORE_BATCH_ROWS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { wipe } from "../../crypto/secret.ts";
import { BODY_BYTES_MAX, type Letter } from "../../messenger/envelope.ts";
import { REQUEST_BODY_BYTES_MAX } from "../../messenger/inbound-entry.ts";
import { type NamedOp, OP_KIND, parseOp } from "../../messenger/op.ts";
import type { FailureCode } from "../../protocol/failure.ts";
import type { AppendResult } from "../../protocol/server-frame.ts";
import { encodeSessionSet } from "../../ratchet/session-set-codec.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import { rowKeyNumber, rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import { createOutboxParcels, type Parcel } from "./outbox-parcels.ts";
import { CLOSED, closedTurnOf, createOutboxRows, kindOf, type OutboxQueries } from "./outbox-rows.ts";
import { PASSING } from "./passing-refusals.ts";
import { type ClaimedBundles, createSealing, groupOps, type Route } from "./seal-for-contact.ts";
import type { OutboxRow, WriterRow } from "../tables.ts";

/** Parcels sealed at once; more ops wait unsealed. */
const PARCELS_PER_FLUSH_MAX = 64;

/** Parcels sent, or taken back, at once: with their ops they fit one transaction of the store. */
export const PARCELS_AT_ONCE_MAX = 1_024;

const DELIVERED_PER_MARK_MAX = 4_096;

export type { Parcel };

export interface Outbox extends OutboxQueries {
  start(): Promise<Result<void, StoreError>>;
  /** Row that keeps an op until it is delivered. */
  put(op: NamedOp, contact: AccountId): { readonly key: string; readonly write: WriteOp; commit(): void };
  /** The other side closed this conversation: what waits is not sent. `turn` is that of their log. Rule CO4. */
  close(contact: AccountId, turn: number): Promise<Result<void, ClientError>>;
  /** Their log is another one now: what was not sent because the former was closed goes, unless it was a block. */
  reopen(contact: AccountId, turn: number): Promise<Result<void, ClientError>>;
  /** Forgets ops that are taken back: what is not sealed yet is not sent. Rule DE6. */
  withdraw(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  /** Forgets what was refused for good. */
  dropFailed(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  /** How many own messages have got the server's receipt since the program started. */
  sentMessageCount(): number;
  /** Prekeys of devices there is no session with yet. Asks somebody else's server, so never within the serial. */
  claim(
    contact: AccountId,
    origin: string,
    chain: ChainState,
    route: Route,
  ): Promise<Result<ClaimedBundles, ClientError>>;
  /** Seals what waits for a contact. `chain` was verified just now. */
  seal(
    contact: AccountId,
    bundles: ClaimedBundles,
    chain: ChainState,
    route: Route,
  ): Promise<Result<void, ClientError>>;
  /**
   * What may go to a later incarnation of a log, in which this device has written nothing: the last bytes it kept without
   * a hole between them. What lies before a hole is sealed anew, and no number is used twice. Rule IN5.
   */
  pendingAnew(logId: LogId): Promise<Result<readonly Parcel[], ClientError>>;
  /** Compares the counter the server names for this device with its own. - Fails: `LogDistrusted`. */
  checkWriter(logId: LogId, writerSeqAtServer: number): Promise<Result<unknown, ClientError>>;
  /** Parcels for a log after the server's last accepted `writerSeq`, in order; earlier ones are taken as accepted. */
  pending(logId: LogId, writerSeqAtServer: number): Promise<Result<readonly Parcel[], ClientError>>;
  /** Takes the server's answers. Returns what was refused for good. */
  receipts(
    parcels: readonly Parcel[],
    results: readonly AppendResult[],
    incarnation?: number,
  ): Promise<Result<readonly FailureCode[], ClientError>>;
  /** Ops of this device below `next` have arrived: their rows go. */
  delivered(conversationId: ConversationId, next: number): Promise<Result<void, ClientError>>;
}

export function createOutbox(context: EngineContext): Outbox {
  const { tables, store, spans } = context;
  const rows = createOutboxRows(tables, spans);
  const { keep, forget } = rows;
  const sealing = createSealing(context);
  const parcels = createOutboxParcels();
  const writers = new Map<LogId, WriterRow>();
  let sentMessages = 0;

  async function start(): Promise<Result<void, StoreError>> {
    const stored = await rows.start();
    if (!stored.ok) return stored;
    const sealed = await tables.parcel.scan();
    if (!sealed.ok) return sealed;
    parcels.add(
      sealed.value.map(({ key, value }) => {
        const [, logId, writerSeq] = rowKeyParts(key);
        return { ...value, logId: logId as LogId, writerSeq: rowKeyNumber(writerSeq) ?? 0 };
      }),
    );
    return ok();
  }

  function put(op: NamedOp, contact: AccountId) {
    const key = tables.outbox.key(op.op.conversationId, op.op.hlc, op.id);
    const carriers = parcels.carrying(key);
    const [, row] = rows.draft(
      op,
      contact,
      carriers.map((parcel) => parcel.entryId),
    );
    const commit = () => {
      keep(key, row);
      if (op.op.kind !== OP_KIND.mark) spans?.taken(key);
    };
    return { key, write: rows.write(key, row), commit };
  }

  async function writerOf(logId: LogId): Promise<Result<WriterRow, StoreError>> {
    const known = writers.get(logId);
    if (known !== undefined) return ok(known);
    const row = await tables.writer.get(logId);
    return row.ok ? ok(row.value ?? { writerSeq: 0, previous: null, receipt: null }) : row;
  }

  async function seal(
    contact: AccountId,
    bundles: ClaimedBundles,
    chain: ChainState,
    route: Route,
  ): Promise<Result<void, ClientError>> {
    const logId = route.type === "inbound" ? route.keys.logId : route.logId;
    const dropped = await dropForRevoked(logId, chain);
    if (!dropped.ok) return dropped;
    // FC5: what was sealed for the request log and did not get there goes the way that is open now.
    const elsewhere = await takeBack(
      parcels
        .all()
        .filter((parcel) => parcel.contact === contact && parcel.logId !== logId && !parcel.isAccepted),
    );
    if (!elsewhere.ok) return elsewhere;
    // FC1: a request is one entry; what comes after it waits for the answer.
    if (
      route.type === "request" &&
      parcels.all().some((parcel) => parcel.logId === logId && !parcel.isAccepted)
    )
      return ok();
    const waiting = rows.waiting(contact).filter(([, row]) => row.state === "kept");
    if (waiting.length === 0) return ok();
    const isRequest = route.type === "request";
    const isAgain = isSentAgain(contact);
    const sessions = await sealing.open(contact, { bundles, chain, route, isAgain });
    if (!sessions.ok) return sessions;
    const writer = await writerOf(logId);
    if (!writer.ok) return writer;
    const draft = sessions.value;
    let writerSeq = writer.value.writerSeq;
    const made: Parcel[] = [];
    const changed = new Map<string, OutboxRow>();
    for (const group of groupOps(
      waiting,
      isRequest
        ? { groupsMax: 1, bytesMax: REQUEST_BODY_BYTES_MAX }
        : { groupsMax: PARCELS_PER_FLUSH_MAX, bytesMax: BODY_BYTES_MAX },
    )) {
      writerSeq++;
      const entry = sealing.seal(
        group.map(([, row]) => row),
        { chain, route, logId, writerSeq, receipt: writer.value.receipt },
        draft,
      );
      if (!entry.ok) return entry;
      const outboxKeys = group.map(([key]) => key);
      const recipients = [...draft.sets.keys()];
      made.push({
        contact,
        entry: entry.value,
        entryId: context.entryId(logId, entry.value),
        outboxKeys,
        recipients,
        isRequest,
        isAccepted: false,
        logId,
        writerSeq,
      });
      for (const [key, row] of group) changed.set(key, { ...row, state: "sealed" });
    }
    const writerRow = { ...writer.value, writerSeq };
    const written = await store.batch([
      ...[...draft.sets].map(([device, set]) =>
        tables.session.put([contact, device], { sessions: encodeSessionSet(set) }),
      ),
      ...made.map((parcel) => parcelWrite(parcel)),
      ...[...changed].map(([key, row]) => rows.write(key, row)),
      tables.writer.put([logId], writerRow),
    ]);
    if (!written.ok) return written;
    for (const [key, row] of changed) keep(key, row);
    parcels.add(made);
    writers.set(logId, writerRow);
    wipe(...draft.spent);
    return ok();
  }

  /** DM19: something was asked for once more, so what a session was begun with may be gone at the other end. */
  function isSentAgain(contact: AccountId): boolean {
    return rows.waiting(contact).some(([, row]) => row.state === "kept" && row.replaces.length > 0);
  }

  /** Parcels not accepted yet that a revoked device could open are taken back; their ops are sealed anew. Rule DM13. */
  async function dropForRevoked(logId: LogId, chain: ChainState): Promise<Result<void, ClientError>> {
    const own = parcels.all().filter((parcel) => parcel.logId === logId && !parcel.isAccepted);
    const firstBad = own.findIndex((parcel) =>
      parcel.recipients.some((device) => chain.devicesById.get(device)?.revokedSeq !== null),
    );
    return firstBad < 0 ? ok() : takeBack(own.slice(firstBad));
  }

  /**
   * The counter stays: only the server knows what it has taken, and `pending` goes by that. The last ones first: what the disk refuses
   * then has no hole before it.
   */
  async function takeBack(taken: readonly Parcel[]): Promise<Result<void, ClientError>> {
    for (let end = taken.length; end > 0; end -= PARCELS_AT_ONCE_MAX) {
      const back = await takeSomeBack(taken.slice(Math.max(0, end - PARCELS_AT_ONCE_MAX), end));
      if (!back.ok) return back;
    }
    return ok();
  }

  async function takeSomeBack(taken: readonly Parcel[]): Promise<Result<void, ClientError>> {
    const changed = new Map<string, OutboxRow>();
    for (const key of taken.flatMap((parcel) => parcel.outboxKeys)) {
      const row = rows.get(key);
      if (row !== undefined) changed.set(key, { ...row, state: "kept" });
    }
    const written = await store.batch([
      ...taken.map((parcel) => tables.parcel.remove(parcel.logId, parcel.writerSeq)),
      ...[...changed].map(([key, row]) => rows.write(key, row)),
    ]);
    if (!written.ok) return written;
    parcels.remove(taken);
    for (const [key, row] of changed) keep(key, row);
    return ok();
  }

  const parcelWrite = ({ logId, writerSeq, ...row }: Parcel): WriteOp =>
    tables.parcel.put([logId, writerSeq], row);

  /** DM12: where the server has more of this device than it knows of, it lies, or the profile was set back. */
  async function checkWriter(
    logId: LogId,
    writerSeqAtServer: number,
  ): Promise<Result<WriterRow, ClientError>> {
    const writer = await writerOf(logId);
    if (!writer.ok || writerSeqAtServer <= writer.value.writerSeq) return writer;
    return context.distrustLog(logId, {
      type: "LogWriterAhead",
      written: writer.value.writerSeq,
      counted: writerSeqAtServer,
    });
  }

  async function pending(
    logId: LogId,
    writerSeqAtServer: number,
  ): Promise<Result<readonly Parcel[], ClientError>> {
    const checked = await checkWriter(logId, writerSeqAtServer);
    if (!checked.ok) return checked;
    const writer = checked.value;
    const own = parcels
      .all()
      .filter(
        (parcel) => parcel.logId === logId && (!parcel.isAccepted || parcel.writerSeq > writerSeqAtServer),
      );
    // A parcel whose receipt was lost is sent once more: the server knows its bytes and gives the receipt again.
    const known = own.filter((parcel) => parcel.writerSeq <= writerSeqAtServer);
    const unsent = own.filter((parcel) => parcel.writerSeq > writerSeqAtServer);
    // DM12: the same bytes where the server's counter goes on; where there is a hole, all after it is sealed anew.
    const isUnbroken = unsent.every((parcel, index) => parcel.writerSeq === writerSeqAtServer + 1 + index);
    if (isUnbroken && (unsent.at(-1)?.writerSeq ?? writerSeqAtServer) === writer.writerSeq) return ok(own);
    const restarted = await restartAt(logId, writerSeqAtServer, unsent);
    return restarted.ok ? ok(known) : restarted;
  }

  async function pendingAnew(logId: LogId): Promise<Result<readonly Parcel[], ClientError>> {
    const writer = await writerOf(logId);
    if (!writer.ok) return writer;
    const own = parcels.all().filter((parcel) => parcel.logId === logId);
    let next = writer.value.writerSeq;
    const run = new Set<Parcel>();
    for (const parcel of [...own].sort((a, b) => b.writerSeq - a.writerSeq)) {
      if (parcel.writerSeq !== next) break;
      run.add(parcel);
      next--;
    }
    const taken = await takeBack(own.filter((parcel) => !run.has(parcel)));
    return taken.ok ? ok(own.filter((parcel) => run.has(parcel))) : taken;
  }

  async function restartAt(
    logId: LogId,
    writerSeq: number,
    unsent: readonly Parcel[],
  ): Promise<Result<void, ClientError>> {
    const taken = await takeBack(unsent);
    if (!taken.ok) return taken;
    const writer = await writerOf(logId);
    if (!writer.ok) return writer;
    const writerRow = { ...writer.value, writerSeq };
    const written = await store.batch([tables.writer.put([logId], writerRow)]);
    if (!written.ok) return written;
    writers.set(logId, writerRow);
    return ok();
  }

  async function receipts(
    sent: readonly Parcel[],
    results: readonly AppendResult[],
    incarnation = 0,
  ): Promise<Result<readonly FailureCode[], ClientError>> {
    const logId = sent[0]?.logId;
    if (logId === undefined) return ok([]);
    const writer = await writerOf(logId);
    if (!writer.ok) return writer;
    const count = results.findIndex((result) => result.type === "refused");
    // DM12: each result stands for itself. Behind an entry the server has taken before, it takes the next ones.
    const accepted = new Set(
      sent.filter((_, index) => {
        const result = results[index];
        return result !== undefined && result.type !== "refused";
      }),
    );
    const refusal = results[count];
    const refused = refusal?.type === "refused" ? sent[count] : undefined;
    const code = refusal?.type === "refused" ? refusal.code : null;
    // A closed conversation is closed for all that waits: `close` says so to every op at once.
    const isClosed = code === "log-closed" && refused?.isRequest === false;
    const isFailed = code !== null && code !== "writer-seq" && !PASSING.has(code) && !isClosed;
    const outcome = outcomeOf([...accepted], isFailed ? refused : undefined, code);
    const writerRow = { ...writer.value, receipt: lastReceipt(results, incarnation) ?? writer.value.receipt };
    const gone = new Set<Parcel>(isFailed && refused !== undefined ? [refused] : []);
    for (const parcel of accepted)
      if (parcel.outboxKeys.every((key) => outcome.done.includes(key) || !rows.has(key))) gone.add(parcel);
    const kept = [...accepted].filter((parcel) => !gone.has(parcel));
    const written = await store.batch([
      ...[...outcome.changed].map(([key, row]) => rows.write(key, row)),
      ...outcome.done.map((key): WriteOp => ({ type: "delete", key })),
      ...[...gone].map((parcel) => tables.parcel.remove(parcel.logId, parcel.writerSeq)),
      ...kept.map((parcel) => parcelWrite({ ...parcel, isAccepted: true })),
      tables.writer.put([logId], writerRow),
    ]);
    if (!written.ok) return written;
    parcels.remove(gone);
    for (const parcel of kept) parcels.accept(parcel);
    writers.set(logId, writerRow);
    for (const [key, row] of outcome.changed) keep(key, row);
    for (const key of outcome.done) forget(key);
    sentMessages += outcome.messages;
    if (code === null || refused === undefined) return ok([]);
    if (!isFailed && code !== "writer-seq") return ok([code]);
    // The counter has a hole now, or at this place the server has other bytes, or had these and trimmed them when they
    // were read: from here on all is sealed anew.
    const after = parcels
      .all()
      .filter(
        (parcel) => parcel.logId === logId && !parcel.isAccepted && parcel.writerSeq >= refused.writerSeq,
      );
    const last = counterAtServer(sent, results);
    const restarted =
      last === null
        ? await takeBack(after)
        : await restartAt(logId, Math.min(last, writerRow.writerSeq), after);
    return restarted.ok ? ok([code]) : restarted;
  }

  /** What becomes of the rows of accepted parcels and of one that was refused for good. */
  function outcomeOf(accepted: readonly Parcel[], failed: Parcel | undefined, reason: FailureCode | null) {
    const changed = new Map<string, OutboxRow>();
    const done: string[] = [];
    let messages = 0;
    for (const key of accepted.flatMap((parcel) => parcel.outboxKeys)) {
      const row = rows.get(key);
      if (row === undefined || row.state === "sent") continue;
      const kind = kindOf(row);
      // A mark asks for no mark of its own: with the server's receipt it has done its work.
      if (kind === OP_KIND.mark) done.push(key);
      else changed.set(key, { ...row, state: "sent", reason: null });
      if (kind === OP_KIND.message && row.replaces.length === 0) messages++;
    }
    for (const key of failed?.outboxKeys ?? []) {
      const row = rows.get(key);
      if (row !== undefined) changed.set(key, { ...row, state: "failed", reason });
    }
    return { changed, done, messages };
  }

  async function close(contact: AccountId, turn: number): Promise<Result<void, ClientError>> {
    const taken = await takeBack(
      parcels.all().filter((parcel) => parcel.contact === contact && !parcel.isAccepted && !parcel.isRequest),
    );
    if (!taken.ok) return taken;
    const changed = new Map<string, OutboxRow>();
    const gone: string[] = [];
    for (const [key, row] of rows.waiting(contact)) {
      if (row.state !== "kept") continue;
      if (kindOf(row) === OP_KIND.mark) gone.push(key);
      else changed.set(key, { ...row, state: "failed", reason: `${CLOSED}/${turn}` });
    }
    return rewrite(changed, gone);
  }

  async function reopen(contact: AccountId, turn: number): Promise<Result<void, ClientError>> {
    const changed = new Map<string, OutboxRow>();
    for (const [key, row] of rows.closed(contact)) {
      // CO4: what was said to somebody who did not want to hear it is not said when they listen again.
      if (kindOf(row) === OP_KIND.introduction || closedTurnOf(row) === turn)
        changed.set(key, { ...row, state: "kept", reason: null });
    }
    return rewrite(changed, []);
  }

  /** Each row stands by itself, so that as many transactions as it takes may do it. */
  async function rewrite(
    changed: ReadonlyMap<string, OutboxRow>,
    gone: readonly string[],
  ): Promise<Result<void, ClientError>> {
    const steps = [
      ...[...changed].map(([key, row]) => ({ write: rows.write(key, row), commit: () => keep(key, row) })),
      ...gone.map((key) => ({ write: { type: "delete", key } as const, commit: () => forget(key) })),
    ];
    for (let from = 0; from < steps.length; from += STORE_BATCH_ROWS_MAX) {
      const some = steps.slice(from, from + STORE_BATCH_ROWS_MAX);
      const written = await store.batch(some.map(({ write }) => write));
      if (!written.ok) return written;
      for (const { commit } of some) commit();
    }
    return ok();
  }

  async function delivered(conversationId: ConversationId, next: number): Promise<Result<void, ClientError>> {
    const gone: string[] = [];
    for (const [key, row] of rows.all()) {
      // What is left is taken with the next mark.
      if (gone.length >= DELIVERED_PER_MARK_MAX) break;
      if (row.conversationId !== conversationId || row.state !== "sent") continue;
      const op = parseOp(row.op);
      if (op.ok && op.value.op.deviceSeq < next) gone.push(key);
    }
    const goneKeys = new Set(gone);
    const left = (parcel: Parcel) => parcel.outboxKeys.some((key) => rows.has(key) && !goneKeys.has(key));
    const done = parcels.all().filter((parcel) => parcel.isAccepted && !left(parcel));
    if (gone.length === 0 && done.length === 0) return ok();
    const written = await store.batch([
      ...gone.map((key): WriteOp => ({ type: "delete", key })),
      ...done.map((parcel) => tables.parcel.remove(parcel.logId, parcel.writerSeq)),
    ]);
    if (!written.ok) return written;
    for (const key of gone) forget(key);
    parcels.remove(done);
    return ok();
  }

  return {
    ...rows.queries,
    start,
    put,
    close,
    reopen,
    withdraw: (ids) => rewrite(new Map(), rows.keysOf(ids)),
    dropFailed: (ids) =>
      rewrite(
        new Map(),
        rows.keysOf(ids).filter((key) => rows.get(key)?.state === "failed"),
      ),
    sentMessageCount: () => sentMessages,
    claim: (contact, origin, chain, route) =>
      sealing.claim(contact, { origin, chain, route, isAgain: isSentAgain(contact) }),
    seal,
    checkWriter,
    pending,
    pendingAnew,
    receipts,
    delivered,
  };
}

/** The writer's counter after all of `sent`; null while an answer is missing, since what it is for may have been taken. */
function counterAtServer(sent: readonly Parcel[], results: readonly AppendResult[]): number | null {
  if (results.length < sent.length) return null;
  const counters = results.map((result, index) => {
    const writerSeq = sent[index]?.writerSeq ?? 1;
    return result.type === "refused" ? (result.writerSeq ?? writerSeq - 1) : writerSeq;
  });
  return Math.max(...counters);
}

function lastReceipt(results: readonly AppendResult[], incarnation: number): Letter["receipt"] {
  const last = results.findLast((result) => result.type === "accepted");
  return last?.type === "accepted" ? { incarnation, seq: last.seq, chain: last.chain } : null;
}
