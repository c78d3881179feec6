/**
 * What is said in a room beside its commits: letters, departures, requests to come back, and stands. Each is judged by the group
 * as it is at its place in the log. Runs within the serial. Rules RM19, RM23, RM24, RM26, RM72.
 */
import type { ConversationId, EntryId } from "../../../base/ids.ts";
import { ROOM_REJOINS_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import { decode } from "../../../codec/shape.ts";
import { openGroupMessage } from "../../../group/group-message.ts";
import { type Group, type GroupDeps, groupEpoch, isActive, leavesOf } from "../../../group/group.ts";
import { type GroupMember, isSameMember } from "../../../group/group-member.ts";
import { checkQuote, type NamedEntry } from "../../../log/log-reader.ts";
import { hlcToMs } from "../../../messenger/hlc.ts";
import { limitAtPlace } from "../../../messenger/lifetime.ts";
import { isRedacted, type NamedOp, parseOp } from "../../../messenger/op.ts";
import { memberOf, type RoomContext, type RoomMember } from "../../../messenger/room/room-context.ts";
import {
  isDepartureSigned,
  isRejoinSigned,
  type RejoinRequest,
  type RoomBody,
  type RoomDeparture,
  roomLetterShape,
} from "../../../messenger/room/room-entry.ts";
import { isBeyond, type RoomPosition } from "../../../messenger/room/room-position.ts";
import { isNowhere, isSenior, isStandSigned, type RoomStand } from "../../../messenger/room/room-stand.ts";
import type { LogPoint } from "../../../protocol/entry.ts";
import { isActiveAt } from "../../../sigchain/chain-state.ts";
import { rowKeyLastNumber, rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import { createOpPages } from "../../conversations/op-pages.ts";
import type { LetterRow } from "../../tables.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import { isPositionTrue } from "../log/room-begun.ts";
import type { RoomDraft } from "./room-draft.ts";
import { createHistoryWords } from "../history/room-history-words.ts";
import { compareState, liveLandmarks } from "../log/room-landmarks.ts";
import { roomContextOf } from "./room-judge.ts";
import type { RoomGivingUp } from "../membership/room-giving-up.ts";
import type { Called, RoomCalling } from "../membership/room-calling.ts";
import { isBegunAlone } from "../membership/room-info.ts";
import { writerOf } from "./room-missed.ts";
import type { RoomOutbox } from "../room-outbox.ts";
import { createResendBudget } from "../room-resend-budget.ts";
import type { RoomUnheard } from "./room-unheard.ts";
import type { RoomUnproven, UnprovenOp } from "./room-unproven.ts";
import { SENT_LETTERS_KEPT, sentLetter } from "../room-sent.ts";

export interface RoomWordsDeps {
  readonly context: EngineContext;
  readonly chains: ChainStore;
  readonly outbox: RoomOutbox;
  readonly calling: RoomCalling;
  readonly deps: Pick<GroupDeps, "suite">;
  /** Whether a sibling has archived what this entry carries. */
  isArchived(entry: EntryId): boolean;
  /** Others see another group than this device does, and it has been here for longer: they are to be told. */
  onDisagreement(roomId: ConversationId): void;
  /** Somebody who sees what this device sees has said so. */
  onAgreement(roomId: ConversationId): void;
  /** Somebody was called into their group, and asks where others stand. RM72 */
  onAsked(roomId: ConversationId): void;
  /** Others see another group than the one this device was called into, and it has left that. RM72 */
  onLeft(roomId: ConversationId): void;
  /** The room's founder says that the log goes on elsewhere. */
  onElsewhere(roomId: ConversationId): void;
  readonly anew: RoomAnew;
  readonly unheard: Pick<RoomUnheard, "isBehind">;
  readonly unproven: Pick<RoomUnproven, "isUnproven" | "keep">;
  /** This device's group is not the one its elders have: it is given up. */
  readonly give: RoomGivingUp["give"];
}

/** Something said in a room that is no commit, and where. */
export interface RoomWord {
  readonly roomId: ConversationId;
  readonly entry: NamedEntry;
  /** Its counter, of a word of this device; null for those of others. */
  readonly ownSeq: number | null;
  readonly body: Exclude<RoomBody, { readonly type: "commit" | "part" }>;
}

export interface RoomWords {
  /** What this device has said in the log as it is goes again, in the group it comes into: nobody there could open it. */
  sendUnread(roomId: ConversationId, self: RoomMember, draft: RoomDraft): Promise<Result<void, ClientError>>;
  /** The same of what it has said beyond a place. */
  sendSince(
    roomId: ConversationId,
    at: Pick<LogPoint, "incarnation" | "seq">,
    self: RoomMember,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>>;
  take(word: RoomWord, draft: RoomDraft): Promise<Result<void, ClientError>>;
  /** An own entry has its place: the answer to its append may still be on its way, or lost. */
  takeOwn(
    roomId: ConversationId,
    entry: NamedEntry,
    writerSeq: number,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>>;
}

export function createRoomWords(all: RoomWordsDeps): RoomWords {
  const { context, chains, outbox, calling, deps } = all;
  const { tables, identity } = context;
  const pages = createOpPages(tables);
  const history = createHistoryWords(context);
  const budget = createResendBudget(() => context.clock.nowMs());

  const take: RoomWords["take"] = async ({ roomId, entry, ownSeq, body }, draft) => {
    if (ownSeq !== null) {
      const begun = body.type === "position" ? await noteBegun(roomId, body.position, draft) : ok();
      return begun.ok ? takeOwn(roomId, entry, ownSeq, draft) : begun;
    }
    const group = draft.group !== null && isActive(draft.group) ? draft.group : null;
    if (body.type === "message") {
      draft.read.push(entry.id);
      const isEarly = await isBeforeBegun(roomId, draft);
      if (!isEarly.ok) return isEarly;
      if (group !== null && !isEarly.value)
        return takeLetter(roomId, entry, { sealed: body.sealed, group }, draft);
      // RM24: its account was in the room all the time: what no sibling brings is asked for once this device is in.
      miss(entry, draft);
      return ok();
    }
    if (body.type === "stand") return takeStand(roomId, body.stand, draft);
    if (body.type === "position") return takePosition(roomId, body.position, draft);
    if (group === null) return ok();
    return body.type === "departure"
      ? takeDeparture(roomId, body.departure, group, draft)
      : takeRejoin(roomId, body.request, group, draft);
  };

  async function takeOwn(
    roomId: ConversationId,
    entry: NamedEntry,
    writerSeq: number,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const row = await tables.letter.get(roomId, writerSeq);
    if (!row.ok) return row;
    const sentRow = row.value === null ? await tables.roomsent.get(roomId, writerSeq) : ok(null);
    if (!sentRow.ok) return sentRow;
    const carried = row.value ?? sentRow.value;
    if (carried?.entryId !== entry.id) return ok();
    if (draft.group === null && carried.outKeys.length > 0) {
      // RM24: it was sealed in a group that was given up. What others have does not open it.
      draft.writes.push(tables.letter.remove(roomId, writerSeq), tables.roomsent.remove(roomId, writerSeq));
      draft.placed.push(writerSeq);
      return queueAgain(roomId, carried, draft);
    }
    const [leftOut, taken] = partedByMute(carried.outKeys, draft);
    draft.writes.push(...opIdsOf(leftOut).map((opId) => tables.sharedvoid.put([roomId, opId], {})));
    draft.writes.push(...placedRows(roomId, opIdsOf(taken), draft.group));
    const muted = await ownOps(roomId, leftOut);
    if (!muted.ok) return muted;
    const failed = outbox.failPlaced(muted.value, "muted");
    draft.writes.push(...failed.writes);
    draft.commits.push(failed.commit);
    const { incarnation } = draft.reader.point;
    if (carried.outKeys.length > 0)
      draft.writes.push(
        tables.roomplace.put([roomId, writerSeq], { incarnation, seq: entry.seq }),
        ...(writerSeq > SENT_LETTERS_KEPT
          ? [tables.roomplace.remove(roomId, writerSeq - SENT_LETTERS_KEPT)]
          : []),
      );
    const isBehind = await all.unheard.isBehind(roomId, draft);
    if (!isBehind.ok) return isBehind;
    draft.isUrgent ||= isBehind.value;
    const limited = await limitOwn(roomId, carried.outKeys, draft);
    if (!limited.ok) return limited;
    if (row.value === null) return ok();
    const sent = sentLetter(tables, outbox, { roomId, writerSeq, row: row.value });
    draft.writes.push(...sent.writes);
    draft.commits.push(sent.commit);
    draft.placed.push(writerSeq);
    return ok();
  }

  /** RM35: own messages that the room lets go earlier than they say, because of a lifetime this device did not know of. */
  async function limitOwn(
    roomId: ConversationId,
    outKeys: readonly string[],
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const now = draft.group === null ? null : roomContextOf(draft.group);
    if (now === null || now.lifetimeMs === null) return ok();
    const ops = await ownOps(roomId, outKeys);
    if (!ops.ok) return ops;
    for (const op of ops.value) note(op, now.lifetimeMs, draft);
    return ok();
  }

  /** What letters carried, as far as it is here and not taken back. */
  async function ownOps(
    roomId: ConversationId,
    outKeys: readonly string[],
  ): Promise<Result<readonly NamedOp[], ClientError>> {
    const ops: NamedOp[] = [];
    for (const key of outKeys) {
      const [, , hlc = "", opId = ""] = rowKeyParts(key);
      const op = await pages.get(tables.op.key(roomId, hlc, identity.deviceId, opId));
      if (!op.ok) return op;
      if (op.value !== null && !isRedacted(op.value)) ops.push(op.value);
    }
    return ok(ops);
  }

  /** RM45: own ops that the log has, where others may ask for them. */
  function placedRows(
    roomId: ConversationId,
    ids: readonly string[],
    group: Group | null,
  ): readonly WriteOp[] {
    const now = group === null ? null : roomContextOf(group);
    if (now === null || now.history === null) return [];
    return ids.map((opId) => tables.roomplaced.put([roomId, opId], {}));
  }

  const opIdsOf = (outKeys: readonly string[]) => outKeys.flatMap((key) => rowKeyParts(key)[3] ?? []);

  const dueOf = (op: NamedOp, lifetimeMs: number | null): number | null =>
    limitAtPlace(op.op, { lifetimeMs, nowMs: context.times.farthestMs() });

  function note(op: NamedOp, lifetimeMs: number | null, draft: RoomDraft): void {
    const dueMs = dueOf(op, lifetimeMs);
    if (dueMs !== null) draft.limits.push({ op, dueMs });
  }

  /** SD15, RM45: what everybody else leaves out, because of a mute this device did not know of, and the rest. */
  function partedByMute(
    outKeys: readonly string[],
    draft: RoomDraft,
  ): readonly [readonly string[], readonly string[]] {
    const now = draft.group === null ? null : roomContextOf(draft.group);
    const untilMs = (now && memberOf(now, identity.accountId)?.mutedUntilMs) ?? 0;
    const isMuted = (key: string) => hlcToMs(Number(rowKeyParts(key)[2])) < untilMs;
    return [outKeys.filter(isMuted), outKeys.filter((key) => !isMuted(key))];
  }

  function miss(entry: NamedEntry, draft: RoomDraft): void {
    if (!all.isArchived(entry.id)) draft.missed.push(entry);
  }

  /** RM19, RM21: the sender is a member now, writes as itself, and is not muted. */
  async function takeLetter(
    roomId: ConversationId,
    entry: NamedEntry,
    { sealed, group }: { readonly sealed: Uint8Array; readonly group: Group },
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const opened = await openGroupMessage({ ...deps, authenticate: () => false }, group, sealed);
    if (!opened.ok) {
      miss(entry, draft);
      return ok();
    }
    draft.group = opened.value.next;
    const letter = decode(roomLetterShape, opened.value.plaintext);
    const now = roomContextOf(group);
    const leaves = leavesOf(group);
    const { member } = opened.value.sender;
    const isMember = leaves.ok && leaves.value.some((leaf) => isSameMember(leaf.member, member));
    if (!letter.ok || now === null || !isMember) return ok();
    if (letter.value.type !== "letter") {
      const speaker = {
        roomId,
        room: now,
        sender: member,
        entry,
        leaves: leaves.value.map((leaf) => leaf.member),
      };
      return letter.value.type === "question"
        ? history.takeQuestion(speaker, letter.value, draft)
        : history.takeAnswer(speaker, letter.value, draft);
    }
    const unproven = await all.unproven.isUnproven(roomId, member.accountId);
    if (!unproven.ok) return unproven;
    const words = wordsOf(letter.value.ops, { roomId, entry, member, now, group }, draft);
    // RM65
    if (unproven.value) {
      const kept = await all.unproven.keep(roomId, member.accountId, words);
      if (kept.ok) draft.writes.push(...kept.value);
      draft.isUrgent = true;
      return kept.ok ? ok() : kept;
    }
    for (const { op, entry: from, dueMs } of words) {
      if (dueMs !== null) draft.limits.push({ op, dueMs });
      draft.ops.push({ op, entry: from });
    }
    // Members compare how they see the log.
    const quoted = checkQuote(draft.reader, letter.value.seen);
    if (!quoted.ok) context.raise({ type: "LogDistrusted", logId: draft.reader.logId, fault: quoted.error });
    // RM24: of another device's letters it says nothing.
    const writer = writerOf(entry);
    draft.found.push(...letter.value.replaces.map((replaced) => ({ entry: replaced, writer })));
    return ok();
  }

  /** RM19: what a letter brings of its sender's own, as far as they are not muted. */
  function wordsOf(
    ops: readonly Uint8Array[],
    {
      roomId,
      entry,
      member,
      now,
      group,
    }: {
      readonly roomId: ConversationId;
      readonly entry: NamedEntry;
      readonly member: GroupMember;
      readonly now: RoomContext;
      readonly group: Group;
    },
    draft: RoomDraft,
  ): readonly UnprovenOp[] {
    const mutedUntilMs = memberOf(now, member.accountId)?.mutedUntilMs ?? null;
    const words: UnprovenOp[] = [];
    for (const bytes of ops) {
      const op = parseOp(bytes);
      if (!op.ok || op.value.op.conversationId !== roomId) continue;
      const { author, device, hlc } = op.value.op;
      if (author !== member.accountId || device !== member.deviceId) continue;
      const isOwn = author === identity.accountId;
      const isMuted = mutedUntilMs !== null && hlcToMs(hlc) < mutedUntilMs;
      if (!isMuted) {
        words.push({ op: op.value, entry, dueMs: dueOf(op.value, now.lifetimeMs) });
        if (isOwn) draft.writes.push(...placedRows(roomId, [op.value.id], group));
      }
      // SD15: a sibling archives its own op all the same.
      else if (isOwn) draft.writes.push(tables.sharedvoid.put([roomId, op.value.id], {}));
    }
    return words;
  }

  async function takeDeparture(
    roomId: ConversationId,
    departure: RoomDeparture,
    group: Group,
    draft: RoomDraft,
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
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const { accountId, deviceId } = request;
    const now = roomContextOf(group);
    if (now === null || memberOf(now, accountId) === null || deviceId === identity.deviceId) return ok();
    const chain = await chains.load(accountId);
    if (!chain.ok) return chain;
    const device = chain.value?.devicesById.get(deviceId);
    if (device !== undefined && !isRejoinSigned(roomId, request, device.signKey)) return ok();
    // A device that is new on its chain is looked up when it is added. RM23
    if (device === undefined) {
      const asked = await tables.rejoin.scan({ under: [roomId], limit: ROOM_REJOINS_MAX });
      if (!asked.ok || asked.value.length >= ROOM_REJOINS_MAX) return asked.ok ? ok() : asked;
      draft.isUrgent = true;
    }
    draft.writes.push(tables.rejoin.put([roomId, accountId, deviceId], {}));
    return ok();
  }

  async function takeStand(
    roomId: ConversationId,
    stand: RoomStand,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const { accountId, deviceId } = stand;
    const now = draft.group === null ? null : roomContextOf(draft.group);
    const member = now === null ? null : memberOf(now, accountId);
    if (now === null || member === null) return ok();
    const chain = await chains.load(accountId);
    if (!chain.ok) return chain;
    const device = chain.value?.devicesById.get(deviceId);
    if (device === undefined || !isActiveAt(device, member.seq)) return ok();
    if (!isStandSigned(roomId, stand, device.signKey)) return ok();
    const compared = compareState(liveLandmarks(draft.landmarks, roomId, draft.group), stand);
    if (compared === "same") all.onAgreement(roomId);
    const called = await calling.of(roomId);
    if (!called.ok) return called;
    // Who was called as well has nothing to answer with.
    if (called.value === null && isNowhere(stand) && !calling.hasBrought(deviceId)) all.onAsked(roomId);
    // RM26
    const self = memberOf(now, identity.accountId);
    const own = context.chain().devicesById.get(identity.deviceId);
    if (self === null || own === undefined) return ok();
    if (called.value !== null && compared === "other")
      return leaveCalled(roomId, stand, { member, self, called: called.value }, draft);
    const isProof = accountId !== identity.accountId && accountId !== called.value?.by;
    if (called.value !== null && compared === "same" && isProof) {
      const confirmed = await calling.confirmed(roomId);
      if (!confirmed.ok) return confirmed;
      draft.writes.push(confirmed.value);
      draft.isUrgent = true;
    }
    if (compared === "other" && isSenior({ member: self, device: own }, { member, device })) {
      // It could not open what is sent now; it asks again once it is back.
      all.onDisagreement(roomId);
      return ok();
    }
    // RM24: what this account wrote a sibling has by the account's log.
    const asked = accountId === identity.accountId ? [] : stand.missing;
    const again = await sendAgain(roomId, asked, member, draft);
    if (!again.ok || compared !== "other") return again;
    const isBehind = await mayCatchUp(roomId, stand, member, draft);
    if (!isBehind.ok || isBehind.value) return isBehind.ok ? ok() : isBehind;
    // RM62, RM69: what this device has said since the log, or its group, was begun anew, nobody else could open.
    const isAnew = draft.reader.point.incarnation > 0;
    const isAlone = draft.group !== null && isBegunAlone(draft.group, now, self.accountId);
    const said = isAnew || isAlone ? await sendUnread(roomId, self, draft) : ok();
    return said.ok ? all.give(roomId, draft, "forked") : said;
  }

  /** RM72: whoever says another state than the group has that this device was called into is believed, unless it came here from theirs. */
  async function leaveCalled(
    roomId: ConversationId,
    stand: RoomStand,
    {
      member,
      self,
      called,
    }: { readonly member: RoomMember; readonly self: RoomMember; readonly called: Called },
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const heeded = await calling.isHeeded(roomId, stand.accountId);
    if (!heeded.ok || !heeded.value) return heeded.ok ? ok() : heeded;
    const isBehind = await mayCatchUp(roomId, stand, member, draft);
    if (!isBehind.ok || isBehind.value) return isBehind.ok ? ok() : isBehind;
    const said = await sendLost(roomId, called.at, self, draft);
    if (!said.ok) return said;
    const left = await calling.left(roomId);
    if (!left.ok) return left;
    draft.writes.push(left.value);
    draft.isUrgent = true;
    all.onLeft(roomId);
    return all.give(roomId, draft, "forked");
  }

  const sendUnread: RoomWords["sendUnread"] = (roomId, self, draft) =>
    sendLost(roomId, { incarnation: draft.reader.point.incarnation, seq: 0 }, self, draft);

  /**
   * RM62: in a log that began anew an earlier epoch is that of somebody who has missed commits. The founder's gets what this device has
   * of them; anybody else's comes after, by themselves.
   */
  async function mayCatchUp(
    roomId: ConversationId,
    { epoch }: RoomStand,
    member: RoomMember,
    draft: RoomDraft,
  ): Promise<Result<boolean, ClientError>> {
    const own = draft.group === null ? 0 : Number(groupEpoch(draft.group));
    if (draft.reader.point.incarnation === 0 || epoch >= own) return ok(false);
    if (member.sinceEpoch !== 0) {
      all.onDisagreement(roomId);
      return ok(true);
    }
    const row = await all.anew.of(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok(false) : row;
    const past = await tables.roompast.get(roomId, epoch);
    if (!past.ok) return past;
    const { logEpoch } = row.value;
    if (past.value === null || (logEpoch !== null && logEpoch > epoch)) return ok(false);
    if (logEpoch !== null) return ok(true);
    const noted = all.anew.put(roomId, { ...row.value, logEpoch: epoch });
    draft.writes.push(noted.write);
    draft.commits.push(noted.commit);
    return ok(true);
  }

  /** RM66: the first thing that a device of the founder's says in a log that began anew, and may name commits in. */
  async function noteBegun(
    roomId: ConversationId,
    { accountId, incarnation, epoch, commits }: RoomPosition,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const now = draft.group === null ? null : roomContextOf(draft.group);
    if (now === null || memberOf(now, accountId)?.sinceEpoch !== 0) return ok();
    if (incarnation !== draft.reader.point.incarnation) return ok();
    const known = await all.anew.begun(roomId, incarnation);
    if (!known.ok || known.value !== null) return known.ok ? ok() : known;
    draft.writes.push(tables.roombegun.put([roomId], { incarnation, epoch, commits }));
    draft.isUrgent = true;
    // Nothing that counts there leads on from an epoch before those.
    const isBefore = draft.group !== null && Number(groupEpoch(draft.group)) < epoch - commits.length;
    return isBefore ? all.give(roomId, draft, "forked") : ok();
  }

  /** Whether a log that began anew has not come to what its founder says first of it. */
  async function isBeforeBegun(
    roomId: ConversationId,
    draft: RoomDraft,
  ): Promise<Result<boolean, ClientError>> {
    const { incarnation } = draft.reader.point;
    if (incarnation === 0) return ok(false);
    const begun = await all.anew.begun(roomId, incarnation);
    return begun.ok ? ok(begun.value === null) : begun;
  }

  /** RM63: letters that stood beyond where a member's device had read are sent again. */
  async function takePosition(
    roomId: ConversationId,
    position: RoomPosition,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const { accountId, incarnation, upto, epoch } = position;
    const now = draft.group === null ? null : roomContextOf(draft.group);
    const member = now === null ? null : memberOf(now, accountId);
    if (now === null || member === null) return ok();
    const isTrue = await isPositionTrue(chains, { roomId, now }, position);
    if (!isTrue.ok || !isTrue.value) return isTrue.ok ? ok() : isTrue;
    const isFounder = member.sinceEpoch === 0;
    const here = draft.reader.point.incarnation;
    if (incarnation > here && isFounder) all.onElsewhere(roomId);
    if (incarnation !== here) return ok();
    const begunAt = isFounder ? await noteBegun(roomId, position, draft) : ok();
    if (!begunAt.ok) return begunAt;
    const row = isFounder ? await all.anew.of(roomId) : ok(null);
    if (!row.ok) return row;
    if (row.value?.logEpoch === null) {
      const begun = all.anew.put(roomId, { ...row.value, logEpoch: epoch });
      draft.writes.push(begun.write);
      draft.commits.push(begun.commit);
    }
    return sendLost(roomId, upto, member, draft, here);
  }

  /** Own letters beyond a point, in an incarnation before `until`. One that was never read back may have been lost with its log. */
  async function sendLost(
    roomId: ConversationId,
    upto: Pick<LogPoint, "incarnation" | "seq">,
    reader: RoomMember,
    draft: RoomDraft,
    until = Infinity,
  ): Promise<Result<void, ClientError>> {
    const rows = await tables.roomsent.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    const lost: EntryId[] = [];
    for (const { key, value } of rows.value) {
      const place = await tables.roomplace.get(roomId, rowKeyLastNumber(key));
      if (!place.ok) return place;
      const isLost = place.value === null || (place.value.incarnation < until && isBeyond(place.value, upto));
      if (isLost) lost.push(value.entryId);
    }
    return sendAgain(roomId, lost, reader, draft);
  }

  /** RM24: ops of own letters that a member could not open go into a letter of the group as it is now, once a letter. */
  async function sendAgain(
    roomId: ConversationId,
    missing: readonly EntryId[],
    { accountId, sinceEpoch }: Pick<RoomMember, "accountId" | "sinceEpoch">,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    if (missing.length === 0) return ok();
    const rows = await tables.roomsent.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      // Who was not there when it was sealed has missed nothing.
      if (!missing.includes(value.entryId) || value.epoch < sinceEpoch) continue;
      // What everybody would leave out again is kept for when they do not.
      const [, heard] = partedByMute(value.outKeys, draft);
      if (heard.length === 0) continue;
      const isOwn = accountId === identity.accountId;
      if (!isOwn && !budget.take(`${roomId} ${accountId}`, value.outKeys.length)) continue;
      draft.writes.push({ type: "delete", key });
      const queued = await queueAgain(roomId, { ...value, outKeys: heard }, draft);
      if (!queued.ok) return queued;
    }
    return ok();
  }

  /** Ops of an own letter wait again, but for those that were taken back. */
  async function queueAgain(
    roomId: ConversationId,
    { entryId, outKeys }: Pick<LetterRow, "entryId" | "outKeys">,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    for (const outKey of outKeys) {
      const [, , hlc = "", opId = ""] = rowKeyParts(outKey);
      const op = await pages.get(tables.op.key(roomId, hlc, identity.deviceId, opId));
      if (!op.ok) return op;
      if (op.value === null || isRedacted(op.value)) {
        const gone = outbox.remove([outKey]);
        draft.writes.push(...gone.writes);
        draft.commits.push(gone.commit);
        continue;
      }
      const queued = outbox.put(op.value, entryId);
      draft.writes.push(queued.write);
      draft.commits.push(queued.commit);
    }
    return ok();
  }

  const sendSince: RoomWords["sendSince"] = (roomId, at, self, draft) => sendLost(roomId, at, self, draft);

  return { take, takeOwn, sendUnread, sendSince };
}
