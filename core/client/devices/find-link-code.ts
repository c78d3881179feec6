/** The linking code behind what a person scanned, pasted or typed. Rules LK1, LK39, LK40. */
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin } from "../../base/server-origin.ts";
import { type LinkCode, parseLinkCode } from "../../sigchain/linking/link-code.ts";
import { acceptOffer } from "../../sigchain/linking/offer.ts";
import { meetingOf, parseTypedCode } from "../../sigchain/linking/typed-code.ts";
import type { LinkingError } from "../client.ts";
import { createDirectoryClient } from "../connection/directory-client.ts";
import type { Platform } from "../platform.ts";

const failed = (rule: string) => err<LinkingError>({ type: "LinkingFailed", rule });

/**
 * Reads `text`; for one that was typed, asks the server at `origin` for what goes with it.
 *
 * - Fails: `LinkingFailed` with `MistypedCode` before any server is asked, `TypedCodeNeedsServer`, `TypedCodeUnknown` when no device
 *   shows it there now; as `parseLinkCode` and `acceptOffer`; server errors.
 */
export async function findLinkCode(
  { connector }: Pick<Platform, "connector">,
  text: string,
  origin: string | null,
): Promise<Result<LinkCode, LinkingError>> {
  const whole = parseLinkCode(text);
  if (whole.ok) return whole;
  const typed = parseTypedCode(text);
  if (!typed.ok) return failed(typed.error.type === "MistypedCode" ? "MistypedCode" : whole.error.type);
  if (origin === null) return failed("TypedCodeNeedsServer");
  const server = parseServerOrigin(origin);
  if (!server.ok) return err({ type: "ServerUnreachable", origin, detail: "not a server address" });
  const meeting = meetingOf(typed.value);
  const found = await createDirectoryClient(connector, server.value).getRendezvous(meeting.rendezvousId, 0);
  if (!found.ok) {
    const isGone = found.error.type === "Refused" && found.error.code === "rendezvous-gone";
    return isGone ? failed("TypedCodeUnknown") : found;
  }
  // The server gives what is newest, and something is.
  if (found.value.message === null) return failed("LinkTampered");
  const code = acceptOffer(meeting, found.value.message);
  return code.ok ? ok(code.value) : failed(code.error.type);
}
