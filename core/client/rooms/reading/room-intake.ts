/**
 * Reading a room's log: commits move the group on, messages become ops, and the reading position moves with them, each in one
 * transaction. What does not hold is passed over and stops nothing. Runs within the serial. Rules RM16, RM17, RM19-RM23.
 */
import { type Bytes, equalBytes, toHex } from "../../../base/bytes.ts";
import type { AccountId, ConversationId, EntryId, LogId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { encode } from "../../../codec/shape.ts";
import type { RoomPart, RoomRecord } from "../../../document/schema/groups.ts";
import { claimedEpoch } from "../../../group/group-message.ts";
import { type Group, type GroupDeps, groupEpoch, isActive } from "../../../group/group.ts";
import { welcomedKeyPackages } from "../../../group/join-group.ts";
import { receiveCommit } from "../../../group/receive-commit.ts";
import { createLogReader, type LogReader, type NamedEntry, readEntries } from "../../../log/log-reader.ts";
import { memberOf, type RoomContext } from "../../../messenger/room/room-context.ts";
import {
  openRoomEntry,
  type RoomBody,
  type RoomCommit,
  roomCommitShape,
} from "../../../messenger/room/room-entry.ts";
import { isSamePolicy } from "../../../messenger/room/room-history.ts";
import type { RoomStatePlace } from "../../../messenger/room/room-stand.ts";
import {
  ENTRY_KIND,
  type EntryHeader,
  type LogPoint,
  type PlacedEntry,
  parseEntryHeader,
  writerTag,
} from "../../../protocol/entry.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { RoomKeysRow } from "../../tables.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { Lifetimes } from "../../deletion/lifetimes.ts";
import { writerKey } from "../../devices/device-identity.ts";
import type { EngineContext } from "../../engine-context.ts";
import { keptKeysOf, keysOf, type RoomBook } from "../room-book.ts";
import { isNamed, type RoomAnew } from "../log/room-anew.ts";
import { findBegun } from "../log/room-begun.ts";
import { createRoomDraft, emptyRoomDraft, passEntry, type RoomDraft } from "./room-draft.ts";
import { groupAfter, type RoomGroups } from "../membership/room-groups.ts";
import { happeningsOf, keepHappenings } from "../room-happenings.ts";
import { agreedOf, infoOf, insideOf, isBegunAlone, isNews } from "../membership/room-info.ts";
import { createRoomJudge, roomContextOf } from "./room-judge.ts";
import { rewrapLetters, roomKeysOf } from "../log/room-keys.ts";
import { createRoomParts } from "./room-parts.ts";
import { liveLandmarks, NO_ENTRY, type RoomLandmarks, withLandmark } from "../log/room-landmarks.ts";
import { eraseRoomState } from "../room-left-rows.ts";
import type { RoomMissed } from "./room-missed.ts";
import type { RoomOutbox } from "../room-outbox.ts";
import type { RoomUnproven } from "./room-unproven.ts";
import { createRoomWords } from "./room-words.ts";

/** With the ops a letter may carry this stays within the rows a store takes at once. */
const ENTRIES_PER_TRANSACTION_MAX = 64;

/** A Welcome for this device was reached: joining asks servers, so it happens outside the serial. */
export interface Invitation {
  readonly entry: NamedEntry;
  readonly welcome: Bytes;
  /** Of the room, for the Welcome to name by its hash. */
  readonly context: Bytes;
  /** Name of the key package, in hexadecimal. */
  readonly ref: string;
  /** Forgets the parts the commit came in. */
  readonly writes: readonly WriteOp[];
}

/** How far a page was taken in. */
export type Intake = { readonly type: "done" } | { readonly type: "join"; readonly invitation: Invitation };

export interface RoomIntakeDeps {
  readonly context: EngineContext;
  readonly chains: ChainStore;
  readonly book: RoomBook;
  readonly groups: RoomGroups;
  readonly conversations: Pick<Conversations, "takeRoom" | "isArchived">;
  readonly outbox: RoomOutbox;
  readonly missed: RoomMissed;
  readonly anew: RoomAnew;
  readonly landmarks: RoomLandmarks;
  readonly unproven: RoomUnproven;
  readonly limit: Lifetimes["limit"];
  readonly deps: Pick<GroupDeps, "suite">;
  /** Others may see another group than this device does: they are to be told what it sees. */
  onDisagreement(roomId: ConversationId): void;
  /** Somebody else has said what this device sees. */
  onAgreement(roomId: ConversationId): void;
  /** The room's founder says that the log goes on, and this device has not come there. */
  onElsewhere(roomId: ConversationId): void;
  onChanged(): void;
}

export interface RoomIntake {
  /** What this device would say of where it stands; null when it is in no group. */
  place(roomId: ConversationId): Promise<Result<RoomStatePlace | null, ClientError>>;
  reader(room: RoomRecord): Promise<Result<LogReader, ClientError>>;
  /** Forgets, for an account that comes in again, that this device has been in before. */
  startAfresh(roomId: ConversationId, logId: LogId): { readonly writes: readonly WriteOp[]; commit(): void };
  /** Forgets what this device has of a room its account is out of, but for what people read there. RM67 */
  leaveBehind(roomId: ConversationId, logId: LogId): Promise<Result<void, ClientError>>;
  /** Goes on with keys that others brought, from where they hold; what this device had of the group is given up. RM30 */
  moveTo(roomId: ConversationId, room: RoomRecord): Promise<Result<void, ClientError>>;
  /** Goes on from here with keys somebody in the room has told; what this device had of the group is given up. RM68 */
  takeKeys(
    roomId: ConversationId,
    room: RoomRecord,
    keys: Pick<RoomKeysRow, "accessSeed" | "roomKey">,
  ): Promise<Result<void, ClientError>>;
  /** The log began anew: it is read from its start, and what this device has of the group stays. RM61 */
  enter(
    roomId: ConversationId,
    room: RoomRecord,
    begun: { readonly incarnation: number; readonly logEpoch: number | null },
  ): Promise<Result<void, ClientError>>;
  /** Goes on with keys the log had before, until what replaced them is brought again. RM62 */
  useKeys(roomId: ConversationId, room: RoomRecord, keys: RoomKeysRow): Promise<Result<void, ClientError>>;
  /** Takes in entries from the reading position on. */
  take(
    roomId: ConversationId,
    room: RoomRecord,
    entries: readonly PlacedEntry[],
  ): Promise<Result<Intake, ClientError>>;
  /** Moves past the entry of a Welcome, with the group it gave or, when that was none, without. */
  pass(
    roomId: ConversationId,
    room: RoomRecord,
    by: Pick<Invitation, "entry" | "writes"> & { readonly first: readonly PlacedEntry[] },
    joined: {
      readonly group: Group;
      readonly context: RoomContext;
      readonly writes: readonly WriteOp[];
    } | null,
  ): Promise<Result<void, ClientError>>;
}

/** A commit that was taken over. `added` are the ids of the devices it brought. */
interface GroupMove {
  readonly before: RoomContext | null;
  /** The room as the commit makes it, also where this device is not in it any more. */
  readonly after: RoomContext | null;
  readonly by: AccountId;
  /** When it was made, as it says; null for an own one. */
  readonly timeMs: number | null;
  /** Who has left, as the commit says. */
  readonly departed: readonly AccountId[];
  readonly next: Group;
  readonly added: ReadonlySet<string>;
  /** As it was sent. */
  readonly commit: RoomCommit;
  /** Keys of own intents that it carries out. */
  readonly carried: readonly string[];
}

export function createRoomIntake(all: RoomIntakeDeps): RoomIntake {
  const { context, chains, book, groups, conversations, landmarks, deps } = all;
  const { tables, store, identity } = context;
  const readers = new Map<LogId, LogReader>();
  const parts = createRoomParts(tables);
  const words = createRoomWords({
    context,
    chains,
    outbox: all.outbox,
    deps,
    isArchived: conversations.isArchived,
    onDisagreement: all.onDisagreement,
    onAgreement: all.onAgreement,
    onElsewhere: all.onElsewhere,
    anew: all.anew,
    unproven: all.unproven,
    give,
  });
  const self = { accountId: identity.accountId, deviceId: identity.deviceId };

  async function reader(room: RoomRecord): Promise<Result<LogReader, ClientError>> {
    const { logId, from } = keysOf(room);
    const known = readers.get(logId);
    if (known !== undefined) return ok(known);
    const row = await tables.reader.get(logId);
    if (!row.ok) return row;
    const loaded = createLogReader(logId, row.value?.point ?? (from.seq === 0 ? undefined : from));
    readers.set(logId, loaded);
    return ok(loaded);
  }

  const readerWrite = ({ logId, point }: LogReader): WriteOp =>
    tables.reader.put([logId], { point, epochFloor: 0 });

  async function take(
    roomId: ConversationId,
    room: RoomRecord,
    entries: readonly PlacedEntry[],
  ): Promise<Result<Intake, ClientError>> {
    const before = await reader(room);
    if (!before.ok) return before;
    const read = readEntries(before.value, entries);
    if (!read.ok) return context.distrustLog(before.value.logId, read.error);
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const places = await landmarks.of(roomId);
    if (!places.ok) return places;
    // The first thing read pins the keys: a sibling that is ahead must not change them under the reader.
    const keys = { row: keptKeysOf(room), areNew: !book.hasKept(roomId) };
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
    }
    const flushed = await flush(roomId, draft);
    return flushed.ok ? ok({ type: "done" }) : flushed;
  }

  async function flush(roomId: ConversationId, draft: RoomDraft): Promise<Result<void, ClientError>> {
    const steps = draft.group === null ? ok([]) : await groups.step(roomId, draft.group);
    if (!steps.ok) return steps;
    const marks = landmarks.put(roomId, draft.landmarks);
    const kept = book.keep(roomId, draft.keys);
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
      readerWrite(draft.reader),
    ]);
    if (!stored.ok) return stored;
    readers.set(logId, draft.reader);
    groups.keep(roomId, draft.group);
    if (draft.areLandmarksNew) marks.commit();
    if (draft.areKeysNew) kept.commit();
    missing.commit();
    for (const commit of draft.commits) commit();
    emptyRoomDraft(draft);
    return ok();
  }

  async function takeEntry(
    roomId: ConversationId,
    room: RoomRecord,
    entry: NamedEntry,
    draft: RoomDraft,
  ): Promise<Result<Intake, ClientError>> {
    const { logId } = keysOf(room);
    const { roomKey } = draft.keys;
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
    const unplaced = isHandshake ? await giveUnplaced(roomId, entry, draft) : ok();
    if (!unplaced.ok) return unplaced;
    if (header.ok && body !== null && (body.type === "commit") === isHandshake) {
      const ownSeq = header.value.writerTag === ownTag(logId) ? header.value.writerSeq : null;
      if (body.type === "commit") return takeLast(roomId, { entry, header: header.value, body }, draft);
      if (body.type === "part") return takePart(roomId, { entry, header: header.value, body, ownSeq }, draft);
      const taken = await words.take({ roomId, entry, ownSeq, body }, draft);
      if (!taken.ok) return taken;
    }
    // RM24: whoever is out of the group may lack the key of the outer layer too.
    const isShut = header.ok && header.value.kind === ENTRY_KIND.roomMessage && body === null;
    const isOut = draft.group === null || !isActive(draft.group);
    if (isShut && isOut && !conversations.isArchived(entry.id)) draft.missed.push(entry);
    draft.writes.push(...handshake);
    if (isHandshake) mark(roomId, entry, draft);
    passEntry(draft, entry);
    const flushed = draft.isUrgent ? await flush(roomId, draft) : ok();
    return flushed.ok ? ok({ type: "done" }) : flushed;
  }

  /** RM38: the entry a commit takes effect with. */
  async function takeLast(
    roomId: ConversationId,
    from: {
      readonly entry: NamedEntry;
      readonly header: EntryHeader;
      readonly body: Extract<RoomBody, { readonly type: "commit" }>;
    },
    draft: RoomDraft,
  ): Promise<Result<Intake, ClientError>> {
    const { entry, header, body } = from;
    const whole = await parts.whole(roomId, header, body, draft.reader.point);
    if (!whole.ok) return whole;
    const handshake = tables.handshake.put([roomId], { last: entry.id });
    if (whole.value === null) {
      const pending = await tables.commit.get(roomId);
      if (!pending.ok) return pending;
      // Nobody can follow it; what was to be done is planned again.
      if (pending.value?.entryId === entry.id) draft.writes.push(tables.commit.remove(roomId));
      draft.writes.push(handshake);
      mark(roomId, entry, draft);
      passEntry(draft, entry);
      return ok({ type: "done" });
    }
    const { commit, writes, from: before } = whole.value;
    const invitation = await invitationIn(roomId, entry, commit, draft.group);
    if (!invitation.ok) return invitation;
    // The rows of the commit itself come with the joining, and its parts go with it.
    if (invitation.value !== null) return ok({ type: "join", invitation: { ...invitation.value, writes } });
    draft.writes.push(handshake, ...writes);
    return takeCommit(roomId, { entry, header, sent: commit, before }, draft);
  }

  /** RM38: stored at once, for the next one to be compared with. */
  async function takePart(
    roomId: ConversationId,
    from: {
      readonly entry: NamedEntry;
      readonly header: EntryHeader;
      readonly body: Extract<RoomBody, { readonly type: "part" }>;
      readonly ownSeq: number | null;
    },
    draft: RoomDraft,
  ): Promise<Result<Intake, ClientError>> {
    const { entry, header, body, ownSeq } = from;
    const kept = await parts.keep(roomId, header, body, draft.reader.point);
    if (!kept.ok) return kept;
    draft.writes.push(...kept.value);
    const own = ownSeq === null ? ok() : await words.takeOwn(roomId, entry, ownSeq, draft);
    if (!own.ok) return own;
    passEntry(draft, entry);
    const flushed = await flush(roomId, draft);
    return flushed.ok ? ok({ type: "done" }) : flushed;
  }

  /**
   * The Welcome for this device in a commit, if it is to be followed: by one that is in no group, or in one that its account has begun
   * anew alone (RM69), or that the commit, judged like any other, takes out and adds again. Else anybody could call a device into
   * another group. RM23
   */
  async function invitationIn(
    roomId: ConversationId,
    entry: NamedEntry,
    { commit, context: brought, welcome }: RoomCommit,
    group: Group | null,
  ): Promise<Result<Omit<Invitation, "writes"> | null, ClientError>> {
    if (welcome === null || brought === null) return ok(null);
    for (const name of await welcomedKeyPackages(welcome)) {
      const ref = toHex(name);
      const row = await tables.keypackage.get(ref);
      if (!row.ok) return row;
      if (row.value === null) continue;
      const invitation = { entry, welcome, context: brought, ref };
      const now = group === null || !isActive(group) ? null : roomContextOf(group);
      if (group === null || now === null) return ok(invitation);
      const { judge, fault } = createRoomJudge(chains, roomId, group, brought);
      const received = await receiveCommit({ ...deps, authenticate: () => false }, group, commit, judge);
      const broken = fault();
      if (broken !== null) return err(broken);
      const isElsewhere = !received.ok && isBegunAlone(group, now, self.accountId);
      return ok(isElsewhere || (received.ok && !isActive(received.value.next)) ? invitation : null);
    }
    return ok(null);
  }

  /** The state of the group after this commit, for comparing with others. RM26 */
  function mark(roomId: ConversationId, entry: NamedEntry, draft: RoomDraft): void {
    const places = withLandmark(draft.landmarks, roomId, entry.id, draft.group);
    draft.areLandmarksNew ||= places !== draft.landmarks;
    draft.landmarks = places;
  }

  /** RM64: of a group that this device has begun, and no landmark tells of, the first commit comes too late. */
  async function giveUnplaced(
    roomId: ConversationId,
    entry: NamedEntry,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    if (draft.group === null || !isActive(draft.group) || draft.landmarks.length > 0) return ok();
    const pending = await tables.commit.get(roomId);
    if (!pending.ok) return pending;
    return pending.value?.entryId === entry.id ? ok() : give(roomId, draft);
  }

  /** What this device has of the group leads nowhere: it is forgotten, and asked for again. RM22 */
  async function give(roomId: ConversationId, draft: RoomDraft): Promise<Result<void, ClientError>> {
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    draft.writes.push(...forgotten.value);
    // RM62: whom it had taken out is taken out again.
    if (draft.group !== null && draft.reader.point.incarnation > 0)
      draft.writes.push(
        tables.roomredo.put([roomId], {
          epoch: Number(groupEpoch(draft.group)),
          context: draft.group.context,
        }),
      );
    draft.group = null;
    all.onChanged();
    return ok();
  }

  /** RM17, RM21 */
  async function takeCommit(
    roomId: ConversationId,
    from: {
      readonly entry: NamedEntry;
      readonly header: EntryHeader;
      readonly sent: RoomCommit;
      /** Where the log stands before its first entry. */
      readonly before: LogPoint;
    },
    draft: RoomDraft,
  ): Promise<Result<Intake, ClientError>> {
    const { entry, header, sent } = from;
    const { commit } = sent;
    const done: Result<Intake, ClientError> = ok({ type: "done" });
    const { group } = draft;
    const passOver = () => {
      mark(roomId, entry, draft);
      passEntry(draft, entry);
      return done;
    };
    if (group === null || !isActive(group)) return passOver();
    const pending = await tables.commit.get(roomId);
    if (!pending.ok) return pending;
    const placed = await placeOf(roomId, sent, group, draft);
    if (!placed.ok) return placed;
    if (placed.value !== "counts") {
      // Nobody follows it here; what was to be done is planned again.
      if (pending.value?.entryId === entry.id) draft.writes.push(tables.commit.remove(roomId));
      // It may be what the others follow.
      else if (placed.value === "elsewhere" && (await claimedEpoch(commit)) === groupEpoch(group))
        all.onDisagreement(roomId);
      return passOver();
    }
    const again = await takeAgain(roomId, sent, group, draft);
    if (!again.ok) return again;
    if (again.value) return passOver();
    if (pending.value?.entryId === entry.id) {
      const next = await groupAfter(group, pending.value);
      if (next === null) return err({ type: "StoreCorrupt", key: tables.commit.key(roomId) });
      const after = roomContextOf(next);
      for (const accountId of pending.value.invitees) {
        const sinceEpoch = after === null ? null : (memberOf(after, accountId)?.sinceEpoch ?? null);
        if (sinceEpoch !== null)
          // With the keys the log has up to this commit: its entries are the first they read.
          draft.writes.push(
            tables.invitee.put([roomId, accountId], { ...draft.keys, from: from.before, sinceEpoch }),
          );
      }
      draft.writes.push(tables.commit.remove(roomId));
      passEntry(draft, entry);
      return moveGroup(
        roomId,
        entry,
        {
          before: roomContextOf(group),
          after,
          by: self.accountId,
          timeMs: null,
          departed: [],
          next,
          added: new Set(pending.value.added),
          commit: sent,
          carried: pending.value.carried,
        },
        draft,
      );
    }
    if (header.writerTag === ownTag(draft.reader.logId)) {
      // RM22: ours, and not the one on its way: what it made is not here.
      const given = (await claimedEpoch(commit)) === groupEpoch(group) ? await give(roomId, draft) : ok();
      return given.ok ? passOver() : given;
    }
    const { judge, judged, brought, fault } = createRoomJudge(chains, roomId, group, sent.context);
    const received = await receiveCommit({ ...deps, authenticate: () => false }, group, commit, judge);
    const broken = fault();
    if (broken !== null) return err(broken);
    if (!received.ok) {
      // RM22: others have followed what this device made and lost, and bring it again.
      if (received.error.rule === "OwnCommit") {
        const given = await give(roomId, draft);
        return given.ok ? passOver() : given;
      }
      // RM26: the others may be somewhere else. Only they can tell, signed: anybody could write such bytes.
      const epoch = await claimedEpoch(commit);
      if (epoch !== null && epoch > groupEpoch(group)) all.onDisagreement(roomId);
      return passOver();
    }
    passEntry(draft, entry);
    const links = judged();
    draft.writes.push(...(links?.writes ?? []));
    for (const chain of links?.learned ?? []) chains.keep(chain);
    const { change, next } = received.value;
    const added = new Set<string>(change.added.map(({ member }) => member.deviceId));
    const after = roomContextOf({ context: change.context ?? group.context });
    const evidence = brought();
    const move: GroupMove = {
      before: roomContextOf(group),
      after,
      by: change.committer.member.accountId,
      timeMs: evidence?.timeMs ?? null,
      departed: evidence?.departures.map(({ accountId }) => accountId) ?? [],
      next,
      added,
      commit: sent,
      carried: [],
    };
    return moveGroup(roomId, entry, move, draft);
  }

  /**
   * In a log that began anew, what comes before its founder's first word, or leads elsewhere than they say, does not (RM66), nor what
   * comes before the log has the keys of its epoch: those who are not there yet could never follow (RM62).
   */
  async function placeOf(
    roomId: ConversationId,
    sent: RoomCommit,
    group: Group,
    draft: RoomDraft,
  ): Promise<Result<"counts" | "elsewhere" | "early", ClientError>> {
    const { incarnation } = draft.reader.point;
    if (incarnation === 0) return ok("counts");
    const begun = await all.anew.begun(roomId, incarnation);
    if (!begun.ok || begun.value === null) return begun.ok ? ok("elsewhere") : begun;
    const epoch = await claimedEpoch(sent.commit);
    if (epoch === null || !isNamed(begun.value, Number(epoch), encode(roomCommitShape, sent)))
      return ok("elsewhere");
    const past = await tables.roompast.get(roomId, Number(epoch));
    if (!past.ok) return past;
    const isNext = epoch === groupEpoch(group);
    const since = isNext ? roomContextOf(group)?.keysSince : past.value?.before.generation;
    return ok(since === undefined || since === draft.keys.generation ? "counts" : "early");
  }

  /** RM62: a commit this device has followed before the log began anew. What it did to the keys of the log it does again. */
  async function takeAgain(
    roomId: ConversationId,
    sent: RoomCommit,
    group: Group,
    draft: RoomDraft,
  ): Promise<Result<boolean, ClientError>> {
    if (draft.reader.point.incarnation === 0) return ok(false);
    const epoch = await claimedEpoch(sent.commit);
    if (epoch === null || epoch >= groupEpoch(group)) return ok(false);
    const past = await tables.roompast.get(roomId, Number(epoch));
    if (!past.ok) return past;
    if (past.value === null) return ok(false);
    if (!equalBytes(past.value.commit, encode(roomCommitShape, sent))) {
      // Somebody has gone on from there in another way, if it holds: which is not for this device to see any more.
      all.onDisagreement(roomId);
      return ok(false);
    }
    const { after } = past.value;
    const isRekeyed = after.generation !== draft.keys.generation;
    const noted = await noteLogEpoch(roomId, { logEpoch: Number(epoch) + 1, isRekeyed }, draft);
    if (!noted.ok) return noted;
    if (!isRekeyed) return ok(true);
    const placed = new Set(draft.placed);
    const pair = { before: draft.keys.roomKey, after: after.roomKey };
    const { logId } = draft.reader;
    const wrapped = await rewrapLetters(context, { roomId, logId }, pair, (seq) => placed.has(seq));
    if (!wrapped.ok) return wrapped;
    draft.writes.push(...wrapped.value);
    draft.keys = after;
    draft.areKeysNew = true;
    return ok(true);
  }

  async function noteLogEpoch(
    roomId: ConversationId,
    { logEpoch, isRekeyed }: { readonly logEpoch: number; readonly isRekeyed: boolean },
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    if (draft.reader.point.incarnation === 0) return ok();
    const row = await all.anew.of(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok() : row;
    const now = draft.group === null ? null : roomContextOf(draft.group);
    const isFounder = now !== null && memberOf(now, self.accountId)?.sinceEpoch === 0;
    // What is still to be brought with the keys there are is not passed by because something further has its place.
    const missing =
      row.value.logEpoch === null ? ok(null) : await tables.roompast.get(roomId, row.value.logEpoch);
    if (!missing.ok) return missing;
    const isFurther = row.value.logEpoch !== null && logEpoch > row.value.logEpoch + 1;
    if (isFurther && missing.value?.before.generation === draft.keys.generation) return ok();
    // RM66: who has none but these keys has read nothing of what began the log.
    const isTold = row.value.isTold && !(isRekeyed && isFounder);
    const noted = all.anew.put(roomId, { ...row.value, logEpoch, isTold });
    draft.writes.push(noted.write);
    draft.commits.push(noted.commit);
    return ok();
  }

  /** The group has moved on: what follows from it for this device, in one transaction with it. */
  async function moveGroup(
    roomId: ConversationId,
    entry: NamedEntry,
    move: GroupMove,
    draft: RoomDraft,
  ): Promise<Result<Intake, ClientError>> {
    const { after, next, added, carried } = move;
    draft.group = next;
    mark(roomId, entry, draft);
    const before = draft.keys;
    const keys = await keysWith(roomId, next, after, draft);
    if (!keys.ok) return keys;
    if (isActive(next)) {
      const epoch = Number(groupEpoch(next));
      const followed = { epoch: epoch - 1, commit: move.commit, before, after: draft.keys };
      draft.writes.push(...all.anew.keep(roomId, followed));
      const noted = await noteLogEpoch(roomId, { logEpoch: epoch, isRekeyed: keys.value !== null }, draft);
      if (!noted.ok) return noted;
    }
    const happened = await happeningRows(roomId, move);
    if (!happened.ok) return happened;
    draft.writes.push(...happened.value);
    const settled = await settledRows(roomId, after, added);
    if (!settled.ok) return settled;
    draft.writes.push(...settled.value);
    const parts = new Map<string, RoomPart | null>(carried.map((key) => [key, null]));
    if (after !== null) {
      const told = await tellOf(roomId, next, after, entry.id);
      if (!told.ok) return told;
      for (const [key, part] of told.value) parts.set(key, part);
    }
    if (keys.value !== null) parts.set("keys", keys.value);
    const flushed = await flush(roomId, draft);
    if (!flushed.ok) return flushed;
    const rows: WriteOp[] = [];
    if (!isActive(next)) {
      const standing = await standingOutside(roomId, after);
      if (!standing.ok) return standing;
      if (standing.value !== null) parts.set("standing", standing.value);
      const letters = isOutside(after) ? await tables.letter.scan({ under: [roomId] }) : ok([]);
      if (!letters.ok) return letters;
      // RM33: a letter that is not before this commit has no place after it.
      rows.push(...letters.value.map(({ key }) => ({ type: "delete" as const, key })));
    }
    const isQuiet = parts.size === 0 && rows.length === 0;
    const told = isQuiet ? ok() : await book.set(roomId, parts, { with: rows });
    all.onChanged();
    return told.ok ? ok({ type: "done" }) : told;
  }

  /** The room as own devices are told of it. */
  async function tellOf(
    roomId: ConversationId,
    group: Group,
    now: RoomContext,
    handshake: EntryId,
  ): Promise<Result<ReadonlyMap<string, RoomPart>, ClientError>> {
    const room = await book.get(roomId);
    if (!room.ok) return room;
    const parts = new Map<string, RoomPart>();
    const info = infoOf(group, now);
    if (isNews(room.value?.info ?? null, info, self.accountId)) parts.set("info", info);
    const inside = isActive(group) ? insideOf(group, now, handshake) : null;
    if (inside !== null) parts.set("inside", inside);
    const agreed = agreedOf(group, now, { handshake, self: self.accountId });
    const isKnown = room.value?.agreed?.handshake === handshake;
    if (agreed !== null && !isKnown && isActive(group)) parts.set("agreed", agreed);
    const { lifetimeMs } = now;
    if ((room.value?.lifetimeMs ?? null) !== lifetimeMs)
      parts.set("lifetime", { type: "lifetime", epoch: Number(groupEpoch(group)), lifetimeMs });
    const history = now.history && { days: now.history.days };
    if (!isSamePolicy(room.value?.history ?? null, history))
      parts.set("history", { type: "history", epoch: Number(groupEpoch(group)), history });
    return ok(parts);
  }

  /** RM28: what people are told of the change. */
  async function happeningRows(
    roomId: ConversationId,
    { before, after, by, timeMs, departed, next }: GroupMove,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    if (before === null || after === null) return ok([]);
    const left = await tables.departure.scan({ under: [roomId] });
    if (!left.ok) return left;
    const gone = new Set([...departed, ...left.value.map(({ value }) => value.departure.accountId)]);
    const nowMs = Math.max(0, context.clock.nowMs());
    // A time that somebody else says is no later than now.
    const atMs = Math.min(timeMs ?? nowMs, nowMs);
    const rows = happeningsOf(before, after, gone).map((happening) => ({ by, atMs, happening }));
    return keepHappenings(tables, { roomId, epoch: Number(groupEpoch(next)) }, rows);
  }

  /** RM29: the keys of the log change with the group, when somebody went; for siblings too. Null when they stay. */
  async function keysWith(
    roomId: ConversationId,
    next: Group,
    after: RoomContext | null,
    draft: RoomDraft,
  ): Promise<Result<RoomPart | null, ClientError>> {
    if (!isActive(next) || after === null || after.keysSince !== Number(groupEpoch(next))) return ok(null);
    const room = await book.get(roomId);
    if (!room.ok) return room;
    if (room.value === null) return ok(null);
    const { logId } = keysOf(room.value);
    const keys = await roomKeysOf(deps, logId, next);
    const settled = new Set(draft.placed);
    const pair = { before: draft.keys.roomKey, after: keys.roomKey };
    const wrapped = await rewrapLetters(context, { roomId, logId }, pair, (seq) => settled.has(seq));
    if (!wrapped.ok) return wrapped;
    draft.writes.push(...wrapped.value);
    draft.keys = keys;
    draft.areKeysNew = true;
    return ok(keysPart(room.value, draft));
  }

  /** What opens the log from where the draft stands, for own devices. */
  function keysPart(room: RoomRecord, { keys, reader: { point } }: RoomDraft): RoomPart {
    const { logId, origin } = keysOf(room);
    // The place is one of the first incarnation; in a later one whoever takes them reads on where they are.
    const { seq, chain } = point.incarnation === 0 ? point : createLogReader(logId).point;
    return { type: "keys", logId, origin, ...keys, fromSeq: seq, fromChain: chain };
  }

  /** RM68: the keys somebody else has told this device, once the group has shown that they are those of the room. */
  async function untoldKeys(
    roomId: ConversationId,
    { keysSince }: RoomContext,
    draft: RoomDraft,
  ): Promise<Result<RoomPart | null, ClientError>> {
    const shared = await book.shared(roomId);
    if (!shared.ok || shared.value === null) return shared.ok ? ok(null) : shared;
    const { generation } = draft.keys;
    const isNews = generation === keysSince && shared.value.keys.generation < generation;
    return ok(isNews ? keysPart(shared.value, draft) : null);
  }

  const isOutside = (after: RoomContext | null): boolean =>
    after !== null && memberOf(after, self.accountId) === null;

  /** This device was taken out: with its account, or alone, and then it asks to come back. RM22, RM23 */
  async function standingOutside(
    roomId: ConversationId,
    after: RoomContext | null,
  ): Promise<Result<RoomPart | null, ClientError>> {
    const room = await book.get(roomId);
    if (!room.ok) return room;
    if (room.value?.standing.standing !== "joined") return ok(null);
    if (!isOutside(after)) return ok(null);
    const atMs = Math.max(0, context.clock.nowMs());
    return ok({ type: "standing", ...room.value.standing, standing: "removed", atMs });
  }

  /** Rows of work that the group as it is now shows to be done. */
  async function settledRows(
    roomId: ConversationId,
    after: RoomContext | null,
    added: ReadonlySet<string>,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    if (after === null) return ok([]);
    const writes: WriteOp[] = [];
    const left = await tables.departure.scan({ under: [roomId] });
    if (!left.ok) return left;
    for (const { value } of left.value) {
      const { accountId, sinceEpoch } = value.departure;
      if (memberOf(after, accountId)?.sinceEpoch !== sinceEpoch)
        writes.push(tables.departure.remove(roomId, accountId));
    }
    const asked = await tables.rejoin.scan({ under: [roomId] });
    if (!asked.ok) return asked;
    for (const { key } of asked.value) {
      const [, , accountId = "", deviceId = ""] = rowKeyParts(key);
      if (!after.members.some((member) => member.accountId === accountId) || added.has(deviceId))
        writes.push(tables.rejoin.remove(roomId, accountId, deviceId));
    }
    return ok(writes);
  }

  /** RM28: that this account came in; told once a membership, however often the device is added again. */
  async function arrivalRow(
    roomId: ConversationId,
    { standing }: RoomRecord,
    now: RoomContext,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    const me = memberOf(now, self.accountId);
    if (me === null || me.sinceEpoch === 0) return ok([]);
    const known = await tables.happening.get(roomId, me.sinceEpoch, 0);
    if (!known.ok || known.value !== null) return known.ok ? ok([]) : known;
    const { accountId, name, role, sinceEpoch } = me;
    return keepHappenings(tables, { roomId, epoch: sinceEpoch }, [
      { by: standing.by, atMs: standing.atMs, happening: { type: "added", accountId, name, role } },
    ]);
  }

  const ownTag = (logId: LogId) => writerTag(logId, writerKey(identity.seeds, logId).publicKey);

  /** RM66: who comes into a log that began anew goes by what its founder said first, or from their own epoch on by what holds. */
  async function beginWith(
    roomId: ConversationId,
    { keys, reader: { logId, point } }: RoomDraft,
    first: readonly PlacedEntry[],
    { group, context: now }: { readonly group: Group; readonly context: RoomContext },
  ): Promise<Result<{ readonly writes: readonly WriteOp[]; commit(): void }, ClientError>> {
    const { incarnation } = point;
    const row = await all.anew.of(roomId);
    if (!row.ok) return row;
    const known = await all.anew.begun(roomId, incarnation);
    if (!known.ok) return known;
    const at = { roomId, logId, roomKey: keys.roomKey, incarnation, now };
    const found = known.value === null ? await findBegun(chains, at, first) : known;
    if (!found.ok) return found;
    const epoch = Number(groupEpoch(group));
    const begun = found.value ?? { incarnation, epoch, commits: [] };
    const noted = row.value && all.anew.put(roomId, { ...row.value, logEpoch: row.value.logEpoch ?? epoch });
    return ok({
      writes: [tables.roombegun.put([roomId], begun), ...(noted === null ? [] : [noted.write])],
      commit: () => noted?.commit(),
    });
  }

  const pass: RoomIntake["pass"] = async (roomId, room, { entry, writes: over, first }, joined) => {
    const before = await reader(room);
    if (!before.ok) return before;
    const places = await landmarks.of(roomId);
    if (!places.ok) return places;
    const former = await groups.load(roomId);
    if (!former.ok) return former;
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    // `step` compares with what is stored, and that is forgotten in the same transaction.
    const writes = joined === null ? [] : groups.whole(roomId, joined.group);
    const put = new Set(writes.map(({ key }) => key));
    const came = joined === null ? ok([]) : await arrivalRow(roomId, room, joined.context);
    if (!came.ok) return came;
    const landmark = withLandmark(places.value, roomId, entry.id, joined?.group ?? null);
    const marks = landmarks.put(roomId, landmark);
    // RM68: who told the keys is not believed since when they are the log's.
    const generation = joined?.context.keysSince ?? room.keys.generation;
    const keys = { row: { ...keptKeysOf(room), generation }, areNew: true };
    const draft = createRoomDraft({ reader: before.value, group: null }, keys, landmark);
    passEntry(draft, entry);
    const left = former.value === null || !isActive(former.value) ? null : roomContextOf(former.value);
    const me = joined && memberOf(joined.context, self.accountId);
    // RM69
    if (
      former.value !== null &&
      left !== null &&
      me !== null &&
      isBegunAlone(former.value, left, me.accountId)
    ) {
      const said = await words.sendUnread(roomId, me, draft);
      if (!said.ok) return said;
    }
    const isAnew = joined !== null && draft.reader.point.incarnation > 0;
    const begun = isAnew ? await beginWith(roomId, draft, first, joined) : ok(null);
    if (!begun.ok) return begun;
    const changed = joined === null ? ok(null) : await keysWith(roomId, joined.group, joined.context, draft);
    if (!changed.ok) return changed;
    const kept = book.keep(roomId, draft.keys);
    const renewed = all.missed.renew(roomId);
    const stored = await store.batch([
      ...forgotten.value.filter(({ key }) => !put.has(key)),
      ...writes,
      ...over,
      ...(joined?.writes ?? []),
      ...came.value,
      ...(begun.value?.writes ?? []),
      marks.write,
      ...renewed.writes,
      ...draft.writes,
      kept.write,
      tables.handshake.put([roomId], { last: entry.id }),
      readerWrite(draft.reader),
    ]);
    if (!stored.ok) return stored;
    readers.set(draft.reader.logId, draft.reader);
    for (const commit of draft.commits) commit();
    marks.commit();
    begun.value?.commit();
    renewed.commit();
    kept.commit();
    all.unproven.refresh(roomId);
    groups.keep(roomId, joined?.group ?? null);
    const parts = new Map<string, RoomPart>();
    if (joined !== null) {
      const told = await tellOf(roomId, joined.group, joined.context, entry.id);
      if (!told.ok) return told;
      for (const [key, part] of told.value) parts.set(key, part);
      const untold = await untoldKeys(roomId, joined.context, draft);
      if (!untold.ok) return untold;
      const keysTold = changed.value ?? untold.value;
      if (keysTold !== null) parts.set("keys", keysTold);
    }
    const told = parts.size === 0 ? ok() : await book.set(roomId, parts);
    all.onChanged();
    return told;
  };

  const place: RoomIntake["place"] = async (roomId) => {
    const places = await landmarks.of(roomId);
    if (!places.ok) return places;
    const group = await groups.load(roomId);
    return group.ok ? ok(liveLandmarks(places.value, roomId, group.value).at(-1) ?? null) : group;
  };

  const startAfresh: RoomIntake["startAfresh"] = (roomId, logId) => {
    const missing = all.missed.forget(roomId);
    const marks = landmarks.put(roomId, []);
    const kept = book.keep(roomId, null);
    const commit = () => {
      missing.commit();
      marks.commit();
      kept.commit();
      readers.delete(logId);
    };
    return { writes: [...missing.writes, marks.write, kept.write, tables.reader.remove(logId)], commit };
  };

  const leaveBehind: RoomIntake["leaveBehind"] = async (roomId, logId) => {
    const erased = await eraseRoomState(tables, roomId);
    if (!erased.ok) return erased;
    const fresh = startAfresh(roomId, logId);
    const stored = await store.batch([...erased.value, ...fresh.writes]);
    if (!stored.ok) return stored;
    fresh.commit();
    all.anew.forget(roomId);
    all.unproven.refresh(roomId);
    groups.keep(roomId, null);
    return ok();
  };

  const moveTo: RoomIntake["moveTo"] = async (roomId, room) => {
    const current = await book.get(roomId);
    if (!current.ok || current.value === null) return current.ok ? ok() : current;
    const { logId, roomKey, from } = keysOf(room);
    const pair = { before: current.value.keys.roomKey, after: roomKey };
    const wrapped = await rewrapLetters(context, { roomId, logId }, pair, () => false);
    if (!wrapped.ok) return wrapped;
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    const kept = book.keep(roomId, keptKeysOf(room));
    const before = await reader(current.value);
    if (!before.ok) return before;
    const moved = from.seq === 0 ? before.value : createLogReader(logId, from);
    // Which was the last commit before is not known.
    const last = moved === before.value ? [] : [tables.handshake.remove(roomId)];
    const stored = await store.batch([
      ...wrapped.value,
      ...forgotten.value,
      kept.write,
      ...last,
      readerWrite(moved),
    ]);
    if (!stored.ok) return stored;
    kept.commit();
    readers.set(logId, moved);
    groups.keep(roomId, null);
    return ok();
  };

  const takeKeys: RoomIntake["takeKeys"] = async (roomId, room, { accessSeed, roomKey }) => {
    const before = await reader(room);
    if (!before.ok) return before;
    const places = await landmarks.of(roomId);
    if (!places.ok) return places;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const group = loaded.value !== null && isActive(loaded.value) ? loaded.value : null;
    const pair = { before: room.keys.roomKey, after: roomKey };
    const { logId } = before.value;
    const wrapped = await rewrapLetters(context, { roomId, logId }, pair, () => false);
    if (!wrapped.ok) return wrapped;
    // Since when they are the log's the group says, once this device is in it.
    const row = { generation: room.keys.generation, accessSeed, roomKey };
    const draft = createRoomDraft({ reader: before.value, group }, { row, areNew: true }, places.value);
    const left = group === null ? null : roomContextOf(group);
    const me = left === null ? null : memberOf(left, self.accountId);
    // RM62
    const said = me === null ? ok() : await words.sendUnread(roomId, me, draft);
    if (!said.ok) return said;
    const given = await give(roomId, draft);
    if (!given.ok) return given;
    const kept = book.keep(roomId, row);
    const stored = await store.batch([...wrapped.value, ...draft.writes, kept.write]);
    if (!stored.ok) return stored;
    kept.commit();
    for (const commit of draft.commits) commit();
    groups.keep(roomId, null);
    return ok();
  };

  const enter: RoomIntake["enter"] = async (roomId, room, { incarnation, logEpoch }) => {
    const { logId } = keysOf(room);
    const row = await tables.reader.get(logId);
    if (!row.ok) return row;
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const known = await all.anew.of(roomId);
    if (!known.ok) return known;
    const letters = await tables.letter.scan({ under: [roomId] });
    if (!letters.ok) return letters;
    const begun = await tables.roompart.scan({ under: [roomId] });
    if (!begun.ok) return begun;
    const point = row.value?.point;
    // Where nothing of an incarnation was read, what was read before it is as far as ever.
    const upto = point === undefined || point.seq === 0 ? (known.value?.upto ?? null) : point;
    const isAgain = known.value?.incarnation === incarnation;
    const told = isAgain && known.value !== null ? known.value : { upto, isTold: upto === null };
    const entered = all.anew.put(roomId, { ...told, incarnation, logEpoch });
    const marks = landmarks.put(roomId, withLandmark([], roomId, NO_ENTRY, group.value));
    const moved = createLogReader(logId, { ...createLogReader(logId).point, incarnation });
    // What had no place yet is sealed anew, behind what is brought again; the word of who leaves goes as it is.
    const isStaying = room.standing.standing === "joined";
    const unsent = isStaying ? letters.value : [];
    const stored = await store.batch([
      readerWrite(moved),
      marks.write,
      entered.write,
      tables.handshake.remove(roomId),
      tables.commit.remove(roomId),
      tables.roombring.remove(roomId),
      ...[...begun.value, ...unsent].map(({ key }) => ({ type: "delete" as const, key })),
    ]);
    if (!stored.ok) return stored;
    entered.commit();
    marks.commit();
    readers.set(logId, moved);
    all.onChanged();
    return ok();
  };

  const useKeys: RoomIntake["useKeys"] = async (roomId, room, keys) => {
    const { logId, roomKey } = keysOf(room);
    const pair = { before: roomKey, after: keys.roomKey };
    const wrapped = await rewrapLetters(context, { roomId, logId }, pair, () => false);
    if (!wrapped.ok) return wrapped;
    const kept = book.keep(roomId, keys);
    const stored = await store.batch([...wrapped.value, kept.write]);
    if (stored.ok) kept.commit();
    return stored;
  };

  return { place, reader, startAfresh, leaveBehind, moveTo, takeKeys, enter, useKeys, take, pass };
}
