/** BIP-39 against the vectors of its authors. */
import { expect, test } from "vitest";
import { fromHex, toHex } from "../../core/base/bytes.ts";
import { bytesFromWords, wordsFromBytes } from "../../core/sigchain/keys/bip39.ts";
import { describeVectors } from "../support/shared-data.ts";

/** Entropy and words; seed and key that follow in the file are of no use to us. */
function readCases(json: unknown): readonly (readonly [entropy: string, words: string])[] {
  if (typeof json !== "object" || json === null || !("english" in json) || !Array.isArray(json.english))
    return [];
  return json.english.map((entry: unknown) => {
    const [entropy, words] = Array.isArray(entry) ? entry : [];
    return [String(entropy), String(words)] as const;
  });
}

describeVectors("bip39", "vectors.json", (set) => {
  const cases = readCases(set.json("vectors.json"));

  test("the file holds all 24 English cases", () => {
    expect(cases.length).toBe(24);
  });

  test.each(cases)("[EP20] %s", (entropy, words) => {
    expect(wordsFromBytes(fromHex(entropy)).join(" ")).toBe(words);
    const bytes = bytesFromWords(words);
    expect(bytes.ok && toHex(bytes.value)).toBe(entropy);
  });
});
