/** Creating an account: first device, recovery key, first epoch, registration, profile. */
import { toUtf8 } from "../base/bytes.ts";
import { idFromBytes } from "../base/ids.ts";
import { DEVICE_NAME_BYTES_MAX, DISPLAY_NAME_BYTES_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { parseServerOrigin } from "../base/server-origin.ts";
import { fromHex } from "../base/bytes.ts";
import { SETTINGS } from "../document/settings.ts";
import { setField } from "../document/state-field.ts";
import { createGenesis } from "../sigchain/create/create-link.ts";
import { accountRoot, requestLogId } from "../sigchain/epoch/epoch-secret.ts";
import { createDeviceSeeds, deviceKeysFromSeeds } from "../sigchain/keys/device-keys.ts";
import { createRecoveryKey, recoveryKeysFrom, recoveryWords } from "../sigchain/keys/recovery-key.ts";
import { createChainStore } from "./chain-store.ts";
import type { Client } from "./client.ts";
import type { ClientError } from "./client-error.ts";
import { createDirectoryClient } from "./directory-client.ts";
import { createEngine, sealedStore } from "./engine.ts";
import { createClient } from "./open-client.ts";
import type { Platform } from "./platform.ts";
import { createTables } from "./tables.ts";

export interface NewAccount {
  /** `https://host[:port]` of the home server. */
  readonly origin: string;
  readonly handle: string | null;
  readonly displayName: string;
  readonly deviceName: string;
  readonly invitation: string | null;
}

/**
 * Creates an account with this profile as its first device, and registers it.
 *
 * Nothing is kept unless the server has registered it. - Fails: `Refused` with `handle-taken`, `bad-handle`,
 * `registration-closed`; server errors; `NameTooLong`.
 * - Secrets: `recoveryWords` are shown once and stored nowhere.
 */
export async function createAccount(
  platform: Platform,
  account: NewAccount,
): Promise<Result<{ readonly client: Client; readonly recoveryWords: string }, ClientError>> {
  const { random, clock } = platform;
  const origin = parseServerOrigin(account.origin);
  if (!origin.ok)
    return err({ type: "ServerUnreachable", origin: account.origin, detail: "not a server address" });
  for (const [name, sizeBytesMax] of [
    [account.displayName, DISPLAY_NAME_BYTES_MAX],
    [account.deviceName, DEVICE_NAME_BYTES_MAX],
  ] as const) {
    const sizeBytes = toUtf8(name).length;
    if (sizeBytes === 0 || sizeBytes > sizeBytesMax)
      return err({ type: "NameTooLong", sizeBytes, sizeBytesMax });
  }
  const store = sealedStore(platform);
  const tables = createTables(store);
  const existing = await tables.profile.get();
  if (!existing.ok) return existing;
  if (existing.value !== null) return err({ type: "ProfileInUse" });
  const seeds = createDeviceSeeds(random);
  const device = deviceKeysFromSeeds(seeds);
  const recoveryKey = createRecoveryKey(random);
  const recovery = recoveryKeysFrom(recoveryKey);
  const genesis = createGenesis(random, {
    device,
    recovery,
    timeMs: Math.max(0, clock.nowMs()),
    service: (first) => ({ origin: origin.value, requestLogId: requestLogId(accountRoot(first.secret)) }),
  });
  if (!genesis.ok)
    return err({
      type: "ChainDistrusted",
      accountId: idFromBytes("account", fromHex("00".repeat(32))),
      rule: genesis.error.type,
    });
  const { link, state, epoch } = genesis.value;
  const registered = await createDirectoryClient(platform.connector, origin.value).register({
    genesis: link,
    boxes: epoch.boxes,
    handle: account.handle,
    invitation: account.invitation,
  });
  if (!registered.ok) return registered;
  const profile = { accountId: state.accountId, origin: origin.value, handle: account.handle, seeds };
  const written = await store.batch([
    tables.profile.put([], profile),
    tables.epoch.put([1], { secret: epoch.secret.secret }),
    ...createChainStore(store, tables).writes(state.accountId, 1, [link]),
  ]);
  if (!written.ok) return written;
  const engine = await createEngine(platform, store, profile);
  if (!engine.ok) return engine;
  const { log, context } = engine.value;
  const named = await context.serial.run(() =>
    log.edit({ type: "settings" }, (draft) => {
      setField(draft, SETTINGS.profile, "displayName", account.displayName);
      if (account.handle !== null) setField(draft, SETTINGS.profile, "handle", account.handle);
      setField(draft, SETTINGS.deviceName, device.id, account.deviceName);
    }),
  );
  if (!named.ok) return named;
  return ok({ client: createClient(engine.value), recoveryWords: recoveryWords(recoveryKey).join(" ") });
}
