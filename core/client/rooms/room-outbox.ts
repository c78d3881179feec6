/** Own ops on their way into rooms: kept, then sealed into letters, until the room's log has them or never will. Rules RM18, RM19, RM33. */
import { type ConversationId, type EntryId, type OpId, parseId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { type NamedOp, OP_KIND, parseOp } from "../../messenger/op.ts";
import { ROOM_LETTER_BYTES_MAX, ROOM_LETTER_OPS_MAX } from "../../messenger/room/room-entry.ts";
import { sharedDocumentOf } from "../../messenger/shared/shared-change.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { ClientSpans } from "../client-spans.ts";
import type { Tables } from "../tables.ts";

/** An own op that is to go into a room. */
export interface WaitingOp {
  readonly key: string;
  readonly op: NamedOp;
  readonly replaces: EntryId | null;
}

/** Why a message never came into a room: its author was not in it any more, or muted, or the server refused it for good. */
const FAILURES = ["outside", "muted", "refused"] as const;
export type RoomFailure = (typeof FAILURES)[number];

/** Rows to write, and what follows in memory once they are durable. */
interface OutboxChange {
  readonly writes: readonly WriteOp[];
  commit(): void;
}

export interface RoomOutbox {
  start(): Promise<Result<void, StoreError>>;
  /** The row that keeps an op until the room's log has it; `replaces` is a letter somebody could not open. */
  put(op: NamedOp, replaces?: EntryId): { readonly write: WriteOp; commit(): void };
  isWaiting(id: OpId): boolean;
  /** Null for a message that waits, or that the room has. */
  failureOf(id: OpId): RoomFailure | null;
  waitingCount(): number;
  waitingMessageCount(): number;
  hasWaiting(roomId: ConversationId): boolean;
  /** What fits the next letter, oldest first, with the keys of its rows. */
  next(roomId: ConversationId): readonly WaitingOp[];
  /** Removes rows by key: now in the store, and once that is durable here. */
  remove(keys: readonly string[]): OutboxChange;
  /** What these rows carry never goes: messages, and changes of shared documents, are kept as failed. RM33 */
  fail(keys: readonly string[], reason: RoomFailure): OutboxChange;
  /** These have their place, and are left out there: their author was muted, or was out already. RM33 */
  failPlaced(ops: readonly NamedOp[], reason: "muted" | "outside"): OutboxChange;
  /** Ops that are taken back before they went. */
  withdraw(ids: readonly OpId[]): OutboxChange;
  /** The messages themselves go. */
  forgetFailed(ids: readonly OpId[]): OutboxChange;
  /** What waits for a room. */
  keysOf(roomId: ConversationId): readonly string[];
}

/** `onCount` hears when there are more or fewer. */
export function createRoomOutbox(
  tables: Tables,
  onCount: () => void,
  spans: ClientSpans | null = null,
): RoomOutbox {
  const rows = new Map<string, Omit<WaitingOp, "key">>();
  const ids = new Set<OpId>();
  const failed = new Map<OpId, { readonly key: string; readonly reason: RoomFailure }>();

  const keysOf = (roomId: ConversationId): readonly string[] =>
    [...rows].filter(([, { op }]) => op.op.conversationId === roomId).map(([key]) => key);

  function remove(keys: readonly string[]): OutboxChange {
    const writes = keys.map((key) => tables.roomout.remove(...rowKeyParts(key).slice(1)));
    const commit = () => {
      for (const key of keys) {
        const row = rows.get(key);
        if (row !== undefined) ids.delete(row.op.id);
        rows.delete(key);
        spans?.ended(key, null);
      }
      onCount();
    };
    return { writes, commit };
  }

  function fail(keys: readonly string[], reason: RoomFailure): OutboxChange {
    const gone = remove(keys);
    const noted = note(
      keys.flatMap((key) => rows.get(key)?.op ?? []),
      reason,
    );
    const commit = () => {
      noted.commit();
      for (const key of keys) spans?.ended(key, reason);
      gone.commit();
    };
    return { writes: [...gone.writes, ...noted.writes], commit };
  }

  /** Messages, and changes of shared documents, are kept as failed, for what came first. */
  function note(ops: readonly NamedOp[], reason: RoomFailure): OutboxChange {
    const kept = ops.filter(
      (one) => (one.op.kind === OP_KIND.message || sharedDocumentOf(one) !== null) && !failed.has(one.id),
    );
    const places = kept.map(({ id, op }) => [op.conversationId, op.hlc, id, reason] as const);
    const commit = () => {
      for (const place of places) failed.set(place[2], { key: tables.roomfailed.key(...place), reason });
    };
    return { writes: places.map((place) => tables.roomfailed.put(place, {})), commit };
  }

  function forgetFailed(gone: readonly OpId[]): OutboxChange {
    const keys = gone.flatMap((id) => failed.get(id)?.key ?? []);
    const commit = () => {
      for (const id of gone) failed.delete(id);
    };
    return { writes: keys.map((key) => ({ type: "delete" as const, key })), commit };
  }

  function withdraw(gone: readonly OpId[]): OutboxChange {
    const wanted = new Set(gone);
    const keys = [...rows].filter(([, { op }]) => wanted.has(op.id)).map(([key]) => key);
    const removed = remove(keys);
    const commit = () => {
      for (const key of keys) spans?.dropped(key);
      removed.commit();
    };
    return { writes: removed.writes, commit };
  }

  return {
    async start() {
      const stored = await tables.roomout.scan();
      if (!stored.ok) return stored;
      const over = await tables.roomfailed.scan();
      if (!over.ok) return over;
      for (const { key } of over.value) {
        const [, , , opId = "", reason] = rowKeyParts(key);
        const id = parseId("op", opId);
        if (id.ok) failed.set(id.value, { key, reason: FAILURES.find((one) => one === reason) ?? "outside" });
      }
      for (const { key, value } of stored.value) {
        const op = parseOp(value.op);
        if (!op.ok) continue;
        rows.set(key, { op: op.value, replaces: value.replaces });
        ids.add(op.value.id);
      }
      return ok();
    },
    put(op, replaces) {
      const parts = [op.op.conversationId, op.op.hlc, op.id] as const;
      const key = tables.roomout.key(...parts);
      const commit = () => {
        rows.set(key, { op, replaces: replaces ?? null });
        ids.add(op.id);
        if (op.op.kind !== OP_KIND.mark) spans?.taken(key);
        onCount();
      };
      return { write: tables.roomout.put(parts, { op: op.bytes, replaces: replaces ?? null }), commit };
    },
    isWaiting: (id) => ids.has(id),
    failureOf: (id) => failed.get(id)?.reason ?? null,
    waitingCount: () => rows.size,
    waitingMessageCount: () => [...rows.values()].filter(({ op }) => op.op.kind === OP_KIND.message).length,
    hasWaiting: (roomId) => keysOf(roomId).length > 0,
    next(roomId) {
      const picked: WaitingOp[] = [];
      let size = 0;
      for (const key of [...keysOf(roomId)].sort()) {
        const row = rows.get(key);
        if (row === undefined) continue;
        size += row.op.bytes.length;
        if (picked.length >= ROOM_LETTER_OPS_MAX || (picked.length > 0 && size > ROOM_LETTER_BYTES_MAX))
          break;
        picked.push({ key, ...row });
      }
      return picked;
    },
    remove,
    fail,
    failPlaced: note,
    withdraw,
    forgetFailed,
    keysOf,
  };
}
