/**
 * A Welcome for this device in a room's log: whether it is to be followed, and moving past it, with the group it gave or without.
 * Joining itself asks servers (`room-joining.ts`). Runs within the serial. Rules RM23, RM28, RM66, RM68, RM69, RM72.
 */
import { type Bytes, toHex } from "../../../base/bytes.ts";
import type { AccountId, ConversationId, EntryId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { RoomPart, RoomRecord } from "../../../document/schema/groups.ts";
import { type Group, type GroupDeps, isActive } from "../../../group/group.ts";
import { welcomedKeyPackages } from "../../../group/join-group.ts";
import { receiveCommit } from "../../../group/receive-commit.ts";
import type { NamedEntry } from "../../../log/log-reader.ts";
import { memberOf, type RoomContext } from "../../../messenger/room/room-context.ts";
import type { RoomCommit } from "../../../messenger/room/room-entry.ts";
import type { PlacedEntry } from "../../../protocol/entry.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomIncarnation } from "../log/room-incarnation.ts";
import { type RoomLandmarks, withLandmark } from "../log/room-landmarks.ts";
import type { RoomReaders } from "../log/room-readers.ts";
import type { RoomRekeying } from "../log/room-rekeying.ts";
import type { RoomCalling } from "../membership/room-calling.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import { isBegunAlone, newsOf } from "../membership/room-info.ts";
import { keptKeysOf, type RoomBook } from "../room-book.ts";
import { keepHappenings } from "../room-happenings.ts";
import { createRoomDraft, markCommit, passEntry, type RoomDraft } from "./room-draft.ts";
import type { RoomFlush } from "./room-flush.ts";
import { createRoomJudge, roomContextOf } from "./room-judge.ts";
import type { RoomMissed } from "./room-missed.ts";
import type { RoomUnproven } from "./room-unproven.ts";
import type { RoomWords } from "./room-words.ts";

/** A Welcome for this device was reached: joining asks servers, so it happens outside the serial. */
export interface Invitation {
  readonly entry: NamedEntry;
  readonly welcome: Bytes;
  /** Of the room, for the Welcome to name by its hash. */
  readonly context: Bytes;
  /** Name of the key package, in hexadecimal. */
  readonly ref: string;
  /** Whether it leads from the group this device is in into one that its commit does not follow from. */
  readonly isElsewhere: boolean;
  /** Forgets the parts the commit came in. */
  readonly writes: readonly WriteOp[];
}

/** The group a Welcome gave. */
interface JoinedGroup {
  readonly group: Group;
  readonly by: AccountId;
  readonly isProven: boolean;
  readonly context: RoomContext;
  readonly writes: readonly WriteOp[];
}

export interface RoomWelcomeDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "identity">;
  readonly calling: RoomCalling;
  readonly flush: RoomFlush;
  readonly chains: ChainStore;
  readonly deps: Pick<GroupDeps, "suite">;
  readonly book: RoomBook;
  readonly groups: RoomGroups;
  readonly landmarks: RoomLandmarks;
  readonly readers: RoomReaders;
  readonly missed: Pick<RoomMissed, "renew">;
  readonly unproven: Pick<RoomUnproven, "refresh">;
  readonly words: Pick<RoomWords, "sendUnread" | "sendSince">;
  readonly incarnation: Pick<RoomIncarnation, "beginWith">;
  readonly rekeying: Pick<RoomRekeying, "keysWith" | "untoldKeys">;
  /** This device was called into its group: it asks where others stand, and where those are missing who were there, to come in once more. */
  onCalled(roomId: ConversationId, lacksKnown: boolean): void;
  onChanged(): void;
}

export interface RoomWelcome {
  /**
   * The Welcome for this device in a commit, if it is to be followed: by one that is in no group, or in one that its account has begun
   * anew alone (RM69), or that it was called into (RM72), or that the commit, judged like any other, takes out and adds again. Else anybody could call a device into
   * another group. RM23
   */
  invitationIn(
    roomId: ConversationId,
    entry: NamedEntry,
    sent: RoomCommit,
    group: Group | null,
  ): Promise<Result<Omit<Invitation, "writes"> | null, ClientError>>;
  /** Moves past the entry of a Welcome, with the group it gave or, when that was none, without. */
  pass(
    roomId: ConversationId,
    room: RoomRecord,
    by: Pick<Invitation, "entry" | "writes" | "isElsewhere"> & { readonly first: readonly PlacedEntry[] },
    joined: JoinedGroup | null,
  ): Promise<Result<void, ClientError>>;
}

export function createRoomWelcome(all: RoomWelcomeDeps): RoomWelcome {
  const { context, chains, deps, book, groups, landmarks, readers, rekeying } = all;
  const { tables, store } = context;
  const self: AccountId = context.identity.accountId;

  const invitationIn: RoomWelcome["invitationIn"] = async (roomId, entry, sent, group) => {
    const { commit, context: brought, welcome } = sent;
    if (welcome === null || brought === null) return ok(null);
    for (const name of await welcomedKeyPackages(welcome)) {
      const ref = toHex(name);
      const row = await tables.keypackage.get(ref);
      if (!row.ok) return row;
      if (row.value === null) continue;
      const invitation = { entry, welcome, context: brought, ref, isElsewhere: false };
      const now = group === null || !isActive(group) ? null : roomContextOf(group);
      if (group === null || now === null) return ok(invitation);
      const { judge, fault } = createRoomJudge(chains, roomId, group, brought);
      const received = await receiveCommit({ ...deps, authenticate: () => false }, group, commit, judge);
      const broken = fault();
      if (broken !== null) return err(broken);
      if (received.ok) return ok(isActive(received.value.next) ? null : invitation);
      const called = await all.calling.of(roomId);
      if (!called.ok) return called;
      const mayGo = called.value !== null || isBegunAlone(group, now, self);
      return ok(mayGo ? { ...invitation, isElsewhere: true } : null);
    }
    return ok(null);
  };

  const pass: RoomWelcome["pass"] = async (roomId, room, invitation, joined) => {
    const { entry, writes: over, first, isElsewhere } = invitation;
    const heeded = joined === null ? ok(false) : await all.calling.isHeeded(roomId, joined.by);
    if (!heeded.ok) return heeded;
    // RM72: what leads nowhere, or to whom this device has left, leaves it where it is.
    if (isElsewhere && (joined === null || !heeded.value)) return passOver(roomId, room, invitation);
    const before = await readers.of(room);
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
    const me = joined && memberOf(joined.context, self);
    // RM69
    if (
      former.value !== null &&
      left !== null &&
      me !== null &&
      isBegunAlone(former.value, left, me.accountId)
    ) {
      const said = await all.words.sendUnread(roomId, me, draft);
      if (!said.ok) return said;
    }
    const called = isElsewhere ? await all.calling.of(roomId) : ok(null);
    if (!called.ok) return called;
    if (called.value !== null && me !== null) {
      const said = await all.words.sendSince(roomId, called.value.at, me, draft);
      if (!said.ok) return said;
    }
    const at = { incarnation: draft.reader.point.incarnation, seq: entry.seq };
    const cameIn =
      joined === null ? null : await all.calling.cameIn(roomId, room, { ...joined, at, isElsewhere });
    if (cameIn?.ok === false) return cameIn;
    const isAnew = joined !== null && draft.reader.point.incarnation > 0;
    const begun = isAnew ? await all.incarnation.beginWith(roomId, draft, first, joined) : ok(null);
    if (!begun.ok) return begun;
    const changed =
      joined === null ? ok(null) : await rekeying.keysWith(roomId, joined.group, joined.context, draft);
    if (!changed.ok) return changed;
    const kept = book.keep(roomId, draft.keys);
    const read = readers.put(draft.reader);
    const renewed = all.missed.renew(roomId);
    const stored = await store.batch([
      ...forgotten.value.filter(({ key }) => !put.has(key)),
      ...writes,
      ...over,
      ...(joined?.writes ?? []),
      ...(cameIn === null ? [] : [cameIn.value.write]),
      ...came.value,
      ...(begun.value?.writes ?? []),
      // RM74: what is brought again may lead on from the group it comes into.
      ...(isAnew ? [tables.roomrelease.remove(roomId)] : []),
      marks.write,
      ...renewed.writes,
      ...draft.writes,
      kept.write,
      tables.handshake.put([roomId], { last: entry.id }),
      read.write,
    ]);
    if (!stored.ok) return stored;
    read.commit();
    for (const commit of draft.commits) commit();
    marks.commit();
    begun.value?.commit();
    renewed.commit();
    kept.commit();
    all.unproven.refresh(roomId);
    groups.keep(roomId, joined?.group ?? null);
    if (cameIn?.value.isCalled === true) all.onCalled(roomId, cameIn.value.lacksKnown);
    const lacksKnown = cameIn?.value.lacksKnown === true;
    const placed = { handshake: entry.id, rekeyed: changed.value, lacksKnown };
    const parts =
      joined === null ? ok(new Map<string, RoomPart>()) : await newsAt(roomId, joined, placed, draft);
    if (!parts.ok) return parts;
    const told = parts.value.size === 0 ? ok() : await book.set(roomId, parts.value);
    all.onChanged();
    return told;
  };

  /** Moves past a Welcome that leaves this device in the group it is in. */
  async function passOver(
    roomId: ConversationId,
    room: RoomRecord,
    { entry, writes }: Pick<Invitation, "entry" | "writes">,
  ): Promise<Result<void, ClientError>> {
    const before = await readers.of(room);
    if (!before.ok) return before;
    const places = await landmarks.of(roomId);
    if (!places.ok) return places;
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const keys = { row: keptKeysOf(room), areNew: false };
    const draft = createRoomDraft({ reader: before.value, group: group.value }, keys, places.value);
    draft.writes.push(tables.handshake.put([roomId], { last: entry.id }), ...writes);
    markCommit(draft, roomId, entry);
    passEntry(draft, entry);
    return all.flush(roomId, draft);
  }

  /** RM28: that this account came in; told once a membership, however often the device is added again. */
  async function arrivalRow(
    roomId: ConversationId,
    { standing }: RoomRecord,
    now: RoomContext,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    const me = memberOf(now, self);
    if (me === null || me.sinceEpoch === 0) return ok([]);
    const known = await tables.happening.get(roomId, me.sinceEpoch, 0);
    if (!known.ok || known.value !== null) return known.ok ? ok([]) : known;
    const { accountId, name, role, sinceEpoch } = me;
    return keepHappenings(tables, { roomId, epoch: sinceEpoch }, [
      { by: standing.by, atMs: standing.atMs, happening: { type: "added", accountId, name, role } },
    ]);
  }

  /** The room, and what opens its log, as own devices are told of them. */
  async function newsAt(
    roomId: ConversationId,
    joined: JoinedGroup,
    {
      handshake,
      rekeyed,
      lacksKnown,
    }: { readonly handshake: EntryId; readonly rekeyed: RoomPart | null; readonly lacksKnown: boolean },
    draft: RoomDraft,
  ): Promise<Result<ReadonlyMap<string, RoomPart>, ClientError>> {
    const room = await book.get(roomId);
    if (!room.ok) return room;
    const news = newsOf(room.value, joined.group, joined.context, { handshake, self, lacksKnown });
    const untold = await rekeying.untoldKeys(roomId, joined.context, draft);
    if (!untold.ok) return untold;
    const keys = rekeyed ?? untold.value;
    return ok(keys === null ? news : new Map([...news, ["keys", keys]]));
  }

  return { invitationIn, pass };
}
