/** SEAL: opens with the same key, label, associated data and bytes only. */
import { beforeAll, describe, expect, test } from "vitest";
import { concatBytes } from "../../../core/base/bytes.ts";
import { AEAD_NONCE_BYTES, aeadEncrypt } from "../../../core/crypto/aead.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { SEAL_OVERHEAD_BYTES, type SealContext, seal, unseal } from "../../../core/crypto/seal.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("seal");
const context: SealContext = { key: random.bytes(32), label: LABEL.sealBody, aad: random.bytes(20) };
const plaintext = random.bytes(100);
const doesNotOpen = { ok: false, error: { type: "DoesNotOpen" } };

beforeAll(cryptoReady);

describe("SEAL", () => {
  test("[CR4] opens what was sealed, 72 bytes longer, of any length", () => {
    expect(SEAL_OVERHEAD_BYTES).toBe(72);
    for (const length of [0, 1, 64, 10_000]) {
      const text = random.bytes(length);
      const sealed = seal(random, context, text);
      expect(sealed).toHaveLength(length + SEAL_OVERHEAD_BYTES);
      expect(unseal(context, sealed)).toEqual({ ok: true, value: text });
    }
  });
  test("[CR4] never gives the same bytes twice", () => {
    const sealed = Array.from({ length: 50 }, () => String(seal(random, context, plaintext)));
    expect(new Set(sealed).size).toBe(50);
  });
  test("[CR4] does not open with another key, label or associated data", () => {
    const sealed = seal(random, context, plaintext);
    for (const changed of [
      { ...context, key: random.bytes(32) },
      { ...context, key: context.key.with(31, (context.key[31] ?? 0) ^ 1) },
      { ...context, label: LABEL.sealRequest },
      { ...context, aad: random.bytes(20) },
      { ...context, aad: context.aad.slice(1) },
      { ...context, aad: new Uint8Array(0) },
    ])
      expect(unseal(changed, sealed)).toEqual(doesNotOpen);
  });
  test("[CR4] does not open when any bit was changed, or bytes are missing or added", () => {
    const sealed = seal(random, context, plaintext);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(unseal(context, changed), `bit ${bit}`).toEqual(doesNotOpen);
    }
    for (let length = 0; length < sealed.length; length++)
      expect(unseal(context, sealed.slice(0, length))).toEqual(doesNotOpen);
    expect(unseal(context, concatBytes(sealed, Uint8Array.of(0)))).toEqual(doesNotOpen);
  });
  test("[CR4] the commitment is checked: a body that opens under its key does not with another commitment", () => {
    // XChaCha20-Poly1305 alone does not commit: a valid tag can be made for any key one knows.
    const sealed = seal(random, context, plaintext);
    const other = seal(random, { ...context, key: random.bytes(32) }, plaintext);
    const spliced = concatBytes(
      sealed.subarray(0, AEAD_NONCE_BYTES),
      other.subarray(24, 56),
      sealed.subarray(56),
    );
    expect(unseal(context, spliced)).toEqual(doesNotOpen);
    const bare = aeadEncrypt(context.key, sealed.slice(0, 24), context.aad, plaintext);
    expect(unseal(context, concatBytes(sealed.subarray(0, 56), bare))).toEqual(doesNotOpen);
  });
  test("[CR4] leaves the caller's key and plaintext as they were", () => {
    const [key, text] = [context.key.slice(), plaintext.slice()];
    unseal(context, seal(random, context, plaintext));
    expect([context.key, plaintext]).toEqual([key, text]);
  });
});
