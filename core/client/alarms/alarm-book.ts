/**
 * Alarms that were raised on this device, kept until a person has read them and what they tell of is over. Rules AL1, AL6.
 *
 * Raising is not waited for: rows are written one after the other beside the work that found them, and `idle` waits. A row that
 * changes faster than it is written is written once.
 */
import { ALARM_RULES_MAX, ALARM_SEQS_MAX, ALARMS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { rowKeyLastNumber } from "../../store/row-key.ts";
import type { StoreError, TxStore, WriteOp } from "../../store/tx-store.ts";
import type { Alarm, ClientError } from "../client-error.ts";
import type { Tables } from "../tables.ts";
import { groupOf, ruleOf } from "./alarm-group.ts";
import type { AlarmRow } from "./alarm-shape.ts";

export interface StoredAlarm extends AlarmRow {
  readonly number: number;
}

export interface AlarmBook {
  start(): Promise<Result<void, StoreError>>;
  /** Keeps an alarm. One that is open already was only seen again; one of a group that nobody has read yet adds to it. */
  note(alarm: Alarm, nowMs: number): void;
  /** What these alarms tell of is over. Returns those that were open. */
  resolve(isOver: (alarm: Alarm) => boolean, nowMs: number): readonly Alarm[];
  /** A person has read it. - Fails: `UnknownAlarm`. */
  acknowledge(number: number, nowMs: number): Promise<Result<StoredAlarm, ClientError>>;
  /** Newest first. */
  all(): readonly StoredAlarm[];
  /** Whether one that is not over is such. */
  hasOpen(isIt: (alarm: Alarm) => boolean): boolean;
  /** Resolves when everything noted so far is stored, as far as it can be. */
  idle(): Promise<void>;
}

export interface AlarmBookDeps {
  readonly store: TxStore;
  readonly tables: Tables;
  /** A row could not be written; the alarm is shown until the program ends. */
  readonly onFault: (error: StoreError) => void;
  /** Alarms that were known came to stand for more. */
  readonly onChanged?: () => void;
}

export function createAlarmBook({ store, tables, onFault, onChanged }: AlarmBookDeps): AlarmBook {
  const rows = new Map<number, AlarmRow>();
  /** Rows whose write has not begun. */
  const unwritten = new Set<number>();
  /** Those of them that stand for more. */
  const grown = new Set<number>();
  let next = 1;
  let last: Promise<unknown> = Promise.resolve();

  function write(writes: readonly WriteOp[]): Promise<Result<void, StoreError>> {
    const written = last.then(() => store.batch(writes));
    last = written.then((done) => (done.ok ? undefined : onFault(done.error)));
    return written;
  }

  function put(number: number, row: AlarmRow): Promise<Result<void, StoreError>> {
    rows.set(number, row);
    return write([tables.alarm.put([number], row)]);
  }

  function putSoon(number: number, row: AlarmRow): void {
    rows.set(number, row);
    if (unwritten.has(number)) return;
    unwritten.add(number);
    last = last.then(async () => {
      unwritten.delete(number);
      const hasGrown = grown.delete(number);
      const now = rows.get(number);
      if (now === undefined) return;
      const written = await store.batch([tables.alarm.put([number], now)]);
      if (!written.ok) onFault(written.error);
      if (hasGrown) onChanged?.();
    });
  }

  /** The oldest that is over or read goes first, then refused entries: others make as many of them as they like. */
  function makeRoom(alarm: Alarm): boolean {
    if (rows.size < ALARMS_MAX) return true;
    const done =
      [...rows].find(([, row]) => row.resolvedAtMs !== null || row.acknowledgedAtMs !== null) ??
      (alarm.type === "EntryRefused"
        ? undefined
        : [...rows].find(([, row]) => row.alarm.type === "EntryRefused"));
    if (done === undefined) return false;
    rows.delete(done[0]);
    void write([tables.alarm.remove(done[0])]);
    return true;
  }

  const openRow = (isIt: (row: AlarmRow) => boolean): readonly [number, AlarmRow] | undefined =>
    [...rows].findLast(([, row]) => row.resolvedAtMs === null && isIt(row));

  return {
    async start() {
      const stored = await tables.alarm.scan();
      if (!stored.ok) return stored;
      for (const { key, value } of stored.value) rows.set(rowKeyLastNumber(key), value);
      next = Math.max(0, ...rows.keys()) + 1;
      return ok();
    },
    note(alarm, nowMs) {
      const known = openRow((row) => isFoundAgain(row, alarm));
      if (known !== undefined) return putSoon(known[0], { ...known[1], seenAtMs: nowMs });
      const group = groupOf(alarm);
      const unread = openRow((row) => row.acknowledgedAtMs === null && groupOf(row.alarm) === group);
      if (unread !== undefined) {
        grown.add(unread[0]);
        return putSoon(unread[0], withMore(unread[1], alarm, nowMs));
      }
      if (!makeRoom(alarm)) return;
      const broken = ruleOf(alarm);
      putSoon(next++, {
        alarm,
        latest: alarm,
        count: 1,
        rules: broken === null ? [] : [broken],
        seqs: alarm.type === "EntryRefused" ? [alarm.seq] : [],
        raisedAtMs: nowMs,
        seenAtMs: nowMs,
        acknowledgedAtMs: null,
        resolvedAtMs: null,
      });
    },
    resolve(isOver, nowMs) {
      const over = [...rows].filter(([, row]) => row.resolvedAtMs === null && isOver(row.alarm));
      for (const [number, row] of over) void put(number, { ...row, resolvedAtMs: nowMs });
      return over.map(([, row]) => row.alarm);
    },
    async acknowledge(number, nowMs) {
      const row = rows.get(number);
      if (row === undefined) return err({ type: "UnknownAlarm" });
      const read = { ...row, acknowledgedAtMs: row.acknowledgedAtMs ?? nowMs };
      const stored = await put(number, read);
      return stored.ok ? ok({ ...read, number }) : stored;
    },
    hasOpen(isIt) {
      for (const row of rows.values()) if (row.resolvedAtMs === null && isIt(row.alarm)) return true;
      return false;
    },
    all: () => [...rows].map(([number, row]) => ({ ...row, number })).reverse(),
    idle: async () => {
      await last;
    },
  };
}

/** The same alarm, not another one of its group. A log may be read twice: its entries are told apart by where they stand. */
function isFoundAgain({ alarm, latest, seqs }: AlarmRow, next: Alarm): boolean {
  if (next.type === "EntryRefused" && groupOf(alarm) === groupOf(next)) return seqs.includes(next.seq);
  const text = JSON.stringify(next);
  return JSON.stringify(alarm) === text || JSON.stringify(latest) === text;
}

/** AL6 */
function withMore(row: AlarmRow, latest: Alarm, nowMs: number): AlarmRow {
  const rule = ruleOf(latest);
  const isNamed = rule === null || row.rules.includes(rule) || row.rules.length >= ALARM_RULES_MAX;
  const rules = isNamed ? row.rules : [...row.rules, rule];
  const seqs = latest.type === "EntryRefused" ? [...row.seqs, latest.seq].slice(-ALARM_SEQS_MAX) : row.seqs;
  return { ...row, latest, count: row.count + 1, rules, seqs, seenAtMs: nowMs };
}
