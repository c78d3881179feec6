/**
 * Takes in a page of a room's log, entry by entry: each is opened, and goes to those who know its kind. What cannot be opened is passed
 * over and stops nothing. Runs within the serial. Rules RM19, RM20, RM24, RM38, RM62.
 */
import { equalBytes } from "../../../base/bytes.ts";
import type { ConversationId, LogId, WriterTag } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { type NamedEntry, readEntries } from "../../../log/log-reader.ts";
import { openRoomEntry, type RoomBody } from "../../../messenger/room/room-entry.ts";
import {
  ENTRY_KIND,
  type EntryHeader,
  type PlacedEntry,
  parseEntryHeader,
  writerTag,
} from "../../../protocol/entry.ts";
import type { ClientError } from "../../client-error.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import { writerKey } from "../../devices/device-identity.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import type { RoomLandmarks } from "../log/room-landmarks.ts";
import type { RoomReaders } from "../log/room-readers.ts";
import type { RoomGivingUp } from "../membership/room-giving-up.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import { keptKeysOf, keysOf, type RoomBook } from "../room-book.ts";
import { createRoomDraft, markCommit, passEntry, type RoomDraft } from "./room-draft.ts";
import type { RoomFlush } from "./room-flush.ts";
import type { RoomFollowing } from "./room-following.ts";
import { createRoomParts } from "./room-parts.ts";
import type { Invitation, RoomWelcome } from "./room-welcome.ts";
import type { RoomWords } from "./room-words.ts";

/** With the ops a letter may carry this stays within the rows a store takes at once. */
const ENTRIES_PER_TRANSACTION_MAX = 64;

/** How far a page was taken in: to its end, to a commit that gives other keys of the log, or to a Welcome. */
export type Intake =
  | { readonly type: "done" }
  | { readonly type: "rekeyed" }
  | { readonly type: "join"; readonly invitation: Invitation };

const DONE: Intake = { type: "done" };
const REKEYED: Intake = { type: "rekeyed" };

export interface RoomEntriesDeps {
  readonly context: Pick<EngineContext, "tables" | "identity" | "distrustLog">;
  readonly book: Pick<RoomBook, "hasKept">;
  readonly groups: Pick<RoomGroups, "load">;
  readonly conversations: Pick<Conversations, "isArchived">;
  readonly anew: Pick<RoomAnew, "formerKeys">;
  readonly landmarks: Pick<RoomLandmarks, "of">;
  readonly readers: Pick<RoomReaders, "of">;
  readonly flush: RoomFlush;
  readonly givingUp: Pick<RoomGivingUp, "giveUnplaced">;
  readonly words: Pick<RoomWords, "take" | "takeOwn">;
  readonly following: RoomFollowing;
  readonly welcome: Pick<RoomWelcome, "invitationIn">;
}

export interface RoomEntries {
  /** Takes in entries from the reading position on; what stands behind other keys is read again, with those. */
  take(
    roomId: ConversationId,
    room: RoomRecord,
    entries: readonly PlacedEntry[],
  ): Promise<Result<Intake, ClientError>>;
}

/** An entry that holds (a part of) a commit. `ownSeq` is its counter if this device wrote it, else null. */
interface CommitEntry<T extends "commit" | "part"> {
  readonly entry: NamedEntry;
  readonly header: EntryHeader;
  readonly body: Extract<RoomBody, { readonly type: T }>;
  readonly ownSeq: number | null;
}

export function createRoomEntries(all: RoomEntriesDeps): RoomEntries {
  const { context, flush, words } = all;
  const { tables, identity } = context;
  const parts = createRoomParts(tables);
  const ownTags = new Map<LogId, WriterTag>();

  const take: RoomEntries["take"] = async (roomId, room, entries) => {
    const before = await all.readers.of(room);
    if (!before.ok) return before;
    const read = readEntries(before.value, entries);
    if (!read.ok) return context.distrustLog(before.value.logId, read.error);
    const group = await all.groups.load(roomId);
    if (!group.ok) return group;
    const places = await all.landmarks.of(roomId);
    if (!places.ok) return places;
    // The first thing read pins the keys: a sibling that is ahead must not change them under the reader.
    const keys = { row: keptKeysOf(room), areNew: !all.book.hasKept(roomId) };
    const draft = createRoomDraft({ reader: before.value, group: group.value }, keys, places.value);
    for (const [index, entry] of read.value.fresh.entries()) {
      if (index % ENTRIES_PER_TRANSACTION_MAX === 0 && index > 0) {
        const flushed = await flush(roomId, draft);
        if (!flushed.ok) return flushed;
      }
      const taken = await takeEntry(roomId, room, entry, draft);
      if (!taken.ok) return taken;
      if (taken.value.type === "join") {
        const flushed = await flush(roomId, draft);
        return flushed.ok ? taken : flushed;
      }
      // RM30: a log that was set back to the keys of before shows more by those than the ones this device has now open.
      if (!equalBytes(draft.keys.accessSeed, keys.row.accessSeed)) {
        const flushed = await flush(roomId, draft);
        return flushed.ok ? ok(REKEYED) : flushed;
      }
    }
    const flushed = await flush(roomId, draft);
    return flushed.ok ? ok(DONE) : flushed;
  };

  async function takeEntry(
    roomId: ConversationId,
    room: RoomRecord,
    entry: NamedEntry,
    draft: RoomDraft,
  ): Promise<Result<Intake, ClientError>> {
    const { logId } = keysOf(room);
    const { roomKey } = draft.keys;
    const ownTag = ownTagIn(logId);
    const header = parseEntryHeader(entry.header);
    const place = { logId, header: entry.header };
    const opened = header.ok ? openRoomEntry(roomKey, place, entry.sealed) : null;
    const former =
      header.ok && opened === null && draft.reader.point.incarnation > 0
        ? await all.anew.formerKeys(roomId)
        : ok([]);
    if (!former.ok) return former;
    // RM62: what is brought again was sealed with the keys of its time.
    const body = former.value.reduce(
      (found, keys) => found ?? openRoomEntry(keys.roomKey, place, entry.sealed),
      opened,
    );
    const isHandshake = header.ok && header.value.kind === ENTRY_KIND.roomHandshake;
    // RM20: `expect` goes by every commit of the log, good or not.
    const handshake = isHandshake ? [tables.handshake.put([roomId], { last: entry.id })] : [];
    const unplaced = isHandshake ? await all.givingUp.giveUnplaced(roomId, entry, draft) : ok();
    if (!unplaced.ok) return unplaced;
    if (header.ok && body !== null && (body.type === "commit") === isHandshake) {
      const ownSeq = header.value.writerTag === ownTag ? header.value.writerSeq : null;
      const from = { entry, header: header.value, ownSeq };
      if (body.type === "commit") return takeLast(roomId, { ...from, body }, draft);
      if (body.type === "part") return takePart(roomId, { ...from, body }, draft);
      const taken = await words.take({ roomId, entry, ownSeq, body }, draft);
      if (!taken.ok) return taken;
    }
    // RM24: a commit that says the keys are others, and leaves the log what it has, shuts out letters behind it.
    const isShut = header.ok && header.value.kind === ENTRY_KIND.roomMessage && body === null;
    const isOthers = header.ok && header.value.writerTag !== ownTag;
    if (isShut && isOthers && !all.conversations.isArchived(entry.id)) draft.missed.push(entry);
    draft.writes.push(...handshake);
    if (isHandshake) markCommit(draft, roomId, entry);
    passEntry(draft, entry);
    const flushed = draft.isUrgent ? await flush(roomId, draft) : ok();
    return flushed.ok ? ok(DONE) : flushed;
  }

  /** RM38: the entry a commit takes effect with. */
  async function takeLast(
    roomId: ConversationId,
    { entry, header, body, ownSeq }: CommitEntry<"commit">,
    draft: RoomDraft,
  ): Promise<Result<Intake, ClientError>> {
    const whole = await parts.whole(roomId, header, body, draft.reader.point);
    if (!whole.ok) return whole;
    const handshake = tables.handshake.put([roomId], { last: entry.id });
    if (whole.value === null) {
      const pending = await tables.commit.get(roomId);
      if (!pending.ok) return pending;
      // Nobody can follow it; what was to be done is planned again.
      if (pending.value?.entryId === entry.id) draft.writes.push(tables.commit.remove(roomId));
      draft.writes.push(handshake);
      markCommit(draft, roomId, entry);
      passEntry(draft, entry);
      return ok(DONE);
    }
    const { commit: sent, writes, from: before } = whole.value;
    const invitation = await all.welcome.invitationIn(roomId, entry, sent, draft.group);
    if (!invitation.ok) return invitation;
    // The rows of the commit itself come with the joining, and its parts go with it.
    if (invitation.value !== null) return ok({ type: "join", invitation: { ...invitation.value, writes } });
    draft.writes.push(handshake, ...writes);
    const placed = { entry, isOwn: ownSeq !== null, sent, before };
    const followed = await all.following.follow(roomId, placed, draft);
    return followed.ok ? ok(DONE) : followed;
  }

  /** RM38: stored at once, for the next one to be compared with. */
  async function takePart(
    roomId: ConversationId,
    { entry, header, body, ownSeq }: CommitEntry<"part">,
    draft: RoomDraft,
  ): Promise<Result<Intake, ClientError>> {
    const kept = await parts.keep(roomId, header, body, draft.reader.point);
    if (!kept.ok) return kept;
    draft.writes.push(...kept.value);
    const own = ownSeq === null ? ok() : await words.takeOwn(roomId, entry, ownSeq, draft);
    if (!own.ok) return own;
    passEntry(draft, entry);
    const flushed = await flush(roomId, draft);
    return flushed.ok ? ok(DONE) : flushed;
  }

  /** Derived once a log: each entry read is asked for it. */
  function ownTagIn(logId: LogId): WriterTag {
    const known = ownTags.get(logId);
    if (known !== undefined) return known;
    const tag = writerTag(logId, writerKey(identity.seeds, logId).publicKey);
    ownTags.set(logId, tag);
    return tag;
  }

  return { take };
}
