/**
 * `device-add`, made by two devices: the existing one proposes the body, the new one signs it in reverse, the existing
 * one signs and appends. So nobody can put a device on a chain against its will, nor itself.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DeviceId, SignerId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { ok, type Result } from "../../base/result.ts";
import { type ChainState, currentEpoch } from "../chain-state.ts";
import { createEpoch, type NewEpoch, recipientsOf } from "../epoch/create-epoch.ts";
import type { CutOpening } from "../epoch/cut.ts";
import type { EpochSecret } from "../epoch/epoch-secret.ts";
import { type DeviceRecord, deviceIdOf, deviceSigner, type LinkSignature } from "../link.ts";
import type { RuleError } from "../link-error.ts";
import { checkKeys, deviceKeys } from "../verify-link.ts";
import { present } from "../../base/assert.ts";
import { type Built, encodeBody, finishLink, type LinkSigner, signBody } from "./sign-link.ts";

/** A device that goes as the new one comes. */
export interface Replacement {
  readonly deviceId: DeviceId;
  readonly cut: CutOpening;
  readonly earlier: readonly EpochSecret[];
}

export interface DeviceAddPlan {
  readonly state: ChainState;
  readonly timeMs: number;
  readonly signerId: SignerId;
  readonly device: DeviceRecord;
  readonly replaces: Replacement | null;
}

/** A body that waits for the new device's signature. */
export interface ProposedDeviceAdd {
  readonly body: Bytes;
  /** Only where a device is replaced; to be discarded if the link is not appended. */
  readonly epoch: NewEpoch | null;
}

/** Proposes the body that adds `device`. - Fails: `WeakKey` for keys nobody may seal to. */
export function proposeDeviceAdd(random: Random, plan: DeviceAddPlan): Result<ProposedDeviceAdd, RuleError> {
  const { state, device, replaces } = plan;
  const strong = checkKeys(state.seq + 1, deviceKeys(device));
  if (!strong.ok) return strong;
  const epoch = replaces === null ? null : replacementEpoch(random, state, device, replaces);
  const body = encodeBody(state, plan.timeMs, plan.signerId, {
    type: "device-add",
    device,
    replaces:
      replaces === null || epoch === null
        ? null
        : {
            deviceId: replaces.deviceId,
            cut: present(epoch.cut, "a revocation has a cut"),
            epoch: epoch.record,
          },
  });
  return ok({ body, epoch });
}

/** Completes a proposal with both signatures. - Fails: any `LinkError` a receiver would find. */
export function completeDeviceAdd(
  state: ChainState,
  proposed: ProposedDeviceAdd,
  signer: LinkSigner,
  reverse: LinkSignature,
): Built {
  return finishLink(state, proposed.body, [signBody(proposed.body, signer), reverse], proposed.epoch);
}

function replacementEpoch(
  random: Random,
  state: ChainState,
  device: DeviceRecord,
  replaces: Replacement,
): NewEpoch {
  const added = { signerId: deviceSigner(deviceIdOf(device.signKey)), kemKey: device.kemKey };
  return createEpoch(random, {
    number: currentEpoch(state).number + 1,
    recipients: [...recipientsOf(state, new Set<string>([replaces.deviceId])), added],
    earlier: replaces.earlier,
    cut: replaces.cut,
  });
}
