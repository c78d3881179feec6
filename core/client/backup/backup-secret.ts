/** What a person gives to lock or open a backup, taken apart. Rule BK3. */
import type { Bytes } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Passphrase } from "../../crypto/passphrase.ts";
import { wipe } from "../../crypto/secret.ts";
import type { BackupSecret } from "../../log/backup/backup-head.ts";
import { parseRecoveryWords, recoveryKeysFrom } from "../../sigchain/keys/recovery-key.ts";
import type { ClientError } from "../client-error.ts";

/** The 24 words of the recovery key, or a passphrase of the backup's own. */
export type BackupKey =
  | { readonly type: "words"; readonly words: string }
  | { readonly type: "passphrase"; readonly passphrase: Bytes };

/** - Fails: `BadRecoveryWords`. */
export function backupSecretOf(key: BackupKey): Result<BackupSecret, ClientError> {
  if (key.type === "passphrase") return ok({ type: "passphrase", passphrase: key.passphrase as Passphrase });
  const words = parseRecoveryWords(key.words);
  if (!words.ok) return err({ type: "BadRecoveryWords", why: words.error });
  const keys = recoveryKeysFrom(words.value);
  wipe(words.value);
  return ok({ type: "recovery", keys });
}
