/** `core/crypto` and `core/codec` against known answers of a second implementation, which shares nothing with them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../core/base/bytes.ts";
import { type CborValue, decodeCbor, encodeCbor } from "../../core/codec/cbor.ts";
import { hash } from "../../core/crypto/hash.ts";
import { hkdfSha256 } from "../../core/crypto/hkdf.ts";
import { hmacSha256 } from "../../core/crypto/hmac.ts";
import { deriveKey } from "../../core/crypto/kdf.ts";
import { LABEL, type Label } from "../../core/crypto/labels.ts";
import { pad, padmeLength, unpad } from "../../core/crypto/padding.ts";
import { seal, unseal } from "../../core/crypto/seal.ts";
import { sign, signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { verifySignature } from "../../core/crypto/verify.ts";
import { decapsulate, encapsulate, kemKeyPairFromSeed } from "../../core/crypto/xwing.ts";
import { unwrap } from "../support/ratchet-device.ts";
import { scriptedRandom } from "../support/scripted-random.ts";
import { type KnownCrypto, knownCrypto } from "../support/second/known-answers.ts";

const text = readFileSync(join(import.meta.dirname, "known/crypto.json"), "utf8");
const known: KnownCrypto = JSON.parse(text);

beforeAll(cryptoReady);

/** The label of our table with this text. */
function labelOf(name: string): Label {
  const found = Object.values(LABEL).find((label) => label === name);
  if (found === undefined) throw new Error(`no label ${name}`);
  return found;
}

test("the file is what the second implementation gives", () => {
  expect(known).toEqual(knownCrypto());
});

describe("the known answers of crypto.md", () => {
  test.each(known.hash)("[CR1] hash of $parts", ({ label, parts, digest }) => {
    expect(toHex(hash(labelOf(label), ...parts.map(fromHex)))).toBe(digest);
  });
  test("[CR1] every list of parts has another digest", () => {
    expect(new Set(known.hash.map(({ digest }) => digest)).size).toBe(known.hash.length);
  });
  test.each(known.deriveKey)("[CR2] key derivation from $key", ({ key, label, context, derived }) => {
    expect(toHex(deriveKey(fromHex(key), labelOf(label), ...context.map(fromHex)))).toBe(derived);
  });
  test.each(known.hkdf)("[CR2] HKDF of $length bytes, salt '$salt'", ({ salt, input, info, length, okm }) => {
    expect(toHex(hkdfSha256(fromHex(salt), fromHex(input), fromHex(info), length))).toBe(okm);
  });
  test.each(known.hmac)("HMAC of '$message'", ({ key, message, tag }) => {
    expect(toHex(hmacSha256(fromHex(key), fromHex(message)))).toBe(tag);
  });
  test.each(known.sign)("[CR3] signature of '$message'", ({ seed, publicKey, label, message, signature }) => {
    const pair = signKeyPairFromSeed(fromHex(seed));
    expect(toHex(pair.publicKey)).toBe(publicKey);
    expect(toHex(sign(pair, labelOf(label), fromHex(message)))).toBe(signature);
    const check = (by: Label) => verifySignature(pair.publicKey, by, fromHex(message), fromHex(signature)).ok;
    expect([check(labelOf(label)), check(LABEL.signRelay)]).toEqual([true, false]);
  });
  test.each(known.seal)("[CR4] SEAL of '$plaintext'", ({ key, label, aad, nonce, plaintext, sealed }) => {
    const context = { key: fromHex(key), label: labelOf(label), aad: fromHex(aad) };
    expect(toHex(seal(scriptedRandom(nonce), context, fromHex(plaintext)))).toBe(sealed);
    expect(toHex(unwrap(unseal(context, fromHex(sealed))))).toBe(plaintext);
  });
  test.each(known.padding)("[CR5] padding of '$data'", ({ data, padded }) => {
    expect(toHex(pad(fromHex(data)))).toBe(padded);
    expect(toHex(unwrap(unpad(fromHex(padded))))).toBe(data);
  });
  test("[CR5] the lengths PADMÉ rounds to", () => {
    expect(known.padmeLengths.map(([length]) => [length, padmeLength(length)])).toEqual(known.padmeLengths);
  });
  test.each(known.cbor)("[CR6] CBOR $encoded", ({ value, encoded }) => {
    expect(toHex(encodeCbor(toItem(value)))).toBe(encoded);
    expect(decodeCbor(fromHex(encoded))).toEqual({ ok: true, value: toItem(value) });
  });
  test.each(known.xwing)(
    "X-Wing of $seed",
    ({ seed, publicKey, encapsulationSeed, ciphertext, sharedSecret }) => {
      const pair = kemKeyPairFromSeed(fromHex(seed));
      expect(toHex(pair.publicKey)).toBe(publicKey);
      const made = unwrap(encapsulate(scriptedRandom(encapsulationSeed), pair.publicKey));
      expect([toHex(made.ciphertext), toHex(made.sharedSecret)]).toEqual([ciphertext, sharedSecret]);
      expect(toHex(unwrap(decapsulate(pair, made.ciphertext)))).toBe(sharedSecret);
    },
  );
});

/** The value a file of JSON stands for: `{ "bytes": … }` is a byte string. */
function toItem(value: unknown): CborValue {
  if (Array.isArray(value)) return value.map(toItem);
  if (typeof value === "number" || typeof value === "string" || value === null) return value;
  if (typeof value === "object" && "bytes" in value && typeof value.bytes === "string")
    return fromHex(value.bytes);
  throw new Error("the file holds something else");
}
