/** Comparing and erasing secrets. */
import type { Bytes } from "../base/bytes.ts";
import { sodium } from "./sodium.ts";

/** Compares in constant time; different lengths are unequal. */
export function equalSecret(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && sodium.memcmp(a, b);
}

/** Overwrites `secret`. Best effort: the language may have made copies. */
export function wipe(...secrets: readonly Bytes[]): void {
  for (const secret of secrets) secret.fill(0);
}
