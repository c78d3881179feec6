/**
 * What this device found while working and a person has to know: alarms, disputes over chains, quiet notices. AL1-AL6
 *
 * An alarm is raised once by a running program, and once more when what it tells of was over and begins again. Of a group each
 * rule is: the book counts the others.
 */
import type { Clock } from "../../base/clock.ts";
import type { AccountId } from "../../base/ids.ts";
import { ALARMS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import type { StoreError, TxStore } from "../../store/tx-store.ts";
import { type ClockDifference, isSameDifference } from "../calendar/known-times.ts";
import type { Alarm, ClientError } from "../client-error.ts";
import type { ContactRecord } from "../contacts/contact-book.ts";
import type { Tables } from "../tables.ts";
import { groupOf, ruleOf } from "./alarm-group.ts";
import { type AlarmBook, createAlarmBook } from "./alarm-book.ts";
import { type ChainNotices, createChainNotices, type DeviceNotice } from "./chain-notices.ts";
import { createDisputes, type Disputes } from "./disputes.ts";

export interface Findings {
  readonly book: AlarmBook;
  readonly disputes: Disputes;
  readonly notices: ChainNotices;
  start(): Promise<Result<void, StoreError>>;
  raise(alarm: Alarm): void;
  /** The server has said its time: how this device's clock stands to it, or null when they agree. CA11 */
  compareClocks(difference: ClockDifference | null): void;
  /** What an alarm of this program or an earlier one told of is over. */
  resolve(isOver: (alarm: Alarm) => boolean): void;
  /** Alarms raised since this was asked last, in order. */
  takeRaised(): readonly Alarm[];
  /** A contact's chain was verified just now; `before` is what was known of it. */
  takeChain(
    contact: ContactRecord | null,
    chains: { readonly before: ChainState | null; readonly after: ChainState },
  ): Promise<Result<void, ClientError>>;
  /** Whether sending to a contact waits for an alarm to be over. AL2, AL8 */
  isStopped(contact: AccountId): boolean;
  idle(): Promise<void>;
}

export interface FindingsDeps {
  readonly store: TxStore;
  readonly tables: Tables;
  readonly clock: Clock;
  readonly onAlarm: (alarm: Alarm) => void;
  /** What is kept of alarms has changed, without one that is new. */
  readonly onChanged: () => void;
  readonly onResolved: () => void;
  readonly onNotice: (notice: DeviceNotice) => void;
  /** An alarm could not be stored. */
  readonly onFault: (error: StoreError) => void;
}

export function createFindings(deps: FindingsDeps): Findings {
  const { store, tables, clock } = deps;
  /** The last alarm by what is told once. The oldest goes when there are too many: it may be told again. */
  const told = new Map<string, { readonly group: string; readonly text: string }>();
  const raised: Alarm[] = [];
  const nowMs = (): number => Math.max(0, clock.nowMs());
  const book = createAlarmBook({
    store,
    tables,
    onFault: deps.onFault,
    onChanged: deps.onChanged,
  });
  const notices = createChainNotices(store, tables);
  const disputes = createDisputes({
    tables,
    onDisputed: (accountId) => raise({ type: "ChainsDisagree", accountId }),
    onSettled: (accountId) =>
      resolve((alarm) => alarm.type === "ChainsDisagree" && alarm.accountId === accountId),
  });

  function raise(alarm: Alarm): void {
    const [group, text] = [groupOf(alarm), JSON.stringify(alarm)];
    const once = `${group}/${ruleOf(alarm)}`;
    const before = told.get(once);
    if (before?.text === text) return;
    told.set(once, { group, text });
    book.note(alarm, nowMs());
    if (before !== undefined) return;
    const [oldest] = told.keys();
    if (told.size > ALARMS_MAX && oldest !== undefined) told.delete(oldest);
    if (raised.length < ALARMS_MAX) raised.push(alarm);
    deps.onAlarm(alarm);
  }

  function resolve(isOver: (alarm: Alarm) => boolean): void {
    const over = book.resolve(isOver, nowMs());
    const groups = new Set(over.map(groupOf));
    for (const [once, { group }] of told) if (groups.has(group)) told.delete(once);
    if (over.length > 0) deps.onResolved();
  }

  const takeChain: Findings["takeChain"] = async (contact, chains) => {
    const { accountId } = chains.after;
    // A chain that was refused, and is served as it should be again.
    resolve(isDistrustOf(accountId));
    const settled = disputes.settle(accountId, chains.after);
    const written = settled.writes.length === 0 ? ok() : await store.batch(settled.writes);
    if (!written.ok) return written;
    settled.commit();
    if (contact?.state !== "accepted") return ok();
    const fresh = await notices.take(contact, chains, nowMs());
    if (!fresh.ok) return fresh;
    for (const notice of fresh.value) deps.onNotice(notice);
    return ok();
  };

  function compareClocks(difference: ClockDifference | null): void {
    const open = book.all().find(({ alarm, resolvedAtMs }) => {
      if (alarm.type !== "ClockDiffers" || resolvedAtMs !== null) return false;
      return difference !== null && isSameDifference(alarm, difference);
    })?.alarm;
    resolve((alarm) => alarm.type === "ClockDiffers" && alarm !== open);
    if (difference !== null) raise(open ?? { type: "ClockDiffers", ...difference });
  }

  return {
    book,
    disputes,
    notices,
    async start() {
      const started = await book.start();
      return started.ok ? disputes.start() : started;
    },
    raise,
    resolve,
    compareClocks,
    takeRaised: () => raised.splice(0),
    takeChain,
    isStopped: (contact) => disputes.of(contact).length > 0 || book.hasOpen(isDistrustOf(contact)),
    idle: book.idle,
  };
}

/** Tells alarms of a chain of this account that was served wrong. */
function isDistrustOf(account: AccountId): (alarm: Alarm) => boolean {
  return (alarm) => alarm.type === "ChainDistrusted" && alarm.accountId === account;
}
