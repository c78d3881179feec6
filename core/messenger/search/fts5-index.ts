/**
 * The search index on SQLite's FTS5, over any binding of it: node:sqlite, or SQLite as WebAssembly.
 *
 * Two tables: all messages, and the newest of them once more, which answer what is frequent. What people type reaches SQL
 * only as letters and digits between quotes.
 */
import type { OpId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { expression, hasWords, type IdKind } from "./fts5-expression.ts";
import { type Asked, createFts5Table, type SqlDatabase, TOKENIZER } from "./fts5-table.ts";
import { createRecentMessages } from "./recent-messages.ts";
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

/** Messages of one tick have rowids beside each other. `HLC_MAX` times this is below 2^63. */
const ROWIDS_PER_TICK = 1_024n;

/** The index in `database`, which must be empty and is closed with the index. */
export function createFts5Index(database: SqlDatabase): Result<SearchIndex, SearchFault> {
  return attempt(() => {
    database.exec(`CREATE VIRTUAL TABLE shown USING fts5(body, scope, tokenize="${TOKENIZER}");`);
    return createIndex(database);
  });
}

function createIndex(database: SqlDatabase): SearchIndex {
  const all = createFts5Table(database, "message");
  const recent = createRecentMessages(createFts5Table(database, "recent"));
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
      const row = { rowid, body: spaceOut(text), scope: scopeOf(document) };
      all.insert(row);
      recent.insert(row);
      byRowid.set(rowid, { conversationId, hlc, device, id, author });
      rowidById.set(id, rowid);
    }
    if (!isHeld) database.exec("COMMIT");
  }

  /** Each commit merges postings: one for all of them is twice as fast as one for each few thousand. */
  function hold(isWanted: boolean): void {
    if (isHeld === isWanted) return;
    if (isWanted) {
      database.exec("BEGIN");
      recent.hold();
    } else {
      recent.release();
      database.exec("COMMIT");
    }
    isHeld = isWanted;
  }

  function remove(ids: readonly OpId[]): void {
    for (const id of ids) {
      const rowid = rowidById.get(id);
      if (rowid === undefined) continue;
      all.erase(rowid);
      recent.erase(rowid);
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
    // Without a word nothing is more relevant than anything else.
    if (order === "newest" || !hasWords(term)) {
      const end = after === null || BigInt(after) > to ? to : BigInt(after);
      const rows = newest({ match, from, to: end }, limit + 1);
      const last = rows[limit - 1];
      return ok({ found: documents(rows.slice(0, limit)), next: rows.length > limit ? String(last) : null });
    }
    const offset = after === null ? 0 : Number(after);
    const rows = ranked({ match, from, to }, { limit: limit + 1, offset });
    const next = rows.length > limit ? String(offset + limit) : null;
    return ok({ found: documents(rows.slice(0, limit)), next });
  }

  /** From the newest messages alone when they hold enough; otherwise what is older after them. */
  function newest(asked: Asked, limit: number): readonly bigint[] {
    const near = nearOf(asked);
    if (near === null) return all.newest(asked, limit);
    const rows = recent.table.newest(near, limit);
    if (rows.length === limit || near.from === asked.from) return rows;
    return [...rows, ...all.newest({ ...asked, to: near.from }, limit - rows.length)];
  }

  /** Weighed by the table that all of them are in. */
  function ranked(
    asked: Asked,
    page: { readonly limit: number; readonly offset: number },
  ): readonly bigint[] {
    const near = nearOf(asked);
    const isNear =
      near !== null && (near.from === asked.from || recent.table.nth(near, RANKED_HITS_MAX) !== null);
    return isNear ? recent.table.ranked(near, page) : all.ranked(asked, page);
  }

  /** The part of a span that the newest messages cover; null when it is none. */
  function nearOf(asked: Asked): Asked | null {
    const from = recent.from();
    if (from === null || from >= asked.to) return null;
    return from > asked.from ? { ...asked, from } : asked;
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
    const textByRowid = new Map<number, string>();
    passing(() => {
      for (const [index, document] of shown.entries())
        show.run(BigInt(index + 1), spaced[index] ?? "", scopeOf(document));
      for (const [rowid, text] of marked.all(...marks, expression(term, word)))
        textByRowid.set(Number(rowid), String(text));
    });
    return shown.map(({ text }, index) => {
      const found = textByRowid.get(index + 1);
      return found === undefined ? null : rangesInText(text, spaced[index] ?? "", rangesOf(found, marks));
    });
  }

  /** What is written into `shown` is gone after it. Undone it need not be merged, which is five times as fast. */
  function passing(use: () => void): void {
    if (!isHeld) database.exec("BEGIN");
    try {
      use();
    } finally {
      // What is held must not be undone with it.
      if (isHeld) hide.run();
      else database.exec("ROLLBACK");
    }
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
