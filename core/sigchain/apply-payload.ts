/** What each type of link does to a chain whose signers have been checked. Rules SC21-SC33. Holds no secret. */
import type { Bytes } from "../base/bytes.ts";
import { equalBytes } from "../base/bytes.ts";
import { unreachable } from "../base/assert.ts";
import type { DeviceId } from "../base/ids.ts";
import { ACTIVE_DEVICES_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { parseServerOrigin } from "../base/server-origin.ts";
import { activeDevices, type ChainDevice, type ChainState, type DeviceArrival } from "./chain-state.ts";
import {
  type DeviceRecord,
  deviceIdOf,
  type EpochRecord,
  type LinkBody,
  type LinkPayload,
  type RecoveryRecord,
  recoveryIdOf,
  type ServiceRecord,
} from "./link.ts";
import type { RuleError } from "./link-error.ts";

type Applied = Result<ChainState, RuleError>;

/** Applies the payload of `body`; seq, head, hashes and used keys are the reducer's. */
export function applyPayload(state: ChainState, body: LinkBody): Applied {
  const { payload, seq } = body;
  switch (payload.type) {
    case "genesis":
      return applyGenesis(state, body, payload);
    case "device-add":
      return applyDeviceAdd(state, body, payload);
    case "revoke":
      return chain(
        revoke(state, seq, payload.deviceIds, payload.cut, payload.epoch.number),
        (next) => (activeCount(next) === 0 ? err({ type: "LastDevice", seq }) : ok(next)), // SC25
        (next) => startEpoch(next, seq, payload.epoch),
      );
    case "rotate":
      return startEpoch(state, seq, payload.epoch);
    case "device-update":
      return updateKemKey(state, body, payload.kemKey);
    case "recovery-change":
      return startEpoch(setRecovery(state, seq, payload.recovery), seq, payload.epoch); // SC29
    case "recover":
      return applyRecover(state, body, payload);
    case "service":
      return setService(state, seq, payload.service);
    default:
      return unreachable(payload);
  }
}

function applyGenesis(
  state: ChainState,
  body: LinkBody,
  payload: LinkPayload & { type: "genesis" },
): Applied {
  const { seq } = body;
  return chain(
    addDevice(state, body, payload.device, "genesis"),
    (next) => startEpoch(setRecovery(next, seq, payload.recovery), seq, payload.epoch),
    (next) => (payload.service === null ? ok(next) : setService(next, seq, payload.service)),
  );
}

/** With `replaces` it is also a revoke, with cut and epoch (SC24). */
function applyDeviceAdd(
  state: ChainState,
  body: LinkBody,
  payload: LinkPayload & { type: "device-add" },
): Applied {
  const { replaces } = payload;
  if (replaces === null) return chain(addDevice(state, body, payload.device, "added"), checkCount(body.seq));
  return chain(
    revoke(state, body.seq, [replaces.deviceId], replaces.cut, replaces.epoch.number),
    (next) => addDevice(next, body, payload.device, "added"),
    checkCount(body.seq),
    (next) => startEpoch(next, body.seq, replaces.epoch),
  );
}

/** Every active device that is not listed is revoked; none comes back (SC30-SC32). */
function applyRecover(
  state: ChainState,
  body: LinkBody,
  payload: LinkPayload & { type: "recover" },
): Applied {
  const { seq } = body;
  const { survivorIds, recoveringId, device, epoch, cut } = payload;
  const survivors = checkListed(state, seq, survivorIds);
  if (!survivors.ok) return survivors;
  const newId = device === null ? null : deviceIdOf(device.signKey);
  // SC31
  if (newId === null ? !survivorIds.includes(recoveringId) : newId !== recoveringId) {
    return err({ type: "RecoveringDeviceNotListed", seq, deviceId: recoveringId });
  }
  const gone = activeDevices(state)
    .map((active) => active.id)
    .filter((deviceId) => !survivorIds.includes(deviceId));
  return chain(
    revoke({ ...state, recoverSeqs: [...state.recoverSeqs, seq] }, seq, gone, cut, epoch.number),
    (next) => (device === null ? ok(next) : addDevice(next, body, device, "recovered")),
    checkCount(seq),
    (next) => startEpoch(next, seq, epoch),
  );
}

function addDevice(state: ChainState, body: LinkBody, device: DeviceRecord, arrival: DeviceArrival): Applied {
  const deviceId = deviceIdOf(device.signKey);
  const { seq } = body;
  // SC21: also of a revoked device, so no key comes back.
  if (state.devicesById.has(deviceId)) return err({ type: "DuplicateDevice", seq, deviceId });
  return ok(
    withDevice(state, {
      ...device,
      id: deviceId,
      arrival,
      addedBy: body.signerId,
      addedSeq: seq,
      kemKeySeq: seq,
      revokedSeq: null,
    }),
  );
}

function revoke(
  state: ChainState,
  seq: number,
  deviceIds: readonly DeviceId[],
  commitment: Bytes,
  epoch: number,
): Applied {
  const listed = checkListed(state, seq, deviceIds);
  if (!listed.ok) return listed;
  let next = state;
  for (const device of listed.value) next = withDevice(next, { ...device, revokedSeq: seq });
  return ok({ ...next, cuts: [...state.cuts, { seq, epoch, deviceIds, commitment }] });
}

/** Devices that a link lists: strictly ascending, known, active (SC23). */
function checkListed(
  state: ChainState,
  seq: number,
  deviceIds: readonly DeviceId[],
): Result<readonly ChainDevice[], RuleError> {
  const listed: ChainDevice[] = [];
  for (const [index, deviceId] of deviceIds.entries()) {
    const previous = deviceIds[index - 1];
    if (previous !== undefined && previous >= deviceId) return err({ type: "UnsortedDevices", seq });
    const device = state.devicesById.get(deviceId);
    if (device === undefined) return err({ type: "UnknownDevice", seq, deviceId });
    if (device.revokedSeq !== null) return err({ type: "DeviceAlreadyRevoked", seq, deviceId });
    listed.push(device);
  }
  return ok(listed);
}

/** SC26, SC27. */
function startEpoch(state: ChainState, seq: number, epoch: EpochRecord): Applied {
  const expected = state.epochs.length + 1;
  if (epoch.number !== expected) return err({ type: "BadEpochNumber", seq, expected, found: epoch.number });
  if (state.epochs.some((earlier) => equalBytes(earlier.commit, epoch.commit))) {
    return err({ type: "EpochSecretReused", seq, epoch: epoch.number });
  }
  return ok({ ...state, epochs: [...state.epochs, { ...epoch, seq }] });
}

/** Only the device itself renews its key (SC28). */
function updateKemKey(state: ChainState, body: LinkBody, kemKey: Bytes): Applied {
  const { seq } = body;
  const deviceId = body.signerId as string as DeviceId;
  const device = state.devicesById.get(deviceId);
  if (device === undefined) return err({ type: "UnknownDevice", seq, deviceId });
  return ok(withDevice(state, { ...device, kemKey, kemKeySeq: seq }));
}

function setRecovery(state: ChainState, seq: number, recovery: RecoveryRecord): ChainState {
  const entry = { ...recovery, id: recoveryIdOf(recovery.signKey), seq };
  return { ...state, recoveries: [...state.recoveries, entry] };
}

function setService(state: ChainState, seq: number, service: ServiceRecord): Applied {
  const origin = parseServerOrigin(service.origin);
  if (!origin.ok) return err({ type: "MalformedOrigin", seq }); // SC33
  return ok({ ...state, service: { origin: origin.value, requestLogId: service.requestLogId, seq } });
}

/** SC22. */
function checkCount(seq: number): (state: ChainState) => Applied {
  return (state) => {
    const active = activeCount(state);
    if (active <= ACTIVE_DEVICES_MAX) return ok(state);
    return err({ type: "TooManyDevices", seq, active, activeMax: ACTIVE_DEVICES_MAX });
  };
}

function activeCount(state: ChainState): number {
  let count = 0;
  for (const device of state.devicesById.values()) if (device.revokedSeq === null) count++;
  return count;
}

function withDevice(state: ChainState, device: ChainDevice): ChainState {
  return { ...state, devicesById: new Map(state.devicesById).set(device.id, device) };
}

function chain(first: Applied, ...steps: readonly ((state: ChainState) => Applied)[]): Applied {
  let applied = first;
  for (const step of steps) {
    if (!applied.ok) return applied;
    applied = step(applied.value);
  }
  return applied;
}
