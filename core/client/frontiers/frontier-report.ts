/** Which own device is where, and what it lacks, in the form faces show. */
import type { DeviceId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { FrontierContent } from "../../log/frontier.ts";
import { compareFrontier, type OwnHolding } from "../../log/judge-frontier.ts";
import { activeDevices, type ChainState } from "../../sigchain/chain-state.ts";
import type { ClientError } from "../client-error.ts";
import type { DeviceFrontier, FrontierReport } from "../views/account-view.ts";
import type { Frontiers, Lacking } from "./frontiers.ts";

export interface ReportDeps {
  readonly frontiers: Pick<Frontiers, "holding" | "known" | "checkedAtMs">;
  chain(): ChainState;
  readonly deviceId: DeviceId;
  names(): Promise<Result<ReadonlyMap<DeviceId, string>, ClientError>>;
}

/** The report of this moment. Runs within the serial. FR11 */
export async function reportFrontiers(deps: ReportDeps): Promise<Result<FrontierReport, ClientError>> {
  const own = await deps.frontiers.holding();
  if (!own.ok) return own;
  const names = await deps.names();
  if (!names.ok) return names;
  const known = deps.frontiers.known();
  const devices = activeDevices(deps.chain()).map(({ id }) => {
    const name = names.value.get(id) ?? id.slice(0, 8);
    const told = known.get(id) ?? null;
    return id === deps.deviceId
      ? thisDevice({ id, name }, own.value, told)
      : otherDevice({ id, name }, own.value, told);
  });
  const checkedAtMs = deps.frontiers.checkedAtMs();
  const { incarnation, seq } = own.value.point;
  return ok({
    incarnation,
    seq,
    checkedAtMs,
    isSynced: checkedAtMs !== null && devices.every(({ state }) => state === "equal"),
    devices,
  });
}

interface Named {
  readonly id: DeviceId;
  readonly name: string;
}

function thisDevice(
  { id, name }: Named,
  own: OwnHolding & Lacking,
  told: FrontierContent | null,
): DeviceFrontier {
  return {
    device: id,
    name,
    isThis: true,
    state: own.documents === null ? "incomplete" : "equal",
    seq: own.point.seq,
    reachedAtMs: told?.reachedAtMs ?? null,
    toldAtMs: told?.toldAtMs ?? null,
    missingEntries: 0,
    aheadEntries: 0,
    unopenedEntries: own.unopened,
    unloadedDocuments: own.unloaded,
    unsentChanges: own.unsent,
  };
}

function otherDevice({ id, name }: Named, own: OwnHolding, told: FrontierContent | null): DeviceFrontier {
  const named = { device: id, name, isThis: false };
  if (told === null)
    return {
      ...named,
      state: "unheard",
      seq: null,
      reachedAtMs: null,
      toldAtMs: null,
      missingEntries: own.point.seq,
      aheadEntries: 0,
      unopenedEntries: 0,
      unloadedDocuments: 0,
      unsentChanges: 0,
    };
  const compared = compareFrontier(own, told);
  return {
    ...named,
    state: compared.type,
    seq: told.point.seq,
    reachedAtMs: told.reachedAtMs,
    toldAtMs: told.toldAtMs,
    missingEntries: compared.type === "behind" ? compared.entries : 0,
    aheadEntries: compared.type === "ahead" ? compared.entries : 0,
    unopenedEntries: told.unopened,
    unloadedDocuments: told.unloaded,
    unsentChanges: told.unsent,
  };
}
