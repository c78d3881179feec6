/**
 * Rooms of this account on this device: what people do in them, and the loop that reads, joins, commits and sends until there
 * is nothing left to do. Rules RM13, RM18-RM27.
 */
import { toHex } from "../../base/bytes.ts";
import type { AccountId, ConversationId, LogId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { decode, encode } from "../../codec/shape.ts";
import type { Documents } from "../../document/documents.ts";
import { intentKey, type RoomIntent, type RoomPart, type RoomRecord } from "../../document/groups.ts";
import { createGroupCrypto } from "../../group/crypto-provider.ts";
import { isActive } from "../../group/group.ts";
import { checkHead, checkQuote } from "../../log/log-reader.ts";
import { OP_KIND } from "../../messenger/op.ts";
import { memberOf, type RoomContext, roomConversationId } from "../../messenger/room/room-context.ts";
import { type RoomInvitation, roomInvitationPayloadShape } from "../../messenger/room/room-invitation.ts";
import type { PlacedEntry } from "../../protocol/entry.ts";
import type { AppendResult } from "../../protocol/server-frame.ts";
import { activeDevices } from "../../sigchain/chain-state.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ChainStore } from "../chain-store.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook } from "../contact-book.ts";
import type { Conversations } from "../conversations.ts";
import { capabilityKey, writerKey } from "../device-identity.ts";
import type { Lifetimes } from "../deletion/lifetimes.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../gateway.ts";
import type { OpStore } from "../op-store.ts";
import { createGuestGateways, type GuestLog } from "../guest-gateways.ts";
import { isDialable } from "../inbound.ts";
import { createRoomBook, keysOf, type RoomBook } from "./room-book.ts";
import { publicRoomKey } from "./room-keys.ts";
import { createRoomAnew } from "./room-anew.ts";
import { createRoomFounding } from "./room-founding.ts";
import { createRoomCommits, type Departing } from "./room-commits.ts";
import type { PlacedRoom } from "./room-home.ts";
import { createRoomGroups, type RoomGroups } from "./room-groups.ts";
import { createRoomHistories, type RoomHistories } from "./room-history.ts";
import { createRoomIntake } from "./room-intake.ts";
import { roomContextOf } from "./room-judge.ts";
import { createRoomLandmarks } from "./room-landmarks.ts";
import { joinRoom } from "./room-joining.ts";
import { createRoomLinks } from "./room-links.ts";
import { type RoomMissed, SIBLING_WAIT_MS } from "./room-missed.ts";
import type { RoomOutbox } from "./room-outbox.ts";
import { createRoomPlanner } from "./room-plan.ts";
import { createRoomRestart } from "./room-restart.ts";
import { createRoomUnproven } from "./room-unproven.ts";

/** Steps one run takes in a room; what is left comes with the next. */
const STEPS_MAX = 256;
/** How often a device that cannot follow asks to be added again. */
const REJOIN_INTERVAL_MS = 60_000;
/** A room that could not go on is tried again after this long, and after twice as long each time. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** How often a device says where it stands in a room. */
const STAND_INTERVAL_MS = 60_000;
/** When a commit that could not be made is tried again, with nothing else asked of the room. */
const REPLAN_INTERVAL_MS = 3_600_000;

export interface RoomsDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
  readonly contacts: ContactBook;
  readonly conversations: Conversations;
  readonly chains: ChainStore;
  readonly outbox: RoomOutbox;
  readonly missed: RoomMissed;
  readonly lifetimes: Pick<Lifetimes, "limit" | "isHidden" | "perishesAtMs">;
  readonly ops: Pick<OpStore, "page" | "get">;
  /** The signed-in connection to the home server, or null. */
  home(): Gateway | null;
  displayName(): Promise<Result<string, ClientError>>;
  acceptContact(accountId: AccountId): Promise<Result<void, ClientError>>;
  onChanged(): void;
  onFault(error: ClientError): void;
  /** The log of a room is there; `begun` is one that was begun anew. */
  onRoomHere(roomId: ConversationId, begun: LogId | null): void;
}

export interface Rooms {
  readonly book: RoomBook;
  readonly groups: RoomGroups;
  readonly histories: Pick<RoomHistories, "prover" | "earlier">;
  /** The room as its group has it; null while this device is not in it. */
  contextOf(roomId: ConversationId): Promise<Result<RoomContext | null, ClientError>>;
  create(name: string): Promise<Result<ConversationId, ClientError>>;
  /** Asks something of a room; it is carried out by whichever own device can first. Runs within the serial. */
  ask(roomId: ConversationId, intent: RoomIntent): Promise<Result<void, ClientError>>;
  accept(roomId: ConversationId): Promise<Result<void, ClientError>>;
  /** Declines an invitation, or leaves. */
  leave(roomId: ConversationId): Promise<Result<void, ClientError>>;
  /** Takes over invitations that came, and judges who asks to come in. Runs within the serial. */
  takeInvitations(): Promise<Result<void, ClientError>>;
  /** Does in every room what can be done now. True when anything moved. */
  advanceAll(): Promise<Result<boolean, ClientError>>;
  /** Looks after a room soon. */
  kick(roomId: ConversationId): void;
  kickAll(): void;
  /**
   * Begins the logs of rooms this account has founded anew, as far as its server lost them; `former` is where it was before a move.
   * Gives how many.
   */
  putBack(gateway: Gateway, former: string | null): Promise<Result<number, ClientError>>;
  close(): void;
}

export function createRooms(all: RoomsDeps): Rooms {
  const { context, contacts, conversations, chains, outbox, missed } = all;
  const { tables, store, identity, random, clock, serial } = context;
  const deps = { suite: createGroupCrypto(random) };
  const book = createRoomBook(all.log, all.documents, tables);
  const groups = createRoomGroups(tables, deps);
  const anew = createRoomAnew(tables);
  const landmarks = createRoomLandmarks(tables);
  /** Rooms whose others are to be told what this device sees, and when they were last. */
  const owed = new Set<ConversationId>();
  const toldAtMs = new Map<ConversationId, number>();
  const askedAtMs = new Map<ConversationId, number>();
  /** What was asked of a room when its commit could not be made, and when. */
  const unmade = new Map<ConversationId, { readonly asked: string; readonly atMs: number }>();
  /** Rooms this account is out of, and of which nothing is here any more that opens them. */
  const leftBehind = new Set<ConversationId>();
  /** Rooms whose log is where it should be. */
  const here = new Set<ConversationId>();
  const running = new Map<
    ConversationId,
    { again: boolean; readonly done: Promise<Result<boolean, ClientError>> }
  >();
  const subscribed = new Set<LogId>();
  /** With keys of which generation each log is open. */
  const openedWith = new Map<LogId, number>();
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
    if (logIds.some((logId) => subscribed.has(logId))) retryLater();
    for (const logId of logIds) {
      subscribed.delete(logId);
      delivered.delete(logId);
      deliveredMs.delete(logId);
      unread.add(logId);
    }
  });
  const unproven = createRoomUnproven({
    context,
    groups,
    conversations,
    limit: all.lifetimes.limit,
    kick: (roomId) => kick(roomId),
    onChanged: all.onChanged,
  });
  const intake = createRoomIntake({
    context,
    chains,
    book,
    groups,
    conversations,
    outbox,
    missed,
    anew,
    landmarks,
    unproven,
    limit: all.lifetimes.limit,
    deps,
    onDisagreement: (roomId) => void owed.add(roomId),
    onAgreement: (roomId) => void owed.delete(roomId),
    onElsewhere: (roomId) => {
      restart.noteElsewhere(roomId);
      kick(roomId);
    },
    onChanged: all.onChanged,
  });
  const commits = createRoomCommits({ context, chains, groups, outbox, intake, missed, anew, deps });
  const histories = createRoomHistories({
    context,
    book,
    groups,
    conversations,
    log: all.log,
    ops: all.ops,
    lifetimes: all.lifetimes,
    seal: commits.sealWord,
    kick: (roomId) => kick(roomId),
    onChanged: all.onChanged,
  });
  const links = createRoomLinks({
    context,
    book,
    contacts,
    acceptContact: all.acceptContact,
    onAsked: (roomId) => kick(roomId),
  });
  const founding = createRoomFounding({
    context,
    book,
    groups,
    landmarks,
    anew,
    intake,
    commits,
    deps,
    displayName: all.displayName,
  });
  const planner = createRoomPlanner({ context, contacts, groups, deps });
  const restart = createRoomRestart({
    context,
    contacts,
    book,
    groups,
    intake,
    commits,
    anew,
    guests,
    home: all.home,
    contextOf,
    openAnew,
    lookLater,
  });
  const nowMs = () => Math.max(0, clock.nowMs());
  let cancelLook: (() => void) | null = null;
  let cancelRetry: (() => void) | null = null;
  let retryMs = RETRY_MIN_MS;

  async function known(roomId: ConversationId): Promise<Result<RoomRecord, ClientError>> {
    const room = await book.get(roomId);
    if (!room.ok) return room;
    return room.value === null ? err({ type: "UnknownRoom" }) : ok(room.value);
  }

  async function contextOf(roomId: ConversationId): Promise<Result<RoomContext | null, ClientError>> {
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    return ok(group.value === null || !isActive(group.value) ? null : roomContextOf(group.value));
  }

  async function ask(roomId: ConversationId, intent: RoomIntent): Promise<Result<void, ClientError>> {
    const key = intentKey(toHex(random.bytes(16)));
    const asked = await book.set(roomId, new Map([[key, { type: "intent", intent, order: nowMs() }]]));
    kick(roomId);
    return asked;
  }

  async function accept(roomId: ConversationId): Promise<Result<void, ClientError>> {
    const room = await known(roomId);
    if (!room.ok) return room;
    if (room.value.standing.standing !== "invited") return err({ type: "NotInvited" });
    const standing: RoomPart = {
      type: "standing",
      ...room.value.standing,
      standing: "joined",
      atMs: nowMs(),
    };
    // What was said while this account was not in it is not for it.
    const fresh = intake.startAfresh(roomId, room.value.keys.logId);
    const stored = await book.set(roomId, new Map([["standing", standing]]), { with: fresh.writes });
    if (!stored.ok) return stored;
    fresh.commit();
    kick(roomId);
    return stored;
  }

  async function leave(roomId: ConversationId): Promise<Result<void, ClientError>> {
    const room = await known(roomId);
    if (!room.ok) return room;
    const { standing } = room.value;
    if (standing.standing !== "invited" && standing.standing !== "joined") return err({ type: "NotInRoom" });
    const departure = await commits.sealDeparture(roomId, room.value);
    if (!departure.ok) return departure;
    // What is sealed already goes before the departure, and counts.
    const letters = await tables.letter.scan({ under: [roomId] });
    if (!letters.ok) return letters;
    const onItsWay = new Set(letters.value.flatMap(({ value }) => value.outKeys));
    const unsent = outbox.fail(
      outbox.keysOf(roomId).filter((key) => !onItsWay.has(key)),
      "outside",
    );
    const part: RoomPart = {
      type: "standing",
      ...standing,
      standing: standing.standing === "invited" ? "declined" : "left",
      atMs: nowMs(),
    };
    // The group stays until the departure has its place: what opens the log may change before.
    const rows = [tables.commit.remove(roomId), ...departure.value, ...unsent.writes];
    const stored = await book.set(roomId, new Map([["standing", part]]), { with: rows });
    if (!stored.ok) return stored;
    unsent.commit();
    kick(roomId);
    return ok();
  }

  /** RM13: an invitation of an accepted contact; a room that was left is offered again by a later membership only. */
  async function takeInvitations(): Promise<Result<void, ClientError>> {
    const rows = await tables.invitation.scan();
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      const remove = tables.invitation.remove(...rowKeyParts(key).slice(1));
      const invitation = decode(roomInvitationPayloadShape, value.payload);
      const contact = await contacts.get(value.by);
      if (!contact.ok) return contact;
      const isGood =
        invitation.ok &&
        contact.value?.state === "accepted" &&
        isDialable(invitation.value.keys.origin, identity.origin);
      const taken = isGood
        ? await takeInvitation(value.by, invitation.value, remove)
        : await store.batch([remove]);
      if (!taken.ok) return taken;
    }
    return ok();
  }

  async function takeInvitation(
    by: AccountId,
    { keys, name, sinceEpoch, history }: RoomInvitation,
    remove: ReturnType<typeof tables.invitation.remove>,
  ): Promise<Result<void, ClientError>> {
    const roomId = roomConversationId(keys.logId);
    const room = await book.get(roomId);
    if (!room.ok) return room;
    if (room.value !== null && room.value.standing.since >= sinceEpoch) return store.batch([remove]);
    const { from, ...opens } = keys;
    const wanted = await book.wanted(roomId);
    if (!wanted.ok) return wanted;
    // RM32: who has asked by a link has said yes.
    const isWanted = wanted.value?.by === by && wanted.value.atMs > (room.value?.standing.atMs ?? 0);
    const joined = isWanted ? ("joined" as const) : ("invited" as const);
    const parts = new Map<string, RoomPart>([
      ["keys", { type: "keys", ...opens, fromSeq: from.seq, fromChain: from.chain }],
      ["standing", { type: "standing", since: sinceEpoch, standing: joined, by, atMs: nowMs() }],
    ]);
    parts.set("history", { type: "history", epoch: sinceEpoch, history });
    if (room.value === null) parts.set("info", { type: "info", epoch: 0, name, about: "", members: [] });
    const fresh = isWanted ? intake.startAfresh(roomId, opens.logId) : null;
    const stored = await book.set(roomId, parts, { with: [remove, ...(fresh?.writes ?? [])] });
    if (stored.ok) fresh?.commit();
    all.onChanged();
    if (isWanted) kick(roomId);
    return stored;
  }

  async function advanceAll(): Promise<Result<boolean, ClientError>> {
    const rooms = await serial.run(async () => {
      book.refresh();
      const taken = await takeInvitations();
      const joins = taken.ok ? await links.takeJoins() : taken;
      return joins.ok ? book.all() : joins;
    });
    if (!rooms.ok) return rooms;
    let moved = false;
    for (const [roomId, room] of rooms.value) {
      unread.add(room.keys.logId);
      const advanced = await advance(roomId);
      // One room, or its server, must not keep the others waiting.
      if (!advanced.ok && isLocal(advanced.error)) return advanced;
      if (!advanced.ok) all.onFault(advanced.error);
      moved ||= advanced.ok && advanced.value;
    }
    return ok(moved);
  }

  /** One run a room at a time; what comes meanwhile starts another. */
  function advance(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    const current = running.get(roomId);
    if (current !== undefined) {
      current.again = true;
      return current.done;
    }
    const state = { again: false, done: Promise.resolve<Result<boolean, ClientError>>(ok(false)) };
    const work = async (): Promise<Result<boolean, ClientError>> => {
      let moved = false;
      for (;;) {
        state.again = false;
        const run = await advanceOnce(roomId);
        if (!run.ok) {
          if (!isLocal(run.error) && run.error.type !== "LogDistrusted") retryLater();
          return run;
        }
        retryMs = RETRY_MIN_MS;
        moved ||= run.value;
        if (!state.again) return ok(moved);
      }
    };
    const done = work().finally(() => running.delete(roomId));
    state.done = done;
    running.set(roomId, state);
    return done;
  }

  async function advanceOnce(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    let moved = false;
    for (let step = 0; step < STEPS_MAX; step++) {
      const room = await serial.run(() => book.get(roomId));
      if (!room.ok || room.value === null) return room.ok ? ok(moved) : room;
      const stepped = await stepRoom(roomId, room.value);
      if (!stepped.ok) return stepped;
      if (!stepped.value) return ok(moved);
      moved = true;
    }
    return ok(moved);
  }

  /** One thing there is to do in a room; false when there is none. */
  async function stepRoom(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>> {
    const { standing } = room.standing;
    const departing = await serial.run(() => commits.waiting(roomId));
    if (!departing.ok) return departing;
    if (standing === "joined") leftBehind.delete(roomId);
    if (standing !== "joined" && (departing.value === null || standing === "invited"))
      return serial.run(() => goOutside(roomId, room));
    const moved = await serial.run(() => takeSharedKeys(roomId, room));
    if (!moved.ok || moved.value) return moved;
    const placed = await restart.placeOf(roomId, room);
    if (!placed.ok) return placed;
    const opened = await openLog(placed.value);
    if (!opened.ok) {
      const found = await restart.findAgain(placed.value, opened.error);
      // Who comes in again looks for themselves.
      if (!found.ok && isUnknownLog(found.error) && standing === "joined") {
        const isOurs = placed.value.home.founder === identity.accountId;
        const wasThere = await serial.run(() => hasBeenThere(room));
        if (!wasThere.ok) return wasThere;
        // One's own may still have to be made, when the server is there.
        if (!isOurs || wasThere.value) context.raise({ type: "RoomGone", roomId, isOurs });
        here.delete(roomId);
      }
      return !found.ok && isForbidden(found.error) ? regain(placed.value, found.error) : found;
    }
    const entered = await restart.enter(placed.value, opened.value.channel);
    if (entered.ok && (entered.value || !here.has(roomId)))
      all.onRoomHere(roomId, entered.value ? room.keys.logId : null);
    if (entered.ok) here.add(roomId);
    if (!entered.ok || entered.value) return entered;
    if (standing === "joined" || cutOff.has(roomId)) {
      const read = await readOn(roomId, room, opened.value);
      if (!read.ok || read.value) return read;
    }
    if (cutOff.has(roomId)) {
      const opens = await restart.tryFormerKeys(placed.value);
      return !opens.ok || opens.value ? opens : regain(placed.value, null);
    }
    if (standing === "joined") {
      const begun = await serial.run(() => restart.sayBegun(placed.value));
      if (!begun.ok || begun.value) return begun;
      const brought = await serial.run(() => restart.bring(placed.value));
      if (!brought.ok) return brought;
      const isUnbegun = await serial.run(() => restart.isUnbegun(roomId));
      if (!isUnbegun.ok || isUnbegun.value) return isUnbegun.ok ? ok(brought.value) : isUnbegun;
    }
    const waiting = await serial.run(() => commits.waiting(roomId));
    if (!waiting.ok) return waiting;
    if (waiting.value !== null) return send(roomId, room, opened.value, waiting.value);
    if (standing !== "joined") return ok(false);
    const positioned = await serial.run(() => commits.sealPosition(roomId, room));
    if (!positioned.ok || positioned.value) return positioned;
    const told = await serial.run(() => tellInvitees(placed.value));
    if (!told.ok || told.value) return told;
    const begun = await serial.run(() => founding.createAnew(roomId, room));
    if (!begun.ok || begun.value) return begun;
    const asked = await serial.run(() => askToComeBack(roomId, room));
    if (!asked.ok || asked.value) return asked;
    const stood = await serial.run(() => takeStand(roomId, room));
    if (!stood.ok || stood.value) return stood;
    const redone = await serial.run(() => restart.redo(roomId));
    if (!redone.ok || redone.value) return redone;
    const planned = await planAndMake(roomId, room);
    if (!planned.ok || planned.value) return planned;
    const sealed = await serial.run(() => commits.sealLetter(roomId, room));
    if (!sealed.ok || sealed.value) return sealed;
    // Both ask servers of others: nothing that is to be sent waits for them.
    const proven = await unproven.prove(roomId, keysOf(room).logId);
    if (!proven.ok || proven.value) return proven;
    const judged = await histories.judge(roomId, room);
    if (!judged.ok || judged.value) return judged;
    return serial.run(() => histories.speak(roomId, room));
  }

  /** RM33, RM67: this account is out, here or by a sibling, and nothing is on its way: what waits never goes, and the keys do. */
  async function goOutside(
    roomId: ConversationId,
    { standing: { standing }, keys }: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const failed = await failOutside(roomId);
    if (!failed.ok || standing === "invited" || leftBehind.has(roomId)) return failed;
    guests.forget(keys.logId);
    const left = await intake.leaveBehind(roomId, keys.logId);
    if (!left.ok) return left;
    leftBehind.add(roomId);
    return failed;
  }

  async function failOutside(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    const unsent = outbox.fail(outbox.keysOf(roomId), "outside");
    if (unsent.writes.length === 0) return ok(false);
    const stored = await store.batch(unsent.writes);
    if (!stored.ok) return stored;
    unsent.commit();
    all.onChanged();
    return ok(false);
  }

  /** RM30: a device that is in no group, or gets nowhere with its keys, goes on with newer ones of a sibling's. */
  async function takeSharedKeys(
    roomId: ConversationId,
    room: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const shared = await book.shared(roomId);
    if (!shared.ok || shared.value === null) return shared.ok ? ok(false) : shared;
    if (shared.value.keys.generation <= room.keys.generation) return ok(false);
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const isIn = group.value !== null && isActive(group.value);
    const begun = await anew.of(roomId);
    if (!begun.ok) return begun;
    // RM62: of a log that began anew newer keys may be those of a group that was given up.
    if ((isIn || begun.value !== null) && !cutOff.has(roomId)) return ok(false);
    // Until what replaced them is brought again, its own are older too.
    const own = group.value === null ? null : roomContextOf(group.value);
    if (isIn && own !== null && own.keysSince >= shared.value.keys.generation) return ok(false);
    const moved = await intake.moveTo(roomId, shared.value);
    return moved.ok ? ok(true) : moved;
  }

  /**
   * RM30: the log has another key than the one the group gives, and nothing says why. Its founder's account, which owns it, sets it
   * right; others wait for that.
   */
  async function regain(
    { roomId, room, home: { origin } }: PlacedRoom,
    error: ClientError | null,
  ): Promise<Result<boolean, ClientError>> {
    const { logId } = keysOf(room);
    const now = await serial.run(() => contextOf(roomId));
    if (!now.ok) return now;
    const self = now.value === null ? null : memberOf(now.value, identity.accountId);
    const home = all.home();
    if (self?.sinceEpoch !== 0 || origin !== identity.origin || home === null)
      return error === null ? ok(false) : err(error);
    const set = await home.call("done", { type: "setLogKey", logId, appendKey: publicRoomKey(room.keys) });
    if (!set.ok) return set;
    openAnew(roomId, logId);
    return ok(true);
  }

  function openAnew(roomId: ConversationId, logId: LogId): void {
    guests.forget(logId);
    followed.delete(logId);
    subscribed.delete(logId);
    delivered.delete(logId);
    deliveredMs.delete(logId);
    unread.add(logId);
    cutOff.delete(roomId);
  }

  /** Whether anything of a room's log was read, by this device or before it was told of the room. */
  async function hasBeenThere(room: RoomRecord): Promise<Result<boolean, ClientError>> {
    const reader = await intake.reader(room);
    if (!reader.ok) return reader;
    const { point } = reader.value;
    const { fromSeq, generation } = room.keys;
    return ok(point.seq > 0 || point.incarnation > 0 || fromSeq > 0 || generation > 0);
  }

  async function openLog({
    roomId,
    room,
    home: { origin },
  }: PlacedRoom): Promise<Result<GuestLog, ClientError>> {
    const { logId, accessSeed, generation } = keysOf(room);
    if (openedWith.get(logId) !== generation || openedAt.get(logId) !== origin) openAnew(roomId, logId);
    openedWith.set(logId, generation);
    openedAt.set(logId, origin);
    const capability = capabilityKey(accessSeed);
    const open = { logId, right: "append", capability, writer: writerKey(identity.seeds, logId) } as const;
    const opened = await guests.open(origin, open);
    const isAbsent = !opened.ok && opened.error.type === "Refused" && opened.error.code === "unknown-log";
    const home = all.home();
    const wasThere = await serial.run(() => hasBeenThere(room));
    if (!wasThere.ok) return wasThere;
    // RM61: what was there before is not made a second time, as if nothing had been.
    if (wasThere.value) return opened;
    // Its founder makes the log, over the connection of the account that pays for it.
    if (!isAbsent || origin !== identity.origin || home === null) return opened;
    const appendKey = capability.publicKey;
    const created = await home.call("done", { type: "createLog", logId, kind: "room", appendKey });
    if (!created.ok) return created;
    return guests.open(origin, open);
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
    const entries = await nextEntries(logId, before.value.point.seq, channel);
    if (!entries.ok) return entries;
    if (entries.value.length === 0) return subscribe(roomId, room, channel);
    const taken = await serial.run(() => intake.take(roomId, room, entries.value));
    context.spans?.received(sinceMs, taken);
    if (!taken.ok) return taken;
    if (taken.value.type === "join") {
      const { invitation } = taken.value;
      const joined = await joinRoom(context, deps, { roomId, room, invitation });
      if (!joined.ok) return joined;
      // Back in the group: what did not open may be asked for at once.
      if (joined.value !== null) toldAtMs.delete(roomId);
      const passed = await serial.run(() => intake.pass(roomId, room, invitation, joined.value));
      if (!passed.ok) return passed;
    }
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
      kick(roomId);
    });
    if (!following.ok && isForbidden(following.error)) {
      // RM30: what the key opens has ended. What replaced it may have come since that was read to its end.
      const last = await channel.read(now.value.point.seq);
      if (!last.ok || last.value.entries.length > 0) return last.ok ? ok(true) : last;
      cutOff.add(roomId);
      return ok(false);
    }
    if (!following.ok) return following;
    subscribed.add(logId);
    return ok(false);
  }

  async function send(
    roomId: ConversationId,
    room: RoomRecord,
    { channel }: GuestLog,
    departing: Parameters<typeof commits.settle>[2],
  ): Promise<Result<boolean, ClientError>> {
    context.spans?.tried(departing.outKeys);
    const result = await appendOne(channel, departing);
    if (!result.ok && isForbidden(result.error) && !cutOff.has(roomId)) {
      // The key was replaced meanwhile: the entry that did it is read first.
      openAnew(roomId, channel.logId);
      cutOff.add(roomId);
      return ok(true);
    }
    if (!result.ok) return result;
    const answer = result.value;
    if (answer === null) return ok(false);
    const settled = await serial.run(() => commits.settle(roomId, room, departing, answer));
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
    const waiting = await commits.waiting(roomId);
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
    for (let page = 0; page < STEPS_MAX; page++) {
      const before = await serial.run(() => intake.reader(room));
      if (!before.ok) return before;
      const read = await channel.read(before.value.point.seq);
      if (!read.ok) return read;
      if (read.value.entries.length === 0) return ok();
      const sinceMs = context.spans?.monotonicMs() ?? 0;
      const taken = await serial.run(() => intake.take(roomId, room, read.value.entries));
      context.spans?.received(sinceMs, taken);
      // A Welcome is for the next step.
      if (!taken.ok || taken.value.type === "join") return taken.ok ? ok() : taken;
    }
    return ok();
  }

  /** RM13: who was let in is told, in the conversation with them, in one transaction with knowing that they were. */
  async function tellInvitees({
    roomId,
    room,
    home: { origin },
  }: PlacedRoom): Promise<Result<boolean, ClientError>> {
    const rows = await tables.invitee.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      const [, , accountId = ""] = rowKeyParts(key);
      const remove = tables.invitee.remove(roomId, accountId);
      const contact = await contacts.get(accountId as AccountId);
      if (!contact.ok) return contact;
      if (contact.value?.state !== "accepted") {
        const dropped = await store.batch([remove]);
        if (!dropped.ok) return dropped;
        continue;
      }
      const payload = encode(roomInvitationPayloadShape, {
        keys: {
          ...keysOf(room),
          origin,
          generation: value.generation,
          accessSeed: value.accessSeed,
          roomKey: value.roomKey,
          from: value.from,
        },
        name: room.info?.name ?? "",
        sinceEpoch: value.sinceEpoch,
        history: room.history,
      });
      const written = await conversations.write(contact.value, OP_KIND.roomInvitation, payload, {
        storeWith: (writes) => store.batch([...writes, remove]),
      });
      if (!written.ok) return written;
    }
    return ok(rows.value.length > 0);
  }

  /** RM23: what this device has of the group leads nowhere, or it has nothing of it. */
  async function askToComeBack(
    roomId: ConversationId,
    room: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    if (group.value !== null && isActive(group.value)) return ok(false);
    const last = askedAtMs.get(roomId);
    if (last !== undefined && Math.abs(nowMs() - last) < REJOIN_INTERVAL_MS) return ok(false);
    askedAtMs.set(roomId, nowMs());
    const asked = await commits.sealRejoin(roomId, room);
    return asked.ok ? ok(true) : asked;
  }

  /** RM24, RM26: letters that did not open are asked for, and who may see another group is told what this device sees. */
  async function takeStand(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>> {
    const hasSiblings = activeDevices(context.chain()).length > 1;
    const missing = missed.due(roomId, nowMs(), hasSiblings);
    if (missing.length === 0 && missed.isWaiting(roomId)) lookLater();
    if (missing.length === 0 && !owed.has(roomId)) return ok(false);
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    if (group.value === null || !isActive(group.value)) return ok(false);
    const last = toldAtMs.get(roomId);
    if (last !== undefined && Math.abs(nowMs() - last) < STAND_INTERVAL_MS) {
      lookLater();
      return ok(false);
    }
    const sealed = await commits.sealStand(roomId, room, missing);
    if (!sealed.ok || !sealed.value) return sealed;
    toldAtMs.set(roomId, nowMs());
    owed.delete(roomId);
    return ok(true);
  }

  function lookLater(): void {
    cancelLook ??= clock.schedule(SIBLING_WAIT_MS, () => {
      cancelLook = null;
      kickAll();
    });
  }

  async function planAndMake(
    roomId: ConversationId,
    room: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const asked = room.intents.map(({ key }) => key).join(" ");
    const last = unmade.get(roomId);
    if (last?.asked === asked && Math.abs(nowMs() - last.atMs) < REPLAN_INTERVAL_MS) return ok(false);
    const made = await makePlanned(roomId, room);
    if (made.ok || (made.error.type !== "RoomTooLarge" && made.error.type !== "RoomRefused")) return made;
    // RM60: what cannot be committed holds up nothing else, and takes no more key packages of others.
    unmade.set(roomId, { asked, atMs: nowMs() });
    all.onFault(made.error);
    return ok(false);
  }

  async function makePlanned(
    roomId: ConversationId,
    room: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const planned = await planner.plan(roomId, room);
    if (!planned.ok || planned.value === null) return planned.ok ? ok(false) : planned;
    const { plan, settled } = planned.value;
    return serial.run(async (): Promise<Result<boolean, ClientError>> => {
      if (settled.length > 0) {
        const parts = new Map(settled.map((key) => [key, null]));
        const cleared = await book.set(roomId, parts);
        if (!cleared.ok) return cleared;
        all.onChanged();
      }
      return plan === null ? ok(false) : commits.make(roomId, room, plan);
    });
  }

  function kick(roomId: ConversationId): void {
    if (all.home() === null) return;
    void advance(roomId).then((advanced) => {
      if (!advanced.ok) all.onFault(advanced.error);
    });
  }

  /** What a connection did not carry, nobody asks for again: what was to be delivered on it least of all. */
  function retryLater(): void {
    cancelRetry ??= clock.schedule(retryMs, () => {
      cancelRetry = null;
      retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      kickAll();
    });
  }

  function kickAll(): void {
    if (all.home() === null) return;
    void advanceAll().then((advanced) => {
      if (!advanced.ok) all.onFault(advanced.error);
    });
  }

  return {
    book,
    groups,
    histories,
    contextOf,
    create: founding.create,
    ask,
    accept,
    leave,
    takeInvitations: async () => {
      const taken = await takeInvitations();
      return taken.ok ? links.takeJoins() : taken;
    },
    advanceAll,
    kick,
    kickAll,
    putBack: restart.putBack,
    close: () => {
      cancelLook?.();
      cancelRetry?.();
      histories.close();
      unproven.close();
      [cancelLook, cancelRetry] = [null, null];
      subscribed.clear();
      delivered.clear();
      deliveredMs.clear();
      void guests.closeAll();
    },
  };
}

function isForbidden(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "forbidden";
}

function isUnknownLog(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "unknown-log";
}

function isLocal(error: ClientError): boolean {
  return error.type === "StoreUnavailable" || error.type === "StoreCorrupt";
}
