/** What the chain of somebody who is let in, or comes back, weighs in the commit that does it. Rules RM2, RM60. */
import type { AccountId } from "../../../base/ids.ts";
import { ROOM_EVIDENCE_BYTES_MAX, ROOM_EVIDENCE_LINKS_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { StoreError } from "../../../store/tx-store.ts";
import type { Tables } from "../../tables.ts";

/** Bytes of the links of an account behind `knownSeq`, as far as they are here. Null when no commit can bring them. */
export async function chainBytes(
  { chain }: Pick<Tables, "chain">,
  accountId: AccountId,
  knownSeq = 0,
): Promise<Result<number | null, StoreError>> {
  const rows = await chain.scan({ under: [accountId] });
  if (!rows.ok) return rows;
  const links = rows.value.slice(knownSeq);
  const bytes = links.reduce((sum, { value }) => sum + value.link.length, 0);
  const isHeld = links.length <= ROOM_EVIDENCE_LINKS_MAX && bytes <= ROOM_EVIDENCE_BYTES_MAX;
  return ok(isHeld ? bytes : null);
}
