/** One `sync`: connects, sends and reads in rounds until a round moves nothing, and says what it came to. */
import { sleep, within } from "../../base/clock.ts";
import { ok, type Result } from "../../base/result.ts";
import { isDamage } from "../../document/document-error.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { AwaitedChains } from "../contacts/awaited-chains.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook, ContactRecord } from "../contacts/contact-book.ts";
import type { Conversations } from "../conversations/conversations.ts";
import type { Forgetting } from "../deletion/forgetting.ts";
import type { Lifetimes } from "../deletion/lifetimes.ts";
import type { EngineContext } from "../engine-context.ts";
import type { HomeLink } from "./home-link.ts";
import type { Introductions } from "../contacts/introductions.ts";
import type { PeerLinks } from "./peer-links.ts";
import type { Rooms } from "../rooms/rooms.ts";
import type { Snapshots } from "../snapshot/snapshots.ts";
import type { Connection } from "./connection.ts";
import type { Sending } from "./sending.ts";
import type { Tending } from "./tending.ts";

/** Connections one `sync` makes for documents that are found damaged one after the other. */
const MENDS_MAX = 8;
const SYNC_ROUNDS_MAX = 64;
const SETTLE_WAIT_MS = 20;
const CHAINS_WAIT_MS = 2_000;
const PEERS_WAIT_MS = 15_000;

export interface SynchroniseDeps {
  readonly context: EngineContext;
  readonly connection: Connection;
  readonly sending: Sending;
  readonly tending: Tending;
  readonly log: AccountLog;
  readonly contacts: ContactBook;
  readonly introductions: Introductions;
  readonly conversations: Conversations;
  readonly peers: PeerLinks;
  readonly rooms: Rooms;
  readonly awaitedChains: AwaitedChains;
  readonly snapshots: Snapshots;
  readonly forgetting: Forgetting;
  readonly lifetimes: Lifetimes;
}

/** A function that does one `sync`. - Limits: 64 rounds, 20 ms apart; other people's servers are waited for 15 s a round. */
export function createSynchronise(deps: SynchroniseDeps): () => Promise<Result<void, ClientError>> {
  const { context, connection, tending, log, contacts, conversations, peers, snapshots } = deps;
  const { clock, serial, times } = context;

  async function synchronise(): Promise<Result<void, ClientError>> {
    const wasOnline = connection.link() !== null;
    if (wasOnline) {
      const followed = await tending.followHome();
      if (!followed.ok) return followed;
    }
    let settled = await connectAndSettle();
    // A connection that died unnoticed is no reason to fail: it is made again, once.
    if (!settled.ok && settled.error.type === "ServerUnreachable" && wasOnline)
      settled = await connectAndSettle();
    for (let round = 0; round < MENDS_MAX && !settled.ok && wasCutForMending(settled.error); round++)
      settled = await connectAndSettle();
    return settled.ok ? serial.run(log.flush) : settled;
  }

  const wasCutForMending = (error: ClientError): boolean =>
    isDamage(error) || (log.hasDamage() && error.type === "ServerUnreachable");

  async function connectAndSettle(): Promise<Result<void, ClientError>> {
    const linked = await connection.connected();
    if (!linked.ok) return linked;
    const settled = await settle(linked.value);
    if (!settled.ok) return settled;
    const tended = await linked.value.tend();
    tending.endMendedAlarms();
    const exchanged = await tending.exchangeFrontiers();
    if (!exchanged.ok) return exchanged;
    // A snapshot that was not made is no reason to fail; history that is not here is.
    if (!tended.ok && !snapshots.isComplete()) return tended;
    await tending.keepCalendar();
    return ok();
  }

  /** Rounds of sending and reading until a round moves nothing. */
  async function settle(link: HomeLink): Promise<Result<void, ClientError>> {
    for (let round = 0; round < SYNC_ROUNDS_MAX; round++) {
      const moved = await settleOnce(link);
      if (!moved.ok) return moved;
      if (!moved.value) return ok();
      await sleep(clock, SETTLE_WAIT_MS);
    }
    return ok();
  }

  /** Whether something moved. */
  async function settleOnce(link: HomeLink): Promise<Result<boolean, ClientError>> {
    const sent = await sendAll(link);
    if (!sent.ok) return sent;
    const before = log.reader().point.seq;
    const advanced = await deps.rooms.advanceAll();
    if (!advanced.ok) return advanced;
    const read = await link.catchUp();
    if (!read.ok) return read;
    const told = await tending.tellOwnKind();
    if (!told.ok) return told;
    const relayed = await deps.sending.relayDirect();
    if (!relayed.ok) return relayed;
    // Other people's servers are given a moment, not more: what they hold comes with a later round or sync.
    await within(clock, CHAINS_WAIT_MS, deps.awaitedChains.run());
    const isQuiet =
      log.pendingCount() === 0 &&
      !conversations.hasWork() &&
      !deps.forgetting.hasWork() &&
      !advanced.value &&
      log.reader().point.seq === before;
    return ok(!isQuiet);
  }

  async function sendAll(link: HomeLink): Promise<Result<void, ClientError>> {
    const introduced = await serial.run(deps.introductions.handOver);
    if (!introduced.ok) return introduced;
    const prepared = await serial.run(conversations.prepareToSync);
    if (!prepared.ok) return prepared;
    const heard = await hearAgain(link);
    if (!heard.ok) return heard;
    const swept = await serial.run(deps.lifetimes.sweep);
    if (!swept.ok) return swept;
    const forgotten = await serial.run(deps.forgetting.work);
    if (!forgotten.ok) return forgotten;
    const opened = await link.openContactLogs();
    if (!opened.ok) return opened;
    const pushed = await link.push();
    if (!pushed.ok) return pushed;
    const all = await serial.run(() => contacts.all());
    return all.ok ? flushPeers(all.value) : all;
  }

  /** One contact's server must not keep the others waiting; what did not go is counted as waiting. */
  async function flushPeers(all: readonly ContactRecord[]): Promise<Result<void, ClientError>> {
    let result: Result<void, ClientError> = ok();
    const flushes = all.map(async ({ accountId }) => {
      const sent = await peers.flush(accountId);
      if (!sent.ok && (sent.error.type === "StoreUnavailable" || sent.error.type === "StoreCorrupt"))
        result = sent;
    });
    await within(clock, PEERS_WAIT_MS, Promise.all(flushes));
    return result;
  }

  /** RM36: after a jump of this clock what the server said the time is counts no more. */
  async function hearAgain({ gateway }: HomeLink): Promise<Result<void, ClientError>> {
    if (times.isHeard()) return ok();
    const counts = await gateway.call("preKeyCounts", { type: "preKeyCounts" });
    return counts.ok ? times.told(counts.value.nowMs) : counts;
  }

  return synchronise;
}
