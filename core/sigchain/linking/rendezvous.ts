/**
 * Port: the slot on a server where two devices meet that have no connection yet. Rules LK5-LK7.
 *
 * One value at a time, replaced by compare-and-swap on its version; gone `RENDEZVOUS_TTL_MS` after it was created (LK6). The
 * server sees versions, sizes and times. Neither side is signed in.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { RendezvousId } from "../../base/ids.ts";
import type { Result } from "../../base/result.ts";

export type RendezvousError =
  /** The slot has another version than expected, and nothing was written; `version` is the one it has. */
  | { readonly type: "RendezvousConflict"; readonly version: number }
  /** It was never created, or its time is over. It does not come back. */
  | { readonly type: "RendezvousGone" }
  /** No answer; the same call may be made again. */
  | { readonly type: "RendezvousUnavailable" };

export interface RendezvousState {
  readonly version: number;
  /** Null when nothing is newer than what was asked for. */
  readonly message: Bytes | null;
}

export interface Rendezvous {
  /**
   * Replaces the value at `expectedVersion` and answers the new version, `expectedVersion + 1`. Version 0 creates the
   * slot. The same bytes at the same version again succeed, so a lost answer is asked for by repeating the call.
   */
  put(
    id: RendezvousId,
    expectedVersion: number,
    message: Bytes,
  ): Promise<Result<{ readonly version: number }, RendezvousError>>;
  /** Waits, for as long as the server holds such calls, for a value newer than `afterVersion`. */
  get(id: RendezvousId, afterVersion: number): Promise<Result<RendezvousState, RendezvousError>>;
}
