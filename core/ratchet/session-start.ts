/**
 * What a prekey message says about the session it starts, and the id of that session.
 *
 * `ephemeralPk (32) ‖ signedPreKeyId (8) ‖ kemPreKeyId (8) ‖ kemCiphertext (1,120)`, of fixed length. The initiator
 * repeats these bytes until the first reply; the same bytes are the same session. Rules PX6 and DR12.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { ID_BYTES, idBytes, idFromBytes, type PreKeyId } from "../base/ids.ts";
import { AGREEMENT_KEY_BYTES } from "../crypto/agreement.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import { XWING_CIPHERTEXT_BYTES } from "../crypto/xwing.ts";

/** The layout, for the pinned hash of all wire structures. */
export const SESSION_START_LAYOUT = "ephemeralPk:32|signedPreKeyId:8|kemPreKeyId:8|kemCiphertext:1120";
export const SESSION_ID_BYTES = 16;

export interface SessionStart {
  readonly ephemeralPk: Bytes;
  readonly signedPreKeyId: PreKeyId;
  /** The one-time or last-resort prekey; which of the two its owner knows. */
  readonly kemPreKeyId: PreKeyId;
  readonly kemCiphertext: Bytes;
}

const SIGNED_ID_AT = AGREEMENT_KEY_BYTES;
const KEM_ID_AT = SIGNED_ID_AT + ID_BYTES.preKey;
const CIPHERTEXT_AT = KEM_ID_AT + ID_BYTES.preKey;
export const SESSION_START_BYTES: number = CIPHERTEXT_AT + XWING_CIPHERTEXT_BYTES;

/** Bytes of a start, as the prekey message carries them. */
export function encodeSessionStart(start: SessionStart): Bytes {
  return concatBytes(
    start.ephemeralPk,
    idBytes(start.signedPreKeyId),
    idBytes(start.kemPreKeyId),
    start.kemCiphertext,
  );
}

/** Reads a start from exactly `SESSION_START_BYTES` bytes; every value of each field is well formed. */
export function readSessionStart(start: Bytes): SessionStart {
  return {
    ephemeralPk: start.slice(0, SIGNED_ID_AT),
    signedPreKeyId: idFromBytes("preKey", start.subarray(SIGNED_ID_AT, KEM_ID_AT)),
    kemPreKeyId: idFromBytes("preKey", start.subarray(KEM_ID_AT, CIPHERTEXT_AT)),
    kemCiphertext: start.slice(CIPHERTEXT_AT),
  };
}

/** Id of the session these start bytes make, the same on both sides. */
export function sessionIdOf(start: Bytes): Bytes {
  return hash(LABEL.sessionId, start).slice(0, SESSION_ID_BYTES);
}
