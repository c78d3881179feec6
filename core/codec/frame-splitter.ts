/** Frames on a stream of bytes: each behind its length in 4 bytes, big-endian. */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { assert } from "../base/assert.ts";
import { err, ok, type Result } from "../base/result.ts";

const LENGTH_BYTES = 4;

/** An empty frame, or one over the limit. Nothing after it can be told apart: the stream is to be closed. */
export interface BadFrameLength {
  readonly type: "BadFrameLength";
  readonly lengthBytes: number;
}

export interface FrameSplitter {
  /** The next frame that is here whole; null when more has to come. Called until then. */
  next(): Result<Bytes | null, BadFrameLength>;
  push(bytes: Bytes): void;
}

/** One frame as it goes on the stream. */
export function encodeFrame(body: Bytes): Bytes {
  assert(body.length > 0, "a frame is not empty");
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, body.length);
  return concatBytes(length, body);
}

/** `bytesMax` is asked when a length has come, so that a stranger may get less room than a peer. */
export function createFrameSplitter(bytesMax: () => number): FrameSplitter {
  let parts: Bytes[] = [];
  let heldBytes = 0;
  let lengthBytes: number | null = null;

  function take(wantedBytes: number): Bytes | null {
    if (heldBytes < wantedBytes) return null;
    const [first] = parts;
    const all = parts.length === 1 && first !== undefined ? first : concatBytes(...parts);
    parts = [all.subarray(wantedBytes)];
    heldBytes -= wantedBytes;
    return all.subarray(0, wantedBytes);
  }

  return {
    push(bytes) {
      parts.push(bytes);
      heldBytes += bytes.length;
    },
    next() {
      if (lengthBytes === null) {
        const head = take(LENGTH_BYTES);
        if (head === null) return ok(null);
        const length = new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0);
        if (length === 0 || length > bytesMax()) return err({ type: "BadFrameLength", lengthBytes: length });
        lengthBytes = length;
      }
      const frame = take(lengthBytes);
      if (frame !== null) lengthBytes = null;
      return ok(frame);
    },
  };
}
