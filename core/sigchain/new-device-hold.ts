/**
 * The hold on new devices: for 24 hours after it was added a device may not add or revoke. Rule SC41.
 *
 * The server asks this with its own record of arrival times. Clients do not: time never makes a chain invalid.
 */
import type { DeviceId } from "../base/ids.ts";
import { NEW_DEVICE_HOLD_MS } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { ChainState } from "./chain-state.ts";
import type { LinkBody } from "./link.ts";

export interface DeviceOnHold {
  readonly type: "DeviceOnHold";
  readonly deviceId: DeviceId;
  readonly untilMs: number;
}

export interface HoldCheck {
  /** The chain before the link. */
  readonly state: ChainState;
  readonly body: LinkBody;
  /** When the link that added the signer arrived here, by the server's clock; null when it has no record of it. */
  readonly signerArrivedAtMs: number | null;
  readonly nowMs: number;
}

/**
 * Checks that the signer of an add or a revoke has been on the account for 24 hours. The genesis device and one that
 * came by `recover` need not wait: the recovery key vouched for them.
 *
 * - Fails: `DeviceOnHold`; without a record of arrival the hold counts from now.
 */
export function checkNewDeviceHold(check: HoldCheck): Result<void, DeviceOnHold> {
  const { payload, signerId } = check.body;
  if (payload.type !== "device-add" && payload.type !== "revoke") return ok();
  return checkHold(check, signerId as string as DeviceId);
}

/** Checks that a device may do what its account cannot undo: the same hold, for what no link says. */
export function checkHold(
  { state, signerArrivedAtMs, nowMs }: Omit<HoldCheck, "body">,
  deviceId: DeviceId,
): Result<void, DeviceOnHold> {
  const device = state.devicesById.get(deviceId);
  if (device === undefined || device.arrival !== "added") return ok();
  const untilMs = (signerArrivedAtMs ?? nowMs) + NEW_DEVICE_HOLD_MS;
  return nowMs >= untilMs ? ok() : err({ type: "DeviceOnHold", deviceId, untilMs });
}
