/** Each rule of the reducer, broken on purpose by properly signed links, and held at its limit. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { present } from "../../../core/base/assert.ts";
import { ACTIVE_DEVICES_MAX } from "../../../core/base/limits.ts";
import { parseServerOrigin } from "../../../core/base/server-origin.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { activeDevices, activeDevicesAt, isActiveAt } from "../../../core/sigchain/chain-state.ts";
import type { LinkSigner } from "../../../core/sigchain/create/sign-link.ts";
import { createRecover } from "../../../core/sigchain/create/create-link.ts";
import type { DeviceKeys } from "../../../core/sigchain/keys/device-keys.ts";
import {
  deviceIdOf,
  type EpochRecord,
  encodeLink,
  type LinkPayload,
  parseLink,
  signedLinkShape,
} from "../../../core/sigchain/link.ts";
import { reduceLink } from "../../../core/sigchain/reduce-link.ts";
import {
  addDevice,
  bodyAfter,
  type ChainWorld,
  changeRecovery,
  context,
  createWorld,
  firstKeys,
  forge,
  keysOf,
  moveHome,
  must,
  newDevice,
  newRecovery,
  recover,
  refusal,
  replaceDevice,
  revokeDevices,
  rotate,
  someCut,
  stateOf,
  TEST_ORIGIN,
  updateKemKey,
  worldOfEveryType,
} from "../../support/chain-world.ts";
import { createEpoch } from "../../../core/sigchain/epoch/create-epoch.ts";

beforeAll(cryptoReady);

let world: ChainWorld;
let first: DeviceKeys;
beforeEach(() => {
  world = createWorld("reduce");
  first = firstKeys(world);
});

/** Type of the error that a forged link meets. */
function refused(payload: LinkPayload, ...signers: readonly [LinkSigner, ...LinkSigner[]]): string {
  return refusal(reduceLink(stateOf(world), forge(bodyAfter(world, payload, signers[0]), ...signers))).type;
}

/** An epoch record that could come next. */
function epochRecord(number = stateOf(world).epochs.length + 1): EpochRecord {
  const recipients = [{ signerId: first.signerId, kemKey: first.record.kemKey }];
  return createEpoch(world.random, { number, recipients, earlier: [], cut: null }).record;
}

function revoking(deviceIds: readonly DeviceKeys["id"][]): LinkPayload {
  return { type: "revoke", deviceIds, cut: new Uint8Array(32), epoch: epochRecord() };
}

function adding(device: DeviceKeys): LinkPayload {
  return { type: "device-add", device: device.record, replaces: null };
}

describe("where a link stands", () => {
  test("[SC6] a chain begins with a genesis and has only one", () => {
    const [genesis, add] = worldOfEveryType("two types").links;
    expect(refusal(reduceLink(null, present(add, "a second link"))).type).toBe("LinkMissing");
    const body = bodyAfter(world, { type: "rotate", epoch: epochRecord() }, first, {
      seq: 1,
      prevHash: null,
    });
    expect(refusal(reduceLink(null, forge(body, first))).type).toBe("NotAGenesis");
    expect(refusal(reduceLink(stateOf(world), present(genesis, "a genesis"))).type).toBe("SecondGenesis");
  });

  test("[SC7] seqs have no hole, no repetition and no other order", () => {
    rotate(world);
    rotate(world);
    const [, second, third] = world.links;
    const [afterGenesis] = world.states;
    const start = present(afterGenesis, "a state");
    expect(refusal(reduceLink(start, present(third, "a link")))).toEqual({
      type: "LinkMissing",
      seq: 2,
      found: 3,
    });
    const repeated = refusal(reduceLink(stateOf(world), present(second, "a link")));
    expect(repeated).toEqual({ type: "LinkRepeated", seq: 2 });
    const payload: LinkPayload = { type: "rotate", epoch: epochRecord(2) };
    const late = forge(bodyAfter(world, payload, first, { seq: 2, prevHash: start.head }), first);
    expect(refusal(reduceLink(stateOf(world), late))).toEqual({ type: "LinkOutOfOrder", seq: 4, found: 2 });
  });

  test("[SC8] a link names the hash of the one before it", () => {
    rotate(world);
    const payload: LinkPayload = { type: "rotate", epoch: epochRecord() };
    const [start] = world.states;
    const body = bodyAfter(world, payload, first, { prevHash: present(start, "a state").head });
    expect(refusal(reduceLink(stateOf(world), forge(body, first))).type).toBe("WrongPrev");
    const none = bodyAfter(world, payload, first, { prevHash: null });
    expect(refusal(reduceLink(stateOf(world), forge(none, first))).type).toBe("WrongPrev");
  });

  test("[SC9] a link names its account", () => {
    const other = stateOf(createWorld("somebody else"));
    const payload: LinkPayload = { type: "rotate", epoch: epochRecord() };
    const body = bodyAfter(world, payload, first, { accountId: other.accountId });
    expect(refusal(reduceLink(stateOf(world), forge(body, first))).type).toBe("WrongAccount");
  });
});

describe("who signs", () => {
  test("[SC10] authority is judged at the link's place: a revoked device cannot sign, a later one not yet", () => {
    const second = addDevice(world);
    const before = present(world.states[0], "a state");
    const early = bodyAfter(world, adding(newDevice(world.random)), second, {
      seq: 2,
      prevHash: before.head,
    });
    expect(refusal(reduceLink(before, forge(early, second))).type).toBe("UnknownSigner");
    revokeDevices(world, [second.id]);
    expect(refused({ type: "rotate", epoch: epochRecord() }, second)).toBe("RevokedSigner");
    expect(refused({ type: "rotate", epoch: epochRecord() }, newDevice(world.random))).toBe("UnknownSigner");
  });

  test("[SC11] a genesis is signed by its device and its recovery key", () => {
    const bytes = present(world.links[0], "a genesis");
    const { body, signatures } = must(decode(signedLinkShape, bytes));
    const device = present(signatures[0], "a signature");
    const recovery = present(signatures[1], "a signature");
    expect(refusal(reduceLink(null, encodeLink(body, [device]))).type).toBe("MissingRecoverySignature");
    expect(refusal(reduceLink(null, encodeLink(body, [recovery]))).type).toBe("UnexpectedSignature");
    const { payload } = must(parseLink(bytes)).body;
    const fields = { accountId: null, prevHash: null, seq: 1, signerId: world.recovery.signerId };
    const signedByRecovery = forge(bodyAfter(world, payload, first, fields), world.recovery, first);
    expect(refusal(reduceLink(null, signedByRecovery)).type).toBe("WrongSigner");
  });

  test("[SC12] a device is added by an active one and by itself", () => {
    const second = newDevice(world.random);
    expect(refused(adding(second), first)).toBe("MissingReverseSignature");
    expect(refused(adding(second), first, newDevice(world.random))).toBe("UnexpectedSignature");
    expect(refused(adding(second), second, second)).toBe("UnknownSigner");
    expect(refused(adding(second), world.recovery, second)).toBe("WrongSigner");
  });

  test("[SC13] rotate, revoke, device-update and service are signed by one active device, not by the recovery key", () => {
    const second = addDevice(world);
    const service = {
      origin: TEST_ORIGIN,
      requestLogId: present(stateOf(world).service, "a home").requestLogId,
    };
    const payloads: readonly LinkPayload[] = [
      { type: "rotate", epoch: epochRecord() },
      revoking([second.id]),
      { type: "device-update", kemKey: newDevice(world.random).record.kemKey },
      { type: "service", service },
    ];
    for (const payload of payloads) {
      expect(refused(payload, world.recovery)).toBe("WrongSigner");
      expect(refused(payload, newDevice(world.random))).toBe("UnknownSigner");
      const signed = forge(bodyAfter(world, payload, second), second);
      expect(reduceLink(stateOf(world), signed).ok).toBe(true);
    }
  });

  test("[SC14] a recovery key is replaced by the current and the new one together, never by a device", () => {
    const next = newRecovery(world.random);
    const payload: LinkPayload = { type: "recovery-change", recovery: next.record, epoch: epochRecord() };
    expect(refused(payload, first, next)).toBe("WrongSigner");
    expect(refused(payload, world.recovery)).toBe("MissingRecoverySignature");
    expect(refused(payload, world.recovery, first)).toBe("UnexpectedSignature");
    const old = world.recovery;
    changeRecovery(world);
    const again: LinkPayload = {
      type: "recovery-change",
      recovery: newRecovery(world.random).record,
      epoch: epochRecord(),
    };
    expect(refused(again, old, next)).toBe("WrongSigner");
  });

  test("[SC15] a recover is signed by the recovery key in force and by the device that recovers", () => {
    const device = newDevice(world.random);
    const payload: LinkPayload = {
      type: "recover",
      recoveringId: device.id,
      device: device.record,
      survivorIds: [],
      cut: new Uint8Array(32),
      epoch: epochRecord(),
    };
    expect(refused(payload, first, device)).toBe("WrongSigner");
    expect(refused(payload, world.recovery)).toBe("MissingReverseSignature");
    expect(refused(payload, world.recovery, first)).toBe("UnexpectedSignature");
    expect(refused({ ...payload, device: null }, world.recovery, device)).toBe("UnknownSigner");
    const old = world.recovery;
    changeRecovery(world);
    expect(refused({ ...payload, epoch: epochRecord() }, old, device)).toBe("WrongSigner");
    const gone = addDevice(world, first);
    revokeDevices(world, [gone.id], first);
    const byRevoked = { ...payload, recoveringId: gone.id, device: null, epoch: epochRecord() };
    expect(refused({ ...byRevoked, survivorIds: [gone.id] }, world.recovery, gone)).toBe("UnknownSigner");
  });

  test("[SC16] nobody else signs, and the order is fixed", () => {
    const rotation: LinkPayload = { type: "rotate", epoch: epochRecord() };
    expect(refused(rotation, first, world.recovery)).toBe("UnexpectedSignature");
    const second = newDevice(world.random);
    const body = bodyAfter(world, adding(second), first);
    expect(refusal(reduceLink(stateOf(world), forge(body, second, first))).type).toBe("UnexpectedSignature");
  });

  test("[SC17] a signature counts for these bytes and this purpose only", () => {
    const body = bodyAfter(world, { type: "rotate", epoch: epochRecord() }, first);
    const other = bodyAfter(world, { type: "rotate", epoch: epochRecord() }, first);
    const { signatures } = must(decode(signedLinkShape, forge(other, first)));
    expect(refusal(reduceLink(stateOf(world), encodeLink(body, signatures)))).toEqual({
      type: "BadSignature",
      seq: 2,
      signerId: first.signerId,
    });
  });

  test("[SC19] timeMs decides nothing", () => {
    for (const timeMs of [0, Number.MAX_SAFE_INTEGER]) {
      const body = bodyAfter(world, { type: "rotate", epoch: epochRecord() }, first, { timeMs });
      const next = must(reduceLink(stateOf(world), forge(body, first)));
      expect(next.epochs.length).toBe(2);
    }
  });
});

describe("keys", () => {
  /** Order 1, 2, 4, 8 points of Ed25519; the first is the identity. */
  const lowOrder = [
    `01${"00".repeat(31)}`,
    `ec${"ff".repeat(30)}7f`,
    "00".repeat(32),
    `${"00".repeat(31)}80`,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ].map((hex) => Uint8Array.from(hex.match(/../gu) ?? [], (byte) => Number.parseInt(byte, 16)));

  test("[SC18] keys of low order and malformed keys are refused, whatever their use", () => {
    const good = newDevice(world.random);
    const zeros = new Uint8Array(32);
    const kemOfLowOrder = good.record.kemKey.slice();
    kemOfLowOrder.fill(0, 1_184);
    const kemOverModulus = good.record.kemKey.slice();
    kemOverModulus.fill(0xff, 0, 3);
    const agreementTopBit = good.record.agreementKey.slice();
    agreementTopBit[31] = 0xff;
    const cases = [
      ...lowOrder.map((signKey) => ({ use: "sign", record: { ...good.record, signKey } })),
      ...lowOrder.map((mlsKey) => ({ use: "mls", record: { ...good.record, mlsKey } })),
      { use: "agreement", record: { ...good.record, agreementKey: zeros } },
      { use: "agreement", record: { ...good.record, agreementKey: agreementTopBit } },
      { use: "kem", record: { ...good.record, kemKey: kemOfLowOrder } },
      { use: "kem", record: { ...good.record, kemKey: kemOverModulus } },
    ];
    for (const { use, record } of cases) {
      const body = bodyAfter(world, { type: "device-add", device: record, replaces: null }, first);
      expect(refusal(reduceLink(stateOf(world), forge(body, first, good)))).toEqual({
        type: "WeakKey",
        seq: 2,
        use,
      });
    }
    const next = newRecovery(world.random);
    const weak = present(lowOrder[4], "a point");
    const bad: readonly LinkPayload[] = [
      { type: "recovery-change", recovery: { ...next.record, signKey: weak }, epoch: epochRecord() },
      { type: "recovery-change", recovery: { ...next.record, kemKey: kemOfLowOrder }, epoch: epochRecord() },
      { type: "rotate", epoch: { ...epochRecord(), requestKey: kemOfLowOrder } },
    ];
    for (const payload of bad) expect(refused(payload, world.recovery, next)).toBe("WeakKey");
  });

  test("[SC20] no public key occurs twice, in whatever use", () => {
    const second = newDevice(world.random);
    const uses: readonly [string, DeviceKeys["record"]][] = [
      ["agreement", { ...second.record, agreementKey: first.record.agreementKey }],
      ["kem", { ...second.record, kemKey: world.recovery.record.kemKey }],
      ["mls", { ...second.record, mlsKey: second.record.signKey }],
    ];
    for (const [use, record] of uses) {
      const body = bodyAfter(world, { type: "device-add", device: record, replaces: null }, first);
      expect(refusal(reduceLink(stateOf(world), forge(body, first, second)))).toEqual({
        type: "KeyReused",
        seq: 2,
        use,
      });
    }
    const old = first.record.kemKey;
    updateKemKey(world, first);
    expect(refused({ type: "device-update", kemKey: old }, first)).toBe("KeyReused");
    const { requestKey } = present(stateOf(world).epochs[0], "an epoch");
    expect(refused({ type: "rotate", epoch: { ...epochRecord(), requestKey } }, first)).toBe("KeyReused");
  });
});

describe("devices", () => {
  test("[SC21] a device comes once, and a revoked one never again", () => {
    expect(refused(adding(first), first, first)).toBe("DuplicateDevice");
    const second = addDevice(world);
    revokeDevices(world, [second.id]);
    expect(refused(adding(second), first, second)).toBe("DuplicateDevice");
  });

  test("[SC22] at most ACTIVE_DEVICES_MAX devices are active, and revoked ones do not count", () => {
    while (activeDevices(stateOf(world)).length < ACTIVE_DEVICES_MAX) addDevice(world, first);
    const extra = newDevice(world.random);
    const tooMany = bodyAfter(world, adding(extra), first);
    expect(refusal(reduceLink(stateOf(world), forge(tooMany, first, extra)))).toEqual({
      type: "TooManyDevices",
      seq: ACTIVE_DEVICES_MAX + 1,
      active: ACTIVE_DEVICES_MAX + 1,
      activeMax: ACTIVE_DEVICES_MAX,
    });
    const all = activeDevices(stateOf(world)).map((device) => device.id);
    const plan = { device: extra, survivorIds: all, cut: someCut(world) };
    expect(refusal(createRecover(world.random, context(world), world.recovery, plan)).type).toBe(
      "TooManyDevices",
    );
    const gone = present(
      all.find((deviceId) => deviceId !== first.id),
      "another device",
    );
    replaceDevice(world, gone, first);
    expect(activeDevices(stateOf(world)).length).toBe(ACTIVE_DEVICES_MAX);
    expect(stateOf(world).devicesById.size).toBe(ACTIVE_DEVICES_MAX + 1);
  });

  test("[SC23] a list of devices is ascending, known and active", () => {
    const second = addDevice(world);
    const third = addDevice(world);
    const ids = [second.id, third.id].sort();
    const unknown = deviceIdOf(newDevice(world.random).record.signKey);
    expect(refused(revoking([...ids].reverse()), first)).toBe("UnsortedDevices");
    expect(refused(revoking([second.id, second.id]), first)).toBe("UnsortedDevices");
    expect(refused(revoking([unknown]), first)).toBe("UnknownDevice");
    revokeDevices(world, [second.id], first);
    expect(refused(revoking([second.id]), first)).toBe("DeviceAlreadyRevoked");
  });

  test("[SC24] a device-add that replaces is a revoke with cut and epoch as well", () => {
    const second = addDevice(world);
    const third = replaceDevice(world, second.id, first);
    const state = stateOf(world);
    expect(state.devicesById.get(second.id)?.revokedSeq).toBe(state.seq);
    expect(state.devicesById.get(third.id)?.addedSeq).toBe(state.seq);
    expect(state.epochs.at(-1)).toMatchObject({ number: 2, seq: state.seq });
    expect(state.cuts).toMatchObject([{ seq: state.seq, epoch: 2, deviceIds: [second.id] }]);
    // A device may be replaced by its own signature: the last one too, for another comes.
    replaceDevice(world, third.id, third);
    replaceDevice(world, first.id, first);
  });

  test("[SC25] the last device cannot be revoked", () => {
    expect(refused(revoking([first.id]), first)).toBe("LastDevice");
    const second = addDevice(world);
    expect(refused(revoking([first.id, second.id].sort()), first)).toBe("LastDevice");
    revokeDevices(world, [first.id], first);
    expect(activeDevices(stateOf(world)).map((device) => device.id)).toEqual([second.id]);
  });

  test("[SC28] a device renews its own X-Wing key and nobody else's", () => {
    const second = addDevice(world);
    const updated = updateKemKey(world, second);
    const device = present(stateOf(world).devicesById.get(second.id), "the device");
    expect(device.kemKey).toEqual(updated.record.kemKey);
    expect(device.kemKeySeq).toBe(stateOf(world).seq);
    expect(stateOf(world).devicesById.get(first.id)?.kemKeySeq).toBe(1);
  });
});

describe("epochs, recovery, home", () => {
  test("[SC26] epoch numbers follow each other from 1", () => {
    expect(refused({ type: "rotate", epoch: epochRecord(1) }, first)).toBe("BadEpochNumber");
    expect(refused({ type: "rotate", epoch: epochRecord(3) }, first)).toBe("BadEpochNumber");
    rotate(world);
    expect(stateOf(world).epochs.map((epoch) => epoch.number)).toEqual([1, 2]);
  });

  test("[SC27] an epoch has a secret of its own", () => {
    const { commit } = present(stateOf(world).epochs[0], "an epoch");
    expect(refused({ type: "rotate", epoch: { ...epochRecord(), commit } }, first)).toBe("EpochSecretReused");
  });

  test("[SC29] a new recovery key starts an epoch and keeps every device", () => {
    const before = activeDevices(stateOf(world)).length;
    const next = changeRecovery(world);
    const state = stateOf(world);
    expect(state.recoveries.map((recovery) => recovery.id).at(-1)).toBe(next.signerId);
    expect(state.epochs.length).toBe(2);
    expect(activeDevices(state).length).toBe(before);
  });

  test("[SC30] after a recover only the devices it lists remain, and its cut holds for the others", () => {
    const second = addDevice(world);
    const third = addDevice(world);
    const fresh = recover(world, [second.id]);
    const state = stateOf(world);
    expect(activeDevices(state).map((device) => device.id)).toEqual([second.id, fresh.id].sort());
    expect(state.cuts.at(-1)?.deviceIds).toEqual([first.id, third.id].sort());
    expect(state.recoverSeqs).toEqual([state.seq]);
    expect(state.devicesById.get(fresh.id)?.arrival).toBe("recovered");
  });

  test("[SC31] the recovering device comes by the link or stays by it", () => {
    const second = addDevice(world);
    const payload: LinkPayload = {
      type: "recover",
      recoveringId: second.id,
      device: null,
      survivorIds: [first.id],
      cut: new Uint8Array(32),
      epoch: epochRecord(),
    };
    expect(refused(payload, world.recovery, second)).toBe("RecoveringDeviceNotListed");
    const other = newDevice(world.random);
    const twoNew = { ...payload, device: other.record, survivorIds: [second.id] };
    expect(refused(twoNew, world.recovery, second)).toBe("RecoveringDeviceNotListed");
    recover(world, [second.id], second);
    expect(activeDevices(stateOf(world)).map((device) => device.id)).toEqual([second.id]);
  });

  test("[SC32] a recover brings no revoked device back", () => {
    const second = addDevice(world);
    revokeDevices(world, [second.id], first);
    const payload: LinkPayload = {
      type: "recover",
      recoveringId: first.id,
      device: null,
      survivorIds: [first.id, second.id].sort(),
      cut: new Uint8Array(32),
      epoch: epochRecord(),
    };
    expect(refused(payload, world.recovery, first)).toBe("DeviceAlreadyRevoked");
    const asNew = { ...payload, recoveringId: second.id, device: second.record, survivorIds: [] };
    expect(refused(asNew, world.recovery, second)).toBe("DuplicateDevice");
  });

  test("[SC33] a home is a canonical origin", () => {
    const { requestLogId } = present(stateOf(world).service, "a home");
    for (const origin of ["https://Dove.example", "https://dove.example/", "dove.example", "ftp://a", ""]) {
      expect(refused({ type: "service", service: { origin, requestLogId } }, first)).toBe("MalformedOrigin");
    }
    moveHome(world, "http://localhost:8787");
    expect(stateOf(world).service?.origin).toBe(must(parseServerOrigin("http://localhost:8787")));
  });

  test("[SC34] the past stays: who was active at a seq, under which epoch", () => {
    const second = addDevice(world);
    rotate(world);
    revokeDevices(world, [second.id], first);
    const state = stateOf(world);
    const device = present(state.devicesById.get(second.id), "the device");
    expect([1, 2, 3, 4].map((seq) => isActiveAt(device, seq))).toEqual([false, true, true, false]);
    expect(activeDevicesAt(state, 2).length).toBe(2);
    expect(keysOf(world, second.id).record.signKey).toEqual(device.signKey);
  });

  test("a refused link leaves the state as it was", () => {
    const state = stateOf(world);
    const copy = encode(signedLinkShape, must(decode(signedLinkShape, present(world.links[0], "a link"))));
    expect(reduceLink(state, copy).ok).toBe(false);
    expect(refused(revoking([first.id]), first)).toBe("LastDevice");
    expect(state.devicesById.get(first.id)?.revokedSeq).toBe(null);
    expect(state.usedKeyIds.size).toBe(7);
  });
});
