/** Signing that a log goes on as its next incarnation. Rule IN1. */
import type { Bytes } from "../base/bytes.ts";
import { encode } from "../codec/shape.ts";
import { LABEL } from "../crypto/labels.ts";
import { type SignKeyPair, sign } from "../crypto/sign.ts";
import { type ReseedContent, reseedContentShape, reseedShape } from "../protocol/reseed.ts";

/** Signs a reseed. */
export function createReseed(signer: SignKeyPair, content: ReseedContent): Bytes {
  const encoded = encode(reseedContentShape, content);
  return encode(reseedShape, { content: encoded, signature: sign(signer, LABEL.signReseed, encoded) });
}
