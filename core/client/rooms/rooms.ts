/**
 * Rooms of this account on this device: what people do in them, and the loop that reads, joins, commits and sends until there
 * is nothing left to do. Rules RM13, RM18-RM27.
 */
import type { AccountId, ConversationId, LogId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import { newIntentKey, type RoomIntent, type RoomRecord } from "../../document/schema/groups.ts";
import { createGroupCrypto } from "../../group/crypto-provider.ts";
import { isActive } from "../../group/group.ts";
import type { RoomContext } from "../../messenger/room/room-context.ts";
import { isRoomLogOf } from "../../protocol/room-log-id.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ChainStore } from "../contacts/chain-store.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook } from "../contacts/contact-book.ts";
import type { Conversations } from "../conversations/conversations.ts";
import type { Lifetimes } from "../deletion/lifetimes.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../connection/gateway.ts";
import type { OpStore } from "../conversations/op-store.ts";
import { createRetries, type RetryTimes } from "../retries.ts";
import { createRoomBook, keysOf, type RoomBook } from "./room-book.ts";
import { createRoomKeySetting } from "./log/room-key-setting.ts";
import { createRoomAsking } from "./log/room-asking.ts";
import { createRoomKeyAsking } from "./membership/room-key-asking.ts";
import { createRoomInvitations } from "./membership/room-invitations.ts";
import { createRoomLogs } from "./log/room-log.ts";
import { createRoomAnew } from "./log/room-anew.ts";
import { createRoomRelease } from "./log/room-release.ts";
import { createRoomCalling } from "./membership/room-calling.ts";
import { createRoomFounding } from "./membership/room-founding.ts";
import { createRoomSending } from "./sending/room-sending.ts";
import type { PlacedRoom } from "./log/room-home.ts";
import { createRoomGroups, type RoomGroups } from "./membership/room-groups.ts";
import { createRoomHistories, type RoomHistories } from "./history/room-history.ts";
import { createRoomIntake } from "./reading/room-intake.ts";
import { roomContextOf } from "./reading/room-judge.ts";
import { createRoomLandmarks } from "./log/room-landmarks.ts";
import { createRoomLinks } from "./membership/room-links.ts";
import { type RoomMissed, SIBLING_WAIT_MS } from "./reading/room-missed.ts";
import type { RoomOutbox } from "./room-outbox.ts";
import { createRoomPlanner } from "./membership/room-plan.ts";
import { createRoomRenewal } from "./membership/room-renewal.ts";
import { createRoomRedo } from "./log/room-redo.ts";
import { createRoomRestart } from "./log/room-restart.ts";
import { createRoomUnproven } from "./reading/room-unproven.ts";

/** Steps one run takes in a room; what is left comes with the next. */
const STEPS_MAX = 256;
/** A room that could not go on is tried again after this long, and after twice as long each time. */
const RETRY: RetryTimes = { minMs: 1_000, maxMs: 60_000 };
/** When whoever could not be let in is looked for again, whose server did not answer or had no keys of theirs. */
const PLAN_RETRY: RetryTimes = { minMs: 60_000, maxMs: 3_600_000 };
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
  /** A chain of somebody has more links than before. */
  onChain(before: ChainState | null, after: ChainState): void;
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
  create(name: string, asked?: readonly RoomIntent[]): Promise<Result<ConversationId, ClientError>>;
  /** Asks something of a room; it is carried out by whichever own device can first. Runs within the serial. */
  ask(roomId: ConversationId, intent: RoomIntent): Promise<Result<void, ClientError>>;
  accept(roomId: ConversationId): Promise<Result<void, ClientError>>;
  /** Declines an invitation, or leaves. */
  leave(roomId: ConversationId): Promise<Result<void, ClientError>>;
  /** Takes over invitations that came, and judges who asks to come in. Runs within the serial. */
  /** Somebody has invited this account, or asks to come in by a link. */
  noteInvitation(): void;
  /** Does in every room what can be done now. True when anything moved. */
  advanceAll(): Promise<Result<boolean, ClientError>>;
  /** Looks after a room soon. */
  kick(roomId: ConversationId): void;
  kickAll(): void;
  /** IN13: the account's server has lost logs. */
  noteLost(): Promise<Result<void, ClientError>>;
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
  const calling = createRoomCalling(context);
  const unproven = createRoomUnproven({
    context,
    groups,
    conversations,
    limit: all.lifetimes.limit,
    lookIn,
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
    calling,
    limit: all.lifetimes.limit,
    deps,
    onChain: all.onChain,
    onDisagreement: (roomId) => asking.owe(roomId),
    onAgreement: (roomId) => asking.agree(roomId),
    onAsked: (roomId) => asking.oweTo(roomId),
    onCalled: (roomId, lacksKnown) => {
      asking.owe(roomId);
      if (lacksKnown) asking.askAgain(roomId, "in");
    },
    onLeft: (roomId) => asking.askAgain(roomId, "out"),
    onElsewhere: (roomId) => {
      restart.noteElsewhere(roomId);
      kick(roomId);
    },
    onChanged: all.onChanged,
  });
  const sending = createRoomSending({ context, chains, groups, outbox, intake, missed, anew, deps });
  const { commits, letters, outgoing } = sending;
  const asking = createRoomAsking({ context, groups, letters, missed, calling, lookIn });
  const keyAsking = createRoomKeyAsking({
    context,
    contacts,
    conversations,
    book,
    groups,
    intake,
    calling,
    kick: (roomId) => kick(roomId),
    onChanged: all.onChanged,
  });
  const invitations = createRoomInvitations({
    context,
    contacts,
    conversations,
    book,
    intake,
    keyAsking,
    letters,
    outbox,
    kick: (roomId) => kick(roomId),
    onChanged: all.onChanged,
  });
  const logs = createRoomLogs({
    context,
    groups,
    intake,
    outgoing,
    deps,
    home: all.home,
    onLost: () => allRetries.later("all"),
    onBack: asking.noteBack,
    onChanged: all.onChanged,
    kick: (roomId) => kick(roomId),
  });
  const histories = createRoomHistories({
    context,
    book,
    groups,
    conversations,
    log: all.log,
    ops: all.ops,
    lifetimes: all.lifetimes,
    seal: letters.sealWord,
    kick: (roomId) => kick(roomId),
    onChanged: all.onChanged,
  });
  const links = createRoomLinks({
    context,
    book,
    contacts,
    keyAsking,
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
    isUnanswered: asking.isUnanswered,
    displayName: all.displayName,
  });
  const planner = createRoomPlanner({ context, contacts, groups, calling, deps, lookIn });
  const renewal = createRoomRenewal({ context, groups, planner, commits, kick });
  const release = createRoomRelease({ context, chains, home: all.home, contextOf });
  const restart = createRoomRestart({
    context,
    contacts,
    book,
    groups,
    intake,
    sending,
    anew,
    guests: logs.guests,
    home: all.home,
    accountIncarnation: () => all.log.reader().point.incarnation,
    contextOf,
    openAnew: logs.openAnew,
    lookLater: (roomId) => lookIn(roomId, SIBLING_WAIT_MS),
  });
  const redo = createRoomRedo({ context, book, contacts, calling, contextOf });
  const keySetting = createRoomKeySetting({
    context,
    book,
    intake,
    restart,
    home: all.home,
    contextOf,
    openAnew: logs.openAnew,
    lookLater: (roomId) => lookIn(roomId, SIBLING_WAIT_MS),
  });
  const nowMs = () => Math.max(0, clock.nowMs());
  const looks = new Map<ConversationId, { readonly atMs: number; readonly cancel: () => void }>();
  const retries = createRetries<ConversationId>(clock, RETRY, (roomId) => kick(roomId));
  /** Rooms that wait for somebody else's server before they can let somebody in. */
  const planRetries = createRetries<ConversationId>(clock, PLAN_RETRY, (roomId) => kick(roomId));
  /** What a connection did not carry, nobody asks for again: what was to be delivered on it least of all. */
  const allRetries = createRetries<"all">(clock, RETRY, () => kickAll());

  async function contextOf(roomId: ConversationId): Promise<Result<RoomContext | null, ClientError>> {
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    return ok(group.value === null || !isActive(group.value) ? null : roomContextOf(group.value));
  }

  async function ask(roomId: ConversationId, intent: RoomIntent): Promise<Result<void, ClientError>> {
    const key = newIntentKey(random);
    const asked = await book.set(roomId, new Map([[key, { type: "intent", intent, order: nowMs() }]]));
    kick(roomId);
    return asked;
  }

  async function advanceAll(): Promise<Result<boolean, ClientError>> {
    const rooms = await serial.run(async () => {
      book.refresh();
      const taken = await takeInvitations();
      return taken.ok ? book.all() : taken;
    });
    if (!rooms.ok) return rooms;
    let moved = false;
    let refused: Result<boolean, ClientError> | null = null;
    for (const [roomId, room] of rooms.value) {
      logs.look(room.keys.logId);
      const advanced = await advance(roomId);
      // One room, or its server, must not keep the others waiting.
      if (!advanced.ok && isLocal(advanced.error)) refused ??= advanced;
      else if (!advanced.ok) all.onFault(advanced.error);
      moved ||= advanced.ok && advanced.value;
    }
    return refused ?? ok(moved);
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
      try {
        for (;;) {
          state.again = false;
          const run = await advanceOnce(roomId);
          if (!run.ok) {
            if (run.error.type !== "LogDistrusted") retries.later(roomId);
            return run;
          }
          moved ||= run.value;
          if (!state.again) break;
        }
        retries.done(roomId);
        return ok(moved);
      } finally {
        // In the same step, or whoever asks between the two is heard by nobody.
        running.delete(roomId);
      }
    };
    running.set(roomId, state);
    state.done = work();
    return state.done;
  }

  async function advanceOnce(roomId: ConversationId): Promise<Result<boolean, ClientError>> {
    let moved = false;
    for (let step = 0; step < STEPS_MAX; step++) {
      const room = await serial.run(() => book.get(roomId));
      if (!room.ok || room.value === null) return room.ok ? ok(moved) : room;
      const stepped = await stepRoom(roomId, room.value);
      // What was delivered and not taken over is read again.
      if (!stepped.ok) logs.look(room.value.keys.logId);
      if (!stepped.ok) return stepped;
      if (!stepped.value) return ok(moved);
      moved = true;
    }
    return ok(moved);
  }

  /** One thing there is to do in a room; false when there is none. */
  async function stepRoom(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>> {
    const { standing } = room.standing;
    const departing = await serial.run(() => outgoing.waiting(roomId));
    if (!departing.ok) return departing;
    if (standing === "joined") leftBehind.delete(roomId);
    if (standing !== "joined" && (departing.value === null || standing === "invited"))
      return serial.run(() => goOutside(roomId, room));
    const moved = await serial.run(() => takeSharedKeys(roomId, room));
    if (!moved.ok || moved.value) return moved;
    const placed = await restart.placeOf(roomId, room);
    if (!placed.ok) return placed;
    const opened = await logs.open(placed.value);
    if (!opened.ok) {
      const found = await restart.findAgain(placed.value, opened.error);
      // Who comes in again looks for themselves.
      if (!found.ok && isUnknownLog(found.error) && standing === "joined") {
        const isOurs = isRoomLogOf(room.keys.logId, identity.accountId);
        const wasThere = await serial.run(() => logs.hasBeenThere(room));
        if (!wasThere.ok) return wasThere;
        // One's own may still have to be made, when the server is there.
        if (!isOurs || wasThere.value) context.raise({ type: "RoomGone", roomId, isOurs });
        here.delete(roomId);
      }
      if (found.ok || !isForbidden(found.error)) return found;
      const told = await askForKeys(placed.value);
      return !told.ok || told.value ? told : keySetting.regain(placed.value, found.error);
    }
    const entered = await restart.enter(placed.value, opened.value.channel);
    if (entered.ok && (entered.value || !here.has(roomId)))
      all.onRoomHere(roomId, entered.value ? room.keys.logId : null);
    if (entered.ok) here.add(roomId);
    if (!entered.ok || entered.value) return entered;
    if (standing === "joined" || logs.isCutOff(roomId)) {
      const read = await logs.readOn(roomId, room, opened.value);
      if (!read.ok || read.value) return read;
    }
    if (logs.isCutOff(roomId)) {
      const opens = await restart.tryFormerKeys(placed.value);
      if (!opens.ok || opens.value) return opens;
      const regained = await keySetting.regain(placed.value, null);
      if (!regained.ok || regained.value) return regained;
      // A server tells who was cut off nothing more on the connection there is.
      logs.openOnceMore(keysOf(room).logId);
      lookIn(roomId, SIBLING_WAIT_MS);
      return askForKeys(placed.value);
    }
    if (standing === "joined") {
      const open = await serial.run(() => keyAsking.noteOpen(roomId));
      if (!open.ok) return open;
      const said = await serial.run(() => keySetting.sayReplaced(roomId, room));
      if (!said.ok) return said;
      const begun = await serial.run(() => restart.sayBegun(placed.value));
      if (!begun.ok || begun.value) return begun;
      const brought = await serial.run(() => restart.bring(placed.value));
      if (!brought.ok) return brought;
      const isUnbegun = await serial.run(() => restart.isUnbegun(roomId));
      if (!isUnbegun.ok || isUnbegun.value) return isUnbegun.ok ? ok(brought.value) : isUnbegun;
    }
    const waiting = await serial.run(() => outgoing.waiting(roomId));
    if (!waiting.ok) return waiting;
    if (waiting.value !== null) return logs.send(roomId, room, opened.value, waiting.value);
    if (standing !== "joined") return ok(false);
    const positioned = await serial.run(() => letters.sealPosition(roomId, room));
    if (!positioned.ok || positioned.value) return positioned;
    const told = await serial.run(() => invitations.tellInvitees(placed.value));
    if (!told.ok || told.value) return told;
    const begun = await serial.run(() => founding.createAnew(roomId, room));
    if (!begun.ok || begun.value) return begun;
    const asked = await serial.run(() => asking.askToComeBack(roomId, room));
    if (!asked.ok || asked.value) return asked;
    const next =
      keyAsking.isTold(roomId) && asking.isUnanswered(roomId) ? await askForKeys(placed.value) : ok(false);
    if (!next.ok || next.value) return next;
    const stood = await serial.run(() => asking.takeStand(roomId, room));
    if (!stood.ok || stood.value) return stood;
    const redone = await serial.run(() => redo(roomId));
    if (!redone.ok || redone.value) return redone;
    const planned = await planAndMake(roomId, room);
    if (!planned.ok || planned.value) return planned;
    const renewed = await serial.run(() => renewal.renew(roomId, room));
    if (!renewed.ok || renewed.value) return renewed;
    const sealed = await serial.run(() => letters.sealLetter(roomId, room));
    if (!sealed.ok || sealed.value) return sealed;
    // Both ask servers of others: nothing that is to be sent waits for them.
    const proven = await unproven.prove(roomId, keysOf(room).logId);
    if (!proven.ok || proven.value) return proven;
    const judged = await histories.judge(roomId, room);
    if (!judged.ok || judged.value) return judged;
    const spoken = await serial.run(() => histories.speak(roomId, room));
    if (!spoken.ok || spoken.value) return spoken;
    const released = await release.release(roomId, room);
    return released.ok ? ok(false) : released;
  }

  /** RM68: others are asked for the keys the log has; with what they say this device goes on once that has opened it. */
  async function askForKeys(placed: PlacedRoom): Promise<Result<boolean, ClientError>> {
    const { roomId, room } = placed;
    if (room.standing.standing !== "joined") return ok(false);
    const keys = keyAsking.told(roomId);
    if (keys === null) {
      const asked = await serial.run(() => keyAsking.ask(roomId, room));
      return asked.ok ? ok(false) : asked;
    }
    const opens = await restart.opens(placed, keys);
    if (!opens.ok) return opens;
    const gone = await serial.run(() => keyAsking.goOn(roomId, room, { keys, doOpen: opens.value }));
    if (gone.ok && gone.value) logs.openAnew(roomId, room.keys.logId);
    return gone;
  }

  /** RM33, RM67: this account is out, here or by a sibling, and nothing is on its way: what waits never goes, and the keys do. */
  async function goOutside(
    roomId: ConversationId,
    { standing: { standing }, keys }: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const failed = await failOutside(roomId);
    if (!failed.ok || standing === "invited" || leftBehind.has(roomId)) return failed;
    logs.guests.forget(keys.logId);
    const left = await intake.leaveBehind(roomId, keys.logId);
    if (!left.ok) return left;
    leftBehind.add(roomId);
    // RM13: one that came before this device knew that its account is out.
    const invited = await invitations.takeInvitations();
    return invited.ok ? failed : invited;
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
    if ((isIn || begun.value !== null) && !logs.isCutOff(roomId)) return ok(false);
    // Until what replaced them is brought again, its own are older too.
    const own = group.value === null ? null : roomContextOf(group.value);
    if (isIn && own !== null && own.keysSince >= shared.value.keys.generation) return ok(false);
    const moved = await intake.moveTo(roomId, shared.value);
    return moved.ok ? ok(true) : moved;
  }

  /** A room is looked at again after so long, or sooner; its log is read only if it was not followed. */
  function lookIn(roomId: ConversationId, afterMs: number): void {
    const known = looks.get(roomId);
    const atMs = clock.nowMs() + afterMs;
    if (known !== undefined && known.atMs <= atMs) return;
    known?.cancel();
    const cancel = clock.schedule(afterMs, () => {
      looks.delete(roomId);
      kick(roomId);
    });
    looks.set(roomId, { atMs, cancel });
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
    lookIn(roomId, REPLAN_INTERVAL_MS);
    all.onFault(made.error);
    return ok(false);
  }

  async function makePlanned(
    roomId: ConversationId,
    room: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const planned = await planner.plan(roomId, room);
    if (planned.ok && planned.value?.isWaiting === true) planRetries.later(roomId);
    else if (planned.ok) planRetries.done(roomId);
    if (!planned.ok || planned.value === null) return planned.ok ? ok(false) : planned;
    const { plan, settled, forgotten } = planned.value;
    return serial.run(async (): Promise<Result<boolean, ClientError>> => {
      if (settled.length > 0) {
        const parts = new Map(settled.map((key) => [key, null]));
        const cleared = await book.set(roomId, parts);
        if (!cleared.ok) return cleared;
        all.onChanged();
      }
      const strangers = forgotten.length === 0 ? ok() : await store.batch(forgotten);
      if (!strangers.ok) return strangers;
      if (plan === null) return ok(false);
      const now = await book.get(roomId);
      if (!now.ok) return now;
      // Who has left while others' servers were asked, here or by a sibling, lets nobody in any more.
      return now.value?.standing.standing === "joined" ? commits.make(roomId, room, plan) : ok(true);
    });
  }

  function kick(roomId: ConversationId): void {
    if (all.home() === null) return;
    void advance(roomId).then((advanced) => {
      if (!advanced.ok) all.onFault(advanced.error);
    });
  }

  function kickAll(): void {
    if (all.home() === null) return;
    void advanceAll().then((advanced) => {
      if (advanced.ok) return allRetries.done("all");
      all.onFault(advanced.error);
      allRetries.later("all");
    });
  }

  const takeInvitations = async (): Promise<Result<void, ClientError>> => {
    const taken = await invitations.takeInvitations();
    return taken.ok ? links.takeJoins() : taken;
  };

  return {
    book,
    groups,
    histories,
    contextOf,
    create: founding.create,
    ask,
    accept: invitations.accept,
    leave: invitations.leave,
    noteInvitation: () =>
      void serial.run(takeInvitations).then((taken) => {
        if (taken.ok) return;
        all.onFault(taken.error);
        allRetries.later("all");
      }),
    advanceAll,
    kick,
    kickAll,
    noteLost: restart.noteLost,
    putBack: restart.putBack,
    close: () => {
      for (const { cancel } of looks.values()) cancel();
      looks.clear();
      for (const one of [retries, planRetries]) one.clear();
      allRetries.clear();
      renewal.close();
      histories.close();
      logs.close();
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
