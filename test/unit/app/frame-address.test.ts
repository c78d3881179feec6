import { expect, test } from "vitest";
import { CODE_TEXT_CHARS_MAX } from "../../../core/base/limits.ts";
import { readFrameAddress } from "../../../app/ui/embed/frame-address.ts";

const link = "dovetail-contact:AbC_-09";

test("[WB43] contact and theme are read from the fragment; what else stands there is passed over", () => {
  expect(readFrameAddress(`#contact=${encodeURIComponent(link)}&theme=dark`)).toEqual({
    contact: link,
    theme: "dark",
  });
  expect(readFrameAddress("#contact=+ada%40chat.example+&send=hello&theme=loud")).toEqual({
    contact: "ada@chat.example",
    theme: null,
  });
  for (const hash of ["", "#", "#contact=", "#contact=%20", "#dark"])
    expect(readFrameAddress(hash)).toEqual({ contact: null, theme: null });
});

test("an address of the layout's own asks for nothing new", () => {
  expect(readFrameAddress("#/inbox")).toBe(null);
});

test.each([
  [CODE_TEXT_CHARS_MAX - 1, true],
  [CODE_TEXT_CHARS_MAX, true],
  [CODE_TEXT_CHARS_MAX + 1, false],
])("a contact of %i characters is taken: %s", (length, isTaken) => {
  const contact = "a".repeat(length);
  expect(readFrameAddress(`#contact=${contact}`)?.contact).toBe(isTaken ? contact : null);
});
