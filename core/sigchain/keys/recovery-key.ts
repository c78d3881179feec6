/**
 * The recovery key: 256 bits a person keeps as 24 words. It opens every epoch, signs `recover`, and wraps the backup.
 * Rules EP20-EP22.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { SignerId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, type Result } from "../../base/result.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type SignKeyPair, signKeyPairFromSeed } from "../../crypto/sign.ts";
import { type KemKeyPair, kemKeyPairFromSeed } from "../../crypto/xwing.ts";
import { type RecoveryRecord, recoveryIdOf } from "../link.ts";
import { bytesFromWords, type MalformedWords, wordsFromBytes } from "./bip39.ts";

export const RECOVERY_KEY_BYTES = 32;
export const RECOVERY_WORDS = 24;

/** What derives from a recovery key. */
export interface RecoveryKeys {
  readonly signerId: SignerId;
  readonly sign: SignKeyPair;
  readonly kem: KemKeyPair;
  /** 32 bytes that wrap backups. */
  readonly backupKey: Bytes;
  readonly record: RecoveryRecord;
}

/** A fresh recovery key. - Secrets: whoever has it has the account. */
export function createRecoveryKey(random: Random): Bytes {
  return random.bytes(RECOVERY_KEY_BYTES);
}

/** The 24 words to write down. */
export function recoveryWords(recoveryKey: Bytes): readonly string[] {
  return wordsFromBytes(recoveryKey);
}

/** The recovery key of typed words. - Fails: `WrongWordCount`, `UnknownWord`, `WrongChecksum`. */
export function parseRecoveryWords(text: string): Result<Bytes, MalformedWords> {
  const key = bytesFromWords(text);
  if (!key.ok || key.value.length === RECOVERY_KEY_BYTES) return key;
  return err({ type: "WrongWordCount", found: (key.value.length * 3) / 4 });
}

/** Derives what a recovery key is for, each under its own label (EP21). */
export function recoveryKeysFrom(recoveryKey: Bytes): RecoveryKeys {
  const sign = signKeyPairFromSeed(deriveKey(recoveryKey, LABEL.recoverySign));
  const kem = kemKeyPairFromSeed(deriveKey(recoveryKey, LABEL.recoveryKem));
  return {
    signerId: recoveryIdOf(sign.publicKey),
    sign,
    kem,
    backupKey: deriveKey(recoveryKey, LABEL.recoveryBackup),
    record: { signKey: sign.publicKey, kemKey: kem.publicKey },
  };
}
