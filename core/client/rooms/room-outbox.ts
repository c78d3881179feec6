/** Own ops on their way into rooms: kept, then sealed into letters, until the room's log has them. Rules RM18, RM19. */
import type { ConversationId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { type NamedOp, OP_KIND, parseOp } from "../../messenger/op.ts";
import { ROOM_LETTER_BYTES_MAX, ROOM_LETTER_OPS_MAX } from "../../messenger/room/room-entry.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { Tables } from "../tables.ts";

export interface RoomOutbox {
  start(): Promise<Result<void, StoreError>>;
  /** The row that keeps an op until the room's log has it. */
  put(op: NamedOp): { readonly write: WriteOp; commit(): void };
  isWaiting(id: OpId): boolean;
  waitingCount(): number;
  waitingMessageCount(): number;
  hasWaiting(roomId: ConversationId): boolean;
  /** What fits the next letter, oldest first, with the keys of its rows. */
  next(roomId: ConversationId): readonly { readonly key: string; readonly op: NamedOp }[];
  /** Removes rows by key: now in the store, and once that is durable here. */
  remove(keys: readonly string[]): { readonly writes: readonly WriteOp[]; commit(): void };
  /** Rows of ops that are taken back before they went. */
  keysOfOps(ids: readonly OpId[]): readonly string[];
  /** What waits for a room that is over. */
  keysOf(roomId: ConversationId): readonly string[];
}

export function createRoomOutbox(tables: Tables): RoomOutbox {
  const rows = new Map<string, NamedOp>();
  const ids = new Set<OpId>();

  const keysOf = (roomId: ConversationId): readonly string[] =>
    [...rows].filter(([, { op }]) => op.conversationId === roomId).map(([key]) => key);

  function remove(keys: readonly string[]) {
    const writes = keys.map((key) => tables.roomout.remove(...rowKeyParts(key).slice(1)));
    const commit = () => {
      for (const key of keys) {
        const row = rows.get(key);
        if (row !== undefined) ids.delete(row.id);
        rows.delete(key);
      }
    };
    return { writes, commit };
  }

  return {
    async start() {
      const stored = await tables.roomout.scan();
      if (!stored.ok) return stored;
      for (const { key, value } of stored.value) {
        const op = parseOp(value.op);
        if (!op.ok) continue;
        rows.set(key, op.value);
        ids.add(op.value.id);
      }
      return ok();
    },
    put(op) {
      const parts = [op.op.conversationId, op.op.hlc, op.id] as const;
      const key = tables.roomout.key(...parts);
      const commit = () => {
        rows.set(key, op);
        ids.add(op.id);
      };
      return { write: tables.roomout.put(parts, { op: op.bytes }), commit };
    },
    isWaiting: (id) => ids.has(id),
    waitingCount: () => rows.size,
    waitingMessageCount: () => [...rows.values()].filter(({ op }) => op.kind === OP_KIND.message).length,
    hasWaiting: (roomId) => keysOf(roomId).length > 0,
    next(roomId) {
      const picked: { readonly key: string; readonly op: NamedOp }[] = [];
      let size = 0;
      for (const key of [...keysOf(roomId)].sort()) {
        const op = rows.get(key);
        if (op === undefined) continue;
        size += op.bytes.length;
        if (picked.length >= ROOM_LETTER_OPS_MAX || (picked.length > 0 && size > ROOM_LETTER_BYTES_MAX))
          break;
        picked.push({ key, op });
      }
      return picked;
    },
    remove,
    keysOfOps(gone) {
      const wanted = new Set(gone);
      return [...rows].filter(([, { id }]) => wanted.has(id)).map(([key]) => key);
    },
    keysOf,
  };
}
