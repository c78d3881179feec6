/**
 * The web app's files, when this installation has them: read once at the start, so that pages never mix two builds.
 *
 * What is not in the list has no path, so no request can name another file. Text and WebAssembly lie there compressed
 * already; which form is sent follows `Accept-Encoding`. Rules WB10 to WB14, and WB40 and WB41 for pages of other sites.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";

const CONTENT_TYPE_BY_EXTENSION: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};
/** Better ones first, as tools/app-build.ts writes them. */
const ENCODINGS = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;
/** Names of built assets hold their hash; everything else may change with the next installation. */
const FOREVER = "public, max-age=31536000, immutable";
const ASK_FIRST = "no-cache";

/**
 * What a page of the app may load, run and reach: itself, its WebAssembly, workers it was given by a policy. Nothing of another
 * origin, nothing inline, no text as code.
 */
export const APP_CSP: string = appPolicy({});

/** Built from app/engine/engine-worker.ts. */
const ENGINE_WORKER = /^\/assets\/engine-worker-[A-Za-z0-9_-]+\.js$/;
const OTHER_SERVERS = "'self' https: wss:";
/** Plain HTTP is dialled on loopback only, and only a page from there has anything to do with what else listens there. */
const OTHER_SERVERS_ON_LOOPBACK =
  "'self' https: wss: http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*";

/** The engine's worker reaches the servers of contacts, which the page that shows what they write does not. WB15 */
function engineWorkerPolicy(origin: string): string {
  const isLoopback = /^http:\/\/(localhost|127\.0\.0\.1)(:|$)/.test(origin);
  return appPolicy({ connections: isLoopback ? OTHER_SERVERS_ON_LOOPBACK : OTHER_SERVERS });
}

function appPolicy({ connections = "'self'", framedBy = "'none'" }): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "font-src 'self'",
    "manifest-src 'self'",
    `connect-src ${connections}`,
    "worker-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-src 'none'",
    `frame-ancestors ${framedBy}`,
    "require-trusted-types-for 'script'",
    "trusted-types dovetail lit-html",
  ].join("; ");
}

/** The page of the app that other sites may frame, and the script by which they do. Built from app/embed. */
export const EMBED_PAGE = "/embed.html";
const EMBED_SCRIPT = "/embed.js";

/** Whether `path` is there for pages of other sites; who of them gets it, its answer decides. */
export function isForSites(path: string): boolean {
  return path === EMBED_PAGE || path === EMBED_SCRIPT;
}

/** What of a request decides the answer. */
export interface PageRequest {
  readonly path: string;
  header(name: string): string | undefined;
}

export type Page = (request: PageRequest) => Response | null;

interface Form {
  readonly encoding: string | null;
  readonly body: Uint8Array<ArrayBuffer>;
}

interface AppFile {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly etag: string;
  /** The smallest first, the plain one last. */
  readonly forms: readonly Form[];
}

/**
 * Answers paths from `folder`, or only `/`, in words, when there is no app in it. `origins` are what clients dial; a page
 * asked for under another of them than the first is sent to the first, because to a browser each is a place of its own.
 */
export function createWebApp(
  folder: string,
  origins: () => readonly string[],
  sites: readonly string[] = [],
): Page {
  const fileByPath = readFiles(folder);
  const index = fileByPath.get("/index.html");
  if (index === undefined) return ({ path }) => (path === "/" ? withoutApp(origins()[0] ?? "") : null);
  return (request) => {
    const file = fileByPath.get(request.path);
    if (file !== undefined && isForSites(request.path))
      return redirectToFirst(origins(), request) ?? answerSite(file, request, sites);
    if (file !== undefined && file !== index) {
      const response = answer(file, request);
      if (ENGINE_WORKER.test(request.path))
        response.headers.set("content-security-policy", engineWorkerPolicy(origins()[0] ?? ""));
      return response;
    }
    // WB13: a path of the app's own is the app's to read, for who wants a page.
    const wantsPage = request.header("accept")?.includes("text/html") === true;
    const isOfApp = request.path === "/" || (extname(request.path) === "" && wantsPage);
    if (file === undefined && !isOfApp) return null;
    return redirectToFirst(origins(), request) ?? answer(index, request);
  };
}

function answer(file: AppFile, request: PageRequest): Response {
  const headers = new Headers({
    "content-type": file.contentType,
    "cache-control": file.cacheControl, // WB11
    etag: file.etag,
    vary: "accept-encoding",
  });
  if (request.header("if-none-match") === file.etag) return new Response(null, { status: 304, headers });
  const accepted = acceptedEncodings(request.header("accept-encoding"));
  const form = file.forms.find(({ encoding }) => encoding === null || accepted.has(encoding));
  if (form === undefined) return new Response(null, { status: 406 });
  if (form.encoding !== null) headers.set("content-encoding", form.encoding);
  return new Response(form.body, { headers });
}

/** WB40, WB41: the two files that pages of other sites use, for the sites that were named. */
function answerSite(file: AppFile, request: PageRequest, sites: readonly string[]): Response {
  if (sites.length === 0) return siteRefusal("embedding-off");
  if (request.path === EMBED_PAGE) {
    const response = answer(file, request);
    response.headers.set("content-security-policy", appPolicy({ framedBy: sites.join(" ") }));
    // Kept nowhere: what a browser keeps would let in for longer than the operator does.
    response.headers.set("cache-control", "no-store");
    return response;
  }
  const site = request.header("origin");
  if (site !== undefined && !sites.includes(site)) return siteRefusal("embedding-not-allowed");
  const response = answer(file, request);
  response.headers.append("vary", "origin");
  if (site !== undefined) response.headers.set("access-control-allow-origin", site);
  return response;
}

const SITE_REFUSALS = {
  "embedding-off":
    "This server is shown in no other site's pages. Its operator lets a site do so with --embed-origin https://host.",
  "embedding-not-allowed":
    "This server is shown in pages of some sites, and the one that asks is none of them. Its operator adds it with --embed-origin https://host.",
} as const;

/** In words, because who reads it writes a page and has no decoder of the protocol. */
function siteRefusal(error: keyof typeof SITE_REFUSALS): Response {
  return Response.json(
    { error, message: SITE_REFUSALS[error] },
    { status: 403, headers: { "cache-control": "no-store", vary: "origin" } },
  );
}

function acceptedEncodings(header = ""): ReadonlySet<string> {
  const names = header
    .split(",")
    .map((part) => part.trim().toLowerCase())
    .filter((part) => !/;\s*q=0(\.0*)?$/.test(part))
    .map((part) => part.replace(/;.*$/, "").trim());
  return new Set(names);
}

/** WB14 */
function redirectToFirst(origins: readonly string[], request: PageRequest): Response | null {
  const [first, ...others] = origins;
  const host = request.header("host");
  const isOther = others.some((origin) => origin.replace(/^https?:\/\//, "") === host);
  if (first === undefined || !isOther || first.endsWith(`//${host}`)) return null;
  return new Response(null, {
    status: 307,
    headers: { location: first + request.path, "cache-control": "no-store" },
  });
}

function withoutApp(origin: string): Response {
  const text = [
    "This is a Dovetail server. It keeps ciphertext in order and can read none of it.",
    "",
    "The web app is not part of this installation. Connect with the command line:",
    "",
    `  dovetail account create --server ${origin}`,
    "",
  ].join("\n");
  return new Response(text, {
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": ASK_FIRST },
  });
}

function readFiles(folder: string): ReadonlyMap<string, AppFile> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"));
  const isForm = (name: string): boolean => ENCODINGS.some(({ suffix }) => name.endsWith(suffix));
  return new Map(
    names.filter((name) => !isForm(name)).map((name) => [`/${name}`, readAppFile(folder, name, names)]),
  );
}

function readAppFile(folder: string, name: string, names: readonly string[]): AppFile {
  const read = (file: string) => new Uint8Array(readFileSync(join(folder, file)));
  const plain = read(name);
  const compressed = ENCODINGS.filter(({ suffix }) => names.includes(name + suffix));
  return {
    contentType: CONTENT_TYPE_BY_EXTENSION[extname(name)] ?? "application/octet-stream",
    cacheControl: name.startsWith("assets/") ? FOREVER : ASK_FIRST,
    etag: `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`,
    forms: [
      ...compressed.map(({ name: encoding, suffix }) => ({ encoding, body: read(name + suffix) })),
      { encoding: null, body: plain },
    ],
  };
}
