/**
 * What no file of the checkout may contain.
 *
 * The patterns are put together from pieces, so that this file does not contain what it forbids.
 */
import type { Fault, FileMap } from "./checkout.ts";

interface Forbidden {
  readonly name: string;
  readonly pattern: RegExp;
  /** Which files the pattern is for; all when absent. */
  readonly files?: RegExp;
}

const CODE_FILES = /\.(ts|tsx|js|mjs|cjs|html)$/;
const any = "any";

/** Each with the name a failing test shows. Patterns are for one line. */
export const FORBIDDEN: readonly Forbidden[] = [
  {
    // A folder of one machine: nobody else has it, and it says who wrote the line.
    name: "a path of one machine",
    pattern: new RegExp(
      `(^|[^\\w./-])/(${["tmp", "root", "work", "home/[a-z]", "Users/[A-Za-z]"].join("|")})[/\\w]`,
    ),
  },
  {
    name: "the address of a package registry",
    pattern: new RegExp(
      [
        `registry\\.${"npm"}`,
        `npm${"js"}\\.(org|com)`,
        `${"verda"}ccio`,
        `${"arti"}factory`,
        `pkg\\.github\\.com`,
        `${"debian"}\\.org/debian`,
      ].join("|"),
      "i",
    ),
  },
  {
    name: "work left open",
    pattern: new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`),
  },
  {
    name: "a cast to any",
    // In prose, "as any other" goes on with a word.
    pattern: new RegExp(`\\bas ${any}\\b(?! (?!as\\b)[a-z])|<${any}>`),
    files: CODE_FILES,
  },
  {
    name: "a silenced type check",
    pattern: new RegExp(`@${"ts"}-(ignore|nocheck|expect-error)`),
    files: CODE_FILES,
  },
  {
    name: "a random number that can be guessed",
    pattern: new RegExp(`\\bMath\\s*\\.\\s*${"random"}\\s*\\(`),
    files: CODE_FILES,
  },
];

/** Every line of `files` that contains something forbidden. */
export function findForbidden(files: FileMap): readonly Fault[] {
  return [...files].flatMap(([file, text]) => {
    const rules = FORBIDDEN.filter((rule) => rule.files?.test(file) !== false);
    return text
      .split("\n")
      .flatMap((line, index) =>
        rules
          .filter(({ pattern }) => pattern.test(line))
          .map(({ name }) => ({ file, why: `line ${index + 1} contains ${name}` })),
      );
  });
}
