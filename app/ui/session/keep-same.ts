/** What was read again and says the same stays the same object, so that what shows it is not drawn again. */

/** `was`, where each of its fields has the value that it has in `is`. */
export function keepSame<T extends object>(was: T | undefined, is: T): T {
  if (was === undefined || Object.keys(was).length !== Object.keys(is).length) return is;
  return Object.entries(is).every(([name, value]) => Reflect.get(was, name) === value) ? was : is;
}
