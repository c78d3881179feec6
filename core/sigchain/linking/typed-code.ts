/**
 * The linking code as it is typed, for a device that has no camera and nothing to paste from. Rule LK39.
 *
 * 20 characters of Crockford's base 32: 11 random bytes, and 12 bits that find a typing mistake before anybody is asked. The secret and
 * the rendezvous of the code that is scanned come from the same bytes; key and server, too long to type, lie in the slot.
 */
import type { Bytes } from "../../base/bytes.ts";
import { idFromBytes, type RendezvousId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { hash } from "../../crypto/hash.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { LINK_PSK_BYTES } from "./link-code.ts";

/** 88 bits: what the server sees of them could be tried in the code's five minutes by nobody. */
export const TYPED_SECRET_BYTES = 11;
const CHECK_BITS = 12n;
const CHARS = 20;
const GROUP_CHARS = 4;
const RENDEZVOUS_ID_BYTES = 16;
/** Without I, L, O and U. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHAR_BITS = 5n;
/** From here to there it is meant as a typed code, however many characters are missing or too many. */
const ATTEMPT = /^[0-9A-Z]{15,25}$/;

/** Where two devices meet, and what both know before they do. */
export interface Meeting {
  readonly psk: Bytes;
  readonly rendezvousId: RendezvousId;
}

export type TypedCodeError =
  | { readonly type: "NotATypedCode" }
  /** Too short, too long, or its check bits say that a character is wrong. */
  | { readonly type: "MistypedCode" };

/** A fresh secret for one code. */
export function createTypedSecret(random: Random): Bytes {
  return random.bytes(TYPED_SECRET_BYTES);
}

/** What a secret stands for. */
export function meetingOf(secret: Bytes): Meeting {
  const root = hash(LABEL.linkTyped, secret);
  const place = deriveKey(root, LABEL.linkMeeting).slice(0, RENDEZVOUS_ID_BYTES);
  return {
    psk: deriveKey(root, LABEL.linkPsk).slice(0, LINK_PSK_BYTES),
    rendezvousId: idFromBytes("rendezvous", place),
  };
}

/** The text to show, in groups. - Secrets: it is the secret; it is not logged and not kept. */
export function formatTypedCode(secret: Bytes): string {
  let bits = (numberOf(secret) << CHECK_BITS) | checkOf(secret);
  let chars = "";
  for (let i = 0; i < CHARS; i++) {
    chars = `${ALPHABET[Number(bits & 31n)] ?? ""}${chars}`;
    bits >>= CHAR_BITS;
  }
  return (chars.match(new RegExp(`.{${GROUP_CHARS}}`, "gu")) ?? []).join("-");
}

/** The secret of a text as people type it: in any case, with any spaces and dashes, O for 0, I and L for 1. */
export function parseTypedCode(text: string): Result<Bytes, TypedCodeError> {
  const typed = text.replace(/[\s-]/gu, "").toUpperCase();
  if (!ATTEMPT.test(typed)) return err({ type: "NotATypedCode" });
  const folded = typed.replaceAll("O", "0").replace(/[IL]/gu, "1");
  if (folded.length !== CHARS) return err({ type: "MistypedCode" });
  let bits = 0n;
  for (const char of folded) {
    const value = ALPHABET.indexOf(char);
    if (value < 0) return err({ type: "MistypedCode" });
    bits = (bits << CHAR_BITS) | BigInt(value);
  }
  const secret = bytesOf(bits >> CHECK_BITS);
  const check = bits & ((1n << CHECK_BITS) - 1n);
  return check === checkOf(secret) ? ok(secret) : err({ type: "MistypedCode" });
}

function checkOf(secret: Bytes): bigint {
  return numberOf(hash(LABEL.linkTypedCheck, secret).subarray(0, 2)) >> 4n;
}

function numberOf(bytes: Bytes): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function bytesOf(number: bigint): Bytes {
  return Uint8Array.from({ length: TYPED_SECRET_BYTES }, (_, index) =>
    Number((number >> BigInt(8 * (TYPED_SECRET_BYTES - 1 - index))) & 0xffn),
  );
}
