/** What the chain of somebody who is let in weighs in the commit that lets them in. Rules RM2, RM60. */
import type { AccountId } from "../../base/ids.ts";
import { ROOM_EVIDENCE_BYTES_MAX, ROOM_EVIDENCE_LINKS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoreError } from "../../store/tx-store.ts";
import type { Tables } from "../tables.ts";

/** Bytes of the links of an account, as far as they are here. Null when no commit can bring them. */
export async function chainBytes(
  { chain }: Pick<Tables, "chain">,
  accountId: AccountId,
): Promise<Result<number | null, StoreError>> {
  const rows = await chain.scan({ under: [accountId] });
  if (!rows.ok) return rows;
  const bytes = rows.value.reduce((sum, { value }) => sum + value.link.length, 0);
  const isHeld = rows.value.length <= ROOM_EVIDENCE_LINKS_MAX && bytes <= ROOM_EVIDENCE_BYTES_MAX;
  return ok(isHeld ? bytes : null);
}
