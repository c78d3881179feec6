/**
 * The ops of all conversations as rows in the order of the view: what people see is read from here, page by page.
 *
 * Rows are derived: the buckets hold the same ops and every row can be made again from them. Runs within the serial.
 */
import type { Bytes } from "../base/bytes.ts";
import type { AccountId, ConversationId, DeviceId, OpId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import { addRunToFeed, EMPTY_FEED, feedEnd, frontierOf } from "../messenger/feed.ts";
import { isAhead, nextHlc } from "../messenger/hlc.ts";
import { expiryOf } from "../messenger/lifetime.ts";
import {
  createOp,
  isRedacted,
  type MessagePlace,
  type NamedOp,
  type Op,
  OP_KIND,
  type Redacted,
  redactedBy,
  redactedMessage,
  unsentRuns,
} from "../messenger/op.ts";
import { sharedDocumentOf } from "../messenger/shared/shared-change.ts";
import type { StoreError, WriteOp } from "../store/tx-store.ts";
import type { Times } from "./calendar/times.ts";
import { createOpPages } from "./op-pages.ts";
import { createRecentOps, type KeyedOp } from "./recent-ops.ts";
import type { FeedRow, Tables, TallyRow } from "./tables.ts";

/** How far back a device with a wrong clock looks for what others wrote. */
const RECENT_OPS = 256;
const EMPTY_TALLY: TallyRow = { opCount: 0, messageCount: 0, newestHlc: 0 };
const EMPTY_FEED_ROW: FeedRow = { feed: EMPTY_FEED, last: null };

/** The most rows that are opened at once. */
const OPS_PAGE_MAX = 256;

/** Rows to read next when `size` were not enough: opening one costs, so a first look is short and a long one in few steps. */
export function nextPageSize(size: number): number {
  return Math.min(size * 4, OPS_PAGE_MAX);
}

/** Ops to be added in one transaction: `writes` now, `commit` once they are durable, `discard` otherwise. */
export interface OpAddition {
  readonly writes: readonly WriteOp[];
  /** Those that were not here. */
  readonly fresh: readonly NamedOp[];
  /** Messages that ops among the fresh ones take back, here or not. */
  readonly redacted: readonly Redacted[];
  /** Those that were left out because they are deleted. */
  readonly deleted: readonly NamedOp[];
  /** Those that were left out because their time is over. */
  readonly over: readonly NamedOp[];
  commit(): void;
}

/** What the person has deleted, as far as ops are concerned; and who may speak for which device. */
export interface OpRights {
  /** Deleted by the person: not to be stored again. Rule DE4. */
  isForgotten(op: Omit<MessagePlace, "hlc">): boolean;
  /** When an op goes by itself; null for never. Rule RM34 */
  perishesAtMs(op: NamedOp): number | null;
  /** Whether that is past: not to be stored again either. */
  isOver(op: NamedOp): boolean;
  /** Whether a device is known to be of this account. */
  isDeviceOf(author: AccountId, device: DeviceId): Promise<Result<boolean, StoreError>>;
}

/** Rows to be removed in one transaction. */
export interface OpRemoval {
  readonly writes: readonly WriteOp[];
  commit(): void;
}

/** What the key of an op's row is made of. */
export interface OpKey {
  readonly conversationId: ConversationId;
  readonly hlc: number;
  readonly device: DeviceId;
  readonly id: OpId;
}

/** Between which times it is, as far as this device can tell. CA9 */
export type OpTimes = Pick<Times, "earliestMs" | "latestMs" | "writingMs">;

/** How long an op stays, and what goes into its `ext`. */
export interface OpOptions {
  readonly lifetimeMs?: number | null;
  readonly prove?: ((op: Op) => Bytes) | null;
}

export interface OpStore {
  /** Prepares adding `ops`; those already here, or twice in the list, are left out. */
  add(ops: readonly NamedOp[], nowMs: number): Promise<Result<OpAddition, StoreError>>;
  /**
   * Makes the next op of this device in a conversation. The caller adds it in the transaction that sends it. With a lifetime it says
   * when it goes, with `prove` who wrote it.
   */
  create(
    op: Omit<Op, "version" | "deviceSeq" | "devicePrev" | "hlc">,
    times: OpTimes,
    options?: OpOptions,
  ): Promise<Result<NamedOp, StoreError>>;
  /** Ops newest first, below the row key `before`. */
  page(
    conversationId: ConversationId,
    limit: number,
    before?: string,
  ): Promise<Result<readonly KeyedOp[], StoreError>>;
  /** Every op, oldest first, of one conversation. */
  all(conversationId: ConversationId): Promise<Result<readonly NamedOp[], StoreError>>;
  has(op: NamedOp): Promise<Result<boolean, StoreError>>;
  /** Orders ops as the view does. */
  keyOf(op: NamedOp): string;
  /** Whether an op is deleted, by the person or by its author, or its time is over: nothing of it may be kept. */
  isGone(op: NamedOp): Promise<Result<boolean, StoreError>>;
  /** Prepares removing the rows of deleted ops; that they were here is still known. Rule DE5. */
  remove(places: readonly MessagePlace[]): Promise<Result<OpRemoval, StoreError>>;
  /** As `remove`, for all of a device below `next`, whose rows are gone already. */
  cover(
    conversationId: ConversationId,
    nextByDevice: ReadonlyMap<DeviceId, number>,
  ): Promise<Result<OpRemoval, StoreError>>;
  /** How many ops a device has made in a conversation, as far as they are known here. */
  endOf(conversationId: ConversationId, device: DeviceId): Promise<Result<number, StoreError>>;
  /** The op of a row, by the parts of its key; null when there is none. */
  get(key: OpKey): Promise<Result<NamedOp | null, StoreError>>;
  tally(conversationId: ConversationId): Promise<Result<TallyRow, StoreError>>;
  /** How often rows that were there have been replaced or removed since the start. */
  rewrites(): number;
  /** Of every conversation of which there is an op. */
  tallies(): Promise<Result<ReadonlyMap<ConversationId, TallyRow>, StoreError>>;
  /** Delivery frontier of each device that wrote in a conversation. */
  frontiers(conversationId: ConversationId): Promise<Result<ReadonlyMap<DeviceId, number>, StoreError>>;
}

const NOTHING_DELETED: OpRights = {
  isForgotten: () => false,
  perishesAtMs: () => null,
  isOver: () => false,
  isDeviceOf: async () => ok(false),
};

/** `onAdded` is told of ops once they are stored. */
export function createOpStore(
  tables: Tables,
  onAdded: (ops: readonly NamedOp[]) => void = () => {},
  rights: OpRights = NOTHING_DELETED,
): OpStore {
  let rewriteCount = 0;
  const feeds = new Map<string, FeedRow>();
  const tallies = new Map<string, TallyRow>();
  const recent = createRecentOps();
  const pages = createOpPages(tables);

  /** History comes by the hundred thousand, and each op's key is wanted three times. */
  const keys = new WeakMap<NamedOp, string>();
  const keyOf = (named: NamedOp): string => {
    const { op, id } = named;
    const key = keys.get(named) ?? tables.op.key(op.conversationId, op.hlc, op.device, id);
    keys.set(named, key);
    return key;
  };

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
    const row = await pages.get(keyOf(op));
    return row.ok ? ok(row.value !== null) : row;
  }

  const placeKey = ({ conversationId, hlc, device, id }: OpKey): string =>
    tables.op.key(conversationId, hlc, device, id);

  async function isGone(named: NamedOp): Promise<Result<boolean, StoreError>> {
    const { op, id } = named;
    if (rights.isForgotten({ ...op, id }) || rights.isOver(named)) return ok(true);
    const row = await pages.get(keyOf(named));
    return row.ok ? ok(row.value !== null && isTakenBack(named, row.value)) : row;
  }

  async function add(ops: readonly NamedOp[], nowMs: number): Promise<Result<OpAddition, StoreError>> {
    const draft = createDraft(Math.max(0, nowMs));
    const read = await draft.stored.read(ops.map(keyOf));
    if (!read.ok) return read;
    const deleted: NamedOp[] = [];
    const over: NamedOp[] = [];
    for (const named of ops) {
      const { op, id } = named;
      if (draft.fresh.has(id)) continue;
      const isForgotten = rights.isForgotten({ ...op, id });
      // RM36: what is over counts as having come, like what is deleted.
      if (isForgotten || rights.isOver(named)) {
        (isForgotten ? deleted : over).push(named);
        const covered = await draft.cover(op.conversationId, op.device, op.deviceSeq, op.deviceSeq + 1);
        if (!covered.ok) return covered;
        continue;
      }
      const row = await draft.stored.get(keyOf(named));
      if (!row.ok) return row;
      if (row.value !== null && isTakenBack(named, row.value)) deleted.push(named);
      // DE3: what somebody else has called theirs and taken back is not gone by that, nor what is no message.
      if (row.value !== null && (!isRedacted(row.value) || isTakenBack(named, row.value))) continue;
      const cleared = row.value === null ? ok() : await draft.take(row.value);
      if (!cleared.ok) return cleared;
      const added = await draft.put(named, true);
      if (!added.ok) return added;
      draft.fresh.set(id, named);
    }
    const redacted: Redacted[] = [];
    for (const named of [...draft.fresh.values()]) {
      const target = redactedBy(named);
      if (target === null || rights.isForgotten(target)) continue;
      const applied = await redact(target, draft);
      if (!applied.ok) return applied;
      if (applied.value) redacted.push(target);
    }
    const fresh = [...draft.fresh.values()];
    const commit = () => {
      draft.commit();
      if (fresh.length > 0) onAdded(fresh);
    };
    const writes = await draft.writes();
    if (!writes.ok) return writes;
    return ok({ writes: writes.value, fresh, redacted, deleted, over, commit });
  }

  /** DE2, DE3: puts what is left of a message in its place, if the redaction is of its author. False when it is not. */
  async function redact(target: Redacted, draft: Draft): Promise<Result<boolean, StoreError>> {
    const pending = draft.fresh.get(target.id);
    const stored = pending === undefined ? await draft.stored.get(placeKey(target)) : ok(pending);
    if (!stored.ok) return stored;
    const left = redactedMessage(target);
    if (stored.value !== null) {
      const { value } = stored;
      if (value.op.kind !== OP_KIND.message || !isSameAuthor(value, left)) return ok(false);
      // A place that is not that of the message names nothing.
      if (value.op.hlc !== target.hlc || value.op.device !== target.device) return ok(false);
    }
    draft.fresh.delete(target.id);
    const put = await draft.put(left, stored.value === null, true);
    if (!put.ok) return put;
    const isTheirs = await rights.isDeviceOf(target.author, target.device);
    if (!isTheirs.ok) return isTheirs;
    if (isTheirs.value) {
      const { conversationId, device, deviceSeq } = target;
      const covered = await draft.cover(conversationId, device, deviceSeq, deviceSeq + 1);
      if (!covered.ok) return covered;
    }
    return ok(true);
  }

  async function remove(places: readonly MessagePlace[]): Promise<Result<OpRemoval, StoreError>> {
    const draft = createDraft(0);
    for (const place of places) {
      const { conversationId, device, deviceSeq } = place;
      const row = await draft.stored.get(placeKey(place));
      if (!row.ok) return row;
      if (row.value !== null) {
        const taken = await draft.take(row.value);
        if (!taken.ok) return taken;
      }
      const covered = await draft.cover(conversationId, device, deviceSeq, deviceSeq + 1);
      if (!covered.ok) return covered;
    }
    const writes = await draft.writes();
    return writes.ok ? ok({ writes: writes.value, commit: draft.commit }) : writes;
  }

  async function cover(
    conversationId: ConversationId,
    nextByDevice: ReadonlyMap<DeviceId, number>,
  ): Promise<Result<OpRemoval, StoreError>> {
    const draft = createDraft(0);
    for (const [device, next] of nextByDevice) {
      const covered = next === 0 ? ok() : await draft.cover(conversationId, device, 0, next);
      if (!covered.ok) return covered;
    }
    const writes = await draft.writes();
    return writes.ok ? ok({ writes: writes.value, commit: draft.commit }) : writes;
  }

  /** Rows, feeds and tallies as they are to become, together. */
  function createDraft(nowMs: number) {
    const stored = pages.draft();
    const changes = new Map<string, NamedOp | null>();
    /** Of which shared documents they are, so that one is read without all that was ever said around it. */
    const sharedByKey = new Map<string, WriteOp>();
    /** When which of them go by themselves. */
    const dueByKey = new Map<string, WriteOp>();
    const newFeeds = new Map<string, { conversationId: ConversationId; device: DeviceId; row: FeedRow }>();
    const newTallies = new Map<ConversationId, TallyRow>();
    const fresh = new Map<OpId, NamedOp>();
    const addedByKey = new Map<string, KeyedOp>();
    /** Conversations of which a row is not as it was, or is not what was written. */
    const changed = new Set<ConversationId>();
    let hasRewritten = false;

    const dueParts = (named: NamedOp) => {
      const dueMs = rights.perishesAtMs(named);
      const { conversationId, hlc, device } = named.op;
      return dueMs === null ? null : ([dueMs, "op", conversationId, hlc, device, named.id] as const);
    };

    async function changeFeed(
      conversationId: ConversationId,
      device: DeviceId,
      change: (row: FeedRow) => FeedRow,
    ): Promise<Result<void, StoreError>> {
      const key = `${conversationId}/${device}`;
      const known = newFeeds.get(key);
      const before = known === undefined ? await feedOf(conversationId, device) : ok(known.row);
      if (!before.ok) return before;
      const row = change(before.value);
      const isSame = row.feed === before.value.feed && row.last === before.value.last;
      if (!isSame) newFeeds.set(key, { conversationId, device, row });
      return ok();
    }

    async function changeTally(
      conversationId: ConversationId,
      change: (row: TallyRow) => TallyRow,
    ): Promise<Result<void, StoreError>> {
      const known = newTallies.get(conversationId);
      const before = known === undefined ? await tally(conversationId) : ok(known);
      if (!before.ok) return before;
      newTallies.set(conversationId, change(before.value));
      return ok();
    }

    const messages = ({ op }: NamedOp) => (op.kind === OP_KIND.message ? 1 : 0);

    async function put(
      named: NamedOp,
      isNew: boolean,
      isLeftOver = false,
    ): Promise<Result<void, StoreError>> {
      const { op, id } = named;
      const key = keyOf(named);
      if (!isNew) hasRewritten = true;
      if (isNew && !isLeftOver) addedByKey.set(key, { key, op: named });
      else changed.add(op.conversationId);
      changes.set(key, named);
      const due = dueParts(named);
      if (due !== null) dueByKey.set(tables.due.key(...due), tables.due.put(due, {}));
      const counted = await changeTally(op.conversationId, (sum) => ({
        opCount: sum.opCount + (isNew ? 1 : 0),
        messageCount: sum.messageCount + (isNew ? messages(named) : 0),
        newestHlc: isAhead(op.hlc, nowMs) ? sum.newestHlc : Math.max(sum.newestHlc, op.hlc),
      }));
      if (!counted.ok || isLeftOver) return counted;
      const document = sharedDocumentOf(named);
      if (document !== null)
        sharedByKey.set(
          tables.shared.key(op.conversationId, document, id),
          tables.shared.put([op.conversationId, document, id], { hlc: op.hlc, device: op.device }),
        );
      for (const { start, end } of unsentRuns(named)) {
        const covered = await coverRun(op.conversationId, op.device, start, end);
        if (!covered.ok) return covered;
      }
      return changeFeed(op.conversationId, op.device, (before) => ({
        feed: addRunToFeed(before.feed, op.deviceSeq, op.deviceSeq + 1),
        last: op.deviceSeq >= feedEnd(before.feed) ? id : before.last,
      }));
    }

    async function take(named: NamedOp): Promise<Result<void, StoreError>> {
      const key = keyOf(named);
      if (changes.has(key)) return ok();
      hasRewritten = true;
      changed.add(named.op.conversationId);
      changes.set(key, null);
      const due = dueParts(named);
      if (due !== null) dueByKey.set(tables.due.key(...due), tables.due.remove(...due));
      const document = sharedDocumentOf(named);
      if (document !== null) {
        const shared = tables.shared.key(named.op.conversationId, document, named.id);
        sharedByKey.set(shared, { type: "delete", key: shared });
      }
      return changeTally(named.op.conversationId, (sum) => ({
        ...sum,
        opCount: Math.max(0, sum.opCount - 1),
        messageCount: Math.max(0, sum.messageCount - messages(named)),
      }));
    }

    const coverRun = (conversationId: ConversationId, device: DeviceId, from: number, until: number) =>
      changeFeed(conversationId, device, (before) => ({
        ...before,
        feed: addRunToFeed(before.feed, from, until),
      }));

    return {
      /** As they are until this is written. */
      stored,
      fresh,
      put,
      take,
      cover: coverRun,
      async writes(): Promise<Result<readonly WriteOp[], StoreError>> {
        const rows = await stored.writes(changes);
        if (!rows.ok) return rows;
        return ok([
          ...rows.value,
          ...sharedByKey.values(),
          ...dueByKey.values(),
          ...[...newFeeds.values()].map(({ conversationId, device, row }) =>
            tables.feed.put([conversationId, device], row),
          ),
          ...[...newTallies].map(([conversationId, row]) => tables.tally.put([conversationId], row)),
          ...[...changed].map((conversationId) => tables.unread.remove(conversationId)),
        ]);
      },
      commit() {
        stored.commit();
        if (hasRewritten) rewriteCount += 1;
        recent.add([...addedByKey.values()]);
        for (const conversationId of changed) recent.forget(conversationId);
        for (const [key, { row }] of newFeeds) feeds.set(key, row);
        for (const [conversationId, row] of newTallies) tallies.set(conversationId, row);
      },
    };
  }
  type Draft = ReturnType<typeof createDraft>;

  async function create(
    op: Parameters<OpStore["create"]>[0],
    times: OpTimes,
    { lifetimeMs = null, prove = null }: OpOptions = {},
  ): Promise<Result<NamedOp, StoreError>> {
    const feed = await feedOf(op.conversationId, op.device);
    if (!feed.ok) return feed;
    const sum = await tally(op.conversationId);
    if (!sum.ok) return sum;
    const deviceSeq = feedEnd(feed.value.feed);
    const last = isAhead(sum.value.newestHlc, times.latestMs())
      ? await newestOfOthers(op, sum.value.newestHlc)
      : ok(sum.value.newestHlc);
    if (!last.ok) return last;
    const hlc = nextHlc(last.value, times.earliestMs());
    const expire = lifetimeMs === null ? op.expire : expiryOf(hlc, lifetimeMs, times.writingMs());
    const bare: Op = { ...op, expire, version: 1, deviceSeq, devicePrev: feed.value.last, hlc };
    return ok(createOp(prove === null ? bare : { ...bare, ext: prove(bare) }));
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
    const known = recent.page(conversationId, limit, before);
    if (known !== null) return ok(known);
    const version = recent.version();
    const read = await pages.newest(conversationId, limit, before);
    if (read.ok && before === undefined)
      recent.keep(conversationId, read.value, { isWhole: read.value.length < limit, version });
    return read;
  }

  async function all(conversationId: ConversationId): Promise<Result<readonly NamedOp[], StoreError>> {
    const rows = await pages.all(conversationId);
    return rows.ok ? ok(rows.value.map(({ op }) => op)) : rows;
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

  return {
    add,
    create,
    page,
    all,
    has,
    keyOf,
    isGone,
    remove,
    cover,
    endOf: async (conversationId, device) => {
      const row = await feedOf(conversationId, device);
      return row.ok ? ok(feedEnd(row.value.feed)) : row;
    },
    get: (key) => pages.get(placeKey(key)),
    tally,
    tallies: allTallies,
    rewrites: () => rewriteCount,
    frontiers,
  };
}

/** Whether `row` is what is left of this op: its own author took it back, and it is what can be. DE3 */
function isTakenBack(named: NamedOp, row: NamedOp): boolean {
  return isRedacted(row) && isSameAuthor(row, named) && named.op.kind === OP_KIND.message;
}

function isSameAuthor(a: NamedOp, b: NamedOp): boolean {
  return a.op.author === b.op.author;
}
