/**
 * Links that start an epoch: revoking devices, and rotating. Rules EP1-EP12, AR11-AR14.
 *
 * Link and boxes are appended as one act by compare-and-swap; who loses discards its secret and builds again on the new
 * head. A revocation first reads the account log to its end, because the cut says what of the revoked device still counts.
 */
import type { DeviceId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import { activeDevices } from "../sigchain/chain-state.ts";
import { createRevoke, createRotate } from "../sigchain/create/create-link.ts";
import { discardEpoch } from "../sigchain/epoch/create-epoch.ts";
import { createCut } from "../sigchain/epoch/cut.ts";
import type { ClientError } from "./client-error.ts";
import type { Engine } from "./engine.ts";

/** How often a lost compare-and-swap is tried again. */
const ATTEMPTS_MAX = 8;

/** What to do: take devices out, or only start anew. */
export type EpochChange =
  | { readonly type: "revoke"; readonly deviceIds: readonly DeviceId[] }
  | { readonly type: "rotate" };

/**
 * Makes the change; resolves once it is on the chain and this device has the new secret.
 *
 * - Fails: `UnknownDevice` for one that is not active; `ChainDistrusted` with the rule it would break, such as revoking
 *   the last device; `Refused` with `device-on-hold` from a device added less than 24 hours ago; server errors.
 */
export async function changeEpoch(engine: Engine, change: EpochChange): Promise<Result<void, ClientError>> {
  const { context, own } = engine;
  const { identity } = context;
  const linked = await engine.connected();
  if (!linked.ok) return linked;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const refreshed = await context.serial.run(() => context.refreshOwnChain());
    if (!refreshed.ok) return refreshed;
    const read = await linked.value.catchUp();
    if (!read.ok) return read;
    const built = build(engine, change);
    if (!built.ok) return built;
    const { link, epoch } = built.value;
    const appended = await context
      .directory(identity.origin)
      .appendLink(identity.accountId, { link, boxes: epoch.boxes, box: null });
    discardEpoch(epoch);
    if (appended.ok) return context.serial.run(() => context.refreshOwnChain());
    if (appended.error.type !== "Refused" || appended.error.code !== "chain-conflict") {
      // The answer may be lost and the link there: the chain tells.
      const after = await context.serial.run(() => context.refreshOwnChain());
      return after.ok && own.chain().head === built.value.state.head ? ok() : appended;
    }
  }
  return err({ type: "Refused", code: "chain-conflict" });
}

function build(engine: Engine, change: EpochChange) {
  const { context, own, log } = engine;
  const { random, clock, identity } = context;
  const state = own.chain();
  const number = state.epochs.length;
  const secret = own.epochSecret(number);
  if (secret === null) return err<ClientError>({ type: "EpochUnavailable", epoch: number, rule: "NoSecret" });
  const epochContext = { state, timeMs: Math.max(0, clock.nowMs()), earlier: [{ number, secret }] };
  const signer = { signerId: identity.keys.signerId, sign: identity.keys.sign };
  if (change.type === "rotate") return distrusted(engine, createRotate(random, epochContext, signer));
  const active = new Set(activeDevices(state).map((device) => device.id));
  const unknown = change.deviceIds.find((device) => !active.has(device));
  if (unknown !== undefined) return err<ClientError>({ type: "UnknownDevice" });
  const cut = createCut(random, { logId: context.accountLogId, ...log.reader().point });
  return distrusted(engine, createRevoke(random, epochContext, signer, { deviceIds: change.deviceIds, cut }));
}

function distrusted<T>(engine: Engine, built: Result<T, { readonly type: string }>): Result<T, ClientError> {
  return built.ok
    ? built
    : err({ type: "ChainDistrusted", accountId: engine.context.identity.accountId, rule: built.error.type });
}
