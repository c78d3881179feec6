/**
 * What a client signs to prove a right on one connection. Rules GW3-GW6.
 *
 * Every claim names the origin the client dialled and both nonces, so it is worth nothing on another server, another
 * connection, or for another right.
 */
import { bytes, encode, id, oneOf, type ShapeOf, struct, text } from "../codec/shape.ts";
import type { Bytes } from "../base/bytes.ts";
import { SERVER_ORIGIN_CHARS_MAX } from "../base/limits.ts";

export const NONCE_BYTES = 32;

const connection = {
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  serverNonce: bytes(NONCE_BYTES),
  clientNonce: bytes(NONCE_BYTES),
};

/** Rights a capability gives over one log. */
export const logRightShape = oneOf("append", "read", "admin");
export type LogRight = ShapeOf<typeof logRightShape>;

const signInClaim = struct({ ...connection, accountId: id("account"), deviceId: id("device") });
const deletionClaim = struct({ ...connection, accountId: id("account"), deviceId: id("device") });
const recoveryClaim = struct({ ...connection, accountId: id("account") });
const capabilityClaim = struct({
  ...connection,
  logId: id("log"),
  right: logRightShape,
  publicKey: bytes(32),
});
const writerTagClaim = struct({ ...connection, logId: id("log"), publicKey: bytes(32) });

export type SignInClaim = ShapeOf<typeof signInClaim>;
export type DeletionClaim = ShapeOf<typeof deletionClaim>;
export type RecoveryClaim = ShapeOf<typeof recoveryClaim>;
export type CapabilityClaim = ShapeOf<typeof capabilityClaim>;
export type WriterTagClaim = ShapeOf<typeof writerTagClaim>;

/** Bytes a device signs (`LABEL.signSignIn`) to act for its account. */
export function encodeSignInClaim(claim: SignInClaim): Bytes {
  return encode(signInClaim, claim);
}

/** Bytes a device signs (`LABEL.signAccountDeletion`) to delete its account from this server. */
export function encodeDeletionClaim(claim: DeletionClaim): Bytes {
  return encode(deletionClaim, claim);
}

/** Bytes the recovery key signs (`LABEL.signRecoveryRead`) to read its account's logs. */
export function encodeRecoveryClaim(claim: RecoveryClaim): Bytes {
  return encode(recoveryClaim, claim);
}

/** Bytes a capability signs (`LABEL.signCapability`) to use a log. */
export function encodeCapabilityClaim(claim: CapabilityClaim): Bytes {
  return encode(capabilityClaim, claim);
}

/** Bytes a writer-tag key signs (`LABEL.signWriterTag`) before it may append. */
export function encodeWriterTagClaim(claim: WriterTagClaim): Bytes {
  return encode(writerTagClaim, claim);
}
