/**
 * Founding a room's group: with a new room, and again for a room whose group no device has any more. Runs within the serial.
 * Rules RM29, RM64.
 */
import { type ConversationId, type EntryId, idBytes, type LogId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import {
  newIntentKey,
  type RoomIntent,
  type RoomPart,
  type RoomRecord,
} from "../../../document/schema/groups.ts";
import { createGroup, type Group, type GroupDeps, groupEpoch, isActive } from "../../../group/group.ts";
import { createKeyPackage } from "../../../group/key-package.ts";
import {
  encodeRoomContext,
  memberOf,
  parseRoomContext,
  type RoomContext,
  roomConversationId,
} from "../../../messenger/room/room-context.ts";
import { chainStart } from "../../../protocol/entry.ts";
import { ROOM_LOG_SALT_BYTES, roomLogId } from "../../../protocol/room-log-id.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import type { RoomBook } from "../room-book.ts";
import type { RoomCommits } from "../sending/room-commits.ts";
import type { RoomGroups } from "./room-groups.ts";
import { infoOf, insideOf, isEldest } from "./room-info.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import { roomContextOf } from "../reading/room-judge.ts";
import { NO_ENTRY, type RoomLandmarks, withLandmark } from "../log/room-landmarks.ts";

const SEED_BYTES = 32;
const YEAR_MS = 31_536_000_000;

export interface RoomFoundingDeps {
  readonly context: EngineContext;
  readonly book: RoomBook;
  readonly groups: RoomGroups;
  readonly landmarks: RoomLandmarks;
  readonly anew: RoomAnew;
  readonly intake: Pick<RoomIntake, "place">;
  readonly commits: Pick<RoomCommits, "make">;
  /** Whether this device has asked to come back, time and again, and nobody has brought it; until then the room is looked at again. */
  isUnanswered(roomId: ConversationId): boolean;
  readonly deps: Pick<GroupDeps, "suite">;
  displayName(): Promise<Result<string, ClientError>>;
}

export interface RoomFounding {
  /** A room with this device as its only member, and what is asked of it. Its log is made when the server is there. */
  create(name: string, asked?: readonly RoomIntent[]): Promise<Result<ConversationId, ClientError>>;
  /** RM64: begins the group anew when nobody has it any more. True when something of that was done. */
  createAnew(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
}

export function createRoomFounding(all: RoomFoundingDeps): RoomFounding {
  const { context, book, groups, landmarks, deps } = all;
  const { tables, store, identity, random, times } = context;
  const nowMs = () => Math.max(0, context.clock.nowMs());

  async function foundedBy(
    logId: LogId,
    room: RoomContext,
    { firstEpoch, sinceEpoch }: { readonly firstEpoch: number; readonly sinceEpoch: number },
  ): Promise<Result<{ readonly group: Group; readonly now: RoomContext }, ClientError>> {
    const { accountId, deviceId, origin } = identity;
    const called = await all.displayName();
    if (!called.ok) return called;
    const { seq, head } = context.chain();
    const owner = {
      accountId,
      name: called.value,
      origin,
      role: "owner",
      sinceEpoch,
      mutedUntilMs: null,
    } as const;
    const self = { ...(memberOf(room, accountId) ?? owner), seq, head };
    const now: RoomContext = {
      ...room,
      members: [...room.members.filter((one) => one.accountId !== accountId), self],
    };
    const own = await createKeyPackage(
      deps.suite,
      { member: { accountId, deviceId }, signSeed: identity.seeds.mls },
      { fromMs: Math.max(0, times.likelyMs() - YEAR_MS), untilMs: times.likelyMs() + YEAR_MS },
    );
    const authentic = { ...deps, authenticate: () => true };
    const group = await createGroup(authentic, idBytes(logId), own, encodeRoomContext(now), firstEpoch);
    return group.ok ? ok({ group: group.value, now }) : err({ type: "RoomRefused", rule: group.error.rule });
  }

  const create: RoomFounding["create"] = async (name, asked = []) => {
    const { accountId, origin } = identity;
    const logId = roomLogId(accountId, random.bytes(ROOM_LOG_SALT_BYTES));
    const roomId = roomConversationId(logId);
    const room = { name, about: "", keysSince: 0, lifetimeMs: null, history: null, members: [] };
    const founded = await foundedBy(logId, room, { firstEpoch: 0, sinceEpoch: 0 });
    if (!founded.ok) return founded;
    const { group, now } = founded.value;
    const keys: RoomPart = {
      type: "keys",
      logId,
      generation: 0,
      origin,
      accessSeed: random.bytes(SEED_BYTES),
      roomKey: random.bytes(SEED_BYTES),
      fromSeq: 0,
      fromChain: chainStart(logId),
    };
    const standing = {
      type: "standing",
      since: 0,
      standing: "joined",
      by: null,
      atMs: nowMs(),
    } satisfies RoomPart;
    const parts = new Map<string, RoomPart>([
      ["keys", keys],
      ["standing", standing],
      ["info", infoOf(group, now)],
    ]);
    const inside = insideOf(group, now, NO_ENTRY);
    if (inside !== null) parts.set("inside", inside);
    for (const intent of asked) parts.set(newIntentKey(random), { type: "intent", intent, order: nowMs() });
    const happening = tables.happening.put([roomId, 0, 0], {
      by: accountId,
      atMs: standing.atMs,
      happening: { type: "founded" },
    });
    const mark = landmarks.put(roomId, withLandmark([], roomId, NO_ENTRY, group));
    const rows = [...groups.whole(roomId, group), mark.write, happening];
    const stored = await book.set(roomId, parts, { with: rows });
    if (!stored.ok) return stored;
    mark.commit();
    groups.keep(roomId, group);
    return ok(roomId);
  };

  /**
   * Whether no device has the group any more: nobody else was in it, and of own devices only this one, revoked ones, or such as do not
   * answer. One of those that comes back after all is let in again, and has lost nothing.
   */
  async function isLost(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>> {
    const { info, inside, keys } = room;
    if (info?.members.some(({ accountId }) => accountId !== identity.accountId))
      return isUnreachable(roomId, room);
    if (inside === null) return ok(false);
    const { devicesById } = context.chain();
    const isOut = (device: (typeof inside.devices)[number]) =>
      device === identity.deviceId || typeof devicesById.get(device)?.revokedSeq === "number";
    const isTold = await isLast(roomId, inside, keys);
    if (!isTold.ok) return isTold;
    return ok(isTold.value && (inside.devices.every(isOut) || all.isUnanswered(roomId)));
  }

  /** RM69: nobody has answered whose group it may be, and what its members agreed on last is known to the eldest of them. */
  async function isUnreachable(
    roomId: ConversationId,
    { standing, agreed, keys }: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const last = agreed === null ? null : parseRoomContext(agreed.context);
    if (agreed === null || last?.ok !== true || !isEldest(last.value, identity.accountId)) return ok(false);
    if (memberOf(last.value, identity.accountId)?.sinceEpoch !== standing.since) return ok(false);
    const isTold = await isLast(roomId, agreed, keys);
    return isTold.ok ? ok(isTold.value && all.isUnanswered(roomId)) : isTold;
  }

  /** Whether what was told is of the log's last commit: one that nobody has told of may have let somebody in, or taken them out. */
  async function isLast(
    roomId: ConversationId,
    told: { readonly epoch: number; readonly handshake: EntryId },
    { generation }: RoomRecord["keys"],
  ): Promise<Result<boolean, ClientError>> {
    const last = await tables.handshake.get(roomId);
    if (!last.ok) return last;
    return ok(last.value === null ? told.epoch === generation : last.value.last === told.handshake);
  }

  /** A group that counts once its first commit has its place: until then there is no landmark of it. */
  async function found(
    roomId: ConversationId,
    { keys, standing, info, inside, agreed, lifetimeMs, history }: RoomRecord,
  ): Promise<Result<Group, ClientError>> {
    const epochs = [keys.generation, info?.epoch ?? 0, inside?.epoch ?? 0, agreed?.epoch ?? 0];
    const firstEpoch = 1 + Math.max(...epochs);
    const isAlone = info?.members.every(({ accountId }) => accountId === identity.accountId) ?? true;
    const kept = agreed === null || isAlone ? null : parseRoomContext(agreed.context);
    const alone = {
      name: info?.name ?? "",
      about: info?.about ?? "",
      keysSince: keys.generation,
      lifetimeMs,
      history: history && { ...history, since: firstEpoch, former: [] },
      members: [],
    };
    const founded = await foundedBy(keys.logId, kept?.ok === true ? kept.value : alone, {
      firstEpoch,
      sinceEpoch: standing.since,
    });
    if (!founded.ok) return founded;
    const { group } = founded.value;
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    const writes = groups.whole(roomId, group);
    const put = new Set(writes.map(({ key }) => key));
    const mark = landmarks.put(roomId, []);
    const incarnation = await all.anew.of(roomId);
    if (!incarnation.ok) return incarnation;
    // Of a log that began anew nothing leads on to this group.
    const begun = incarnation.value && all.anew.put(roomId, { ...incarnation.value, logEpoch: firstEpoch });
    const stored = await store.batch([
      ...forgotten.value.filter(({ key }) => !put.has(key)),
      tables.roomcalled.remove(roomId),
      ...writes,
      ...(begun === null ? [] : [begun.write]),
      mark.write,
      tables.handshake.put([roomId], { last: (kept === null ? inside : agreed)?.handshake ?? NO_ENTRY }),
    ]);
    if (!stored.ok) return stored;
    begun?.commit();
    mark.commit();
    groups.keep(roomId, group);
    return ok(group);
  }

  const createAnew: RoomFounding["createAnew"] = async (roomId, room) => {
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    let group = loaded.value;
    if (group !== null && isActive(group)) {
      const place = await all.intake.place(roomId);
      if (!place.ok || place.value !== null) return place.ok ? ok(false) : place;
    } else {
      const lost = await isLost(roomId, room);
      if (!lost.ok || !lost.value) return lost;
      const founded = await found(roomId, room);
      if (!founded.ok) return founded;
      group = founded.value;
    }
    const before = roomContextOf(group);
    if (before === null) return ok(false);
    const epoch = Number(groupEpoch(group));
    // With other keys, as who was revoked has those there are; but of a room with others in it they are what those ask by (RM69).
    const isAlone = before.members.length === 1;
    // Of several devices that begin it one gets the place (RM20).
    return all.commits.make(roomId, room, {
      epoch,
      before,
      after: isAlone ? { ...before, keysSince: epoch + 1 } : before,
      add: [],
      removeLeaves: [],
      departures: [],
      chains: new Map([[identity.accountId, context.chain()]]),
      invitees: [],
      carried: [],
    });
  };

  return { create, createAnew };
}
