/**
 * What a page of another server may ask of this one: what it takes to write to somebody whose home this is or invite them to
 * a room, and to bring an account here that lived where the page is from. Rule GW12.
 *
 * Nothing here is allowed by who asks: no cookie exists, links carry their own signatures, and signing in is the gateway's
 * to allow. So a page gets what any program gets, and no more than that.
 */
import { parseServerOrigin, type ServerOrigin } from "@dovetail/core/base/server-origin.ts";

/**
 * Reading chains, claiming prekeys and key packages, looking up handles, and what the server says of itself; for an account that moves here its
 * chain, and the rendezvous by which it links a browser of this server.
 */
const ROUTES: readonly { readonly method: string; readonly path: RegExp }[] = [
  { method: "GET", path: /^\/v1\/server$/ },
  { method: "GET", path: /^\/v1\/accounts\/[^/]+\/chain$/ },
  { method: "POST", path: /^\/v1\/accounts\/[^/]+\/prekeys$/ },
  { method: "POST", path: /^\/v1\/accounts\/[^/]+\/key-packages$/ },
  { method: "GET", path: /^\/v1\/handles\/[^/]+$/ },
  { method: "POST", path: /^\/v1\/accounts$/ },
  { method: "POST", path: /^\/v1\/accounts\/[^/]+\/(links|staged-links)$/ },
  { method: "PUT", path: /^\/v1\/rendezvous\/[^/]+$/ },
  { method: "GET", path: /^\/v1\/rendezvous\/[^/]+$/ },
];
const PREFLIGHT_SECONDS = 86_400;

/** Where a request's page is from. */
export type PageKind = "ours" | "other" | "refused";

/** Programs send no `Origin`; a page whose origin is no server's, such as `null`, is nobody's. */
export function pageKindOf(origin: string | undefined, origins: readonly string[]): PageKind {
  if (origin === undefined || origins.includes(origin)) return "ours";
  return parseServerOrigin(origin).ok ? "other" : "refused";
}

/** The server whose page asks, where that is another one. */
export function otherPageOf(origin: string | undefined, origins: readonly string[]): ServerOrigin | null {
  if (origin === undefined || pageKindOf(origin, origins) !== "other") return null;
  const parsed = parseServerOrigin(origin);
  return parsed.ok ? parsed.value : null;
}

/** Whether a page of another server may send `method` to `path`. */
export function isForOtherPages(method: string, path: string): boolean {
  return ROUTES.some((route) => route.method === method && route.path.test(path));
}

/** The answer to a browser that asks before it sends a body; null when the answer is no. */
export function answerPreflight(path: string, method: string | undefined): Response | null {
  if (method === undefined || !isForOtherPages(method, path)) return null;
  const headers = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": method,
    "access-control-allow-headers": "content-type",
    "access-control-max-age": String(PREFLIGHT_SECONDS),
  };
  return new Response(null, { status: 204, headers });
}
