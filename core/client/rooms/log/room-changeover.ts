/**
 * A room's log is read otherwise from now on than by what comes next in it: afresh, with other keys, from another place, or from its
 * start because it began anew. Runs within the serial. Rules RM30, RM61, RM62, RM67, RM68.
 */
import type { ConversationId, LogId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { isActive } from "../../../group/group.ts";
import { createLogReader, type LogReader } from "../../../log/log-reader.ts";
import { memberOf } from "../../../messenger/room/room-context.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomKeysRow } from "../../tables.ts";
import type { GivenUp, RoomGivingUp } from "../membership/room-giving-up.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import { createRoomDraft } from "../reading/room-draft.ts";
import { roomContextOf } from "../reading/room-judge.ts";
import type { RoomMissed } from "../reading/room-missed.ts";
import type { RoomUnproven } from "../reading/room-unproven.ts";
import type { RoomWords } from "../reading/room-words.ts";
import { keptKeysOf, keysOf, type RoomBook } from "../room-book.ts";
import { eraseRoomState } from "../room-left-rows.ts";
import type { RoomAnew } from "./room-anew.ts";
import { rewrapLetters } from "./room-keys.ts";
import { NO_ENTRY, type RoomLandmarks, withLandmark } from "./room-landmarks.ts";
import type { RoomReaders } from "./room-readers.ts";

export interface RoomChangeoverDeps {
  readonly context: Pick<
    EngineContext,
    "tables" | "store" | "identity" | "random" | "entryId" | "padding" | "raise"
  >;
  readonly book: Pick<RoomBook, "get" | "keep">;
  readonly groups: Pick<RoomGroups, "load" | "forget" | "keep">;
  readonly landmarks: RoomLandmarks;
  readonly readers: RoomReaders;
  readonly missed: Pick<RoomMissed, "forget">;
  readonly anew: Pick<RoomAnew, "of" | "put" | "forget">;
  readonly unproven: Pick<RoomUnproven, "refresh">;
  readonly words: Pick<RoomWords, "sendUnread">;
  readonly givingUp: Pick<RoomGivingUp, "give">;
  onChanged(): void;
}

export interface RoomChangeover {
  /** Forgets, for an account that comes in again, that this device has been in before. */
  startAfresh(roomId: ConversationId, logId: LogId): { readonly writes: readonly WriteOp[]; commit(): void };
  /** Forgets what this device has of a room its account is out of, but for what people read there. RM67 */
  leaveBehind(roomId: ConversationId, logId: LogId): Promise<Result<void, ClientError>>;
  /** Goes on with keys that others brought, from where they hold; what this device had of the group is given up. RM30 */
  moveTo(roomId: ConversationId, room: RoomRecord): Promise<Result<void, ClientError>>;
  /**
   * Goes on from here with keys somebody in the room has told, or that an own device has set which is in another group (`forked`); what
   * this device had of the group is given up. RM30, RM68
   */
  takeKeys(
    roomId: ConversationId,
    room: RoomRecord,
    keys: Pick<RoomKeysRow, "accessSeed" | "roomKey">,
    why: GivenUp,
  ): Promise<Result<void, ClientError>>;
  /** Goes on with keys the log had before, until what replaced them is brought again. RM62 */
  useKeys(roomId: ConversationId, room: RoomRecord, keys: RoomKeysRow): Promise<Result<void, ClientError>>;
  /**
   * Goes on behind entries that are gone, of those up to `trimmedUpto`. A device that was in the group as far as it knows should have read
   * them, and notes the gap: among them may be a commit, so what it had of the group is given up. RM74
   */
  passTrimmed(
    roomId: ConversationId,
    room: RoomRecord,
    after: LogReader,
    trimmedUpto: number,
  ): Promise<Result<void, ClientError>>;
  /** The log began anew: it is read from its start, and what this device has of the group stays. RM61 */
  enter(
    roomId: ConversationId,
    room: RoomRecord,
    begun: { readonly incarnation: number; readonly logEpoch: number | null },
  ): Promise<Result<void, ClientError>>;
}

export function createRoomChangeover(all: RoomChangeoverDeps): RoomChangeover {
  const { context, book, groups, landmarks, readers, anew } = all;
  const { tables, store, identity } = context;

  const startAfresh: RoomChangeover["startAfresh"] = (roomId, logId) => {
    const missing = all.missed.forget(roomId);
    const marks = landmarks.put(roomId, []);
    const kept = book.keep(roomId, null);
    const read = readers.forget(logId);
    const commit = () => {
      missing.commit();
      marks.commit();
      kept.commit();
      read.commit();
    };
    return { writes: [...missing.writes, marks.write, kept.write, read.write], commit };
  };

  const leaveBehind: RoomChangeover["leaveBehind"] = async (roomId, logId) => {
    const erased = await eraseRoomState(tables, roomId);
    if (!erased.ok) return erased;
    const fresh = startAfresh(roomId, logId);
    const stored = await store.batch([...erased.value, ...fresh.writes]);
    if (!stored.ok) return stored;
    fresh.commit();
    anew.forget(roomId);
    all.unproven.refresh(roomId);
    groups.keep(roomId, null);
    return ok();
  };

  const moveTo: RoomChangeover["moveTo"] = async (roomId, room) => {
    const current = await book.get(roomId);
    if (!current.ok || current.value === null) return current.ok ? ok() : current;
    const { logId, from } = keysOf(room);
    const place = from.seq === 0 ? null : createLogReader(logId, from);
    return goOnWith(roomId, current.value, { row: keptKeysOf(room), place, why: "lost" });
  };

  // Since when they are the log's the group says, once this device is in it.
  const takeKeys: RoomChangeover["takeKeys"] = (roomId, room, { accessSeed, roomKey }, why) => {
    const row = { generation: room.keys.generation, accessSeed, roomKey };
    return goOnWith(roomId, room, { row, place: null, why });
  };

  /** Reads on with other keys, from `place` or from where it has read to, without the group it was in. */
  async function goOnWith(
    roomId: ConversationId,
    room: RoomRecord,
    {
      row,
      place,
      why,
    }: { readonly row: RoomKeysRow; readonly place: LogReader | null; readonly why: GivenUp },
  ): Promise<Result<void, ClientError>> {
    const before = await readers.of(room);
    if (!before.ok) return before;
    const places = await landmarks.of(roomId);
    if (!places.ok) return places;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const group = loaded.value !== null && isActive(loaded.value) ? loaded.value : null;
    const pair = { before: room.keys.roomKey, after: row.roomKey };
    const { logId } = before.value;
    const wrapped = await rewrapLetters(context, { roomId, logId }, pair, () => false);
    if (!wrapped.ok) return wrapped;
    const draft = createRoomDraft({ reader: before.value, group }, { row, areNew: true }, places.value);
    const left = group === null ? null : roomContextOf(group);
    const me = left === null ? null : memberOf(left, identity.accountId);
    // RM62
    const said = me === null ? ok() : await all.words.sendUnread(roomId, me, draft);
    if (!said.ok) return said;
    const given = await all.givingUp.give(roomId, draft, why);
    if (!given.ok) return given;
    const kept = book.keep(roomId, row);
    const read = place === null ? null : readers.put(place);
    // Which was the last commit before another place is not known.
    const moved = read === null ? [] : [tables.handshake.remove(roomId), read.write];
    const stored = await store.batch([...wrapped.value, ...draft.writes, kept.write, ...moved]);
    if (!stored.ok) return stored;
    kept.commit();
    read?.commit();
    for (const commit of draft.commits) commit();
    groups.keep(roomId, null);
    return ok();
  }

  const useKeys: RoomChangeover["useKeys"] = async (roomId, room, keys) => {
    const { logId, roomKey } = keysOf(room);
    const pair = { before: roomKey, after: keys.roomKey };
    const wrapped = await rewrapLetters(context, { roomId, logId }, pair, () => false);
    if (!wrapped.ok) return wrapped;
    const kept = book.keep(roomId, keys);
    const stored = await store.batch([...wrapped.value, kept.write]);
    if (stored.ok) kept.commit();
    return stored;
  };

  const passTrimmed: RoomChangeover["passTrimmed"] = async (roomId, room, after, trimmedUpto) => {
    const before = await readers.of(room);
    if (!before.ok) return before;
    const earlier = await tables.roomgap.get(roomId);
    if (!earlier.ok) return earlier;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const group = loaded.value !== null && isActive(loaded.value) ? loaded.value : null;
    const draft = createRoomDraft({ reader: after, group }, { row: keptKeysOf(room), areNew: false }, []);
    const given = group === null ? ok() : await all.givingUp.give(roomId, draft, "lost");
    if (!given.ok) return given;
    const read = readers.put(after);
    const gap = { expectedSeq: before.value.point.seq + 1, seq: trimmedUpto };
    const noted = group === null || earlier.value !== null ? [] : [tables.roomgap.put([roomId], gap)];
    const stored = await store.batch([...draft.writes, ...noted, read.write]);
    if (!stored.ok) return stored;
    read.commit();
    if (group !== null) groups.keep(roomId, null);
    return ok();
  };

  const enter: RoomChangeover["enter"] = async (roomId, room, { incarnation, logEpoch }) => {
    const { logId, from } = keysOf(room);
    const row = await tables.reader.get(logId);
    if (!row.ok) return row;
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const known = await anew.of(roomId);
    if (!known.ok) return known;
    const letters = await tables.letter.scan({ under: [roomId] });
    if (!letters.ok) return letters;
    const begun = await tables.roompart.scan({ under: [roomId] });
    if (!begun.ok) return begun;
    const point = row.value?.point;
    // Where nothing of an incarnation was read, what was read before it is as far as ever.
    const before = point === undefined || point.seq === 0 ? (known.value?.upto ?? null) : point;
    // RM66: who begins it says so, though it has read nothing; and who was let in and had not come yet, where it was to read from.
    const upto = before ?? (logEpoch === null ? from : createLogReader(logId).point);
    const isAgain = known.value?.incarnation === incarnation;
    const told = isAgain && known.value !== null ? known.value : { upto, isTold: false };
    const entered = anew.put(roomId, { ...told, incarnation, logEpoch });
    const marks = landmarks.put(roomId, withLandmark([], roomId, NO_ENTRY, group.value));
    const read = readers.put(createLogReader(logId, { ...createLogReader(logId).point, incarnation }));
    // What had no place yet is sealed anew, behind what is brought again. Of who is out the word goes as it is, and no letter (RM33):
    // it would stand where nobody is who could open it, and nobody would send it again.
    const isStaying = room.standing.standing === "joined";
    const unsent = letters.value.filter(({ value }) => isStaying || value.outKeys.length > 0);
    const stored = await store.batch([
      read.write,
      marks.write,
      entered.write,
      tables.handshake.remove(roomId),
      tables.commit.remove(roomId),
      tables.roombring.remove(roomId),
      tables.roomgap.remove(roomId),
      ...[...begun.value, ...unsent].map(({ key }) => ({ type: "delete" as const, key })),
    ]);
    if (!stored.ok) return stored;
    entered.commit();
    marks.commit();
    read.commit();
    all.onChanged();
    return ok();
  };

  return { startAfresh, leaveBehind, moveTo, takeKeys, useKeys, passTrimmed, enter };
}
