/**
 * What the search index holds, stored so that it need not be read from the rows of ops each time: sealed rows of up to
 * `SEARCH_SEGMENT_OPS_MAX` ops with the texts of the messages among them.
 *
 * Derived: segments that do not open, or that hold more than there is, are thrown away and made again. They say which ops
 * they cover, so what came after them is found by counting. A text that is to be gone is taken out with `forget`.
 */
import { concatBytes } from "../../base/bytes.ts";
import { type ConversationId, idBytes, idFromBytes, type OpId } from "../../base/ids.ts";
import { SEARCH_SEGMENT_BYTES_MAX, SEARCH_SEGMENT_OPS_MAX, SEARCH_SEGMENTS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { NamedOp } from "../../messenger/op.ts";
import type { SearchDocument } from "../../messenger/search/search-index.ts";
import { timelineMessage } from "../../messenger/timeline.ts";
import type { StoreError, TxStore } from "../../store/tx-store.ts";
import type { SearchRow, Tables } from "../tables.ts";

const OP_ID_BYTES = 32;

/** All that is stored. */
export interface StoredSegments {
  readonly documents: readonly SearchDocument[];
  /** Ops that segments cover, messages or not. */
  readonly covered: ReadonlySet<OpId>;
  readonly countByConversation: ReadonlyMap<ConversationId, number>;
}

export interface SearchSegments {
  /** Null when what is stored is of no use; it is gone then. */
  load(): Promise<Result<StoredSegments | null, StoreError>>;
  /** Stores ops that no segment covers, once there are `atLeast`. Gives those that are not stored. */
  append(ops: readonly NamedOp[], atLeast: number): Promise<Result<readonly NamedOp[], StoreError>>;
  /** Takes the texts of these ops out of every segment. */
  forget(ids: readonly OpId[]): Promise<Result<void, StoreError>>;
  clear(): Promise<Result<void, StoreError>>;
}

export function createSearchSegments(store: TxStore, tables: Tables): SearchSegments {
  let next = 0;

  async function load(): Promise<Result<StoredSegments | null, StoreError>> {
    const rows = await tables.search.scan();
    if (!rows.ok) return rows.error.type === "StoreCorrupt" ? discard() : rows;
    const documents: SearchDocument[] = [];
    const covered = new Set<OpId>();
    const countByConversation = new Map<ConversationId, number>();
    for (const { value } of rows.value) {
      if (!readSegment(value, { documents, covered, countByConversation })) return discard();
    }
    next = numberAfter(rows.value);
    return ok({ documents, covered, countByConversation });
  }

  async function discard(): Promise<Result<null, StoreError>> {
    const cleared = await clear();
    return cleared.ok ? ok(null) : cleared;
  }

  /** By number and unseen: a row that does not open cannot be listed either. */
  function clear(): Promise<Result<void, StoreError>> {
    next = 0;
    return store.batch(
      Array.from({ length: SEARCH_SEGMENTS_MAX }, (_, number) => tables.search.remove(number)),
    );
  }

  async function append(
    ops: readonly NamedOp[],
    atLeast: number,
  ): Promise<Result<readonly NamedOp[], StoreError>> {
    if (ops.length < atLeast) return ok(ops);
    const from = next;
    const parts = segmentParts(ops);
    if (from + parts.length > SEARCH_SEGMENTS_MAX) {
      const cleared = await clear();
      return cleared.ok ? ok(ops) : cleared;
    }
    const written = await store.batch(
      parts.map((part, at) => tables.search.put([from + at], makeSegment(part))),
    );
    if (!written.ok) return written;
    next = from + parts.length;
    return ok([]);
  }

  async function forget(ids: readonly OpId[]): Promise<Result<void, StoreError>> {
    const rows = await tables.search.scan();
    if (!rows.ok) return rows.error.type === "StoreCorrupt" ? clear() : rows;
    const wanted: ReadonlySet<OpId> = new Set(ids);
    const writes = rows.value.flatMap(({ key, value }) => {
      const texts = value.texts.map((text, at) => {
        if (text === null) return null;
        const id = value.ids.subarray(at * OP_ID_BYTES, (at + 1) * OP_ID_BYTES);
        return id.length === OP_ID_BYTES && wanted.has(idFromBytes("op", id)) ? null : text;
      });
      const isChanged = texts.some((text, at) => text !== value.texts[at]);
      return isChanged ? [tables.search.put([numberOf(key)], { ...value, texts })] : [];
    });
    return writes.length === 0 ? ok() : store.batch(writes);
  }

  return { load, append, forget, clear };
}

function numberOf(key: string): number {
  return Number(key.slice(key.lastIndexOf("/") + 1));
}

function numberAfter(rows: readonly { readonly key: string }[]): number {
  const last = rows.at(-1);
  return last === undefined ? 0 : numberOf(last.key) + 1;
}

/** Parts that each fit a segment. */
function segmentParts(ops: readonly NamedOp[]): readonly (readonly NamedOp[])[] {
  const parts: NamedOp[][] = [];
  let size = 0;
  for (const op of ops) {
    const part = parts.at(-1);
    const isFull =
      part === undefined ||
      part.length >= SEARCH_SEGMENT_OPS_MAX ||
      size + op.bytes.length > SEARCH_SEGMENT_BYTES_MAX;
    if (isFull) parts.push([op]);
    else part.push(op);
    size = isFull ? op.bytes.length : size + op.bytes.length;
  }
  return parts;
}

function makeSegment(ops: readonly NamedOp[]): SearchRow {
  const conversations = numbered(ops.map(({ op }) => op.conversationId));
  const authors = numbered(ops.map(({ op }) => op.author));
  const devices = numbered(ops.map(({ op }) => op.device));
  return {
    conversations: conversations.values,
    authors: authors.values,
    devices: devices.values,
    ids: concatBytes(...ops.map(({ id }) => idBytes(id))),
    conversation: conversations.places,
    author: authors.places,
    device: devices.places,
    hlcs: ops.map(({ op }) => op.hlc),
    texts: ops.map((op) => timelineMessage(op)?.text || null),
  };
}

/** Each value once, and for each place which of them. */
function numbered<T>(all: readonly T[]): {
  readonly values: readonly T[];
  readonly places: readonly number[];
} {
  const numbers = new Map<T, number>();
  const places = all.map((value) => {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    return number;
  });
  return { values: [...numbers.keys()], places };
}

/** False for a segment whose columns do not fit each other. */
function readSegment(
  row: SearchRow,
  into: {
    readonly documents: SearchDocument[];
    readonly covered: Set<OpId>;
    readonly countByConversation: Map<ConversationId, number>;
  },
): boolean {
  const count = row.texts.length;
  const columns = [row.conversation, row.author, row.device, row.hlcs];
  if (row.ids.length !== count * OP_ID_BYTES || columns.some((column) => column.length !== count))
    return false;
  for (let at = 0; at < count; at++) {
    const conversationId = row.conversations[row.conversation[at] ?? -1];
    const author = row.authors[row.author[at] ?? -1];
    const device = row.devices[row.device[at] ?? -1];
    const hlc = row.hlcs[at];
    const text = row.texts[at];
    if (conversationId === undefined || author === undefined || device === undefined || hlc === undefined)
      return false;
    const id = idFromBytes("op", row.ids.subarray(at * OP_ID_BYTES, (at + 1) * OP_ID_BYTES));
    if (into.covered.has(id)) continue;
    into.covered.add(id);
    into.countByConversation.set(conversationId, (into.countByConversation.get(conversationId) ?? 0) + 1);
    if (text !== null && text !== undefined)
      into.documents.push({ conversationId, author, device, hlc, id, text });
  }
  return true;
}
