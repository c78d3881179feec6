/**
 * Builders of every type of link except `device-add`, which two devices make together (`device-add.ts`).
 *
 * They fail exactly where a receiver would refuse. The caller appends link and boxes in one act, by compare-and-swap on
 * the head; when that loses it discards the epoch and builds again on the new head.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DeviceId } from "../../base/ids.ts";
import { ACTIVE_DEVICES_MAX } from "../../base/limits.ts";
import type { Random } from "../../base/random.ts";
import { err } from "../../base/result.ts";
import { type ChainState, currentEpoch } from "../chain-state.ts";
import { createEpoch, type NewEpoch, recipientsOf } from "../epoch/create-epoch.ts";
import type { CutOpening } from "../epoch/cut.ts";
import type { EpochSecret } from "../epoch/epoch-secret.ts";
import type { DeviceKeys } from "../keys/device-keys.ts";
import type { RecoveryKeys } from "../keys/recovery-key.ts";
import { deviceSigner, type LinkPayload, type ServiceRecord } from "../link.ts";
import { present } from "../../base/assert.ts";
import {
  type Built,
  type BuiltEpoch,
  encodeBody,
  finishLink,
  type LinkSigner,
  signBody,
} from "./sign-link.ts";

/** What every builder after the genesis needs. */
export interface LinkContext {
  readonly state: ChainState;
  readonly timeMs: number;
}

/** What a builder that starts an epoch needs as well. */
export interface EpochContext extends LinkContext {
  /** Secrets the new epoch leads back to, normally just the current one. */
  readonly earlier: readonly EpochSecret[];
}

export interface GenesisPlan {
  readonly device: DeviceKeys;
  readonly recovery: RecoveryKeys;
  readonly timeMs: number;
  /** Where the logs live, given the first epoch's secret (log ids derive from it); null while there is no server. */
  readonly service: (first: EpochSecret) => ServiceRecord | null;
}

/** The first link: signed by the first device and the recovery key. */
export function createGenesis(random: Random, plan: GenesisPlan): BuiltEpoch {
  const { device, recovery } = plan;
  const epoch = createEpoch(random, {
    number: 1,
    recipients: [
      { signerId: device.signerId, kemKey: device.record.kemKey },
      { signerId: recovery.signerId, kemKey: recovery.record.kemKey },
    ],
    earlier: [],
    cut: null,
  });
  const body = encodeBody(null, plan.timeMs, device.signerId, {
    type: "genesis",
    device: device.record,
    recovery: recovery.record,
    epoch: epoch.record,
    service: plan.service(epoch.secret),
  });
  return finishLink(null, body, [signBody(body, device), signBody(body, recovery)], epoch);
}

/** Revokes devices and starts the epoch they cannot open. */
export function createRevoke(
  random: Random,
  context: EpochContext,
  signer: LinkSigner,
  plan: { readonly deviceIds: readonly DeviceId[]; readonly cut: CutOpening },
): BuiltEpoch {
  const { state } = context;
  const gone = new Set<string>(plan.deviceIds);
  const epoch = createEpoch(random, {
    number: nextNumber(state),
    recipients: recipientsOf(state, gone),
    earlier: context.earlier,
    cut: plan.cut,
  });
  return finishEpoch(context, [signer], epoch, {
    type: "revoke",
    deviceIds: [...plan.deviceIds].sort(),
    cut: cutOf(epoch),
    epoch: epoch.record,
  });
}

/** Starts a new epoch for the same devices. */
export function createRotate(random: Random, context: EpochContext, signer: LinkSigner): BuiltEpoch {
  const { state } = context;
  const epoch = createEpoch(random, {
    number: nextNumber(state),
    recipients: recipientsOf(state),
    earlier: context.earlier,
    cut: null,
  });
  return finishEpoch(context, [signer], epoch, { type: "rotate", epoch: epoch.record });
}

/** Gives this device a fresh X-Wing key. */
export function createDeviceUpdate(context: LinkContext, signer: LinkSigner, kemKey: Bytes): Built {
  const body = encodeBody(context.state, context.timeMs, signer.signerId, { type: "device-update", kemKey });
  return finishLink(context.state, body, [signBody(body, signer)], null);
}

/** Names the account's home server and request log. */
export function createService(context: LinkContext, signer: LinkSigner, service: ServiceRecord): Built {
  const body = encodeBody(context.state, context.timeMs, signer.signerId, { type: "service", service });
  return finishLink(context.state, body, [signBody(body, signer)], null);
}

/** Replaces the recovery key, and starts the epoch that the old one cannot open. */
export function createRecoveryChange(
  random: Random,
  context: EpochContext,
  current: RecoveryKeys,
  next: RecoveryKeys,
): BuiltEpoch {
  const { state } = context;
  const devices = recipientsOf(state, new Set()).filter(
    (recipient) => recipient.signerId !== current.signerId,
  );
  const epoch = createEpoch(random, {
    number: nextNumber(state),
    recipients: [...devices, { signerId: next.signerId, kemKey: next.record.kemKey }],
    earlier: context.earlier,
    cut: null,
  });
  return finishEpoch(context, [current, next], epoch, {
    type: "recovery-change",
    recovery: next.record,
    epoch: epoch.record,
  });
}

export interface RecoverPlan {
  /** The device that recovers: one that comes by this link, or an active one that stays. */
  readonly device: DeviceKeys;
  /** Active devices that stay; all others go. */
  readonly survivorIds: readonly DeviceId[];
  readonly cut: CutOpening;
}

/** Takes the account back with the recovery key: only the devices named remain. */
export function createRecover(
  random: Random,
  context: EpochContext,
  recovery: RecoveryKeys,
  plan: RecoverPlan,
): BuiltEpoch {
  const { state } = context;
  const { device } = plan;
  const survivors = new Set<string>(plan.survivorIds);
  const isNew = !state.devicesById.has(device.id);
  const active = plan.survivorIds.length + (isNew ? 1 : 0);
  if (active > ACTIVE_DEVICES_MAX) {
    return err({ type: "TooManyDevices", seq: state.seq + 1, active, activeMax: ACTIVE_DEVICES_MAX });
  }
  const staying = recipientsOf(state).filter(
    (recipient) => recipient.signerId === recovery.signerId || survivors.has(recipient.signerId),
  );
  const coming = isNew ? [{ signerId: deviceSigner(device.id), kemKey: device.record.kemKey }] : [];
  const epoch = createEpoch(random, {
    number: nextNumber(state),
    recipients: [...staying, ...coming],
    earlier: context.earlier,
    cut: plan.cut,
  });
  return finishEpoch(context, [recovery, device], epoch, {
    type: "recover",
    recoveringId: device.id,
    device: isNew ? device.record : null,
    survivorIds: [...plan.survivorIds].sort(),
    cut: cutOf(epoch),
    epoch: epoch.record,
  });
}

function finishEpoch(
  context: LinkContext,
  signers: readonly [LinkSigner, ...LinkSigner[]],
  epoch: NewEpoch,
  payload: LinkPayload,
): BuiltEpoch {
  const body = encodeBody(context.state, context.timeMs, signers[0].signerId, payload);
  return finishLink(
    context.state,
    body,
    signers.map((signer) => signBody(body, signer)),
    epoch,
  );
}

function nextNumber(state: ChainState): number {
  return currentEpoch(state).number + 1;
}

function cutOf(epoch: NewEpoch): Bytes {
  return present(epoch.cut, "a revocation has a cut");
}
