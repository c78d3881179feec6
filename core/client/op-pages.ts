/**
 * Pages of ops: rows that hold many ops each, in the order of the view.
 *
 * A page is named by the key of its first op and holds what lies between it and the next page. Sealing, naming and storing a row
 * costs more than an op in it does, and history comes by the hundred thousand. Which ops there are, and what is known of them,
 * is op-store's. Runs within the serial where it writes.
 */
import { type ConversationId, idBytes, idFromBytes } from "../base/ids.ts";
import { OPS_PER_PAGE_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { type NamedOp, nameOp } from "../messenger/op.ts";
import { rowKeyParts } from "../store/row-key.ts";
import type { TableRow } from "../store/table.ts";
import type { StoreError, WriteOp } from "../store/tx-store.ts";
import type { OpPageRow } from "./op-page-shape.ts";
import type { KeyedOp } from "./recent-ops.ts";
import type { Tables } from "./tables.ts";

/** A page that has more is written as two: with every op its page is sealed again. */
const PAGE_BYTES_MAX = 32_768;
/** Pages that are read at once. */
const PAGES_AT_ONCE = 8;

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
  /** The op at a key as it is stored, whatever is to be changed. */
  get(key: string): Promise<Result<NamedOp | null, StoreError>>;
  /** The writes that make these changes. */
  writes(changes: OpChanges): Promise<Result<readonly WriteOp[], StoreError>>;
}

/** A page as it is read; one that is to be made has no ops yet, and no row. */
interface Page {
  readonly key: string | null;
  readonly ops: readonly KeyedOp[];
}

/** Pages in rows of `tables.op`. */
export function createOpPages(tables: Tables): OpPages {
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

    const shared = (page: Page): Page => {
      const known = pagesByRow.get(page.key ?? "") ?? page;
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
      const floor = await floorOf(first);
      if (!floor.ok) return floor;
      // One at first: history mostly comes where nothing is, and what lies above it is not wanted.
      const limit = at === 0 || at === keys.length - 1 ? 1 : PAGES_AT_ONCE;
      const isAlone = at === keys.length - 1 && floor.value !== null;
      const above = isAlone ? ok([]) : await scan({ under: [conversation], after: first, limit });
      if (!above.ok) return above;
      const pages = [...(floor.value === null ? [] : [floor.value]), ...above.value].map(shared);
      const end = above.value.length < limit ? null : (above.value.at(-1)?.key ?? null);
      let next = at;
      let page = 0;
      for (; next < keys.length; next++) {
        const key = keys[next] ?? "";
        if (conversationOf(key) !== conversation || (end !== null && key >= end)) break;
        while ((pages[page + 1]?.key ?? "\x7f") <= key) page += 1;
        pageByKey.set(key, pages[page] ?? newPage(conversation));
      }
      return ok(next);
    }

    function newPage(conversation: string): Page {
      const page = firstPages.get(conversation) ?? { key: null, ops: [] };
      firstPages.set(conversation, page);
      return page;
    }

    return {
      read,
      async get(key) {
        const known = await read([key]);
        if (!known.ok) return known;
        return ok(pageByKey.get(key)?.ops.find((one) => one.key === key)?.op ?? null);
      },
      async writes(changes) {
        const known = await read([...changes.keys()]);
        if (!known.ok) return known;
        const changesByPage = Map.groupBy([...changes], ([key]) => pageByKey.get(key));
        return ok(
          [...changesByPage].flatMap(([page, changed]) =>
            page === undefined ? [] : pageWrites(tables, page, new Map(changed)),
          ),
        );
      },
    };
  }

  return {
    async get(key) {
      const page = await floorOf(key);
      if (!page.ok) return page;
      return ok(page.value?.ops.find((one) => one.key === key)?.op ?? null);
    },
    newest,
    async all(conversationId) {
      const pages = await scan({ under: [conversationId] });
      return pages.ok ? ok(pages.value.flatMap(({ ops }) => ops)) : pages;
    },
    draft: createDraft,
  };
}

/** A page with changes made, as the pages it then is. */
function pageWrites(tables: Tables, page: Page, changes: OpChanges): readonly WriteOp[] {
  const changed = [...changes].flatMap(([key, op]) => (op === null ? [] : [{ key, op }]));
  changed.sort(byKey);
  const lowest = changed[0]?.key ?? "";
  const isBeyond = changed.length === changes.size && (lowest > (page.ops.at(-1)?.key ?? "") || isBelow());
  // What goes on where a full page ends, or ends where one begins, leaves it as it is.
  if (isBeyond && page.ops.length + changed.length > OPS_PER_PAGE_MAX) return put(changed);
  const kept = page.ops.filter(({ key }) => !changes.has(key));
  const writes = put([...kept, ...changed].sort(byKey));
  const isReplaced = page.key === null || writes.some(({ key }) => key === page.key);
  return isReplaced ? writes : [...writes, { type: "delete", key: page.key ?? "" }];

  function isBelow(): boolean {
    return (changed.at(-1)?.key ?? "") < (page.key ?? "");
  }

  function put(ops: readonly KeyedOp[]): readonly WriteOp[] {
    return inPages(ops).map((part) =>
      tables.op.putAt(
        part[0]?.key ?? "",
        part.map(({ op }) => ({ id: idBytes(op.id), op: op.bytes })),
      ),
    );
  }
}

/** Parts of like length that each fit a page. */
function inPages(ops: readonly KeyedOp[]): readonly (readonly KeyedOp[])[] {
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
  return parts;
}

function byKey(a: KeyedOp, b: KeyedOp): number {
  return a.key < b.key ? -1 : 1;
}

/** `op/conversation/…` */
function conversationOf(key: string): string {
  return rowKeyParts(key)[1] ?? "";
}
