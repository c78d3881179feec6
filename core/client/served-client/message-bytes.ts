/**
 * Messages of a port as bytes, for ways that carry no structured values: JSON, in which bytes, undefined and objects
 * that look like those are marked.
 *
 * Each message stands behind its length in 4 bytes, big-endian, of at most `SERVED_MESSAGE_BYTES_MAX`.
 */
import { type Bytes, parseBase64Url, parseUtf8, toBase64Url, toUtf8 } from "../../base/bytes.ts";
import { assert } from "../../base/assert.ts";
import { SERVED_MESSAGE_BYTES_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { createFrameSplitter, encodeFrame } from "../../codec/frame-splitter.ts";

export interface MalformedStream {
  readonly type: "MalformedStream";
  readonly why: "length" | "text";
}

/** One message with its length in front. */
export function encodeMessage(message: unknown): Bytes {
  const body = toUtf8(JSON.stringify(mark(message)));
  assert(body.length <= SERVED_MESSAGE_BYTES_MAX, "a message between processes is within its limit");
  return encodeFrame(body);
}

export interface MessageSplitter {
  /** The messages that `bytes` complete. After a failure the way is to be closed. */
  push(bytes: Bytes): Result<readonly unknown[], MalformedStream>;
}

/** Takes bytes as they come, and gives messages. */
export function createMessageSplitter(): MessageSplitter {
  const frames = createFrameSplitter(() => SERVED_MESSAGE_BYTES_MAX);
  return {
    push(bytes) {
      const messages: unknown[] = [];
      frames.push(bytes);
      for (;;) {
        const frame = frames.next();
        if (!frame.ok) return err({ type: "MalformedStream", why: "length" });
        if (frame.value === null) return ok(messages);
        const message = parseMessage(frame.value);
        if (!message.ok) return message;
        messages.push(message.value);
      }
    },
  };
}

function parseMessage(body: Bytes): Result<unknown, MalformedStream> {
  const text = parseUtf8(body);
  if (!text.ok) return err({ type: "MalformedStream", why: "text" });
  try {
    return ok(unmark(JSON.parse(text.value)));
  } catch {
    return err({ type: "MalformedStream", why: "text" });
  }
}

/** An object that stands for what JSON has not: one field `$` with the kind, and perhaps `v`. */
function mark(value: unknown): unknown {
  if (value === undefined) return { $: "undefined" };
  if (value instanceof Uint8Array) return { $: "bytes", v: toBase64Url(value) };
  if (Array.isArray(value)) return value.map(mark);
  if (typeof value !== "object" || value === null) {
    assert(typeof value !== "bigint" && typeof value !== "function", "a message holds plain values");
    return value;
  }
  const fields = Object.fromEntries(Object.entries(value).map(([name, field]) => [name, mark(field)]));
  return Object.hasOwn(value, "$") ? { $: "object", v: fields } : fields;
}

function unmark(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unmark);
  if (typeof value !== "object" || value === null) return value;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  if (!Object.hasOwn(fields, "$")) return unmarkFields(fields);
  if (fields.$ === "undefined") return undefined;
  if (fields.$ === "bytes" && typeof fields.v === "string") {
    const bytes = parseBase64Url(fields.v);
    if (bytes.ok) return bytes.value;
  }
  if (fields.$ === "object" && typeof fields.v === "object" && fields.v !== null)
    return unmarkFields({ ...fields.v });
  throw new SyntaxError("an unknown mark");
}

function unmarkFields(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, unmark(field)]));
}
