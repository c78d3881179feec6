/**
 * A log goes on after its server lost it: a device of its owner says so, in clear, and everybody can check it. Rules IN1-IN3.
 *
 * `after` is the last point the device has read; the log begins again at seq 0 of the next incarnation.
 */
import type { Bytes } from "../base/bytes.ts";
import type { AccountId, DeviceId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  id,
  integer,
  literal,
  type ShapeOf,
  struct,
} from "../codec/shape.ts";
import { LABEL } from "../crypto/labels.ts";
import { type BadSignature, SIGNATURE_BYTES, verifySignature } from "../crypto/verify.ts";
import { RESEED_BYTES_MAX } from "../base/limits.ts";
import { logPointShape } from "./entry.ts";

/** The signed part. `incarnation` is above that of `after`. */
export const reseedContentShape = struct({
  version: literal(1),
  accountId: id("account"),
  logId: id("log"),
  incarnation: integer(1),
  after: logPointShape,
  device: id("device"),
  chainSeq: integer(1),
  chainHead: id("link"),
});
export type ReseedContent = ShapeOf<typeof reseedContentShape>;

export const reseedShape = struct({
  content: bytes(1, RESEED_BYTES_MAX),
  signature: bytes(SIGNATURE_BYTES),
});

export type ReseedError =
  | DecodeError
  | BadSignature
  | { readonly type: "UnknownWriter"; readonly device: DeviceId }
  | { readonly type: "IncarnationNotAbove" };

/** Whose a reseed says the log is, which nothing has shown yet. */
export function ownerClaimed(reseed: Bytes): AccountId | null {
  const signed = decode(reseedShape, reseed);
  const content = signed.ok ? decode(reseedContentShape, signed.value.content) : signed;
  return content.ok ? content.value.accountId : null;
}

/** Reads a reseed and checks who signed it. */
export function openReseed(
  reseed: Bytes,
  signKey: (device: DeviceId) => Bytes | null,
): Result<ReseedContent, ReseedError> {
  const signed = decode(reseedShape, reseed);
  if (!signed.ok) return signed;
  const content = decode(reseedContentShape, signed.value.content);
  if (!content.ok) return content;
  const { device, incarnation, after } = content.value;
  const key = signKey(device);
  if (key === null) return err({ type: "UnknownWriter", device });
  const verified = verifySignature(key, LABEL.signReseed, signed.value.content, signed.value.signature);
  if (!verified.ok) return verified;
  // IN2
  return incarnation > after.incarnation ? ok(content.value) : err({ type: "IncarnationNotAbove" });
}
