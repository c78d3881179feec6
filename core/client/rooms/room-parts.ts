/**
 * Commits that take several entries: what somebody has begun to send is kept until its last entry comes, which takes effect.
 * Whether a commit is whole follows from the log alone. Runs within the serial. Rule RM38.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { ConversationId } from "../../base/ids.ts";
import { ROOM_BEGUN_COMMITS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { joinRoomCommit, type RoomBody, type RoomCommit } from "../../messenger/room/room-entry.ts";
import type { EntryHeader, LogPoint } from "../../protocol/entry.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { Tables } from "../tables.ts";

type Writer = Pick<EntryHeader, "writerTag" | "writerSeq">;
type Of<T extends RoomBody["type"]> = Extract<RoomBody, { readonly type: T }>;

export interface RoomParts {
  /** Writes that keep a part, to be stored before the next entry is read. `before` is where the log stands before it. */
  keep(
    roomId: ConversationId,
    writer: Writer,
    part: Of<"part">,
    before: LogPoint,
  ): Promise<Result<readonly WriteOp[], StoreError>>;
  /** The commit its last entry makes whole, or null; `from` is where the log stands before all of it. */
  whole(
    roomId: ConversationId,
    writer: Writer,
    last: Of<"commit">,
    before: LogPoint,
  ): Promise<Result<WholeCommit | null, StoreError>>;
}

export interface WholeCommit {
  readonly commit: RoomCommit;
  readonly from: LogPoint;
  /** Forgets its parts. */
  readonly writes: readonly WriteOp[];
}

export function createRoomParts(tables: Pick<Tables, "roompart">): RoomParts {
  const { roompart } = tables;
  const removed = (rows: readonly { readonly key: string }[]): readonly WriteOp[] =>
    rows.map(({ key }) => ({ type: "delete", key }));

  const keep: RoomParts["keep"] = async (roomId, { writerTag, writerSeq }, { index, bytes }, before) => {
    const begun = await roompart.scan({ under: [roomId, writerTag] });
    if (!begun.ok) return begun;
    const row = roompart.put([roomId, writerTag, index], { writerSeq, from: before, bytes });
    if (index > 0) {
      const previous = begun.value.at(-1)?.value.writerSeq;
      const isNext = begun.value.length === index && previous === writerSeq - 1;
      return ok(isNext ? [row] : removed(begun.value));
    }
    const surplus = await oldestBut(roomId, writerTag);
    if (!surplus.ok) return surplus;
    const stale = begun.value.filter(({ key }) => key !== row.key);
    return ok([...removed(stale), ...surplus.value, row]);
  };

  /** Anybody with the room's key can begin commits under many names; the oldest go. */
  async function oldestBut(
    roomId: ConversationId,
    writerTag: string,
  ): Promise<Result<readonly WriteOp[], StoreError>> {
    const rows = await roompart.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    const byWriter = Map.groupBy(rows.value, ({ key }) => rowKeyParts(key).at(-2) ?? "");
    byWriter.delete(writerTag);
    const oldestFirst = [...byWriter.values()].sort(
      ([a], [b]) => (a?.value.from.seq ?? 0) - (b?.value.from.seq ?? 0),
    );
    const surplus = oldestFirst.slice(0, Math.max(0, oldestFirst.length - ROOM_BEGUN_COMMITS_MAX + 1));
    return ok(removed(surplus.flat()));
  }

  const whole: RoomParts["whole"] = async (roomId, { writerTag, writerSeq }, last, before) => {
    const rows = last.parts === 0 ? ok([]) : await roompart.scan({ under: [roomId, writerTag] });
    if (!rows.ok) return rows;
    const isNext = last.parts === 0 || rows.value.at(-1)?.value.writerSeq === writerSeq - 1;
    if (rows.value.length !== last.parts || !isNext) return ok(null);
    const pieces: Bytes[] = [...rows.value.map(({ value }) => value.bytes), last.bytes];
    const commit = joinRoomCommit(pieces);
    const from = rows.value[0]?.value.from ?? before;
    return ok(commit === null ? null : { commit, from, writes: removed(rows.value) });
  };

  return { keep, whole };
}
