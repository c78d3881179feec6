/**
 * What a verified chain says: devices, epochs, recovery key, home. Made by `reduceLink` only; immutable.
 *
 * Everything in the past stays in it, because entries, messages and rooms quote a seq and are judged by it.
 * Holds no secret: the server imports it.
 */
import type { Bytes } from "../base/bytes.ts";
import type { AccountId, DeviceId, LinkHash, LogId, SignerId } from "../base/ids.ts";
import { present } from "../base/assert.ts";
import type { ServerOrigin } from "../base/server-origin.ts";
import type { DeviceRecord, EpochRecord, RecoveryRecord } from "./link.ts";

/** How a device came to the account; devices that were `added` wait before they may add or revoke. */
export type DeviceArrival = "genesis" | "added" | "recovered";

/** A device that is or was on the chain. */
export interface ChainDevice extends DeviceRecord {
  readonly id: DeviceId;
  readonly arrival: DeviceArrival;
  /** Who signed it in: itself for the genesis device. */
  readonly addedBy: SignerId;
  readonly addedSeq: number;
  /** Since which link `kemKey` is the current one. */
  readonly kemKeySeq: number;
  /** Null while active. */
  readonly revokedSeq: number | null;
}

/** An epoch and the link that started it. */
export interface ChainEpoch extends EpochRecord {
  readonly seq: number;
}

/** A recovery key and the link that set it. */
export interface ChainRecovery extends RecoveryRecord {
  readonly id: SignerId;
  readonly seq: number;
}

/** Where the account's logs live, since which link. */
export interface ChainService {
  readonly origin: ServerOrigin;
  readonly requestLogId: LogId;
  readonly seq: number;
}

/** A revocation: whose entries are void after the head of the account log that `commitment` hides. */
export interface ChainCut {
  readonly seq: number;
  readonly epoch: number;
  readonly deviceIds: readonly DeviceId[];
  readonly commitment: Bytes;
}

/** A verified chain up to `seq`. */
export interface ChainState {
  readonly accountId: AccountId;
  readonly seq: number;
  /** Hash of the last link. */
  readonly head: LinkHash;
  /** Hash of every link; that of `seq` stands at `seq - 1`. */
  readonly hashes: readonly LinkHash[];
  readonly devicesById: ReadonlyMap<DeviceId, ChainDevice>;
  /** Every epoch; number `e` stands at `e - 1`. */
  readonly epochs: readonly ChainEpoch[];
  /** Every recovery key, the current one last. */
  readonly recoveries: readonly ChainRecovery[];
  /** Null until a link names a home. */
  readonly service: ChainService | null;
  readonly cuts: readonly ChainCut[];
  /** Seqs of all `recover` links. */
  readonly recoverSeqs: readonly number[];
  /** Ids of every public key the chain has named, for whatever use. */
  readonly usedKeyIds: ReadonlySet<string>;
}

/** A place of a chain as others quote or pin it. */
export interface ChainPin {
  readonly accountId: AccountId;
  readonly seq: number;
  readonly head: LinkHash;
}

/** What to pin of a chain. */
export function pinOf(state: ChainState): ChainPin {
  return { accountId: state.accountId, seq: state.seq, head: state.head };
}

/** The epoch to seal under. */
export function currentEpoch(state: ChainState): ChainEpoch {
  return present(state.epochs.at(-1), "a chain has an epoch");
}

/** The recovery key in force. */
export function currentRecovery(state: ChainState): ChainRecovery {
  return present(state.recoveries.at(-1), "a chain has a recovery key");
}

/** Devices that are active now, by ascending id. */
export function activeDevices(state: ChainState): readonly ChainDevice[] {
  return activeDevicesAt(state, state.seq);
}

/** Says whether there is such a device and it is active now. */
export function isActive(state: ChainState, deviceId: DeviceId): boolean {
  return state.devicesById.get(deviceId)?.revokedSeq === null;
}

/** Devices that were active once link `seq` had been applied, by ascending id (SC34). */
export function activeDevicesAt(state: ChainState, seq: number): readonly ChainDevice[] {
  const active = [...state.devicesById.values()].filter((device) => isActiveAt(device, seq));
  return active.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Says whether `device` was active once link `seq` had been applied. */
export function isActiveAt(device: ChainDevice, seq: number): boolean {
  return device.addedSeq <= seq && (device.revokedSeq === null || device.revokedSeq > seq);
}

/** The recovery key in force once link `seq` had been applied. */
export function recoveryAt(state: ChainState, seq: number): ChainRecovery {
  const last = state.recoveries.findLast((recovery) => recovery.seq <= seq);
  return present(last, "a chain has a recovery key from its first link on");
}

/** Hash of the link at `seq`, or null beyond the end. */
export function hashAt(state: ChainState, seq: number): LinkHash | null {
  return state.hashes[seq - 1] ?? null;
}
