/** Why a message was not sent, in words, and whether the same text may go if it is sent once more. */
import type { DeliveryFailure } from "@dovetail/core";
import type { MessageKey } from "./en.ts";

export interface FailureWords {
  readonly key: MessageKey;
  /** A closed conversation refuses every copy as well, so none is offered there. */
  readonly canSendAgain: boolean;
}

const WORDS: Readonly<Record<DeliveryFailure, FailureWords>> = {
  closed: { key: "failedClosed", canSendAgain: false },
  refused: { key: "failedRefused", canSendAgain: true },
  outside: { key: "failedOutside", canSendAgain: true },
  muted: { key: "failedMuted", canSendAgain: true },
  // It goes by itself when the account is there again.
  deleted: { key: "stateDeleted", canSendAgain: false },
};

/** `failure` in words; null, of which no cause is known, gets a sentence that claims none. */
export function describeFailure(failure: DeliveryFailure | null): FailureWords {
  return failure === null ? { key: "failedUnknown", canSendAgain: true } : WORDS[failure];
}
