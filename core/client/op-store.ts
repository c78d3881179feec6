/**
 * The ops of all conversations as rows in the order of the view: what people see is read from here, page by page.
 *
 * Rows are derived: the buckets hold the same ops and every row can be made again from them. Runs within the serial.
 */
import type { ConversationId, DeviceId, OpId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import { addToFeed, EMPTY_FEED, feedEnd, frontierOf } from "../messenger/feed.ts";
import { isAhead, nextHlc } from "../messenger/hlc.ts";
import { createOp, type NamedOp, type Op, OP_KIND, parseOp } from "../messenger/op.ts";
import type { StoreError, TxStore, WriteOp } from "../store/tx-store.ts";
import type { FeedRow, Tables, TallyRow } from "./tables.ts";

/** How far back a device with a wrong clock looks for what others wrote. */
const RECENT_OPS = 256;
const EMPTY_TALLY: TallyRow = { opCount: 0, messageCount: 0, newestHlc: 0 };
const EMPTY_FEED_ROW: FeedRow = { feed: EMPTY_FEED, last: null };

/** Ops to be added in one transaction: `writes` now, `commit` once they are durable, `discard` otherwise. */
export interface OpAddition {
  readonly writes: readonly WriteOp[];
  /** Those that were not here. */
  readonly fresh: readonly NamedOp[];
  commit(): void;
}

/** What the key of an op's row is made of. */
export interface OpKey {
  readonly conversationId: ConversationId;
  readonly hlc: number;
  readonly device: DeviceId;
  readonly id: OpId;
}

export interface OpStore {
  /** Prepares adding `ops`; those already here, or twice in the list, are left out. */
  add(ops: readonly NamedOp[], nowMs: number): Promise<Result<OpAddition, StoreError>>;
  /** Makes the next op of this device in a conversation. The caller adds it in the transaction that sends it. */
  create(
    op: Omit<Op, "version" | "deviceSeq" | "devicePrev" | "hlc">,
    nowMs: number,
  ): Promise<Result<NamedOp, StoreError>>;
  /** Ops newest first, below the row key `before`. */
  page(
    conversationId: ConversationId,
    limit: number,
    before?: string,
  ): Promise<Result<readonly { readonly key: string; readonly op: NamedOp }[], StoreError>>;
  /** Every op, oldest first, of one conversation. */
  all(conversationId: ConversationId): Promise<Result<readonly NamedOp[], StoreError>>;
  has(op: NamedOp): Promise<Result<boolean, StoreError>>;
  /** The op of a row, by the parts of its key; null when there is none. */
  get(key: OpKey): Promise<Result<NamedOp | null, StoreError>>;
  tally(conversationId: ConversationId): Promise<Result<TallyRow, StoreError>>;
  /** Of every conversation of which there is an op. */
  tallies(): Promise<Result<ReadonlyMap<ConversationId, TallyRow>, StoreError>>;
  /** Delivery frontier of each device that wrote in a conversation. */
  frontiers(conversationId: ConversationId): Promise<Result<ReadonlyMap<DeviceId, number>, StoreError>>;
}

/** `onAdded` is told of ops once they are stored. */
export function createOpStore(
  store: TxStore,
  tables: Tables,
  onAdded: (ops: readonly NamedOp[]) => void = () => {},
): OpStore {
  const feeds = new Map<string, FeedRow>();
  const tallies = new Map<string, TallyRow>();

  const keyOf = ({ op, id }: NamedOp) => tables.op.key(op.conversationId, op.hlc, op.device, id);

  async function feedOf(
    conversationId: ConversationId,
    device: DeviceId,
  ): Promise<Result<FeedRow, StoreError>> {
    const cached = feeds.get(`${conversationId}/${device}`);
    if (cached !== undefined) return ok(cached);
    const row = await tables.feed.get(conversationId, device);
    return row.ok ? ok(row.value ?? EMPTY_FEED_ROW) : row;
  }

  async function tally(conversationId: ConversationId): Promise<Result<TallyRow, StoreError>> {
    const cached = tallies.get(conversationId);
    if (cached !== undefined) return ok(cached);
    const row = await tables.tally.get(conversationId);
    return row.ok ? ok(row.value ?? EMPTY_TALLY) : row;
  }

  async function allTallies(): Promise<Result<ReadonlyMap<ConversationId, TallyRow>, StoreError>> {
    const rows = await tables.tally.scan();
    if (!rows.ok) return rows;
    return ok(new Map(rows.value.map(({ key, value }) => [key.split("/")[1] as ConversationId, value])));
  }

  async function has(op: NamedOp): Promise<Result<boolean, StoreError>> {
    const row = await store.get(keyOf(op));
    return row.ok ? ok(row.value !== null) : row;
  }

  async function get({
    conversationId,
    hlc,
    device,
    id,
  }: OpKey): Promise<Result<NamedOp | null, StoreError>> {
    const row = await tables.op.get(conversationId, hlc, device, id);
    if (!row.ok) return row;
    if (row.value === null) return ok(null);
    const op = parseOp(row.value.op);
    return op.ok ? op : err({ type: "StoreCorrupt", key: tables.op.key(conversationId, hlc, device, id) });
  }

  async function add(ops: readonly NamedOp[], nowMs: number): Promise<Result<OpAddition, StoreError>> {
    const writes: WriteOp[] = [];
    const fresh: NamedOp[] = [];
    const newFeeds = new Map<string, { conversationId: ConversationId; device: DeviceId; row: FeedRow }>();
    const newTallies = new Map<ConversationId, TallyRow>();
    const ids = new Set<OpId>();
    for (const named of ops) {
      const { op, id } = named;
      if (ids.has(id)) continue;
      const known = await has(named);
      if (!known.ok) return known;
      if (known.value) continue;
      ids.add(id);
      fresh.push(named);
      writes.push({
        ...tables.op.put([op.conversationId, op.hlc, op.device, id], {
          op: named.bytes,
          arrivedAtMs: Math.max(0, nowMs),
        }),
      });
      const feedKey = `${op.conversationId}/${op.device}`;
      const feed = newFeeds.get(feedKey)?.row ?? (await feedOf(op.conversationId, op.device));
      if ("ok" in feed && !feed.ok) return feed;
      const before = "ok" in feed ? feed.value : feed;
      const isLast = op.deviceSeq >= feedEnd(before.feed);
      const row = { feed: addToFeed(before.feed, op.deviceSeq), last: isLast ? id : before.last };
      newFeeds.set(feedKey, { conversationId: op.conversationId, device: op.device, row });
      let sum = newTallies.get(op.conversationId);
      if (sum === undefined) {
        const stored = await tally(op.conversationId);
        if (!stored.ok) return stored;
        sum = stored.value;
      }
      newTallies.set(op.conversationId, {
        opCount: sum.opCount + 1,
        messageCount: sum.messageCount + (op.kind === OP_KIND.message ? 1 : 0),
        newestHlc: isAhead(op.hlc, nowMs) ? sum.newestHlc : Math.max(sum.newestHlc, op.hlc),
      });
    }
    for (const { conversationId, device, row } of newFeeds.values())
      writes.push(tables.feed.put([conversationId, device], row));
    for (const [conversationId, row] of newTallies) writes.push(tables.tally.put([conversationId], row));
    const commit = () => {
      for (const [key, { row }] of newFeeds) feeds.set(key, row);
      for (const [conversationId, row] of newTallies) tallies.set(conversationId, row);
      if (fresh.length > 0) onAdded(fresh);
    };
    return ok({ writes, fresh, commit });
  }

  async function create(
    op: Parameters<OpStore["create"]>[0],
    nowMs: number,
  ): Promise<Result<NamedOp, StoreError>> {
    const feed = await feedOf(op.conversationId, op.device);
    if (!feed.ok) return feed;
    const sum = await tally(op.conversationId);
    if (!sum.ok) return sum;
    const deviceSeq = feedEnd(feed.value.feed);
    const last = isAhead(sum.value.newestHlc, nowMs)
      ? await newestOfOthers(op, sum.value.newestHlc)
      : ok(sum.value.newestHlc);
    if (!last.ok) return last;
    const hlc = nextHlc(last.value, nowMs);
    return ok(createOp({ ...op, version: 1, deviceSeq, devicePrev: feed.value.last, hlc }));
  }

  /** MS2: this clock is wrong or was. What others wrote tells; what it has written itself drags no new op along. */
  async function newestOfOthers(
    { conversationId, device }: { readonly conversationId: ConversationId; readonly device: DeviceId },
    newestHlc: number,
  ): Promise<Result<number, StoreError>> {
    const recent = await page(conversationId, RECENT_OPS);
    if (!recent.ok) return recent;
    const other = recent.value.find(({ op }) => op.op.device !== device && op.op.hlc <= newestHlc);
    return ok(other?.op.op.hlc ?? 0);
  }

  async function page(conversationId: ConversationId, limit: number, before?: string) {
    const range = { under: [conversationId], limit, reverse: true };
    const rows = await tables.op.scan(before === undefined ? range : { ...range, after: before });
    if (!rows.ok) return rows;
    return named(rows.value);
  }

  async function all(conversationId: ConversationId): Promise<Result<readonly NamedOp[], StoreError>> {
    const rows = await tables.op.scan({ under: [conversationId] });
    if (!rows.ok) return rows;
    const ops = named(rows.value);
    return ops.ok ? ok(ops.value.map(({ op }) => op)) : ops;
  }

  async function frontiers(
    conversationId: ConversationId,
  ): Promise<Result<ReadonlyMap<DeviceId, number>, StoreError>> {
    const rows = await tables.feed.scan({ under: [conversationId] });
    if (!rows.ok) return rows;
    return ok(
      new Map(rows.value.map(({ key, value }) => [key.split("/")[2] as DeviceId, frontierOf(value.feed)])),
    );
  }

  return { add, create, page, all, has, get, tally, tallies: allTallies, frontiers };
}

function named(
  rows: readonly { readonly key: string; readonly value: { readonly op: Uint8Array } }[],
): Result<readonly { readonly key: string; readonly op: NamedOp }[], StoreError> {
  const ops: { key: string; op: NamedOp }[] = [];
  for (const { key, value } of rows) {
    const op = parseOp(value.op);
    if (!op.ok) return err({ type: "StoreCorrupt", key });
    ops.push({ key, op: op.value });
  }
  return ok(ops);
}
