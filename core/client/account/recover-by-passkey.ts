/** Coming back by a passkey alone: it finds the recovery key, and that recovers the account. Rules EP23, EP24. */
import { err, ok, type Result } from "../../base/result.ts";
import {
  PASSKEY_KEY_BYTES,
  type PasskeyRecovery,
  passkeyLogOf,
} from "../../sigchain/keys/passkey-recovery.ts";
import type { Bytes } from "../../base/bytes.ts";
import type { Client } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import { connectGateway } from "../connection/gateway.ts";
import { openLogChannel } from "../connection/log-channel.ts";
import { newestForPasskey } from "./newest-for-passkey.ts";
import type { Platform } from "../platform.ts";
import { type AccountRecovery, recoverWithKey } from "./recover-account.ts";

/** As `AccountRecovery`, with the passkey in the place of account and words. */
export type PasskeyAccountRecovery = Omit<AccountRecovery, "account" | "words"> & {
  /** The 32 bytes the passkey gives for recovery. */
  readonly passkeyKey: Bytes;
};

/**
 * Recovers into this empty profile the account a passkey was let bring back.
 *
 * - Fails: `NoPasskeyRecovery` when the server holds nothing for this passkey; else as `recoverAccount`.
 */
export async function recoverByPasskey(
  platform: Platform,
  { passkeyKey, ...recovery }: PasskeyAccountRecovery,
): Promise<Result<Client, ClientError>> {
  if (passkeyKey.length !== PASSKEY_KEY_BYTES) return err({ type: "NoPasskeyRecovery" });
  const kept = await readForPasskey(platform, recovery.origin, passkeyKey);
  if (!kept.ok) return kept;
  const { accountId, recoveryKey } = kept.value;
  return recoverWithKey(platform, { ...recovery, account: { type: "id", accountId } }, recoveryKey);
}

async function readForPasskey(
  platform: Platform,
  origin: string,
  passkeyKey: Bytes,
): Promise<Result<PasskeyRecovery, ClientError>> {
  const gateway = await connectGateway(platform, origin);
  if (!gateway.ok) return gateway;
  const { logId, capability } = passkeyLogOf(passkeyKey);
  const channel = await openLogChannel(gateway.value, 1, { logId, right: "read", capability, writer: null });
  const newest = channel.ok ? await newestForPasskey(channel.value, passkeyKey) : channel;
  gateway.value.close();
  const isAbsent =
    !channel.ok &&
    channel.error.type === "Refused" &&
    ["unknown-log", "forbidden"].includes(channel.error.code);
  if (isAbsent) return err({ type: "NoPasskeyRecovery" });
  if (!newest.ok) return newest;
  return newest.value === null ? err({ type: "NoPasskeyRecovery" }) : ok(newest.value);
}
