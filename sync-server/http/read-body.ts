/** The body of a request: bounded while it arrives, canonical CBOR of one shape. */
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { decode, type Shape } from "@dovetail/core/codec/shape.ts";
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
  if (request.headers.get("content-type") !== "application/cbor")
    return err(refusal("malformed", { status: 415 }));
  const bytes = await readBytes(request);
  if (bytes === null) return err(refusal("malformed", { status: 413 }));
  const value = decode(shape, bytes);
  return value.ok ? ok(value.value) : err(refusal("malformed"));
}

async function readBytes(request: Request): Promise<Uint8Array | null> {
  if (Number(request.headers.get("content-length") ?? 0) > HTTP_BODY_BYTES_MAX) return null;
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.length;
    if (length > HTTP_BODY_BYTES_MAX) return null;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts, length));
}
