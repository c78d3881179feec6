/**
 * One FTS5 table of messages, contentless: which words are where, not the texts.
 *
 * `rowid` grows with the time of a message, so that "newest first" is the order of the table itself. Conversations,
 * authors and kinds are words of a second column, so that a filter costs no more than a word.
 */
import { ALL } from "./fts5-expression.ts";
import { RANKED_HITS_MAX } from "./search-index.ts";

/** A database in memory. Statements throw when the engine fails. Whole numbers come back as bigint. */
export interface SqlDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}
export type SqlValue = string | bigint;
export interface SqlStatement {
  run(...values: readonly SqlValue[]): void;
  /** Rows as lists of columns. */
  all(...values: readonly SqlValue[]): readonly (readonly unknown[])[];
}

/** What is asked of a table: a `MATCH` expression, and rowids from `from` on and before `to`. */
export interface Asked {
  readonly match: string;
  readonly from: bigint;
  readonly to: bigint;
}

/** A message as a table takes it. */
export interface TableRow {
  readonly rowid: bigint;
  readonly body: string;
  readonly scope: string;
}

export interface Fts5Table {
  insert(row: TableRow): void;
  erase(rowid: bigint): void;
  /** Rowids of the newest hits, newest first. */
  newest(asked: Asked, limit: number): readonly bigint[];
  /** The rowid of the hit that `count - 1` newer ones stand before; null when there are fewer. */
  nth(asked: Asked, count: number): bigint | null;
  /** Rowids of the newest `RANKED_HITS_MAX` hits by relevance, of equal ones the newest first; from `offset` on. */
  ranked(asked: Asked, page: { readonly limit: number; readonly offset: number }): readonly bigint[];
  /** Erases all but the newest `count`. Gives the oldest rowid of those; null when there are fewer, and nothing goes. */
  trim(count: number): bigint | null;
}

export const TOKENIZER = `unicode61 remove_diacritics 2 categories 'L* M* N* Co'`;
/** Postings gathered in memory before they are merged: one merge for the first 100,000 messages. */
const HASH_BYTES = 33_554_432;
const ROWID_MAX = 9_223_372_036_854_775_807n;

/** Makes an empty table called `name`. */
export function createFts5Table(database: SqlDatabase, name: "message" | "recent"): Fts5Table {
  database.exec(`
    CREATE VIRTUAL TABLE ${name} USING fts5(body, scope, content='', contentless_delete=1, tokenize="${TOKENIZER}");
    INSERT INTO ${name}(${name}, rank) VALUES('rank', 'bm25(1.0, 0.0)');
    INSERT INTO ${name}(${name}, rank) VALUES('hashsize', ${HASH_BYTES});`);
  const hits = `SELECT rowid FROM ${name} WHERE ${name} MATCH ? AND rowid >= ? AND rowid < ?`;
  const insert = database.prepare(`INSERT INTO ${name}(rowid, body, scope) VALUES(?, ?, ?)`);
  const erase = database.prepare(`DELETE FROM ${name} WHERE rowid = ?`);
  const newest = database.prepare(`${hits} ORDER BY rowid DESC LIMIT ?`);
  const nth = database.prepare(`${hits} ORDER BY rowid DESC LIMIT 1 OFFSET ?`);
  // In one statement: where the newest end need not be looked for first, which joins the postings once more.
  const ranked = database.prepare(
    `SELECT rowid FROM (
      SELECT rowid, rank AS weight FROM ${name} WHERE ${name} MATCH ? AND rowid >= ? AND rowid < ?
      ORDER BY rowid DESC LIMIT ${RANKED_HITS_MAX})
    ORDER BY weight, rowid DESC LIMIT ? OFFSET ?`,
  );
  const eraseBefore = database.prepare(`DELETE FROM ${name} WHERE rowid < ?`);

  const table: Fts5Table = {
    insert: ({ rowid, body, scope }) => insert.run(rowid, body, scope),
    erase: (rowid) => erase.run(rowid),
    newest: ({ match, from, to }, limit) => newest.all(match, from, to, BigInt(limit)).map(rowidOf),
    nth: ({ match, from, to }, count) => nth.all(match, from, to, BigInt(count - 1)).map(rowidOf)[0] ?? null,
    ranked: ({ match, from, to }, { limit, offset }) =>
      ranked.all(match, from, to, BigInt(limit), BigInt(offset)).map(rowidOf),
    trim(count) {
      const from = table.nth({ match: ALL, from: 0n, to: ROWID_MAX }, count);
      if (from !== null) eraseBefore.run(from);
      return from;
    },
  };
  return table;
}

function rowidOf(row: readonly unknown[]): bigint {
  return BigInt(String(row[0]));
}
