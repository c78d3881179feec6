/** The body of a request: bounded while it arrives, canonical CBOR of one shape. */
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { decode, type Shape } from "@dovetail/core/codec/shape.ts";
import { paddedFrameLength, unpadFrame } from "@dovetail/core/protocol/frame-padding.ts";
import { paddingOfMediaType } from "@dovetail/core/protocol/http-padding.ts";
import { HTTP_BODY_BYTES_MAX } from "../limits.ts";
import { refusal } from "./answer.ts";

/**
 * Reads and decodes a body.
 *
 * A page of another site can only send some content types without asking first; ours is none of them.
 *
 * - Fails: the response to give.
 */
export async function readBody<T>(request: Request, shape: Shape<T>): Promise<Result<T, Response>> {
  const padding = paddingOfMediaType(request.headers.get("content-type"));
  if (padding === null) return err(refusal("malformed", { status: 415 }));
  const padded = await readBytes(request, paddedFrameLength(HTTP_BODY_BYTES_MAX, padding));
  if (padded === null) return err(refusal("malformed", { status: 413 }));
  const bytes = unpadFrame(padded, padding); // DI19
  const value = bytes.ok ? decode(shape, bytes.value) : bytes;
  return value.ok ? ok(value.value) : err(refusal("malformed"));
}

async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array | null> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return null;
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.length;
    if (length > bytesMax) return null;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts, length));
}
