/** Answers of the HTTP routes: canonical CBOR, one status per refusal. */
import { encode, type Shape } from "@dovetail/core/codec/shape.ts";
import { httpFailureShape } from "@dovetail/core/protocol/directory.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { padFrame } from "@dovetail/core/protocol/frame-padding.ts";
import { mediaTypeOf, paddingOfMediaType } from "@dovetail/core/protocol/http-padding.ts";

const STATUS_BY_CODE: Readonly<Partial<Record<FailureCode, number>>> = {
  forbidden: 403,
  "unknown-account": 404,
  "unknown-device": 404,
  "rendezvous-gone": 404,
  "no-prekeys": 404,
  "chain-conflict": 409,
  "handle-taken": 409,
  "rendezvous-conflict": 409,
  "device-on-hold": 403,
  "registration-closed": 403,
  "bad-invitation": 403,
  "account-deleted": 410,
  "rate-limited": 429,
  overloaded: 503,
  "storage-full": 507,
  internal: 500,
};

/** A success. */
export function answer<T>(shape: Shape<T>, value: T): Response {
  return new Response(Buffer.from(encode(shape, value)), { headers: { "content-type": mediaTypeOf("off") } });
}

/** A refusal; `status` where the code alone does not tell it. */
export function refusal(
  code: FailureCode,
  options: { readonly status?: number; readonly retryAfterMs?: number } = {},
): Response {
  const { status = STATUS_BY_CODE[code] ?? 400, retryAfterMs = null } = options;
  const headers = new Headers({ "content-type": mediaTypeOf("off") });
  if (retryAfterMs !== null) headers.set("retry-after", String(Math.ceil(retryAfterMs / 1_000)));
  return new Response(Buffer.from(encode(httpFailureShape, { code, retryAfterMs })), { status, headers });
}

/** The answer as `accept` asks for it: an answer of the directory, a refusal too, is padded like that. DI19 */
export async function padAnswer(given: Response, accept: string | undefined): Promise<Response> {
  const padding = paddingOfMediaType(accept) ?? "off";
  if (padding === "off" || paddingOfMediaType(given.headers.get("content-type")) !== "off") return given;
  const body = new Uint8Array(await given.arrayBuffer());
  const headers = new Headers(given.headers);
  headers.set("content-type", mediaTypeOf(padding));
  return new Response(Buffer.from(padFrame(body, padding)), { status: given.status, headers });
}
