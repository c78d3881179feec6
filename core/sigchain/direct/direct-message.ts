/**
 * What two own devices say to each other until each knows the other. Rules DS1-DS9.
 *
 * `hello` and the first three fields of `answer` are in clear; everything else is sealed in the channel they make.
 */
import { LINK_BYTES_MAX } from "../../base/limits.ts";
import {
  bytes,
  id,
  integer,
  list,
  literal,
  oneOf,
  type ShapeOf,
  struct,
  variants,
} from "../../codec/shape.ts";
import { SIGNATURE_BYTES } from "../../crypto/verify.ts";
import { XWING_CIPHERTEXT_BYTES, XWING_PUBLIC_KEY_BYTES } from "../../crypto/xwing.ts";

/** Links one device gives another that is behind: more than a page means that it has to ask the server first. */
export const DIRECT_LINKS_MAX = 256;
const NONCE_BYTES = 32;

/** From the device that dials: a key made for this connection alone. */
export const directHelloShape = struct({
  version: literal(1),
  kemKey: bytes(XWING_PUBLIC_KEY_BYTES),
  nonce: bytes(NONCE_BYTES),
});

/** From the device that listens. */
export const directAnswerShape = struct({
  version: literal(1),
  kemCiphertext: bytes(XWING_CIPHERTEXT_BYTES),
  nonce: bytes(NONCE_BYTES),
});

/** Why a device that has proven to be of the account is not talked to. */
export const DIRECT_REFUSALS = [
  "revoked-device",
  "unknown-device",
  "same-device",
  "chains-disagree",
  "too-far-behind",
  "bad-signature",
] as const;
export type DirectRefusal = (typeof DIRECT_REFUSALS)[number];

/** `place`: how far the listener's chain goes. `proof`: who this is, and the links the other lacks. */
export const directMessageShape = variants({
  place: [1, { seq: integer(1), head: id("link") }],
  proof: [
    2,
    {
      device: id("device"),
      seq: integer(1),
      head: id("link"),
      links: list(bytes(1, LINK_BYTES_MAX), DIRECT_LINKS_MAX),
      signature: bytes(SIGNATURE_BYTES),
    },
  ],
  refused: [3, { why: oneOf(...DIRECT_REFUSALS) }],
});
export type DirectMessage = ShapeOf<typeof directMessageShape>;
export type DirectProof = Extract<DirectMessage, { readonly type: "proof" }>;
