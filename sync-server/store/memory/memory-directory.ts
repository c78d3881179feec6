/** `DirectoryStore` in memory: what the port means, without a medium. For tests and for trials. */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId, DeviceId, PreKeyId } from "@dovetail/core/base/ids.ts";
import { PREKEY_POOL_MAX } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { ClaimedKeyPackages, ClaimedPreKeys } from "@dovetail/core/protocol/directory.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { StoredBoxes } from "@dovetail/core/protocol/server-frame.ts";
import { ADDED_BOXES_PER_EPOCH_MAX } from "../../limits.ts";
import {
  type AccountRecord,
  type ChainStep,
  type DeviceRecord,
  type DirectoryStore,
  type NewPreKey,
  POOL_KINDS,
  type PreKeyKind,
  type StoredChainPage,
} from "../directory-store.ts";
import type { MemoryAdmission } from "./memory-invitations.ts";
import type { RegistrationAdmission } from "../operator-store.ts";
import type { StoreEvent } from "../log-store.ts";
import type { MemoryOwners } from "./memory-logs.ts";
import { type Refusal, refuse } from "../refusal.ts";

interface WaitingPreKey extends Omit<NewPreKey, "bytes"> {
  /** Null once it was given out. */
  bytes: Bytes | null;
}

/** An account and its chain, shown or put back. */
export interface MemoryAccount {
  head: ChainStep;
  handle: string | null;
  readonly links: Bytes[];
  readonly boxes: Map<number, { readonly boxes: Bytes; readonly added: Bytes[] }>;
  readonly devices: Map<DeviceId, DeviceRecord>;
  readonly preKeys: Map<DeviceId, Map<PreKeyId, WaitingPreKey>>;
}

type Bundle = ClaimedPreKeys["bundles"][number];

/** The accounts that are shown, to whom puts one back. */
export interface MemoryRegistry {
  find(accountId: AccountId): MemoryAccount | null;
  findFault(accountId: AccountId, handle: string | null): FailureCode | null;
  publish(account: MemoryAccount, handle: string | null): void;
}

/** Directory operations; `announce` hears of a revocation before the caller does. */
export function createMemoryDirectory(
  announce: (event: StoreEvent) => void,
  gate: MemoryAdmission,
): {
  readonly directory: DirectoryStore;
  readonly owners: MemoryOwners;
  readonly registry: MemoryRegistry;
} {
  const accountById = new Map<AccountId, MemoryAccount>();
  const accountByHandle = new Map<string, AccountId>();
  const owners: MemoryOwners = {
    count: () => accountById.size,
    epochOf: (accountId) => accountById.get(accountId)?.head.epoch ?? null,
    isActive: (accountId, deviceId) => accountById.get(accountId)?.devices.get(deviceId)?.isActive === true,
    devicesOf: (accountId) => accountById.get(accountId)?.devices ?? new Map(),
  };

  function register(
    genesis: ChainStep,
    handle: string | null,
    admission: RegistrationAdmission,
  ): Result<void, Refusal> {
    const there = accountById.get(genesis.accountId);
    if (there !== undefined) return there.handle === handle ? ok() : refuse("chain-conflict");
    const fault = findFault(genesis.accountId, handle) ?? gate.admit(admission);
    if (fault !== null) return refuse(fault);
    publish(newMemoryAccount(genesis), handle);
    return ok();
  }

  /** Why an account that is not there cannot be registered by this handle. */
  function findFault(accountId: AccountId, handle: string | null): FailureCode | null {
    if (gate.deletedAccounts.has(accountId)) return "account-deleted";
    const isTaken = handle !== null && (accountByHandle.has(handle) || gate.deletedHandles.has(handle));
    return isTaken ? "handle-taken" : null;
  }

  function publish(account: MemoryAccount, handle: string | null): void {
    const { accountId } = account.head;
    account.handle = handle;
    accountById.set(accountId, account);
    if (handle !== null) accountByHandle.set(handle, accountId);
  }

  function appendLink(step: ChainStep): Result<void, Refusal> {
    const account = accountById.get(step.accountId);
    const appended = appendToMemoryAccount(account, step);
    const { accountId, revokedDeviceIds: deviceIds } = step;
    if (appended.ok && appended.value && deviceIds.length > 0)
      announce({ type: "revoked", accountId, deviceIds });
    return appended.ok ? ok() : appended;
  }

  function deleteAccount(accountId: AccountId): Result<void, Refusal> {
    const account = accountById.get(accountId);
    if (account === undefined) return refuse("unknown-account");
    accountById.delete(accountId);
    gate.deletedAccounts.add(accountId);
    if (account.handle !== null) {
      accountByHandle.delete(account.handle);
      gate.deletedHandles.add(account.handle);
    }
    gate.forgetAccount(accountId);
    announce({ type: "deleted", deviceIds: [...account.devices.keys()] });
    return ok();
  }

  const directory: DirectoryStore = {
    deleteAccount: (accountId) => Promise.resolve(deleteAccount(accountId)),
    register: (genesis, handle, admission = { type: "open" }) =>
      Promise.resolve(register(genesis, handle, admission)),
    appendLink: (step) => Promise.resolve(appendLink(step)),
    findAccount: (accountId) => Promise.resolve(ok(recordOf(accountById.get(accountId)))),
    findDevice: (accountId, deviceId) =>
      Promise.resolve(ok(accountById.get(accountId)?.devices.get(deviceId) ?? null)),
    readChain: (accountId, after, linksMax, bytesMax) =>
      Promise.resolve(ok(chainPageOf(accountById.get(accountId), after, linksMax, bytesMax))),
    findHandle: (handle) => Promise.resolve(ok(accountByHandle.get(handle) ?? null)),
    readBoxes(accountId, epoch, bytesMax) {
      const all = [...(accountById.get(accountId)?.boxes ?? [])].filter(([number]) => number >= epoch);
      const boxes = all.map(
        ([number, stored]): StoredBoxes => ({ epoch: number, boxes: stored.boxes, added: [...stored.added] }),
      );
      const sizeOf = (stored: StoredBoxes): number =>
        stored.added.reduce((sum, box) => sum + box.length, stored.boxes.length);
      return Promise.resolve(ok(takeWithin(boxes, bytesMax, sizeOf)));
    },
    publishPreKeys(accountId, deviceId, preKeys, nowMs) {
      const account = accountById.get(accountId);
      if (account === undefined || !owners.isActive(accountId, deviceId))
        return Promise.resolve(refuse("revoked-device"));
      const there = account.preKeys.get(deviceId) ?? new Map<PreKeyId, WaitingPreKey>();
      account.preKeys.set(deviceId, there);
      return Promise.resolve(publishPreKeys(there, preKeys, nowMs));
    },
    countPreKeys(accountId, deviceId, nowMs) {
      const there = accountById.get(accountId)?.preKeys.get(deviceId) ?? new Map<PreKeyId, WaitingPreKey>();
      const count = (kind: PreKeyKind): number => waitingOf(there, kind, nowMs).length;
      return Promise.resolve(
        ok({
          oneTime: count("oneTime"),
          hasSigned: count("signed") > 0,
          hasLastResort: count("lastResort") > 0,
        }),
      );
    },
    claimPreKeys(accountId, deviceIds, nowMs) {
      const account = accountById.get(accountId);
      if (account === undefined) return Promise.resolve(refuse("unknown-account"));
      const wanted = new Set(deviceIds ?? account.devices.keys());
      const bundles = [...wanted].filter((deviceId) => owners.isActive(accountId, deviceId)).sort();
      const claimed = bundles.flatMap((deviceId) => claimOne(account, deviceId, nowMs));
      return Promise.resolve(claimed.length === 0 ? refuse("no-prekeys") : ok({ bundles: claimed }));
    },
    countKeyPackages(accountId, deviceId, nowMs) {
      const there = accountById.get(accountId)?.preKeys.get(deviceId) ?? new Map<PreKeyId, WaitingPreKey>();
      const count = (kind: PreKeyKind): number => waitingOf(there, kind, nowMs).length;
      return Promise.resolve(
        ok({ oneTime: count("keyPackage"), hasLastResort: count("lastKeyPackage") > 0 }),
      );
    },
    claimKeyPackages(accountId, deviceIds, nowMs) {
      const account = accountById.get(accountId);
      if (account === undefined) return Promise.resolve(refuse("unknown-account"));
      const wanted = new Set(deviceIds ?? account.devices.keys());
      const active = [...wanted].filter((deviceId) => owners.isActive(accountId, deviceId)).sort();
      const keyPackages = active.flatMap((deviceId) => claimKeyPackage(account, deviceId, nowMs));
      return Promise.resolve(keyPackages.length === 0 ? refuse("no-prekeys") : ok({ keyPackages }));
    },
  };
  const registry = { find: (accountId: AccountId) => accountById.get(accountId) ?? null, findFault, publish };
  return { directory, owners, registry };
}

/** An account of one link that nobody finds yet. */
export function newMemoryAccount(genesis: ChainStep): MemoryAccount {
  const account = {
    head: genesis,
    handle: null,
    links: [],
    boxes: new Map(),
    devices: new Map(),
    preKeys: new Map(),
  };
  applyStep(account, genesis);
  return account;
}

/** Appends to a chain; false when the link is there already. `mayAppend` has the last word. */
export function appendToMemoryAccount(
  account: MemoryAccount | undefined,
  step: ChainStep,
  mayAppend: () => FailureCode | null = () => null,
): Result<boolean, Refusal> {
  if (account === undefined) return refuse("unknown-account");
  const { head } = account;
  if (head.hash === step.hash) return ok(false);
  if (head.seq !== step.seq - 1 || head.hash !== step.previousHash) return refuse("chain-conflict");
  const added = account.boxes.get(step.epoch)?.added.length ?? 0;
  if (step.box !== null && added >= ADDED_BOXES_PER_EPOCH_MAX) return refuse("quota");
  const fault = mayAppend();
  if (fault !== null) return refuse(fault);
  applyStep(account, step);
  return ok(true);
}

function applyStep(account: MemoryAccount, step: ChainStep): void {
  account.head = step;
  account.links.push(step.link);
  for (const { deviceId, signKey } of step.addedDevices)
    account.devices.set(deviceId, { signKey, isActive: true, addedAtMs: step.nowMs });
  for (const deviceId of step.revokedDeviceIds) {
    const device = account.devices.get(deviceId);
    if (device !== undefined) account.devices.set(deviceId, { ...device, isActive: false });
    account.preKeys.delete(deviceId);
  }
  if (step.boxes !== null) account.boxes.set(step.epoch, { boxes: step.boxes, added: [] });
  if (step.box !== null) account.boxes.get(step.epoch)?.added.push(step.box);
}

/** What the port says of an account. */
export function recordOf(account: MemoryAccount | undefined): AccountRecord | null {
  if (account === undefined) return null;
  const { accountId, seq, hash, epoch, recoveryKey } = account.head;
  return { accountId, headSeq: seq, headHash: hash, epoch, recoveryKey };
}

/** A page of the chain of an account. */
export function chainPageOf(
  account: MemoryAccount | undefined,
  after: number,
  linksMax: number,
  bytesMax: number,
): StoredChainPage | null {
  if (account === undefined) return null;
  const links = takeWithin(account.links.slice(after, after + linksMax), bytesMax, (link) => link.length);
  return { links, headSeq: account.head.seq };
}

function publishPreKeys(
  there: Map<PreKeyId, WaitingPreKey>,
  preKeys: readonly NewPreKey[],
  nowMs: number,
): Result<void, Refusal> {
  for (const [id, { expiresAtMs }] of there) if (expiresAtMs <= nowMs) there.delete(id);
  const fresh = new Map(
    preKeys
      .filter(({ preKeyId, expiresAtMs }) => expiresAtMs > nowMs && !there.has(preKeyId))
      .map((preKey) => [preKey.preKeyId, preKey]),
  );
  for (const pool of POOL_KINDS) {
    const added = [...fresh.values()].filter(({ kind }) => kind === pool).length;
    if (added > 0 && waitingOf(there, pool, nowMs).length + added > PREKEY_POOL_MAX) return refuse("quota");
  }
  for (const [id, preKey] of fresh) {
    if (!POOL_KINDS.includes(preKey.kind))
      for (const old of waitingOf(there, preKey.kind, nowMs)) there.delete(old.preKeyId);
    there.set(id, { ...preKey });
  }
  return ok();
}

function waitingOf(
  there: ReadonlyMap<PreKeyId, WaitingPreKey>,
  kind: PreKeyKind,
  nowMs: number,
): readonly WaitingPreKey[] {
  return [...there.values()].filter(
    (preKey) => preKey.kind === kind && preKey.bytes !== null && preKey.expiresAtMs > nowMs,
  );
}

function claimOne(account: MemoryAccount, deviceId: DeviceId, nowMs: number): Bundle[] {
  const there = account.preKeys.get(deviceId) ?? new Map<PreKeyId, WaitingPreKey>();
  const [signed] = waitingOf(there, "signed", nowMs);
  const [oneTime] = waitingOf(there, "oneTime", nowMs);
  const [lastResort] = waitingOf(there, "lastResort", nowMs);
  if (signed === undefined || signed.bytes === null) return [];
  if (oneTime !== undefined) {
    const { bytes } = oneTime;
    oneTime.bytes = null;
    return [{ deviceId, signed: signed.bytes, oneTime: bytes, lastResort: null }];
  }
  if (lastResort === undefined) return [];
  return [{ deviceId, signed: signed.bytes, oneTime: null, lastResort: lastResort.bytes }];
}

function claimKeyPackage(
  account: MemoryAccount,
  deviceId: DeviceId,
  nowMs: number,
): ClaimedKeyPackages["keyPackages"] {
  const there = account.preKeys.get(deviceId) ?? new Map<PreKeyId, WaitingPreKey>();
  const [oneTime] = waitingOf(there, "keyPackage", nowMs);
  const [lastResort] = waitingOf(there, "lastKeyPackage", nowMs);
  const keyPackage = (oneTime ?? lastResort)?.bytes ?? null;
  if (oneTime !== undefined) oneTime.bytes = null;
  return keyPackage === null ? [] : [{ deviceId, keyPackage, isLastResort: oneTime === undefined }];
}

/** Items until their sizes pass `bytesMax`; at least one. */
function takeWithin<T>(items: readonly T[], bytesMax: number, sizeOf: (item: T) => number): readonly T[] {
  let bytes = 0;
  const end = items.findIndex((item, index) => {
    bytes += sizeOf(item);
    return bytes > bytesMax && index > 0;
  });
  return end === -1 ? items : items.slice(0, end);
}
