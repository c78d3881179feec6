import { expect, test } from "vitest";
import { HTTP_PATH_CHARS } from "../../../core/base/limits.ts";
import { mediaTypeOf, padPath, paddingOfMediaType } from "../../../core/protocol/http-padding.ts";

test("[DI19] a media type says its padding, in one form", () => {
  for (const padding of ["off", "padme", "fixed"] as const)
    expect(paddingOfMediaType(mediaTypeOf(padding))).toBe(padding);
  for (const other of [
    null,
    undefined,
    "*/*",
    "text/html",
    "application/cbor;padding=fixed",
    "application/cbor; padding=off",
  ])
    expect(paddingOfMediaType(other), String(other)).toBeNull();
});

test("[DI19] a path is filled to HTTP_PATH_CHARS, and one without room for it stays as it is", () => {
  const room = HTTP_PATH_CHARS - "?pad=".length;
  for (const length of [1, room - 1, room]) {
    const path = padPath("/".repeat(length), "padme");
    expect(path).toHaveLength(HTTP_PATH_CHARS);
    expect(path.replace(/\?pad=0*$/, "")).toBe("/".repeat(length));
  }
  expect(padPath("/".repeat(room + 1), "fixed")).toBe("/".repeat(room + 1));
  expect(padPath("/v1?after=3", "fixed")).toMatch(/^\/v1\?after=3&pad=0+$/);
  expect(padPath("/v1", "off")).toBe("/v1");
});
