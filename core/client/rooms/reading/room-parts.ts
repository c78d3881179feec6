/**
 * Commits that take several entries: what somebody has begun to send is kept until its last entry comes, which takes effect.
 * Whether a commit is whole follows from the log alone. Runs within the serial. Rule RM38.
 */
import type { Bytes } from "../../../base/bytes.ts";
import type { ConversationId } from "../../../base/ids.ts";
import { ROOM_BEGUN_COMMITS_MAX, ROOM_COMMIT_PARTS_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import { joinRoomCommit, type RoomBody, type RoomCommit } from "../../../messenger/room/room-entry.ts";
import type { EntryHeader, LogPoint } from "../../../protocol/entry.ts";
import { rowKeyLastNumber, rowKeyParts } from "../../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../../store/tx-store.ts";
import type { Tables } from "../../tables.ts";

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
  /** All parts there can be of a writer's commit; which of them are here is not read for it. */
  const forget = (roomId: ConversationId, writerTag: string): readonly WriteOp[] =>
    Array.from({ length: ROOM_COMMIT_PARTS_MAX }, (_, index) => roompart.remove(roomId, writerTag, index));

  const keep: RoomParts["keep"] = async (roomId, { writerTag, writerSeq }, { index, bytes }, before) => {
    const begun = await roompart.scan({ under: [roomId, writerTag], reverse: true, limit: 1 });
    if (!begun.ok) return begun;
    const [last] = begun.value;
    const row = roompart.put([roomId, writerTag, index], { writerSeq, from: before, bytes });
    const stale = last === undefined ? [] : forget(roomId, writerTag);
    if (index > 0) {
      const isNext =
        last !== undefined &&
        rowKeyLastNumber(last.key) === index - 1 &&
        last.value.writerSeq === writerSeq - 1;
      return ok(isNext ? [row] : stale);
    }
    const surplus = await oldestBut(roomId, writerTag);
    if (!surplus.ok) return surplus;
    return ok([...stale.filter(({ key }) => key !== row.key), ...surplus.value, row]);
  };

  /**
   * Anybody with the room's key can begin commits under many names; the oldest go. Of each its first part is read alone: what is kept
   * of all together is many megabytes, and would be read again for every entry that begins one.
   */
  async function oldestBut(
    roomId: ConversationId,
    writerTag: string,
  ): Promise<Result<readonly WriteOp[], StoreError>> {
    const begun: { readonly writer: string; readonly seq: number }[] = [];
    let after: string | null = null;
    for (;;) {
      const rows = await roompart.scan({
        under: [roomId],
        limit: 1,
        ...(after === null ? {} : { after }),
      });
      if (!rows.ok) return rows;
      const [row] = rows.value;
      if (row === undefined) break;
      const writer = rowKeyParts(row.key).at(-2) ?? "";
      if (writer !== writerTag) begun.push({ writer, seq: row.value.from.seq });
      after = roompart.key(roomId, writer, ROOM_COMMIT_PARTS_MAX);
    }
    const oldestFirst = begun.sort((a, b) => a.seq - b.seq);
    const surplus = oldestFirst.slice(0, Math.max(0, oldestFirst.length - ROOM_BEGUN_COMMITS_MAX + 1));
    return ok(surplus.flatMap(({ writer }) => forget(roomId, writer)));
  }

  const whole: RoomParts["whole"] = async (roomId, { writerTag, writerSeq }, last, before) => {
    const rows = last.parts === 0 ? ok([]) : await roompart.scan({ under: [roomId, writerTag] });
    if (!rows.ok) return rows;
    const isNext = last.parts === 0 || rows.value.at(-1)?.value.writerSeq === writerSeq - 1;
    if (rows.value.length !== last.parts || !isNext) return ok(null);
    const pieces: Bytes[] = [...rows.value.map(({ value }) => value.bytes), last.bytes];
    const commit = joinRoomCommit(pieces);
    const from = rows.value[0]?.value.from ?? before;
    return ok(
      commit === null ? null : { commit, from, writes: last.parts === 0 ? [] : forget(roomId, writerTag) },
    );
  };

  return { keep, whole };
}
