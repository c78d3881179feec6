/**
 * A server process and clients on real stores for scenario tests. Everything listens on loopback and ends with `close`.
 */
import {
  automergeReady,
  type Client,
  createAccount,
  createPlatformRandom,
  createSystemClock,
  cryptoReady,
  joinAccount,
  openClient,
  type Platform,
  silentLogger,
} from "@dovetail/core";
import { createMemoryStorageAdapter } from "../../core/document/storage/memory-storage-adapter.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import type { Result } from "../../core/base/result.ts";

/** The value of a result that a test expects to be good. */
export function good<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`expected ok, got ${JSON.stringify(result.error)}`);
  return result.value;
}

/** The error of a result that a test expects to fail. */
export function bad<T, E>(result: Result<T, E>): E {
  if (result.ok) throw new Error("expected a failure");
  return result.error;
}

/** Ports of a device in memory. The store stays when the client stops, so that it can be opened again. */
export function memoryPlatform(changes: Partial<Platform> = {}): Platform {
  const random = createPlatformRandom();
  const store = createMemoryTxStore();
  return {
    clock: createSystemClock(),
    random,
    logger: silentLogger,
    connector: createWebConnector(),
    store: { ...store, close: async () => {} },
    documentStorage: createMemoryStorageAdapter(),
    storeKey: random.bytes(32),
    ...changes,
  };
}

/** Loads what every client needs. */
export async function engineReady(): Promise<void> {
  await cryptoReady();
  await automergeReady();
}

/** An account with its first device. */
export async function newAccount(
  origin: string,
  name: string,
  platform = memoryPlatform(),
): Promise<{ client: Client; platform: Platform; recoveryWords: string }> {
  const made = good(
    await createAccount(platform, {
      origin,
      handle: name,
      displayName: name,
      deviceName: `${name} 1`,
      invitation: null,
    }),
  );
  return { ...made, platform };
}

/** Links a new device to the account of `existing`, digits typed as a person would. */
export async function linkedDevice(
  existing: Client,
  name: string,
  platform = memoryPlatform(),
): Promise<{ client: Client; platform: Platform }> {
  const host = good(await existing.linkDevice());
  const guest = good(await joinAccount(platform, { code: host.code, deviceName: name }));
  const { digits } = good(await guest.accept());
  good(await host.whenAnswered);
  good(await host.confirm(digits));
  good(await guest.whenLinked());
  const client = good(await openClient(platform));
  if (client === null) throw new Error("the profile has an account");
  return { client, platform };
}
