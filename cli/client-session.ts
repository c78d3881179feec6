/** A client for the time of one command: profile locked, client opened, and both let go however the command ends. */
import { type Client, err, ok, openClient, type Platform, type Result } from "@dovetail/core";
import type { CommandContext } from "./command-runner.ts";
import type { CliError } from "./errors/command-error.ts";
import { createNodePlatform } from "./platform/node-platform.ts";
import { prepareEngine } from "./platform/prepare-engine.ts";
import { openProfile } from "./platform/profile-folder.ts";
import { replaceStoreKeyFile } from "./platform/store-key-file.ts";

export type ClientBody<T> = (client: Client) => Promise<Result<T, CliError>>;
export type PlatformBody<T> = (platform: Platform) => Promise<Result<T, CliError>>;

/**
 * Runs `body` with the client of the chosen profile.
 *
 * - Fails: as `body` does; with the profile's own errors; `Interrupted` when a signal came first.
 */
export function withClient<T>(context: CommandContext, body: ClientBody<T>): Promise<Result<T, CliError>> {
  return withPlatform(context, { create: false }, async (platform) => {
    const opened = await openClient(platform);
    if (!opened.ok) return opened;
    const client = opened.value;
    if (client === null) return err({ type: "NoAccount", profile: context.choice.name });
    return stopAfter(client, Promise.race([body(client), interruption(context)]));
  });
}

/** Runs `body` with the platform of the chosen profile, before there is a client. It stops the client it makes. */
export async function withPlatform<T>(
  context: CommandContext,
  options: { readonly create: boolean; readonly isToBeLocked?: boolean },
  body: PlatformBody<T>,
): Promise<Result<T, CliError>> {
  const chosen = options.isToBeLocked === true ? await context.passphrases.chooseFirst() : ok(null);
  if (!chosen.ok) return chosen;
  const newPassphrase = chosen.value;
  const { unlock } = context.passphrases;
  const profile = await openProfile(context.choice, { create: options.create, unlock, newPassphrase });
  if (!profile.ok) return profile;
  try {
    const platform = createNodePlatform(profile.value, { logger: context.logger });
    if (!platform.ok) return platform;
    await prepareEngine();
    const result = await body(platform.value);
    // The folder may be from an attempt that failed, with a key without a passphrase.
    if (result.ok && newPassphrase !== null && profile.value.protection === "permissions")
      replaceStoreKeyFile(profile.value.folder, profile.value.storeKey, newPassphrase);
    // Closing what the client has closed already changes nothing.
    await platform.value.store.close();
    return result;
  } finally {
    profile.value.release();
  }
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
