/** The recovery key: words, and what derives from it. */
import { beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../../core/base/bytes.ts";
import { deriveKey } from "../../../core/crypto/kdf.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { sign } from "../../../core/crypto/sign.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { verifySignature } from "../../../core/crypto/verify.ts";
import { decapsulate, encapsulate } from "../../../core/crypto/xwing.ts";
import { isKnownWord, wordsFromBytes } from "../../../core/sigchain/keys/bip39.ts";
import {
  createRecoveryKey,
  parseRecoveryWords,
  RECOVERY_WORDS,
  recoveryKeysFrom,
  recoveryWords,
} from "../../../core/sigchain/keys/recovery-key.ts";
import { must, refusal } from "../../support/chain-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(cryptoReady);
const random = createSeededRandom("recovery");

describe("the recovery key", () => {
  test("[EP20] is 24 words with a checksum, typed in any case with any space between", () => {
    const key = createRecoveryKey(random);
    const words = recoveryWords(key);
    expect(words.length).toBe(RECOVERY_WORDS);
    expect(toHex(must(parseRecoveryWords(words.join(" "))))).toBe(toHex(key));
    const typed = `  ${words.join("\n\t ").toUpperCase()} `;
    expect(toHex(must(parseRecoveryWords(typed)))).toBe(toHex(key));
    expect(words.every(isKnownWord)).toBe(true);
  });

  test("[EP21] signs, opens boxes and wraps backups by three keys that tell nothing of each other", () => {
    const key = createRecoveryKey(random);
    const keys = recoveryKeysFrom(key);
    const message = Uint8Array.of(1);
    const signature = sign(keys.sign, LABEL.signLink, message);
    expect(verifySignature(keys.record.signKey, LABEL.signLink, message, signature).ok).toBe(true);
    const made = must(encapsulate(random, keys.record.kemKey));
    expect(must(decapsulate(keys.kem, made.ciphertext))).toEqual(made.sharedSecret);
    expect(toHex(keys.backupKey)).toBe(toHex(deriveKey(key, LABEL.recoveryBackup)));
    const secrets = [keys.sign.secretKey.subarray(0, 32), keys.kem.secretKey, keys.backupKey, key].map(toHex);
    expect(new Set(secrets).size).toBe(4);
    expect(recoveryKeysFrom(key).signerId).toBe(keys.signerId);
  });

  test("[EP22] wrong words say what is wrong, and never the word itself", () => {
    const words = [...recoveryWords(createRecoveryKey(random))];
    const typo = words.with(4, "secretword").join(" ");
    expect(refusal(parseRecoveryWords(typo))).toEqual({ type: "UnknownWord", position: 5 });
    expect(refusal(parseRecoveryWords(words.slice(1).join(" ")))).toEqual({
      type: "WrongWordCount",
      found: 23,
    });
    const other = words.with(0, words[0] === "zoo" ? "abandon" : "zoo").join(" ");
    expect(refusal(parseRecoveryWords(other)).type).toBe("WrongChecksum");
    expect(refusal(parseRecoveryWords(""))).toEqual({ type: "WrongWordCount", found: 0 });
    // Twelve good words are a key of another length, not ours.
    const short = wordsFromBytes(random.bytes(16)).join(" ");
    expect(refusal(parseRecoveryWords(short))).toEqual({ type: "WrongWordCount", found: 12 });
    expect(refusal(parseRecoveryWords("zoo ".repeat(10_000))).type).toBe("WrongWordCount");
  });

  test("[EP22] of words with one changed, all but about one in 256 are caught", () => {
    let accepted = 0;
    const words = [...recoveryWords(createRecoveryKey(random))];
    for (let i = 0; i < 1_000; i++) {
      const other = recoveryWords(createRecoveryKey(random))[0] ?? "";
      const position = random.below(RECOVERY_WORDS);
      if (other !== words[position] && parseRecoveryWords(words.with(position, other).join(" ")).ok)
        accepted++;
    }
    expect(accepted).toBeLessThan(20);
  });
});
