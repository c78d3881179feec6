/** The account, its devices and its servers, as a program shows them. */
import type { AccountId, DeviceId } from "../../base/ids.ts";
import type { DeviceKind } from "../../document/schema/settings.ts";
import type { DeviceArrival } from "../../sigchain/chain-state.ts";

export interface AccountView {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly origin: string;
  readonly handle: string | null;
  readonly displayName: string;
  readonly epoch: number;
  readonly chainSeq: number;
}

export interface DeviceView {
  readonly id: DeviceId;
  readonly name: string;
  /** As the device says of itself; null until it has. */
  readonly kind: DeviceKind | null;
  readonly isThis: boolean;
  readonly isActive: boolean;
  readonly addedSeq: number;
  readonly arrival: DeviceArrival;
  /** The device that linked it; null for the first one and for one that came by the recovery key. */
  readonly addedBy: DeviceId | null;
  /** As the clock of who signed it said; null while the link is not here. */
  readonly addedAtMs: number | null;
  /** Null while it is active. */
  readonly revokedAtMs: number | null;
}

/**
 * How far an own device has said it is, compared with this one. `equal`: it holds the same. `behind`: it has not said yet
 * that it has read `missingEntries` entries that this device has. `ahead`: it has read what is not here. `incomplete`: it
 * has read the same, and there or here something is still to be loaded, opened or sent. `differs`: it has read the same and
 * holds something else. `unheard`: it has never said anything.
 */
export type FrontierState = "equal" | "behind" | "ahead" | "incomplete" | "differs" | "unheard";

/** What an active own device has said of itself, signed by it. Times are by its own clock. */
export interface DeviceFrontier {
  readonly device: DeviceId;
  readonly name: string;
  readonly isThis: boolean;
  readonly state: FrontierState;
  /** Where in the account log it is; null for `unheard`. */
  readonly seq: number | null;
  /** Since when it is there with what it holds. */
  readonly reachedAtMs: number | null;
  /** When it last said so: at least daily while it is in use. */
  readonly toldAtMs: number | null;
  readonly missingEntries: number;
  readonly aheadEntries: number;
  /** Entries it could not open, documents it has not loaded, changes nobody but it has: what it said it lacked. */
  readonly unopenedEntries: number;
  readonly unloadedDocuments: number;
  readonly unsentChanges: number;
}

export interface FrontierReport {
  /** Where this device is in the account log. */
  readonly incarnation: number;
  readonly seq: number;
  /** When the server was last read to its end and asked what devices say; null when not since the program started. */
  readonly checkedAtMs: number | null;
  /** Every active device has said that it holds what this one holds. Nothing else may be called synced. */
  readonly isSynced: boolean;
  readonly devices: readonly DeviceFrontier[];
}

/** Another server, as it shows itself before an account moves there. */
export interface ServerView {
  /** The first of its addresses. */
  readonly origin: string;
  /** The account lives there already. */
  readonly isHome: boolean;
  /** It has the account, or had it: no invitation is asked for. */
  readonly knowsAccount: boolean;
  /** Where this is false, who is not known there needs an invitation. */
  readonly isRegistrationOpen: boolean;
}
