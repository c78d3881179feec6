/** What was found and has to be known, as a program shows it. */
import type { AccountId, ConversationId, DeviceId } from "../../base/ids.ts";
import type { Alarm } from "../client-error.ts";
import type { ContactView } from "./contact-view.ts";

/** An alarm as it is kept on this device. */
export interface AlarmView {
  /** For `acknowledgeAlarm`. */
  readonly id: string;
  readonly alarm: Alarm;
  /** How many it stands for: faults of one kind that nobody has read yet are one. `alarm` is the first, `latest` the last. */
  readonly count: number;
  readonly latest: Alarm;
  /** What was broken, of many faults the first few. */
  readonly rules: readonly string[];
  /** The last entries that were refused, as they stand in their log. */
  readonly seqs: readonly number[];
  /** Whom it is about, where it is about a contact. */
  readonly contact: ContactView | null;
  /** Of a `ChainsDisagree`: what devices of the contact see otherwise. */
  readonly disagreements: readonly ChainDisagreement[];
  readonly raisedAtMs: number;
  /** When it was last found. */
  readonly seenAtMs: number;
  /** When a person said to have read it. Nothing goes on because of that. */
  readonly acknowledgedAtMs: number | null;
  /** When it was over, where that can be known. */
  readonly resolvedAtMs: number | null;
}

/** The first device list two sides do not share: `own` is this account's, `theirs` the contact's. */
export interface ChainDisagreement {
  readonly device: DeviceId;
  readonly chain: "own" | "theirs";
  /** Up to which link their device has quoted it. */
  readonly seq: number;
}

/**
 * A device came to a contact's account. `linked`: a device that was known signed it; `recovered`: the recovery key did. The
 * safety number is that of the two accounts, so it is the same as before.
 */
export interface DeviceNoticeView {
  readonly id: string;
  readonly contact: AccountId;
  readonly conversationId: ConversationId;
  readonly device: DeviceId;
  readonly how: "linked" | "recovered";
  /** When this device heard of it. */
  readonly atMs: number;
  /** The safety number had been compared by then. */
  readonly wasVerified: boolean;
}
