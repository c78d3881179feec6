/**
 * The X-Wing keys of this device: the one its chain names, and while it is being replaced the next one. Rules CA5, CA6.
 *
 * The next key is stored before a link names it, and takes over only when the chain does: an answer that is lost, or a
 * program that ends in between, leaves a device that opens its boxes all the same.
 */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { ok, type Result } from "../../base/result.ts";
import { wipe } from "../../crypto/secret.ts";
import { type KemKeyPair, kemKeyPairFromSeed } from "../../crypto/xwing.ts";
import { withFreshKemSeed } from "../../sigchain/keys/device-keys.ts";
import type { StoreError, TxStore } from "../../store/tx-store.ts";
import type { DeviceIdentity } from "../devices/device-identity.ts";
import type { Tables } from "../tables.ts";

export interface OwnKemKeys {
  /** Keys that boxes for this device may be sealed to. */
  all(): readonly KemKeyPair[];
  /** The public key to put on the chain next, stored. The same one until the chain has it. */
  next(random: Random): Promise<Result<Bytes, StoreError>>;
  /**
   * The chain names `kemKey` for this device, and every epoch that was sealed to an earlier key is open: the earlier one is
   * erased.
   */
  settle(kemKey: Bytes): Promise<Result<void, StoreError>>;
}

/** Loads what is stored. */
export async function loadOwnKemKeys(
  store: TxStore,
  tables: Tables,
  identity: DeviceIdentity,
): Promise<Result<OwnKemKeys, StoreError>> {
  const row = await tables.nextKem.get();
  if (!row.ok) return row;
  let seeds = identity.seeds;
  let current = identity.keys.kem;
  let nextSeed = row.value?.seed ?? null;
  let coming = nextSeed === null ? null : kemKeyPairFromSeed(nextSeed);

  async function next(random: Random): Promise<Result<Bytes, StoreError>> {
    if (coming !== null) return ok(coming.publicKey);
    const { kem: seed } = withFreshKemSeed(random, seeds);
    const stored = await store.batch([tables.nextKem.put([], { seed })]);
    if (!stored.ok) return stored;
    nextSeed = seed;
    coming = kemKeyPairFromSeed(seed);
    return ok(coming.publicKey);
  }

  async function settle(kemKey: Bytes): Promise<Result<void, StoreError>> {
    if (coming === null || nextSeed === null || !equalBytes(kemKey, coming.publicKey)) return ok();
    const { accountId, origin, handle } = identity;
    const changed = { ...seeds, kem: nextSeed };
    const stored = await store.batch([
      tables.profile.put([], { accountId, origin, handle, seeds: changed }),
      tables.nextKem.remove(),
    ]);
    if (!stored.ok) return stored;
    wipe(seeds.kem, current.secretKey); // CA6
    seeds = changed;
    current = coming;
    coming = null;
    nextSeed = null;
    return ok();
  }

  return ok({ all: () => (coming === null ? [current] : [coming, current]), next, settle });
}
