/**
 * Asking contacts for what was set aside here, and answering those who ask us. Rule DM18.
 *
 * Either side may miss the other: an answer is not sent more than once a minute, and programs end. So a request that comes
 * too early is answered when the minute is over, and what stays missing is asked for again, after ever longer pauses.
 */
import type { Clock } from "../../base/clock.ts";
import type { AccountId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, TxStore } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { SetAside } from "./set-aside.ts";
import type { Tables } from "../tables.ts";

/** How often ops are sent again to one contact at the most. */
export const RESEND_INTERVAL_MS = 60_000;
/** How long after a request what is still missing is asked for again; each time twice as long, up to the second. */
export const ASK_AGAIN_MIN_MS = 120_000;
export const ASK_AGAIN_MAX_MS = 86_400_000;

export interface MissingRequests {
  start(): Promise<Result<void, StoreError>>;
  /** Contacts of whom something is missing that may be asked for now. */
  due(nowMs: number): readonly AccountId[];
  /** How long until somebody may be asked again; null when nothing is missing. */
  nextDelayMs(nowMs: number): number | null;
  /** A contact is being asked. */
  asked(contact: AccountId, nowMs: number): Promise<Result<void, StoreError>>;
  /** They were asked by this op for all that is missing now. */
  askedBy(contact: AccountId, ask: OpId): void;
  /** More of theirs is missing: what they answer to an earlier request says nothing of that. */
  outdate(contact: AccountId): void;
  /** Whether this op was the last request, and no more is missing since. */
  isAnswerTo(contact: AccountId, ask: OpId): boolean;
  /** Calls `answer` now, or once the contact may be answered again; of several requests the last one counts. */
  answerWhenDue(contact: AccountId, answer: Answer): Promise<Result<void, ClientError>>;
  stop(): void;
}

/** Answers a request; says whether anything had to be sent. */
export type Answer = () => Promise<Result<boolean, ClientError>>;

interface Asked {
  readonly atMs: number;
  readonly delayMs: number;
}

export interface MissingRequestsDeps {
  readonly store: TxStore;
  readonly tables: Tables;
  readonly clock: Clock;
  readonly setAside: Pick<SetAside, "missingFrom">;
  /** Runs within the serial. */
  readonly later: (task: () => Promise<unknown>) => void;
}

export function createMissingRequests(deps: MissingRequestsDeps): MissingRequests {
  const { store, tables, clock, setAside } = deps;
  const askedByContact = new Map<AccountId, Asked>();
  const answeredAtMs = new Map<AccountId, number>();
  const cancels = new Map<AccountId, () => void>();
  /** Not stored: an answer that comes after a restart is waited for once more. */
  const lastAsk = new Map<AccountId, OpId>();
  const nowMs = (): number => Math.max(0, clock.nowMs());

  /** A clock that was set back makes nothing wait longer. */
  function waitMs(contact: AccountId, now: number): number {
    const asked = askedByContact.get(contact);
    return asked === undefined ? 0 : Math.max(0, asked.delayMs - Math.abs(now - asked.atMs));
  }

  const answerWhenDue: MissingRequests["answerWhenDue"] = async (contact, answer) => {
    cancels.get(contact)?.();
    cancels.delete(contact);
    const last = answeredAtMs.get(contact);
    const left = last === undefined ? 0 : RESEND_INTERVAL_MS - Math.abs(nowMs() - last);
    if (left > 0) {
      const cancel = clock.schedule(left, () => {
        cancels.delete(contact);
        deps.later(() => answerWhenDue(contact, answer));
      });
      cancels.set(contact, cancel);
      return ok();
    }
    const answered = await answer();
    if (answered.ok && answered.value) answeredAtMs.set(contact, nowMs());
    return answered.ok ? ok() : answered;
  };

  return {
    async start() {
      const rows = await tables.asked.scan();
      if (!rows.ok) return rows;
      const missing = new Set(setAside.missingFrom());
      for (const { key, value } of rows.value) askedByContact.set(rowKeyParts(key)[1] as AccountId, value);
      const over = [...askedByContact.keys()].filter((contact) => !missing.has(contact));
      for (const contact of over) askedByContact.delete(contact);
      return over.length === 0 ? ok() : store.batch(over.map((contact) => tables.asked.remove(contact)));
    },
    askedBy: (contact, ask) => void lastAsk.set(contact, ask),
    outdate: (contact) => void lastAsk.delete(contact),
    isAnswerTo: (contact, ask) => lastAsk.get(contact) === ask,
    due: (now) => setAside.missingFrom().filter((contact) => waitMs(contact, now) === 0),
    nextDelayMs(now) {
      const waits = setAside.missingFrom().map((contact) => waitMs(contact, now));
      return waits.length === 0 ? null : Math.min(...waits);
    },
    async asked(contact, now) {
      const before = askedByContact.get(contact);
      const missing = new Set(setAside.missingFrom());
      const over = [...askedByContact.keys()].filter((one) => !missing.has(one) && one !== contact);
      const delayMs =
        before === undefined ? ASK_AGAIN_MIN_MS : Math.min(ASK_AGAIN_MAX_MS, 2 * before.delayMs);
      const stored = await store.batch([
        tables.asked.put([contact], { atMs: now, delayMs }),
        ...over.map((one) => tables.asked.remove(one)),
      ]);
      if (!stored.ok) return stored;
      for (const one of over) askedByContact.delete(one);
      askedByContact.set(contact, { atMs: now, delayMs });
      return ok();
    },
    answerWhenDue,
    stop() {
      for (const cancel of cancels.values()) cancel();
      cancels.clear();
    },
  };
}
