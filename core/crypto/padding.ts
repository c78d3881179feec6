/**
 * Padding of plaintext before it is sealed: PADMÉ (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files",
 * PETS 2019) with a floor. The length leaks at most O(log log n) bits. Rule CR5.
 *
 * Padded form: data ‖ 0x80 ‖ zeros (ISO/IEC 7816-4).
 */
import type { Bytes } from "../base/bytes.ts";
import { PADDING_FLOOR_BYTES } from "../base/limits.ts";
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

/** Pads to PADMÉ of its length, at least `PADDING_FLOOR_BYTES`. */
export function pad(data: Bytes): Bytes {
  const padded = new Uint8Array(Math.max(PADDING_FLOOR_BYTES, padmeLength(data.length + 1)));
  padded.set(data);
  padded[data.length] = 0x80;
  return padded;
}

/** Removes `pad`. Runs on authenticated plaintext only. - Fails: `BadPadding` unless `pad` gives back the same bytes. */
export function unpad(padded: Bytes): Result<Bytes, BadPadding> {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  if (end < 0 || padded[end] !== 0x80) return err({ type: "BadPadding" });
  if (padded.length !== Math.max(PADDING_FLOOR_BYTES, padmeLength(end + 1)))
    return err({ type: "BadPadding" });
  return ok(padded.subarray(0, end));
}
