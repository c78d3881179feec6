/**
 * Who must sign a link, judged by the state before it, and whether they did. Rules SC10-SC19.
 *
 * Holds no secret: the server imports it.
 */
import type { Bytes } from "../base/bytes.ts";
import type { DeviceId, SignerId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import { LABEL } from "../crypto/labels.ts";
import { isAgreementPublicKey, isKemPublicKey, isSignPublicKey, verifySignature } from "../crypto/verify.ts";
import { type ChainState, currentRecovery, isActiveAt } from "./chain-state.ts";
import {
  type DeviceRecord,
  deviceIdOf,
  deviceSigner,
  type LinkBody,
  type LinkPayload,
  type LinkSignature,
  type ParsedLink,
  recoveryIdOf,
} from "./link.ts";
import type { KeyUse, RuleError, SignerError } from "./link-error.ts";

/** A public key a payload brings to the chain. */
export interface NamedKey {
  readonly use: KeyUse;
  readonly key: Bytes;
}

interface RequiredSigner {
  readonly signerId: SignerId;
  readonly key: Bytes;
  readonly ifMissing: SignerError;
}

/**
 * Checks that exactly those who must sign `link` did, by their authority at its place.
 *
 * - Fails: `UnknownSigner`, `RevokedSigner`, `WrongSigner`, `Missing…Signature`, `UnexpectedSignature`, `BadSignature`.
 */
export function verifySigners(state: ChainState | null, link: ParsedLink): Result<void, SignerError> {
  const required = requiredSigners(state, link.body);
  if (!required.ok) return required;
  for (const [index, signer] of required.value.entries()) {
    const found = link.signatures[index];
    if (found === undefined) return err(signer.ifMissing);
    const verified = verifyOne(link, signer, found);
    if (!verified.ok) return verified;
  }
  const extra = link.signatures[required.value.length];
  // SC16
  return extra === undefined
    ? ok()
    : err({ type: "UnexpectedSignature", seq: link.body.seq, signerId: extra.signerId });
}

function verifyOne(
  link: ParsedLink,
  signer: RequiredSigner,
  found: LinkSignature,
): Result<void, SignerError> {
  const { seq } = link.body;
  if (found.signerId !== signer.signerId) {
    return err({ type: "UnexpectedSignature", seq, signerId: found.signerId });
  }
  // SC17
  const verified = verifySignature(signer.key, LABEL.signLink, link.bodyBytes, found.signature);
  return verified.ok ? ok() : err({ type: "BadSignature", seq, signerId: found.signerId });
}

/** The signers of a link, the one its body names first (SC10-SC15). */
function requiredSigners(
  state: ChainState | null,
  body: LinkBody,
): Result<readonly RequiredSigner[], SignerError> {
  const { payload, seq, signerId } = body;
  const wrong = err<SignerError>({ type: "WrongSigner", seq, signerId, linkType: payload.type });
  const first = (key: Bytes): RequiredSigner => ({
    signerId,
    key,
    ifMissing: { type: "UnexpectedSignature", seq, signerId },
  });
  // SC11
  if (state === null || payload.type === "genesis") {
    if (payload.type !== "genesis" || signerId !== deviceSigner(deviceIdOf(payload.device.signKey)))
      return wrong;
    return ok([first(payload.device.signKey), recoverySigner(seq, payload.recovery.signKey)]);
  }
  if (payload.type === "recovery-change" || payload.type === "recover") {
    const recovery = currentRecovery(state);
    if (signerId !== recovery.id) return wrong;
    // SC14
    if (payload.type === "recovery-change") {
      return ok([first(recovery.signKey), recoverySigner(seq, payload.recovery.signKey)]);
    }
    const recovering = recoveringKey(state, payload);
    if (recovering === null) {
      return err({ type: "UnknownSigner", seq, signerId: deviceSigner(payload.recoveringId) });
    }
    return ok([first(recovery.signKey), reverseSigner(seq, payload.recoveringId, recovering)]);
  }
  // SC12, SC13
  const signer = activeSigner(state, body);
  if (!signer.ok) return signer;
  if (payload.type !== "device-add") return ok([first(signer.value)]);
  const { signKey } = payload.device;
  return ok([first(signer.value), reverseSigner(seq, deviceIdOf(signKey), signKey)]);
}

function activeSigner(state: ChainState, body: LinkBody): Result<Bytes, SignerError> {
  const { seq, signerId } = body;
  if (state.recoveries.some((recovery) => recovery.id === signerId)) {
    return err({ type: "WrongSigner", seq, signerId, linkType: body.payload.type });
  }
  const device = state.devicesById.get(signerId as string as DeviceId);
  if (device === undefined) return err({ type: "UnknownSigner", seq, signerId });
  if (device.revokedSeq !== null) {
    return err({ type: "RevokedSigner", seq, signerId, revokedSeq: device.revokedSeq });
  }
  return ok(device.signKey);
}

/** Key of the device that co-signs a recover: the one it brings, or one that is active now (SC15). */
function recoveringKey(state: ChainState, payload: LinkPayload & { type: "recover" }): Bytes | null {
  if (payload.device !== null && deviceIdOf(payload.device.signKey) === payload.recoveringId) {
    return payload.device.signKey;
  }
  const device = state.devicesById.get(payload.recoveringId);
  return device !== undefined && isActiveAt(device, state.seq) ? device.signKey : null;
}

function recoverySigner(seq: number, key: Bytes): RequiredSigner {
  return { signerId: recoveryIdOf(key), key, ifMissing: { type: "MissingRecoverySignature", seq } };
}

function reverseSigner(seq: number, deviceId: DeviceId, key: Bytes): RequiredSigner {
  return {
    signerId: deviceSigner(deviceId),
    key,
    ifMissing: { type: "MissingReverseSignature", seq, deviceId },
  };
}

/** Refuses keys that are malformed, of low order, or outside the prime-order group (SC18). */
export function checkKeys(seq: number, keys: readonly NamedKey[]): Result<void, RuleError> {
  for (const { use, key } of keys) if (!isStrong(use, key)) return err({ type: "WeakKey", seq, use });
  return ok();
}

function isStrong(use: KeyUse, key: Bytes): boolean {
  switch (use) {
    case "sign":
    case "mls":
    case "recovery-sign":
      return isSignPublicKey(key);
    case "agreement":
      return isAgreementPublicKey(key);
    case "kem":
    case "recovery-kem":
    case "request":
      return isKemPublicKey(key);
  }
}

/** Every public key that `payload` brings. */
export function keysOf(payload: LinkPayload): readonly NamedKey[] {
  switch (payload.type) {
    case "genesis":
      return [...deviceKeys(payload.device), ...recoveryKeys(payload), requestKey(payload.epoch)];
    case "device-add":
      return [
        ...deviceKeys(payload.device),
        ...(payload.replaces === null ? [] : [requestKey(payload.replaces.epoch)]),
      ];
    case "device-update":
      return [{ use: "kem", key: payload.kemKey }];
    case "recovery-change":
      return [...recoveryKeys(payload), requestKey(payload.epoch)];
    case "recover":
      return [...(payload.device === null ? [] : deviceKeys(payload.device)), requestKey(payload.epoch)];
    case "revoke":
    case "rotate":
      return [requestKey(payload.epoch)];
    case "service":
      return [];
  }
}

/** The public keys of a device. */
export function deviceKeys(device: DeviceRecord): readonly NamedKey[] {
  return [
    { use: "sign", key: device.signKey },
    { use: "agreement", key: device.agreementKey },
    { use: "kem", key: device.kemKey },
    { use: "mls", key: device.mlsKey },
  ];
}

function recoveryKeys(payload: {
  readonly recovery: { signKey: Bytes; kemKey: Bytes };
}): readonly NamedKey[] {
  return [
    { use: "recovery-sign", key: payload.recovery.signKey },
    { use: "recovery-kem", key: payload.recovery.kemKey },
  ];
}

function requestKey(epoch: { readonly requestKey: Bytes }): NamedKey {
  return { use: "request", key: epoch.requestKey };
}
