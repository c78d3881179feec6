/** The devices of the account as people see them: what the chain says of each, and what the settings call them. */
import type { DeviceId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { type DeviceKind, type Settings, SETTINGS, settingsSchema } from "../../document/schema/settings.ts";
import { setField } from "../../document/schema/state-field.ts";
import type { ChainDevice, ChainState } from "../../sigchain/chain-state.ts";
import { parseLink } from "../../sigchain/link.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ChainStore } from "../contacts/chain-store.ts";
import type { DeviceView } from "../views/account-view.ts";
import type { ClientError } from "../client-error.ts";
import type { Documents } from "../../document/documents.ts";

export interface LinkTimes {
  /** When links of the chain were made, by the clocks of who signed them; times decide nothing. */
  of(state: ChainState): Promise<Result<ReadonlyMap<number, number>, ClientError>>;
}

/** Reads each stored link of a chain once. */
export function createLinkTimes(chains: Pick<ChainStore, "links">): LinkTimes {
  const timeMsBySeq = new Map<number, number>();
  let readUpto = 0;
  return {
    async of({ accountId, seq }) {
      if (readUpto >= seq) return ok(timeMsBySeq);
      const from = readUpto + 1;
      const links = await chains.links(accountId, from, seq);
      if (!links.ok) return links;
      for (const [index, link] of links.value.entries()) {
        const parsed = parseLink(link);
        if (parsed.ok) timeMsBySeq.set(from + index, parsed.value.body.timeMs);
      }
      readUpto = Math.max(readUpto, from + links.value.length - 1);
      return ok(timeMsBySeq);
    },
  };
}

/** All that are or were on the chain, in the order in which they came. */
export function deviceViews(
  chain: ChainState,
  told: { readonly settings: Settings; readonly timeMsBySeq: ReadonlyMap<number, number> },
  self: DeviceId,
): readonly DeviceView[] {
  const { settings, timeMsBySeq } = told;
  const nameOf = (id: DeviceId): string => settings.deviceNamesById.get(id) ?? id.slice(0, 8);
  const timeOf = (seq: number | null) => (seq === null ? null : (timeMsBySeq.get(seq) ?? null));
  const devices = [...chain.devicesById.values()].sort((a, b) => a.addedSeq - b.addedSeq);
  return devices.map((device) => ({
    id: device.id,
    name: nameOf(device.id),
    kind: settings.deviceKindsById.get(device.id) ?? null,
    isThis: device.id === self,
    isActive: device.revokedSeq === null,
    addedSeq: device.addedSeq,
    arrival: device.arrival,
    addedBy: signedBy(chain, device),
    addedAtMs: timeOf(device.addedSeq),
    revokedAtMs: timeOf(device.revokedSeq),
  }));
}

/** The device that linked it; the first one and one that came by the recovery key have none. */
function signedBy(chain: ChainState, { arrival, addedBy }: ChainDevice): DeviceId | null {
  return arrival === "added" ? (chain.devicesById.get(addedBy as string as DeviceId)?.id ?? null) : null;
}

/** Says in the settings what this device is, unless they say so already. */
export async function tellKind(
  deps: { readonly documents: Documents; readonly log: AccountLog; readonly self: DeviceId },
  kind: DeviceKind,
): Promise<Result<void, ClientError>> {
  const { documents, log, self } = deps;
  const settings = await documents.read(log.ref({ type: "settings" }), settingsSchema);
  if (!settings.ok) return settings;
  if (settings.value.deviceKindsById.get(self) === kind) return ok();
  return log.edit({ type: "settings" }, (draft) =>
    setField(draft, SETTINGS.device, { device: self, fact: "kind" }, kind),
  );
}
