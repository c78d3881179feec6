/**
 * The search index on SQLite's FTS5, over any binding of it: node:sqlite, or SQLite as WebAssembly.
 *
 * Contentless: the table holds which words are where, not the texts. `rowid` grows with the time of a message, so that
 * "newest first" is the order of the index itself. Conversations, authors and kinds are words of a second column, so
 * that a filter costs no more than a word. What people type reaches SQL only as letters and digits between quotes.
 */
import type { OpId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import {
  type FoundDocument,
  type IndexPage,
  type IndexQuery,
  RANKED_HITS_MAX,
  type SearchDocument,
  type SearchFault,
  type SearchIndex,
  type SearchTerm,
} from "./search-index.ts";
import { hasLink, rangesInText, spaceOut, type TextRange } from "./search-text.ts";

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

type IdKind = "conversation" | "author";

/** Messages of one tick have rowids beside each other. `HLC_MAX` times this is below 2^63. */
const ROWIDS_PER_TICK = 1_024n;
const ALL = '(scope : "a")';
const NONE = '(scope : "x")';
const TOKENIZER = `unicode61 remove_diacritics 2 categories 'L* M* N* Co'`;
/** Postings gathered in memory before they are merged: one merge for the first 100,000 messages. */
const HASH_BYTES = 33_554_432;

/** The index in `database`, which must be empty and is closed with the index. */
export function createFts5Index(database: SqlDatabase): Result<SearchIndex, SearchFault> {
  return attempt(() => {
    database.exec(`
      CREATE VIRTUAL TABLE message USING fts5(body, scope, content='', contentless_delete=1, tokenize="${TOKENIZER}");
      INSERT INTO message(message, rank) VALUES('rank', 'bm25(1.0, 0.0)');
      INSERT INTO message(message, rank) VALUES('hashsize', ${HASH_BYTES});
      CREATE VIRTUAL TABLE shown USING fts5(body, scope, tokenize="${TOKENIZER}");`);
    return createIndex(database);
  });
}

function createIndex(database: SqlDatabase): SearchIndex {
  const insert = database.prepare("INSERT INTO message(rowid, body, scope) VALUES(?, ?, ?)");
  const erase = database.prepare("DELETE FROM message WHERE rowid = ?");
  const newest = database.prepare(
    "SELECT rowid FROM message WHERE message MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT ?",
  );
  const edge = database.prepare(
    "SELECT rowid FROM message WHERE message MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT 1 OFFSET ?",
  );
  const ranked = database.prepare(
    "SELECT rowid FROM message WHERE message MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rank LIMIT ? OFFSET ?",
  );
  const show = database.prepare("INSERT INTO shown(rowid, body, scope) VALUES(?, ?, ?)");
  const marked = database.prepare("SELECT rowid, highlight(shown, 0, ?, ?) FROM shown WHERE shown MATCH ?");
  const hide = database.prepare("DELETE FROM shown");
  const byRowid = new Map<bigint, FoundDocument>();
  const rowidById = new Map<OpId, bigint>();
  /** From the first rowid of a run that is taken, the next one that may be free. */
  const skips = new Map<bigint, bigint>();
  let isHeld = false;
  const numbers = { conversation: new Map<string, number>(), author: new Map<string, number>() };

  /** Ids are long and many messages share them: each has a short word instead. */
  function word(kind: IdKind, id: string): string {
    const known = numbers[kind].get(id);
    if (known !== undefined) return `${kind.charAt(0)}${known}`;
    numbers[kind].set(id, numbers[kind].size);
    return word(kind, id);
  }

  /** Whoever gives many messages one time must not make us look at all of them for each. */
  function freeRowid(hlc: number): bigint {
    const first = BigInt(hlc) * ROWIDS_PER_TICK;
    let rowid = first;
    while (byRowid.has(rowid)) rowid = skips.get(rowid) ?? rowid + 1n;
    if (rowid !== first) skips.set(first, rowid + 1n);
    return rowid;
  }

  const scopeOf = ({ conversationId, author, text }: SearchDocument): string =>
    `a ${word("conversation", conversationId)} ${word("author", author)}${hasLink(text) ? " l" : ""}`;

  function add(documents: readonly SearchDocument[]): void {
    const fresh = documents.filter(({ id }) => !rowidById.has(id)).sort((a, b) => a.hlc - b.hlc);
    if (!isHeld) database.exec("BEGIN");
    for (const document of fresh) {
      const { conversationId, hlc, device, id, author, text } = document;
      if (rowidById.has(id)) continue;
      const rowid = freeRowid(hlc);
      insert.run(rowid, spaceOut(text), scopeOf(document));
      byRowid.set(rowid, { conversationId, hlc, device, id, author });
      rowidById.set(id, rowid);
    }
    if (!isHeld) database.exec("COMMIT");
  }

  /** Each commit merges postings: one for all of them is twice as fast as one for each few thousand. */
  function hold(isWanted: boolean): void {
    if (isHeld === isWanted) return;
    database.exec(isWanted ? "BEGIN" : "COMMIT");
    isHeld = isWanted;
  }

  function remove(ids: readonly OpId[]): void {
    for (const id of ids) {
      const rowid = rowidById.get(id);
      if (rowid === undefined) continue;
      erase.run(rowid);
      byRowid.delete(rowid);
      rowidById.delete(id);
      // A rowid that is free again is found again.
      skips.clear();
    }
  }

  function query({ term, fromHlc, toHlc, order, limit, after }: IndexQuery): Result<IndexPage, SearchFault> {
    if (after !== null && !/^\d{1,19}$/.test(after)) return err({ type: "BadSearchCursor" });
    const match = expression(term, word);
    const from = BigInt(fromHlc) * ROWIDS_PER_TICK;
    const to = BigInt(toHlc) * ROWIDS_PER_TICK;
    if (order === "newest") {
      const end = after === null || BigInt(after) > to ? to : BigInt(after);
      const rows = newest.all(match, from, end, BigInt(limit + 1)).map(rowidOf);
      const last = rows[limit - 1];
      return ok({ found: documents(rows.slice(0, limit)), next: rows.length > limit ? String(last) : null });
    }
    const offset = after === null ? 0 : Number(after);
    const oldest = edge.all(match, from, to, BigInt(RANKED_HITS_MAX - 1)).map(rowidOf)[0] ?? from;
    const rows = ranked.all(match, oldest, to, BigInt(limit + 1), BigInt(offset)).map(rowidOf);
    const next = rows.length > limit ? String(offset + limit) : null;
    return ok({ found: documents(rows.slice(0, limit)), next });
  }

  function documents(rowids: readonly bigint[]): readonly FoundDocument[] {
    return rowids.flatMap((rowid) => byRowid.get(rowid) ?? []);
  }

  /** The few texts that are shown are indexed once more, with their content, because only then FTS5 tells where. */
  function locate(
    term: SearchTerm,
    shown: readonly SearchDocument[],
  ): readonly (readonly TextRange[] | null)[] {
    const spaced = shown.map(({ text }) => spaceOut(text));
    const marks = marksNotIn(spaced);
    hide.run();
    for (const [index, document] of shown.entries())
      show.run(BigInt(index + 1), spaced[index] ?? "", scopeOf(document));
    const textByRowid = new Map(
      marked.all(...marks, expression(term, word)).map(([rowid, text]) => [Number(rowid), String(text)]),
    );
    hide.run();
    return shown.map(({ text }, index) => {
      const found = textByRowid.get(index + 1);
      return found === undefined ? null : rangesInText(text, spaced[index] ?? "", rangesOf(found, marks));
    });
  }

  return {
    add: (documents) => attempt(() => add(documents)),
    hold: () => attempt(() => hold(true)),
    release: () => attempt(() => hold(false)),
    remove: (ids) => attempt(() => remove(ids)),
    has: (id) => rowidById.has(id),
    query: (asked) => flatten(attempt(() => query(asked))),
    locate: (term, documents) => attempt(() => locate(term, documents)),
    close: () => void attempt(() => database.close()),
  };
}

/** `term` as FTS5 has it. Nothing but letters, marks and digits of what was typed is in it. */
function expression(term: SearchTerm, word: (kind: IdKind, id: string) => string): string {
  switch (term.type) {
    case "all":
      return ALL;
    case "link":
      return '(scope : "l")';
    case "text": {
      const words = term.words
        .map((one) => one.replace(/[^\p{L}\p{M}\p{N}\p{Co}]/gu, ""))
        .filter((one) => one !== "");
      return words.length === 0 ? NONE : `(body : "${words.join(" ")}"${term.isPrefix ? " *" : ""})`;
    }
    case "conversation":
    case "author":
      return term.ids.length === 0
        ? NONE
        : `(scope : (${term.ids.map((id) => `"${word(term.type, id)}"`).join(" OR ")}))`;
    case "not":
      return `(${ALL} NOT ${expression(term.term, word)})`;
    case "or":
      return term.terms.length === 0
        ? NONE
        : `(${term.terms.map((one) => expression(one, word)).join(" OR ")})`;
    case "and": {
      const wanted = term.terms.filter(({ type }) => type !== "not").map((one) => expression(one, word));
      const unwanted = term.terms.flatMap((one) => (one.type === "not" ? expression(one.term, word) : []));
      const all = wanted.length === 0 ? ALL : wanted.join(" AND ");
      return unwanted.length === 0 ? `(${all})` : `((${all}) NOT (${unwanted.join(" OR ")}))`;
    }
  }
}

/** Two marks that no text holds, so that a text cannot pretend to be a match. */
function marksNotIn(texts: readonly string[]): readonly [string, string] {
  for (let i = 0; ; i++) {
    const marks = [`\u{e000}${i}\u{e001}`, `\u{e002}${i}\u{e003}`] as const;
    if (!texts.some((text) => marks.some((mark) => text.includes(mark)))) return marks;
  }
}

function rangesOf(text: string, [open, close]: readonly [string, string]): readonly TextRange[] {
  const ranges: TextRange[] = [];
  let removed = 0;
  for (let start = text.indexOf(open); start !== -1; start = text.indexOf(open, start + 1)) {
    const end = text.indexOf(close, start);
    if (end === -1) break;
    const from = start - removed;
    removed += open.length;
    ranges.push({ start: from, end: end - removed });
    removed += close.length;
  }
  return ranges;
}

function rowidOf(row: readonly unknown[]): bigint {
  return BigInt(String(row[0]));
}

function attempt<T>(run: () => T): Result<T, SearchFault> {
  try {
    return ok(run());
  } catch (thrown) {
    // Only what SQLite says of itself: a message of it never holds a bound value.
    const detail = thrown instanceof Error ? thrown.name : "unknown";
    return err({ type: "SearchUnavailable", detail });
  }
}

function flatten<T, E>(result: Result<Result<T, E>, E>): Result<T, E> {
  return result.ok ? result.value : result;
}
