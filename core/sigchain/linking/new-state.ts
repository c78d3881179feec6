/** States, events and effects of the new device's side of linking; `step-new.ts` runs them. */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, DeviceId, LinkHash } from "../../base/ids.ts";
import type { ServerOrigin } from "../../base/server-origin.ts";
import type { ChainPin } from "../chain-state.ts";
import type { DeviceRecord } from "../link.ts";
import type { LinkChannel } from "./channel.ts";
import type { LinkingError } from "./linking-error.ts";

/** What the new device brings. */
export interface JoiningDevice {
  readonly record: DeviceRecord;
  /** Shown on the existing device, such as "Firefox on Linux". */
  readonly platform: string;
}

interface Common {
  readonly device: DeviceRecord;
  readonly channel: LinkChannel;
  readonly nonce: Bytes;
  readonly expiresAtMs: number;
  /** Version of the last message in the slot that is ours or that we have read. */
  readonly version: number;
  /** Our last message was not taken: what is in its place has to be looked at. */
  readonly isDisturbed: boolean;
}

interface Met extends Common {
  readonly account: ChainPin;
  readonly existingNonce: Bytes;
}

export type NewState =
  | (Common & { readonly stage: "joining" })
  | (Met & { readonly stage: "confirming" })
  | (Met & { readonly stage: "showing-digits" })
  /** `hasSigned`: an earlier proposal was signed and may yet be on the chain. */
  | (Met & { readonly stage: "signing"; readonly proposals: number; readonly hasSigned: boolean })
  | (Met & { readonly stage: "signed"; readonly proposals: number })
  | { readonly stage: "ended"; readonly outcome: NewOutcome };

export type NewOutcome =
  /** On the chain at `pin`, by the existing device's word; the chain is fetched and verified next. */
  { readonly type: "Linked"; readonly pin: ChainPin; readonly origin: ServerOrigin } | LinkingError;

export type NewEvent = { readonly nowMs: number } & (
  | { readonly type: "received"; readonly version: number; readonly message: Bytes }
  /** Answer to a `put`. */
  | { readonly type: "put-conflict" }
  /** Answer to a `put` or a `watch`. */
  | { readonly type: "slot-gone" }
  /** The person's answer to `ask-account`. */
  | { readonly type: "account-confirmed" }
  | { readonly type: "account-declined" }
  /** Answer to `sign`: Ed25519 over the body under the label of links. */
  | { readonly type: "signed"; readonly signature: Bytes }
  /** Answer to `watch-chain`: a verified chain of the account has this device. */
  | { readonly type: "on-chain"; readonly seq: number; readonly head: LinkHash }
  | { readonly type: "cancelled" }
  | { readonly type: "tick" }
);

export type NewEffect =
  | { readonly type: "put"; readonly expectedVersion: number; readonly message: Bytes }
  /** From now on report every value newer than this, until `ended`. */
  | { readonly type: "watch"; readonly afterVersion: number }
  /** Put once at whatever version is current, then forget the slot. */
  | { readonly type: "leave"; readonly afterVersion: number; readonly message: Bytes }
  | {
      readonly type: "ask-account";
      readonly name: string;
      readonly accountId: AccountId;
      readonly origin: ServerOrigin;
    }
  | { readonly type: "show-digits"; readonly digits: string }
  | { readonly type: "sign"; readonly body: Bytes }
  /** From now on the account's chain may already have this device, whether or not anybody tells. */
  | { readonly type: "watch-chain"; readonly accountId: AccountId; readonly deviceId: DeviceId }
  | { readonly type: "ended"; readonly outcome: NewOutcome };

export interface NewStep {
  readonly state: NewState;
  readonly effects: readonly NewEffect[];
}
