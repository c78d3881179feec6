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

/** - Cost: one timer for other servers, one for what is to be relayed. */
export function createSending(deps: SendingDeps): Sending {
  const { clock, logger, serial, connection, log, contacts, introductions, peers } = deps;
  const resend = createRetry(kickContacts);
  const pushAgain = createRetry(kickPush);
  let cancelRelay: (() => void) | null = null;

  /** Does it a while later, once, and later each time. */
  function createRetry(act: () => void) {
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
      begin(): void {
        waitMs = RESEND_MIN_MS;
      },
      stop: () => cancel?.(),
    };
  }

  function kickPush(): void {
    connection.publishStatus();
    const link = connection.link();
    if (link === null) return;
    void link.push().then((pushed) => {
      if (!pushed.ok) {
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
      if (!flushed.ok) {
        logger.log("warn", "send", { error: flushed.error.type });
        resend.later();
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
    for (const done of [introduced, opened]) {
      if (done.ok) continue;
      logger.log("warn", "contacts", { error: done.error.type });
      // Another server may be away while ours is not, or ours refuse a log: nothing else would try it again.
      resend.later();
    }
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
    begin() {
      resend.begin();
      pushAgain.begin();
    },
    stop() {
      resend.stop();
      pushAgain.stop();
      cancelRelay?.();
    },
  };
}
