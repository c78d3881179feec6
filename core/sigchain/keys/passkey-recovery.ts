/**
 * The recovery key under a key that a passkey gives. Rules EP23, EP24.
 *
 * WebAuthn's PRF extension gives 32 bytes that only this passkey can give. From them derive which log of the account's server holds
 * the sealed recovery key, the capability that opens that log, and the key it is sealed with; so nothing has to be remembered.
 */
import { type Bytes, toUtf8 } from "../../base/bytes.ts";
import { idBytes, type LogId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, type Result } from "../../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  literal,
  type ShapeOf,
  struct,
} from "../../codec/shape.ts";
import type { DoesNotOpen } from "../../crypto/aead.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { seal, unseal } from "../../crypto/seal.ts";
import { wipe } from "../../crypto/secret.ts";
import { type SignKeyPair, signKeyPairFromSeed } from "../../crypto/sign.ts";
import { keyLogId, ROOM_LOG_SALT_BYTES } from "../../protocol/room-log-id.ts";
import { RECOVERY_KEY_BYTES } from "./recovery-key.ts";

/** What a passkey gives. */
export const PASSKEY_KEY_BYTES = 32;

/** What the passkey is asked with: the same on every device, so that one that has lost everything can ask. */
export function passkeyRecoveryInput(): Bytes {
  return toUtf8(LABEL.passkeyInput);
}

/** What lies sealed in the log. */
export const passkeyRecoveryShape = struct({
  version: literal(1),
  accountId: id("account"),
  recoveryKey: bytes(RECOVERY_KEY_BYTES),
});
export type PasskeyRecovery = ShapeOf<typeof passkeyRecoveryShape>;

/** Where the sealed recovery key of a passkey lies. */
export interface PasskeyLog {
  readonly logId: LogId;
  readonly capability: SignKeyPair;
}

export function passkeyLogOf(passkeyKey: Bytes): PasskeyLog {
  const capability = signKeyPairFromSeed(deriveKey(passkeyKey, LABEL.passkeyAccess));
  const salt = deriveKey(passkeyKey, LABEL.passkeyLogId).slice(0, ROOM_LOG_SALT_BYTES);
  return { logId: keyLogId(capability.publicKey, salt), capability };
}

/** - Secrets: takes neither key; both are the caller's to wipe. */
export function sealPasskeyRecovery(
  random: Random,
  passkeyKey: Bytes,
  recovery: Pick<PasskeyRecovery, "accountId" | "recoveryKey">,
): Bytes {
  const plaintext = encode(passkeyRecoveryShape, { version: 1, ...recovery });
  const sealed = seal(random, contextOf(passkeyKey), plaintext);
  wipe(plaintext);
  return sealed;
}

/** - Fails: `DoesNotOpen` for what another key sealed, or for another log. */
export function openPasskeyRecovery(
  passkeyKey: Bytes,
  sealed: Bytes,
): Result<PasskeyRecovery, DoesNotOpen | DecodeError> {
  const opened = unseal(contextOf(passkeyKey), sealed);
  if (!opened.ok) return err(opened.error);
  const recovery = decode(passkeyRecoveryShape, opened.value);
  wipe(opened.value);
  return recovery;
}

function contextOf(passkeyKey: Bytes) {
  return {
    key: deriveKey(passkeyKey, LABEL.passkeySeal),
    label: LABEL.sealPasskeyRecovery,
    aad: idBytes(passkeyLogOf(passkeyKey).logId),
  };
}
