/**
 * Padding of plaintext before it is sealed: PADMÉ (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files",
 * PETS 2019) with a floor. The length leaks at most O(log log n) bits. Rule CR5.
 *
 * Padded form: data ‖ 0x80 ‖ zeros (ISO/IEC 7816-4).
 */
import type { Bytes } from "../base/bytes.ts";
import { PADDING_FIXED_BYTES, PADDING_FLOOR_BYTES } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";

export interface BadPadding {
  readonly type: "BadPadding";
}

/** Length PADMÉ rounds `length` up to; the lower bits of the result are zero. */
export function padmeLength(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const sizeBits = Math.floor(Math.log2(exponent)) + 1;
  const unit = 2 ** Math.max(0, exponent - sizeBits);
  return Math.ceil(length / unit) * unit;
}

/**
 * How much a device hides of the length of what it seals. `padme`: a few sizes for each power of two, 256 bytes at least.
 * `fixed`: one of few sizes whatever is said, for more bytes. `off`: nothing is hidden, and nothing is added.
 */
export type Padding = "padme" | "fixed" | "off";

export const PADDINGS: readonly Padding[] = ["padme", "fixed", "off"];

/** Sizes something is padded to: at least `floor`; with `fixed` the smallest of a few, as long as it fits one. */
export interface PaddedSizes {
  readonly floor: number;
  readonly fixed: readonly number[];
}

const SEALED_SIZES: PaddedSizes = { floor: PADDING_FLOOR_BYTES, fixed: PADDING_FIXED_BYTES };

/** Pads `data` by the setting of the device that seals it. */
export function pad(data: Bytes, padding: Padding = "padme"): Bytes {
  const padded = new Uint8Array(paddedLength(data.length + 1, padding, SEALED_SIZES));
  padded.set(data);
  padded[data.length] = 0x80;
  return padded;
}

/**
 * Removes `pad`, by whatever setting: readers need not know it. Runs on authenticated plaintext only.
 *
 * - Fails: `BadPadding` unless one of the settings gives back the same bytes.
 */
export function unpad(padded: Bytes): Result<Bytes, BadPadding> {
  const end = markIndex(padded);
  if (end === null) return err({ type: "BadPadding" });
  if (!PADDINGS.some((padding) => paddedLength(end + 1, padding, SEALED_SIZES) === padded.length))
    return err({ type: "BadPadding" });
  return ok(padded.subarray(0, end));
}

/** Where the mark stands that begins the padding; null when nothing but zeros follows no mark. */
export function markIndex(padded: Bytes): number | null {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  return end >= 0 && padded[end] === 0x80 ? end : null;
}

/** What `length` bytes, the mark included, are padded to. CR5 */
export function paddedLength(length: number, padding: Padding, { floor, fixed }: PaddedSizes): number {
  if (padding === "off") return length;
  const size = padding === "fixed" ? fixed.find((one) => one >= length) : undefined;
  return size ?? Math.max(floor, padmeLength(length));
}
