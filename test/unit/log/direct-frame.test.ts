import { expect, test } from "vitest";
import { DIRECT_DOCUMENTS_MAX } from "../../../core/base/limits.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { directFrameShape } from "../../../core/log/direct-frame.ts";

const tags = { name: { type: "tags" as const }, heads: ["0".repeat(64)] };

function catalogue(count: number): Uint8Array {
  return encode(directFrameShape, {
    type: "catalogue",
    isWhole: true,
    documents: Array.from({ length: count }, () => tags),
  });
}

test("[DS12] a catalogue names at most DIRECT_DOCUMENTS_MAX documents", () => {
  const at = decode(directFrameShape, catalogue(DIRECT_DOCUMENTS_MAX));
  expect(at.ok && at.value.type === "catalogue" && at.value.documents.length).toBe(DIRECT_DOCUMENTS_MAX);
  expect(decode(directFrameShape, catalogue(DIRECT_DOCUMENTS_MAX + 1)).ok).toBe(false);
});

test("[DS12] bytes that are no frame, or more than one, are refused", () => {
  const whole = catalogue(1);
  for (const bytes of [
    new Uint8Array(),
    whole.subarray(1),
    Uint8Array.of(...whole, 0),
    Uint8Array.of(0x82, 9, 0x80),
  ])
    expect(decode(directFrameShape, bytes).ok).toBe(false);
});
