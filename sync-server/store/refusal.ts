/** Why a store operation did not happen, in the words of the wire. */
import { err, type Err } from "@dovetail/core/base/result.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";

/** Nothing was changed; `code` goes to the client as it is. */
export interface Refusal {
  readonly type: "Refused";
  readonly code: FailureCode;
}

/** A refusal with this code. */
export function refuse(code: FailureCode): Err<Refusal> {
  return err({ type: "Refused", code });
}
