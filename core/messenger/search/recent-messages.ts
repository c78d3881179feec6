/**
 * The newest messages once more, in a small table of their own.
 *
 * What FTS5 does for a query grows with how often a word stands in the whole table, even where only the newest hits are
 * wanted: a beginning joins the postings of all words it could be, and relevance counts all messages that hold a word
 * (measured among 100,000: 2 to 12 ms). What is that frequent fills a page from the newest messages alone.
 */
import type { Fts5Table, TableRow } from "./fts5-table.ts";

/** So many of the newest are in it, and at most twice as many. */
export const RECENT_MESSAGES = 12_000;

export interface RecentMessages {
  /** From this rowid on every message is in the table; null while that is true of none. */
  from(): bigint | null;
  readonly table: Fts5Table;
  insert(row: TableRow): void;
  erase(rowid: bigint): void;
  /** Many are coming, the older ones among which it does not need. */
  hold(): void;
  release(): void;
}

/** Over an empty table. */
export function createRecentMessages(table: Fts5Table): RecentMessages {
  let from = 0n;
  let count = 0;
  /** What came while held; null when nothing is. */
  let held: TableRow[] | null = null;

  function insert(row: TableRow): void {
    if (row.rowid < from) return;
    if (held !== null) {
      held.push(row);
      if (held.length > 2 * RECENT_MESSAGES) held = newestOf(held);
      return;
    }
    table.insert(row);
    count += 1;
    if (count <= 2 * RECENT_MESSAGES) return;
    const oldest = table.trim(RECENT_MESSAGES);
    // Never back: between what is in the table from before there may be what was left out.
    if (oldest !== null && oldest > from) from = oldest;
    count = RECENT_MESSAGES;
  }

  /** What is left out is older than what stays, and from then on nothing as old is taken. */
  function newestOf(rows: readonly TableRow[]): TableRow[] {
    const newest = inOrder(rows).slice(-RECENT_MESSAGES);
    if (newest.length < rows.length) from = newest[0]?.rowid ?? from;
    return newest;
  }

  return {
    from: () => (held === null ? from : null),
    table,
    insert,
    erase(rowid) {
      const kept = held?.filter((row) => row.rowid !== rowid);
      if (held !== null && kept !== undefined && kept.length < held.length) {
        held = kept;
        return;
      }
      // What lies before `from` may still be there, and is to be gone too.
      table.erase(rowid);
      if (rowid >= from) count -= 1;
    },
    hold() {
      held = [];
    },
    release() {
      const rows = newestOf(held ?? []);
      held = null;
      for (const row of rows) insert(row);
    },
  };
}

function inOrder(rows: readonly TableRow[]): readonly TableRow[] {
  return rows.toSorted((a, b) => (a.rowid < b.rowid ? -1 : 1));
}
