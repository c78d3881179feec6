/** A sibling's word that a snapshot has what it says: signed, kept by the server beside it. Rule SN22. */
import type { Bytes } from "../../base/bytes.ts";
import type { DeviceId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  literal,
  type ShapeOf,
  struct,
} from "../../codec/shape.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type SignKeyPair, sign } from "../../crypto/sign.ts";
import { type BadSignature, SIGNATURE_BYTES, verifySignature } from "../../crypto/verify.ts";
import { ENDORSEMENT_BYTES_MAX } from "../../protocol/snapshot.ts";

/** The signed part. */
export const endorsementContentShape = struct({
  version: literal(1),
  accountId: id("account"),
  snapshotId: id("snapshot"),
  device: id("device"),
  chainSeq: integer(0),
  chainHead: id("link"),
});
export type EndorsementContent = ShapeOf<typeof endorsementContentShape>;

export const endorsementShape = struct({
  content: bytes(1, ENDORSEMENT_BYTES_MAX),
  signature: bytes(SIGNATURE_BYTES),
});

export type EndorsementError =
  | DecodeError
  | BadSignature
  | { readonly type: "UnknownWriter"; readonly device: DeviceId };

/** Signs an endorsement. */
export function createEndorsement(signer: SignKeyPair, content: EndorsementContent): Bytes {
  const encoded = encode(endorsementContentShape, content);
  return encode(endorsementShape, {
    content: encoded,
    signature: sign(signer, LABEL.signEndorsement, encoded),
  });
}

/** Reads an endorsement and checks who signed it. */
export function openEndorsement(
  endorsement: Bytes,
  signKey: (device: DeviceId) => Bytes | null,
): Result<EndorsementContent, EndorsementError> {
  const signed = decode(endorsementShape, endorsement);
  if (!signed.ok) return signed;
  const content = decode(endorsementContentShape, signed.value.content);
  if (!content.ok) return content;
  const key = signKey(content.value.device);
  if (key === null) return err({ type: "UnknownWriter", device: content.value.device });
  const verified = verifySignature(key, LABEL.signEndorsement, signed.value.content, signed.value.signature);
  return verified.ok ? ok(content.value) : verified;
}
