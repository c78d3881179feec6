/** C2SP/wycheproof: HMAC-SHA-256, HKDF-SHA-256 and XChaCha20-Poly1305, on our functions and on a second implementation. */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { beforeAll, expect, test } from "vitest";
import { toHex } from "../../core/base/bytes.ts";
import { AEAD_NONCE_BYTES, aeadDecrypt, aeadEncrypt } from "../../core/crypto/aead.ts";
import { hkdfSha256 } from "../../core/crypto/hkdf.ts";
import { hmacSha256 } from "../../core/crypto/hmac.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { describeVectors } from "../support/shared-data.ts";
import { readWycheproof } from "../support/wycheproof.ts";

beforeAll(cryptoReady);

describeVectors("wycheproof", "hmac_sha256_test.json", (set) => {
  // Ours takes keys of 32 bytes only, as every key of the protocol is.
  const cases = readWycheproof(set, "hmac_sha256_test.json").filter((one) => one.hex("key").length === 32);

  test("enough cases are for keys of our length", () => {
    expect(cases.length).toBeGreaterThan(60);
  });
  test.each(cases)("case $tcId $comment is $result", (one) => {
    const tag = one.hex("tag");
    const ours = hmacSha256(one.hex("key"), one.hex("msg"));
    expect(toHex(ours)).toBe(toHex(hmac(sha256, one.hex("key"), one.hex("msg"))));
    // The set also has tags cut to 16 bytes.
    expect(toHex(ours.subarray(0, tag.length)) === toHex(tag)).toBe(one.result === "valid");
  });
});

describeVectors("wycheproof", "hkdf_sha256_test.json", (set) => {
  test.each(readWycheproof(set, "hkdf_sha256_test.json"))("case $tcId $comment is $result", (one) => {
    const derive = (): Uint8Array =>
      hkdfSha256(one.hex("salt"), one.hex("ikm"), one.hex("info"), one.number("size"));
    if (one.result === "invalid") {
      expect(derive).toThrow(/8,160/);
      return;
    }
    const second = hkdf(sha256, one.hex("ikm"), one.hex("salt"), one.hex("info"), one.number("size"));
    expect(toHex(derive())).toBe(toHex(one.hex("okm")));
    expect(toHex(second)).toBe(toHex(one.hex("okm")));
  });
});

describeVectors("wycheproof", "xchacha20_poly1305_test.json", (set) => {
  const cases = readWycheproof(set, "xchacha20_poly1305_test.json");
  const ofOurLength = cases.filter((one) => one.hex("iv").length === AEAD_NONCE_BYTES);
  const others = cases.filter((one) => one.hex("iv").length !== AEAD_NONCE_BYTES);

  test.each(ofOurLength)("case $tcId $comment is $result", (one) => {
    const [key, nonce, aad, plaintext] = [one.hex("key"), one.hex("iv"), one.hex("aad"), one.hex("msg")];
    const sealed = new Uint8Array([...one.hex("ct"), ...one.hex("tag")]);
    const opened = aeadDecrypt(key, nonce, aad, sealed);
    if (one.result === "invalid") {
      expect(opened).toEqual({ ok: false, error: { type: "DoesNotOpen" } });
      return;
    }
    expect(opened).toEqual({ ok: true, value: plaintext });
    expect(toHex(aeadEncrypt(key, nonce, aad, plaintext))).toBe(toHex(sealed));
    expect(toHex(xchacha20poly1305(key, nonce, aad).encrypt(plaintext))).toBe(toHex(sealed));
  });
  test.each(others)("case $tcId: a nonce of another length never opens", (one) => {
    const sealed = new Uint8Array([...one.hex("ct"), ...one.hex("tag")]);
    expect(one.result).toBe("invalid");
    expect(aeadDecrypt(one.hex("key"), one.hex("iv"), one.hex("aad"), sealed).ok).toBe(false);
  });
});
