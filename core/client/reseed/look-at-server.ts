/** What can be known of another server before an account moves there: nothing is told to it, and nothing changes. Rule IN10. */
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin } from "../../base/server-origin.ts";
import type { ServerInfo } from "../../protocol/directory.ts";
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "../../protocol/version.ts";
import type { ServerView } from "../views/account-view.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";

/** Who asks, and the way to servers. */
export type Looking = Pick<EngineContext, "identity" | "chain" | "directory">;

/**
 * Asks the server at `address` who it is. A server with several addresses is looked at under the one it gives first.
 *
 * - Fails: `ServerUnreachable` also for what is no address; `IncompatibleServer`; `ServerMisbehaved` for one that names an
 *   address at which it does not answer for itself.
 */
export async function lookAtServer(
  context: Looking,
  address: string,
): Promise<Result<ServerView, ClientError>> {
  const asked = await infoAt(context, address);
  if (!asked.ok) return asked;
  const { origin } = asked.value;
  const info = origin === address ? asked : await infoAt(context, origin);
  if (!info.ok) return info;
  if (info.value.origin !== origin)
    return err({ type: "ServerMisbehaved", why: "named an address that is not its own" });
  const { accountId, origin: home } = context.identity;
  const chain = await context.directory(origin).chain(accountId, context.chain().seq);
  const isUnknown = !chain.ok && chain.error.type === "Refused" && chain.error.code === "unknown-account";
  if (!chain.ok && !isUnknown) return chain;
  const homeInfo = origin === home ? info : await infoAt(context, home);
  const isHome = homeInfo.ok && homeInfo.value.origin === origin;
  return ok({ origin, isHome, knowsAccount: chain.ok, isRegistrationOpen: info.value.isRegistrationOpen });
}

async function infoAt(context: Looking, address: string): Promise<Result<ServerInfo, ClientError>> {
  if (!parseServerOrigin(address).ok)
    return err({ type: "ServerUnreachable", origin: address, detail: "not a server address" });
  const info = await context.directory(address).serverInfo();
  if (!info.ok) return info;
  const { versionMin, versionMax } = info.value;
  const isUnderstood = versionMin <= PROTOCOL_VERSION && versionMax >= PROTOCOL_VERSION_MIN;
  return isUnderstood ? info : err({ type: "IncompatibleServer", versionMin, versionMax });
}
