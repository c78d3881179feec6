/**
 * A room's log that began anew: how far it has come here, and the commits that led to where this device is, which are brought again
 * for who missed them. Runs within the serial. Rules RM61-RM63.
 */
import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import type { ConversationId } from "../../../base/ids.ts";
import { ROOM_PAST_COMMIT_BYTES_MAX, ROOM_PAST_COMMITS_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import { encode } from "../../../codec/shape.ts";
import { type RoomCommit, roomCommitShape } from "../../../messenger/room/room-entry.ts";
import { pastCommitHash } from "../../../messenger/room/room-position.ts";
import { rowKeyLastNumber } from "../../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../../store/tx-store.ts";
import type { RoomAnewRow, RoomBegunRow, RoomKeysRow, RoomPastRow, Tables } from "../../tables.ts";

/** A commit that was followed from `epoch` on. */
export interface PastCommit extends RoomPastRow {
  readonly epoch: number;
}

export interface RoomAnew {
  /** Null while the log is as it was first begun. */
  of(roomId: ConversationId): Promise<Result<RoomAnewRow | null, StoreError>>;
  /** Its rows were erased. */
  forget(roomId: ConversationId): void;
  put(roomId: ConversationId, row: RoomAnewRow): { readonly write: WriteOp; commit(): void };
  /** What leads to the epoch `until` without a gap, oldest first. */
  past(roomId: ConversationId, until: number): Promise<Result<readonly PastCommit[], StoreError>>;
  /** Writes that keep a commit that was followed, and let the oldest go. */
  keep(
    roomId: ConversationId,
    followed: {
      readonly epoch: number;
      readonly commit: RoomCommit;
      readonly before: RoomKeysRow;
      readonly after: RoomKeysRow;
    },
  ): readonly WriteOp[];
  /** What who began the log said first in this incarnation; null before that is read. RM66 */
  begun(roomId: ConversationId, incarnation: number): Promise<Result<RoomBegunRow | null, StoreError>>;
  /** What opened the log before, newest first. */
  formerKeys(roomId: ConversationId): Promise<Result<readonly RoomKeysRow[], StoreError>>;
}

/** Whether a commit may count there: of epochs before that of who began the log, those they named alone. RM66 */
export function isNamed({ epoch, commits }: RoomBegunRow, claimed: number, commit: Bytes): boolean {
  if (claimed >= epoch) return true;
  const named = commits[claimed - (epoch - commits.length)];
  return named !== undefined && equalBytes(named, pastCommitHash(commit));
}

/** The past commit that comes next in a log of these keys: what led to them goes by, what they are not yet for waits. RM62 */
export function nextToBring(
  past: readonly PastCommit[],
  logEpoch: number,
  generation: number,
): PastCommit | null {
  if (!past.some(({ epoch }) => epoch === logEpoch)) return null;
  const next = past.find(({ epoch, before }) => epoch >= logEpoch && before.generation >= generation);
  return next?.before.generation === generation ? next : null;
}

export function createRoomAnew(tables: Pick<Tables, "roomanew" | "roompast" | "roombegun">): RoomAnew {
  const { roomanew, roompast } = tables;
  const byRoom = new Map<ConversationId, RoomAnewRow | null>();

  async function all(roomId: ConversationId): Promise<Result<readonly PastCommit[], StoreError>> {
    const rows = await roompast.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    const past = rows.value.map(({ key, value }) => ({ ...value, epoch: rowKeyLastNumber(key) }));
    return ok(past.sort((a, b) => a.epoch - b.epoch));
  }

  return {
    async of(roomId) {
      const known = byRoom.get(roomId);
      if (known !== undefined) return ok(known);
      const row = await roomanew.get(roomId);
      if (row.ok) byRoom.set(roomId, row.value);
      return row;
    },
    forget: (roomId) => void byRoom.delete(roomId),
    put: (roomId, row) => ({
      write: roomanew.put([roomId], row),
      commit: () => void byRoom.set(roomId, row),
    }),
    async past(roomId, until) {
      const rows = await all(roomId);
      if (!rows.ok) return rows;
      const before = rows.value.filter(({ epoch }) => epoch < until);
      const gap = before.findLastIndex(({ epoch }, index) => epoch !== until - before.length + index);
      return ok(before.slice(gap + 1));
    },
    keep(roomId, { epoch, commit, before, after }) {
      const bytes = encode(roomCommitShape, commit);
      const oldest = epoch - ROOM_PAST_COMMITS_MAX;
      const over = oldest >= 0 ? [roompast.remove(roomId, oldest)] : [];
      // One that is too large is a gap: who missed it asks to come back.
      if (bytes.length > ROOM_PAST_COMMIT_BYTES_MAX) return [...over, roompast.remove(roomId, epoch)];
      return [...over, roompast.put([roomId, epoch], { commit: bytes, before, after })];
    },
    async begun(roomId, incarnation) {
      const row = await tables.roombegun.get(roomId);
      if (!row.ok) return row;
      return ok(row.value?.incarnation === incarnation ? row.value : null);
    },
    async formerKeys(roomId) {
      const rows = await all(roomId);
      if (!rows.ok) return rows;
      const byGeneration = new Map(
        rows.value.flatMap(({ before, after }) => [before, after]).map((keys) => [keys.generation, keys]),
      );
      return ok([...byGeneration.values()].sort((a, b) => b.generation - a.generation));
    },
  };
}
