/**
 * Changes a sibling brought directly, until they are in the account log. Rules DS13-DS15.
 *
 * Whoever made a change sends it to the log itself; but it may never reach a server again, and what is built on its
 * changes would then wait for ever on other devices. So what came directly is kept here, and sent from here when the
 * log still lacks it a while after it was read to its end.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { changeHash } from "../../document/change-hash.ts";
import type { DocumentName } from "../../log/document-name.ts";
import { rowKeyNumber, rowKeyParts } from "../../store/row-key.ts";
import type { DocumentChanges } from "../account-log/document-changes.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { ClientError } from "../client-error.ts";
import type { DirectRow, Tables } from "../tables.ts";

/** How long the device that made a change has to send it once this one has read the log without it. */
export const RELAY_DELAY_MS = 60_000;

export interface DirectRows {
  start(): Promise<Result<void, ClientError>>;
  add(items: readonly DocumentChanges[]): RowsStep;
  /** Changes that the account log has. */
  settle(items: readonly DocumentChanges[]): RowsStep;
  /** Takes what a document has here, to be sent from here. */
  take(id: DocumentId): RowsStep & { readonly changes: readonly Bytes[] };
  /** The log was read to its end: names of documents whose changes are due to be sent from here. */
  readToEnd(nowMs: number): RowsStep & { readonly due: readonly DocumentName[] };
  /** When the next change is due, if nothing comes; null when none waits. */
  nextDueMs(): number | null;
  /** Changes of a document that are in no other row. */
  changesOf(id: DocumentId): readonly Bytes[];
}

interface Held {
  readonly row: DirectRow;
  readonly id: DocumentId;
  /** Hashes of its changes that the log lacks. */
  readonly lacking: Set<string>;
}

export function createDirectRows(tables: Tables, idOf: (name: DocumentName) => DocumentId): DirectRows {
  const held = new Map<number, Held>();
  let next = 1;

  const hold = (number: number, row: DirectRow): void => {
    const hashes = row.changes.flatMap((change) => changeHash(change) ?? []);
    held.set(number, { row, id: idOf(row.document), lacking: new Set(hashes) });
    next = Math.max(next, number + 1);
  };
  const remove = (numbers: readonly number[]): RowsStep => ({
    writes: numbers.map((number) => tables.direct.remove(number)),
    commit: () => {
      for (const number of numbers) held.delete(number);
    },
  });

  return {
    async start() {
      const rows = await tables.direct.scan();
      if (!rows.ok) return rows;
      for (const { key, value } of rows.value) hold(rowKeyNumber(rowKeyParts(key)[1]) ?? next, value);
      return ok();
    },
    add(items) {
      const rows = items.map((item, index) => [next + index, { ...item, missedAtMs: null }] as const);
      return {
        writes: rows.map(([number, row]) => tables.direct.put([number], row)),
        commit: () => {
          for (const [number, row] of rows) hold(number, row);
        },
      };
    },
    settle(items) {
      if (held.size === 0) return remove([]);
      const known = new Set(items.flatMap(({ changes }) => changes.flatMap((one) => changeHash(one) ?? [])));
      const done = [...held].filter(([, { lacking }]) => [...lacking].every((hash) => known.has(hash)));
      const step = remove(done.map(([number]) => number));
      return {
        writes: step.writes,
        commit() {
          step.commit();
          for (const { lacking } of held.values()) for (const hash of known) lacking.delete(hash);
        },
      };
    },
    take(id) {
      const taken = [...held].filter(([, one]) => one.id === id);
      return {
        ...remove(taken.map(([number]) => number)),
        changes: taken.flatMap(([, { row }]) => row.changes),
      };
    },
    readToEnd(nowMs) {
      const missed = [...held].filter(([, { row }]) => row.missedAtMs === null);
      const isDue = ({ row }: Held): boolean =>
        row.missedAtMs !== null && Math.abs(nowMs - row.missedAtMs) >= RELAY_DELAY_MS;
      const dueById = new Map([...held.values()].filter(isDue).map(({ id, row }) => [id, row.document]));
      const marked = missed.map(([number, one]) => [number, { ...one.row, missedAtMs: nowMs }] as const);
      return {
        due: [...dueById.values()],
        writes: marked.map(([number, row]) => tables.direct.put([number], row)),
        commit: () => {
          for (const [number, row] of marked) {
            const one = held.get(number);
            if (one !== undefined) held.set(number, { ...one, row });
          }
        },
      };
    },
    nextDueMs() {
      const times = [...held.values()].flatMap(({ row }) => row.missedAtMs ?? []);
      return times.length === 0 ? null : Math.min(...times) + RELAY_DELAY_MS;
    },
    changesOf: (id) => [...held.values()].filter((one) => one.id === id).flatMap(({ row }) => row.changes),
  };
}
