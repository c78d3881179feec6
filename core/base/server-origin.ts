/**
 * The address of a server as it is signed, hashed and compared: scheme, host and port in one canonical text.
 *
 * Strict on purpose. Two texts for one server would be two servers to a signature that names it.
 */
import type { Brand } from "./brand.ts";
import { SERVER_ORIGIN_CHARS_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/** `https://host`, `https://host:port`, or the same with `http`; no path, user, upper case or default port. */
export type ServerOrigin = Brand<string, "ServerOrigin">;

export interface MalformedOrigin {
  readonly type: "MalformedOrigin";
}

const HOST = String.raw`(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]`;
const ORIGIN = new RegExp(`^(https?)://(${HOST})(?::([1-9][0-9]{0,4}))?$`);
const PORT_MAX = 65_535;
const HOST_CHARS_MAX = 253;
const DEFAULT_PORT_BY_SCHEME: Readonly<Record<string, string>> = { https: "443", http: "80" };

/** Origin from text a person, a peer or a server gave. */
export function parseServerOrigin(text: string): Result<ServerOrigin, MalformedOrigin> {
  const malformed = err<MalformedOrigin>({ type: "MalformedOrigin" });
  if (text.length > SERVER_ORIGIN_CHARS_MAX) return malformed;
  const match = ORIGIN.exec(text);
  if (match === null) return malformed;
  const [, scheme = "", host = "", port] = match;
  if (host.length > HOST_CHARS_MAX) return malformed;
  if (port !== undefined && (Number(port) > PORT_MAX || port === DEFAULT_PORT_BY_SCHEME[scheme]))
    return malformed;
  return ok(text as ServerOrigin);
}
