import { expect, test } from "vitest";
import { concatBytes } from "../../../core/base/bytes.ts";
import { DIRECT_FRAME_BYTES_MAX } from "../../../core/base/limits.ts";
import { createFrameSplitter, encodeFrame } from "../../../core/codec/frame-splitter.ts";

const FRAMES = [Uint8Array.of(1), new Uint8Array(300).fill(2), Uint8Array.of(3, 4)];

test("frames come out as they went in, however the stream is cut", () => {
  const stream = concatBytes(...FRAMES.map(encodeFrame));
  for (const step of [1, 7, stream.length]) {
    const splitter = createFrameSplitter(() => 300);
    const frames: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += step) {
      splitter.push(stream.subarray(at, at + step));
      for (let next = splitter.next(); next.ok && next.value !== null; next = splitter.next())
        frames.push(next.value);
    }
    expect(frames).toEqual(FRAMES);
  }
});

function headOf(lengthBytes: number): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, lengthBytes);
  return head;
}

test.each([
  [0, false],
  [1, true],
  [DIRECT_FRAME_BYTES_MAX, true],
  [DIRECT_FRAME_BYTES_MAX + 1, false],
])("a length of %d under a limit of DIRECT_FRAME_BYTES_MAX is taken: %s", (lengthBytes, isTaken) => {
  const splitter = createFrameSplitter(() => DIRECT_FRAME_BYTES_MAX);
  splitter.push(headOf(lengthBytes));
  expect(splitter.next()).toEqual(
    isTaken ? { ok: true, value: null } : { ok: false, error: { type: "BadFrameLength", lengthBytes } },
  );
});

test("the limit is that of the moment a length has come", () => {
  let limit = 1;
  const splitter = createFrameSplitter(() => limit);
  splitter.push(encodeFrame(Uint8Array.of(9)));
  expect(splitter.next()).toEqual({ ok: true, value: Uint8Array.of(9) });
  limit = 2;
  splitter.push(encodeFrame(Uint8Array.of(9, 9)));
  expect(splitter.next()).toEqual({ ok: true, value: Uint8Array.of(9, 9) });
});
