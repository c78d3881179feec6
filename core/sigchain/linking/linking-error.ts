/** How linking ends when it does not link. In each case nothing was linked, except where `LinkUnconfirmed` says so. */
import type { AccountId, DeviceId } from "../../base/ids.ts";
import { unreachable } from "../../base/assert.ts";
import type { AbortReason } from "./link-message.ts";

export type LinkingError =
  | { readonly type: "LinkCancelled"; readonly by: "us" | "them" }
  | { readonly type: "LinkExpired" }
  /** Another device has answered this code already. */
  | { readonly type: "LinkCodeUsed" }
  /** The digits typed are not those shown: misread, or somebody else is answering. */
  | { readonly type: "WrongCode" }
  /** The person at the new device said that this is not their account. */
  | { readonly type: "AccountDeclined" }
  /** What lies in the slot is not from the device that showed, or scanned, this code. */
  | { readonly type: "LinkTampered" }
  /** The other side gave up before it knew who answered. */
  | { readonly type: "LinkClosed" }
  /** The new device's keys may not be on a chain. */
  | { readonly type: "BadNewDevice" }
  /** What was to be signed in reverse is not this device joining that account. */
  | { readonly type: "WrongProposal" }
  | { readonly type: "BadReverseSignature" }
  /** The link could not be appended: refused, or the chain moved on too often. */
  | { readonly type: "LinkNotAppended"; readonly reason: string }
  /**
   * This device signed, and then nobody said whether the link was appended. The account's chain tells: this device is
   * on it or not.
   */
  | { readonly type: "LinkUnconfirmed"; readonly accountId: AccountId; readonly deviceId: DeviceId };

/** What the other side is told. */
export function abortReasonOf(error: LinkingError): AbortReason {
  switch (error.type) {
    case "LinkCancelled":
    case "LinkCodeUsed":
    case "LinkClosed":
      return "cancelled";
    case "LinkExpired":
    case "LinkUnconfirmed":
      return "expired";
    case "WrongCode":
      return "wrong-code";
    case "AccountDeclined":
      return "declined";
    case "LinkTampered":
      return "tampered";
    case "BadNewDevice":
      return "bad-device";
    case "WrongProposal":
    case "BadReverseSignature":
      return "bad-proposal";
    case "LinkNotAppended":
      return "not-appended";
    default:
      return unreachable(error);
  }
}

/** What the other side's reason means here. */
export function errorOfAbort(reason: AbortReason): LinkingError {
  switch (reason) {
    case "cancelled":
      return { type: "LinkCancelled", by: "them" };
    case "expired":
      return { type: "LinkExpired" };
    case "declined":
      return { type: "AccountDeclined" };
    case "wrong-code":
      return { type: "WrongCode" };
    case "tampered":
      return { type: "LinkTampered" };
    case "bad-device":
      return { type: "BadNewDevice" };
    case "bad-proposal":
      return { type: "WrongProposal" };
    case "not-appended":
      return { type: "LinkNotAppended", reason: "peer" };
    default:
      return unreachable(reason);
  }
}
