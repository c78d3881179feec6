/**
 * Finds what a person means by a name: exactly, else by the start of an id, else by the start of a name.
 *
 * A petname was given here and wins over what others call themselves: a stranger who takes the name of a contact makes
 * the name ambiguous at most, and never takes its place.
 */
import { err, ok, type Result } from "../base/result.ts";

/** Something that can be named. */
export interface Named<T> {
  readonly value: T;
  readonly id: string;
  /** Names given here: they win. */
  readonly ownNames: readonly string[];
  /** Names others gave themselves. */
  readonly otherNames: readonly string[];
}

/** Why a name means nothing in particular. */
export type NotNamed<T> =
  | { readonly type: "NotFound"; readonly similar: readonly string[] }
  | { readonly type: "Ambiguous"; readonly candidates: readonly Named<T>[] };

const ID_PREFIX_CHARS_MIN = 4;
const SIMILAR_MAX = 3;

/** The one of `candidates` that `query` means. */
export function findNamed<T>(candidates: readonly Named<T>[], query: string): Result<T, NotNamed<T>> {
  const wanted = fold(query);
  const isId = /^[0-9a-f]+$/.test(wanted) && wanted.length >= ID_PREFIX_CHARS_MIN;
  const steps: readonly ((candidate: Named<T>) => boolean)[] = [
    ({ ownNames }) => ownNames.some((name) => fold(name) === wanted),
    ({ otherNames }) => otherNames.some((name) => fold(name) === wanted),
    ({ id }) => isId && id.startsWith(wanted),
    ({ ownNames, otherNames }) =>
      wanted !== "" && [...ownNames, ...otherNames].some((name) => fold(name).startsWith(wanted)),
  ];
  for (const step of steps) {
    const found = candidates.filter(step);
    if (found.length === 1 && found[0] !== undefined) return ok(found[0].value);
    if (found.length > 1) return err({ type: "Ambiguous", candidates: found });
  }
  const names = candidates.flatMap(({ ownNames, otherNames }) => [...ownNames, ...otherNames]);
  return err({ type: "NotFound", similar: similarWords(names, query) });
}

/** Those of `words` a person may have meant by `typed`, the nearest first. One word of a name is enough. */
export function similarWords(words: readonly string[], typed: string): readonly string[] {
  const wanted = fold(typed);
  const distanceMax = Math.max(1, Math.floor(wanted.length / 3));
  return [...new Set(words)]
    .map((name) => ({ name, distance: distanceOf(fold(name), wanted, distanceMax) }))
    .filter(({ distance }) => distance <= distanceMax)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, SIMILAR_MAX)
    .map(({ name }) => name);
}

/** Infinite where the lengths alone are too far apart: a long word takes long to compare. */
function distanceOf(name: string, wanted: string, distanceMax: number): number {
  const near = [name, ...name.split(/[\s-]+/)].filter(
    (part) => Math.abs(part.length - wanted.length) <= distanceMax,
  );
  return Math.min(...near.map((part) => editDistance(part, wanted)));
}

function fold(name: string): string {
  return name.normalize("NFKC").toLowerCase().replace(/^@/, "").trim();
}

/** Insertions, deletions, substitutions and swaps of neighbours. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
