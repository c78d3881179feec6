/**
 * The signed-in connection to the home server: which own logs are opened on it, closed, and written to. Rules GW3-GW7, DM16.
 *
 * One `connect` brings everything that is there, then follows. Whoever owns it decides when to connect again.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, LogId } from "../../base/ids.ts";
import { type Err, err, ok, type Result } from "../../base/result.ts";
import { equalBytes } from "../../base/bytes.ts";
import { hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";
import { sign } from "../../crypto/sign.ts";
import { createLogReader, isUnread, type LogReader } from "../../log/log-reader.ts";
import { encodeSignInClaim } from "../../protocol/claims.ts";
import { CHANNEL_MAX, type LogKind } from "../../protocol/client-frame.ts";
import type { LogPoint } from "../../protocol/entry.ts";
import type { InboundKeys } from "../../messenger/inbound-keys.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook, ContactRecord } from "../contacts/contact-book.ts";
import type { ContactLogs } from "../contacts/contact-logs.ts";
import type { Conversations } from "../conversations/conversations.ts";
import { capabilityKey, writerKey } from "../devices/device-identity.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "./gateway.ts";
import { connectMetered } from "./metered-gateway.ts";
import type { Inbound, InboundLog } from "../conversations/inbound.ts";
import { createSerial } from "../serial.ts";
import { createAbsentLogs } from "./absent-logs.ts";
import { type LogChannel, openLogChannel } from "./log-channel.ts";
import { createLogFollower } from "./log-follower.ts";
import { keepPreKeys } from "../account/prekey-keeper.ts";
import { keepKeyPackages } from "../rooms/membership/key-package-keeper.ts";
import { beginAnew, type OwnedLog } from "../reseed/put-back-logs.ts";
import type { SetAside } from "../conversations/set-aside.ts";
import type { InboundPoints } from "../snapshot/snapshot-maker.ts";
import type { Snapshots } from "../snapshot/snapshots.ts";

/** With the ops a body may carry this stays within the rows a store takes at once. */
const ENTRIES_PER_TRANSACTION_MAX = 64;

/** How long a replaced inbound log stays open to a contact that has not written to the present one. */
const INBOUND_GRACE_MS = 2_592_000_000;

/** How often the server is asked how many prekeys it has left. */
export const PREKEY_CHECK_MS = 600_000;

/** What lasts from one connection to the next. The token stands for a signature and works once. */
export interface HomeSession {
  resumeToken: Bytes | null;
}

const UNKNOWN_LOG = { type: "Refused", code: "unknown-log" } as const;

export interface HomeLinkDeps {
  readonly session: HomeSession;
  readonly context: EngineContext;
  readonly log: AccountLog;
  readonly inbound: Inbound;
  readonly conversations: Conversations;
  readonly contacts: ContactBook;
  readonly contactLogs: ContactLogs;
  readonly setAside: SetAside;
  readonly snapshots: Snapshots;
  /** Ticket that contact links carry. */
  ticket(): Promise<Result<Bytes, ClientError>>;
  /** The connection is there; it is signed in next. */
  onGateway(gateway: Gateway): void;
  onProgress(done: number, total: number): void;
  /** A log goes on as another incarnation, and its owner says so. */
  onIncarnation(logId: LogId): void;
  /** The account log is in a later incarnation, which is not entered yet. */
  onLost(): Promise<Result<void, ClientError>>;
  /** The chain names another home. */
  onMoved(origin: string): Promise<Result<void, ClientError>>;
  /** Entries of others were read, or their logs looked for; some may wait for the chain of whose they are. */
  onChainsWanted(): void;
}

export interface HomeLink {
  readonly gateway: Gateway;
  /** Sends what waits for the account log. */
  push(): Promise<Result<void, ClientError>>;
  /** Opens the inbound logs of contacts, closes those that are over, and lets in who has the ticket of today. */
  openContactLogs(): Promise<Result<void, ClientError>>;
  /** Opens those of this contact alone, unless what they write now comes by itself. */
  openLogsOf(contact: ContactRecord): Promise<Result<void, ClientError>>;
  /** Reads every own log to its present head. */
  catchUp(): Promise<Result<void, ClientError>>;
  /** Sends what was taken over of a device that was revoked meanwhile. AR18 */
  handOn(): Promise<Result<void, ClientError>>;
  /** Loads what of the history is still behind, and looks after snapshots. */
  tend(): Promise<Result<void, ClientError>>;
  /** Where this device stands in the logs of others it follows. */
  inboundPoints(): Promise<ReadonlyMap<LogId, LogPoint>>;
  /** Acknowledges a log as far as its ops are in the account log. */
  acknowledge(logId: LogId): Promise<void>;
}

/** Connects, signs in, and reads everything there is. */
export async function connectHome(deps: HomeLinkDeps): Promise<Result<HomeLink, ClientError>> {
  const { context } = deps;
  const connected = await connectMetered(context, context.identity.origin);
  if (!connected.ok) return connected;
  const gateway = connected.value;
  deps.onGateway(gateway);
  const ready = await signIn(context, gateway, deps.session);
  if (!ready.ok) return closing(gateway, await nameLoss(context, ready));
  // CA8: before anything is read or written.
  const told = await context.times.told(ready.value.nowMs);
  if (!told.ok) return closing(gateway, told);
  const link = createLink(deps, gateway);
  const caughtUp = await link.start();
  return caughtUp.ok ? ok(link.home) : closing(gateway, caughtUp);
}

/** Where the chain says that the account lives, if that is elsewhere. IN10 */
export function otherHome({ chain, identity }: Pick<EngineContext, "chain" | "identity">): string | null {
  const named = chain().service?.origin ?? null;
  return named === identity.origin ? null : named;
}

/** A server that lost the account knows none of its devices: what is to be done then is another thing. IN6 */
async function nameLoss(context: EngineContext, refused: Err<ClientError>): Promise<Err<ClientError>> {
  const { error } = refused;
  if (error.type !== "Refused" || error.code !== "unknown-device") return refused;
  const { accountId, origin } = context.identity;
  const chain = await context.directory(origin).chain(accountId, 0);
  const isLost = !chain.ok && chain.error.type === "Refused" && chain.error.code === "unknown-account";
  return isLost ? err({ type: "Refused", code: "unknown-account" }) : refused;
}

function closing<E>(gateway: Gateway, failure: { readonly ok: false; readonly error: E }): Result<never, E> {
  gateway.close();
  return failure;
}

/** Proves this device to its home server, by the token of the last connection or by a signature. Gives the server's time. Rules GW4, GW7, GW13. */
export async function signIn(
  context: Pick<EngineContext, "identity" | "instance" | "raise">,
  gateway: Gateway,
  session: HomeSession,
): Promise<Result<{ readonly nowMs: number }, ClientError>> {
  const { identity, instance } = context;
  const token = session.resumeToken;
  if (token !== null) {
    session.resumeToken = null;
    const resumed = await gateway.call("signedIn", { type: "resume", token });
    if (resumed.ok) {
      session.resumeToken = resumed.value.resumeToken;
      return resumed;
    }
    if (resumed.error.type !== "Refused" || !gateway.isOpen()) return resumed;
  }
  const { accountId, deviceId } = identity;
  const claim = encodeSignInClaim({ ...gateway.nonces, accountId, deviceId });
  const signature = sign(identity.keys.sign, LABEL.signSignIn, claim);
  const signedIn = await gateway.call("signedIn", {
    type: "signIn",
    accountId,
    deviceId,
    instance,
    signature,
  });
  if (!signedIn.ok) {
    const isRevoked = signedIn.error.type === "Refused" && signedIn.error.code === "revoked-device";
    if (isRevoked) context.raise({ type: "DeviceRevoked" });
    return isRevoked ? err({ type: "DeviceRevoked" }) : signedIn;
  }
  session.resumeToken = signedIn.value.resumeToken;
  return signedIn;
}

function createLink(deps: HomeLinkDeps, gateway: Gateway) {
  const { context, log, inbound, conversations, contacts, contactLogs, setAside, snapshots } = deps;
  const { store, tables, times } = context;
  const follower = createLogFollower({ context, gateway, onProgress: deps.onProgress });
  let nextChannel = 1;
  const absent = createAbsentLogs(gateway);
  const contactLogsInTurn = createSerial();

  async function openOwn(
    logId: LogId,
    kind: LogKind,
    appendSeed: Bytes | null,
  ): Promise<Result<LogChannel, ClientError>> {
    const isAccount = kind === "account";
    const open = {
      logId,
      right: isAccount ? ("append" as const) : ("read" as const),
      capability: null,
      writer: isAccount ? writerKey(context.identity.seeds, logId) : null,
    };
    if (nextChannel > CHANNEL_MAX) return err({ type: "Refused", code: "too-many-subscriptions" });
    const number = nextChannel++;
    const opened = absent.has(logId) ? err(UNKNOWN_LOG) : await openLogChannel(gateway, number, open);
    if (opened.ok || opened.error.type !== "Refused" || opened.error.code !== "unknown-log") return opened;
    const known = await readerOf(logId);
    if (!known.ok) return known;
    const { seq, incarnation } = known.value.point;
    // IN2: what was read was there. It is begun anew only when a person says so. IN13: they have, and here it was not known.
    const isLost = incarnation < log.reader().point.incarnation;
    if (!isUnread(known.value) && !isLost)
      return context.distrustLog(logId, { type: "LogRolledBack", seenSeq: seq, headSeq: 0 });
    if (kind === "inbound" && appendSeed === null) return opened;
    const made = await make({ logId, kind, appendSeed, reader: known.value });
    if (!made.ok && !(made.error.type === "Refused" && made.error.code === "log-exists")) return made;
    absent.note(logId, true);
    return openLogChannel(gateway, number, open);
  }

  /** A log that is not there. */
  async function make(owned: OwnedLog): Promise<Result<unknown, ClientError>> {
    const { logId, kind, appendSeed, reader } = owned;
    const { incarnation } = log.reader().point;
    if (incarnation > 0 && kind !== "account") {
      // IN13: a sibling may have made it where it was lost.
      const start = createLogReader(logId).point;
      const before = createLogReader(logId, { ...start, incarnation: incarnation - 1 });
      const isLast = !isUnread(reader) && reader.point.incarnation === incarnation - 1;
      return beginAnew(context, gateway, isLast ? owned : { ...owned, reader: before }, null);
    }
    const appendKey = appendSeed === null ? null : capabilityKey(appendSeed).publicKey;
    return gateway.call("done", { type: "createLog", logId, kind, appendKey });
  }

  const readerOf = async (logId: LogId): Promise<Result<LogReader, ClientError>> =>
    logId === context.accountLogId ? ok(log.reader()) : inbound.reader(logId);

  async function contactOf(logId: LogId): Promise<Result<AccountId | null, ClientError>> {
    const all = await context.serial.run(() => contacts.all());
    if (!all.ok) return all;
    return ok(all.value.find(({ own: current }) => current?.logId === logId)?.accountId ?? null);
  }

  /** Entries that are gone are in the account log; their ids still make the chain. */
  async function passTrimmed(channel: LogChannel): Promise<Result<void, ClientError>> {
    for (;;) {
      const known = await inbound.reader(channel.logId);
      if (!known.ok) return known;
      const left = channel.trimmedUpto - known.value.point.seq;
      if (left <= 0) return ok();
      const page = await channel.readIds(known.value.point.seq);
      if (!page.ok) return page;
      const ids = page.value.ids.slice(0, left);
      if (ids.length === 0) {
        const { seq } = known.value.point;
        const fault = { type: "LogGap", expectedSeq: seq + 1, seq: channel.trimmedUpto } as const;
        return context.distrustLog(channel.logId, fault);
      }
      const passed = await context.serial.run(() => inbound.pass(channel.logId, ids));
      if (!passed.ok) return passed;
    }
  }

  async function followAccount(): Promise<Result<void, ClientError>> {
    const mended = await context.serial.run(() => log.mend());
    if (!mended.ok) return mended;
    const channel = await openOwn(context.accountLogId, "account", null);
    if (!channel.ok) return channel;
    const writer = log.checkWriter(channel.value.writerSeq);
    if (!writer.ok) return writer;
    const read = await follower.follow(channel.value, {
      reader: async () => ok(log.reader()),
      async take(entries) {
        const changed = await log.receive(entries);
        return changed.ok ? conversations.adopt(changed.value) : changed;
      },
      async enterIncarnation(incarnation) {
        const noted = await deps.onLost();
        if (!noted.ok) return noted;
        const entered = await context.serial.run(() => log.enterIncarnation(incarnation));
        if (entered.ok) deps.onIncarnation(context.accountLogId);
        return entered;
      },
      passTrimmed: (opened) => snapshots.enter(gateway, opened),
      ackableSeq: (readSeq) => readSeq,
    });
    return read.ok ? handOn() : read;
  }

  async function followInbound(
    inboundLog: InboundLog,
    appendSeed: Bytes | null,
  ): Promise<Result<void, ClientError>> {
    const { logId, type } = inboundLog;
    const channel = await openOwn(logId, type, appendSeed);
    if (!channel.ok) return channel;
    return follower.follow(channel.value, {
      reader: () => inbound.reader(logId),
      async take(entries) {
        for (let from = 0; from < entries.length; from += ENTRIES_PER_TRANSACTION_MAX) {
          const page = await inbound.open(
            inboundLog,
            entries.slice(from, from + ENTRIES_PER_TRANSACTION_MAX),
          );
          const taken = page.ok ? await conversations.take(page.value) : page;
          if (!taken.ok) return taken;
        }
        deps.onChainsWanted();
        return ok();
      },
      async enterIncarnation(incarnation) {
        const entered = await context.serial.run(() => inbound.enterIncarnation(logId, incarnation));
        if (!entered.ok) return entered;
        deps.onIncarnation(logId);
        const contact = await contactOf(logId);
        if (contact.ok && contact.value !== null) conversations.askForMissing(contact.value);
        return contact.ok ? ok() : contact;
      },
      passTrimmed,
      ackableSeq: (readSeq) => conversations.ackableSeq(logId, readSeq),
    });
  }

  /** One run at a time: of two that follow a log at once, both would pass over what it has let go. */
  const openContactLogs = (): Promise<Result<void, ClientError>> => contactLogsInTurn.run(openAllContactLogs);

  async function openAllContactLogs(): Promise<Result<void, ClientError>> {
    const all = await context.serial.run(() => contacts.all());
    if (!all.ok) return all;
    const asked = await askForAbsent(all.value);
    if (!asked.ok) return asked;
    for (const contact of all.value) {
      const opened = await openLogsOf(contact);
      if (!opened.ok) return opened;
    }
    if (contactLogs.chainsBehind().size > 0) deps.onChainsWanted();
    return keepTicket();
  }

  async function openUnlessOpen(contact: ContactRecord): Promise<Result<void, ClientError>> {
    if (contact.own === null || follower.channelOf(contact.own.logId) !== null) return ok();
    const asked = await askForAbsent([contact]);
    return asked.ok ? openLogsOf(contact) : asked;
  }

  async function askForAbsent(known: readonly ContactRecord[]): Promise<Result<void, ClientError>> {
    const logIds: LogId[] = [];
    for (const contact of known) {
      if (contact.own === null || contact.state === "declined") continue;
      const earlier = await contactLogs.earlier(contact);
      if (!earlier.ok) return earlier;
      logIds.push(contact.own.logId, ...earlier.value.map(({ logId }) => logId));
    }
    return absent.ask(logIds.filter((logId) => follower.channelOf(logId) === null));
  }

  async function openLogsOf(contact: ContactRecord): Promise<Result<void, ClientError>> {
    const { own: current, state } = contact;
    if (current === null || state === "declined") return ok();
    const earlier = await contactLogs.earlier(contact);
    if (!earlier.ok) return earlier;
    if (state === "blocked") return closeAll(current, earlier.value);
    const opened = await followContact(contact, current, current.appendSeed);
    if (!opened.ok) return opened;
    const now = await inbound.reader(current.logId);
    if (!now.ok) return now;
    for (const log of earlier.value) {
      const read = await readEarlier(contact, log, now.value.point.seq > 0);
      if (!read.ok) return read;
    }
    return ok();
  }

  async function followContact(
    { accountId, origin }: ContactRecord,
    { logId, outerKey }: InboundKeys,
    appendSeed: Bytes | null,
  ): Promise<Result<void, ClientError>> {
    if (follower.channelOf(logId) !== null) return ok();
    return followInbound({ type: "inbound", logId, contact: accountId, origin, outerKey }, appendSeed);
  }

  /**
   * What a contact wrote before it heard of its present log is still read. Once it writes to the present one, or after a
   * while, the old log is closed: somebody who was revoked knows its keys. Rules DM17, CO2.
   */
  async function readEarlier(
    contact: ContactRecord,
    log: InboundKeys,
    hasMoved: boolean,
  ): Promise<Result<void, ClientError>> {
    const { logId } = log;
    const row = await tables.given.get(logId);
    if (!row.ok) return row;
    if (row.value?.isClosed === true) return ok();
    const opened = await followContact(contact, log, null);
    if (!opened.ok) {
      const isAbsent = opened.error.type === "Refused" && opened.error.code === "unknown-log";
      if (isAbsent) absent.note(logId, false);
      return isAbsent ? ok() : opened;
    }
    const nowMs = times.steadyMs();
    const sinceMs = row.value?.sinceMs ?? nowMs;
    if (!hasMoved && Math.abs(nowMs - sinceMs) <= INBOUND_GRACE_MS)
      return row.value === null
        ? store.batch([tables.given.put([logId], { sinceMs, isClosed: false })])
        : ok();
    return retire(logId, sinceMs);
  }

  /** Closes a log, then reads it to its end once more, because something may have come in between. */
  async function retire(logId: LogId, sinceMs: number): Promise<Result<void, ClientError>> {
    const closed = await gateway.call("done", { type: "closeLog", logId });
    if (!closed.ok) return closed;
    const read = await follower.catchUp(logId);
    if (!read.ok) return read;
    const reader = await inbound.reader(logId);
    if (!reader.ok) return reader;
    const { seq } = reader.value.point;
    // While something of it waits it is opened again with the next connection, and acknowledged then.
    if (conversations.ackableSeq(logId, seq) < seq) return ok();
    return store.batch([tables.given.put([logId], { sinceMs, isClosed: true })]);
  }

  /** CO1: nothing of a blocked contact is let in any more; the server is not told why. */
  async function closeAll(
    current: InboundKeys,
    earlier: readonly InboundKeys[],
  ): Promise<Result<void, ClientError>> {
    for (const { logId, appendSeed } of [current, ...earlier]) {
      const row = await tables.given.get(logId);
      if (!row.ok) return row;
      if (row.value?.isClosed === true || absent.has(logId)) continue;
      if (logId === current.logId) {
        // One that was given away and never made is made first, so that it is found closed.
        const known = await readerOf(logId);
        if (!known.ok) return known;
        const made = await make({ logId, kind: "inbound", appendSeed, reader: known.value });
        if (!made.ok) return made;
      }
      const closed = await gateway.call("done", { type: "closeLog", logId });
      const isAbsent = !closed.ok && closed.error.type === "Refused" && closed.error.code === "unknown-log";
      if (isAbsent) absent.note(logId, false);
      if (isAbsent) continue;
      if (!closed.ok) return closed;
      const sinceMs = row.value?.sinceMs ?? times.steadyMs();
      const written = await store.batch([tables.given.put([logId], { sinceMs, isClosed: true })]);
      if (!written.ok) return written;
    }
    return ok();
  }

  /** CO3: the ticket of today is the only one; who has an older one needs work to ask. */
  async function keepTicket(): Promise<Result<void, ClientError>> {
    const logId = context.chain().service?.requestLogId;
    if (logId === undefined) return ok();
    const ticket = await context.serial.run(deps.ticket);
    if (!ticket.ok) return ticket;
    const ticketHash = hash(LABEL.ticket, ticket.value);
    const row = await tables.admission.get();
    if (!row.ok) return row;
    if (row.value !== null && equalBytes(row.value.ticketHash, ticketHash)) return ok();
    const told = await gateway.call("done", { type: "setTickets", logId, ticketHashes: [ticketHash] });
    return told.ok ? store.batch([tables.admission.put([], { ticketHash })]) : told;
  }

  async function start(): Promise<Result<void, ClientError>> {
    const startedAtMs = context.times.steadyMs();
    const refreshed = await context.serial.run(context.refreshOwnChain);
    if (!refreshed.ok) return refreshed;
    const home = otherHome(context);
    if (home !== null) {
      const moved = await deps.onMoved(home);
      return moved.ok
        ? err({ type: "ServerUnreachable", origin: home, detail: "the account has moved there" })
        : moved;
    }
    const account = await followAccount();
    if (!account.ok) return account;
    const requestLogId = context.chain().service?.requestLogId;
    if (requestLogId !== undefined) {
      const request = await followInbound({ type: "request", logId: requestLogId }, null);
      if (!request.ok) return request;
    }
    const opened = await openContactLogs();
    if (!opened.ok) return opened;
    // What waits for a chain may need keys that are long retired.
    const readToMs = () => (setAside.chainsWanted().size > 0 ? 0 : startedAtMs);
    const kept = await keepAll(readToMs());
    if (kept.ok) keepPreKeysWhileOpen(readToMs);
    return kept;
  }

  async function keepAll(readToMs: number): Promise<Result<void, ClientError>> {
    const kept = await keepPreKeys(context, gateway, readToMs);
    return kept.ok ? keepKeyPackages(context, gateway) : kept;
  }

  /** A connection may last for weeks; the pool is looked after while it does. Rule PK8. */
  function keepPreKeysWhileOpen(readToMs: () => number): void {
    let cancel = (): void => {};
    const checkLater = (): void => {
      cancel = context.clock.schedule(PREKEY_CHECK_MS, () => {
        void keepAll(readToMs()).then(() => {
          if (gateway.isOpen()) checkLater();
        });
      });
    };
    checkLater();
    void gateway.whenClosed.then(() => cancel());
  }

  async function catchUp(): Promise<Result<void, ClientError>> {
    const read = await follower.catchUpAll();
    return read.ok ? handOn() : read;
  }

  async function handOn(): Promise<Result<void, ClientError>> {
    const account = follower.channelOf(context.accountLogId);
    const handed = account === null ? ok() : await log.handOn(account);
    if (!handed.ok || log.unadopted().length === 0) return handed;
    return context.serial.run(() => conversations.adopt([]));
  }

  async function push(): Promise<Result<void, ClientError>> {
    const account = follower.channelOf(context.accountLogId);
    return account === null ? ok() : log.push(account);
  }

  /** Logs that were read to where they may be acknowledged: everything up to there is in the account log. */
  function ackablePoints(points: ReadonlyMap<LogId, LogPoint>): InboundPoints {
    return [...points]
      .filter(([logId, point]) => conversations.ackableSeq(logId, point.seq) >= point.seq)
      .map(([logId, point]) => ({ logId, point }));
  }

  async function tend(): Promise<Result<void, ClientError>> {
    const account = follower.channelOf(context.accountLogId);
    if (account === null) return ok();
    const points = await follower.inboundPoints();
    const tended = await snapshots.tend(gateway, account, () => ackablePoints(points));
    // AR18: of what a snapshot brought too.
    return tended.ok ? handOn() : tended;
  }

  const home: HomeLink = {
    gateway,
    push,
    openContactLogs,
    openLogsOf: (contact) => contactLogsInTurn.run(() => openUnlessOpen(contact)),
    catchUp,
    handOn,
    tend,
    inboundPoints: follower.inboundPoints,
    acknowledge: follower.acknowledge,
  };
  return { start, home };
}
