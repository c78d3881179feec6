/**
 * Fetches the chains that entries and letters of other accounts wait for, outside the serial: a server that somebody
 * else chose, slow or not there, holds up nothing of ours. Rules DM5, DM8.
 */
import type { AccountId, LogId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import type { ClientError } from "./client-error.ts";
import type { ContactBook } from "./contact-book.ts";
import type { EngineContext } from "./engine-context.ts";
import type { Inbound, InboundLog, OpenedPage } from "./inbound.ts";
import type { AsideEntry, SetAside } from "./set-aside.ts";

/** How long an account is left alone whose chain could not be fetched. */
const RETRY_MS = 60_000;
const FETCHES_AT_ONCE = 4;
/** With the ops a body may carry this stays within the rows a store takes at once. */
const ENTRIES_AT_ONCE = 64;
const TRIED_MAX = 1_024;

export interface AwaitedChains {
  /** Fetches what is waited for and opens what waited. Resolves when every attempt has ended. */
  run(): Promise<void>;
}

export interface AwaitedChainsDeps {
  readonly context: EngineContext;
  readonly inbound: Inbound;
  readonly setAside: SetAside;
  readonly contacts: ContactBook;
  take(page: OpenedPage): Promise<Result<void, ClientError>>;
}

export function createAwaitedChains(deps: AwaitedChainsDeps): AwaitedChains {
  const { context, inbound, setAside, contacts } = deps;
  const triedAtMs = new Map<AccountId, number>();
  let running: Promise<void> | null = null;

  function run(): Promise<void> {
    running ??= fetchAll().finally(() => {
      running = null;
    });
    return running;
  }

  async function fetchAll(): Promise<void> {
    for (;;) {
      const wanted = [...new Map([...inbound.quotesAhead(), ...setAside.chainsWanted()])].filter(
        ([account]) => isDue(account),
      );
      if (wanted.length === 0) return;
      const next = wanted.slice(0, FETCHES_AT_ONCE);
      await Promise.all(next.map(([account, origin]) => fetchOne(account, origin)));
    }
  }

  function isDue(account: AccountId): boolean {
    const tried = triedAtMs.get(account);
    return tried === undefined || Math.abs(context.clock.nowMs() - tried) >= RETRY_MS;
  }

  async function fetchOne(account: AccountId, origin: string): Promise<void> {
    if (triedAtMs.size >= TRIED_MAX) triedAtMs.clear();
    triedAtMs.set(account, context.clock.nowMs());
    const chain = await context.contactChain(account, origin, true);
    const stored = await context.storedChain(account);
    // A chain that was good once and is served wrong now is the server's doing: the entries wait on.
    if (!chain.ok && (chain.error.type !== "ChainDistrusted" || !stored.ok || stored.value !== null)) return;
    const refusal = chain.ok ? null : chain.error.type;
    const done = await context.serial.run(async () => {
      const reopened = await reopen(account, refusal);
      return reopened.ok ? inbound.checkQuotes(account) : reopened;
    });
    if (done.ok) triedAtMs.delete(account);
  }

  async function reopen(account: AccountId, refusal: string | null): Promise<Result<void, ClientError>> {
    const waiting = await setAside.waitingFor(account);
    if (!waiting.ok) return waiting;
    const byLog = new Map<LogId, AsideEntry[]>();
    for (const entry of waiting.value) byLog.set(entry.logId, [...(byLog.get(entry.logId) ?? []), entry]);
    for (const [logId, entries] of byLog) {
      const log = await logOf(logId, account);
      if (!log.ok) return log;
      for (let from = 0; from < entries.length; from += ENTRIES_AT_ONCE) {
        const page = await inbound.reopen(log.value, entries.slice(from, from + ENTRIES_AT_ONCE), refusal);
        const taken = page.ok ? await deps.take(page.value) : page;
        if (!taken.ok) return taken;
      }
    }
    return ok();
  }

  async function logOf(logId: LogId, account: AccountId): Promise<Result<InboundLog, ClientError>> {
    const contact = await contacts.get(account);
    if (!contact.ok) return contact;
    const own = contact.value?.own;
    if (contact.value === null || own === null || own === undefined || own.logId !== logId)
      return ok({ type: "request", logId });
    return ok({
      type: "inbound",
      logId,
      contact: account,
      origin: contact.value.origin,
      outerKey: own.outerKey,
    });
  }

  return { run };
}
