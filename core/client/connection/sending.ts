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
import type { HomeLink } from "./home-link.ts";
import type { PeerLinks } from "./peer-links.ts";
import type { Serial } from "../serial.ts";
import type { Connection } from "./connection.ts";

/** How long until what a server or the disk did not take is tried again; each time twice as long, up to the second. */
const RESEND_MIN_MS = 15_000;
const RESEND_MAX_MS = 960_000;

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
  /** A new connection: what waited for another server is offered soon again if it fails. */
  begin(): void;
  stop(): void;
}

/** Something that is tried again. */
interface Retry {
  /** It failed: it is done again a while later, once. */
  later(): void;
  /** Nothing is left to try; the next failure waits the shortest while. */
  done(): void;
}

/** - Cost: one timer for the home server, one for each contact whose server refuses, one for what is to be relayed. */
export function createSending(deps: SendingDeps): Sending {
  const { clock, logger, serial, connection, log, contacts, introductions, peers } = deps;
  const openAgain = createRetry(kickContacts);
  const pushAgain = createRetry(kickPush);
  /** Each waits for itself: a server that is gone for weeks keeps nobody waiting but who is there. */
  const sendAgain = new Map<AccountId, Retry>();
  let cancelRelay: (() => void) | null = null;

  /** Does it a while later, once, and later each time until it is done. */
  function createRetry(act: () => void): Retry {
    let cancel: (() => void) | null = null;
    let waitMs = RESEND_MIN_MS;
    return {
      later(): void {
        if (connection.isStopped() || cancel !== null) return;
        cancel = clock.schedule(waitMs, () => {
          cancel = null;
          waitMs = Math.min(RESEND_MAX_MS, waitMs * 2);
          act();
        });
      },
      done(): void {
        waitMs = RESEND_MIN_MS;
        cancel?.();
        cancel = null;
      },
    };
  }

  /** Of a contact whom nothing waits for there is none. */
  function sendLater(contact: AccountId): void {
    const retry = sendAgain.get(contact) ?? createRetry(() => kickOutgoing(contact));
    sendAgain.set(contact, retry);
    retry.later();
  }

  function sentTo(contact: AccountId): void {
    sendAgain.get(contact)?.done();
    sendAgain.delete(contact);
  }

  function forgetRetries(): void {
    for (const retry of [openAgain, pushAgain, ...sendAgain.values()]) retry.done();
    sendAgain.clear();
  }

  function kickPush(): void {
    connection.publishStatus();
    const link = connection.link();
    if (link === null) return;
    void link.push().then((pushed) => {
      if (pushed.ok) pushAgain.done();
      else {
        logger.log("warn", "push", { error: pushed.error.type });
        // A disk or a server refuses now and not for ever: nothing else would try it again while both stay connected.
        pushAgain.later();
      }
      connection.publishStatus();
    });
  }

  function kickOutgoing(contact: AccountId): void {
    connection.publishStatus();
    if (connection.link() === null) return;
    void peers.flush(contact).then((flushed) => {
      if (flushed.ok) sentTo(contact);
      else {
        logger.log("warn", "send", { error: flushed.error.type });
        sendLater(contact);
      }
      connection.publishStatus();
    });
  }

  async function kickAllOutgoing(): Promise<void> {
    const all = await serial.run(() => contacts.all());
    if (all.ok) for (const contact of all.value) kickOutgoing(contact.accountId);
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
    if (refused.length > 0) openAgain.later();
    else openAgain.done();
    await kickAllOutgoing();
  }

  async function relayDirect(): Promise<Result<void, ClientError>> {
    const relayed = await serial.run(() => log.relayDirect(Math.max(0, clock.nowMs())));
    const dueMs = log.nextRelayMs();
    cancelRelay?.();
    cancelRelay = null;
    if (dueMs === null || connection.isStopped()) return relayed;
    cancelRelay = clock.schedule(Math.max(0, dueMs - clock.nowMs()), () => {
      const link = connection.link();
      if (link !== null) void link.catchUp().then((read) => (read.ok ? relayDirect() : read));
    });
    return relayed;
  }

  return {
    kickPush,
    kickOutgoing,
    kickContacts,
    relayDirect,
    begin: forgetRetries,
    stop() {
      forgetRetries();
      cancelRelay?.();
    },
  };
}
