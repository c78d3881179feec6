/** Laws of bytes, ids, CBOR, shapes, SEAL and padding. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import {
  equalBytes,
  parseBase64Url,
  parseHex,
  parseUtf8,
  toBase64Url,
  toHex,
  toUtf8,
} from "../../core/base/bytes.ts";
import { ID_BYTES, idBytes, idFromBytes, parseId } from "../../core/base/ids.ts";
import { type CborValue, decodeCbor, encodeCbor } from "../../core/codec/cbor.ts";
import {
  bytes,
  decode,
  encode,
  flag,
  integer,
  list,
  nullable,
  struct,
  text,
  variants,
} from "../../core/codec/shape.ts";
import { LABEL } from "../../core/crypto/labels.ts";
import { PADDINGS, pad, unpad } from "../../core/crypto/padding.ts";
import { SEAL_OVERHEAD_BYTES, seal, unseal } from "../../core/crypto/seal.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { cbor, type Item } from "../support/second/primitives.ts";
import * as second from "../support/second/seal.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

beforeAll(cryptoReady);

const anyBytes = fc.uint8Array({ maxLength: 400 });
const anyText = fc.string({ unit: "binary", maxLength: 60 });
const anyInteger = fc.maxSafeInteger();

/** Values of our CBOR without booleans, which the second encoder has not. */
const anyItem = fc.letrec<{ item: Item }>((tie) => ({
  item: fc.oneof(
    { depthSize: "small", maxDepth: 8 },
    fc.oneof(anyInteger, anyText, anyBytes, fc.constant(null)),
    fc.array(tie("item"), { maxLength: 6 }),
  ),
})).item;

describe("texts of bytes", () => {
  test("hexadecimal and base64url give the bytes back, and differ where the bytes do", () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        expect(parseHex(toHex(a))).toEqual({ ok: true, value: a });
        expect(parseBase64Url(toBase64Url(a))).toEqual({ ok: true, value: a });
        expect(toBase64Url(a)).toBe(Buffer.from(a).toString("base64url"));
        expect(toHex(a) === toHex(b)).toBe(equalBytes(a, b));
      }),
    );
  });
  test("whatever text is taken is the one text of its bytes", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.base64String(), fc.stringMatching(/^[0-9a-fA-F_-]*$/)), (input) => {
        const fromHexText = parseHex(input);
        if (fromHexText.ok) expect(toHex(fromHexText.value)).toBe(input);
        const fromBase64 = parseBase64Url(input);
        if (fromBase64.ok) expect(toBase64Url(fromBase64.value)).toBe(input);
      }),
    );
  });
  test("UTF-8 gives every text back, and takes no bytes but those of a text", () => {
    fc.assert(
      fc.property(anyText, anyBytes, (input, any) => {
        if (input.isWellFormed()) expect(parseUtf8(toUtf8(input))).toEqual({ ok: true, value: input });
        const read = parseUtf8(any);
        if (read.ok) expect(toUtf8(read.value)).toEqual(any);
      }),
    );
  });
  test("ids give their bytes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: ID_BYTES.op, maxLength: ID_BYTES.op }), (raw) => {
        const id = idFromBytes("op", raw);
        expect(idBytes(id)).toEqual(raw);
        expect(parseId("op", id)).toEqual({ ok: true, value: id });
      }),
    );
  });
});

describe("CBOR", () => {
  test("[CR6] a value is encoded as the second implementation does, and read again", () => {
    fc.assert(
      fc.property(anyItem, (item) => {
        const encoded = encodeCbor(item);
        expect(toHex(encoded)).toBe(toHex(cbor(item)));
        expect(decodeCbor(encoded)).toEqual({ ok: true, value: item });
      }),
    );
  });
  test("[CR6] any bytes either are refused or are the encoding of what they give", () => {
    const nearly = fc.tuple(anyItem, fc.nat(), fc.nat(255)).map(([item, place, value]) => {
      const encoded = Uint8Array.from(encodeCbor(item));
      return encoded.with(place % encoded.length, value);
    });
    fc.assert(
      fc.property(fc.oneof(anyBytes, nearly), (input) => {
        const decoded = decodeCbor(input);
        if (decoded.ok) expect(toHex(encodeCbor(decoded.value))).toBe(toHex(input));
        else expect(decoded.error.type).toBe("MalformedCbor");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("shapes", () => {
  const shape = struct({
    kind: variants({ text: [1, { value: text(200), isNew: flag }], raw: [2, { value: bytes(0, 400) }] }),
    counts: list(integer(), 5),
    note: nullable(text(200)),
  });
  const anyValue = fc.record({
    kind: fc.oneof(
      fc.record({ type: fc.constant("text" as const), value: wellFormed(), isNew: fc.boolean() }),
      fc.record({ type: fc.constant("raw" as const), value: anyBytes }),
    ),
    counts: fc.array(fc.maxSafeNat(), { maxLength: 5 }),
    note: fc.option(wellFormed()),
  });

  function wellFormed(): fc.Arbitrary<string> {
    return fc.string({ unit: "grapheme", maxLength: 20 }).filter((value) => toUtf8(value).length <= 200);
  }

  test("[CR6] a value is read as it was written", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(decode(shape, encode(shape, value))).toEqual({ ok: true, value });
      }),
    );
  });
  test("[CR6] no structure makes the decoder throw", () => {
    fc.assert(
      fc.property(fc.array(anyItem, { maxLength: 4 }), (item) => {
        const decoded = decode(shape, encodeCbor(item as CborValue));
        if (!decoded.ok) expect(decoded.error.type).toBe("MalformedShape");
      }),
    );
  });
});

describe("sealing and padding", () => {
  test("[CR4] each implementation opens what the other sealed", () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, fc.nat(), (aad, plaintext, seed) => {
        const random = createSeededRandom(seed);
        const context = { key: random.bytes(32), label: LABEL.sealBody, aad };
        const sealed = seal(random, context, plaintext);
        expect(second.unseal(context, sealed)).toEqual(plaintext);
        expect(unseal(context, second.seal(context, random.bytes(24), plaintext))).toEqual({
          ok: true,
          value: plaintext,
        });
      }),
      { numRuns: 40 },
    );
  });
  test("[CR4] no bytes that were not sealed open", () => {
    const context = {
      key: createSeededRandom("key").bytes(32),
      label: LABEL.sealBody,
      aad: new Uint8Array(0),
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2 * SEAL_OVERHEAD_BYTES }), (input) => {
        expect(unseal(context, input).ok).toBe(false);
      }),
    );
  });
  test("[CR5] padding gives the data back, hides its length among others, and agrees with the second implementation", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5_000 }), (data) => {
        const padded = pad(data);
        expect(unpad(padded)).toEqual({ ok: true, value: data });
        expect(toHex(padded)).toBe(toHex(second.pad(data)));
      }),
    );
  });
  test("[CR5] whatever is taken off is what `pad` put on by one of the settings", () => {
    const zeros = fc
      .tuple(anyBytes, fc.nat(600))
      .map(([data, count]) => Uint8Array.from([...data, 0x80, ...new Uint8Array(count)]));
    fc.assert(
      fc.property(fc.oneof(anyBytes, zeros), (input) => {
        const data = unpad(input);
        if (!data.ok) return;
        const padded = PADDINGS.map((padding) => toHex(pad(data.value, padding)));
        expect(padded).toContain(toHex(input));
      }),
    );
  });
});
