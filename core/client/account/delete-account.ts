/** Deleting the account from its server. Rules DI15-DI17. */
import { ok, type Result } from "../../base/result.ts";
import { LABEL } from "../../crypto/labels.ts";
import { sign } from "../../crypto/sign.ts";
import { encodeDeletionClaim } from "../../protocol/claims.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";

/**
 * Asks the home server to delete the account, signed anew on this connection. What is on this device stays.
 *
 * - Fails: `Refused` with `device-on-hold` from a device added less than 24 hours ago; server errors. A deletion whose
 *   answer was lost is a success when it is asked for again.
 */
export async function deleteAccount(engine: Engine): Promise<Result<void, ClientError>> {
  const { identity } = engine.context;
  const linked = await engine.connected();
  if (!linked.ok) return isGone(linked.error) ? ok() : linked;
  const { gateway } = linked.value;
  const { accountId, deviceId } = identity;
  const claim = encodeDeletionClaim({ ...gateway.nonces, accountId, deviceId });
  const signature = sign(identity.keys.sign, LABEL.signAccountDeletion, claim);
  const deleted = await gateway.call("done", { type: "deleteAccount", signature });
  return deleted.ok || isGone(deleted.error) ? ok() : deleted;
}

function isGone(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "account-deleted";
}
