/**
 * The newest ops of the conversations that were looked at last, in memory: what is shown after each event is mostly the
 * same rows again, and every one of them would be read, unsealed and parsed anew.
 *
 * Only what is durable stands here. Whatever is not a mere addition, a row that is replaced or removed, makes the conversation
 * be read again.
 */
import type { ConversationId } from "../../base/ids.ts";
import type { NamedOp } from "../../messenger/op.ts";

const OPS_PER_CONVERSATION_MAX = 256;
/** Of all conversations together; long messages count for more. */
const BYTES_MAX = 4_194_304;
/** What an op takes beside its bytes. */
const OVERHEAD_BYTES = 256;

/** An op with the key of its row. */
export interface KeyedOp {
  readonly key: string;
  readonly op: NamedOp;
}

export interface RecentOps {
  /** Ops newest first below the key `before`; null when not all of them are known here. */
  page(conversationId: ConversationId, limit: number, before?: string): readonly KeyedOp[] | null;
  /** Changes with every addition and forgetting. */
  version(): number;
  /**
   * Keeps the end of a conversation as it was read, all of it if `isWhole`. `version` is that before the reading: when it has
   * changed since, what was read may be the past.
   */
  keep(
    conversationId: ConversationId,
    newest: readonly KeyedOp[],
    how: { readonly isWhole: boolean; readonly version: number },
  ): void;
  /** Rows that are new and durable. */
  add(ops: readonly KeyedOp[]): void;
  /** Rows of it were replaced or removed. */
  forget(conversationId: ConversationId): void;
}

interface Kept {
  /** Newest first. */
  readonly ops: readonly KeyedOp[];
  /** Whether there are no older ones. */
  readonly isWhole: boolean;
  readonly bytes: number;
}

export function createRecentOps(): RecentOps {
  /** The one looked at last comes last. */
  const kept = new Map<ConversationId, Kept>();
  let bytes = 0;
  let version = 0;

  function drop(conversationId: ConversationId): void {
    bytes -= kept.get(conversationId)?.bytes ?? 0;
    kept.delete(conversationId);
  }

  function put(conversationId: ConversationId, ops: readonly KeyedOp[], isWhole: boolean): void {
    drop(conversationId);
    const newest = ops.slice(0, OPS_PER_CONVERSATION_MAX);
    const size = newest.reduce((sum, { op }) => sum + op.bytes.length + OVERHEAD_BYTES, OVERHEAD_BYTES);
    kept.set(conversationId, {
      ops: newest,
      isWhole: isWhole && newest.length === ops.length,
      bytes: size,
    });
    bytes += size;
    for (const oldest of kept.keys()) {
      if (bytes <= BYTES_MAX) return;
      drop(oldest);
    }
  }

  return {
    page(conversationId, limit, before) {
      const known = kept.get(conversationId);
      if (known === undefined) return null;
      kept.delete(conversationId);
      kept.set(conversationId, known);
      const { ops, isWhole } = known;
      const below = before === undefined ? 0 : ops.findIndex(({ key }) => key < before);
      const found = below === -1 ? [] : ops.slice(below, below + limit);
      return isWhole || found.length === limit ? found : null;
    },
    version: () => version,
    keep(conversationId, newest, how) {
      if (how.version === version) put(conversationId, newest, how.isWhole);
    },
    add(ops) {
      version += 1;
      const byConversation = Map.groupBy(ops, ({ op }) => op.op.conversationId);
      for (const [conversationId, added] of byConversation) {
        const known = kept.get(conversationId);
        if (known === undefined) continue;
        const lowest = known.isWhole ? "" : (known.ops.at(-1)?.key ?? "");
        const within = added.filter(({ key }) => key > lowest);
        if (within.length === 0) continue;
        const all = [...known.ops, ...within].sort((a, b) => (a.key < b.key ? 1 : -1));
        put(conversationId, all, known.isWhole);
      }
    },
    forget(conversationId) {
      version += 1;
      drop(conversationId);
    },
  };
}
