/**
 * Reading a room's log: commits move the group on, messages become ops, and the reading position moves with them, each in one
 * transaction. What does not hold is passed over and stops nothing. Runs within the serial. Rules RM16, RM17, RM19-RM23.
 */
import { toHex } from "../../base/bytes.ts";
import type { AccountId, ConversationId, LogId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { decode } from "../../codec/shape.ts";
import type { RoomPart, RoomRecord } from "../../document/groups.ts";
import { claimedEpoch, openGroupMessage } from "../../group/group-message.ts";
import { type Group, type GroupDeps, groupEpoch, isActive, leavesOf } from "../../group/group.ts";
import { isSameMember } from "../../group/group-member.ts";
import { welcomedKeyPackages } from "../../group/join-group.ts";
import { receiveCommit } from "../../group/receive-commit.ts";
import {
  checkQuote,
  createLogReader,
  type LogReader,
  type NamedEntry,
  readEntries,
} from "../../log/log-reader.ts";
import { hlcToMs } from "../../messenger/hlc.ts";
import { type NamedOp, parseOp } from "../../messenger/op.ts";
import { memberOf, parseRoomContext, type RoomContext } from "../../messenger/room/room-context.ts";
import {
  isDepartureSigned,
  isRejoinSigned,
  openRoomEntry,
  type RejoinRequest,
  type RoomBody,
  type RoomDeparture,
  roomLetterShape,
} from "../../messenger/room/room-entry.ts";
import {
  ENTRY_KIND,
  type EntryHeader,
  type PlacedEntry,
  parseEntryHeader,
  writerTag,
} from "../../protocol/entry.ts";
import { isActiveAt } from "../../sigchain/chain-state.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ChainStore } from "../chain-store.ts";
import type { ClientError } from "../client-error.ts";
import type { Conversations } from "../conversations.ts";
import { writerKey } from "../device-identity.ts";
import type { EngineContext } from "../engine-context.ts";
import { keysOf, type RoomBook } from "./room-book.ts";
import { groupOf, type RoomGroups } from "./room-groups.ts";
import { happeningsOf, keepHappenings } from "./room-happenings.ts";
import { createRoomJudge, roomContextOf } from "./room-judge.ts";

/** With the ops a letter may carry this stays within the rows a store takes at once. */
const ENTRIES_PER_TRANSACTION_MAX = 64;

/** A Welcome for this device was reached: joining asks servers, so it happens outside the serial. */
export interface Invitation {
  readonly entry: NamedEntry;
  readonly welcome: Uint8Array;
  /** Name of the key package, in hexadecimal. */
  readonly ref: string;
}

/** How far a page was taken in. */
export type Intake = { readonly type: "done" } | { readonly type: "join"; readonly invitation: Invitation };

export interface RoomIntakeDeps {
  readonly context: EngineContext;
  readonly chains: ChainStore;
  readonly book: RoomBook;
  readonly groups: RoomGroups;
  readonly conversations: Pick<Conversations, "takeRoom">;
  readonly deps: Pick<GroupDeps, "suite">;
  /** The group went on without this device, or never was with it. */
  onLost(roomId: ConversationId): void;
  onChanged(): void;
}

export interface RoomIntake {
  reader(room: RoomRecord): Promise<Result<LogReader, ClientError>>;
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
    entry: NamedEntry,
    joined: {
      readonly group: Group;
      readonly context: RoomContext;
      readonly writes: readonly WriteOp[];
    } | null,
  ): Promise<Result<void, ClientError>>;
}

/** What entries of a page add up to, until it is stored. */
interface Draft {
  reader: LogReader;
  group: Group | null;
  readonly ops: NamedOp[];
  readonly writes: WriteOp[];
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
  /** Keys of own intents that it carries out. */
  readonly carried: readonly string[];
}

export function createRoomIntake(all: RoomIntakeDeps): RoomIntake {
  const { context, chains, book, groups, conversations, deps } = all;
  const { tables, store, identity } = context;
  const readers = new Map<LogId, LogReader>();
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
    const draft: Draft = { reader: before.value, group: group.value, ops: [], writes: [] };
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

  function moveOver(draft: Draft, entry: NamedEntry): void {
    const moved = readEntries(draft.reader, [entry]);
    if (moved.ok) draft.reader = moved.value.reader;
  }

  async function flush(roomId: ConversationId, draft: Draft): Promise<Result<void, ClientError>> {
    const steps = draft.group === null ? ok([]) : await groups.step(roomId, draft.group);
    if (!steps.ok) return steps;
    const stored = await conversations.takeRoom(draft.ops, [
      ...steps.value,
      ...draft.writes,
      readerWrite(draft.reader),
    ]);
    if (!stored.ok) return stored;
    readers.set(draft.reader.logId, draft.reader);
    groups.keep(roomId, draft.group);
    draft.ops.length = 0;
    draft.writes.length = 0;
    return ok();
  }

  async function takeEntry(
    roomId: ConversationId,
    room: RoomRecord,
    entry: NamedEntry,
    draft: Draft,
  ): Promise<Result<Intake, ClientError>> {
    const { logId, roomKey } = keysOf(room);
    const header = parseEntryHeader(entry.header);
    const body = header.ok ? openRoomEntry(roomKey, { logId, header: entry.header }, entry.sealed) : null;
    const isHandshake = header.ok && header.value.kind === ENTRY_KIND.roomHandshake;
    // RM20: `expect` goes by every commit of the log, good or not.
    if (isHandshake) draft.writes.push(tables.handshake.put([roomId], { last: entry.id }));
    if (header.ok && body !== null && (body.type === "commit") === isHandshake) {
      if (body.type === "commit") {
        const invitation = await invitationIn(entry, body.welcome);
        if (!invitation.ok) return invitation;
        if (invitation.value !== null) {
          // What came before it is stored first; the commit's own row comes with the joining.
          draft.writes.pop();
          return ok({ type: "join", invitation: invitation.value });
        }
        return takeCommit(roomId, { entry, header: header.value, commit: body.commit }, draft);
      }
      const taken = await takeOther(roomId, room, entry, body, draft);
      if (!taken.ok) return taken;
    }
    moveOver(draft, entry);
    return ok({ type: "done" });
  }

  async function invitationIn(
    entry: NamedEntry,
    welcome: Uint8Array | null,
  ): Promise<Result<Invitation | null, ClientError>> {
    if (welcome === null) return ok(null);
    for (const name of await welcomedKeyPackages(welcome)) {
      const ref = toHex(name);
      const row = await tables.keypackage.get(ref);
      if (!row.ok) return row;
      if (row.value !== null) return ok({ entry, welcome, ref });
    }
    return ok(null);
  }

  /** RM17, RM21 */
  async function takeCommit(
    roomId: ConversationId,
    from: { readonly entry: NamedEntry; readonly header: EntryHeader; readonly commit: Uint8Array },
    draft: Draft,
  ): Promise<Result<Intake, ClientError>> {
    const { entry, header, commit } = from;
    const done: Result<Intake, ClientError> = ok({ type: "done" });
    const { group } = draft;
    if (group === null) {
      moveOver(draft, entry);
      return done;
    }
    const pending = await tables.commit.get(roomId);
    if (!pending.ok) return pending;
    if (pending.value?.entryId === entry.id) {
      const next = await groupOf(pending.value);
      if (next === null) return err({ type: "StoreCorrupt", key: tables.commit.key(roomId) });
      const from = draft.reader.point;
      const after = roomContextOf(next);
      for (const accountId of pending.value.invitees) {
        const sinceEpoch = after === null ? null : (memberOf(after, accountId)?.sinceEpoch ?? null);
        if (sinceEpoch !== null)
          draft.writes.push(tables.invitee.put([roomId, accountId], { from, sinceEpoch }));
      }
      draft.writes.push(tables.commit.remove(roomId));
      moveOver(draft, entry);
      return moveGroup(
        roomId,
        {
          before: roomContextOf(group),
          after,
          by: self.accountId,
          timeMs: null,
          departed: [],
          next,
          added: new Set(pending.value.added),
          carried: pending.value.carried,
        },
        draft,
      );
    }
    if (header.writerTag === ownTag(draft.reader.logId)) {
      // RM22: ours, and not the one on its way: what it made is not here.
      if ((await claimedEpoch(commit)) === groupEpoch(group)) all.onLost(roomId);
      moveOver(draft, entry);
      return done;
    }
    const { judge, judged, brought, fault } = createRoomJudge(chains, roomId, group);
    const received = await receiveCommit({ ...deps, authenticate: () => false }, group, commit, judge);
    const broken = fault();
    if (broken !== null) return err(broken);
    moveOver(draft, entry);
    if (!received.ok) {
      const epoch = await claimedEpoch(commit);
      if (epoch !== null && epoch > groupEpoch(group)) all.onLost(roomId);
      return done;
    }
    const links = judged();
    draft.writes.push(...(links?.writes ?? []));
    for (const chain of links?.learned ?? []) chains.keep(chain);
    const { change, next } = received.value;
    const added = new Set<string>(change.added.map(({ member }) => member.deviceId));
    const changed = change.context === null ? null : parseRoomContext(change.context);
    const after = changed === null ? roomContextOf(group) : changed.ok ? changed.value : null;
    const evidence = brought();
    const move: GroupMove = {
      before: roomContextOf(group),
      after,
      by: change.committer.member.accountId,
      timeMs: evidence?.timeMs ?? null,
      departed: evidence?.departures.map(({ accountId }) => accountId) ?? [],
      next,
      added,
      carried: [],
    };
    return moveGroup(roomId, move, draft);
  }

  /** The group has moved on: what follows from it for this device, in one transaction with it. */
  async function moveGroup(
    roomId: ConversationId,
    move: GroupMove,
    draft: Draft,
  ): Promise<Result<Intake, ClientError>> {
    const { after, next, added, carried } = move;
    draft.group = next;
    const happened = await happeningRows(roomId, move);
    if (!happened.ok) return happened;
    draft.writes.push(...happened.value);
    const settled = await settledRows(roomId, after, added);
    if (!settled.ok) return settled;
    draft.writes.push(...settled.value);
    const parts = new Map<string, RoomPart | null>(carried.map((key) => [key, null]));
    if (after !== null) parts.set("info", infoOf(next, after));
    const flushed = await flush(roomId, draft);
    if (!flushed.ok) return flushed;
    if (!isActive(next)) {
      const standing = await standingOutside(roomId, after);
      if (!standing.ok) return standing;
      if (standing.value !== null) parts.set("standing", standing.value);
    }
    const told = await book.set(roomId, parts);
    all.onChanged();
    return told.ok ? ok({ type: "done" }) : told;
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

  /** This device was taken out: with its account, or alone, and then it asks to come back. RM22, RM23 */
  async function standingOutside(
    roomId: ConversationId,
    after: RoomContext | null,
  ): Promise<Result<RoomPart | null, ClientError>> {
    const room = await book.get(roomId);
    if (!room.ok) return room;
    if (room.value?.standing.standing !== "joined") return ok(null);
    if (after === null || memberOf(after, self.accountId) !== null) {
      all.onLost(roomId);
      return ok(null);
    }
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

  async function takeOther(
    roomId: ConversationId,
    _room: RoomRecord,
    entry: NamedEntry,
    body: Exclude<RoomBody, { readonly type: "commit" }>,
    draft: Draft,
  ): Promise<Result<void, ClientError>> {
    const { group } = draft;
    if (group === null || !isActive(group)) return ok();
    switch (body.type) {
      case "message":
        return takeLetter(roomId, entry, body.sealed, group, draft);
      case "departure":
        return takeDeparture(roomId, body.departure, group, draft);
      case "rejoin":
        return takeRejoin(roomId, body.request, group, draft);
    }
  }

  /** RM19, RM21: the sender is a member now, writes as itself, and is not muted. */
  async function takeLetter(
    roomId: ConversationId,
    entry: NamedEntry,
    sealed: Uint8Array,
    group: Group,
    draft: Draft,
  ): Promise<Result<void, ClientError>> {
    const header = parseEntryHeader(entry.header);
    if (header.ok && header.value.writerTag === ownTag(draft.reader.logId)) return ok();
    const opened = await openGroupMessage({ ...deps, authenticate: () => false }, group, sealed);
    if (!opened.ok) {
      const epoch = await claimedEpoch(sealed);
      if (epoch !== null && epoch > groupEpoch(group)) all.onLost(roomId);
      return ok();
    }
    draft.group = opened.value.next;
    const letter = decode(roomLetterShape, opened.value.plaintext);
    const now = roomContextOf(group);
    const leaves = leavesOf(group);
    const { member } = opened.value.sender;
    const isMember = leaves.ok && leaves.value.some((leaf) => isSameMember(leaf.member, member));
    if (!letter.ok || now === null || !isMember) return ok();
    // Members compare how they see the log.
    const quoted = checkQuote(draft.reader, letter.value.seen);
    if (!quoted.ok) context.raise({ type: "LogDistrusted", logId: draft.reader.logId, fault: quoted.error });
    const mutedUntilMs = memberOf(now, member.accountId)?.mutedUntilMs ?? null;
    for (const bytes of letter.value.ops) {
      const op = parseOp(bytes);
      if (!op.ok || op.value.op.conversationId !== roomId) continue;
      const { author, device, hlc } = op.value.op;
      const isOwnWord = author === member.accountId && device === member.deviceId;
      const isMuted = mutedUntilMs !== null && hlcToMs(hlc) < mutedUntilMs;
      if (isOwnWord && !isMuted) draft.ops.push(op.value);
    }
    return ok();
  }

  async function takeDeparture(
    roomId: ConversationId,
    departure: RoomDeparture,
    group: Group,
    draft: Draft,
  ): Promise<Result<void, ClientError>> {
    const { accountId, deviceId, sinceEpoch } = departure;
    const now = roomContextOf(group);
    const member = now === null ? null : memberOf(now, accountId);
    const chain = await chains.load(accountId);
    if (!chain.ok) return chain;
    const device = chain.value?.devicesById.get(deviceId);
    if (member?.sinceEpoch !== sinceEpoch || device === undefined || !isActiveAt(device, member.seq))
      return ok();
    if (!isDepartureSigned(roomId, departure, device.signKey)) return ok();
    draft.writes.push(tables.departure.put([roomId, accountId], { departure }));
    return ok();
  }

  async function takeRejoin(
    roomId: ConversationId,
    request: RejoinRequest,
    group: Group,
    draft: Draft,
  ): Promise<Result<void, ClientError>> {
    const { accountId, deviceId } = request;
    const now = roomContextOf(group);
    if (now === null || memberOf(now, accountId) === null || deviceId === self.deviceId) return ok();
    const chain = await chains.load(accountId);
    if (!chain.ok) return chain;
    const device = chain.value?.devicesById.get(deviceId);
    // A device that is new on its chain is looked up when it is added.
    if (device !== undefined && !isRejoinSigned(roomId, request, device.signKey)) return ok();
    draft.writes.push(tables.rejoin.put([roomId, accountId, deviceId], {}));
    return ok();
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

  const pass: RoomIntake["pass"] = async (roomId, room, entry, joined) => {
    const before = await reader(room);
    if (!before.ok) return before;
    const draft: Draft = { reader: before.value, group: null, ops: [], writes: [] };
    moveOver(draft, entry);
    const handshake = tables.handshake.put([roomId], { last: entry.id });
    if (joined === null) {
      const old = await groups.load(roomId);
      if (!old.ok) return old;
      draft.group = old.value;
      draft.writes.push(handshake);
      return flush(roomId, draft);
    }
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    const writes = groups.whole(roomId, joined.group);
    const put = new Set(writes.map(({ key }) => key));
    const came = await arrivalRow(roomId, room, joined.context);
    if (!came.ok) return came;
    const stored = await store.batch([
      ...forgotten.value.filter(({ key }) => !put.has(key)),
      ...writes,
      ...joined.writes,
      ...came.value,
      handshake,
      readerWrite(draft.reader),
    ]);
    if (!stored.ok) return stored;
    readers.set(draft.reader.logId, draft.reader);
    groups.keep(roomId, joined.group);
    const told = await book.set(roomId, new Map([["info", infoOf(joined.group, joined.context)]]));
    all.onChanged();
    return told;
  };

  return { reader, take, pass };
}

/** The room as own devices are shown it. */
export function infoOf(group: Group, { name, about, members }: RoomContext): RoomPart {
  return {
    type: "info",
    epoch: Number(groupEpoch(group)),
    name,
    about,
    members: members.map(({ accountId, name: called, role, mutedUntilMs }) => ({
      accountId,
      name: called,
      role,
      mutedUntilMs,
    })),
  };
}
