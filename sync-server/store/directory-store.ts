/**
 * Port: accounts, their chains, epoch boxes, handles and prekeys. Same promises as `LogStore`. Rules DI1-DI9.
 *
 * The caller has verified links and prekeys; the store keeps what follows from them beside the bytes, so that a
 * sign-in or an append needs no replay of a chain.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId, DeviceId, LinkHash, PreKeyId } from "@dovetail/core/base/ids.ts";
import type { Result } from "@dovetail/core/base/result.ts";
import type { ClaimedKeyPackages, ClaimedPreKeys } from "@dovetail/core/protocol/directory.ts";
import type { StoredBoxes } from "@dovetail/core/protocol/server-frame.ts";
import type { RegistrationAdmission } from "./operator-store.ts";
import type { Refusal } from "./refusal.ts";

/** A device a link adds. */
export interface NewDevice {
  readonly deviceId: DeviceId;
  readonly signKey: Bytes;
}

/** What one verified link changes. `previousHash` is null for a genesis. */
export interface ChainStep {
  readonly accountId: AccountId;
  readonly seq: number;
  readonly previousHash: LinkHash | null;
  readonly hash: LinkHash;
  readonly link: Bytes;
  /** The account's epoch after this link. */
  readonly epoch: number;
  readonly recoveryKey: Bytes;
  readonly addedDevices: readonly NewDevice[];
  readonly revokedDeviceIds: readonly DeviceId[];
  /** Present exactly when the link starts `epoch`. */
  readonly boxes: Bytes | null;
  /** One more box of `epoch`, for a device this link adds. */
  readonly box: Bytes | null;
  readonly nowMs: number;
}

export interface AccountRecord {
  readonly accountId: AccountId;
  readonly headSeq: number;
  readonly headHash: LinkHash;
  readonly epoch: number;
  readonly recoveryKey: Bytes;
}

export interface DeviceRecord {
  readonly signKey: Bytes;
  readonly isActive: boolean;
  /** When the link that added it arrived, by the server's clock. */
  readonly addedAtMs: number;
}

export interface StoredChainPage {
  readonly links: readonly Bytes[];
  readonly headSeq: number;
}

/** Prekeys of sessions, and key packages of groups with their own pool and last resort. */
export type PreKeyKind = "signed" | "oneTime" | "lastResort" | "keyPackage" | "lastKeyPackage";

/** Kinds of which many wait and each is given out once; of the others the newest stands until it is replaced. */
export const POOL_KINDS: readonly PreKeyKind[] = ["oneTime", "keyPackage"];

export interface NewPreKey {
  readonly kind: PreKeyKind;
  readonly preKeyId: PreKeyId;
  readonly bytes: Bytes;
  readonly expiresAtMs: number;
}

export interface PreKeyCounts {
  readonly oneTime: number;
  readonly hasSigned: boolean;
  readonly hasLastResort: boolean;
}

export type KeyPackageCounts = Pick<PreKeyCounts, "oneTime" | "hasLastResort">;

export interface DirectoryStore {
  /**
   * Adds an account, and spends its invitation in the same act. The same again is a success and spends nothing.
   *
   * - Fails: `handle-taken`, also for the handle of a deleted account; `chain-conflict` when the account is there with
   * another handle; `account-deleted`; `bad-invitation` for one that is unknown, spent, revoked or past its time.
   */
  register(
    genesis: ChainStep,
    handle: string | null,
    admission?: RegistrationAdmission,
  ): Promise<Result<void, Refusal>>;
  /**
   * Appends to a chain by compare-and-swap on its head and does all that follows from the link in the same act:
   * revoked devices lose their prekeys, and the event tells of them.
   *
   * - Fails: `unknown-account`; `chain-conflict`; `quota` for too many added boxes. The same link again is a success.
   */
  appendLink(step: ChainStep): Promise<Result<void, Refusal>>;
  /**
   * Deletes an account and everything kept for it: chain, devices, prekeys, logs, snapshots, blobs. As one act nobody
   * finds it any more; what is large is erased after that, and goes on after a restart. Its id and handle stay taken.
   *
   * - Fails: `unknown-account`.
   */
  deleteAccount(accountId: AccountId): Promise<Result<void, Refusal>>;
  findAccount(accountId: AccountId): Promise<Result<AccountRecord | null, Refusal>>;
  findDevice(accountId: AccountId, deviceId: DeviceId): Promise<Result<DeviceRecord | null, Refusal>>;
  /** Links after `after`, as many as fit `linksMax` and `bytesMax`, at least one. Null for an unknown account. */
  readChain(
    accountId: AccountId,
    after: number,
    linksMax: number,
    bytesMax: number,
  ): Promise<Result<StoredChainPage | null, Refusal>>;
  findHandle(handle: string): Promise<Result<AccountId | null, Refusal>>;
  /** Boxes from `epoch` on, as many epochs as fit `bytesMax`, at least one. */
  readBoxes(
    accountId: AccountId,
    epoch: number,
    bytesMax: number,
  ): Promise<Result<readonly StoredBoxes[], Refusal>>;
  /**
   * Adds prekeys. A signed or last-resort one replaces its predecessor; an id that was there before, given out or
   * not, changes nothing.
   *
   * - Fails: `revoked-device`; `quota` when more than `PREKEY_POOL_MAX` of a pool would wait.
   */
  publishPreKeys(
    accountId: AccountId,
    deviceId: DeviceId,
    preKeys: readonly NewPreKey[],
    nowMs: number,
  ): Promise<Result<void, Refusal>>;
  countPreKeys(
    accountId: AccountId,
    deviceId: DeviceId,
    nowMs: number,
  ): Promise<Result<PreKeyCounts, Refusal>>;
  /**
   * A bundle of each named active device that has a signed prekey, of all for null. A one-time prekey is given out
   * once, whoever asks at the same moment; without one the last-resort prekey stands in.
   *
   * - Fails: `unknown-account`; `no-prekeys` when no bundle is left.
   */
  claimPreKeys(
    accountId: AccountId,
    deviceIds: readonly DeviceId[] | null,
    nowMs: number,
  ): Promise<Result<ClaimedPreKeys, Refusal>>;
  countKeyPackages(
    accountId: AccountId,
    deviceId: DeviceId,
    nowMs: number,
  ): Promise<Result<KeyPackageCounts, Refusal>>;
  /**
   * One key package of each named active device that has any, of all for null; given out once as one-time prekeys are.
   *
   * - Fails: `unknown-account`; `no-prekeys` when there is none.
   */
  claimKeyPackages(
    accountId: AccountId,
    deviceIds: readonly DeviceId[] | null,
    nowMs: number,
  ): Promise<Result<ClaimedKeyPackages, Refusal>>;
}
