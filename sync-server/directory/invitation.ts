/**
 * Invitations as people hand them on: 120 random bits in 24 letters and digits, in groups of four.
 *
 * The alphabet has no letter that looks like a digit, and what is read as one is taken for it. The server keeps the hash.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { Random } from "@dovetail/core/base/random.ts";
import { toUtf8 } from "@dovetail/core/base/bytes.ts";
import { hash } from "@dovetail/core/crypto/hash.ts";
import { LABEL } from "@dovetail/core/crypto/labels.ts";
import { INVITATION_SECRET_BYTES } from "../limits.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const BITS_PER_CHAR = 5;
const CHARS_PER_GROUP = 4;
const CHARS = (INVITATION_SECRET_BYTES * 8) / BITS_PER_CHAR;
const LOOKALIKES: Readonly<Record<string, string>> = { o: "0", i: "1", l: "1" };

/** A new invitation's text. - Secrets: it lets somebody in; show it, do not keep it. */
export function createInvitation(random: Random): string {
  const bytes = random.bytes(INVITATION_SECRET_BYTES);
  let value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let text = "";
  for (let index = 0; index < CHARS; index += 1) {
    text = `${ALPHABET[Number(value % 32n)] ?? ""}${text}`;
    value /= 32n;
  }
  return (text.match(new RegExp(`.{${CHARS_PER_GROUP}}`, "g")) ?? []).join("-");
}

/** What is kept of an invitation. Null for a text that is none. */
export function invitationHash(text: string): Bytes | null {
  const plain = text
    .toLowerCase()
    .replace(/[\s-]/g, "")
    .replace(/[oil]/g, (char) => LOOKALIKES[char] ?? char);
  const isOne = plain.length === CHARS && [...plain].every((char) => ALPHABET.includes(char));
  return isOne ? hash(LABEL.invitation, toUtf8(plain)) : null;
}

/** A link that opens the web app with the invitation: what follows `#` is not sent to a server. */
export function invitationLink(origin: string, invitation: string): string {
  return `${origin}/#invitation=${invitation}`;
}
