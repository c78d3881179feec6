/** Whether two addresses lead to one server. A server may have several, and tells the first of them to whoever asks. */
import { ok, type Result } from "../../base/result.ts";
import type { ClientError } from "../client-error.ts";
import { createDirectoryClient } from "./directory-client.ts";
import type { Platform } from "../platform.ts";

/** Asks both. - Fails: `ServerUnreachable` and the like, of the one that does not answer. */
export async function isSameServer(
  { connector }: Pick<Platform, "connector">,
  one: string,
  other: string,
): Promise<Result<boolean, ClientError>> {
  const first = await createDirectoryClient(connector, one).serverInfo();
  if (!first.ok) return first;
  const second = await createDirectoryClient(connector, other).serverInfo();
  return second.ok ? ok(first.value.origin === second.value.origin) : second;
}
