import { expect, test } from "vitest";
import { concatBytes, toUtf8 } from "../../../../core/base/bytes.ts";
import { SERVED_MESSAGE_BYTES_MAX } from "../../../../core/base/limits.ts";
import { createMessageSplitter, encodeMessage } from "../../../../core/client/served-client/message-bytes.ts";

const MESSAGE = {
  text: "Grüße \u{1f426}",
  bytes: Uint8Array.of(0, 1, 255),
  none: null,
  list: [1, undefined, [true], { $: "bytes", v: "not bytes" }],
  absent: undefined,
};

test("what goes in comes out, bytes, undefined and look-alikes too, however it is cut", () => {
  const stream = concatBytes(encodeMessage(MESSAGE), encodeMessage("two"), encodeMessage(3));
  for (const step of [1, 5, stream.length]) {
    const splitter = createMessageSplitter();
    const messages: unknown[] = [];
    for (let at = 0; at < stream.length; at += step) {
      const pushed = splitter.push(stream.subarray(at, at + step));
      if (!pushed.ok) throw new Error(pushed.error.why);
      messages.push(...pushed.value);
    }
    expect(messages).toStrictEqual([MESSAGE, "two", 3]);
  }
});

function withLength(length: number, body: string): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, length);
  return concatBytes(head, toUtf8(body));
}

test("a length over SERVED_MESSAGE_BYTES_MAX is refused before anything of it is kept; at it the rest is awaited", () => {
  expect(createMessageSplitter().push(withLength(SERVED_MESSAGE_BYTES_MAX, ""))).toEqual({
    ok: true,
    value: [],
  });
  expect(createMessageSplitter().push(withLength(SERVED_MESSAGE_BYTES_MAX + 1, "")).ok).toBe(false);
  expect(createMessageSplitter().push(withLength(0, "")).ok).toBe(false);
});

test("a message of SERVED_MESSAGE_BYTES_MAX goes, a larger one is our mistake", () => {
  const quotes = 2;
  const text = "a".repeat(SERVED_MESSAGE_BYTES_MAX - quotes);
  expect(encodeMessage(text).length).toBe(SERVED_MESSAGE_BYTES_MAX + 4);
  expect(() => encodeMessage(`${text}a`)).toThrow(/within its limit/);
});

test.each([
  ["no text", withLength(2, "\u00ff").fill(0xff, 4)],
  ["no JSON", withLength(2, "{]")],
  ["an unknown mark", withLength(13, '{"$":"magic"}')],
  ["bytes that are none", withLength(22, '{"$":"bytes","v":"??"}')],
])("%s is refused", (_name, bytes) => {
  expect(createMessageSplitter().push(bytes)).toEqual({
    ok: false,
    error: { type: "MalformedStream", why: "text" },
  });
});
