/**
 * Links that start an epoch: revoking devices, and rotating. Rules EP1-EP12, AR11-AR14, CA3.
 *
 * Link and boxes are appended as one act. The account log is read to its end first, because the cut of a revocation says
 * what of the revoked device still counts.
 */
import type { DeviceId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { activeDevices } from "../../sigchain/chain-state.ts";
import { createRevoke, createRotate } from "../../sigchain/create/create-link.ts";
import { createCut } from "../../sigchain/epoch/cut.ts";
import { appendOwnLink, asOwnLink, type ChainWriter, type OwnLink, ownSigner } from "./append-own-link.ts";
import type { ClientError } from "../client-error.ts";

/** What to do: take devices out, or only start anew. */
export type EpochChange =
  | { readonly type: "revoke"; readonly deviceIds: readonly DeviceId[] }
  /** `after`: only while this epoch is the current one. */
  | { readonly type: "rotate"; readonly after?: number };

/**
 * Makes the change; resolves once it is on the chain. Where its disk takes it, this device has the new secret then.
 *
 * - Fails: `UnknownDevice` for one that is not active; `ChainDistrusted` with the rule it would break, such as revoking
 *   the last device; `Refused` with `device-on-hold` from a device added less than 24 hours ago; server errors.
 */
export function changeEpoch(engine: ChainWriter, change: EpochChange): Promise<Result<void, ClientError>> {
  return appendOwnLink(engine, { isAfterLog: true, build: () => build(engine, change) });
}

function build({ context, own, log }: ChainWriter, change: EpochChange): Result<OwnLink | null, ClientError> {
  const { random, clock } = context;
  const state = own.chain();
  const number = state.epochs.length;
  // CA3: a sibling was faster; one new epoch is what both wanted.
  if (change.type === "rotate" && change.after !== undefined && change.after !== number) return ok(null);
  const secret = own.epochSecret(number);
  if (secret === null) return err({ type: "EpochUnavailable", epoch: number, rule: "NoSecret" });
  const epochContext = { state, timeMs: Math.max(0, clock.nowMs()), earlier: [{ number, secret }] };
  const signer = ownSigner(context);
  if (change.type === "rotate") return asOwnLink(context, createRotate(random, epochContext, signer));
  const active = new Set(activeDevices(state).map((device) => device.id));
  const unknown = change.deviceIds.find((device) => !active.has(device));
  if (unknown !== undefined) return err({ type: "UnknownDevice" });
  const cut = createCut(random, { logId: context.accountLogId, ...log.reader().point });
  return asOwnLink(context, createRevoke(random, epochContext, signer, { deviceIds: change.deviceIds, cut }));
}
