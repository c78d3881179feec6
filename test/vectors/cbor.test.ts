/**
 * RFC 8949, appendix A (github.com/cbor/test-vectors): our profile takes the values it has, in their shortest form, and
 * refuses everything else.
 */
import { expect, test } from "vitest";
import { fromHex, toHex } from "../../core/base/bytes.ts";
import { type CborValue, decodeCbor, encodeCbor } from "../../core/codec/cbor.ts";
import { describeVectors } from "../support/shared-data.ts";

/** What the profile has no value for: maps, tags, floats, undefined, simple values; one case has a map in an array. */
const OUTSIDE = [/^[ab]/, /^[cd]/, /^f[0-37-9a-e]/, /^826161a1/];
/** Beyond 2^53 - 1, where numbers are no longer exact. */
const TOO_LARGE = ["1bffffffffffffffff", "3bffffffffffffffff"];

interface AppendixCase {
  readonly hex: string;
  /** False for encodings that are not the shortest: those of indefinite length, above all. */
  readonly roundtrip: boolean;
  readonly decoded?: unknown;
  readonly diagnostic?: string;
}

describeVectors("cbor", "appendix_a.json", (set) => {
  const cases = set.json("appendix_a.json") as readonly AppendixCase[];
  const isOutside = ({ hex, roundtrip }: AppendixCase): boolean =>
    !roundtrip || TOO_LARGE.includes(hex) || OUTSIDE.some((pattern) => pattern.test(hex));
  const inside = cases.filter((one) => !isOutside(one));

  test("all 82 encodings are there, and enough of them are ours", () => {
    expect(cases).toHaveLength(82);
    expect(inside).toHaveLength(30);
  });

  test.each(inside)("$hex is taken and made again", ({ hex, decoded, diagnostic }) => {
    const result = decodeCbor(fromHex(hex));
    const expected =
      diagnostic === undefined ? decoded : fromHex(/^h'([0-9a-f]*)'$/.exec(diagnostic)?.[1] ?? "bad");
    expect(result).toEqual({ ok: true, value: expected });
    expect(toHex(encodeCbor(expected as CborValue))).toBe(hex);
  });

  test.each(cases.filter(isOutside))("$hex is refused", ({ hex }) => {
    expect(decodeCbor(fromHex(hex))).toMatchObject({ ok: false, error: { type: "MalformedCbor" } });
  });
});
