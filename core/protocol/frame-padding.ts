/**
 * Padding of whole frames of the gateway, so that who sees lengths through TLS does not read from them what a frame is.
 * Rule GW15.
 *
 * Padded form: frame ‖ 0x80 ‖ zeros (ISO/IEC 7816-4), in sizes of its own: what is sealed inside has been padded already
 * (CR5), and stands in a frame with more around it.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { FRAME_BYTES_MAX, FRAME_PADDING_FIXED_BYTES, FRAME_PADDING_FLOOR_BYTES } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import {
  type BadPadding,
  markIndex,
  type Padding,
  type PaddedSizes,
  paddedLength,
} from "../crypto/padding.ts";

/** Begins the padding; zeros follow. */
export const FRAME_PADDING_MARK = 0x80;

const FRAME_SIZES: PaddedSizes = { floor: FRAME_PADDING_FLOOR_BYTES, fixed: FRAME_PADDING_FIXED_BYTES };

/** How long a frame of `length` bytes is on the wire. With `off` nothing is added, not even the mark. */
export function paddedFrameLength(length: number, padding: Padding): number {
  if (padding === "off") return length;
  const padded = paddedLength(length + 1, padding, FRAME_SIZES);
  assert(padded <= FRAME_BYTES_MAX, "a frame leaves room for its padding");
  return padded;
}

/** The frame as it goes on the wire of a connection with this padding. */
export function padFrame(frame: Bytes, padding: Padding): Bytes {
  if (padding === "off") return frame;
  const padded = new Uint8Array(paddedFrameLength(frame.length, padding));
  padded.set(frame);
  padded[frame.length] = FRAME_PADDING_MARK;
  return padded;
}

/**
 * Removes `padFrame`. Both sides of a connection know its padding, so one form is right.
 *
 * - Fails: `BadPadding` for any other bytes than `padFrame` makes.
 */
export function unpadFrame(padded: Bytes, padding: Padding): Result<Bytes, BadPadding> {
  if (padding === "off") return ok(padded);
  const end = markIndex(padded);
  if (end === null || paddedLength(end + 1, padding, FRAME_SIZES) !== padded.length)
    return err({ type: "BadPadding" });
  return ok(padded.subarray(0, end));
}
