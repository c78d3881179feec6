/**
 * Fetches the chains that entries, letters and logs of other accounts wait for, outside the serial: a server that somebody
 * else chose, slow or not there, holds up nothing of ours. Rules DM5, DM8.
 */
import type { AccountId, LogId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook } from "./contact-book.ts";
import type { ContactLogs } from "./contact-logs.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Inbound, InboundLog, OpenedPage } from "../conversations/inbound.ts";
import type { AsideEntry, SetAside } from "../conversations/set-aside.ts";

/** How long an account is left alone whose chain could not be fetched; each time twice as long, up to the second. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 3_600_000;
const FETCHES_AT_ONCE = 4;
/** With the ops a body may carry this stays within the rows a store takes at once. */
const ENTRIES_AT_ONCE = 64;
const TRIED_MAX = 1_024;

export interface AwaitedChains {
  /** A new connection: what could not be had while there was none, or when the program ended, is asked for at once. */
  begin(): void;
  /** Fetches what is waited for and opens what waited. Resolves when every attempt has ended. */
  run(): Promise<void>;
  /** Tries nothing again by itself. */
  stop(): void;
}

interface Attempt {
  readonly atMs: number;
  readonly delayMs: number;
}

export interface AwaitedChainsDeps {
  readonly context: EngineContext;
  readonly inbound: Inbound;
  readonly setAside: SetAside;
  readonly contacts: ContactBook;
  readonly contactLogs: ContactLogs;
  take(page: OpenedPage): Promise<Result<void, ClientError>>;
}

export function createAwaitedChains(deps: AwaitedChainsDeps): AwaitedChains {
  const { context, inbound, setAside, contacts, contactLogs } = deps;
  const lastByAccount = new Map<AccountId, Attempt>();
  let running: Promise<void> | null = null;
  let cancelRetry: (() => void) | null = null;
  let isStopped = false;

  const wanted = () => [
    ...new Map([...contactLogs.chainsBehind(), ...inbound.quotesAhead(), ...setAside.chainsWanted()]),
  ];

  function run(): Promise<void> {
    if (isStopped) return Promise.resolve();
    running ??= fetchAll().finally(() => {
      running = null;
      retryLater();
    });
    return running;
  }

  function retryLater(): void {
    const waits = wanted().map(([account]) => waitMs(account));
    cancelRetry?.();
    cancelRetry =
      waits.length === 0 || isStopped
        ? null
        : context.clock.schedule(Math.max(RETRY_MIN_MS, Math.min(...waits)), () => void run());
  }

  /** Asks for each account once; what comes to be wanted meanwhile is asked for as well. */
  async function fetchAll(): Promise<void> {
    const asked = new Set<AccountId>();
    for (;;) {
      const next = wanted()
        .filter(([account]) => !asked.has(account) && waitMs(account) === 0)
        .slice(0, FETCHES_AT_ONCE);
      if (next.length === 0) return;
      for (const [account] of next) asked.add(account);
      await Promise.all(next.map(([account, origin]) => fetchOne(account, origin)));
    }
  }

  /** A clock that was set back makes nothing wait longer. */
  function waitMs(account: AccountId): number {
    const last = lastByAccount.get(account);
    if (last === undefined) return 0;
    const passedMs = Math.abs(context.clock.nowMs() - last.atMs);
    return Math.max(0, last.delayMs - passedMs);
  }

  async function fetchOne(account: AccountId, origin: string): Promise<void> {
    const last = lastByAccount.get(account);
    if (lastByAccount.size >= TRIED_MAX) lastByAccount.clear();
    const delayMs = last === undefined ? RETRY_MIN_MS : Math.min(RETRY_MAX_MS, 2 * last.delayMs);
    lastByAccount.set(account, { atMs: context.clock.nowMs(), delayMs });
    const chain = await context.contactChain(account, origin, true);
    const stored = await context.storedChain(account);
    // A chain that was good once and is served wrong now is the server's doing: the entries wait on.
    if (!chain.ok && (chain.error.type !== "ChainDistrusted" || !stored.ok || stored.value !== null)) return;
    contactLogs.chainFetched(account);
    const refusal = chain.ok ? null : chain.error.type;
    const done = await context.serial.run(async () => {
      const reopened = await reopen(account, refusal);
      return reopened.ok ? inbound.checkQuotes(account) : reopened;
    });
    if (done.ok) lastByAccount.delete(account);
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
    if (contact.value === null) return ok({ type: "request", logId });
    const { origin } = contact.value;
    const keys = await contactLogs.find(contact.value, logId);
    if (!keys.ok) return keys;
    return keys.value === null
      ? ok({ type: "request", logId })
      : ok({ type: "inbound", logId, contact: account, origin, outerKey: keys.value.outerKey });
  }

  return {
    begin() {
      lastByAccount.clear();
      void run();
    },
    run,
    stop: () => {
      isStopped = true;
      cancelRetry?.();
    },
  };
}
