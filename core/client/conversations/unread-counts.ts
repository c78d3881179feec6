/**
 * How many messages of others stand above what the person has read, without reading a conversation again for each answer.
 *
 * The count of the last time is kept with what it was made of, a long one also in a row, and goes on with each op that is
 * added, wherever its place is: history comes newest first. After anything else it is counted anew, or from where a row ends.
 */
import type { ConversationId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { NamedOp } from "../../messenger/op.ts";
import type { StoreError } from "../../store/tx-store.ts";
import { nextPageSize, type OpStore } from "./op-store.ts";
import type { UnreadRow } from "../tables.ts";

export const UNREAD_COUNT_MAX = 1_000;
/** Of a conversation that was read to its end, the first few ops tell. */
const FIRST_PAGE_OPS = 8;
/** A count for which more ops were read is stored, so that the next start need not read them. */
const STORED_FROM_OPS = 256;

interface Counted extends UnreadRow {
  readonly rewrites: number;
  /** Ops it has more than the row that is stored of it. */
  readonly unstoredOps: number;
  /** When the first message it counts goes by itself. */
  readonly untilMs: number;
}

export interface UnreadCounts {
  /** At most `UNREAD_COUNT_MAX`, of the ops after `readUpTo`. */
  count(conversationId: ConversationId, readUpTo: number): Promise<Result<number, StoreError>>;
  /** Ops were added, each a row more. */
  added(ops: readonly NamedOp[]): void;
}

export interface UnreadCountsDeps {
  readonly ops: Pick<OpStore, "page" | "tally" | "rewrites">;
  readonly keyOf: (op: NamedOp) => string;
  /** Whether an op is a message that a person would want to read. */
  readonly isUnread: (op: NamedOp) => boolean;
  /** When it goes by itself; null for never. */
  readonly goesAtMs: (op: NamedOp) => number | null;
  /** The time by which it has. */
  readonly nowMs: () => number;
  /** A row goes in the transaction that rewrites ops of its conversation. */
  readonly load: (conversationId: ConversationId) => Promise<Result<UnreadRow | null, StoreError>>;
  /** Stores a row some time, unless ops have been rewritten since `rewrites`. */
  readonly store: (conversationId: ConversationId, row: UnreadRow, rewrites: number) => void;
}

export function createUnreadCounts(deps: UnreadCountsDeps): UnreadCounts {
  const { ops, keyOf, isUnread, load, store } = deps;
  const countedById = new Map<ConversationId, Counted>();
  /** The last counting of each: whoever asks meanwhile waits for it, and need not count what it has. */
  const last = new Map<ConversationId, Promise<unknown>>();

  const goesAtMs = (op: NamedOp): number => deps.goesAtMs(op) ?? Number.POSITIVE_INFINITY;

  /** Counts down to `until`, a row's key, or to what was read. */
  async function scan(conversationId: ConversationId, readUpTo: number, until: string) {
    let [count, rowCount, top, untilMs] = [0, 0, until, Number.POSITIVE_INFINITY];
    let before: string | undefined;
    let opCount = 0;
    for (let size = FIRST_PAGE_OPS; ; size = nextPageSize(size)) {
      const rows = await ops.page(conversationId, size, before);
      if (!rows.ok) return rows;
      if (before === undefined) {
        const tally = await ops.tally(conversationId);
        if (!tally.ok) return tally;
        opCount = tally.value.opCount;
      }
      for (const { key, op } of rows.value) {
        if (before === undefined) top = key;
        before = key;
        if (key <= until || op.op.hlc <= readUpTo || count >= UNREAD_COUNT_MAX)
          return ok({ count, rowCount, top, opCount, untilMs });
        rowCount++;
        if (!isUnread(op)) continue;
        count++;
        untilMs = Math.min(untilMs, goesAtMs(op));
      }
      if (rows.value.length < size) return ok({ count, rowCount, top, opCount, untilMs });
    }
  }

  async function known(conversationId: ConversationId): Promise<Result<Counted | null, StoreError>> {
    const counted = countedById.get(conversationId);
    if (counted !== undefined) return ok(counted);
    const rewrites = ops.rewrites();
    const stored = await load(conversationId);
    if (!stored.ok || stored.value === null) return stored.ok ? ok(null) : stored;
    return ok({ ...stored.value, rewrites, unstoredOps: 0, untilMs: Number.POSITIVE_INFINITY });
  }

  /** Keeps a count that is of exactly as many ops as there were before it began. */
  function keep(
    conversationId: ConversationId,
    counted: Omit<Counted, "unstoredOps">,
    readOps: number,
  ): void {
    // A row does not say until when it holds.
    const isStored = readOps >= STORED_FROM_OPS && counted.untilMs === Number.POSITIVE_INFINITY;
    countedById.set(conversationId, { ...counted, unstoredOps: isStored ? 0 : readOps });
    const { rewrites, readUpTo, opCount, top, count } = counted;
    if (isStored) store(conversationId, { readUpTo, opCount, top, count }, rewrites);
  }

  async function countNow(
    conversationId: ConversationId,
    readUpTo: number,
  ): Promise<Result<number, StoreError>> {
    const rewrites = ops.rewrites();
    const tally = await ops.tally(conversationId);
    if (!tally.ok) return tally;
    const { opCount } = tally.value;
    const before = await known(conversationId);
    if (!before.ok) return before;
    const { value } = before;
    const isGood = value !== null && value.rewrites === rewrites && deps.nowMs() < value.untilMs;
    if (isGood && value.readUpTo === readUpTo) {
      if (value.opCount === opCount) {
        keep(conversationId, value, value.unstoredOps);
        return ok(value.count);
      }
      const newer = await scan(conversationId, readUpTo, value.top);
      if (!newer.ok) return newer;
      const { top, rowCount } = newer.value;
      // One that came late stands further down: then the numbers do not agree.
      if (newer.value.opCount === opCount && rowCount === opCount - value.opCount) {
        const count = Math.min(UNREAD_COUNT_MAX, value.count + newer.value.count);
        const untilMs = Math.min(value.untilMs, newer.value.untilMs);
        keep(
          conversationId,
          { readUpTo, opCount, rewrites, top, count, untilMs },
          rowCount + value.unstoredOps,
        );
        return ok(count);
      }
    }
    const all = await scan(conversationId, readUpTo, "");
    if (!all.ok) return all;
    const { count, top, rowCount, untilMs } = all.value;
    if (all.value.opCount === opCount)
      keep(conversationId, { readUpTo, opCount, rewrites, top, count, untilMs }, rowCount);
    return ok(count);
  }

  function addTo(counted: Counted, added: readonly NamedOp[]): Counted {
    const unread = added.filter((op) => op.op.hlc > counted.readUpTo && isUnread(op));
    return {
      ...counted,
      count: Math.min(UNREAD_COUNT_MAX, counted.count + unread.length),
      untilMs: unread.reduce((ms, op) => Math.min(ms, goesAtMs(op)), counted.untilMs),
      opCount: counted.opCount + added.length,
      top: highest(added.map(keyOf), counted.top),
      unstoredOps: counted.unstoredOps + added.length,
    };
  }

  return {
    added(fresh) {
      for (const [conversationId, added] of Map.groupBy(fresh, ({ op }) => op.conversationId)) {
        const counted = countedById.get(conversationId);
        // Whoever counted saw its row before anybody was told of it.
        if (added.some((op) => keyOf(op) === counted?.top)) countedById.delete(conversationId);
        else if (counted !== undefined) countedById.set(conversationId, addTo(counted, added));
      }
    },
    count(conversationId, readUpTo) {
      const counting = (last.get(conversationId) ?? Promise.resolve()).then(() =>
        countNow(conversationId, readUpTo),
      );
      last.set(
        conversationId,
        counting.catch(() => {}),
      );
      return counting;
    },
  };
}

function highest(keys: readonly string[], least: string): string {
  let found = least;
  for (const key of keys) if (key > found) found = key;
  return found;
}
