/** Finds what a person means by a name, with the errors of the command line. The rules are the engine's. */
import { editDistance, err, findNamed as findNamedOf, type Named, type Result } from "@dovetail/core";
import type { CommandError, Nameable } from "./errors/command-error.ts";
import { shortId } from "./errors/error-words.ts";

export { editDistance, type Named };

/** The one of `candidates` that `query` means. - Fails: `NotFound` with similar names; `Ambiguous` with all that fit. */
export function findNamed<T>(
  what: Nameable,
  candidates: readonly Named<T>[],
  query: string,
): Result<T, Extract<CommandError, { readonly type: "NotFound" | "Ambiguous" }>> {
  const found = findNamedOf(candidates, query);
  if (found.ok) return found;
  return found.error.type === "NotFound"
    ? err({ type: "NotFound", what, query, similar: found.error.similar })
    : err({ type: "Ambiguous", what, query, candidates: found.error.candidates.map(label) });
}

function label<T>({ id, ownNames, otherNames }: Named<T>): string {
  return `${ownNames[0] ?? otherNames[0] ?? "unnamed"} (${shortId(id)})`;
}
