/** States, events and effects of the existing device's side of linking; `step-existing.ts` runs them. */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, LinkHash } from "../../base/ids.ts";
import type { ServerOrigin } from "../../base/server-origin.ts";
import type { AgreementKeyPair } from "../../crypto/agreement.ts";
import type { DeviceRecord, LinkSignature } from "../link.ts";
import type { LinkChannel } from "./channel.ts";
import type { LinkCode } from "./link-code.ts";
import type { LinkingError } from "./linking-error.ts";

/** Who is linking: shown to the new device for confirmation. */
export interface LinkingAccount {
  readonly accountId: AccountId;
  readonly seq: number;
  readonly head: LinkHash;
  readonly name: string;
  readonly origin: ServerOrigin;
}

interface Common {
  readonly account: LinkingAccount;
  readonly code: LinkCode;
  readonly expiresAtMs: number;
  /** Version of the last message in the slot that is ours or that we have read. */
  readonly version: number;
  /** Our last message was not taken: what is in its place has to be looked at. */
  readonly isDisturbed: boolean;
}

interface Met extends Common {
  readonly channel: LinkChannel;
  readonly device: DeviceRecord;
}

interface Adding extends Met {
  readonly proposals: number;
}

export type ExistingState =
  | (Common & { readonly stage: "showing"; readonly ephemeral: AgreementKeyPair; readonly nonce: Bytes })
  | (Met & { readonly stage: "answered"; readonly nonce: Bytes; readonly nonceCommit: Bytes })
  | (Met & { readonly stage: "asking-code"; readonly digits: string })
  | (Adding & { readonly stage: "proposing" })
  | (Adding & { readonly stage: "awaiting-reverse"; readonly body: Bytes })
  | (Adding & { readonly stage: "appending"; readonly body: Bytes })
  | { readonly stage: "ended"; readonly outcome: ExistingOutcome };

export type ExistingOutcome =
  | { readonly type: "Linked"; readonly device: DeviceRecord; readonly seq: number; readonly head: LinkHash }
  | LinkingError;

export type ExistingEvent = { readonly nowMs: number } & (
  | { readonly type: "received"; readonly version: number; readonly message: Bytes }
  /** Answer to a `put`. */
  | { readonly type: "put-conflict" }
  /** Answer to a `put` or a `watch`. */
  | { readonly type: "slot-gone" }
  /** `hasReauthenticated`: the person has just unlocked this device again. */
  | { readonly type: "code-typed"; readonly digits: string; readonly hasReauthenticated: boolean }
  /** Answers to `propose`. */
  | { readonly type: "proposed"; readonly body: Bytes }
  | { readonly type: "proposal-refused" }
  /** Answers to `append`. */
  | { readonly type: "appended"; readonly seq: number; readonly head: LinkHash }
  | { readonly type: "append-lost" }
  | { readonly type: "append-refused"; readonly reason: string }
  | { readonly type: "cancelled" }
  | { readonly type: "tick" }
);

export type ExistingEffect =
  | { readonly type: "put"; readonly expectedVersion: number; readonly message: Bytes }
  /** From now on report every value newer than this, until `ended`. */
  | { readonly type: "watch"; readonly afterVersion: number }
  /** Put once at whatever version is current, then forget the slot. */
  | { readonly type: "leave"; readonly afterVersion: number; readonly message: Bytes }
  | {
      readonly type: "show-code";
      readonly text: string;
      readonly typed: string;
      readonly expiresAtMs: number;
    }
  | { readonly type: "device-found"; readonly platform: string }
  | { readonly type: "ask-digits" }
  | { readonly type: "ask-reauthentication" }
  /** Not six digits; the one attempt is still there. */
  | { readonly type: "digits-incomplete" }
  /** Build the body of a `device-add` for this device on the current head. */
  | { readonly type: "propose"; readonly device: DeviceRecord }
  /** Sign `body`, join `reverse`, and append link and box in one act. */
  | {
      readonly type: "append";
      readonly body: Bytes;
      readonly device: DeviceRecord;
      readonly reverse: LinkSignature;
    }
  | { readonly type: "ended"; readonly outcome: ExistingOutcome };

export interface ExistingStep {
  readonly state: ExistingState;
  readonly effects: readonly ExistingEffect[];
}
