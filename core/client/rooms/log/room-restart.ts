/**
 * A room's log that its server lost, or that lives elsewhere since: its founder's devices begin it anew, everybody else follows, and what
 * led to the newest state of the group is brought again. Rules RM61-RM63, IN3.
 */
import type { ConversationId, LogId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { groupEpoch, isActive } from "../../../group/group.ts";
import { createReseed } from "../../../log/create-reseed.ts";
import { checkHead, createLogReader, isUnread } from "../../../log/log-reader.ts";
import type { RoomContext } from "../../../messenger/room/room-context.ts";
import { isBeyond } from "../../../messenger/room/room-position.ts";
import type { LogPoint } from "../../../protocol/entry.ts";
import { isRoomLogOf } from "../../../protocol/room-log-id.ts";
import type { ClientError } from "../../client-error.ts";
import type { ContactBook } from "../../contacts/contact-book.ts";
import { capabilityKey, writerKey } from "../../devices/device-identity.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { Gateway } from "../../connection/gateway.ts";
import type { GuestGateways } from "../../connection/guest-gateways.ts";
import type { LogChannel, OpenLog } from "../../connection/log-channel.ts";
import type { RoomKeysRow } from "../../tables.ts";
import type { RoomAnew } from "./room-anew.ts";
import { keysOf, type RoomBook } from "../room-book.ts";
import type { RoomSending } from "../sending/room-sending.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import {
  createRoomHomes,
  founderOf,
  homePart,
  ownerNamedIn,
  type PlacedRoom,
  type RoomHome,
} from "./room-home.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import { publicRoomKey } from "./room-keys.ts";

/** How long a sibling of the device that began a log waits for it to bring what led to its group. */
const SIBLING_MS = 60_000;

export interface RoomRestartDeps {
  readonly context: EngineContext;
  readonly contacts: ContactBook;
  readonly book: RoomBook;
  readonly groups: RoomGroups;
  readonly intake: RoomIntake;
  readonly sending: RoomSending;
  readonly anew: RoomAnew;
  readonly guests: GuestGateways;
  /** The signed-in connection to the home server, or null. */
  home(): Gateway | null;
  /** That the account log is in, as far as this device has read. */
  accountIncarnation(): number;
  contextOf(roomId: ConversationId): Promise<Result<RoomContext | null, ClientError>>;
  openAnew(roomId: ConversationId, logId: LogId): void;
  lookLater(roomId: ConversationId): void;
}

export interface RoomRestart {
  placeOf(roomId: ConversationId, room: RoomRecord): Promise<Result<PlacedRoom, ClientError>>;
  /** The room's founder has said that they are elsewhere. */
  noteElsewhere(roomId: ConversationId): void;
  /** The log is not there, or not for these keys. True when that may be over, else the error it was. RM61 */
  findAgain(placed: PlacedRoom, error: ClientError): Promise<Result<boolean, ClientError>>;
  /**
   * RM62: whoever began the log anew knew less than this device, or has gone on from there in another way: it goes back to the keys of
   * that time. True when they lead further.
   */
  tryFormerKeys(placed: PlacedRoom): Promise<Result<boolean, ClientError>>;
  /** Whether these keys open the log, as those it has or had. RM68 */
  opens(placed: PlacedRoom, keys: Pick<RoomKeysRow, "accessSeed">): Promise<Result<boolean, ClientError>>;
  /** Whether these keys lead on from where this device has read: there is more to read with them, or they are those the log has now. RM30 */
  doLeadOn(placed: PlacedRoom, keys: Pick<RoomKeysRow, "accessSeed">): Promise<Result<boolean, ClientError>>;
  /** Follows the log into a later incarnation, if its owner has said so. True when it has. */
  enter(placed: PlacedRoom, channel: LogChannel): Promise<Result<boolean, ClientError>>;
  /** RM66: who begins a log says so before anything else, and what they will bring. True when that is on its way. Runs within the serial. */
  sayBegun(placed: PlacedRoom): Promise<Result<boolean, ClientError>>;
  /** Brings what led to the group as it is here, for who missed it. Runs within the serial. RM62 */
  bring(placed: PlacedRoom): Promise<Result<boolean, ClientError>>;
  /** Whether an own device has begun the log anew and may still bring what led to the keys this one has. RM62 */
  awaitsSibling(placed: PlacedRoom, gateway: Gateway): Promise<Result<boolean, ClientError>>;
  /** Whether what the log goes on from is still to come: nothing is written into it before. RM61 */
  isUnbegun(roomId: ConversationId): Promise<Result<boolean, ClientError>>;
  /** IN13: the server has lost logs of this account. Those of rooms whose group is here, and that a sibling may have made, were there. */
  noteLost(): Promise<Result<void, ClientError>>;
  /** Begins logs of this account's rooms anew, as far as the server lost them; `former` is where they were before a move. */
  putBack(gateway: Gateway, former: string | null): Promise<Result<number, ClientError>>;
}

export function createRoomRestart(all: RoomRestartDeps): RoomRestart {
  const { context, book, groups, intake, anew, guests, contextOf } = all;
  const { commits, letters, outgoing } = all.sending;
  const { store, identity, clock, serial } = context;
  const homes = createRoomHomes(context, all.contacts);
  const toldElsewhere = new Set<ConversationId>();
  /** When this device came into an incarnation that its account has begun. */
  const enteredAtMs = new Map<ConversationId, number>();
  /** Since when the log of a room is missing that a sibling may be beginning. */
  const absentSinceMs = new Map<ConversationId, number>();
  const nowMs = () => Math.max(0, clock.nowMs());

  const openingOf = (logId: LogId, { accessSeed }: Pick<RoomKeysRow, "accessSeed">): OpenLog => ({
    logId,
    right: "append",
    capability: capabilityKey(accessSeed),
    writer: writerKey(identity.seeds, logId),
  });

  /** Opens a log beside whatever is done with it. */
  async function openAside(origin: string, logId: LogId, keys: Pick<RoomKeysRow, "accessSeed">) {
    guests.forget(logId);
    const opened = await guests.open(origin, openingOf(logId, keys));
    guests.forget(logId);
    return opened.ok ? ok(opened.value.channel) : opened;
  }

  async function placeOf(roomId: ConversationId, room: RoomRecord): Promise<Result<PlacedRoom, ClientError>> {
    const find = async (): Promise<Result<RoomHome, ClientError>> => {
      const now = await contextOf(roomId);
      return now.ok ? homes.of(room, now.value) : now;
    };
    const home = await serial.run(find);
    if (!home.ok) return home;
    const hasLooked = await homes.look(home.value, toldElsewhere.delete(roomId) ? "told" : "routine");
    const looked = hasLooked ? await serial.run(find) : home;
    return looked.ok ? ok({ roomId, room, home: looked.value }) : looked;
  }

  async function findAgain(placed: PlacedRoom, error: ClientError): Promise<Result<boolean, ClientError>> {
    const { roomId, room, home } = placed;
    if (isForbidden(error)) {
      const opens = await tryFormerKeys(placed);
      if (!opens.ok || opens.value) return opens;
    }
    if (await homes.look(home, "absent")) {
      const moved = await placeOf(roomId, room);
      if (!moved.ok) return moved;
      if (moved.value.home.origin !== home.origin) return ok(true);
    }
    const gateway = all.home();
    const hasMoved = (room.home?.origin ?? room.keys.origin) !== home.origin;
    if (!isUnknownLog(error) || home.founder !== identity.accountId || gateway === null) return err(error);
    const reader = await serial.run(() => intake.reader(room));
    if (!reader.ok) return reader;
    // A person has moved this account, or put it back (IN13): what was asked then is carried out by whichever device can.
    if (!hasMoved && !(isUnread(reader.value) && all.accountIncarnation() > 0)) return err(error);
    // A sibling that has read it knows better what it is to begin with.
    if (!hasMoved && !hasWaited(roomId)) return err(error);
    absentSinceMs.delete(roomId);
    const begun = await begin(gateway, roomId, room);
    return begun.ok && !begun.value ? err(error) : begun;
  }

  /** Whether the log of a room has been found missing for so long that no sibling is beginning it. */
  function hasWaited(roomId: ConversationId): boolean {
    const sinceMs = absentSinceMs.get(roomId) ?? nowMs();
    absentSinceMs.set(roomId, sinceMs);
    return Math.abs(nowMs() - sinceMs) >= SIBLING_MS;
  }

  const tryFormerKeys: RoomRestart["tryFormerKeys"] = async ({ roomId, room, home }) => {
    const { logId, generation } = keysOf(room);
    const before = await serial.run(() => intake.reader(room));
    if (!before.ok) return before;
    const former = await serial.run(() => anew.formerKeys(roomId));
    if (!former.ok) return former;
    const now = await serial.run(() => contextOf(roomId));
    if (!now.ok) return now;
    const { point } = before.value;
    const isFounder = founderOf(now.value) === identity.accountId;
    for (const keys of former.value) {
      if (keys.generation === generation) continue;
      const opened = await openAside(home.origin, logId, keys);
      if (!opened.ok && !isForbidden(opened.error)) return opened;
      if (!opened.ok || !isFurther(opened.value.head, point)) continue;
      // RM30: what the log has had since it began anew is put back by a device of its founder, or given up; nothing leads on from before.
      const isSetBack = keys.generation < generation && opened.value.head.incarnation === point.incarnation;
      if (isFounder && isSetBack) continue;
      const judged = await homes.judge(home, opened.value);
      if (!judged.ok) return judged;
      if (judged.value === null) continue;
      const taken = await serial.run(() => intake.useKeys(roomId, room, keys));
      if (!taken.ok) return taken;
      all.openAnew(roomId, logId);
      return ok(true);
    }
    return ok(false);
  };

  /** Where this device has read to, and the log by these keys; null where they open nothing, or less than that. */
  async function openedBy({ room, home }: PlacedRoom, keys: Pick<RoomKeysRow, "accessSeed">) {
    const before = await serial.run(() => intake.reader(room));
    if (!before.ok) return before;
    const opened = await openAside(home.origin, keysOf(room).logId, keys);
    if (!opened.ok) return isForbidden(opened.error) ? ok(null) : opened;
    const { point } = before.value;
    // Former keys open it up to where they ended (LG21): whoever told them had read less than this device.
    return ok(isBeyond(point, opened.value.head) ? null : { point, channel: opened.value });
  }

  const opens: RoomRestart["opens"] = async (placed, keys) => {
    const opened = await openedBy(placed, keys);
    return opened.ok ? ok(opened.value !== null) : opened;
  };

  const doLeadOn: RoomRestart["doLeadOn"] = async (placed, keys) => {
    const opened = await openedBy(placed, keys);
    if (!opened.ok || opened.value === null) return opened.ok ? ok(false) : opened;
    const { point, channel } = opened.value;
    if (isBeyond(channel.head, point)) return ok(true);
    // LG21: by former keys nothing is followed.
    const followed = await channel.subscribe(channel.head.seq, () => {});
    return followed.ok || isForbidden(followed.error) ? ok(followed.ok) : followed;
  };

  /** LG22: who is in no group, and was told nothing, has it from the id of the log whose the room is. */
  async function ownedBy(
    { roomId, home }: PlacedRoom,
    { logId, reseed }: LogChannel,
  ): Promise<Result<RoomHome, ClientError>> {
    const now = home.founder === null ? await serial.run(() => contextOf(roomId)) : ok(null);
    if (!now.ok) return now;
    const isUntold = home.founder === null && now.value === null;
    return ok(isUntold ? { ...home, founder: ownerNamedIn(logId, reseed) } : home);
  }

  const enter: RoomRestart["enter"] = async (placed, channel) => {
    const { roomId, room } = placed;
    const { incarnation } = channel.head;
    const before = await serial.run(() => intake.reader(room));
    if (!before.ok) return before;
    const { point } = before.value;
    if (incarnation <= point.incarnation) return ok(false);
    const owned = await ownedBy(placed, channel);
    if (!owned.ok) return owned;
    const home = owned.value;
    const judged = await homes.judge(home, channel);
    if (!judged.ok) return judged;
    if (judged.value === null) {
      const fault = { type: "LogIncarnationChanged", seen: point.incarnation, incarnation } as const;
      return context.distrustLog(channel.logId, fault);
    }
    const isOwn = judged.value?.device === identity.deviceId;
    const entered = await serial.run(async (): Promise<Result<void, ClientError>> => {
      const start = isOwn ? await startOf(roomId) : ok(null);
      if (!start.ok) return start;
      const taken = await intake.enter(roomId, room, { incarnation, logEpoch: start.value });
      const part = homePart(room, home, incarnation);
      return !taken.ok || part.size === 0 ? taken : book.set(roomId, part);
    });
    if (!entered.ok) return entered;
    if (home.founder === identity.accountId) enteredAtMs.set(roomId, nowMs());
    all.openAnew(roomId, channel.logId);
    return ok(true);
  };

  /** From where on this device can bring what led to its group; null when it is in none. */
  async function startOf(roomId: ConversationId): Promise<Result<number | null, ClientError>> {
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    if (group.value === null || !isActive(group.value)) return ok(null);
    const epoch = Number(groupEpoch(group.value));
    const past = await anew.past(roomId, epoch);
    return past.ok ? ok(past.value[0]?.epoch ?? epoch) : past;
  }

  const bring: RoomRestart["bring"] = async ({ roomId, room, home }) => {
    const row = await anew.of(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok(false) : row;
    if (row.value.logEpoch !== null || home.founder !== identity.accountId)
      return commits.bring(roomId, room);
    // A sibling has begun the log, and brings what led there. This device does when nothing comes.
    const sinceMs = enteredAtMs.get(roomId) ?? nowMs();
    enteredAtMs.set(roomId, sinceMs);
    if (Math.abs(nowMs() - sinceMs) < SIBLING_MS) {
      all.lookLater(roomId);
      return ok(false);
    }
    const start = await startOf(roomId);
    if (!start.ok || start.value === null) return start.ok ? ok(false) : start;
    const isUntold = row.value.upto === null;
    const position = isUntold ? { upto: createLogReader(keysOf(room).logId).point, isTold: false } : {};
    const noted = anew.put(roomId, { ...row.value, ...position, logEpoch: start.value });
    const stored = await store.batch([noted.write]);
    if (!stored.ok) return stored;
    noted.commit();
    return ok(true);
  };

  const sayBegun: RoomRestart["sayBegun"] = async ({ roomId, room, home }) => {
    const row = await anew.of(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok(false) : row;
    const isBeginning = home.founder === identity.accountId && row.value.logEpoch !== null;
    const waiting = isBeginning && !row.value.isTold ? await outgoing.waiting(roomId) : null;
    if (waiting === null || !waiting.ok) return waiting ?? ok(false);
    return waiting.value === null ? letters.sealPosition(roomId, room) : ok(false);
  };

  const awaitsSibling: RoomRestart["awaitsSibling"] = async ({ roomId, room }, gateway) => {
    const { logId } = keysOf(room);
    const found = await gateway.call("heads", { type: "heads", logIds: [logId] });
    if (!found.ok) return found;
    const reader = await serial.run(() => intake.reader(room));
    if (!reader.ok) return reader;
    const unbegun = await serial.run(() => isUnbegun(roomId));
    if (!unbegun.ok) return unbegun;
    const incarnation = found.value.heads[0]?.head?.incarnation ?? 0;
    if (incarnation <= reader.value.point.incarnation && !unbegun.value) return ok(false);
    const sinceMs = enteredAtMs.get(roomId) ?? nowMs();
    enteredAtMs.set(roomId, sinceMs);
    return ok(Math.abs(nowMs() - sinceMs) < SIBLING_MS);
  };

  const isUnbegun: RoomRestart["isUnbegun"] = async (roomId) => {
    const row = await anew.of(roomId);
    if (!row.ok || row.value === null || row.value.logEpoch !== null) return row.ok ? ok(false) : row;
    // Who is in no group asks to come back at any time.
    const now = await contextOf(roomId);
    return now.ok ? ok(now.value !== null) : now;
  };

  /** The owner's word that the log begins anew. False when nothing of it is lost, or it is never to have been made. */
  async function begin(
    gateway: Pick<Gateway, "call">,
    roomId: ConversationId,
    room: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const { logId } = keysOf(room);
    const from = await serial.run(() => beginsWith(roomId, room));
    if (!from.ok || from.value === null) return from.ok ? ok(false) : from;
    const { after, keys } = from.value;
    const { accountId, deviceId } = identity;
    const { seq: chainSeq, head: chainHead } = context.chain();
    const incarnation = after.incarnation + 1;
    const place = { accountId, logId, incarnation, after, device: deviceId, chainSeq, chainHead };
    const reseed = createReseed(identity.keys.sign, { version: 1, ...place });
    const appendKey = publicRoomKey(keys);
    const begun = await gateway.call("done", { type: "reseedLog", logId, kind: "room", appendKey, reseed });
    all.openAnew(roomId, logId);
    if (begun.ok) return ok(true);
    // Somebody was faster, or it is there after all.
    return begun.error.type === "Refused" && begun.error.code === "log-exists" ? ok(false) : begun;
  }

  /** Where this device has read to, and the keys of the first thing it will bring. Null for a log that is to be made, not brought back. */
  async function beginsWith(roomId: ConversationId, room: RoomRecord) {
    const group = await groups.load(roomId);
    if (!group.ok || group.value === null || !isActive(group.value)) return group.ok ? ok(null) : group;
    const reader = await intake.reader(room);
    if (!reader.ok) return reader;
    const past = await anew.past(roomId, Number(groupEpoch(group.value)));
    if (!past.ok) return past;
    const there = await intake.hasOpened(reader.value.logId);
    if (!there.ok || !there.value) return there.ok ? ok(null) : there;
    const after = reader.value.point;
    return ok({ after, keys: past.value[0]?.before ?? room.keys });
  }

  const noteLost: RoomRestart["noteLost"] = () =>
    serial.run(async () => {
      const rooms = await book.all();
      if (!rooms.ok) return rooms;
      for (const [roomId, room] of rooms.value) {
        if (!isRoomLogOf(room.keys.logId, identity.accountId)) continue;
        const group = await groups.load(roomId);
        if (!group.ok) return group;
        if (group.value === null || !isActive(group.value)) continue;
        const noted = await intake.noteOpened(room);
        if (!noted.ok) return noted;
      }
      return ok();
    });

  const putBack: RoomRestart["putBack"] = async (gateway, former) => {
    const noted = await noteLost();
    if (!noted.ok) return noted;
    const rooms = await serial.run(() => book.all());
    if (!rooms.ok) return rooms;
    let count = 0;
    let failed: ClientError | null = null;
    for (const [roomId, room] of rooms.value) {
      const begun = await putBackOne(gateway, former, [roomId, room]);
      if (begun.ok && begun.value) count++;
      // The others are not to wait for what is wrong with one.
      if (!begun.ok) failed ??= begun.error;
    }
    return failed === null ? ok(count) : err(failed);
  };

  async function putBackOne(
    gateway: Gateway,
    former: string | null,
    [roomId, room]: readonly [ConversationId, RoomRecord],
  ): Promise<Result<boolean, ClientError>> {
    if (room.standing.standing !== "joined") return ok(false);
    const placed = await placeOf(roomId, room);
    if (!placed.ok) return placed;
    if (placed.value.home.founder !== identity.accountId) return ok(false);
    const isLost = await hasLost(placed.value);
    if (!isLost.ok || !isLost.value) return isLost;
    if (former !== null) await tellFormerHome(placed.value, former);
    return begin(gateway, roomId, room);
  }

  /** Whether the server has less of a log than this device has read. */
  async function hasLost({ room, home }: PlacedRoom): Promise<Result<boolean, ClientError>> {
    const { logId } = keysOf(room);
    const opened = await openAside(home.origin, logId, room.keys);
    if (!opened.ok) return isForbidden(opened.error) || isUnknownLog(opened.error) ? ok(true) : opened;
    const reader = await serial.run(() => intake.reader(room));
    if (!reader.ok) return reader;
    const { head } = opened.value;
    return ok(head.incarnation <= reader.value.point.incarnation && !checkHead(reader.value, head).ok);
  }

  /** IN11: who is no contact of the founder learns from the log itself that it goes on elsewhere. That server may be gone. */
  async function tellFormerHome({ roomId, room }: PlacedRoom, origin: string): Promise<void> {
    const { logId } = keysOf(room);
    const opened = await openAside(origin, logId, room.keys);
    if (!opened.ok) return;
    const { writerSeq, append } = opened.value;
    const sealed = await serial.run(() => letters.sealMoved(roomId, room, writerSeq + 1));
    if (sealed.ok) await append([sealed.value]);
  }

  return {
    placeOf,
    noteElsewhere: (roomId) => void toldElsewhere.add(roomId),
    findAgain,
    tryFormerKeys,
    opens,
    doLeadOn,
    enter,
    sayBegun,
    bring,
    awaitsSibling,
    isUnbegun,
    noteLost,
    putBack,
  };
}

/** Of a log that never began anew only what its commits say opens it. */
function isFurther(head: LogPoint, point: LogPoint): boolean {
  return head.incarnation > 0 && isBeyond(head, point);
}

function isForbidden(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "forbidden";
}

function isUnknownLog(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "unknown-log";
}
