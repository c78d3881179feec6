/**
 * What this device says in a room beside commits: letters, that the account leaves, requests to come back, stands and positions. Each
 * is stored with its final bytes before it is sent. Runs within the serial. Rules RM18, RM26, RM33, RM63.
 */
import type { ConversationId, EntryId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { encode } from "../../../codec/shape.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { sealGroupMessage } from "../../../group/group-message.ts";
import { type Group, type GroupDeps, groupEpoch, isActive } from "../../../group/group.ts";
import {
  type RoomBody,
  type RoomLetter,
  roomLetterShape,
  signDeparture,
  signRejoin,
} from "../../../messenger/room/room-entry.ts";
import { memberOf } from "../../../messenger/room/room-context.ts";
import { pastCommitHash, signPosition } from "../../../messenger/room/room-position.ts";
import { NOWHERE, signStand } from "../../../messenger/room/room-stand.ts";
import { ENTRY_KIND, type Entry } from "../../../protocol/entry.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { LetterRow } from "../../tables.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import { roomContextOf } from "../reading/room-judge.ts";
import type { RoomMissed } from "../reading/room-missed.ts";
import type { RoomOutbox } from "../room-outbox.ts";
import type { RoomOutgoing } from "./room-outgoing.ts";
import { NO_OPS, type RoomSealing } from "./room-sealing.ts";

const MS_MIN = 0;

export interface RoomLettersDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "identity" | "random" | "clock">;
  readonly groups: RoomGroups;
  readonly outbox: Pick<RoomOutbox, "next">;
  readonly intake: Pick<RoomIntake, "place" | "reader">;
  readonly missed: Pick<RoomMissed, "asked">;
  readonly anew: RoomAnew;
  readonly deps: Pick<GroupDeps, "suite">;
  readonly sealing: RoomSealing;
  readonly outgoing: Pick<RoomOutgoing, "waiting">;
}

export interface RoomLetters {
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
  /** Says where this device stands, or that it was called there, and asks for letters it could not open. False when it stands nowhere. */
  sealStand(
    roomId: ConversationId,
    room: RoomRecord,
    said: { readonly missing: readonly EntryId[]; readonly isCalled: boolean },
  ): Promise<Result<boolean, ClientError>>;
  /** Says how far this device had read before the log began anew. False when that is said. RM63 */
  sealPosition(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
  /** An entry for where the log was: that it goes on elsewhere. Its number there is the server's to say. */
  sealMoved(roomId: ConversationId, room: RoomRecord, writerSeq: number): Promise<Result<Entry, ClientError>>;
}

export function createRoomLetters(all: RoomLettersDeps): RoomLetters {
  const { context, groups, outbox, intake, missed, anew, deps, sealing, outgoing } = all;
  const { tables, store, identity, random, clock } = context;

  const sealLetter: RoomLetters["sealLetter"] = async (roomId, room) => {
    const picked = outbox.next(roomId);
    const busy = await outgoing.waiting(roomId);
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
    const letter = { type: "letter" as const, ops, seen: reader.value.point, replaces };
    return sealIn(loaded.value, { roomId, room }, letter, { outKeys: keys, writes: [] });
  };

  const sealWord: RoomLetters["sealWord"] = async (roomId, room, letter, writes) => {
    const busy = await outgoing.waiting(roomId);
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

  const sealDeparture: RoomLetters["sealDeparture"] = async (roomId, room) => {
    const { accountId, deviceId, keys } = identity;
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const now = group.value === null || !isActive(group.value) ? null : roomContextOf(group.value);
    // RM12: where groups came apart it may have come into this one in another epoch than it was told.
    const member = now && memberOf(now, accountId);
    const claim = { roomId, accountId, deviceId, sinceEpoch: member?.sinceEpoch ?? room.standing.since };
    return letterWrites(
      roomId,
      room,
      { type: "departure", departure: signDeparture(keys.sign, claim) },
      NO_OPS,
    );
  };

  const sealRejoin: RoomLetters["sealRejoin"] = async (roomId, room) => {
    const { accountId, deviceId, keys } = identity;
    const request = signRejoin(random, keys.sign, { roomId, accountId, deviceId });
    const writes = await letterWrites(roomId, room, { type: "rejoin", request }, NO_OPS);
    return writes.ok ? store.batch(writes.value) : writes;
  };

  const sealStand: RoomLetters["sealStand"] = async (roomId, room, { missing, isCalled }) => {
    const place = isCalled ? ok(NOWHERE) : await intake.place(roomId);
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

  const sealPosition: RoomLetters["sealPosition"] = async (roomId, room) => {
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

  const sealMoved: RoomLetters["sealMoved"] = async (roomId, room, writerSeq) => {
    const reader = await intake.reader(room);
    if (!reader.ok) return reader;
    const { accountId, deviceId, keys } = identity;
    const upto = reader.value.point;
    const claim = { accountId, deviceId, incarnation: upto.incarnation + 1, upto, epoch: 0, commits: [] };
    const position = signPosition(keys.sign, roomId, claim);
    const place = { kind: ENTRY_KIND.roomMessage, writerSeq, expect: null };
    const made = sealing.sealed(room, place, { type: "position", position });
    return made.ok ? ok(made.value.entry) : made;
  };

  async function letterWrites(
    roomId: ConversationId,
    room: RoomRecord,
    body: RoomBody,
    carried: Pick<LetterRow, "outKeys" | "epoch">,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    const writerSeq = await sealing.nextSeq(room);
    if (!writerSeq.ok) return writerSeq;
    const place = { kind: ENTRY_KIND.roomMessage, writerSeq: writerSeq.value, expect: null };
    const made = sealing.sealed(room, place, body);
    if (!made.ok) return made;
    return ok([
      tables.letter.put([roomId, writerSeq.value], { ...made.value, ...carried }),
      sealing.writerWrite(room, writerSeq.value),
    ]);
  }

  return { sealLetter, sealWord, sealDeparture, sealRejoin, sealStand, sealPosition, sealMoved };
}
