/**
 * A room's log as this device has it open: it is made by its founder, read to its end, followed from there on, and written to. Rules
 * RM18, RM29, RM30, RM61.
 */
import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import type { ConversationId, LogId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { type GroupDeps, isActive } from "../../../group/group.ts";
import { checkHead, checkQuote, type LogFault, passIds } from "../../../log/log-reader.ts";
import type { PlacedEntry } from "../../../protocol/entry.ts";
import type { AppendResult } from "../../../protocol/server-frame.ts";
import type { ClientError } from "../../client-error.ts";
import { capabilityKey, writerKey } from "../../devices/device-identity.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { Gateway } from "../../connection/gateway.ts";
import { createGuestGateways, type GuestGateways, type GuestLog } from "../../connection/guest-gateways.ts";
import { keysOf } from "../room-book.ts";
import type { Departing, RoomOutgoing } from "../sending/room-outgoing.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import type { PlacedRoom } from "./room-home.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import { joinRoom } from "../reading/room-joining.ts";

/** How long whoever may have made a log has to bring it back, before a device that is in no group makes it. */
const MAKER_WAIT_MS = 60_000;
/** Pages that are read at once. */
const PAGES_MAX = 256;

export interface RoomLogDeps {
  readonly context: EngineContext;
  readonly groups: RoomGroups;
  readonly intake: RoomIntake;
  readonly outgoing: RoomOutgoing;
  readonly deps: Pick<GroupDeps, "suite">;
  /** The signed-in connection to the home server, or null. */
  home(): Gateway | null;
  /** A connection to a log that was followed has ended. */
  onLost(): void;
  /** This device came into its group. */
  onBack(roomId: ConversationId): void;
  onChanged(): void;
  kick(roomId: ConversationId): void;
}

export interface RoomLogs {
  readonly guests: GuestGateways;
  /** Whether a room's log takes nothing from the keys there are. */
  isCutOff(roomId: ConversationId): boolean;
  /** It is to be read to its end: what is delivered may be a moment behind. */
  look(logId: LogId): void;
  /** Its connection is to be made again. */
  openAnew(roomId: ConversationId, logId: LogId): void;
  /** The same, of a log that takes nothing from the keys there are: its founder may set them again. */
  openOnceMore(logId: LogId): void;
  open(placed: PlacedRoom): Promise<Result<GuestLog, ClientError>>;
  /** Whether a room's log was there, for this device or before it was told of the room. Runs within the serial. */
  hasBeenThere(room: RoomRecord): Promise<Result<boolean, ClientError>>;
  /** Reads what is there, and follows from there on. True when the group or the position moved. */
  readOn(roomId: ConversationId, room: RoomRecord, log: GuestLog): Promise<Result<boolean, ClientError>>;
  send(
    roomId: ConversationId,
    room: RoomRecord,
    log: GuestLog,
    departing: Departing,
  ): Promise<Result<boolean, ClientError>>;
  close(): void;
}

export function createRoomLogs(all: RoomLogDeps): RoomLogs {
  const { context, groups, intake, outgoing, deps } = all;
  const { store, identity, serial, clock } = context;
  /** Since when a log is known not to be there. */
  const absentSinceMs = new Map<LogId, number>();
  const subscribed = new Set<LogId>();
  /** With which key each log is open. */
  const openedWith = new Map<LogId, Bytes>();
  /** Rooms whose log takes nothing from the keys there are. */
  const cutOff = new Set<ConversationId>();
  /** Logs to be read to their end: what is delivered may be a moment behind. */
  const unread = new Set<LogId>();
  /** Channels whose head was compared with what was read before they were opened. */
  const checkedHeads = new WeakSet<GuestLog["channel"]>();
  /** At which server each log was opened, and the channel it is followed over. */
  const openedAt = new Map<LogId, string>();
  const followed = new Map<LogId, GuestLog["channel"]>();
  const delivered = new Map<LogId, PlacedEntry[]>();
  /** When the first of them came, for its span. */
  const deliveredMs = new Map<LogId, number>();
  const guests = createGuestGateways(context, (logIds) => {
    if (logIds.some((logId) => subscribed.has(logId))) all.onLost();
    for (const logId of logIds) {
      subscribed.delete(logId);
      delivered.delete(logId);
      deliveredMs.delete(logId);
      unread.add(logId);
    }
  });
  function openAnew(roomId: ConversationId, logId: LogId): void {
    openOnceMore(logId);
    cutOff.delete(roomId);
  }

  function openOnceMore(logId: LogId): void {
    guests.forget(logId);
    followed.delete(logId);
    subscribed.delete(logId);
    delivered.delete(logId);
    deliveredMs.delete(logId);
    unread.add(logId);
  }

  /** Whether a room's log was there, for this device or before it was told of the room. */
  async function hasBeenThere(room: RoomRecord): Promise<Result<boolean, ClientError>> {
    const { fromSeq, generation } = room.keys;
    if (fromSeq > 0 || generation > 0) return ok(true);
    return intake.hasOpened(keysOf(room).logId);
  }

  async function open({
    roomId,
    room,
    home: { origin },
  }: PlacedRoom): Promise<Result<GuestLog, ClientError>> {
    const { logId, accessSeed } = keysOf(room);
    const capability = capabilityKey(accessSeed);
    const last = openedWith.get(logId);
    const isKey = last !== undefined && equalBytes(last, capability.publicKey);
    if (!isKey || openedAt.get(logId) !== origin) openAnew(roomId, logId);
    openedWith.set(logId, capability.publicKey);
    openedAt.set(logId, origin);
    const open = { logId, right: "append", capability, writer: writerKey(identity.seeds, logId) } as const;
    const opened = await guests.open(origin, open);
    if (opened.ok) return noteOpened(room, opened.value);
    const isAbsent = !opened.ok && opened.error.type === "Refused" && opened.error.code === "unknown-log";
    const home = all.home();
    const wasThere = await serial.run(() => hasBeenThere(room));
    if (!wasThere.ok) return wasThere;
    // RM61: what was there before is not made a second time, as if nothing had been.
    if (wasThere.value) return opened;
    // Its founder makes the log, over the connection of the account that pays for it.
    if (!isAbsent || origin !== identity.origin || home === null) return opened;
    const awaited = await serial.run(() => awaitsMaker(roomId, logId));
    if (!awaited.ok || awaited.value) return awaited.ok ? opened : awaited;
    const appendKey = capability.publicKey;
    const created = await home.call("done", { type: "createLog", logId, kind: "room", appendKey });
    if (!created.ok) return created;
    const made = await guests.open(origin, open);
    return made.ok ? noteOpened(room, made.value) : made;
  }

  /** RM61: others may have written into it before this device reads anything. */
  async function noteOpened(room: RoomRecord, log: GuestLog): Promise<Result<GuestLog, ClientError>> {
    absentSinceMs.delete(log.channel.logId);
    const noted = await serial.run(() => intake.noteOpened(room));
    return noted.ok ? ok(log) : noted;
  }

  /** RM61: who is in no group does not know whether the log was there, and is not to make another one beside it. */
  async function awaitsMaker(roomId: ConversationId, logId: LogId): Promise<Result<boolean, ClientError>> {
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    if (group.value !== null && isActive(group.value)) return ok(false);
    const nowMs = clock.nowMs();
    const sinceMs = absentSinceMs.get(logId) ?? nowMs;
    absentSinceMs.set(logId, sinceMs);
    return ok(Math.abs(nowMs - sinceMs) < MAKER_WAIT_MS);
  }

  /** Reads what is there, and follows from there on. True when the group or the position moved. */
  async function readOn(
    roomId: ConversationId,
    room: RoomRecord,
    { channel }: GuestLog,
  ): Promise<Result<boolean, ClientError>> {
    const { logId } = channel;
    const before = await serial.run(() => intake.reader(room));
    if (!before.ok) return before;
    // The head is of the moment the log was opened: what was read since may well be past it.
    if (!checkedHeads.has(channel)) {
      const checked = checkHead(before.value, channel.head);
      if (!checked.ok) return context.distrustLog(logId, checked.error);
      checkedHeads.add(channel);
    }
    const sinceMs = deliveredMs.get(logId) ?? context.spans?.monotonicMs() ?? 0;
    // What has been delivered by now is taken by the next line, or was read before.
    deliveredMs.delete(logId);
    const passed = await passTrimmed(roomId, room, channel);
    if (!passed.ok || passed.value) return passed;
    const entries = await nextEntries(logId, before.value.point.seq, channel);
    if (!entries.ok) return isTrimmed(entries.error) ? openAgain(roomId, logId) : entries;
    if (entries.value.length === 0) return subscribe(roomId, room, channel);
    const taken = await serial.run(() => intake.take(roomId, room, entries.value));
    context.spans?.received(sinceMs, taken);
    if (!taken.ok) return taken;
    if (taken.value.type === "join") {
      const { invitation } = taken.value;
      const joined = await joinRoom(context, deps, { roomId, room, invitation });
      if (!joined.ok) return joined;
      // Back in the group: what did not open may be asked for at once.
      if (joined.value !== null) all.onBack(roomId);
      // Said before this device was in, in a log that began anew.
      const isWhole = channel.head.incarnation > 0 && channel.trimmedUpto === 0;
      const first = isWhole ? await channel.read(0) : ok({ entries: [] });
      // It was let go while this channel was open.
      if (!first.ok && !isTrimmed(first.error)) return first;
      const read = { ...invitation, first: first.ok ? first.value.entries : [] };
      const passed = await serial.run(() => intake.pass(roomId, room, read, joined.value));
      if (!passed.ok) return passed;
    }
    return ok(true);
  }

  /** RM74: what nobody in the room needed any more is gone; its ids still make the chain. True when the position moved. */
  async function passTrimmed(
    roomId: ConversationId,
    room: RoomRecord,
    channel: GuestLog["channel"],
  ): Promise<Result<boolean, ClientError>> {
    const { trimmedUpto, logId } = channel;
    for (let page = 0; page < PAGES_MAX; page++) {
      const reader = await serial.run(() => intake.reader(room));
      if (!reader.ok) return reader;
      const { seq } = reader.value.point;
      const left = trimmedUpto - seq;
      if (left <= 0) return ok(page > 0);
      const named = await channel.readIds(seq);
      if (!named.ok) return named;
      const ids = named.value.ids.slice(0, left);
      if (ids.length === 0)
        return context.distrustLog(logId, { type: "LogGap", expectedSeq: seq + 1, seq: trimmedUpto });
      const after = passIds(reader.value, ids);
      const passed = await serial.run(() => intake.passTrimmed(roomId, room, after, trimmedUpto));
      if (!passed.ok) return passed;
    }
    return ok(true);
  }

  /** Where its end is now the server says when it is opened. */
  function openAgain(roomId: ConversationId, logId: LogId): Result<boolean, ClientError> {
    openAnew(roomId, logId);
    return ok(true);
  }

  async function nextEntries(
    logId: LogId,
    after: number,
    channel: GuestLog["channel"],
  ): Promise<Result<readonly PlacedEntry[], ClientError>> {
    const here = (delivered.get(logId) ?? []).filter(({ seq }) => seq > after);
    delivered.set(logId, []);
    if (here[0]?.seq === after + 1) return ok(here);
    if (here.length === 0 && subscribed.has(logId) && !unread.has(logId)) return ok(here);
    const page = await channel.read(after);
    if (!page.ok) return page;
    if (page.value.entries.length === 0) unread.delete(logId);
    return ok(page.value.entries);
  }

  async function subscribe(
    roomId: ConversationId,
    room: RoomRecord,
    channel: GuestLog["channel"],
  ): Promise<Result<boolean, ClientError>> {
    const { logId } = channel;
    if (subscribed.has(logId)) return ok(false);
    const now = await serial.run(() => intake.reader(room));
    if (!now.ok) return now;
    if (now.value.point.seq === channel.head.seq) {
      const same = checkQuote(now.value, channel.head);
      if (!same.ok) return context.distrustLog(logId, same.error);
    }
    followed.set(logId, channel);
    const following = await channel.subscribe(now.value.point.seq, (entries) => {
      // What comes from where the log was before is of no use.
      if (followed.get(logId) !== channel) return;
      // LG21: nothing more comes by this key. Whoever follows in another way is to ask.
      if (entries.length === 0) subscribed.delete(logId);
      delivered.set(logId, [...(delivered.get(logId) ?? []), ...entries]);
      if (context.spans !== null && entries.length > 0 && !deliveredMs.has(logId))
        deliveredMs.set(logId, context.spans.monotonicMs());
      all.kick(roomId);
    });
    if (!following.ok && isForbidden(following.error)) {
      // RM30: what the key opens has ended. What replaced it may have come since that was read to its end.
      const hasMore = await isMoreThere(room, channel);
      if (hasMore.ok && !hasMore.value) cutOff.add(roomId);
      const noted = await settleGap(roomId, () => {});
      return noted.ok ? hasMore : noted;
    }
    if (!following.ok) return following;
    // RM74: who was taken out is not in the way of what goes; who has the present key, and was in the group, is.
    const told = await settleGap(roomId, (fault) => context.raise({ type: "LogDistrusted", logId, fault }));
    if (!told.ok) return told;
    cutOff.delete(roomId);
    subscribed.add(logId);
    return ok(false);
  }

  /** It shows which key the log has, so what was gone before it was read is told, or was to go. RM74 */
  async function settleGap(
    roomId: ConversationId,
    tell: (fault: LogFault) => void,
  ): Promise<Result<void, ClientError>> {
    const gap = await context.tables.roomgap.get(roomId);
    if (!gap.ok || gap.value === null) return gap.ok ? ok() : gap;
    tell({ type: "LogGap", ...gap.value });
    return store.batch([context.tables.roomgap.remove(roomId)]);
  }

  /** Whether the log has entries for the key that were not read yet. */
  async function isMoreThere(
    room: RoomRecord,
    channel: GuestLog["channel"],
  ): Promise<Result<boolean, ClientError>> {
    const now = await serial.run(() => intake.reader(room));
    if (!now.ok) return now;
    const page = await channel.read(now.value.point.seq);
    return page.ok ? ok(page.value.entries.length > 0) : page;
  }

  async function send(
    roomId: ConversationId,
    room: RoomRecord,
    { channel }: GuestLog,
    departing: Departing,
  ): Promise<Result<boolean, ClientError>> {
    context.spans?.tried(departing.outKeys);
    const result = await appendOne(channel, departing);
    if (!result.ok && isForbidden(result.error) && !cutOff.has(roomId)) {
      // The key was replaced meanwhile: the entry that did it is read first. Nothing else says that nothing did.
      const hasMore = room.standing.standing === "joined" ? await isMoreThere(room, channel) : ok(false);
      if (!hasMore.ok) return hasMore;
      openAnew(roomId, channel.logId);
      if (!hasMore.value) cutOff.add(roomId);
      return ok(true);
    }
    if (!result.ok) return result;
    const answer = result.value;
    if (answer === null) return ok(false);
    const settled = await serial.run(() => outgoing.settle(roomId, room, departing, answer));
    if (!settled.ok) {
      guests.forget(channel.logId);
      return settled;
    }
    const left = await serial.run(() => forgetLeft(roomId, room));
    if (!left.ok) return left;
    // A commit that has its place is read back like any other entry, and with it all that came before it.
    const read = departing.isCommit || !settled.value ? await readToEnd(roomId, room, channel) : ok();
    if (!read.ok) return read;
    all.onChanged();
    return ok(true);
  }

  function appendOne(
    channel: GuestLog["channel"],
    { entry, rekey }: Departing,
  ): Promise<Result<AppendResult | null, ClientError>> {
    if (rekey !== null) return channel.appendAndRekey(entry, rekey);
    return channel.append([entry]).then((results) => (results.ok ? ok(results.value[0] ?? null) : results));
  }

  /** The group of a room that was left, once its others have been told. */
  async function forgetLeft(roomId: ConversationId, room: RoomRecord): Promise<Result<void, ClientError>> {
    const waiting = await outgoing.waiting(roomId);
    if (!waiting.ok) return waiting;
    if (room.standing.standing === "joined" || waiting.value !== null) return ok();
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    const stored = await store.batch(forgotten.value);
    if (stored.ok) groups.keep(roomId, null);
    return stored;
  }

  /** What was delivered may be a moment behind the answer; reading it makes sure. */
  async function readToEnd(
    roomId: ConversationId,
    room: RoomRecord,
    channel: GuestLog["channel"],
  ): Promise<Result<void, ClientError>> {
    if (room.standing.standing !== "joined") return ok();
    for (let page = 0; page < PAGES_MAX; page++) {
      const before = await serial.run(() => intake.reader(room));
      if (!before.ok) return before;
      const read = await channel.read(before.value.point.seq);
      if (!read.ok) return read;
      if (read.value.entries.length === 0) return ok();
      const sinceMs = context.spans?.monotonicMs() ?? 0;
      const taken = await serial.run(() => intake.take(roomId, room, read.value.entries));
      context.spans?.received(sinceMs, taken);
      // A Welcome is for the next step, and so is what other keys open.
      if (!taken.ok || taken.value.type !== "done") return taken.ok ? ok() : taken;
    }
    return ok();
  }

  return {
    guests,
    isCutOff: (roomId) => cutOff.has(roomId),
    look: (logId) => void unread.add(logId),
    openAnew,
    openOnceMore,
    open,
    hasBeenThere,
    readOn,
    send,
    close: () => {
      subscribed.clear();
      delivered.clear();
      deliveredMs.clear();
      void guests.closeAll();
    },
  };
}

function isTrimmed(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "log-trimmed";
}

function isForbidden(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "forbidden";
}
