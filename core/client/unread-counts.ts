/**
 * How many messages of others stand above what the person has read, without reading a conversation again for each answer.
 *
 * The count of the last time is kept in memory with what it was made of. When nothing but newer ops came since, only those
 * are read; after anything else it is counted anew.
 */
import type { ConversationId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import type { NamedOp } from "../messenger/op.ts";
import type { StoreError } from "../store/tx-store.ts";
import { nextPageSize, type OpStore } from "./op-store.ts";

export const UNREAD_COUNT_MAX = 1_000;
/** Of a conversation that was read to its end, the first few ops tell. */
const FIRST_PAGE_OPS = 8;

interface Counted {
  readonly readUpTo: number;
  readonly opCount: number;
  readonly rewrites: number;
  /** Key of the newest op there was. */
  readonly top: string;
  readonly count: number;
}

export interface UnreadCounts {
  /** At most `UNREAD_COUNT_MAX`, of the ops after `readUpTo`. */
  count(conversationId: ConversationId, readUpTo: number): Promise<Result<number, StoreError>>;
}

/** `isUnread` tells of an op whether it is a message that a person would want to read. */
export function createUnreadCounts(
  ops: Pick<OpStore, "page" | "tally" | "rewrites">,
  isUnread: (op: NamedOp) => boolean,
): UnreadCounts {
  const countedById = new Map<ConversationId, Counted>();

  /** Counts down to `until`, a row's key, or to what was read. */
  async function scan(conversationId: ConversationId, readUpTo: number, until: string) {
    let [count, rowCount, top] = [0, 0, until];
    let before: string | undefined;
    for (let size = FIRST_PAGE_OPS; ; size = nextPageSize(size)) {
      const rows = await ops.page(conversationId, size, before);
      if (!rows.ok) return rows;
      for (const { key, op } of rows.value) {
        if (before === undefined) top = key;
        before = key;
        if (key <= until || op.op.hlc <= readUpTo || count >= UNREAD_COUNT_MAX)
          return ok({ count, rowCount, top });
        rowCount++;
        if (isUnread(op)) count++;
      }
      if (rows.value.length < size) return ok({ count, rowCount, top });
    }
  }

  return {
    async count(conversationId, readUpTo) {
      const rewrites = ops.rewrites();
      const tally = await ops.tally(conversationId);
      if (!tally.ok) return tally;
      const { opCount } = tally.value;
      const known = countedById.get(conversationId);
      if (known !== undefined && known.readUpTo === readUpTo && known.rewrites === rewrites) {
        if (known.opCount === opCount) return ok(known.count);
        const newer = await scan(conversationId, readUpTo, known.top);
        if (!newer.ok) return newer;
        // One that came late stands further down: then the numbers do not agree.
        if (newer.value.rowCount === opCount - known.opCount) {
          const count = Math.min(UNREAD_COUNT_MAX, known.count + newer.value.count);
          countedById.set(conversationId, { readUpTo, opCount, rewrites, top: newer.value.top, count });
          return ok(count);
        }
      }
      const all = await scan(conversationId, readUpTo, "");
      if (!all.ok) return all;
      const { count, top } = all.value;
      countedById.set(conversationId, { readUpTo, opCount, rewrites, top, count });
      return ok(count);
    },
  };
}
