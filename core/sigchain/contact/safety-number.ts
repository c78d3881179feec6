/**
 * The safety number: what two people compare to know that no other account stands between them. Rules LK33, LK34.
 *
 * 60 digits of a hash over both account ids in ascending order, so both see the same. One hash, not thousands as in
 * schemes that cut a fingerprint of each side to 30 digits: an account id is a full 256-bit hash of a genesis with
 * fresh keys, and the 60 digits (199 bits) depend on both at once. To stand between two people an attacker needs two
 * accounts of his own with number(A, X) = number(Y, B): a collision, about 2^99 tries, each a signed genesis or a hash.
 */
import { concatBytes } from "../../base/bytes.ts";
import { type AccountId, idBytes } from "../../base/ids.ts";
import { hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";

const GROUPS = 12;
const GROUP_BYTES = 5;
const GROUP_MODULUS = 100_000n;

/** Twelve groups of five digits, the same whichever side asks. */
export function safetyNumber(a: AccountId, b: AccountId): readonly string[] {
  const [first, second] = a < b ? [a, b] : [b, a];
  const blocks = [0, 1].map((index) =>
    hash(LABEL.safetyNumber, idBytes(first), idBytes(second), Uint8Array.of(index)),
  );
  const material = concatBytes(...blocks);
  return Array.from({ length: GROUPS }, (_, group) => {
    let value = 0n;
    for (let i = 0; i < GROUP_BYTES; i++)
      value = value * 256n + BigInt(material[group * GROUP_BYTES + i] as number);
    return String(value % GROUP_MODULUS).padStart(5, "0");
  });
}
