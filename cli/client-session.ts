/**
 * A client for the time of one command: profile locked, client opened, and both let go however the command ends. Where
 * another process has the profile and serves it, the client is that one's.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  type Client,
  connectClient,
  createSystemClock,
  cryptoReady,
  err,
  joinSpanSinks,
  ok,
  openClient,
  type Platform,
  type Result,
  serveClient,
  type SpanExport,
  unwrapStoreKey,
  wipe,
} from "@dovetail/core";
import type { CommandContext } from "./command-runner.ts";
import type { CliError } from "./errors/command-error.ts";
import type { MetricsAddress } from "./metrics-listen.ts";
import { openWhenFree } from "./open-when-free.ts";
import { exportSpans } from "./platform/export-spans.ts";
import { createNodePlatform } from "./platform/node-platform.ts";
import { prepareEngine } from "./platform/prepare-engine.ts";
import { noteFinished, type OpenedProfile, profileFolder } from "./platform/profile-folder.ts";
import type { ProfileBusy } from "./platform/profile-lock.ts";
import { dialProfile, listenInProfile } from "./platform/profile-socket.ts";
import { readStoreKeyFile, replaceStoreKeyFile } from "./platform/store-key-file.ts";
import { serveMetrics } from "./serve-metrics.ts";

export type ClientBody<T> = (client: Client) => Promise<Result<T, CliError>>;
export type PlatformBody<T> = (platform: Platform, profile: OpenedProfile) => Promise<Result<T, CliError>>;

export interface ClientOptions {
  /** Other processes of this user may use the client meanwhile. */
  readonly isServing?: boolean;
  /** Asks for the passphrase of a locked profile even where another process has it open: for what gives access away. */
  readonly isGuarded?: boolean;
  /** The collector that gets spans of sending and receiving while this process has the profile. */
  readonly traceEndpoint?: string | null;
  /** Where other programs of this machine are told how this process does while it has the profile. */
  readonly metricsListen?: MetricsAddress | null;
}

/** How long a process that has a profile and does not answer may take to let it go: it may be ending. */
const ENDING_ATTEMPTS = 10;
const ENDING_WAIT_MS = 100;

/**
 * Runs `body` with the client of the chosen profile: opened here, or served by the process that has the profile.
 *
 * - Fails: as `body` does; with the profile's own errors; `Interrupted` when a signal came first; `ProfileBusy` when
 *   another process has the profile and serves nobody.
 */
export async function withClient<T>(
  context: CommandContext,
  body: ClientBody<T>,
  options: ClientOptions = {},
): Promise<Result<T, CliError>> {
  for (let attempt = 1; ; attempt++) {
    const busy = await withOwnClient(context, body, options);
    if (busy.ok || busy.error.type !== "ProfileBusy") return busy;
    const served = await withServedClient(context, busy.error, body, options);
    if (served !== null) return served;
    if (attempt >= ENDING_ATTEMPTS || (busy.error.owner?.socket ?? null) === null) return busy;
    await delay(ENDING_WAIT_MS);
  }
}

function withOwnClient<T>(
  context: CommandContext,
  body: ClientBody<T>,
  options: ClientOptions,
): Promise<Result<T, CliError>> {
  const { traceEndpoint = null, metricsListen = null } = options;
  return withPlatform(context, { create: false, traceEndpoint }, (platform, profile) =>
    withMetrics(context, metricsListen, platform, async (measured, watch) => {
      const opened = await openClient(measured);
      if (!opened.ok) return opened;
      const client = opened.value;
      if (client === null) return err({ type: "NoAccount", profile: context.choice.name });
      noteFinished(profile.folder);
      watch(client);
      const endServing = options.isServing === true ? await serve(context, profile, client) : () => {};
      const work = Promise.race([body(client), interruption(context)]);
      return stopAfter(client, work.finally(endServing));
    }),
  );
}

/** Runs `body` with a platform whose client is told of at `address`; null for nowhere. `watch` says which client that is. */
async function withMetrics<T>(
  context: CommandContext,
  address: MetricsAddress | null,
  platform: Platform,
  body: (platform: Platform, watch: (client: Client) => void) => Promise<Result<T, CliError>>,
): Promise<Result<T, CliError>> {
  if (address === null) return body(platform, () => {});
  const served = await serveMetrics(context, address, platform.store);
  if (!served.ok) return served;
  const { spans, meter, watch, close } = served.value;
  const both = platform.spans === undefined ? spans : joinSpanSinks(platform.spans, spans);
  try {
    return await body({ ...platform, spans: both, meter }, watch);
  } finally {
    await close();
  }
}

/** Lets other processes use `client` until the returned function is called. */
async function serve(
  { logger }: CommandContext,
  profile: OpenedProfile,
  client: Client,
): Promise<() => void> {
  const socket = await listenInProfile(profile.folder, (port) =>
    serveClient(port, client, { onFault: () => logger.log("error", "served-call") }),
  );
  profile.announce(socket?.path ?? null);
  return () => {
    profile.announce(null);
    socket?.close();
  };
}

/** Null when nobody serves there after all. */
async function withServedClient<T>(
  context: CommandContext,
  { profile, owner }: ProfileBusy,
  body: ClientBody<T>,
  options: ClientOptions,
): Promise<Result<T, CliError> | null> {
  if (owner === null || owner.socket === null) return null;
  const port = await dialProfile(owner.socket);
  if (!port.ok) return null;
  const connected = await connectClient(port.value, createSystemClock());
  if (!connected.ok)
    return connected.error.type === "OwnerGone"
      ? null
      : err({ type: "ProfileNotServed", profile, owner, why: connected.error.type });
  const client = connected.value;
  if ((options.traceEndpoint ?? null) !== null)
    context.output.say("Another process has this profile: spans are sent by it, if it was told to.");
  if ((options.metricsListen ?? null) !== null)
    context.output.say("Another process has this profile: metrics are served by it, if it was told to.");
  await cryptoReady();
  const allowed = options.isGuarded === true ? await askPassphrase(context) : ok();
  if (!allowed.ok) return stopAfter(client, Promise.resolve(allowed));
  return stopAfter(client, Promise.race([body(client), interruption(context)]));
}

/** The passphrase of a locked profile, once more. */
async function askPassphrase({ choice, passphrases }: CommandContext): Promise<Result<void, CliError>> {
  const stored = readStoreKeyFile(profileFolder(choice));
  if (!stored.ok) return stored;
  const wrapped = stored.value;
  if (wrapped.type === "open") return ok();
  const key = await passphrases.unlock((passphrase) => unwrapStoreKey(wrapped, passphrase), choice.name);
  if (!key.ok) return key;
  wipe(key.value);
  return ok();
}

/** Runs `body` with the platform of the chosen profile, before there is a client. It stops the client it makes. */
export async function withPlatform<T>(
  context: CommandContext,
  options: {
    readonly create: boolean;
    readonly isToBeLocked?: boolean;
    readonly traceEndpoint?: string | null;
  },
  body: PlatformBody<T>,
): Promise<Result<T, CliError>> {
  const chosen = options.isToBeLocked === true ? await context.passphrases.chooseFirst() : ok(null);
  if (!chosen.ok) return chosen;
  const newPassphrase = chosen.value;
  const { unlock } = context.passphrases;
  const profile = await openWhenFree(context, { create: options.create, unlock, newPassphrase });
  if (!profile.ok) return profile;
  const spans = await openSpans(context, options.traceEndpoint ?? null);
  try {
    // Other threads compile while this one opens the store.
    const preparing = prepareEngine();
    const { logger } = context;
    const platform = createNodePlatform(profile.value, spans === null ? { logger } : { logger, spans });
    await preparing;
    if (!platform.ok) return platform;
    const result = await body(platform.value, profile.value);
    if (result.ok && options.create) noteFinished(profile.value.folder);
    // The folder may be from an attempt that failed, with a key without a passphrase.
    if (result.ok && newPassphrase !== null && profile.value.protection === "permissions")
      replaceStoreKeyFile(profile.value.folder, profile.value.storeKey, newPassphrase);
    // Closing what the client has closed already changes nothing.
    await platform.value.store.close();
    return result;
  } finally {
    profile.value.release();
    await spans?.close();
  }
}

async function openSpans({ output, logger }: CommandContext, url: string | null): Promise<SpanExport | null> {
  if (url === null) return null;
  output.say(`Spans of sending and receiving go to ${url}.`);
  return exportSpans({ url, service: "dovetail-client", clock: createSystemClock(), logger });
}

/** Waits for `work`, stops the client, and gives the first failure of the two. */
export async function stopAfter<T>(
  client: Client,
  work: Promise<Result<T, CliError>>,
): Promise<Result<T, CliError>> {
  let result: Result<T, CliError>;
  try {
    result = await work;
  } catch (thrown) {
    await client.stop();
    throw thrown;
  }
  const stopped = await client.stop();
  return result.ok && !stopped.ok ? stopped : result;
}

/** Settles when the person interrupts the command. */
export function interruption({ interrupted }: CommandContext): Promise<Result<never, CliError>> {
  return new Promise((resolve) => {
    const end = (): void => resolve(err({ type: "Interrupted" }));
    if (interrupted.aborted) end();
    else interrupted.addEventListener("abort", end, { once: true });
  });
}
