/**
 * Alarms that were raised on this device, kept until a person has read them and what they tell of is over. Rule AL1.
 *
 * Raising is not waited for: rows are written one after the other beside the work that found them, and `idle` waits.
 */
import { ALARMS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { rowKeyLastNumber } from "../../store/row-key.ts";
import type { StoreError, TxStore, WriteOp } from "../../store/tx-store.ts";
import type { Alarm, ClientError } from "../client-error.ts";
import type { Tables } from "../tables.ts";
import type { AlarmRow } from "./alarm-shape.ts";

export interface StoredAlarm extends AlarmRow {
  readonly number: number;
}

export interface AlarmBook {
  start(): Promise<Result<void, StoreError>>;
  /** Keeps an alarm. One that is open already was only seen again. */
  note(alarm: Alarm, nowMs: number): void;
  /** What these alarms tell of is over. Returns those that were open. */
  resolve(isOver: (alarm: Alarm) => boolean, nowMs: number): readonly Alarm[];
  /** A person has read it. - Fails: `UnknownAlarm`. */
  acknowledge(number: number, nowMs: number): Promise<Result<StoredAlarm, ClientError>>;
  /** Newest first. */
  all(): readonly StoredAlarm[];
  /** Resolves when everything noted so far is stored, as far as it can be. */
  idle(): Promise<void>;
}

export interface AlarmBookDeps {
  readonly store: TxStore;
  readonly tables: Tables;
  /** A row could not be written; the alarm is shown until the program ends. */
  readonly onFault: (error: StoreError) => void;
}

export function createAlarmBook({ store, tables, onFault }: AlarmBookDeps): AlarmBook {
  const rows = new Map<number, AlarmRow>();
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

  /** The oldest that is over or read goes first; without one there is no room. */
  function makeRoom(): boolean {
    if (rows.size < ALARMS_MAX) return true;
    const done = [...rows].find(([, row]) => row.resolvedAtMs !== null || row.acknowledgedAtMs !== null);
    if (done === undefined) return false;
    rows.delete(done[0]);
    void write([tables.alarm.remove(done[0])]);
    return true;
  }

  const openRow = (alarm: Alarm): readonly [number, AlarmRow] | undefined => {
    const text = JSON.stringify(alarm);
    return [...rows].find(([, row]) => row.resolvedAtMs === null && JSON.stringify(row.alarm) === text);
  };

  return {
    async start() {
      const stored = await tables.alarm.scan();
      if (!stored.ok) return stored;
      for (const { key, value } of stored.value) rows.set(rowKeyLastNumber(key), value);
      next = Math.max(0, ...rows.keys()) + 1;
      return ok();
    },
    note(alarm, nowMs) {
      const open = openRow(alarm);
      if (open !== undefined) {
        void put(open[0], { ...open[1], seenAtMs: nowMs });
        return;
      }
      if (!makeRoom()) return;
      const row = { alarm, raisedAtMs: nowMs, seenAtMs: nowMs, acknowledgedAtMs: null, resolvedAtMs: null };
      void put(next++, row);
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
    all: () => [...rows].map(([number, row]) => ({ ...row, number })).reverse(),
    idle: async () => {
      await last;
    },
  };
}
