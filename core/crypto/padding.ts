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

/** Pads `data` by the setting of the device that seals it. */
export function pad(data: Bytes, padding: Padding = "padme"): Bytes {
  const padded = new Uint8Array(paddedLength(data.length + 1, padding));
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
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  if (end < 0 || padded[end] !== 0x80) return err({ type: "BadPadding" });
  if (!PADDINGS.some((padding) => paddedLength(end + 1, padding) === padded.length))
    return err({ type: "BadPadding" });
  return ok(padded.subarray(0, end));
}

/** CR5 */
function paddedLength(length: number, padding: Padding): number {
  if (padding === "off") return length;
  const fixed = padding === "fixed" ? PADDING_FIXED_BYTES.find((size) => size >= length) : undefined;
  return fixed ?? Math.max(PADDING_FLOOR_BYTES, padmeLength(length));
}
