/**
 * One account as tests build it: real keys, real links, every secret at hand. Operations go through the builders, so
 * what they make is valid; `forge` signs anything at all.
 */
import type { Bytes } from "../../core/base/bytes.ts";
import type { DeviceId } from "../../core/base/ids.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { present } from "../../core/base/assert.ts";
import type { Result } from "../../core/base/result.ts";
import { encode } from "../../core/codec/shape.ts";
import { activeDevices, type ChainState, currentEpoch } from "../../core/sigchain/chain-state.ts";
import {
  createDeviceUpdate,
  createGenesis,
  createRecover,
  createRecoveryChange,
  createRevoke,
  createRotate,
  createService,
} from "../../core/sigchain/create/create-link.ts";
import { completeDeviceAdd, proposeDeviceAdd } from "../../core/sigchain/create/device-add.ts";
import { type BuiltLink, type LinkSigner, signBody } from "../../core/sigchain/create/sign-link.ts";
import { createAddedBox } from "../../core/sigchain/epoch/create-epoch.ts";
import { createCut, type CutOpening } from "../../core/sigchain/epoch/cut.ts";
import {
  accountLogId,
  accountRoot,
  type EpochSecret,
  requestLogId,
} from "../../core/sigchain/epoch/epoch-secret.ts";
import {
  createDeviceSeeds,
  type DeviceKeys,
  deviceKeysFromSeeds,
} from "../../core/sigchain/keys/device-keys.ts";
import {
  createRecoveryKey,
  type RecoveryKeys,
  recoveryKeysFrom,
} from "../../core/sigchain/keys/recovery-key.ts";
import { encodeLink, type LinkBody, linkBodyShape, type LinkPayload } from "../../core/sigchain/link.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";

export interface ChainWorld {
  readonly random: SeededRandom;
  readonly links: Bytes[];
  /** The chain after each link; `states[0]` is after the genesis. */
  readonly states: ChainState[];
  readonly keysById: Map<DeviceId, DeviceKeys>;
  recovery: RecoveryKeys;
  /** The recovery keys of the whole life. */
  readonly recoveries: RecoveryKeys[];
  readonly secrets: Map<number, EpochSecret>;
  readonly boxes: Map<number, Bytes>;
  readonly addedBoxes: Map<DeviceId, Bytes>;
  readonly cuts: Map<number, CutOpening>;
}

export const TEST_ORIGIN = "https://dove.example";
const TIME_MS = 1_800_000_000_000;

/** The value of a result that must be ok. */
export function must<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

/** The error of a result that must be none. */
export function refusal<T, E>(result: Result<T, E>): E {
  if (result.ok) throw new Error("accepted what must be refused");
  return result.error;
}

/** An account with its first device. */
export function createWorld(seed: string | number): ChainWorld {
  const random = createSeededRandom(seed);
  const device = newDevice(random);
  const recovery = newRecovery(random);
  const built = must(
    createGenesis(random, {
      device,
      recovery,
      timeMs: TIME_MS,
      service: (first) => ({ origin: TEST_ORIGIN, requestLogId: requestLogId(accountRoot(first.secret)) }),
    }),
  );
  const world: ChainWorld = {
    random,
    links: [],
    states: [],
    keysById: new Map([[device.id, device]]),
    recovery,
    recoveries: [recovery],
    secrets: new Map(),
    boxes: new Map(),
    addedBoxes: new Map(),
    cuts: new Map(),
  };
  take(world, built);
  return world;
}

export function newDevice(random: SeededRandom): DeviceKeys {
  return deviceKeysFromSeeds(createDeviceSeeds(random));
}

export function newRecovery(random: SeededRandom): RecoveryKeys {
  return recoveryKeysFrom(createRecoveryKey(random));
}

/** The chain as it stands. */
export function stateOf(world: ChainWorld): ChainState {
  return present(world.states.at(-1), "a world has a genesis");
}

/** Keys of the active devices, by ascending id. */
export function activeKeys(world: ChainWorld): readonly DeviceKeys[] {
  return activeDevices(stateOf(world)).map((device) => keysOf(world, device.id));
}

/** Keys of a device. */
export function keysOf(world: ChainWorld, id: DeviceId): DeviceKeys {
  return present(world.keysById.get(id), "the world made this device");
}

/** The first active device. */
export function firstKeys(world: ChainWorld): DeviceKeys {
  return present(activeKeys(world)[0], "an account has an active device");
}

/** The secret in force. */
export function currentSecret(world: ChainWorld): EpochSecret {
  return secretOf(world, currentEpoch(stateOf(world)).number);
}

export function secretOf(world: ChainWorld, number: number): EpochSecret {
  return present(world.secrets.get(number), "the world made this epoch");
}

export function boxesOf(world: ChainWorld, number: number): Bytes {
  return present(world.boxes.get(number), "the world made this epoch");
}

/** A cut at some place of the account log. */
export function someCut(world: ChainWorld, seq = 7): CutOpening {
  const logId = accountLogId(accountRoot(secretOf(world, 1).secret));
  return createCut(world.random, { logId, incarnation: 0, seq, chain: world.random.bytes(32) });
}

export function addDevice(world: ChainWorld, signer: DeviceKeys = firstKeys(world)): DeviceKeys {
  const device = newDevice(world.random);
  const state = stateOf(world);
  const plan = { state, timeMs: TIME_MS, signerId: signer.signerId, device: device.record, replaces: null };
  const proposed = must(proposeDeviceAdd(world.random, plan));
  const built = must(completeDeviceAdd(state, proposed, signer, signBody(proposed.body, device)));
  world.keysById.set(device.id, device);
  world.addedBoxes.set(
    device.id,
    createAddedBox(world.random, built.state, currentSecret(world), device.record),
  );
  take(world, built);
  return device;
}

export function replaceDevice(
  world: ChainWorld,
  gone: DeviceId,
  signer: DeviceKeys = firstKeys(world),
): DeviceKeys {
  const device = newDevice(world.random);
  const state = stateOf(world);
  const cut = someCut(world);
  const replaces = { deviceId: gone, cut, earlier: [currentSecret(world)] };
  const plan = { state, timeMs: TIME_MS, signerId: signer.signerId, device: device.record, replaces };
  const proposed = must(proposeDeviceAdd(world.random, plan));
  const built = must(completeDeviceAdd(state, proposed, signer, signBody(proposed.body, device)));
  world.keysById.set(device.id, device);
  world.cuts.set(built.state.seq, cut);
  take(world, built);
  return device;
}

export function revokeDevices(
  world: ChainWorld,
  deviceIds: readonly DeviceId[],
  signer: DeviceKeys = firstKeys(world),
  cut: CutOpening = someCut(world),
): void {
  const built = must(createRevoke(world.random, context(world), signer, { deviceIds, cut }));
  world.cuts.set(built.state.seq, cut);
  take(world, built);
}

export function rotate(world: ChainWorld, signer: DeviceKeys = firstKeys(world)): void {
  take(world, must(createRotate(world.random, context(world), signer)));
}

export function updateKemKey(world: ChainWorld, device: DeviceKeys = firstKeys(world)): DeviceKeys {
  const { kem, record } = newDevice(world.random);
  const updated: DeviceKeys = { ...device, kem, record: { ...device.record, kemKey: record.kemKey } };
  take(world, must(createDeviceUpdate(context(world), device, record.kemKey)));
  world.keysById.set(device.id, updated);
  return updated;
}

export function changeRecovery(world: ChainWorld): RecoveryKeys {
  const next = newRecovery(world.random);
  take(world, must(createRecoveryChange(world.random, context(world), world.recovery, next)));
  world.recovery = next;
  world.recoveries.push(next);
  return next;
}

export function recover(
  world: ChainWorld,
  survivorIds: readonly DeviceId[],
  device: DeviceKeys = newDevice(world.random),
): DeviceKeys {
  const cut = someCut(world);
  const plan = { device, survivorIds, cut };
  const built = must(createRecover(world.random, context(world), world.recovery, plan));
  world.keysById.set(device.id, device);
  world.cuts.set(built.state.seq, cut);
  take(world, built);
  return device;
}

export function moveHome(world: ChainWorld, origin: string, signer: DeviceKeys = firstKeys(world)): void {
  const logId = idFromBytes("log", world.random.bytes(32));
  take(world, must(createService(context(world), signer, { origin, requestLogId: logId })));
}

/** One valid operation, drawn by the world's own random. */
export function randomOperation(world: ChainWorld, activeMax = 5): void {
  const { random } = world;
  const active = activeKeys(world);
  const pick = (): DeviceKeys => present(active[random.below(active.length)], "an index in range");
  switch (random.below(9)) {
    case 0:
    case 1:
      if (active.length < activeMax) addDevice(world, pick());
      else rotate(world, pick());
      return;
    case 2:
      if (active.length > 1) revokeDevices(world, [pick().id], pick());
      else addDevice(world);
      return;
    case 3:
      replaceDevice(world, pick().id, pick());
      return;
    case 4:
      rotate(world, pick());
      return;
    case 5:
      updateKemKey(world, pick());
      return;
    case 6:
      changeRecovery(world);
      return;
    case 7: {
      const survivors = active.filter(() => random.chance(50)).map((device) => device.id);
      const stays = survivors[0];
      if (stays !== undefined && random.chance(50)) recover(world, survivors, keysOf(world, stays));
      else recover(world, survivors);
      return;
    }
    default:
      moveHome(world, `https://home-${random.below(1000)}.example`, pick());
  }
}

/** A world after `operations` random ones. */
export function randomWorld(seed: string | number, operations: number): ChainWorld {
  const world = createWorld(seed);
  for (let i = 0; i < operations; i++) randomOperation(world);
  return world;
}

/** A chain with a link of every type, nine links long. */
export function worldOfEveryType(seed: string | number): ChainWorld {
  const world = createWorld(seed);
  const second = addDevice(world);
  const third = addDevice(world, second);
  rotate(world, second);
  revokeDevices(world, [third.id], second);
  updateKemKey(world, second);
  changeRecovery(world);
  moveHome(world, "https://other.example:8443", second);
  replaceDevice(world, second.id);
  recover(world, []);
  return world;
}

/** A body that follows the world's chain, unless `fields` say otherwise. */
export function bodyAfter(
  world: ChainWorld,
  payload: LinkPayload,
  signer: LinkSigner,
  fields: Partial<LinkBody> = {},
): Bytes {
  const state = stateOf(world);
  return encode(linkBodyShape, {
    accountId: state.accountId,
    seq: state.seq + 1,
    prevHash: state.head,
    timeMs: TIME_MS,
    payload,
    signerId: signer.signerId,
    ...fields,
  });
}

/** Any body with the signatures of any signers: what a hostile device can make. */
export function forge(body: Bytes, ...signers: readonly LinkSigner[]): Bytes {
  return encodeLink(
    body,
    signers.map((signer) => signBody(body, signer)),
  );
}

/** Where a builder starts. */
export function context(world: ChainWorld): {
  readonly state: ChainState;
  readonly timeMs: number;
  readonly earlier: readonly EpochSecret[];
} {
  return { state: stateOf(world), timeMs: TIME_MS, earlier: [currentSecret(world)] };
}

function take(world: ChainWorld, built: BuiltLink): void {
  world.links.push(built.link);
  world.states.push(built.state);
  if (built.epoch === null) return;
  world.secrets.set(built.epoch.secret.number, built.epoch.secret);
  world.boxes.set(built.epoch.secret.number, built.epoch.boxes);
}
