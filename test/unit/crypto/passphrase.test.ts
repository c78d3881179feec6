/** Keys from passphrases. */
import { beforeAll, expect, test } from "vitest";
import { toUtf8 } from "../../../core/base/bytes.ts";
import { PASSPHRASE_COST, PASSPHRASE_SALT_BYTES, passphraseKey } from "../../../core/crypto/passphrase.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";

const CHEAP = { memoryBytes: 65_536, passes: 1 };
const salt = new Uint8Array(PASSPHRASE_SALT_BYTES).fill(5);

beforeAll(cryptoReady);

test("depends on the passphrase, the salt and the cost, and on nothing else", () => {
  const key = passphraseKey(toUtf8("correct horse"), salt, CHEAP);
  expect(key).toHaveLength(32);
  expect(passphraseKey(toUtf8("correct horse"), salt.slice(), { ...CHEAP })).toEqual(key);
  for (const other of [
    passphraseKey(toUtf8("correct horsf"), salt, CHEAP),
    passphraseKey(toUtf8(""), salt, CHEAP),
    passphraseKey(toUtf8("correct horse"), salt.with(0, 6), CHEAP),
    passphraseKey(toUtf8("correct horse"), salt, { ...CHEAP, passes: 2 }),
    passphraseKey(toUtf8("correct horse"), salt, { ...CHEAP, memoryBytes: 131_072 }),
  ])
    expect(other).not.toEqual(key);
});

test("a salt of another length is our own mistake", () => {
  for (const length of [0, PASSPHRASE_SALT_BYTES - 1, PASSPHRASE_SALT_BYTES + 1])
    expect(() => passphraseKey(toUtf8("a"), new Uint8Array(length), CHEAP)).toThrow("16 bytes");
});

test("the cost in use is that of RFC 9106, and it works here", () => {
  expect(PASSPHRASE_COST).toEqual({ memoryBytes: 64 * 1_048_576, passes: 3 });
  expect(passphraseKey(toUtf8("a"), salt, PASSPHRASE_COST)).toHaveLength(32);
});
