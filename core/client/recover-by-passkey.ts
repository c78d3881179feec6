/** Coming back by a passkey alone: it finds the recovery key, and that recovers the account. Rules EP23, EP24. */
import { err, ok, type Result } from "../base/result.ts";
import {
  openPasskeyRecovery,
  PASSKEY_KEY_BYTES,
  type PasskeyRecovery,
  passkeyLogOf,
} from "../sigchain/keys/passkey-recovery.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Client } from "./client.ts";
import type { ClientError } from "./client-error.ts";
import { connectGateway } from "./gateway.ts";
import { openLogChannel } from "./log-channel.ts";
import type { Platform } from "./platform.ts";
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

/** The newest entry that opens: whoever has the passkey may have set another one. */
async function readForPasskey(
  platform: Platform,
  origin: string,
  passkeyKey: Bytes,
): Promise<Result<PasskeyRecovery, ClientError>> {
  const gateway = await connectGateway(platform, origin);
  if (!gateway.ok) return gateway;
  const { logId, capability } = passkeyLogOf(passkeyKey);
  const channel = await openLogChannel(gateway.value, 1, { logId, right: "read", capability, writer: null });
  let newest: PasskeyRecovery | null = null;
  let after = 0;
  while (channel.ok) {
    const page = await channel.value.read(after);
    if (!page.ok) {
      gateway.value.close();
      return page;
    }
    for (const entry of page.value.entries) {
      after = entry.seq;
      const opened = openPasskeyRecovery(passkeyKey, entry.sealed);
      if (opened.ok) newest = opened.value;
    }
    if (page.value.entries.length === 0) break;
  }
  gateway.value.close();
  const isAbsent =
    !channel.ok &&
    channel.error.type === "Refused" &&
    ["unknown-log", "forbidden"].includes(channel.error.code);
  if (!channel.ok && !isAbsent) return channel;
  return newest === null ? err({ type: "NoPasskeyRecovery" }) : ok(newest);
}
