/** Comparing and erasing secrets; the ports of randomness they come from. */
import { beforeAll, describe, expect, test } from "vitest";
import { createPlatformRandom } from "../../../core/base/random.ts";
import { equalSecret, wipe } from "../../../core/crypto/secret.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";

beforeAll(cryptoReady);

describe("equalSecret", () => {
  const secret = Uint8Array.from({ length: 32 }, (_, i) => i);

  test("is true of the same bytes, whatever the buffer", () => {
    expect(equalSecret(secret, secret.slice())).toBe(true);
    expect(equalSecret(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });
  test("is false when any bit or the length differs", () => {
    for (let bit = 0; bit < 256; bit++) {
      const other = secret.slice();
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(equalSecret(secret, other)).toBe(false);
    }
    expect(equalSecret(secret, secret.slice(1))).toBe(false);
    expect(equalSecret(secret, new Uint8Array(0))).toBe(false);
  });
});

describe("wipe", () => {
  test("overwrites each of its arguments, and of a view only its part", () => {
    const [a, whole] = [Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3, 4)];
    wipe(a, whole.subarray(1, 3));
    expect(a).toEqual(Uint8Array.of(0, 0));
    expect(whole).toEqual(Uint8Array.of(1, 0, 0, 4));
    wipe();
  });
});

describe("the platform's random source", () => {
  test("gives the length asked for, across its pool's end and beyond its size", () => {
    const random = createPlatformRandom();
    for (const length of [0, 1, 24, 32, 511, 512, 513, 4_096, 4_097, 70_000])
      expect(random.bytes(length)).toHaveLength(length);
  });
  test("never gives a part twice, and keeps no copy of what it gave", () => {
    const random = createPlatformRandom();
    const parts = Array.from({ length: 2_000 }, () => String(random.bytes(16)));
    expect(new Set(parts).size).toBe(2_000);
    const [first, second] = [random.bytes(32), random.bytes(32)];
    expect(first.buffer).not.toBe(second.buffer);
  });
  test("is not of one value: 64 KiB hold every byte, at a plausible rate", () => {
    const counts = new Uint32Array(256);
    for (const byte of createPlatformRandom().bytes(65_536)) counts[byte] = (counts[byte] ?? 0) + 1;
    expect(Math.min(...counts)).toBeGreaterThan(150);
    expect(Math.max(...counts)).toBeLessThan(370);
  });
});
