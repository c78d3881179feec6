/**
 * The HTTP routes of core/protocol/directory.ts. Rules DI1-DI10.
 *
 * A path is compared as it came: one with an escape, an empty or a dot segment has no route, so no two texts name one
 * handler.
 */
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { type IdKind, idFromBytes, parseId, type Id } from "@dovetail/core/base/ids.ts";
import { CHAIN_PAGE_LINKS_MAX } from "@dovetail/core/base/limits.ts";
import type { Random } from "@dovetail/core/base/random.ts";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import {
  appendLinkShape,
  chainPageShape,
  claimedPreKeysShape,
  claimedKeyPackagesShape,
  claimPreKeysShape,
  doneShape,
  handleAnswerShape,
  registerShape,
  rendezvousPutShape,
  rendezvousStateShape,
  type ServerInfo,
  serverInfoShape,
  stagedShape,
  stageLinkShape,
} from "@dovetail/core/protocol/directory.ts";
import { clientAddress } from "../client-address.ts";
import { type AccountDirectory, isHandle } from "../directory/account-directory.ts";
import type { Rendezvous } from "../directory/rendezvous.ts";
import { CHAIN_PAGE_BYTES_MAX, type RateName } from "../limits.ts";
import type { ServerMetrics } from "../metrics/server-metrics.ts";
import type { RateLimits } from "../rate-limits.ts";
import type { ServerStore } from "../store/server-store.ts";
import { answer, padAnswer, refusal } from "./answer.ts";
import { answerPreflight, isForOtherPages, otherPageOf, pageKindOf } from "./other-pages.ts";
import type { Readiness } from "./readiness.ts";
import { readBody } from "./read-body.ts";
import { APP_CSP, EMBED_PAGE, isForSites, type Page } from "./web-app.ts";

export interface HttpDeps {
  readonly store: ServerStore;
  readonly directory: AccountDirectory;
  readonly rendezvous: Rendezvous;
  readonly rates: RateLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ServerMetrics;
  isReady(): Promise<Readiness>;
  readonly origins: readonly string[];
  readonly trustsProxy: boolean;
  readonly info: ServerInfo;
  /** Answers what no route of `/v1` does: the web app, or a page that says there is none. Null for 404. */
  readonly page: Page;
}

type Env = { Bindings: HttpBindings };
type Route = Context<Env>;

/** A path that can reach a handler: no escapes, no empty and no dot segments. */
const PLAIN_PATH = /^(\/|(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._-]+)+)$/;

/** The application behind the HTTP server. */
export function createRoutes(deps: HttpDeps): Hono<Env> {
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    await next();
    c.res = await padAnswer(c.res, c.req.header("accept"));
  });
  // WB40: who may frame it is said by its policy; the older header can only say nobody.
  app.use(EMBED_PAGE, async (c, next) => {
    await next();
    if (c.res.ok) c.res.headers.delete("x-frame-options");
  });
  app.use(
    secureHeaders({
      xFrameOptions: "DENY",
      referrerPolicy: "no-referrer",
      crossOriginResourcePolicy: "same-origin",
      permissionsPolicy: { camera: ["self"], microphone: ["self"], geolocation: [] },
    }),
  );
  app.use(async (c, next) => {
    // DI9: as it came, before anything decoded it.
    const [path = ""] = (c.env.incoming.url ?? "").split("?", 1);
    if (!PLAIN_PATH.test(path)) return refusal("malformed", { status: 404 });
    // GW12 holds for HTTP too.
    const origin = c.req.header("origin");
    const page = pageKindOf(origin, deps.origins);
    if (origin !== undefined && c.req.method === "OPTIONS") {
      return answerPreflight(path, c.req.header("access-control-request-method")) ?? refusal("forbidden");
    }
    const isForAll = page !== "refused" && isForOtherPages(c.req.method, path);
    // WB41: judged where it is answered.
    const isOfSite = c.req.method === "GET" && isForSites(path);
    if (page !== "ours" && !isForAll && !isOfSite) return refusal("forbidden");
    await next();
    // To a page of ours too: to a browser, each of several origins of one server is another.
    if (origin !== undefined && isForAll) c.res.headers.set("access-control-allow-origin", "*");
    // WB10
    if (!c.res.headers.has("content-security-policy")) c.res.headers.set("content-security-policy", APP_CSP);
    if (path.startsWith("/v1/")) c.res.headers.set("cache-control", "no-store");
    return undefined;
  });
  addServerRoutes(app, deps);
  addAccountRoutes(app, deps);
  addHandleRoute(app, deps);
  addRendezvousRoutes(app, deps);
  app.all("/v1/*", () => refusal("malformed", { status: 404 }));
  app.get("*", (c) => {
    const request = { path: c.req.path, header: (name: string) => c.req.header(name) };
    return deps.page(request) ?? refusal("malformed", { status: 404 });
  });
  app.notFound(() => refusal("malformed", { status: 404 }));
  app.onError((error) => {
    deps.logger.log("error", "request-failed", { kind: error.name });
    return refusal("internal");
  });
  return app;
}

function addServerRoutes(app: Hono<Env>, deps: HttpDeps): void {
  app.get("/v1/server", () => answer(serverInfoShape, deps.info));
  app.get("/health", (c) => c.json({ status: "ok" }));
  app.get("/ready", async (c) => {
    const status = await deps.isReady();
    return c.json({ status }, status === "ready" ? 200 : 503);
  });
}

function addAccountRoutes(app: Hono<Env>, deps: HttpDeps): void {
  const { store, directory } = deps;
  app.post("/v1/accounts", (c) =>
    limited(deps, c, "register", async () => {
      const body = await readBody(c.req.raw, registerShape);
      // GW12: what a page of another server brings was somewhere before.
      const isElsewhere = otherPageOf(c.req.header("origin"), deps.origins) !== null;
      if (body.ok && isElsewhere && body.value.restores === null) return refusal("forbidden");
      return body.ok ? done(await directory.register(body.value)) : body.error;
    }),
  );
  app.get("/v1/accounts/:accountId/chain", (c) =>
    limited(deps, c, "readChain", async () => {
      const accountId = pathId(c, "account", "accountId");
      const after = queryNumber(c, "after");
      if (!accountId.ok) return accountId.error;
      if (!after.ok) return after.error;
      const page = await store.readChain(
        accountId.value,
        after.value,
        CHAIN_PAGE_LINKS_MAX,
        CHAIN_PAGE_BYTES_MAX,
      );
      if (!page.ok) return refusal(page.error.code);
      if (page.value !== null) return answer(chainPageShape, page.value);
      // DI16: who knows the account is told what became of it.
      const deleted = await store.isDeleted(accountId.value);
      return refusal(deleted.ok && deleted.value ? "account-deleted" : "unknown-account");
    }),
  );
  app.post("/v1/accounts/:accountId/links", (c) =>
    limited(deps, c, "appendLink", async () => {
      const accountId = pathId(c, "account", "accountId");
      if (!accountId.ok) return accountId.error;
      const body = await readBody(c.req.raw, appendLinkShape);
      return body.ok ? done(await directory.appendLink(accountId.value, body.value)) : body.error;
    }),
  );
  app.post("/v1/accounts/:accountId/staged-links", (c) =>
    limited(deps, c, "appendLink", async () => {
      const accountId = pathId(c, "account", "accountId");
      if (!accountId.ok) return accountId.error;
      const body = await readBody(c.req.raw, stageLinkShape);
      if (!body.ok) return body.error;
      const staged = await directory.stageLink(accountId.value, body.value);
      return staged.ok ? answer(stagedShape, staged.value) : refusal(staged.error.code);
    }),
  );
  app.post("/v1/accounts/:accountId/prekeys", (c) =>
    limited(deps, c, "claimPreKeys", async () => {
      const accountId = pathId(c, "account", "accountId");
      if (!accountId.ok) return accountId.error;
      const body = await readBody(c.req.raw, claimPreKeysShape);
      if (!body.ok) return body.error;
      const claimed = await store.claimPreKeys(accountId.value, body.value.devices, deps.clock.nowMs());
      return claimed.ok ? answer(claimedPreKeysShape, claimed.value) : refusal(claimed.error.code);
    }),
  );
  app.post("/v1/accounts/:accountId/key-packages", (c) =>
    limited(deps, c, "claimKeyPackages", async () => {
      const accountId = pathId(c, "account", "accountId");
      if (!accountId.ok) return accountId.error;
      const body = await readBody(c.req.raw, claimPreKeysShape);
      if (!body.ok) return body.error;
      const nowMs = deps.clock.nowMs();
      const claimed = await store.claimKeyPackages(accountId.value, body.value.devices, nowMs);
      return claimed.ok ? answer(claimedKeyPackagesShape, claimed.value) : refusal(claimed.error.code);
    }),
  );
}

function addHandleRoute(app: Hono<Env>, deps: HttpDeps): void {
  app.get("/v1/handles/:handle", (c) =>
    limited(deps, c, "handle", async () => {
      const handle = c.req.param("handle");
      if (!isHandle(handle)) return refusal("bad-handle");
      const found = await deps.store.findHandle(handle);
      if (!found.ok) return refusal(found.error.code);
      // DI7: drawn in either case, so that both answers take the same steps.
      const nobody = idFromBytes("account", deps.random.bytes(32));
      return answer(handleAnswerShape, { isFound: found.value !== null, accountId: found.value ?? nobody });
    }),
  );
}

function addRendezvousRoutes(app: Hono<Env>, deps: HttpDeps): void {
  const { rendezvous } = deps;
  app.put("/v1/rendezvous/:rendezvousId", (c) =>
    limited(deps, c, "rendezvousUse", async () => {
      const id = pathId(c, "rendezvous", "rendezvousId");
      if (!id.ok) return id.error;
      const body = await readBody(c.req.raw, rendezvousPutShape);
      if (!body.ok) return body.error;
      const mayCreate = (): boolean => deps.rates.take("rendezvousCreate", addressOf(deps, c)).ok;
      const put = rendezvous.put(id.value, body.value, mayCreate);
      return put.ok ? answer(rendezvousStateShape, put.value) : refusal(put.error.code);
    }),
  );
  app.get("/v1/rendezvous/:rendezvousId", (c) =>
    limited(deps, c, "rendezvousUse", async () => {
      const id = pathId(c, "rendezvous", "rendezvousId");
      const after = queryNumber(c, "after");
      if (!id.ok) return id.error;
      if (!after.ok) return after.error;
      const state = await rendezvous.wait(id.value, after.value, c.req.raw.signal);
      return state.ok ? answer(rendezvousStateShape, state.value) : refusal(state.error.code);
    }),
  );
}

/** DI10 */
async function limited(
  deps: HttpDeps,
  c: Route,
  name: RateName,
  respond: () => Promise<Response>,
): Promise<Response> {
  const taken = deps.rates.take(name, addressOf(deps, c));
  const response = taken.ok
    ? await respond()
    : refusal("rate-limited", { retryAfterMs: taken.error.retryAfterMs });
  deps.metrics.httpAnswered(name, response.status);
  return response;
}

function addressOf(deps: HttpDeps, c: Route): string {
  return clientAddress(c.env.incoming, deps.trustsProxy);
}

function done(result: Result<void, { readonly code: Parameters<typeof refusal>[0] }>): Response {
  return result.ok ? answer(doneShape, { isDone: true }) : refusal(result.error.code);
}

function pathId<K extends IdKind>(c: Route, kind: K, name: string): Result<Id<K>, Response> {
  const parsed = parseId(kind, c.req.param(name) ?? "");
  return parsed.ok ? parsed : err(refusal("malformed"));
}

/** A number of the query, 0 where it is absent. */
function queryNumber(c: Route, name: string): Result<number, Response> {
  const text = c.req.query(name) ?? "0";
  return /^\d{1,15}$/.test(text) ? ok(Number(text)) : err(refusal("malformed"));
}
