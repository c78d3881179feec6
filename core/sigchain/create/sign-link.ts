/** Putting a body together and signing it. Every builder ends in `reduceLink`, so none can hand out an invalid link. */
import type { Bytes } from "../../base/bytes.ts";
import type { SignerId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { encode } from "../../codec/shape.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type SignKeyPair, sign } from "../../crypto/sign.ts";
import type { ChainState } from "../chain-state.ts";
import type { NewEpoch } from "../epoch/create-epoch.ts";
import { encodeLink, type LinkPayload, type LinkSignature, linkBodyShape } from "../link.ts";
import type { LinkError } from "../link-error.ts";
import { reduceLink } from "../reduce-link.ts";

/** A device or a recovery key with its private half. */
export interface LinkSigner {
  readonly signerId: SignerId;
  readonly sign: SignKeyPair;
}

/** A link ready to append, with what to store in the same act. */
export interface BuiltLink {
  readonly link: Bytes;
  /** The chain once it is appended. */
  readonly state: ChainState;
  /** The epoch it starts; to be discarded if the append loses. */
  readonly epoch: NewEpoch | null;
}

/** A builder's answer. */
export type Built = Result<BuiltLink, LinkError>;

/** A link that starts an epoch. */
export interface BuiltEpochLink extends BuiltLink {
  readonly epoch: NewEpoch;
}

export type BuiltEpoch = Result<BuiltEpochLink, LinkError>;

/** Canonical bytes of the body that follows `state`. */
export function encodeBody(
  state: ChainState | null,
  timeMs: number,
  signerId: SignerId,
  payload: LinkPayload,
): Bytes {
  return encode(linkBodyShape, {
    accountId: state?.accountId ?? null,
    seq: (state?.seq ?? 0) + 1,
    prevHash: state?.head ?? null,
    timeMs,
    payload,
    signerId,
  });
}

/** One signature over a body. */
export function signBody(body: Bytes, signer: LinkSigner): LinkSignature {
  return { signerId: signer.signerId, signature: sign(signer.sign, LABEL.signLink, body) };
}

/** Joins body and signatures and checks the result as any receiver would. */
export function finishLink<E extends NewEpoch | null>(
  state: ChainState | null,
  body: Bytes,
  signatures: readonly LinkSignature[],
  epoch: E,
): Result<{ readonly link: Bytes; readonly state: ChainState; readonly epoch: E }, LinkError> {
  const link = encodeLink(body, signatures);
  const next = reduceLink(state, link);
  return next.ok ? ok({ link, state: next.value, epoch }) : next;
}
