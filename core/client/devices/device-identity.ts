/**
 * This device within its account: what a profile stores, and the keys derived from it.
 */
import type { Bytes } from "../../base/bytes.ts";
import { type AccountId, type DeviceId, idBytes, type LogId } from "../../base/ids.ts";
import { HANDLE_CHARS_MAX } from "../../base/limits.ts";
import { id, nullable, type ShapeOf, struct, text } from "../../codec/shape.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type SignKeyPair, signKeyPairFromSeed } from "../../crypto/sign.ts";
import { SERVER_ORIGIN_CHARS_MAX } from "../../base/limits.ts";
import {
  type DeviceKeys,
  type DeviceSeeds,
  deviceKeysFromSeeds,
  deviceSeedsShape,
} from "../../sigchain/keys/device-keys.ts";

/** One device of one account on one home server. */
export const profileShape = struct({
  accountId: id("account"),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  handle: nullable(text(HANDLE_CHARS_MAX)),
  seeds: deviceSeedsShape,
});
export type Profile = ShapeOf<typeof profileShape>;

export interface DeviceIdentity {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly origin: string;
  readonly handle: string | null;
  readonly seeds: DeviceSeeds;
  readonly keys: DeviceKeys;
}

/** The identity a stored profile holds. */
export function deviceIdentity(profile: Profile): DeviceIdentity {
  const keys = deviceKeysFromSeeds(profile.seeds);
  return { ...profile, deviceId: keys.id, keys };
}

/** Key of this device's writer tag in one log; nobody can tell that two tags are of one device. */
export function writerKey(seeds: DeviceSeeds, logId: LogId): SignKeyPair {
  return signKeyPairFromSeed(deriveKey(seeds.sign, LABEL.writerTagSeed, idBytes(logId)));
}

/** Key pair of a log's append capability. */
export function capabilityKey(seed: Bytes): SignKeyPair {
  return signKeyPairFromSeed(seed);
}
