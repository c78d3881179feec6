/**
 * Assertions for our own mistakes. They stay on in production.
 *
 * Only a composition root catches `InvariantError`; bad input never reaches an assertion.
 */

/** Thrown when the program itself is wrong. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws `InvariantError` when `condition` does not hold; `why` says which invariant, without secrets. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new InvariantError(why);
}

/** Closes a `switch` over a union; a new member then fails to compile. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable case ${typeof value}`);
}

/** Returns `value`, which an invariant says is present. */
export function present<T>(value: T | null | undefined, why: string): T {
  if (value === null || value === undefined) throw new InvariantError(why);
  return value;
}
