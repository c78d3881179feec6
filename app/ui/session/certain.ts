/** The assertions of the screens: the page does not load the engine for them. */

/** A case that the types say cannot be. */
export function unreachable(value: never): never {
  throw new TypeError(`unreachable: ${JSON.stringify(value)}`);
}

/** A value the code around it guarantees. */
export function present<T>(value: T | null | undefined, why: string): T {
  if (value === null || value === undefined) throw new TypeError(why);
  return value;
}
