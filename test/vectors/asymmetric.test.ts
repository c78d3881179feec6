/** C2SP/wycheproof: X25519, Ed25519 and ML-KEM-768, on the functions we call and on a second implementation. */
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { ml_kem768_x25519 } from "@noble/post-quantum/hybrid.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { beforeAll, describe, expect, test } from "vitest";
import { concatBytes, fromHex, toHex, toUtf8 } from "../../core/base/bytes.ts";
import { agree, agreementKeyPairFromSecret } from "../../core/crypto/agreement.ts";
import { LABEL } from "../../core/crypto/labels.ts";
import { sign, signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { cryptoReady, sodium } from "../../core/crypto/sodium.ts";
import { isSignPublicKey, verifySignature } from "../../core/crypto/verify.ts";
import { decapsulate, encapsulate, kemKeyPairFromSeed } from "../../core/crypto/xwing.ts";
import { describeVectors } from "../support/shared-data.ts";
import { readWycheproof } from "../support/wycheproof.ts";

beforeAll(cryptoReady);

describeVectors("wycheproof", "x25519_test.json", (set) => {
  test.each(readWycheproof(set, "x25519_test.json"))("case $tcId $comment is $result", (one) => {
    const [secretKey, publicKey, shared] = [one.hex("private"), one.hex("public"), toHex(one.hex("shared"))];
    const result = agree(secretKey, publicKey);
    // RFC 7748 section 6.1 leaves it open to refuse the all-zero result. We always do, and nothing else.
    if (/^0*$/.test(shared)) {
      expect(result).toEqual({ ok: false, error: { type: "WeakPublicKey" } });
      return;
    }
    expect(result.ok && toHex(result.value)).toBe(shared);
    expect(toHex(x25519.getSharedSecret(secretKey, publicKey))).toBe(shared);
    expect(toHex(agreementKeyPairFromSecret(secretKey).publicKey)).toBe(
      toHex(x25519.getPublicKey(secretKey)),
    );
  });
});

describeVectors("wycheproof", "ed25519_test.json", (set) => {
  test.each(readWycheproof(set, "ed25519_test.json"))("case $tcId $comment is $result", (one) => {
    const [publicKey, message, signature] = [one.hex("pk"), one.hex("msg"), one.hex("sig")];
    // Our own function signs with a label in front, so the vectors go to what it calls; libsodium throws on lengths.
    const isTaken = ((): boolean => {
      try {
        return sodium.crypto_sign_verify_detached(signature, message, publicKey);
      } catch {
        return false;
      }
    })();
    expect(isTaken).toBe(one.result === "valid");
    // A signature without our label is never one of ours.
    expect(verifySignature(publicKey, LABEL.signLink, message, signature).ok).toBe(false);
  });
  test("the public keys of valid cases are points of the prime-order group", () => {
    const valid = readWycheproof(set, "ed25519_test.json").filter(({ result }) => result === "valid");
    expect(valid.filter((one) => !isSignPublicKey(one.hex("pk")))).toEqual([]);
  });
});

describeVectors("wycheproof", "mlkem_768_test.json", (set) => {
  test.each(readWycheproof(set, "mlkem_768_test.json"))("case $tcId $comment is $result", (one) => {
    // We use ML-KEM inside X-Wing only; these are libsodium's own functions for that half.
    const decapsulateOurs = (): string => {
      const { publicKey, privateKey } = sodium.crypto_kem_mlkem768_seed_keypair(one.hex("seed"));
      expect(toHex(publicKey)).toBe(toHex(one.hex("ek")));
      return toHex(sodium.crypto_kem_mlkem768_dec(one.hex("c"), privateKey));
    };
    const decapsulateSecond = (): string =>
      toHex(ml_kem768.decapsulate(one.hex("c"), ml_kem768.keygen(one.hex("seed")).secretKey));
    if (one.result === "invalid") {
      expect(decapsulateOurs).toThrow();
      expect(decapsulateSecond).toThrow();
    } else {
      expect(decapsulateOurs()).toBe(toHex(one.hex("K")));
      expect(decapsulateSecond()).toBe(toHex(one.hex("K")));
    }
  });
});

describe("Ed25519 with our label against a second implementation", () => {
  const seed = fromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const message = toUtf8("bytes to sign");
  const labelled = concatBytes(toUtf8(`${LABEL.signLink}\0`), message);

  test("both make the same signature over label, zero byte and message", () => {
    const keyPair = signKeyPairFromSeed(seed);
    expect(toHex(keyPair.publicKey)).toBe(toHex(ed25519.getPublicKey(seed)));
    const signature = sign(keyPair, LABEL.signLink, message);
    expect(toHex(signature)).toBe(toHex(ed25519.sign(labelled, seed)));
    expect(verifySignature(keyPair.publicKey, LABEL.signLink, message, signature).ok).toBe(true);
    expect(verifySignature(keyPair.publicKey, LABEL.signSignIn, message, signature).ok).toBe(false);
  });
});

describe("X-Wing", () => {
  // draft-connolly-cfrg-xwing-kem, appendix C, first vector.
  const seed = fromHex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26");
  const encapsulationSeed = fromHex(
    "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e235b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
  );
  const sharedSecret = "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384";
  const fixedRandom = { bytes: () => encapsulationSeed };

  test("gives the first vector of the draft", () => {
    const keyPair = kemKeyPairFromSeed(seed);
    const made = encapsulate(fixedRandom, keyPair.publicKey);
    if (!made.ok) return expect.fail(made.error.type);
    expect(toHex(made.value.sharedSecret)).toBe(sharedSecret);
    expect(decapsulate(keyPair, made.value.ciphertext)).toEqual({ ok: true, value: fromHex(sharedSecret) });
  });

  test.each([0, 1, 7, 255])("agrees with a second implementation, seed %i", (fill) => {
    const seedOfCase = new Uint8Array(32).fill(fill);
    const ours = kemKeyPairFromSeed(seedOfCase);
    const second = ml_kem768_x25519.keygen(seedOfCase);
    expect(toHex(ours.publicKey)).toBe(toHex(second.publicKey));
    const made = encapsulate(fixedRandom, second.publicKey);
    if (!made.ok) return expect.fail(made.error.type);
    expect(toHex(ml_kem768_x25519.decapsulate(made.value.ciphertext, second.secretKey))).toBe(
      toHex(made.value.sharedSecret),
    );
    const theirs = ml_kem768_x25519.encapsulate(ours.publicKey, encapsulationSeed);
    expect(toHex(theirs.cipherText)).toBe(toHex(made.value.ciphertext));
    expect(decapsulate(ours, theirs.cipherText)).toEqual({ ok: true, value: theirs.sharedSecret });
  });
});
