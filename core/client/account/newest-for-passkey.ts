/** What a passkey brings back, read from the log that it names. Rule EP23. */
import type { Bytes } from "../../base/bytes.ts";
import { PASSKEY_ENTRIES_READ_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { wipe } from "../../crypto/secret.ts";
import { openPasskeyRecovery, type PasskeyRecovery } from "../../sigchain/keys/passkey-recovery.ts";
import type { ServerError } from "../connection/gateway.ts";
import type { LogChannel } from "../connection/log-channel.ts";

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
