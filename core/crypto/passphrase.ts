/** Argon2id version 1.3 (RFC 9106): a key from a passphrase. */
import { assert } from "../base/assert.ts";
import type { Brand } from "../base/brand.ts";
import { type Bytes, toUtf8 } from "../base/bytes.ts";
import { PASSPHRASE_BYTES_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { sodium } from "./sodium.ts";

export const PASSPHRASE_SALT_BYTES = 16;

/** What the derivation costs; stored beside the salt. */
export interface PassphraseCost {
  readonly memoryBytes: number;
  readonly passes: number;
}

/** RFC 9106 section 4, second recommended option: 64 MiB, 3 passes (one lane, which is all libsodium has). */
export const PASSPHRASE_COST: PassphraseCost = { memoryBytes: 67_108_864, passes: 3 };

/** UTF-8 of a passphrase in the one form in which it is used; its holder wipes it. */
export type Passphrase = Brand<Bytes, "Passphrase">;

export type BadPassphrase =
  | { readonly type: "PassphraseEmpty" }
  | { readonly type: "PassphraseTooLong"; readonly sizeBytes: number; readonly sizeBytesMax: number }
  /** Half of a surrogate pair: no text has it, and it has no UTF-8. */
  | { readonly type: "PassphraseNotText" };

/**
 * Takes what a person typed as a passphrase.
 *
 * Brought into NFKC, so that the same characters give the same bytes whether a keyboard composes them or not and
 * whether an input method writes them in full or half width. Nothing is trimmed and no case is folded.
 *
 * - Limits: 1 to `PASSPHRASE_BYTES_MAX` bytes, counted after that.
 */
export function parsePassphrase(typed: string): Result<Passphrase, BadPassphrase> {
  if (typed === "") return err({ type: "PassphraseEmpty" });
  if (!typed.isWellFormed()) return err({ type: "PassphraseNotText" });
  const bytes = toUtf8(typed.normalize("NFKC")); // ST51
  return bytes.length > PASSPHRASE_BYTES_MAX
    ? err({ type: "PassphraseTooLong", sizeBytes: bytes.length, sizeBytesMax: PASSPHRASE_BYTES_MAX })
    : ok(bytes as Passphrase);
}

/** Derives 32 bytes. Takes a few hundred milliseconds and `cost.memoryBytes` of memory. */
export function passphraseKey(passphrase: Bytes, salt: Bytes, cost: PassphraseCost): Bytes {
  assert(salt.length === PASSPHRASE_SALT_BYTES, "an Argon2id salt has 16 bytes");
  return sodium.crypto_pwhash(
    32,
    passphrase,
    salt,
    cost.passes,
    cost.memoryBytes,
    sodium.crypto_pwhash_ALG_ARGON2ID13,
  );
}
