/**
 * Every X25519 public key whose agreement is all zero, whatever the secret: the five u-coordinates of low order, in each
 * of their encodings (RFC 7748 section 7; values at or above p = 2^255 - 19, and the ignored top bit).
 */
import { fromHex } from "../../core/base/bytes.ts";

const BELOW_2_255 = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

export const LOW_ORDER_POINTS: readonly Uint8Array[] = BELOW_2_255.flatMap((text) => {
  const withTopBit = fromHex(text);
  withTopBit[31] = (withTopBit[31] ?? 0) | 0x80;
  return [fromHex(text), withTopBit];
});
