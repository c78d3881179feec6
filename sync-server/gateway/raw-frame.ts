/**
 * WebSocket frames built by hand (RFC 6455 section 5.2), so that one buffer serves every subscriber.
 *
 * `ws` reads, pings and closes; what we send goes straight to the socket. That is sound because a server's frames are
 * not masked, each of ours is whole (FIN, binary), and without compression `ws` itself writes synchronously.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";

const FIN_BINARY = 0x82;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** One final binary frame with `payload`. */
export function frameBinary(payload: Bytes): Buffer {
  const { length } = payload;
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
  return frame;
}
