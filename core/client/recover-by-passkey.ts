/** Coming back by a passkey alone: it finds the recovery key, and that recovers the account. Rules EP23, EP24. */
import { PASSKEY_ENTRIES_READ_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { wipe } from "../crypto/secret.ts";
import {
  openPasskeyRecovery,
  PASSKEY_KEY_BYTES,
  type PasskeyRecovery,
  passkeyLogOf,
} from "../sigchain/keys/passkey-recovery.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Client } from "./client.ts";
import type { ClientError } from "./client-error.ts";
import { connectGateway, type ServerError } from "./gateway.ts";
import { type LogChannel, openLogChannel } from "./log-channel.ts";
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

/**
 * The newest entry that opens: whoever has the passkey may have set another one. Null when none does.
 *
 * Only the end of the log is read: nobody but the passkey's owner writes there, and a server is given no way to keep a person waiting.
 */
export async function newestForPasskey(
  channel: Pick<LogChannel, "head" | "read">,
  passkeyKey: Bytes,
): Promise<Result<PasskeyRecovery | null, ServerError>> {
  let newest: PasskeyRecovery | null = null;
  let after = Math.max(0, channel.head.seq - PASSKEY_ENTRIES_READ_MAX); // EP23
  while (after < channel.head.seq) {
    const page = await channel.read(after);
    if (!page.ok) return page;
    if (page.value.entries.length === 0) break;
    for (const { seq, sealed } of page.value.entries) {
      if (seq <= after) return err({ type: "ServerMisbehaved", why: "gave an entry again" });
      after = seq;
      const opened = openPasskeyRecovery(passkeyKey, sealed);
      if (!opened.ok) continue;
      if (newest !== null) wipe(newest.recoveryKey);
      newest = opened.value;
    }
  }
  return ok(newest);
}
