/**
 * Argon2id: the known answer of RFC 9106 section 5.3 anchors the second implementation, which then checks ours.
 *
 * Ours cannot run the known answer itself: it has four lanes, a secret and associated data, libsodium one lane and none.
 */
import { argon2id } from "@noble/hashes/argon2.js";
import { beforeAll, describe, expect, test } from "vitest";
import { fromHex, toHex, toUtf8 } from "../../core/base/bytes.ts";
import { PASSPHRASE_COST, PASSPHRASE_SALT_BYTES, passphraseKey } from "../../core/crypto/passphrase.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { describeVectors } from "../support/shared-data.ts";

beforeAll(cryptoReady);

describeVectors("argon2", "kats/argon2id", (set) => {
  const text = set.text("kats/argon2id");
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
  const bytes = (name: string): Uint8Array => {
    const found = new RegExp(`^${name}(?:\\[\\d+\\])?: ((?:[0-9a-f]{2} )+)`, "m").exec(text)?.[1];
    return fromHex((found ?? "").replaceAll(" ", ""));
  };

  test("the second implementation gives the known answer", () => {
    const tag = argon2id(bytes("Password"), bytes("Salt"), {
      m: number(/Memory: (\d+) KiB/),
      t: number(/Iterations: (\d+)/),
      p: number(/Parallelism: (\d+) lanes/),
      dkLen: number(/Tag length: (\d+) bytes/),
      key: bytes("Secret"),
      personalization: bytes("Associated data"),
    });
    expect(bytes("Tag")).toHaveLength(32);
    expect(toHex(tag)).toBe(toHex(bytes("Tag")));
  });
});

describe("our passphrase key against the second implementation", () => {
  test.each([
    { passphrase: "", memoryKiB: 8, passes: 1 },
    { passphrase: "correct horse", memoryKiB: 64, passes: 3 },
    { passphrase: "pässwörd 🔑", memoryKiB: 1024, passes: 2 },
  ])("$passphrase, $memoryKiB KiB, $passes passes", ({ passphrase, memoryKiB, passes }) => {
    const salt = new Uint8Array(PASSPHRASE_SALT_BYTES).fill(2);
    const ours = passphraseKey(toUtf8(passphrase), salt, { memoryBytes: memoryKiB * 1024, passes });
    const second = argon2id(toUtf8(passphrase), salt, { m: memoryKiB, t: passes, p: 1, dkLen: 32 });
    expect(toHex(ours)).toBe(toHex(second));
  });

  test("the cost we use is the second recommendation of RFC 9106 section 4", () => {
    expect(PASSPHRASE_COST).toEqual({ memoryBytes: 64 * 1024 * 1024, passes: 3 });
  });
});
