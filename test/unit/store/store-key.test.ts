/** The file of a store key: what opens it, and that nothing else gives a key. */
import { beforeAll, describe, expect, test } from "vitest";
import { parseUtf8 } from "../../../core/base/bytes.ts";
import {
  PASSPHRASE_BYTES_MAX,
  PASSPHRASE_MEMORY_BYTES_MAX,
  PASSPHRASE_MEMORY_BYTES_MIN,
  PASSPHRASE_PASSES_MAX,
  STORE_KEY_FILE_BYTES_MAX,
} from "../../../core/base/limits.ts";
import { encodeCbor, type CborValue } from "../../../core/codec/cbor.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { type Passphrase, parsePassphrase } from "../../../core/crypto/passphrase.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  encodeOpenStoreKey,
  parseStoreKey,
  type StoredKey,
  unwrapStoreKey,
  wrapStoreKey,
} from "../../../core/store/store-key.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(cryptoReady);

const CHEAP = { memoryBytes: PASSPHRASE_MEMORY_BYTES_MIN, passes: 1 };
const random = createSeededRandom("store key file");
const storeKey = random.bytes(32);
const damaged = { ok: false, error: { type: "StoreKeyDamaged" } };

function phrase(typed: string): Passphrase {
  const passphrase = parsePassphrase(typed);
  if (!passphrase.ok) throw new Error(passphrase.error.type);
  return passphrase.value;
}

const wrap = (typed = "correct horse", cost = CHEAP) =>
  wrapStoreKey(random, { storeKey, passphrase: phrase(typed) }, cost);

function open(file: Uint8Array, typed: string) {
  const stored = parseStoreKey(file);
  if (!stored.ok || stored.value.type !== "wrapped") return stored;
  return unwrapStoreKey(stored.value, phrase(typed));
}

/** A file whose check holds over any body, as a forger would make it. */
function forge(body: CborValue): Uint8Array {
  const encoded = encodeCbor(body);
  return encodeCbor(["dovetail store key", encoded, hash(LABEL.storeKeyCheck, encoded)]);
}

function fieldsOf(
  stored: ReturnType<typeof parseStoreKey>,
): Extract<StoredKey, { readonly type: "wrapped" }> {
  if (!stored.ok || stored.value.type !== "wrapped") throw new Error("the file is wrapped");
  return stored.value;
}

describe("a wrapped store key", () => {
  test("[ST50] opens by its passphrase and by no other, and holds no byte of the key", () => {
    const file = wrap();
    expect(open(file, "correct horse")).toEqual({ ok: true, value: storeKey });
    for (const other of ["correct horsf", "Correct horse", "correct horse ", " correct horse"])
      expect(open(file, other)).toEqual({ ok: false, error: { type: "WrongPassphrase" } });
    expect(Buffer.from(file).includes(Buffer.from(storeKey.subarray(0, 8)))).toBe(false);
  });

  test("[ST50] has another salt and other bytes every time", () => {
    const [one, two] = [wrap(), wrap()];
    expect(fieldsOf(parseStoreKey(one)).salt).not.toEqual(fieldsOf(parseStoreKey(two)).salt);
    expect(one).toHaveLength(two.length);
  });

  test("[ST50] is bound to its salt and its cost", () => {
    const { salt, cost, sealed } = fieldsOf(parseStoreKey(wrap()));
    const same = forge([1, [2, salt, cost.memoryBytes, cost.passes, sealed]]);
    expect(open(same, "correct horse")).toEqual({ ok: true, value: storeKey });
    for (const changed of [
      [1, [2, salt.with(0, (salt[0] ?? 0) ^ 1), cost.memoryBytes, cost.passes, sealed]],
      [1, [2, salt, cost.memoryBytes * 2, cost.passes, sealed]],
      [1, [2, salt, cost.memoryBytes, cost.passes + 1, sealed]],
    ])
      expect(open(forge(changed), "correct horse")).toEqual({
        ok: false,
        error: { type: "WrongPassphrase" },
      });
  });
});

describe("a file that is not as it was written", () => {
  test.each([
    ["wrapped", () => wrap()],
    ["open", () => encodeOpenStoreKey(storeKey)],
  ])(
    "[ST52] with any bit of a %s one flipped is damaged, and never a wrong passphrase or a key",
    (_name, make) => {
      const file = make();
      for (let bit = 0; bit < file.length * 8; bit++) {
        const flipped = file.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(parseStoreKey(flipped)).toEqual(damaged);
      }
    },
  );

  test("[ST52] cut short or made longer anywhere is damaged, at the length of a bare key too", () => {
    for (const file of [wrap(), encodeOpenStoreKey(storeKey)]) {
      for (let length = 0; length < file.length; length++)
        expect(parseStoreKey(file.subarray(0, length))).toEqual(damaged);
      expect(parseStoreKey(new Uint8Array([...file, 0]))).toEqual(damaged);
    }
  });

  test("[ST53] of a newer version is said to be so", () => {
    expect(parseStoreKey(forge([2, "what comes then"]))).toEqual({
      ok: false,
      error: { type: "StoreKeyTooNew", version: 2, versionMax: 1 },
    });
    for (const body of [[0, [1, storeKey]], ["2"], 2, [1, [3, storeKey]], []])
      expect(parseStoreKey(forge(body))).toEqual(damaged);
  });
});

describe("limits of the file", () => {
  const { salt, sealed } = { salt: new Uint8Array(16), sealed: new Uint8Array(104) };
  const withCost = (memoryBytes: number, passes: number) =>
    parseStoreKey(forge([1, [2, salt, memoryBytes, passes, sealed]]));

  test.each([
    [PASSPHRASE_MEMORY_BYTES_MIN, 1],
    [PASSPHRASE_MEMORY_BYTES_MAX, PASSPHRASE_PASSES_MAX],
    [PASSPHRASE_MEMORY_BYTES_MAX - 1, PASSPHRASE_PASSES_MAX - 1],
  ])("[ST53] a cost of %i bytes and %i passes is taken", (memoryBytes, passes) => {
    expect(withCost(memoryBytes, passes)).toMatchObject({
      ok: true,
      value: { cost: { memoryBytes, passes } },
    });
  });

  test.each([
    [PASSPHRASE_MEMORY_BYTES_MIN - 1, 1],
    [PASSPHRASE_MEMORY_BYTES_MAX + 1, 1],
    [Number.MAX_SAFE_INTEGER, 1],
    [PASSPHRASE_MEMORY_BYTES_MIN, 0],
    [PASSPHRASE_MEMORY_BYTES_MIN, PASSPHRASE_PASSES_MAX + 1],
    [-1, 1],
  ])(
    "[ST53] a cost of %i bytes and %i passes is refused before anything is derived",
    (memoryBytes, passes) => {
      expect(withCost(memoryBytes, passes)).toEqual(damaged);
    },
  );

  test("[ST53] the most memory that is taken is memory this program can have", () => {
    expect(open(wrap("a", { memoryBytes: PASSPHRASE_MEMORY_BYTES_MAX, passes: 1 }), "a")).toEqual({
      ok: true,
      value: storeKey,
    });
  });

  test("[ST53] a file over the limit is refused unread", () => {
    expect(parseStoreKey(new Uint8Array(STORE_KEY_FILE_BYTES_MAX))).toEqual(damaged);
    expect(parseStoreKey(new Uint8Array(STORE_KEY_FILE_BYTES_MAX + 1))).toEqual(damaged);
    expect(wrap().length).toBeLessThan(STORE_KEY_FILE_BYTES_MAX);
  });
});

describe("an open store key", () => {
  test("[ST54] is read as it was written", () => {
    expect(parseStoreKey(encodeOpenStoreKey(storeKey))).toEqual({
      ok: true,
      value: { type: "open", key: storeKey, isLegacy: false },
    });
  });

  test("[ST54] of the form before this one, the bare 32 bytes, is read too", () => {
    expect(parseStoreKey(storeKey)).toEqual({
      ok: true,
      value: { type: "open", key: storeKey, isLegacy: true },
    });
    for (const length of [0, 31, 33]) expect(parseStoreKey(new Uint8Array(length))).toEqual(damaged);
  });
});

describe("a passphrase", () => {
  test.each([
    ["composed and decomposed", "Ångström", "A\u030angstro\u0308m"],
    ["full and half width", "Ｐａｓｓ１２", "Pass12"],
    ["a ligature", "ﬁsh", "fish"],
    ["a no-break space", "a\u00a0b", "a b"],
  ])("[ST51] is the same however it was typed: %s", (_name, one, other) => {
    expect(phrase(one)).toEqual(phrase(other));
    expect(open(wrap(one), other)).toEqual({ ok: true, value: storeKey });
  });

  test("[ST51] keeps case, spaces at its ends and accents", () => {
    const distinct = ["pass", "Pass", " pass", "pass ", "pàss"].map((typed) =>
      Buffer.from(phrase(typed)).toString("hex"),
    );
    expect(new Set(distinct).size).toBe(distinct.length);
    expect(parseUtf8(phrase(" é "))).toEqual({ ok: true, value: " é " });
  });

  test("[ST51] has 1 to 1,024 bytes, counted in the form that is used, and is text", () => {
    expect(parsePassphrase("")).toEqual({ ok: false, error: { type: "PassphraseEmpty" } });
    expect(phrase("a")).toHaveLength(1);
    expect(phrase("a".repeat(PASSPHRASE_BYTES_MAX - 1))).toHaveLength(PASSPHRASE_BYTES_MAX - 1);
    expect(phrase("a".repeat(PASSPHRASE_BYTES_MAX))).toHaveLength(PASSPHRASE_BYTES_MAX);
    expect(phrase("é".repeat(PASSPHRASE_BYTES_MAX / 2))).toHaveLength(PASSPHRASE_BYTES_MAX);
    const tooLong = {
      type: "PassphraseTooLong",
      sizeBytes: PASSPHRASE_BYTES_MAX + 1,
      sizeBytesMax: PASSPHRASE_BYTES_MAX,
    };
    expect(parsePassphrase("a".repeat(PASSPHRASE_BYTES_MAX + 1))).toEqual({ ok: false, error: tooLong });
    expect(parsePassphrase("\ud800")).toEqual({ ok: false, error: { type: "PassphraseNotText" } });
  });
});
