/** Our strict decoder beside the library's decoder and its canonical encoder: they must agree on every input. */
import { decode as cborgDecode, encode as cborgEncode } from "cborg";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CborValue, decodeCbor, encodeCbor } from "../../core/codec/cbor.ts";
import { CBOR_DEPTH_MAX } from "../../core/base/limits.ts";

const scalar = fc.oneof(
  fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  fc.integer({ min: -300, max: 300 }),
  fc.string({ unit: "grapheme" }),
  fc.uint8Array({ maxLength: 300 }),
  fc.boolean(),
  fc.constant(null),
);
const value: fc.Arbitrary<CborValue> = fc.letrec<{ tree: CborValue }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", maxDepth: CBOR_DEPTH_MAX - 1 },
    scalar,
    fc.array(tie("tree"), { maxLength: 6 }),
  ),
})).tree;

/** Bytes near valid encodings: one of them with a few bytes changed, cut or added. */
const nearlyValid = fc
  .tuple(value, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.integer({ min: -2, max: 2 }))
  .map(([tree, changes, growth]) => {
    const bytes = encodeCbor(tree);
    const changed = new Uint8Array(Math.max(0, bytes.length + growth));
    changed.set(bytes.subarray(0, changed.length));
    for (const [at, byte] of changes) if (changed.length > 0) changed[at % changed.length] = byte;
    return changed;
  });

/** The library's verdict: it decodes, holds only our types, and encodes to the same bytes. */
function acceptedByLibrary(bytes: Uint8Array): CborValue | undefined {
  try {
    const decoded: unknown = cborgDecode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      rejectDuplicateMapKeys: true,
      useMaps: true,
    });
    if (!isOurs(decoded, 0)) return undefined;
    return Buffer.compare(cborgEncode(decoded), bytes) === 0 ? decoded : undefined;
  } catch {
    return undefined;
  }
}

function isOurs(decoded: unknown, depth: number): decoded is CborValue {
  if (
    decoded === null ||
    typeof decoded === "boolean" ||
    typeof decoded === "string" ||
    decoded instanceof Uint8Array
  )
    return true;
  if (typeof decoded === "number") return Number.isSafeInteger(decoded) && !Object.is(decoded, -0);
  return Array.isArray(decoded) && depth < CBOR_DEPTH_MAX && decoded.every((item) => isOurs(item, depth + 1));
}

describe("decodeCbor beside the library", () => {
  test("[CR6] gives back whatever the library encoded", () => {
    fc.assert(
      fc.property(value, (tree) => {
        expect(decodeCbor(new Uint8Array(cborgEncode(tree)))).toEqual({ ok: true, value: tree });
        expect(Buffer.compare(encodeCbor(tree), cborgEncode(tree))).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });

  test("[CR6] accepts exactly what the library decodes and would encode so", () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(nearlyValid, fc.uint8Array({ maxLength: 40 })), (bytes) => {
        const ours = decodeCbor(bytes);
        const theirs = acceptedByLibrary(bytes);
        expect(ours.ok).toBe(theirs !== undefined);
        if (!ours.ok) return;
        accepted++;
        expect(ours.value).toEqual(theirs);
      }),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(1_000);
  });
});
