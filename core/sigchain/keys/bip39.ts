/** Words for secret bytes: BIP-39, English list, checksum checked. The one importer of the library. */
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import type { Bytes } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";

const knownWords: ReadonlySet<string> = new Set(wordlist);
const WORD_COUNTS: readonly number[] = [12, 15, 18, 21, 24];
/** Longer than any 24 words with generous spacing. */
const TEXT_CHARS_MAX = 1_024;

export type MalformedWords =
  | { readonly type: "WrongWordCount"; readonly found: number }
  /** `position` counts from 1; the word itself stays out of errors and logs. */
  | { readonly type: "UnknownWord"; readonly position: number }
  /** Every word is known but together they are not a key: one is wrong or two are swapped. */
  | { readonly type: "WrongChecksum" };

/** Words of 16 to 32 bytes. */
export function wordsFromBytes(bytes: Bytes): readonly string[] {
  return entropyToMnemonic(bytes, [...wordlist]).split(" ");
}

/** Bytes of words as a person types them: any case, any white space between. */
export function bytesFromWords(text: string): Result<Bytes, MalformedWords> {
  if (text.length > TEXT_CHARS_MAX) return err({ type: "WrongWordCount", found: text.length });
  const words = text
    .normalize("NFKD")
    .toLowerCase()
    .split(/\s+/u)
    .filter((word) => word !== "");
  const unknown = words.findIndex((word) => !knownWords.has(word));
  if (unknown !== -1) return err({ type: "UnknownWord", position: unknown + 1 });
  if (!WORD_COUNTS.includes(words.length)) return err({ type: "WrongWordCount", found: words.length });
  try {
    return ok(mnemonicToEntropy(words.join(" "), [...wordlist]));
  } catch {
    return err({ type: "WrongChecksum" });
  }
}

/** Says whether `word` is in the list, for checking each one while it is typed. */
export function isKnownWord(word: string): boolean {
  return knownWords.has(word.normalize("NFKD").toLowerCase());
}
