/**
 * What goes out by itself while there is a connection: own changes to the account log, letters to contacts' servers, and what a
 * direct connection brought and the log is still to have.
 */
import type { Clock } from "../../base/clock.ts";
import type { AccountId } from "../../base/ids.ts";
import type { Logger } from "../../base/logger.ts";
import type { Result } from "../../base/result.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook } from "../contacts/contact-book.ts";
import type { Introductions } from "../contacts/introductions.ts";
import { RELAY_DELAY_MS } from "../direct/direct-rows.ts";
import type { HomeLink } from "./home-link.ts";
import type { PeerLinks } from "./peer-links.ts";
import { createRetries, type Retries, type RetryTimes } from "../retries.ts";
import type { Serial } from "../serial.ts";
import type { Connection } from "./connection.ts";

/** When what a server or the disk did not take is tried again. */
const RESEND: RetryTimes = { minMs: 15_000, maxMs: 960_000 };

export interface SendingDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly serial: Serial;
  readonly connection: Connection;
  readonly log: AccountLog;
  readonly contacts: ContactBook;
  readonly introductions: Introductions;
  readonly peers: PeerLinks;
}

export interface Sending {
  /** Own changes wait for the account log. */
  kickPush(): void;
  kickOutgoing(contact: AccountId): void;
  /** New contacts may need logs of their own on the home server, and what waits for anybody is sent. */
  kickContacts(): void;
  /** DS14: the account log has just been read to its end; while connected it is looked at again when something is due. */
  relayDirect(): Promise<Result<void, ClientError>>;
  /** Changes came that the account log may lack. DS14 */
  tookDirect(): void;
  /** A new connection: what waited for another server is offered soon again if it fails. */
  begin(): void;
  stop(): void;
}

/** - Cost: one timer for the home server, one for each contact whose server refuses, one for what is to be relayed. */
export function createSending(deps: SendingDeps): Sending {
  const { clock, logger, serial, connection, log, contacts, introductions, peers } = deps;
  /** A server that is gone for weeks keeps nobody waiting but who is there. */
  const sendAgain = createRetries<AccountId>(clock, RESEND, (contact) => kickOutgoing(contact));
  const openAgain = createRetries<"contacts">(clock, RESEND, () => kickContacts());
  const pushAgain = createRetries<"push">(clock, RESEND, () => kickPush());
  let cancelRelay: (() => void) | null = null;

  function later<Key>(retries: Retries<Key>, key: Key): void {
    if (!connection.isStopped()) retries.later(key);
  }

  function forgetRetries(): void {
    for (const retries of [sendAgain, openAgain, pushAgain]) retries.clear();
  }

  function kickPush(): void {
    connection.publishStatus();
    const link = connection.link();
    if (link === null) return;
    void link.push().then((pushed) => {
      if (pushed.ok) pushAgain.done("push");
      else {
        logger.log("warn", "push", { error: pushed.error.type });
        // A disk or a server refuses now and not for ever: nothing else would try it again while both stay connected.
        later(pushAgain, "push");
      }
      connection.publishStatus();
    });
  }

  function kickOutgoing(contact: AccountId): void {
    connection.publishStatus();
    if (connection.link() === null) return;
    void peers.flush(contact).then((flushed) => {
      if (flushed.ok) sendAgain.done(contact);
      else {
        logger.log("warn", "send", { error: flushed.error.type });
        later(sendAgain, contact);
      }
      connection.publishStatus();
    });
  }

  async function kickAllOutgoing(): Promise<void> {
    const all = await serial.run(() => contacts.all());
    if (!all.ok) return later(openAgain, "contacts");
    for (const contact of all.value) kickOutgoing(contact.accountId);
  }

  function kickContacts(): void {
    const link = connection.link();
    if (link !== null) void openAndSend(link);
  }

  async function openAndSend(link: HomeLink): Promise<void> {
    const introduced = await serial.run(introductions.handOver);
    const opened = await link.openContactLogs();
    const refused = [introduced, opened].filter((done) => !done.ok);
    for (const { error } of refused) logger.log("warn", "contacts", { error: error.type });
    // Ours may refuse a log, or the disk: nothing else would try it again.
    if (refused.length > 0) later(openAgain, "contacts");
    else openAgain.done("contacts");
    await kickAllOutgoing();
  }

  async function relayDirect(): Promise<Result<void, ClientError>> {
    const relayed = await serial.run(() => log.relayDirect(Math.max(0, clock.nowMs())));
    const dueMs = log.nextRelayMs();
    cancelRelay?.();
    cancelRelay = null;
    if (dueMs !== null) relayIn(relayed.ok ? Math.max(0, dueMs - clock.nowMs()) : RELAY_DELAY_MS);
    return relayed;
  }

  /** The log is read to its end first. A connection that is made meanwhile does both by itself. */
  function relayIn(delayMs: number): void {
    if (connection.isStopped()) return;
    cancelRelay ??= clock.schedule(delayMs, () => {
      cancelRelay = null;
      const link = connection.link();
      void link?.catchUp().then((read) => {
        if (read.ok) void relayDirect();
        else relayIn(RELAY_DELAY_MS);
      });
    });
  }

  return {
    kickPush,
    kickOutgoing,
    kickContacts,
    relayDirect,
    tookDirect: () => relayIn(RELAY_DELAY_MS),
    begin: forgetRetries,
    stop() {
      forgetRetries();
      cancelRelay?.();
    },
  };
}
