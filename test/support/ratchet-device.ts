/** Devices with keys and prekeys, for tests and benchmarks of sessions. */
import { present } from "../../core/base/assert.ts";
import type { Bytes } from "../../core/base/bytes.ts";
import { type AccountId, type DeviceId, idFromBytes, type PreKeyId } from "../../core/base/ids.ts";
import type { Random } from "../../core/base/random.ts";
import type { Result } from "../../core/base/result.ts";
import { type AgreementKeyPair, agreementKeyPairFromSecret } from "../../core/crypto/agreement.ts";
import { type SignKeyPair, signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import {
  type PreKeyBundle,
  type PreKeyOwner,
  type VerifiedPreKeyBundle,
  verifyPreKeyBundle,
} from "../../core/protocol/prekey.ts";
import type { PeerDevice } from "../../core/ratchet/pqxdh.ts";
import {
  createPreKey,
  type LastResortPreKeyRecord,
  type OneTimePreKeyRecord,
  type PreKeyRecord,
  publishPreKey,
  type SignedPreKeyRecord,
} from "../../core/ratchet/prekey-record.ts";
import type { DevicePair } from "../../core/ratchet/session-set.ts";

export interface TestDevice {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly agreement: AgreementKeyPair;
  readonly sign: SignKeyPair;
  /** Private halves by id; a test deletes what is consumed. */
  readonly preKeys: Map<PreKeyId, PreKeyRecord>;
}

export interface StockedDevice extends TestDevice {
  readonly signed: SignedPreKeyRecord;
  readonly oneTime: OneTimePreKeyRecord;
  readonly lastResort: LastResortPreKeyRecord;
}

/** The value of a result that a test expects to be there. */
export function unwrap<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`expected a value, got ${JSON.stringify(result.error)}`);
  return result.value;
}

/** A device with one prekey of each kind, made at time 0. */
export function createTestDevice(random: Random): StockedDevice {
  const device = {
    accountId: idFromBytes("account", random.bytes(32)),
    deviceId: idFromBytes("device", random.bytes(16)),
    agreement: agreementKeyPairFromSecret(random.bytes(32)),
    sign: signKeyPairFromSeed(random.bytes(32)),
    preKeys: new Map<PreKeyId, PreKeyRecord>(),
  };
  return {
    ...device,
    signed: addPreKey(random, device, "signed"),
    oneTime: addPreKey(random, device, "oneTime"),
    lastResort: addPreKey(random, device, "lastResort"),
  };
}

/** Makes one more prekey of a device and keeps its private half there. */
export function addPreKey<K extends PreKeyRecord["type"]>(
  random: Random,
  device: TestDevice,
  kind: K,
): Extract<PreKeyRecord, { readonly type: K }> {
  const record = createPreKey(random, kind, { steadyMs: 0, likelyMs: 0 });
  device.preKeys.set(record.id, record);
  return record as Extract<PreKeyRecord, { readonly type: K }>;
}

/** The device as a chain names it. */
export function ownerOf(device: TestDevice): PreKeyOwner {
  return { accountId: device.accountId, deviceId: device.deviceId, signPk: device.sign.publicKey };
}

/** Public half of a device. */
export function peerOf(device: TestDevice): PeerDevice {
  return { accountId: device.accountId, deviceId: device.deviceId, agreementPk: device.agreement.publicKey };
}

/** The ends of a session as `self` sees them. */
export function pairOf(self: TestDevice, peer: TestDevice): DevicePair {
  return { self, peer: peerOf(peer) };
}

/** Bundle of a device's prekeys as the server hands it out: its one-time prekey while it is there. */
export function bundleOf(
  device: StockedDevice,
  kem: OneTimePreKeyRecord | LastResortPreKeyRecord = device.oneTime,
): PreKeyBundle {
  const published: Bytes = publishPreKey(kem, device);
  return {
    signed: publishPreKey(device.signed, device),
    oneTime: kem.type === "oneTime" ? published : null,
    lastResort: kem.type === "lastResort" ? published : null,
  };
}

/** The same, verified. */
export function verifiedBundleOf(
  device: StockedDevice,
  kem: OneTimePreKeyRecord | LastResortPreKeyRecord = device.oneTime,
): VerifiedPreKeyBundle {
  return unwrap(verifyPreKeyBundle(bundleOf(device, kem), ownerOf(device)));
}

/** The lookup a device gives to `decryptMessage`. */
export function finderOf(device: TestDevice): (id: PreKeyId) => PreKeyRecord | null {
  return (id) => device.preKeys.get(id) ?? null;
}

/** The item at `index`, which the test knows is there. */
export function at<T>(items: readonly T[], index: number): T {
  return present(items[index], `there is an item ${index}`);
}
