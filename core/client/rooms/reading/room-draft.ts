/** What entries of a page of a room's log add up to, until it is stored in one transaction. */
import type { ConversationId, EntryId } from "../../../base/ids.ts";
import type { Group } from "../../../group/group.ts";
import { type LogReader, type NamedEntry, readEntries } from "../../../log/log-reader.ts";
import type { NamedOp } from "../../../messenger/op.ts";
import type { RoomStatePlace } from "../../../messenger/room/room-stand.ts";
import type { RoomLimit } from "../../deletion/lifetimes.ts";
import type { ReplacedLetter } from "./room-missed.ts";
import type { RoomKeysRow } from "../../tables.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import { withLandmark } from "../log/room-landmarks.ts";

/** An op and the letter it came in. */
export interface RoomOp {
  readonly op: NamedOp;
  readonly entry: NamedEntry;
}

export interface RoomDraft {
  reader: LogReader;
  group: Group | null;
  /** What opens the log where the reader is. */
  keys: RoomKeysRow;
  areKeysNew: boolean;
  readonly ops: RoomOp[];
  /** Messages that go earlier than they say. */
  readonly limits: RoomLimit[];
  readonly writes: WriteOp[];
  /** Run once the writes are durable. */
  readonly commits: (() => void)[];
  landmarks: readonly RoomStatePlace[];
  areLandmarksNew: boolean;
  /** Letters that did not open, and those whose ops have come. */
  readonly missed: NamedEntry[];
  readonly found: ReplacedLetter[];
  /** Letters that were read. */
  readonly read: EntryId[];
  /** Counters of own letters that have their place; their rows go with this draft. */
  readonly placed: number[];
  /** What comes next has to find these rows in the store. */
  isUrgent: boolean;
}

export function createRoomDraft(
  { reader, group }: Pick<RoomDraft, "reader" | "group">,
  keys: { readonly row: RoomKeysRow; readonly areNew: boolean },
  landmarks: readonly RoomStatePlace[],
): RoomDraft {
  const lists = { ops: [], limits: [], writes: [], commits: [], missed: [], found: [], read: [], placed: [] };
  const opens = { keys: keys.row, areKeysNew: keys.areNew };
  return { reader, group, ...opens, landmarks, areLandmarksNew: false, isUrgent: false, ...lists };
}

/** The draft, stored. */
export function emptyRoomDraft(draft: RoomDraft): void {
  for (const list of [
    draft.ops,
    draft.limits,
    draft.writes,
    draft.commits,
    draft.missed,
    draft.found,
    draft.read,
    draft.placed,
  ])
    list.length = 0;
  draft.areLandmarksNew = false;
  draft.areKeysNew = false;
  draft.isUrgent = false;
}

/** Moves the reading position over an entry. */
export function passEntry(draft: RoomDraft, entry: NamedEntry): void {
  const moved = readEntries(draft.reader, [entry]);
  if (moved.ok) draft.reader = moved.value.reader;
}

/** Notes the state of the group after a commit, good or not, for comparing with others. RM26 */
export function markCommit(draft: RoomDraft, roomId: ConversationId, entry: NamedEntry): void {
  const places = withLandmark(draft.landmarks, roomId, entry.id, draft.group);
  draft.areLandmarksNew ||= places !== draft.landmarks;
  draft.landmarks = places;
}
