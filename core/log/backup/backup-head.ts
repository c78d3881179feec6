/**
 * The head of a backup: how its key is kept. Rules BK2-BK4.
 *
 * `[body, H(body)]`. The hash stands for the medium, not against an attacker: it tells a file that decayed from a passphrase
 * that is wrong, which would otherwise look the same.
 */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import type { SignerId } from "../../base/ids.ts";
import {
  BACKUP_HEAD_BYTES_MAX,
  PASSPHRASE_MEMORY_BYTES_MAX,
  PASSPHRASE_MEMORY_BYTES_MIN,
  PASSPHRASE_PASSES_MAX,
} from "../../base/limits.ts";
import type { Random } from "../../base/random.ts";
import { err, type Result } from "../../base/result.ts";
import { decodeCbor, encodeCbor } from "../../codec/cbor.ts";
import {
  bytes,
  decode,
  encode,
  id,
  integer,
  literal,
  type ShapeOf,
  struct,
  variants,
} from "../../codec/shape.ts";
import { HASH_BYTES, hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";
import {
  type Passphrase,
  PASSPHRASE_COST,
  PASSPHRASE_SALT_BYTES,
  type PassphraseCost,
  passphraseKey,
} from "../../crypto/passphrase.ts";
import { SEAL_OVERHEAD_BYTES, seal, unseal } from "../../crypto/seal.ts";
import { wipe } from "../../crypto/secret.ts";
import type { RecoveryKeys } from "../../sigchain/keys/recovery-key.ts";

export const BACKUP_VERSION = 1;
const KEY_BYTES = 32;
export const BACKUP_ID_BYTES = 16;

/** `holder` names the recovery key, so that another one is told from a damaged file. */
export const backupHeadShape = struct({
  version: literal(BACKUP_VERSION),
  backupId: bytes(BACKUP_ID_BYTES),
  key: variants({
    recovery: [1, { holder: id("signer"), sealed: bytes(KEY_BYTES + SEAL_OVERHEAD_BYTES) }],
    passphrase: [
      2,
      {
        salt: bytes(PASSPHRASE_SALT_BYTES),
        memoryBytes: integer(PASSPHRASE_MEMORY_BYTES_MIN, PASSPHRASE_MEMORY_BYTES_MAX),
        passes: integer(1, PASSPHRASE_PASSES_MAX),
        sealed: bytes(KEY_BYTES + SEAL_OVERHEAD_BYTES),
      },
    ],
  }),
});
export type BackupHead = ShapeOf<typeof backupHeadShape>;

export const backupHeadFrameShape = struct({
  body: bytes(1, BACKUP_HEAD_BYTES_MAX),
  check: bytes(HASH_BYTES),
});

/** What opens a backup. */
export type BackupSecret =
  | { readonly type: "recovery"; readonly keys: Pick<RecoveryKeys, "signerId" | "backupKey"> }
  | { readonly type: "passphrase"; readonly passphrase: Passphrase };

/** What kind of secret a backup asks for. */
export type BackupLock = BackupSecret["type"];

export type BackupHeadFault =
  /** Not as it was written, at this byte of the file or after it. */
  | { readonly type: "BackupDamaged"; readonly atByte: number }
  | { readonly type: "BackupTooNew"; readonly version: number; readonly versionMax: number };

/** A new backup's key and the frame that keeps it. - Secrets: the caller wipes `key`. */
export function createBackupHead(
  random: Random,
  secret: BackupSecret,
  cost: PassphraseCost = PASSPHRASE_COST,
): { readonly frame: Bytes; readonly key: Bytes; readonly backupId: Bytes } {
  const key = random.bytes(KEY_BYTES);
  const backupId = random.bytes(BACKUP_ID_BYTES);
  const salt = random.bytes(PASSPHRASE_SALT_BYTES);
  const wrapping =
    secret.type === "recovery" ? secret.keys.backupKey : passphraseKey(secret.passphrase, salt, cost);
  const context = (parts: readonly (Bytes | number)[]) => wrapContext(wrapping, backupId, parts);
  const kept: BackupHead["key"] =
    secret.type === "recovery"
      ? { type: "recovery", holder: secret.keys.signerId, sealed: seal(random, context([]), key) }
      : {
          type: "passphrase",
          salt,
          ...cost,
          sealed: seal(random, context([salt, cost.memoryBytes, cost.passes]), key),
        };
  if (secret.type === "passphrase") wipe(wrapping);
  const body = encode(backupHeadShape, { version: BACKUP_VERSION, backupId, key: kept });
  return { frame: encode(backupHeadFrameShape, { body, check: checkOf(body) }), key, backupId };
}

/** Reads the frame of a head, which begins at `atByte`. */
export function parseBackupHead(frame: Bytes, atByte: number): Result<BackupHead, BackupHeadFault> {
  const outer = decode(backupHeadFrameShape, frame);
  if (!outer.ok || !equalBytes(outer.value.check, checkOf(outer.value.body)))
    return err({ type: "BackupDamaged", atByte });
  const head = decode(backupHeadShape, outer.value.body);
  if (head.ok) return head;
  const plain = decodeCbor(outer.value.body);
  const version = plain.ok && Array.isArray(plain.value) ? plain.value[0] : null;
  return typeof version === "number" && version > BACKUP_VERSION
    ? err({ type: "BackupTooNew", version, versionMax: BACKUP_VERSION })
    : err({ type: "BackupDamaged", atByte });
}

/** The key of a backup's frames; null when the secret is another one. BK4 */
export function openBackupHead({ backupId, key }: BackupHead, secret: BackupSecret): Bytes | null {
  if (key.type === "recovery") {
    if (secret.type !== "recovery" || secret.keys.signerId !== key.holder) return null;
    const opened = unseal(wrapContext(secret.keys.backupKey, backupId, []), key.sealed);
    return opened.ok ? opened.value : null;
  }
  if (secret.type !== "passphrase") return null;
  const { salt, memoryBytes, passes } = key;
  const wrapping = passphraseKey(secret.passphrase, salt, { memoryBytes, passes });
  const opened = unseal(wrapContext(wrapping, backupId, [salt, memoryBytes, passes]), key.sealed);
  wipe(wrapping);
  return opened.ok ? opened.value : null;
}

/** Which recovery key holds a backup; null for one under a passphrase. */
export function holderOf({ key }: BackupHead): SignerId | null {
  return key.type === "recovery" ? key.holder : null;
}

function wrapContext(key: Bytes, backupId: Bytes, parts: readonly (Bytes | number)[]) {
  const label = LABEL.sealBackupKey;
  return { key, label, aad: encodeCbor([label, backupId, ...parts]) };
}

function checkOf(body: Bytes): Bytes {
  return hash(LABEL.backupCheck, body);
}
