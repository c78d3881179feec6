import { expect, test } from "vitest";
import { isRoomLink, judgeCode } from "../../../app/ui/parts/code-kind.ts";

const LINK = "dovetail-link:AAAA";
const CONTACT = "dovetail-contact:AAAA";
const ROOM = "dovetail-room:AAAA";

test("each kind of code is taken where it belongs and named everywhere else; a linking code links nothing from there", () => {
  const verdicts = [LINK, CONTACT, ` ${ROOM}\n`, "12345 67890", "https://example.org"].map((code) => [
    judgeCode(code, "link"),
    judgeCode(code, "address"),
    judgeCode(code, "number"),
  ]);
  expect(verdicts).toEqual([
    [null, "scanLinkElsewhere", "scanLinkElsewhere"],
    ["scanContactElsewhere", null, null],
    ["scanRoomElsewhere", null, "scanRoomElsewhere"],
    ["scanForeign", "scanForeign", null],
    ["scanForeign", "scanForeign", "scanForeign"],
  ]);
  expect([LINK, CONTACT, ROOM].map(isRoomLink)).toEqual([false, false, true]);
});
