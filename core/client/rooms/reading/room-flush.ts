/** A draft is stored: ops, the group, the keys and the reading position, in one transaction. Runs within the serial. Rules RM16, RM35. */
import type { ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { ClientError } from "../../client-error.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { Lifetimes } from "../../deletion/lifetimes.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomLandmarks } from "../log/room-landmarks.ts";
import type { RoomReaders } from "../log/room-readers.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import type { RoomBook } from "../room-book.ts";
import { emptyRoomDraft, type RoomDraft } from "./room-draft.ts";
import type { RoomMissed } from "./room-missed.ts";

export interface RoomFlushDeps {
  readonly context: Pick<EngineContext, "clock">;
  readonly book: Pick<RoomBook, "keep">;
  readonly groups: Pick<RoomGroups, "step" | "keep">;
  readonly conversations: Pick<Conversations, "takeRoom">;
  readonly missed: Pick<RoomMissed, "change">;
  readonly landmarks: Pick<RoomLandmarks, "put">;
  readonly readers: Pick<RoomReaders, "put">;
  readonly limit: Lifetimes["limit"];
}

/** Stores the draft, and empties it. */
export type RoomFlush = (roomId: ConversationId, draft: RoomDraft) => Promise<Result<void, ClientError>>;

export function createRoomFlush(all: RoomFlushDeps): RoomFlush {
  const { context, book, groups, conversations, landmarks, readers } = all;
  return async (roomId, draft) => {
    const steps = draft.group === null ? ok([]) : await groups.step(roomId, draft.group);
    if (!steps.ok) return steps;
    const marks = landmarks.put(roomId, draft.landmarks);
    const kept = book.keep(roomId, draft.keys);
    const read = readers.put(draft.reader);
    const missing = all.missed.change(roomId, draft, Math.max(0, context.clock.nowMs()));
    const { logId } = draft.reader;
    // RM35: before they are here, so that no device has one without knowing.
    const refused = draft.limits.length === 0 ? ok(new Set()) : await all.limit(roomId, draft.limits);
    if (!refused.ok) return refused;
    const taken = draft.ops.filter(({ op }) => !refused.value.has(op.id));
    const ops = taken.map(({ op, entry }) => ({
      op,
      source: { logId, seq: entry.seq, entry: entry.id },
    }));
    const stored = await conversations.takeRoom(ops, draft.read, [
      ...steps.value,
      ...draft.writes,
      ...(draft.areLandmarksNew ? [marks.write] : []),
      ...(draft.areKeysNew ? [kept.write] : []),
      ...missing.writes,
      read.write,
    ]);
    if (!stored.ok) return stored;
    read.commit();
    groups.keep(roomId, draft.group);
    if (draft.areLandmarksNew) marks.commit();
    if (draft.areKeysNew) kept.commit();
    missing.commit();
    for (const commit of draft.commits) commit();
    emptyRoomDraft(draft);
    return ok();
  };
}
