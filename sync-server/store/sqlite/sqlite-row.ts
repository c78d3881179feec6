/** Columns of a row as the types our STRICT tables promise. Anything else is a damaged file. */
import { InvariantError } from "@dovetail/core/base/assert.ts";
import type { Bytes } from "@dovetail/core/base/bytes.ts";

/** An INTEGER column. */
export function numberOf(column: unknown): number {
  if (typeof column !== "number") throw new InvariantError("the column holds a number");
  return column;
}

/** A BLOB column. */
export function blobOf(column: unknown): Bytes {
  if (!(column instanceof Uint8Array)) throw new InvariantError("the column holds bytes");
  return column;
}

/** A BLOB column that may be NULL. */
export function blobOrNull(column: unknown): Bytes | null {
  return column === null ? null : blobOf(column);
}
