/**
 * The ops that wait to be sent or to be confirmed, as rows with what is asked of them: by op, by contact, by conversation.
 *
 * In memory it follows the store: `keep` and `forget` come after the batch that was written.
 */
import type { AccountId, ConversationId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { REPLACED_ENTRIES_MAX } from "../../messenger/inbound-entry.ts";
import { type NamedOp, OP_KIND, parseOp } from "../../messenger/op.ts";
import type { EntryId } from "../../base/ids.ts";
import type { FailureCode } from "../../protocol/failure.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { ClientSpans } from "../client-spans.ts";
import type { OutboxRow, Tables } from "../tables.ts";

/** The reason of what was not sent because the conversation was closed, followed by the turn. */
export const CLOSED: FailureCode = "log-closed";
/** The same, once the other side has been told not to wait for it. */
const SETTLED: FailureCode = CLOSED;
const SETTLED_PER_STEP_MAX = 16_384;

/** A row and its key. */
export type KeyedOutboxRow = readonly [key: string, row: OutboxRow];

/** What anybody may ask of what waits. */
export interface OutboxQueries {
  /** State of an own op, or null when nothing is left to do for it. */
  stateOf(id: OpId): OutboxRow["state"] | null;
  /** Why an op was refused for good; null when it was not. */
  reasonOf(id: OpId): string | null;
  /** Seqs of own ops of a conversation that are at the server or on their way. */
  liveSeqs(conversationId: ConversationId): ReadonlySet<number>;
  /** Whether messages wait for a log that was closed before `turn`: they are never sent. Rule CO4. */
  hasClosedBefore(contact: AccountId, turn: number): boolean;
  /** Notes that those are told of as unsent, in steps of which each fits a transaction beside an op. */
  settleClosed(contact: AccountId): readonly RowsStep[];
  /** Own ops the server has and the other side has not confirmed. */
  sentOps(conversationId: ConversationId): readonly NamedOp[];
  opsOf(conversationId: ConversationId): readonly OpId[];
  /** Whether something was not sent because the conversation was closed. */
  hasClosed(contact: AccountId): boolean;
  waitingCount(): number;
  /** Own messages among what waits. */
  waitingMessageCount(): number;
  hasWaiting(contact: AccountId): boolean;
  waitingCountFor(contact: AccountId): number;
  /** Whether the op that asks or accepts has not reached the server yet. */
  isAsking(contact: AccountId): boolean;
}

export interface OutboxRows {
  readonly queries: OutboxQueries;
  start(): Promise<Result<void, StoreError>>;
  get(key: string): OutboxRow | undefined;
  has(key: string): boolean;
  all(): IterableIterator<[string, OutboxRow]>;
  keysOf(ids: readonly OpId[]): readonly string[];
  /** A row for an op that is new or goes once more. `carriers` are entries that had it before and nobody there could open. DM15 */
  draft(op: NamedOp, contact: AccountId, carriers: readonly EntryId[]): KeyedOutboxRow;
  keep(key: string, row: OutboxRow): void;
  forget(key: string): void;
  write(key: string, row: OutboxRow): WriteOp;
  /** Not with the server yet, sealed or not. */
  waiting(contact: AccountId): readonly KeyedOutboxRow[];
  /** Not sent because the conversation was closed. */
  closed(contact: AccountId): readonly KeyedOutboxRow[];
}

/** - Cost: each question about a contact goes through that contact's rows alone. */
export function createOutboxRows(tables: Tables, spans: ClientSpans | null): OutboxRows {
  const rows = new Map<string, OutboxRow>();
  const keyById = new Map<OpId, string>();
  /** Keys of rows that are not with the server yet, by contact. */
  const waitingByContact = new Map<AccountId, Set<string>>();
  let waitingTotal = 0;
  /** Keys of rows that were not sent because the log was closed, by contact. */
  const closedByContact = new Map<AccountId, Set<string>>();
  /** Key of the last op that asks or accepts, by contact. */
  const introductions = new Map<AccountId, string>();

  async function start(): Promise<Result<void, StoreError>> {
    const stored = await tables.outbox.scan();
    if (!stored.ok) return stored;
    for (const { key, value } of stored.value) keep(key, value);
    return ok();
  }

  function keep(key: string, row: OutboxRow): void {
    if (!rows.has(key)) {
      const op = parseOp(row.op);
      if (op.ok && op.value.op.kind === OP_KIND.introduction) introductions.set(row.contact, key);
    }
    rows.set(key, row);
    if (row.state === "sent") spans?.ended(key, null);
    if (row.state === "failed") spans?.ended(key, row.reason?.split("/")[0] ?? "failed");
    keyById.set(row.opId, key);
    const waiting = waitingByContact.get(row.contact) ?? new Set<string>();
    waitingByContact.set(row.contact, waiting);
    waitingTotal -= waiting.size;
    if (row.state === "kept" || row.state === "sealed") waiting.add(key);
    else waiting.delete(key);
    waitingTotal += waiting.size;
    const closed = closedByContact.get(row.contact) ?? new Set<string>();
    closedByContact.set(row.contact, closed);
    if (row.state === "failed" && closedTurnOf(row) !== null) closed.add(key);
    else closed.delete(key);
  }

  function forget(key: string): void {
    const row = rows.get(key);
    if (row === undefined) return;
    spans?.dropped(key);
    keep(key, { ...row, state: "sent" });
    keyById.delete(row.opId);
    rows.delete(key);
  }

  function draft(op: NamedOp, contact: AccountId, carriers: readonly EntryId[]): KeyedOutboxRow {
    const key = tables.outbox.key(op.op.conversationId, op.op.hlc, op.id);
    const before = rows.get(key);
    const replaces = [...new Set([...(before?.replaces ?? []), ...carriers])].slice(-REPLACED_ENTRIES_MAX);
    return [
      key,
      {
        conversationId: op.op.conversationId,
        contact,
        opId: op.id,
        op: op.bytes,
        state: "kept",
        reason: null,
        replaces,
      },
    ];
  }

  function write(key: string, row: OutboxRow): WriteOp {
    const [, ...parts] = rowKeyParts(key);
    return { ...tables.outbox.put(parts, row), key };
  }

  const among = (keys: Iterable<string> | undefined): readonly KeyedOutboxRow[] =>
    [...(keys ?? [])].flatMap((key) => {
      const row = rows.get(key);
      return row === undefined ? [] : [[key, row] as const];
    });
  const waiting = (contact: AccountId) => among(waitingByContact.get(contact));
  const closed = (contact: AccountId) => among(closedByContact.get(contact));
  const ofConversation = (conversationId: ConversationId): readonly OutboxRow[] =>
    [...rows.values()].filter((row) => row.conversationId === conversationId);

  function liveSeqs(conversationId: ConversationId): ReadonlySet<number> {
    const live = ofConversation(conversationId).filter((row) => row.state !== "failed");
    return new Set(
      live.flatMap((row) => {
        const op = parseOp(row.op);
        return op.ok ? [op.value.op.deviceSeq] : [];
      }),
    );
  }

  function settleClosed(contact: AccountId): readonly RowsStep[] {
    const settled = closed(contact).map(([key, row]) => [key, { ...row, reason: SETTLED }] as const);
    const steps: RowsStep[] = [];
    for (let from = 0; from < settled.length; from += SETTLED_PER_STEP_MAX) {
      const some = settled.slice(from, from + SETTLED_PER_STEP_MAX);
      steps.push({
        writes: some.map(([key, row]) => write(key, row)),
        commit() {
          for (const [key, row] of some) keep(key, row);
        },
      });
    }
    return steps;
  }

  return {
    start,
    get: (key) => rows.get(key),
    has: (key) => rows.has(key),
    all: () => rows.entries(),
    keysOf: (ids) => ids.flatMap((id) => keyById.get(id) ?? []),
    draft,
    keep,
    forget,
    write,
    waiting,
    closed,
    queries: {
      stateOf: (id) => rows.get(keyById.get(id) ?? "")?.state ?? null,
      reasonOf: (id) => rows.get(keyById.get(id) ?? "")?.reason ?? null,
      liveSeqs,
      hasClosedBefore: (contact, turn) =>
        closed(contact).some(([, row]) => (closedTurnOf(row) ?? turn) < turn),
      settleClosed,
      sentOps: (conversationId) =>
        ofConversation(conversationId).flatMap((row) => {
          const op = row.state === "sent" ? parseOp(row.op) : null;
          return op?.ok ? [op.value] : [];
        }),
      opsOf: (conversationId) => ofConversation(conversationId).map((row) => row.opId),
      hasClosed: (contact) => (closedByContact.get(contact)?.size ?? 0) > 0,
      waitingCount: () => waitingTotal,
      waitingMessageCount: () =>
        [...waitingByContact.keys()].flatMap(waiting).filter(([, row]) => kindOf(row) === OP_KIND.message)
          .length,
      waitingCountFor: (contact) => waitingByContact.get(contact)?.size ?? 0,
      isAsking: (contact) => waitingByContact.get(contact)?.has(introductions.get(contact) ?? "") === true,
      hasWaiting: (contact) => (waitingByContact.get(contact)?.size ?? 0) > 0,
    },
  };
}

/** The turn in which an op was not sent because the conversation was closed, or null. */
export function closedTurnOf(row: OutboxRow): number | null {
  const [code, turn] = row.reason?.split("/") ?? [];
  return code === CLOSED && turn !== undefined ? Number(turn) : null;
}

/** Kind of the op in a row; null when it cannot be read. */
export function kindOf(row: OutboxRow): number | null {
  const op = parseOp(row.op);
  return op.ok ? op.value.op.kind : null;
}
