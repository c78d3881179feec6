import { expect, test } from "vitest";
import { describeError } from "../../../app/ui/words/error-words.ts";

test("of words that are no recovery key it is said what is wrong with them", () => {
  const said = (
    [
      { type: "WrongWordCount", found: 23 },
      { type: "UnknownWord", position: 7 },
      { type: "WrongChecksum" },
    ] as const
  ).map((why) => describeError({ type: "BadRecoveryWords", why }).text);
  expect(said).toEqual([
    "A recovery key has 24 words; here are 23.",
    "Word 7 is none of a recovery key.",
    "Each word is one of a recovery key, but together they are none.",
  ]);
});
