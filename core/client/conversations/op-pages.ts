/**
 * Pages of ops: rows that hold many ops each, in the order of the view.
 *
 * A page is named by the key of its first op and holds what lies between it and the next page. Sealing, naming and storing a row
 * costs more than an op in it does, and history comes by the hundred thousand. Which ops there are, and what is known of them,
 * is op-store's. Runs within the serial where it writes.
 */
import { present } from "../../base/assert.ts";
import { type ConversationId, idBytes, idFromBytes } from "../../base/ids.ts";
import { OPS_PER_PAGE_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { type NamedOp, nameOp } from "../../messenger/op.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { TableRow } from "../../store/table.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { OpPageRow } from "./op-page-shape.ts";
import type { KeyedOp } from "./recent-ops.ts";
import type { Tables } from "../tables.ts";

/** A page that has more is written as two: with every op its page is sealed again. */
const PAGE_BYTES_MAX = 32_768;
/** Pages that are read at once. */
const PAGES_AT_ONCE = 8;
/** Conversations whose last page is known. */
const LAST_PAGES_MAX = 32;

/** What is to stand at a key: an op, or nothing any more. */
export type OpChanges = ReadonlyMap<string, NamedOp | null>;

export interface OpPages {
  /** The op at a key. */
  get(key: string): Promise<Result<NamedOp | null, StoreError>>;
  /** Ops of a conversation newest first, below the key `before`. */
  newest(
    conversationId: ConversationId,
    limit: number,
    before?: string,
  ): Promise<Result<readonly KeyedOp[], StoreError>>;
  /** Every op of a conversation, oldest first. */
  all(conversationId: ConversationId): Promise<Result<readonly KeyedOp[], StoreError>>;
  /** For one transaction. */
  draft(): OpPagesDraft;
}

export interface OpPagesDraft {
  /** Reads what stands at these keys; few reads where they lie together. */
  read(keys: readonly string[]): Promise<Result<void, StoreError>>;
  /** The op at a key that was read, as it is stored, whatever is to be changed. */
  get(key: string): NamedOp | null;
  /** The writes that make these changes. */
  writes(changes: OpChanges): Promise<Result<readonly WriteOp[], StoreError>>;
  /** They are durable. */
  commit(): void;
}

/** A page as it is read; one that is to be made has no ops yet, and no row. */
interface Page {
  readonly key: string | null;
  readonly ops: readonly KeyedOp[];
}

/** What becomes of a page. */
interface Repaged {
  readonly written: readonly Page[];
  /** Whether it stays as it is. */
  readonly isKept: boolean;
}

/** Pages in rows of `tables.op`. */
export function createOpPages(tables: Tables): OpPages {
  /** By conversation, the one used last last: what is said next goes there, and its page need not be read for it. */
  const lastPages = new Map<string, Page>();

  function noteLast(conversation: string, page: Page | undefined): void {
    lastPages.delete(conversation);
    if (page !== undefined && page.key !== null) lastPages.set(conversation, page);
    for (const oldest of lastPages.keys()) {
      if (lastPages.size <= LAST_PAGES_MAX) return;
      lastPages.delete(oldest);
    }
  }

  const keyOf = ({ op, id }: NamedOp): string => tables.op.key(op.conversationId, op.hlc, op.device, id);

  function open(row: TableRow<OpPageRow>): Result<Page, StoreError> {
    const ops: KeyedOp[] = [];
    for (const { id, op } of row.value) {
      const named = nameOp(idFromBytes("op", id), op);
      if (!named.ok) return err({ type: "StoreCorrupt", key: row.key });
      ops.push({ key: keyOf(named.value), op: named.value });
    }
    return ok({ key: row.key, ops });
  }

  async function scan(
    range: Parameters<Tables["op"]["scan"]>[0],
  ): Promise<Result<readonly Page[], StoreError>> {
    const rows = await tables.op.scan(range);
    if (!rows.ok) return rows;
    const pages: Page[] = [];
    for (const row of rows.value) {
      const page = open(row);
      if (!page.ok) return page;
      pages.push(page.value);
    }
    return ok(pages);
  }

  /** The page whose key is this or the nearest below. */
  async function floorOf(key: string): Promise<Result<Page | null, StoreError>> {
    const after = `${key} `;
    const pages = await scan({ under: [conversationOf(key)], after, limit: 1, reverse: true });
    return pages.ok ? ok(pages.value[0] ?? null) : pages;
  }

  async function newest(
    conversationId: ConversationId,
    limit: number,
    before?: string,
  ): Promise<Result<readonly KeyedOp[], StoreError>> {
    const found: KeyedOp[] = [];
    for (let after = before; found.length < limit; ) {
      const count = Math.min(PAGES_AT_ONCE, Math.ceil((limit - found.length) / OPS_PER_PAGE_MAX) + 1);
      const range = { under: [conversationId], limit: count, reverse: true };
      const pages = await scan(after === undefined ? range : { ...range, after });
      if (!pages.ok) return pages;
      for (const page of pages.value)
        found.push(...page.ops.filter(({ key }) => before === undefined || key < before).toReversed());
      after = pages.value.at(-1)?.key ?? undefined;
      if (pages.value.length < count) break;
    }
    return ok(found.slice(0, limit));
  }

  function createDraft(): OpPagesDraft {
    /** The page each key belongs into. */
    const pageByKey = new Map<string, Page>();
    const pagesByRow = new Map<string, Page>();
    const firstPages = new Map<string, Page>();
    /** Pages that were found to be the last of their conversations. */
    const ends = new Map<string, Page>();
    const repaged = new Map<Page, Repaged>();

    /** One object for one row. */
    const shared = (conversation: string, page: Page): Page => {
      const last = lastPages.get(conversation);
      const known = pagesByRow.get(page.key ?? "") ?? (last?.key === page.key ? last : page);
      pagesByRow.set(page.key ?? "", known);
      return known;
    };

    async function read(keys: readonly string[]): Promise<Result<void, StoreError>> {
      const wanted = [...new Set(keys)].filter((key) => !pageByKey.has(key)).sort();
      for (let at = 0; at < wanted.length; ) {
        const done = await readFrom(wanted, at);
        if (!done.ok) return done;
        at = done.value;
      }
      return ok();
    }

    /** Finds the page of `keys[at]`, and of as many after it as lie in the next few pages. Gives how far it came. */
    async function readFrom(keys: readonly string[], at: number): Promise<Result<number, StoreError>> {
      const first = keys[at] ?? "";
      const conversation = conversationOf(first);
      const last = lastPages.get(conversation);
      if (last !== undefined && first >= (last.key ?? "")) {
        ends.set(conversation, last);
        return ok(place(keys, at, { conversation, pages: [shared(conversation, last)], end: null }));
      }
      const floor = await floorOf(first);
      if (!floor.ok) return floor;
      // One at first: history mostly comes where nothing is, and what lies above it is not wanted.
      const limit = at === 0 || at === keys.length - 1 ? 1 : PAGES_AT_ONCE;
      const above = await scan({ under: [conversation], after: first, limit });
      if (!above.ok) return above;
      const found = [...(floor.value === null ? [] : [floor.value]), ...above.value];
      const pages = found.map((page) => shared(conversation, page));
      const end = above.value.length < limit ? null : (above.value.at(-1)?.key ?? null);
      if (end === null) ends.set(conversation, pages.at(-1) ?? newPage(conversation));
      return ok(place(keys, at, { conversation, pages, end }));
    }

    /** Keys of the conversation below `end` belong to the pages whose keys are nearest below, or to the first. */
    function place(
      keys: readonly string[],
      at: number,
      among: { readonly conversation: string; readonly pages: readonly Page[]; readonly end: string | null },
    ): number {
      const { conversation, pages, end } = among;
      let next = at;
      let page = 0;
      for (; next < keys.length; next++) {
        const key = keys[next] ?? "";
        if (conversationOf(key) !== conversation || (end !== null && key >= end)) break;
        while ((pages[page + 1]?.key ?? "\x7f") <= key) page += 1;
        pageByKey.set(key, pages[page] ?? newPage(conversation));
      }
      return next;
    }

    function newPage(conversation: string): Page {
      const page = firstPages.get(conversation) ?? { key: null, ops: [] };
      firstPages.set(conversation, page);
      return page;
    }

    return {
      read,
      get: (key) => opAt(present(pageByKey.get(key), "the key was read"), key),
      async writes(changes) {
        const known = await read([...changes.keys()]);
        if (!known.ok) return known;
        repaged.clear();
        for (const [page, changed] of Map.groupBy([...changes], ([key]) => pageByKey.get(key)))
          if (page !== undefined) repaged.set(page, repage(page, new Map(changed)));
        return ok([...repaged].flatMap(([page, made]) => pageWrites(tables, page, made)));
      },
      commit() {
        for (const [conversation, end] of new Map([...lastPages, ...ends])) {
          const made = repaged.get(end);
          if (made === undefined && !ends.has(conversation)) continue;
          const pages = [...(made?.written ?? []), ...(made === undefined || made.isKept ? [end] : [])];
          pages.sort((a, b) => ((a.key ?? "") < (b.key ?? "") ? -1 : 1));
          noteLast(conversation, pages.at(-1));
        }
      },
    };
  }

  return {
    async get(key) {
      const page = await floorOf(key);
      if (!page.ok) return page;
      return ok(page.value === null ? null : opAt(page.value, key));
    },
    newest,
    async all(conversationId) {
      const pages = await scan({ under: [conversationId] });
      return pages.ok ? ok(pages.value.flatMap(({ ops }) => ops)) : pages;
    },
    draft: createDraft,
  };
}

function opAt({ ops }: Page, key: string): NamedOp | null {
  return ops.find((one) => one.key === key)?.op ?? null;
}

/** A page with changes made, as the pages it then is. */
function repage(page: Page, changes: OpChanges): Repaged {
  const changed = [...changes].flatMap(([key, op]) => (op === null ? [] : [{ key, op }]));
  changed.sort(byKey);
  const isAbove = (changed[0]?.key ?? "") > (page.ops.at(-1)?.key ?? "");
  const isBelow = (changed.at(-1)?.key ?? "") < (page.key ?? "");
  const isBeyond = changed.length === changes.size && (isAbove || isBelow);
  // What goes on where a full page ends, or ends where one begins, leaves it as it is.
  if (isBeyond && page.ops.length + changed.length > OPS_PER_PAGE_MAX)
    return { written: inPages(changed), isKept: true };
  const kept = page.ops.filter(({ key }) => !changes.has(key));
  return { written: inPages([...kept, ...changed].sort(byKey)), isKept: false };
}

function pageWrites(tables: Tables, page: Page, { written, isKept }: Repaged): readonly WriteOp[] {
  const writes = written.map(({ key, ops }) =>
    tables.op.putAt(
      key ?? "",
      ops.map(({ op }) => ({ id: idBytes(op.id), op: op.bytes })),
    ),
  );
  const isReplaced = isKept || page.key === null || writes.some(({ key }) => key === page.key);
  return isReplaced ? writes : [...writes, { type: "delete", key: page.key ?? "" }];
}

/** Parts of like length that each fit a page. */
function inPages(ops: readonly KeyedOp[]): readonly Page[] {
  const perPage = Math.ceil(ops.length / Math.ceil(ops.length / OPS_PER_PAGE_MAX));
  const parts: KeyedOp[][] = [];
  let size = 0;
  for (const one of ops) {
    const part = parts.at(-1);
    size += one.op.bytes.length;
    if (part !== undefined && part.length < perPage && size <= PAGE_BYTES_MAX) part.push(one);
    else {
      parts.push([one]);
      size = one.op.bytes.length;
    }
  }
  return parts.map((part) => ({ key: part[0]?.key ?? null, ops: part }));
}

function byKey(a: KeyedOp, b: KeyedOp): number {
  return a.key < b.key ? -1 : 1;
}

/** `op/conversation/…` */
function conversationOf(key: string): string {
  return rowKeyParts(key)[1] ?? "";
}
