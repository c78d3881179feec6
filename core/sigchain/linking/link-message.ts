/**
 * What the two devices say to each other, in order. Rules LK14-LK21.
 *
 * | version | from | message |
 * |---|---|---|
 * | 1 | existing | `offer`, in clear: its key and server, proven by the code's secret |
 * | 2 | new | `hello` beside its key: device record, commitment to its nonce, platform |
 * | 3 | existing | `account`: whose account, its chain's head, its nonce |
 * | 4 | new | `confirm`: its nonce; sent once the person said that this is their account |
 * | 5, 7, 9 | existing | `proposal`: the body of the `device-add` |
 * | 6, 8, 10 | new | `reverse`: its signature over that body |
 * | next | existing | `done`: the link is on the chain |
 *
 * `abort` may come from either side at any version, with the reason. None of them has room for a secret (LK26).
 */
import { toUtf8 } from "../../base/bytes.ts";
import {
  ACCOUNT_NAME_BYTES_MAX,
  PLATFORM_BYTES_MAX,
  RENDEZVOUS_BYTES_MAX,
  SERVER_ORIGIN_CHARS_MAX,
} from "../../base/limits.ts";
import {
  bytes,
  embedded,
  id,
  integer,
  oneOf,
  type ShapeOf,
  struct,
  text,
  variants,
} from "../../codec/shape.ts";
import { HASH_BYTES } from "../../crypto/hash.ts";
import { SIGNATURE_BYTES } from "../../crypto/verify.ts";
import { AGREEMENT_PUBLIC_KEY_BYTES, deviceRecordShape } from "../link.ts";

export const LINK_NONCE_BYTES = 32;

/** What lies in the slot. */
export const slotMessageShape = variants({
  /** Of the device that shows the code, for whoever typed it; who scanned it has the key already. */
  offer: [
    1,
    {
      key: bytes(AGREEMENT_PUBLIC_KEY_BYTES),
      origin: text(SERVER_ORIGIN_CHARS_MAX),
      proof: bytes(HASH_BYTES),
    },
  ],
  hello: [2, { key: bytes(AGREEMENT_PUBLIC_KEY_BYTES), sealed: bytes(1, RENDEZVOUS_BYTES_MAX) }],
  sealed: [3, { sealed: bytes(1, RENDEZVOUS_BYTES_MAX) }],
  /** The existing device gave up before it knew who answered, so it has no key to say so in private. */
  closed: [4, {}],
});
export type SlotMessage = ShapeOf<typeof slotMessageShape>;

/** Why a side gave up, for the other. */
export const abortReasonShape = oneOf(
  "cancelled",
  "expired",
  "declined",
  "wrong-code",
  "tampered",
  "bad-device",
  "bad-proposal",
  "not-appended",
);
export type AbortReason = ShapeOf<typeof abortReasonShape>;

export const helloShape = struct({
  device: deviceRecordShape,
  nonceCommit: bytes(HASH_BYTES),
  platform: text(PLATFORM_BYTES_MAX),
});
export type Hello = ShapeOf<typeof helloShape>;

/** What is sealed inside. */
export const linkMessageShape = variants({
  hello: [1, { hello: helloShape }],
  account: [
    2,
    {
      accountId: id("account"),
      seq: integer(1),
      head: id("link"),
      name: text(ACCOUNT_NAME_BYTES_MAX),
      nonce: bytes(LINK_NONCE_BYTES),
    },
  ],
  confirm: [3, { nonce: bytes(LINK_NONCE_BYTES) }],
  proposal: [4, { body: embedded(RENDEZVOUS_BYTES_MAX) }],
  reverse: [5, { signature: bytes(SIGNATURE_BYTES) }],
  done: [6, { seq: integer(1), head: id("link") }],
  abort: [7, { reason: abortReasonShape }],
});
export type LinkMessage = ShapeOf<typeof linkMessageShape>;

/** The longest whole-character beginning of `text` that fits: what is shown for confirmation must not stop linking. */
export function clipText(text: string, bytesMax: number): string {
  let clipped = "";
  let bytes = 0;
  for (const char of text.toWellFormed()) {
    bytes += toUtf8(char).length;
    if (bytes > bytesMax) break;
    clipped += char;
  }
  return clipped;
}
