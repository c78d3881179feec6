/** The hash by which Automerge names a change. */
import type { Bytes } from "../base/bytes.ts";
import { Automerge } from "./automerge.ts";

/** Null for bytes that are no change. */
export function changeHash(change: Bytes): string | null {
  try {
    return Automerge.decodeChange(change).hash;
  } catch {
    return null;
  }
}
