/** Finds limits that no test names. */
import type { Fault, FileMap } from "./checkout.ts";
import { isMark, scanSource, type Token } from "./source-scanner.ts";

/** Exported constants of the limits file that are used in none of `tests`. An import alone is no use. */
export function findUntestedLimits(limitsFile: string, source: string, tests: FileMap): readonly Fault[] {
  const used = new Set([...tests.values()].flatMap((text) => usedWords(scanSource(text))));
  return exportedConstants(scanSource(source))
    .filter((name) => !used.has(name))
    .map((name) => ({ file: limitsFile, why: `${name} is used by no test` }));
}

function exportedConstants(tokens: readonly Token[]): readonly string[] {
  return tokens.flatMap((token, index) => {
    const isConstant = token.text === "const" && tokens[index - 1]?.text === "export";
    const name = tokens[index + 1];
    return isConstant && token.kind === "word" && name?.kind === "word" ? [name.text] : [];
  });
}

function usedWords(tokens: readonly Token[]): readonly string[] {
  const words: string[] = [];
  let isInImport = false;
  for (const [index, token] of tokens.entries()) {
    if (token.kind === "word" && token.text === "import") isInImport = !isMark(tokens[index + 1], "(", ".");
    else if (isInImport && token.kind === "string") isInImport = false;
    else if (!isInImport && token.kind === "word") words.push(token.text);
  }
  return words;
}
