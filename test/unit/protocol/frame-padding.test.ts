/** Padding of whole frames: their sizes, and that one form alone is taken. */
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../core/base/bytes.ts";
import {
  FRAME_BYTES_MAX,
  FRAME_PADDING_FIXED_BYTES,
  FRAME_PADDING_FLOOR_BYTES,
} from "../../../core/base/limits.ts";
import { padFrame, paddedFrameLength, unpadFrame } from "../../../core/protocol/frame-padding.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("frame padding");
const FLOOR = FRAME_PADDING_FLOOR_BYTES;
const [FIRST = 0, LAST = 0] = FRAME_PADDING_FIXED_BYTES;

test.each([
  ["off", 0, 0],
  ["off", 300, 300],
  ["off", FRAME_BYTES_MAX, FRAME_BYTES_MAX],
  ["padme", 0, FLOOR],
  ["padme", FLOOR - 1, FLOOR],
  ["padme", FLOOR, 272],
  ["padme", FRAME_BYTES_MAX - 1, FRAME_BYTES_MAX],
  ["fixed", 0, FIRST],
  ["fixed", FIRST - 1, FIRST],
  ["fixed", FIRST, LAST],
  ["fixed", LAST - 1, LAST],
  ["fixed", LAST, 43_008],
  ["fixed", FRAME_BYTES_MAX - 1, FRAME_BYTES_MAX],
] as const)(
  "[GW15] %s makes a frame of %i bytes %i, and that is taken off again",
  (padding, length, size) => {
    const frame = random.bytes(length);
    const padded = padFrame(frame, padding);
    expect(padded).toHaveLength(size);
    expect(paddedFrameLength(length, padding)).toBe(size);
    expect(unpadFrame(padded, padding)).toEqual({ ok: true, value: frame });
  },
);

test("[GW15] a frame that leaves no room is a mistake of ours, never a larger message", () => {
  expect(() => paddedFrameLength(FRAME_BYTES_MAX, "padme")).toThrow("room");
  expect(() => padFrame(new Uint8Array(FRAME_BYTES_MAX), "fixed")).toThrow("room");
});

describe("[GW15] is refused:", () => {
  const padded = padFrame(random.bytes(100).fill(1), "padme");
  test.each([
    ["nothing", new Uint8Array(0)],
    ["zeros only", new Uint8Array(FLOOR)],
    ["no mark", new Uint8Array(FLOOR).fill(1)],
    ["a frame as it is", random.bytes(100).fill(1)],
    ["a mark alone", concatBytes(new Uint8Array(100).fill(1), Uint8Array.of(0x80))],
    ["a shorter form", padded.slice(0, -1)],
    ["a longer form", concatBytes(padded, new Uint8Array(16))],
    ["one byte after the zeros", padded.with(FLOOR - 1, 1)],
    ["another mark", padded.with(100, 0x81)],
    ["the form of another setting", padFrame(new Uint8Array(100).fill(1), "fixed")],
  ])("%s", (_what, bytes) => {
    expect(unpadFrame(bytes, "padme")).toEqual({ ok: false, error: { type: "BadPadding" } });
  });
});
