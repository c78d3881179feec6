/** Frames as somebody between client and server reads and writes them, who has not followed what padding was agreed on. */
import type { Result } from "../../core/base/result.ts";
import { decode, type DecodeError, encode, type Shape } from "../../core/codec/shape.ts";
import { type Padding, PADDINGS } from "../../core/crypto/padding.ts";
import { type ClientFrame, clientFrameShape } from "../../core/protocol/client-frame.ts";
import { padFrame, unpadFrame } from "../../core/protocol/frame-padding.ts";
import { type ServerFrame, serverFrameShape } from "../../core/protocol/server-frame.ts";

/** A frame of either side, padded or not: CBOR says itself where it ends, so one of the readings is right. */
export function readFrame<T>(shape: Shape<T>, bytes: Uint8Array): Result<T, DecodeError> {
  const bare = decode(shape, bytes);
  if (bare.ok) return bare;
  for (const padding of PADDINGS) {
    const frame = padding === "off" ? null : unpadFrame(bytes, padding);
    if (frame?.ok === true) return decode(shape, frame.value);
  }
  return bare;
}

/** What one connection agrees on. */
export interface FrameStyle {
  /** Reads along what the client sends. */
  heard(bytes: Uint8Array): Result<ClientFrame, DecodeError>;
  /** A frame in the server's place. */
  write(frame: ServerFrame): Uint8Array;
}

export function createFrameStyle(): FrameStyle {
  let padding: Padding = "off";
  return {
    heard(bytes) {
      const frame = readFrame(clientFrameShape, bytes);
      if (frame.ok && frame.value.type === "hello") padding = frame.value.padding;
      return frame;
    },
    write: (frame) => padFrame(encode(serverFrameShape, frame), padding),
  };
}
