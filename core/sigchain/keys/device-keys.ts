/**
 * The private keys of one device: signing, agreement, hybrid KEM, MLS. They never leave it and are in no backup.
 *
 * Kept as four independent 32-byte seeds, so that a profile stores one short value and no key derives from another.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DeviceId, SignerId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { bytes, type ShapeOf, struct } from "../../codec/shape.ts";
import { type AgreementKeyPair, agreementKeyPairFromSecret } from "../../crypto/agreement.ts";
import { type SignKeyPair, signKeyPairFromSeed } from "../../crypto/sign.ts";
import { type KemKeyPair, kemKeyPairFromSeed } from "../../crypto/xwing.ts";
import { type DeviceRecord, deviceIdOf, deviceSigner } from "../link.ts";

const SEED_BYTES = 32;

/** What a profile stores, sealed. */
export const deviceSeedsShape = struct({
  sign: bytes(SEED_BYTES),
  agreement: bytes(SEED_BYTES),
  kem: bytes(SEED_BYTES),
  mls: bytes(SEED_BYTES),
});
export type DeviceSeeds = ShapeOf<typeof deviceSeedsShape>;

/** A device's key pairs and their public record. */
export interface DeviceKeys {
  readonly id: DeviceId;
  /** The same id as a signer of links. */
  readonly signerId: SignerId;
  readonly sign: SignKeyPair;
  readonly agreement: AgreementKeyPair;
  readonly kem: KemKeyPair;
  readonly mls: SignKeyPair;
  readonly record: DeviceRecord;
}

/** Fresh seeds for a new device. */
export function createDeviceSeeds(random: Random): DeviceSeeds {
  return {
    sign: random.bytes(SEED_BYTES),
    agreement: random.bytes(SEED_BYTES),
    kem: random.bytes(SEED_BYTES),
    mls: random.bytes(SEED_BYTES),
  };
}

/** Key pairs of stored seeds. - Secrets: the result holds copies of `seeds`. */
export function deviceKeysFromSeeds(seeds: DeviceSeeds): DeviceKeys {
  const sign = signKeyPairFromSeed(seeds.sign);
  const agreement = agreementKeyPairFromSecret(seeds.agreement);
  const kem = kemKeyPairFromSeed(seeds.kem);
  const mls = signKeyPairFromSeed(seeds.mls);
  const id = deviceIdOf(sign.publicKey);
  const record: DeviceRecord = {
    signKey: sign.publicKey,
    agreementKey: agreement.publicKey,
    kemKey: kem.publicKey,
    mlsKey: mls.publicKey,
  };
  return { id, signerId: deviceSigner(id), sign, agreement, kem, mls, record };
}

/** Seeds in which the X-Wing one is new, for a `device-update`; the old one still opens earlier boxes. */
export function withFreshKemSeed(random: Random, seeds: DeviceSeeds): DeviceSeeds {
  return { ...seeds, kem: random.bytes(SEED_BYTES) };
}

/** Whoever boxes are sealed to: a device or the recovery key. */
export interface BoxHolder {
  readonly signerId: SignerId;
  readonly kem: KemKeyPair;
}

/** Public half of `BoxHolder`. */
export interface BoxRecipient {
  readonly signerId: SignerId;
  readonly kemKey: Bytes;
}
