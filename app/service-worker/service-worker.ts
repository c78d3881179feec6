/**
 * Serves the app from what was stored at its installation, so that it loads without a network, and never mixes two builds.
 *
 * It touches nothing of `/v1/`, and keeps nothing but the app's own files. A new version is fetched whole, waits, and takes
 * over when a page says so (or when no page is open): nobody is reloaded in the middle of a sentence. Rules WB20 to WB22.
 */

/** Every file of this build; tools/app-build.ts writes them in. */
declare const APP_FILES: readonly string[];
declare const APP_VERSION: string;

/** What of a service worker is used here: its types and those of a page cannot be had in one program. */
interface ServiceWorkerScope {
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: LifeEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: RequestEvent) => void): void;
  addEventListener(type: "message", listener: (event: LifeEvent & MessageEvent<unknown>) => void): void;
}

interface LifeEvent {
  waitUntil(work: Promise<unknown>): void;
}

interface RequestEvent extends LifeEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const CACHE_PREFIX = "dovetail-app-";
const CACHE = CACHE_PREFIX + APP_VERSION;
const INDEX = "/index.html";
const EMBED_PAGE = "/embed.html";
const FILES: ReadonlySet<string> = new Set(APP_FILES);
const scope = globalThis as unknown as ServiceWorkerScope;

// WB20: all files or none; past the browser's own cache, which may hold an older page.
scope.addEventListener("install", (event) =>
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll([...FILES].map((path) => new Request(path, { cache: "reload" })))),
  ),
);

scope.addEventListener("activate", (event) => event.waitUntil(dropOlder().then(() => scope.clients.claim())));

scope.addEventListener("message", (event) => {
  if (event.data === "activate") event.waitUntil(scope.skipWaiting()); // WB22
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || url.pathname.startsWith("/v1/")) return; // WB21
  if (FILES.has(url.pathname)) return event.respondWith(fromCache(url.pathname, request));
  // WB42: what another site's page frames comes from the server, which says whose page may.
  if (request.mode === "navigate" && url.pathname !== EMBED_PAGE)
    event.respondWith(fromCache(INDEX, request));
});

async function fromCache(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

async function dropOlder(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names
      .filter((name) => name.startsWith(CACHE_PREFIX) && name !== CACHE)
      .map((name) => caches.delete(name)),
  );
}
