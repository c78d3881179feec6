/** Padding: lengths, and that only what `pad` makes is taken off again. */
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../core/base/bytes.ts";
import { ENTRY_BYTES_MAX, PADDING_FIXED_BYTES, PADDING_FLOOR_BYTES } from "../../../core/base/limits.ts";
import { pad, padmeLength, unpad } from "../../../core/crypto/padding.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("padding");
const badPadding = { ok: false, error: { type: "BadPadding" } };

describe("PADMÉ", () => {
  test.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [9, 10],
    [100, 104],
    [256, 256],
    [257, 272],
    [1_000, 1_024],
    [1_025, 1_088],
    [262_144, 262_144],
    [262_145, 270_336],
  ])("[CR5] rounds %i up to %i", (length, rounded) => {
    expect(padmeLength(length)).toBe(rounded);
  });
  test("[CR5] never shortens, never goes back, adds at most 12 percent, and is stable", () => {
    let last = 0;
    for (let length = 0; length <= ENTRY_BYTES_MAX; length += length < 5_000 ? 1 : 97) {
      const rounded = padmeLength(length);
      expect(rounded).toBeGreaterThanOrEqual(length);
      expect(rounded).toBeGreaterThanOrEqual(last);
      expect(rounded).toBeLessThanOrEqual(Math.ceil(length * 1.12) + 1);
      expect(padmeLength(rounded)).toBe(rounded);
      last = rounded;
    }
  });
  test("[CR5] leaves few lengths: under 200 up to the largest entry", () => {
    const lengths = new Set<number>();
    for (let length = PADDING_FLOOR_BYTES; length <= ENTRY_BYTES_MAX; length++)
      lengths.add(padmeLength(length));
    expect(lengths.size).toBeLessThan(200);
  });
});

describe("pad", () => {
  test.each([
    [PADDING_FLOOR_BYTES - 2, PADDING_FLOOR_BYTES],
    [PADDING_FLOOR_BYTES - 1, PADDING_FLOOR_BYTES],
    [PADDING_FLOOR_BYTES, 272],
    [0, PADDING_FLOOR_BYTES],
  ])("[CR5] makes %i bytes %i", (length, padded) => {
    const data = random.bytes(length);
    expect(pad(data)).toHaveLength(padded);
    expect(unpad(pad(data))).toEqual({ ok: true, value: data });
  });
  test("[CR5] keeps data that ends in zeros or marks", () => {
    for (const tail of [[0], [0, 0, 0], [0x80], [0x80, 0], [0x80, 0x80]]) {
      const data = concatBytes(random.bytes(5), Uint8Array.from(tail));
      expect(unpad(pad(data))).toEqual({ ok: true, value: data });
    }
  });
});

const [FIRST = 0, LAST = 0] = PADDING_FIXED_BYTES;

describe("the settings", () => {
  test.each([
    ["off", 0, 1],
    ["off", 300, 301],
    ["fixed", 0, FIRST],
    ["fixed", FIRST - 1, FIRST],
    ["fixed", FIRST, LAST],
    ["fixed", LAST - 1, LAST],
    ["fixed", LAST, padmeLength(LAST + 1)],
  ] as const)("[CR5] %s makes %i bytes %i, which whoever reads takes", (padding, length, padded) => {
    const data = random.bytes(length);
    expect(pad(data, padding)).toHaveLength(padded);
    expect(unpad(pad(data, padding))).toEqual({ ok: true, value: data });
  });
});

describe("unpad", () => {
  const padded = pad(random.bytes(100));

  test.each([
    ["nothing", new Uint8Array(0)],
    ["zeros only", new Uint8Array(PADDING_FLOOR_BYTES)],
    ["no mark", new Uint8Array(PADDING_FLOOR_BYTES).fill(1)],
    ["a shorter form", padded.slice(0, -1)],
    ["a longer form", concatBytes(padded, new Uint8Array(16))],
    ["one byte after the zeros", padded.with(PADDING_FLOOR_BYTES - 1, 1)],
    ["another mark", padded.with(100, 0x81)],
  ])("[CR5] refuses %s", (_name, bytes) => {
    expect(unpad(bytes)).toEqual(badPadding);
  });
});
