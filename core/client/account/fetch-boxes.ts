/** Fetching an account's epoch boxes over a signed-in connection; the server sends what fits a frame at a time. */
import { ok, type Result } from "../../base/result.ts";
import type { StoredBoxes } from "../../protocol/server-frame.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import type { Gateway, ServerError } from "../connection/gateway.ts";

/** Boxes of every epoch of `chain` that the server has. Nothing of them is trusted yet. */
export async function fetchBoxes(
  gateway: Gateway,
  chain: ChainState,
  from = 1,
): Promise<Result<readonly StoredBoxes[], ServerError>> {
  const all: StoredBoxes[] = [];
  for (let next = from; next <= chain.epochs.length; ) {
    const page = await gateway.call("boxes", { type: "readBoxes", epoch: next });
    if (!page.ok) return page;
    const last = page.value.boxes.at(-1);
    if (last === undefined || last.epoch < next) break;
    all.push(...page.value.boxes);
    next = last.epoch + 1;
  }
  return ok(all);
}
