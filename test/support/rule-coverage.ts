/** Compares the numbered rules of the protocol documents with the titles of the tests that quote them. */
import type { Fault, FileMap } from "./checkout.ts";
import { findTestTitles } from "./source-scanner.ts";

/** A rule stands at the start of a line, alone or as an item of a list: `**LG5** A trimmed log …`. */
const DEFINITION = /^(?:[-*] )?\*\*([A-Z]{2,3}[0-9]+)\*\* /gm;
const QUOTE = /\[([A-Z]{2,3}[0-9]+)\]/g;

/** Rules without a test, rules defined twice, and titles that quote a rule there is not. */
export function findRuleFaults(documents: FileMap, tests: FileMap): readonly Fault[] {
  const documentByRule = new Map<string, string>();
  const faults: Fault[] = [];
  for (const [file, text] of documents) {
    for (const rule of idsIn(text, DEFINITION)) {
      const first = documentByRule.get(rule);
      if (first !== undefined) faults.push({ file, why: `defines ${rule} again, after ${first}` });
      else documentByRule.set(rule, file);
    }
  }
  const quoted = new Set<string>();
  for (const [file, text] of tests) {
    for (const rule of findTestTitles(text).flatMap((title) => idsIn(title, QUOTE))) {
      quoted.add(rule);
      if (!documentByRule.has(rule))
        faults.push({ file, why: `quotes ${rule}, which docs/protocol does not define` });
    }
  }
  for (const [rule, file] of documentByRule) {
    if (!quoted.has(rule)) faults.push({ file, why: `${rule} has no test whose title quotes it` });
  }
  return faults;
}

function idsIn(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? "");
}
