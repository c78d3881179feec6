/** Public keys that are refused before anybody seals to them. */
import { beforeAll, describe, expect, test } from "vitest";
import { fromHex } from "../../../core/base/bytes.ts";
import { agreementKeyPairFromSecret } from "../../../core/crypto/agreement.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { isAgreementPublicKey, isKemPublicKey } from "../../../core/crypto/verify.ts";
import { encapsulate, kemKeyPairFromSeed } from "../../../core/crypto/xwing.ts";
import { LOW_ORDER_POINTS } from "../../support/low-order-points.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(cryptoReady);
const random = createSeededRandom("public keys");

/** p = 2^255 - 19, and the values around it. */
const PRIME = `ed${"ff".repeat(30)}7f`;
const BELOW_PRIME = `eb${"ff".repeat(30)}7f`;

describe("X25519 keys", () => {
  test("[SC18] every point of low order is refused in every encoding", () => {
    expect(LOW_ORDER_POINTS.length).toBe(14);
    for (const point of LOW_ORDER_POINTS) expect(isAgreementPublicKey(point)).toBe(false);
  });

  test("[SC18] keys at and above the prime are refused, those below it accepted", () => {
    expect(isAgreementPublicKey(fromHex(BELOW_PRIME))).toBe(true);
    for (let low = 0xed; low <= 0xff; low++) {
      const bytes = fromHex(PRIME);
      bytes[0] = low;
      expect(isAgreementPublicKey(bytes)).toBe(false);
    }
    const oneByteLower = fromHex(PRIME);
    oneByteLower[17] = 0xfe;
    oneByteLower[0] = 0xff;
    expect(isAgreementPublicKey(oneByteLower)).toBe(true);
  });

  test("[SC18] keys that are made are accepted, with the top bit set or another length they are not", () => {
    for (let i = 0; i < 50; i++) {
      const { publicKey } = agreementKeyPairFromSecret(random.bytes(32));
      expect(isAgreementPublicKey(publicKey)).toBe(true);
      const withTopBit = publicKey.slice();
      withTopBit[31] = (withTopBit[31] ?? 0) | 0x80;
      expect(isAgreementPublicKey(withTopBit)).toBe(false);
      expect(isAgreementPublicKey(publicKey.subarray(1))).toBe(false);
    }
  });
});

describe("X-Wing keys", () => {
  test("[SC18] what is accepted can be sealed to, whatever is done to a key", () => {
    let accepted = 0;
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const key = Uint8Array.from(kemKeyPairFromSeed(random.bytes(32)).publicKey);
      if (random.chance(70)) key.set(random.bytes(3), random.below(384) * 3);
      else key[random.below(key.length)] = 0xff;
      if (isKemPublicKey(key)) {
        accepted++;
        expect(encapsulate(random, key).ok).toBe(true);
      } else {
        refused++;
        // libsodium takes an X25519 half with its top bit set; the canonical check is ours.
        const isOurs = ((key[1_215] ?? 0) & 0x80) !== 0;
        if (!isOurs) expect(encapsulate(random, key).ok).toBe(false);
      }
    }
    expect(Math.min(accepted, refused)).toBeGreaterThan(30);
  });

  test("[SC18] a coefficient of 3,329 is refused, one of 3,328 accepted, at both places of three bytes", () => {
    const key = Uint8Array.from(kemKeyPairFromSeed(random.bytes(32)).publicKey);
    const withPair = (low: number, high: number): Uint8Array => {
      const changed = key.slice();
      changed.set([low & 0xff, (low >> 8) | ((high & 15) << 4), high >> 4], 1_149);
      return changed;
    };
    expect(isKemPublicKey(withPair(3_328, 3_328))).toBe(true);
    expect(isKemPublicKey(withPair(3_329, 0))).toBe(false);
    expect(isKemPublicKey(withPair(0, 3_329))).toBe(false);
    expect(isKemPublicKey(key.subarray(1))).toBe(false);
  });
});
