/**
 * The ops of all conversations as rows in the order of the view: what people see is read from here, page by page.
 *
 * Rows are derived: the buckets hold the same ops and every row can be made again from them. Runs within the serial.
 */
import { present } from "../../base/assert.ts";
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, ConversationId, DeviceId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { addRunToFeed, EMPTY_FEED, feedEnd, frontierOf } from "../../messenger/feed.ts";
import { isAhead, nextHlc } from "../../messenger/hlc.ts";
import { expiryOf } from "../../messenger/lifetime.ts";
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
} from "../../messenger/op.ts";
import { sharedDocumentOf } from "../../messenger/shared/shared-change.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { Times } from "../calendar/times.ts";
import { createOpPages } from "./op-pages.ts";
import { createRecentOps, type KeyedOp } from "./recent-ops.ts";
import type { FeedRow, Tables, TallyRow } from "../tables.ts";

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
  /** An own op of the conversation that is stored with this one, right before it. */
  readonly after?: NamedOp | null;
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

/** Whose ops in which conversation. */
interface FeedPlace {
  readonly conversationId: ConversationId;
  readonly device: DeviceId;
}

const feedPlace = ({ conversationId, device }: FeedPlace): FeedPlace => ({ conversationId, device });
const feedKey = (conversationId: ConversationId, device: DeviceId): string => `${conversationId}/${device}`;

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
    const cached = feeds.get(feedKey(conversationId, device));
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
    const read = await draft.read(ops.map((named) => ({ ...feedPlace(named.op), key: keyOf(named) })));
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
        draft.cover(op, op.deviceSeq, op.deviceSeq + 1);
        continue;
      }
      const row = draft.stored(keyOf(named));
      if (row !== null && isTakenBack(named, row)) deleted.push(named);
      // DE3: what somebody else has called theirs and taken back is not gone by that, nor what is no message.
      if (row !== null && (!isRedacted(row) || isTakenBack(named, row))) continue;
      if (row !== null) draft.take(row);
      draft.put(named, true);
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
    const read = await draft.read([{ ...feedPlace(target), key: placeKey(target) }]);
    if (!read.ok) return read;
    const before = draft.fresh.get(target.id) ?? draft.stored(placeKey(target));
    const left = redactedMessage(target);
    if (before !== null) {
      if (before.op.kind !== OP_KIND.message || !isSameAuthor(before, left)) return ok(false);
      // A place that is not that of the message names nothing.
      if (before.op.hlc !== target.hlc || before.op.device !== target.device) return ok(false);
    }
    draft.fresh.delete(target.id);
    draft.put(left, before === null, true);
    const isTheirs = await rights.isDeviceOf(target.author, target.device);
    if (!isTheirs.ok) return isTheirs;
    if (isTheirs.value) draft.cover(target, target.deviceSeq, target.deviceSeq + 1);
    return ok(true);
  }

  async function remove(places: readonly MessagePlace[]): Promise<Result<OpRemoval, StoreError>> {
    const draft = createDraft(0);
    const read = await draft.read(places.map((place) => ({ ...feedPlace(place), key: placeKey(place) })));
    if (!read.ok) return read;
    for (const place of places) {
      const row = draft.stored(placeKey(place));
      if (row !== null) draft.take(row);
      draft.cover(place, place.deviceSeq, place.deviceSeq + 1);
    }
    const writes = await draft.writes();
    return writes.ok ? ok({ writes: writes.value, commit: draft.commit }) : writes;
  }

  async function cover(
    conversationId: ConversationId,
    nextByDevice: ReadonlyMap<DeviceId, number>,
  ): Promise<Result<OpRemoval, StoreError>> {
    const draft = createDraft(0);
    const covered = [...nextByDevice].filter(([, next]) => next > 0);
    const read = await draft.read(covered.map(([device]) => ({ conversationId, device, key: null })));
    if (!read.ok) return read;
    for (const [device, next] of covered) draft.cover({ conversationId, device }, 0, next);
    const writes = await draft.writes();
    return writes.ok ? ok({ writes: writes.value, commit: draft.commit }) : writes;
  }

  /** Rows, feeds and tallies as they are to become, together. What it is asked about was read before: nothing waits for an op. */
  function createDraft(nowMs: number) {
    const stored = pages.draft();
    const changes = new Map<string, NamedOp | null>();
    /** Of which shared documents they are, so that one is read without all that was ever said around it. */
    const sharedByKey = new Map<string, WriteOp>();
    /** When which of them go by themselves. */
    const dueByKey = new Map<string, WriteOp>();
    /** As they were, and as they become. */
    const feedsBefore = new Map<string, FeedRow>();
    const talliesBefore = new Map<ConversationId, TallyRow>();
    const newFeeds = new Map<string, FeedPlace & { readonly row: FeedRow }>();
    const newTallies = new Map<ConversationId, TallyRow>();
    const fresh = new Map<OpId, NamedOp>();
    const addedByKey = new Map<string, KeyedOp>();
    /** Conversations of which a row is not as it was, or is not what was written. */
    const changed = new Set<ConversationId>();
    let hasRewritten = false;

    async function read(
      places: readonly (FeedPlace & { readonly key: string | null })[],
    ): Promise<Result<void, StoreError>> {
      for (const { conversationId, device } of places) {
        if (!talliesBefore.has(conversationId)) {
          const before = await tally(conversationId);
          if (!before.ok) return before;
          talliesBefore.set(conversationId, before.value);
        }
        const key = feedKey(conversationId, device);
        if (feedsBefore.has(key)) continue;
        const feed = await feedOf(conversationId, device);
        if (!feed.ok) return feed;
        feedsBefore.set(key, feed.value);
      }
      return stored.read(places.flatMap(({ key }) => key ?? []));
    }

    const dueParts = (named: NamedOp) => {
      const dueMs = rights.perishesAtMs(named);
      const { conversationId, hlc, device } = named.op;
      return dueMs === null ? null : ([dueMs, "op", conversationId, hlc, device, named.id] as const);
    };

    function changeFeed({ conversationId, device }: FeedPlace, change: (row: FeedRow) => FeedRow): void {
      const key = feedKey(conversationId, device);
      const before = newFeeds.get(key)?.row ?? present(feedsBefore.get(key), "the feed was read");
      const row = change(before);
      const isSame = row.feed === before.feed && row.last === before.last;
      if (!isSame) newFeeds.set(key, { conversationId, device, row });
    }

    function changeTally(conversationId: ConversationId, change: (row: TallyRow) => TallyRow): void {
      const before = newTallies.get(conversationId) ?? talliesBefore.get(conversationId);
      newTallies.set(conversationId, change(present(before, "the tally was read")));
    }

    const messages = ({ op }: NamedOp) => (op.kind === OP_KIND.message ? 1 : 0);

    function put(named: NamedOp, isNew: boolean, isLeftOver = false): void {
      const { op, id } = named;
      const key = keyOf(named);
      if (!isNew) hasRewritten = true;
      if (isNew && !isLeftOver) addedByKey.set(key, { key, op: named });
      else changed.add(op.conversationId);
      changes.set(key, named);
      const due = dueParts(named);
      if (due !== null) dueByKey.set(tables.due.key(...due), tables.due.put(due, {}));
      changeTally(op.conversationId, (sum) => ({
        opCount: sum.opCount + (isNew ? 1 : 0),
        messageCount: sum.messageCount + (isNew ? messages(named) : 0),
        newestHlc: isAhead(op.hlc, nowMs) ? sum.newestHlc : Math.max(sum.newestHlc, op.hlc),
      }));
      if (isLeftOver) return;
      const document = sharedDocumentOf(named);
      if (document !== null)
        sharedByKey.set(
          tables.shared.key(op.conversationId, document, id),
          tables.shared.put([op.conversationId, document, id], { hlc: op.hlc, device: op.device }),
        );
      for (const { start, end } of unsentRuns(named)) cover(op, start, end);
      changeFeed(op, (before) => ({
        feed: addRunToFeed(before.feed, op.deviceSeq, op.deviceSeq + 1),
        last: op.deviceSeq >= feedEnd(before.feed) ? id : before.last,
      }));
    }

    function take(named: NamedOp): void {
      const key = keyOf(named);
      if (changes.has(key)) return;
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
      changeTally(named.op.conversationId, (sum) => ({
        ...sum,
        opCount: Math.max(0, sum.opCount - 1),
        messageCount: Math.max(0, sum.messageCount - messages(named)),
      }));
    }

    function cover(place: FeedPlace, from: number, until: number): void {
      changeFeed(place, (before) => ({ ...before, feed: addRunToFeed(before.feed, from, until) }));
    }

    return {
      read,
      /** As it is until this is written. */
      stored: stored.get,
      fresh,
      put,
      take,
      cover,
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
    { lifetimeMs = null, prove = null, after = null }: OpOptions = {},
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
    const hlc = nextHlc(Math.max(last.value, after?.op.hlc ?? 0), times.earliestMs());
    const expire = lifetimeMs === null ? op.expire : expiryOf(hlc, lifetimeMs, times.writingMs());
    const place =
      after === null
        ? { deviceSeq, devicePrev: feed.value.last }
        : { deviceSeq: after.op.deviceSeq + 1, devicePrev: after.id };
    const bare: Op = { ...op, ...place, expire, version: 1, hlc };
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
