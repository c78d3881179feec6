/**
 * WebSocket frames built by hand (RFC 6455 section 5.2), so that one buffer serves every subscriber.
 *
 * `ws` reads, pings and closes; what we send goes straight to the socket. That is sound because a server's frames are
 * not masked, each of ours is whole (FIN, binary), and without compression `ws` itself writes synchronously.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { Padding } from "@dovetail/core/crypto/padding.ts";
import { FRAME_PADDING_MARK, paddedFrameLength } from "@dovetail/core/protocol/frame-padding.ts";

const FIN_BINARY = 0x82;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** One final binary frame with `payload`, padded as it is written: no second copy. GW15 */
export function frameBinary(payload: Bytes, padding: Padding): Buffer {
  const length = paddedFrameLength(payload.length, padding);
  const headerBytes = length < LENGTH_16 ? 2 : length < 0x1_0000 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = FIN_BINARY;
  if (headerBytes === 2) {
    frame[1] = length;
  } else if (headerBytes === 4) {
    frame[1] = LENGTH_16;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = LENGTH_64;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(payload, headerBytes);
  if (length > payload.length) {
    const mark = headerBytes + payload.length;
    frame[mark] = FRAME_PADDING_MARK;
    frame.fill(0, mark + 1);
  }
  return frame;
}
