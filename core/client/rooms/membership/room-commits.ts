/**
 * Making commits and letters of a room, and what the server says to them. Each is stored with its final bytes before it is
 * sent and sent as those bytes until the server has decided; one is on its way at a time. Runs within the serial.
 * Rules RM18, RM20, RM27, RM33.
 */
import { present } from "../../../base/assert.ts";
import type { Bytes } from "../../../base/bytes.ts";
import { ROOM_EVIDENCE_LINKS_MAX } from "../../../base/limits.ts";
import type { ConversationId, EntryId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { decode, encode } from "../../../codec/shape.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { createCommit } from "../../../group/create-commit.ts";
import { sealGroupMessage } from "../../../group/group-message.ts";
import { type Group, type GroupDeps, groupEpoch, isActive, withAuthenticate } from "../../../group/group.ts";
import { encodeRoomContext } from "../../../messenger/room/room-context.ts";
import {
  cutRoomCommit,
  type RoomBody,
  roomCommitShape,
  type RoomEvidence,
  roomEvidenceShape,
  type RoomLetter,
  roomLetterShape,
  sealRoomEntry,
  signDeparture,
  signRejoin,
} from "../../../messenger/room/room-entry.ts";
import { pastCommitHash, signPosition } from "../../../messenger/room/room-position.ts";
import { signStand } from "../../../messenger/room/room-stand.ts";
import {
  ENTRY_KIND,
  type Entry,
  type EntryKind,
  encodeEntryHeader,
  writerTag,
} from "../../../protocol/entry.ts";
import type { FailureCode } from "../../../protocol/failure.ts";
import type { AppendResult } from "../../../protocol/server-frame.ts";
import { rowKeyNumber, rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { ClientError } from "../../client-error.ts";
import { writerKey } from "../../devices/device-identity.ts";
import type { EngineContext } from "../../engine-context.ts";
import { PASSING } from "../../conversations/passing-refusals.ts";
import type { LetterRow } from "../../tables.ts";
import { keysOf } from "../room-book.ts";
import { nextToBring, type RoomAnew } from "../log/room-anew.ts";
import { nextEpochParts, type RoomGroups } from "./room-groups.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import { NO_ENTRY } from "../log/room-landmarks.ts";
import type { RoomMissed } from "../reading/room-missed.ts";
import { authenticateBy } from "../reading/room-judge.ts";
import { publicRoomKey, roomKeysOf } from "../log/room-keys.ts";
import type { RoomOutbox } from "../room-outbox.ts";
import { sentLetter } from "../room-sent.ts";
import type { RoomPlan } from "./room-plan.ts";

const MS_MIN = 0;
/** Of a letter row that carries none. */
const NO_OPS = { outKeys: [], epoch: 0 } as const;

/** An entry that is to be appended. */
export interface Departing {
  readonly entry: Entry;
  readonly entryId: EntryId;
  readonly writerSeq: number;
  readonly isCommit: boolean;
  /** A past commit, for who missed it. RM62 */
  readonly isBrought: boolean;
  /** The log's key from this entry on, where it changes. */
  readonly rekey: Bytes | null;
  /** Of a letter: rows of the ops it carries. */
  readonly outKeys: readonly string[];
}

export interface RoomCommitsDeps {
  readonly context: EngineContext;
  readonly chains: ChainStore;
  readonly groups: RoomGroups;
  readonly outbox: RoomOutbox;
  readonly intake: Pick<RoomIntake, "place" | "reader">;
  readonly missed: RoomMissed;
  readonly anew: RoomAnew;
  readonly deps: Pick<GroupDeps, "suite">;
  /** What one entry holds of a commit that takes several, if it is to be less than it could. */
  readonly partBytes?: number;
}

export interface RoomCommits {
  /** What is on its way, or null. `acceptedSeq` is the writer's last one at the server. */
  waiting(roomId: ConversationId): Promise<Result<Departing | null, ClientError>>;
  /** Makes the commit of a plan and stores it. False when the group has moved on meanwhile. */
  make(roomId: ConversationId, room: RoomRecord, plan: RoomPlan): Promise<Result<boolean, ClientError>>;
  /** Seals what waits to be sent. False when nothing does. */
  sealLetter(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
  /** Puts a letter of another kind on its way, in one transaction with `writes`. False while another one is. */
  sealWord(
    roomId: ConversationId,
    room: RoomRecord,
    letter: RoomLetter,
    writes: readonly WriteOp[],
  ): Promise<Result<boolean, ClientError>>;
  /** The word that this account leaves, and the request of this device to come back. */
  sealDeparture(roomId: ConversationId, room: RoomRecord): Promise<Result<readonly WriteOp[], ClientError>>;
  sealRejoin(roomId: ConversationId, room: RoomRecord): Promise<Result<void, ClientError>>;
  /** Says where this device stands, and asks for letters it could not open. False when it stands nowhere. */
  sealStand(
    roomId: ConversationId,
    room: RoomRecord,
    missing: readonly EntryId[],
  ): Promise<Result<boolean, ClientError>>;
  /** Brings the next past commit again that the log has not come to. False when there is none. RM62 */
  bring(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
  /** Says how far this device had read before the log began anew. False when that is said. RM63 */
  sealPosition(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
  /** An entry for where the log was: that it goes on elsewhere. Its number there is the server's to say. */
  sealMoved(roomId: ConversationId, room: RoomRecord, writerSeq: number): Promise<Result<Entry, ClientError>>;
  /** Takes the server's answer. False when it was refused, and something has to be made anew. */
  settle(
    roomId: ConversationId,
    room: RoomRecord,
    sent: Departing,
    result: AppendResult,
  ): Promise<Result<boolean, ClientError>>;
}

export function createRoomCommits(all: RoomCommitsDeps): RoomCommits {
  const { context, chains, groups, outbox, intake, missed, anew, deps } = all;
  const { tables, store, identity, random, clock, times } = context;

  async function letterRow(
    roomId: ConversationId,
  ): Promise<Result<{ readonly seq: number; readonly row: LetterRow } | null, ClientError>> {
    const rows = await tables.letter.scan({ under: [roomId], limit: 1 });
    if (!rows.ok) return rows;
    const [first] = rows.value;
    if (first === undefined) return ok(null);
    return ok({ seq: rowKeyNumber(rowKeyParts(first.key).at(-1)) ?? 0, row: first.value });
  }

  async function waiting(roomId: ConversationId): Promise<Result<Departing | null, ClientError>> {
    const commit = await tables.commit.get(roomId);
    if (!commit.ok) return commit;
    const letter = await letterRow(roomId);
    if (!letter.ok) return letter;
    const brought = await tables.roombring.get(roomId);
    if (!brought.ok) return brought;
    const asCommit = commit.value && { ...commit.value, isCommit: true, isBrought: false, outKeys: [] };
    const asBrought = brought.value && { ...brought.value, isCommit: true, isBrought: true, outKeys: [] };
    const asLetter = letter.value && {
      ...letter.value.row,
      writerSeq: letter.value.seq,
      isCommit: false,
      isBrought: false,
      rekey: null,
    };
    const all: Departing[] = [asBrought, asCommit, asLetter].flatMap((one) => one ?? []);
    return ok(all.sort((a, b) => a.writerSeq - b.writerSeq)[0] ?? null);
  }

  async function nextSeq(room: RoomRecord): Promise<Result<number, ClientError>> {
    const row = await tables.writer.get(keysOf(room).logId);
    return row.ok ? ok((row.value?.writerSeq ?? 0) + 1) : row;
  }

  const writerWrite = (room: RoomRecord, writerSeq: number): WriteOp =>
    tables.writer.put([keysOf(room).logId], { writerSeq, previous: null, receipt: null });

  function sealed(
    room: RoomRecord,
    place: { readonly kind: EntryKind; readonly writerSeq: number; readonly expect: EntryId | null },
    body: RoomBody,
  ): Result<{ readonly entry: Entry; readonly entryId: EntryId }, ClientError> {
    const { logId, roomKey } = keysOf(room);
    const tag = writerTag(logId, writerKey(identity.seeds, logId).publicKey);
    const header = encodeEntryHeader({ version: 1, ...place, writerTag: tag, epoch: null });
    const bytes = sealRoomEntry(random, roomKey, { logId, header }, body, context.padding());
    if (!bytes.ok) return err({ type: "RoomTooLarge" });
    const entry = { header, sealed: bytes.value };
    return ok({ entry, entryId: context.entryId(logId, entry) });
  }

  /** RM38: what one entry does not hold goes before it, as letters go. */
  function cutInto(
    roomId: ConversationId,
    room: RoomRecord,
    bodies: readonly RoomBody[],
    { firstSeq, expect = NO_ENTRY }: { readonly firstSeq: number; readonly expect: EntryId | undefined },
  ): Result<
    {
      readonly parts: readonly WriteOp[];
      readonly made: { readonly entry: Entry; readonly entryId: EntryId };
      readonly writerSeq: number;
    },
    ClientError
  > {
    const parts: WriteOp[] = [];
    const writerSeq = firstSeq + bodies.length - 1;
    for (const [at, body] of bodies.slice(0, -1).entries()) {
      const place = { kind: ENTRY_KIND.roomMessage, writerSeq: firstSeq + at, expect: null };
      const part = sealed(room, place, body);
      if (!part.ok) return part;
      parts.push(tables.letter.put([roomId, place.writerSeq], { ...part.value, ...NO_OPS }));
    }
    const lastBody = present(bodies.at(-1), "a commit has a last entry");
    const made = sealed(room, { kind: ENTRY_KIND.roomHandshake, writerSeq, expect }, lastBody);
    return made.ok ? ok({ parts, made: made.value, writerSeq }) : made;
  }

  /** Links from where the room has each chain to where the plan has it. RM2 */
  async function evidenceOf({
    before,
    after,
    departures,
  }: RoomPlan): Promise<Result<RoomEvidence, ClientError>> {
    const brought: RoomEvidence["chains"][number][] = [];
    for (const { accountId, seq } of after.members) {
      const known = before.members.find((member) => member.accountId === accountId)?.seq ?? 0;
      if (seq <= known) continue;
      const links = await chains.links(accountId, known + 1, seq);
      if (!links.ok) return links;
      // RM60
      if (links.value.length > ROOM_EVIDENCE_LINKS_MAX) return err({ type: "RoomTooLarge" });
      brought.push({ accountId, firstSeq: known + 1, links: links.value });
    }
    const timeMs = Math.max(MS_MIN, times.likelyMs());
    return ok({ version: 1, timeMs, chains: brought, departures });
  }

  const make: RoomCommits["make"] = async (roomId, room, plan) => {
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const busy = await waiting(roomId);
    if (!busy.ok) return busy;
    const group = loaded.value;
    if (group === null || busy.value !== null || Number(groupEpoch(group)) !== plan.epoch) return ok(false);
    const begun = await anew.of(roomId);
    if (!begun.ok) return begun;
    // RM62: it would count nowhere before the log has come to the keys of this epoch.
    if (begun.value !== null && plan.before.keysSince !== keysOf(room).generation) return ok(false);
    const evidence = await evidenceOf(plan);
    if (!evidence.ok) return evidence;
    const authenticate = authenticateBy(plan.chains);
    const committed = await createCommit({ ...deps, authenticate }, withAuthenticate(group, authenticate), {
      add: plan.add,
      removeLeaves: plan.removeLeaves,
      authenticatedData: encode(roomEvidenceShape, evidence.value),
      ...(plan.after === plan.before ? {} : { context: encodeRoomContext(plan.after) }),
    });
    // What cannot be committed stays as it is; the room goes on without it.
    if (!committed.ok) return err({ type: "RoomRefused", rule: committed.error.rule });
    const { commit, welcome, next } = committed.value;
    const last = await tables.handshake.get(roomId);
    if (!last.ok) return last;
    const firstSeq = await nextSeq(room);
    if (!firstSeq.ok) return firstSeq;
    const isBrought = plan.after !== plan.before || welcome !== null;
    const bodies = cutRoomCommit(
      { commit, context: isBrought ? next.context : null, welcome },
      all.partBytes,
    );
    if (!bodies.ok) return err({ type: "RoomTooLarge" });
    const cut = cutInto(roomId, room, bodies.value, { firstSeq: firstSeq.value, expect: last.value?.last });
    if (!cut.ok) return cut;
    const { parts, made, writerSeq } = cut.value;
    // RM29
    const isRekeyed = plan.after.keysSince === plan.epoch + 1;
    const keys = isRekeyed ? await roomKeysOf(deps, keysOf(room).logId, next) : null;
    const stored = await store.batch([
      ...parts,
      tables.commit.put([roomId], {
        ...made,
        rekey: keys === null ? null : publicRoomKey(keys),
        writerSeq,
        ...nextEpochParts(next),
        invitees: plan.invitees,
        added: plan.add.map(({ member }) => member.deviceId),
        carried: plan.carried,
      }),
      writerWrite(room, writerSeq),
    ]);
    return stored.ok ? ok(true) : stored;
  };

  async function letterWrites(
    roomId: ConversationId,
    room: RoomRecord,
    body: RoomBody,
    carried: Pick<LetterRow, "outKeys" | "epoch">,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    const writerSeq = await nextSeq(room);
    if (!writerSeq.ok) return writerSeq;
    const place = { kind: ENTRY_KIND.roomMessage, writerSeq: writerSeq.value, expect: null };
    const made = sealed(room, place, body);
    if (!made.ok) return made;
    return ok([
      tables.letter.put([roomId, writerSeq.value], { ...made.value, ...carried }),
      writerWrite(room, writerSeq.value),
    ]);
  }

  const sealLetter: RoomCommits["sealLetter"] = async (roomId, room) => {
    const picked = outbox.next(roomId);
    const busy = await waiting(roomId);
    if (!busy.ok) return busy;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    if (picked.length === 0 || busy.value !== null || loaded.value === null || !isActive(loaded.value))
      return ok(false);
    const reader = await intake.reader(room);
    if (!reader.ok) return reader;
    const ops = picked.map(({ op }) => op.bytes);
    const replaces = [...new Set(picked.flatMap((one) => one.replaces ?? []))];
    const keys = picked.map(({ key }) => key);
    return sealIn(
      loaded.value,
      { roomId, room },
      { type: "letter", ops, seen: reader.value.point, replaces },
      {
        ...{ outKeys: keys, writes: [] },
      },
    );
  };

  const sealWord: RoomCommits["sealWord"] = async (roomId, room, letter, writes) => {
    const busy = await waiting(roomId);
    if (!busy.ok) return busy;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    if (busy.value !== null || loaded.value === null || !isActive(loaded.value)) return ok(false);
    return sealIn(loaded.value, { roomId, room }, letter, { outKeys: [], writes });
  };

  async function sealIn(
    group: Group,
    { roomId, room }: { readonly roomId: ConversationId; readonly room: RoomRecord },
    letter: RoomLetter,
    { outKeys, writes }: { readonly outKeys: readonly string[]; readonly writes: readonly WriteOp[] },
  ): Promise<Result<boolean, ClientError>> {
    const plaintext = encode(roomLetterShape, letter);
    const message = await sealGroupMessage({ ...deps, authenticate: () => false }, group, {
      plaintext,
      authenticatedData: new Uint8Array(0),
    });
    if (!message.ok) return err({ type: "RoomRefused", rule: message.error.rule });
    const body: RoomBody = { type: "message", sealed: message.value.sealed };
    const epoch = Number(groupEpoch(group));
    const sealedLetter = await letterWrites(roomId, room, body, { outKeys, epoch });
    if (!sealedLetter.ok) return sealedLetter;
    const steps = await groups.step(roomId, message.value.next);
    if (!steps.ok) return steps;
    const stored = await store.batch([...steps.value, ...sealedLetter.value, ...writes]);
    if (!stored.ok) return stored;
    groups.keep(roomId, message.value.next);
    return ok(true);
  }

  const sealDeparture: RoomCommits["sealDeparture"] = (roomId, room) => {
    const { accountId, deviceId, keys } = identity;
    const claim = { roomId, accountId, deviceId, sinceEpoch: room.standing.since };
    return letterWrites(
      roomId,
      room,
      { type: "departure", departure: signDeparture(keys.sign, claim) },
      NO_OPS,
    );
  };

  const sealRejoin: RoomCommits["sealRejoin"] = async (roomId, room) => {
    const { accountId, deviceId, keys } = identity;
    const request = signRejoin(random, keys.sign, { roomId, accountId, deviceId });
    const writes = await letterWrites(roomId, room, { type: "rejoin", request }, NO_OPS);
    return writes.ok ? store.batch(writes.value) : writes;
  };

  const sealStand: RoomCommits["sealStand"] = async (roomId, room, missing) => {
    const place = await intake.place(roomId);
    if (!place.ok || place.value === null) return place.ok ? ok(false) : place;
    const { accountId, deviceId, keys } = identity;
    const asked = missed.asked(roomId, missing, Math.max(MS_MIN, clock.nowMs()));
    const claim = { ...place.value, accountId, deviceId, missing };
    const stand = signStand(keys.sign, roomId, claim);
    const writes = await letterWrites(roomId, room, { type: "stand", stand }, NO_OPS);
    if (!writes.ok) return writes;
    const stored = await store.batch([...writes.value, ...asked.writes]);
    if (!stored.ok) return stored;
    asked.commit();
    return ok(true);
  };

  const bring: RoomCommits["bring"] = async (roomId, room) => {
    const row = await anew.of(roomId);
    if (!row.ok) return row;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const group = loaded.value;
    const logEpoch = row.value?.logEpoch ?? null;
    if (logEpoch === null || group === null || !isActive(group) || logEpoch >= Number(groupEpoch(group)))
      return ok(false);
    const past = await anew.past(roomId, Number(groupEpoch(group)));
    if (!past.ok) return past;
    const next = nextToBring(past.value, logEpoch, keysOf(room).generation);
    const busy = await waiting(roomId);
    if (!busy.ok) return busy;
    const commit = next === null ? null : decode(roomCommitShape, next.commit);
    if (next === null || commit?.ok !== true || busy.value !== null) return ok(false);
    const { before, after } = next;
    const last = await tables.handshake.get(roomId);
    if (!last.ok) return last;
    const firstSeq = await nextSeq(room);
    if (!firstSeq.ok) return firstSeq;
    const bodies = cutRoomCommit(commit.value, all.partBytes);
    if (!bodies.ok) return err({ type: "RoomTooLarge" });
    const cut = cutInto(roomId, room, bodies.value, { firstSeq: firstSeq.value, expect: last.value?.last });
    if (!cut.ok) return cut;
    const { parts, made, writerSeq } = cut.value;
    const rekey = after.generation === before.generation ? null : publicRoomKey(after);
    const stored = await store.batch([
      ...parts,
      tables.roombring.put([roomId], { ...made, rekey, writerSeq }),
      writerWrite(room, writerSeq),
    ]);
    return stored.ok ? ok(true) : stored;
  };

  const sealPosition: RoomCommits["sealPosition"] = async (roomId, room) => {
    const row = await anew.of(roomId);
    if (!row.ok) return row;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    if (row.value === null || row.value.isTold || row.value.upto === null) return ok(false);
    if (loaded.value === null || !isActive(loaded.value)) return ok(false);
    const { accountId, deviceId, keys } = identity;
    const { incarnation, upto } = row.value;
    const epoch = Number(groupEpoch(loaded.value));
    // RM66: of who begins the log, or takes that over.
    const past = row.value.logEpoch === null ? ok([]) : await anew.past(roomId, epoch);
    if (!past.ok) return past;
    const commits = past.value.map(({ commit }) => pastCommitHash(commit));
    const position = signPosition(keys.sign, roomId, {
      ...{ accountId, deviceId, incarnation, upto, epoch, commits },
    });
    const writes = await letterWrites(roomId, room, { type: "position", position }, NO_OPS);
    if (!writes.ok) return writes;
    const told = anew.put(roomId, { ...row.value, isTold: true });
    const stored = await store.batch([...writes.value, told.write]);
    if (!stored.ok) return stored;
    told.commit();
    return ok(true);
  };

  const sealMoved: RoomCommits["sealMoved"] = async (roomId, room, writerSeq) => {
    const reader = await intake.reader(room);
    if (!reader.ok) return reader;
    const { accountId, deviceId, keys } = identity;
    const upto = reader.value.point;
    const claim = { accountId, deviceId, incarnation: upto.incarnation + 1, upto, epoch: 0, commits: [] };
    const position = signPosition(keys.sign, roomId, claim);
    const place = { kind: ENTRY_KIND.roomMessage, writerSeq, expect: null };
    const made = sealed(room, place, { type: "position", position });
    return made.ok ? ok(made.value.entry) : made;
  };

  const settle: RoomCommits["settle"] = async (roomId, room, sent, result) => {
    if (result.type !== "refused") {
      if (sent.isBrought) {
        const brought = await store.batch([tables.roombring.remove(roomId)]);
        return brought.ok ? ok(true) : brought;
      }
      // A commit's row goes when it is read back: only then is the group the one it makes.
      if (sent.isCommit) return ok(true);
      const row = await tables.letter.get(roomId, sent.writerSeq);
      if (!row.ok) return row;
      // Read back already.
      if (row.value === null) return ok(true);
      const done = sentLetter(tables, outbox, { roomId, writerSeq: sent.writerSeq, row: row.value });
      const stored = await store.batch(done.writes);
      if (!stored.ok) return stored;
      done.commit();
      return ok(true);
    }
    const isOurs = result.code === "expect-mismatch" || result.code === "writer-seq";
    if (!isOurs) return failLetter(roomId, room, sent, result.code);
    const { logId } = keysOf(room);
    // The server has had more of this writer than is known here.
    if (result.code === "writer-seq" && (result.writerSeq ?? 0) >= sent.writerSeq) {
      const [written, counted] = [sent.writerSeq - 1, result.writerSeq ?? 0];
      return context.distrustLog(logId, { type: "LogWriterAhead", written, counted });
    }
    // What was refused has no place and never will; its number is the next one's.
    const taken = sent.isBrought
      ? tables.roombring.remove(roomId)
      : sent.isCommit
        ? tables.commit.remove(roomId)
        : tables.letter.remove(roomId, sent.writerSeq);
    const stored = await store.batch([taken, writerWrite(room, result.writerSeq ?? 0)]);
    return stored.ok ? ok(false) : stored;
  };

  /** RM33: what the server will never take is not sent again, and its messages say so. Anything else is tried again. */
  async function failLetter(
    roomId: ConversationId,
    room: RoomRecord,
    { writerSeq, isCommit }: Departing,
    code: FailureCode,
  ): Promise<Result<boolean, ClientError>> {
    const row = isCommit ? ok(null) : await tables.letter.get(roomId, writerSeq);
    if (!row.ok) return row;
    const isPassing = PASSING.has(code) || code === "forbidden";
    if (row.value === null || row.value.outKeys.length === 0 || isPassing)
      return err({ type: "Refused", code });
    const failed = outbox.fail(row.value.outKeys, "refused");
    const stored = await store.batch([
      tables.letter.remove(roomId, writerSeq),
      writerWrite(room, writerSeq - 1),
      ...failed.writes,
    ]);
    if (!stored.ok) return stored;
    failed.commit();
    return ok(false);
  }

  return {
    waiting,
    make,
    sealLetter,
    sealWord,
    sealDeparture,
    sealRejoin,
    sealStand,
    bring,
    sealPosition,
    sealMoved,
    settle,
  };
}
