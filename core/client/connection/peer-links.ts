/**
 * Sending to other accounts: connections that are not signed in, one an origin, each log by its capability.
 * Rules GW6, DM11, DM12, FC1, FC3.
 */
import type { AccountId, LogId } from "../../base/ids.ts";
import { idBytes } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Admission } from "../../protocol/client-frame.ts";
import { judgeReseed } from "../../log/judge-reseed.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import { isDialable } from "../conversations/inbound.ts";
import { ADMISSION_WORK_BITS_MAX, findAdmissionWork } from "./admission-work.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook, ContactRecord } from "../contacts/contact-book.ts";
import { capabilityKey, writerKey } from "../devices/device-identity.ts";
import type { EngineContext } from "../engine-context.ts";
import { createGuestGateways } from "./guest-gateways.ts";
import type { LogChannel } from "./log-channel.ts";
import { type Outbox, type Parcel, PARCELS_AT_ONCE_MAX } from "../conversations/outbox.ts";
import { requestRoute, type Route } from "../conversations/seal-for-contact.ts";

/** A contact's chain verified this long ago is fresh enough to seal for. Rule DM11. */
const CHAIN_FRESH_MS = 3_600_000;

export interface PeerLinks {
  /** Seals and sends what waits for a contact, as far as it can go now. */
  flush(accountId: AccountId): Promise<Result<void, ClientError>>;
  /** Forgets how fresh chains are and closes all connections. */
  close(): void;
}

export interface PeerLinkEvents {
  readonly onSent: () => void;
  /** Something is about to be sent to this contact, who may answer at once: the answer is to be heard. FC1 */
  readonly listen: (contact: ContactRecord) => Promise<Result<void, ClientError>>;
  /** Whether nothing is sealed for a contact until an alarm is over. Rules AL2, AL8. */
  readonly isStopped: (contact: AccountId) => boolean;
}

interface OpenPeerLog {
  readonly channel: LogChannel;
  /** Last `writerSeq` the server has accepted on this connection or before it. */
  accepted: number;
}

export function createPeerLinks(
  context: EngineContext,
  contacts: ContactBook,
  outbox: Outbox,
  events: PeerLinkEvents,
): PeerLinks {
  const guests = createGuestGateways(context);
  const accepted = new WeakMap<LogChannel, OpenPeerLog>();
  const freshAtMs = new Map<AccountId, number>();
  const running = new Map<AccountId, { again: boolean; readonly done: Promise<Result<void, ClientError>> }>();

  async function openLog(origin: string, route: Route): Promise<Result<OpenPeerLog, ClientError>> {
    const logId = route.type === "inbound" ? route.keys.logId : route.logId;
    const opened = await guests.open(origin, {
      logId,
      right: "append",
      capability: route.type === "inbound" ? capabilityKey(route.keys.appendSeed) : null,
      writer: writerKey(context.identity.seeds, logId),
    });
    if (!opened.ok) return opened;
    const { channel } = opened.value;
    const known = accepted.get(channel) ?? { channel, accepted: channel.writerSeq };
    accepted.set(channel, known);
    return ok(known);
  }

  async function flush(accountId: AccountId): Promise<Result<void, ClientError>> {
    if (!outbox.hasWaiting(accountId) && !outbox.hasClosed(accountId)) return ok();
    const current = running.get(accountId);
    if (current !== undefined) {
      current.again = true;
      return current.done;
    }
    const state = { again: false, done: Promise.resolve<Result<void, ClientError>>(ok()) };
    const work = async (): Promise<Result<void, ClientError>> => {
      try {
        for (;;) {
          state.again = false;
          const flushed = await flushOnce(accountId);
          if (!flushed.ok || !state.again) return flushed;
        }
      } finally {
        // In the same step, or whoever asks between the two is heard by nobody.
        running.delete(accountId);
      }
    };
    running.set(accountId, state);
    state.done = work();
    return state.done;
  }

  async function flushOnce(accountId: AccountId): Promise<Result<void, ClientError>> {
    for (;;) {
      const found = await context.serial.runNext(() => contacts.get(accountId));
      if (!found.ok || found.value === null) return found.ok ? ok() : found;
      const isOpen = await checkOpen(found.value);
      if (!isOpen.ok) return isOpen;
      const waiting = outbox.waitingCountFor(accountId);
      if (waiting === 0 || !isOpen.value) return ok();
      const chain = await freshChain(found.value);
      if (!chain.ok) return chain;
      const route = routeTo(found.value, chain.value);
      if (route === null) return ok();
      const heard = await events.listen(found.value);
      if (!heard.ok) return heard;
      if (events.isStopped(accountId)) return ok();
      const sent = await sendAlong(found.value, chain.value, route);
      // CO7: their log is not there. What the server says of the account is asked before the next attempt.
      if (!sent.ok && sent.error.type === "Refused" && sent.error.code === "unknown-log")
        freshAtMs.delete(accountId);
      if (!sent.ok) return sent;
      const left = outbox.waitingCountFor(accountId);
      events.onSent();
      if (left >= waiting) return ok();
    }
  }

  /** Whether their log may still be open. When it was closed, what waits is not sent; when it is another, it is. Rule CO4. */
  async function checkOpen(contact: ContactRecord): Promise<Result<boolean, ClientError>> {
    const { theirs, accountId, state } = contact;
    if (theirs === null || state !== "accepted") return ok(true);
    const shut = await context.tables.shut.get(theirs.logId);
    if (!shut.ok) return shut;
    if (shut.value === null && !outbox.hasClosed(accountId)) return ok(true);
    const told = await context.serial.run(() =>
      shut.value === null ? outbox.reopen(accountId, theirs.turn) : outbox.close(accountId, theirs.turn),
    );
    if (!told.ok) return told;
    if (shut.value !== null) events.onSent();
    return ok(shut.value === null);
  }

  /** Their log is closed, and stays so. */
  async function noteShut(contact: ContactRecord, logId: LogId): Promise<Result<void, ClientError>> {
    const noted = await context.store.batch([context.tables.shut.put([logId], {})]);
    if (!noted.ok) return noted;
    const checked = await checkOpen(contact);
    return checked.ok ? ok() : checked;
  }

  async function freshChain(contact: ContactRecord): Promise<Result<ChainState, ClientError>> {
    const nowMs = context.clock.nowMs();
    const last = freshAtMs.get(contact.accountId);
    // AL8: a chain that was served wrong since is asked for again, however fresh the one before it.
    const isFresh =
      last !== undefined && Math.abs(nowMs - last) < CHAIN_FRESH_MS && !events.isStopped(contact.accountId);
    const before = await context.storedChain(contact.accountId);
    if (!before.ok) return before;
    const chain = await context.contactChain(contact.accountId, contact.origin, !isFresh);
    if (!chain.ok || isFresh) return chain;
    freshAtMs.set(contact.accountId, nowMs);
    const noted = await noteHome(contact, before.value, chain.value);
    return noted.ok ? chain : noted;
  }

  /** IN11: a new link names another home. What an older one names may be over already, as an introduction has told. */
  async function noteHome(
    contact: ContactRecord,
    before: ChainState | null,
    after: ChainState,
  ): Promise<Result<void, ClientError>> {
    const origin = after.service?.origin;
    if (origin === undefined || origin === before?.service?.origin || origin === contact.origin) return ok();
    if (!isDialable(origin, context.identity.origin)) return ok();
    return context.serial.run(() => contacts.set(contact.accountId, { origin }));
  }

  /** FC1: until the other side has accepted, only the request itself can go. */
  function routeTo(contact: ContactRecord, chain: ChainState): Route | null {
    if (contact.theirs !== null && contact.state === "accepted")
      return { type: "inbound", keys: contact.theirs };
    if (contact.state !== "requested") return null;
    return outbox.isAsking(contact.accountId) ? requestRoute(chain) : null;
  }

  async function sendAlong(
    contact: ContactRecord,
    chain: ChainState,
    route: Route,
    isRepeated = false,
  ): Promise<Result<void, ClientError>> {
    const { origin, accountId } = contact;
    const claimed = await outbox.claim(accountId, origin, chain, route);
    if (!claimed.ok) return claimed;
    const opened = await openLog(origin, route);
    if (!opened.ok) return opened;
    const { channel } = opened.value;
    const { incarnation } = channel.head;
    const isShut = channel.isClosed && route.type === "inbound";
    const isOwners =
      incarnation === 0 ||
      judgeReseed(chain, { logId: channel.logId, incarnation, reseed: channel.reseed }).ok;
    const isAnew = incarnation > 0 && opened.value.accepted === 0;
    const seal = () => outbox.seal(accountId, claimed.value, chain, route);
    const pending = () =>
      isAnew ? outbox.pendingAnew(channel.logId) : outbox.pending(channel.logId, opened.value.accepted);
    // In one turn, so that what is sealed is sent before anything else is done; somebody waits for it.
    const parcels = await context.serial.runNext(
      async (): Promise<Result<readonly Parcel[], ClientError>> => {
        // DM12: before anything is sealed, or a profile that was set back would use the same keys for other messages.
        const isOwn = await outbox.checkWriter(channel.logId, channel.writerSeq);
        if (!isOwn.ok) return isOwn;
        const sealed = await seal();
        if (!sealed.ok || isShut || !isOwners) return sealed.ok ? ok([]) : sealed;
        const waiting = await pending();
        if (!waiting.ok || waiting.value.length > 0) return waiting;
        // Our counter was set to the server's, and what was sealed for other places is sealed for the next ones.
        const resealed = await seal();
        return resealed.ok ? pending() : resealed;
      },
    );
    if (parcels.ok && isShut) return noteShut(contact, channel.logId);
    // IN3: only its owner begins a log anew.
    if (parcels.ok && !isOwners)
      return context.distrustLog(channel.logId, { type: "LogIncarnationChanged", seen: 0, incarnation });
    if (!parcels.ok || parcels.value.length === 0) return parcels.ok ? ok() : parcels;
    // What is left goes with the next round.
    const sending = parcels.value.slice(0, PARCELS_AT_ONCE_MAX);
    const admission =
      route.type === "request" ? await admissionFor(contact, channel.logId, sending) : ok(undefined);
    if (!admission.ok) return admission;
    const hasTicket = admission.value?.type === "ticket";
    context.spans?.tried(sending.flatMap((parcel) => parcel.outboxKeys));
    const results = await channel.append(
      sending.map((parcel) => parcel.entry),
      admission.value,
    );
    if (!results.ok) return refuse(results.error);
    for (const [index, result] of results.value.entries()) {
      if (result.type === "refused") break;
      opened.value.accepted = Math.max(sending[index]?.writerSeq ?? 0, opened.value.accepted);
    }
    const taken = await context.serial.run(() => outbox.receipts(sending, results.value, incarnation));
    if (!taken.ok) return taken;
    const refusal = taken.value[0];
    return refusal === undefined ? ok() : refuse({ type: "Refused", code: refusal });

    /** Whatever refuses, one entry or all of them: what can be done about it is done. */
    async function refuse(error: ClientError): Promise<Result<void, ClientError>> {
      if (error.type !== "Refused") return err(error);
      // What the server counts differs from what we count: ask it again and go on from there.
      guests.forget(channel.logId);
      if (error.code === "log-closed" && route.type === "inbound") return noteShut(contact, channel.logId);
      // DM12: what was refused waits to be sealed behind what the server has.
      if (error.code === "writer-seq" && !isRepeated) return sendAlong(contact, chain, route, true);
      if (error.code !== "not-admitted" || !hasTicket) return err(error);
      // CO3: the ticket is void by now; whoever has it may still ask, at the price of work.
      const forgotten = await forgetTicket(accountId);
      return forgotten.ok ? sendAlong(contact, chain, route) : forgotten;
    }
  }

  /** A ticket of their contact link, or work over the one entry a request consists of. */
  async function admissionFor(
    contact: ContactRecord,
    logId: LogId,
    parcels: readonly Parcel[],
  ): Promise<Result<Admission | undefined, ClientError>> {
    const ticket = await context.tables.ticket.get(contact.accountId);
    if (!ticket.ok) return ticket;
    if (ticket.value !== null) return ok({ type: "ticket", secret: ticket.value.secret });
    const info = await context.directory(contact.origin).serverInfo();
    if (!info.ok) return info;
    const first = parcels[0];
    if (first === undefined) return ok(undefined);
    // FC3: whoever runs the other server must not keep this device busy for as long as they like.
    if (info.value.admissionWorkBits > ADMISSION_WORK_BITS_MAX)
      return { ok: false, error: { type: "Refused", code: "not-admitted" } };
    return ok({
      type: "work",
      nonce: await findAdmissionWork(
        context.clock,
        { logId, entryId: idBytes(first.entryId) },
        info.value.admissionWorkBits,
      ),
    });
  }

  function forgetTicket(accountId: AccountId): Promise<Result<void, ClientError>> {
    return context.store.batch([context.tables.ticket.remove(accountId)]);
  }

  return {
    flush,
    close: () => {
      freshAtMs.clear();
      void guests.closeAll();
    },
  };
}
