/** What the server hands out of a built web app. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWebApp } from "../../sync-server/http/web-app.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const PAGE = "<!doctype html><title>Dovetail</title>";
const SCRIPT = "export const answer = 42; // ".padEnd(4_000, "x");
const WORKER = "/assets/engine-worker-Ab_1-2.js";
const EMBED = { page: "<!doctype html><title>Frame</title>", script: "// defines an element" };
const SITES = ["https://shop.example", "http://127.0.0.1:5000"];
const folder = createTemporaryFolder();
let server: LocalServer;
/** As `server`, and two sites may show a chat of it. */
let shown: LocalServer;

beforeAll(async () => {
  mkdirSync(join(folder.path, "assets"));
  writeFileSync(join(folder.path, "index.html"), PAGE);
  writeFileSync(join(folder.path, "service-worker.js"), "// none");
  writeFileSync(join(folder.path, "assets", "a-1.js"), SCRIPT);
  writeFileSync(join(folder.path, "assets", "a-1.js.br"), brotliCompressSync(SCRIPT));
  writeFileSync(join(folder.path, "assets", "a-1.js.gz"), gzipSync(SCRIPT));
  writeFileSync(join(folder.path, WORKER), "// the engine");
  writeFileSync(join(folder.path, "embed.html"), EMBED.page);
  writeFileSync(join(folder.path, "embed.js"), EMBED.script);
  server = await startLocalServer({ webAppFolder: folder.path });
  shown = await startLocalServer({ webAppFolder: folder.path, embedOrigins: SITES });
});
afterAll(async () => {
  await shown.close();
  await server.close();
  folder.discard();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** As it is sent, not as `fetch` would unpack it. */
function get(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  { port }: LocalServer = server,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port, path, headers: { ...headers } }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts),
        }),
      );
    });
    request.on("error", reject);
    request.end();
  });
}

test("[WB10] every answer carries the policy that lets a page run its own code and nothing else", async () => {
  for (const path of ["/", "/assets/a-1.js", "/v1/server", "/nothing.js"]) {
    const { headers } = await get(path);
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(policy).toContain("connect-src 'self';");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:|\*/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["referrer-policy"]).toBe("no-referrer");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
  }
});

test("[WB15] only the engine's worker reaches other servers, and loopback only from loopback", async () => {
  const policyOf = async ({ headers }: Pick<Answer, "headers">) =>
    /connect-src ([^;]*);/.exec(String(headers["content-security-policy"]))?.[1];
  const onLoopback =
    "'self' https: wss: http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*";
  expect(await policyOf(await get(WORKER))).toBe(onLoopback);
  for (const path of ["/", "/assets/a-1.js", "/assets/engine-worker-1.js.map"])
    expect(await policyOf(await get(path))).toBe("'self'");
  const page = createWebApp(folder.path, () => ["https://chat.example"]);
  const headers = page({ path: WORKER, header: () => undefined })?.headers;
  expect(headers?.get("content-security-policy")).toContain("; connect-src 'self' https: wss:; ");
});

test("[WB11] what is named by its content is kept for ever, the rest is asked for again", async () => {
  const asset = await get("/assets/a-1.js");
  expect(asset.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  expect(asset.headers["content-type"]).toBe("text/javascript; charset=utf-8");
  for (const path of ["/", "/service-worker.js"]) {
    const first = await get(path);
    expect(first.headers["cache-control"]).toBe("no-cache");
    const again = await get(path, { "if-none-match": String(first.headers.etag) });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    expect((await get(path, { "if-none-match": '"other"' })).status).toBe(200);
  }
});

test("[WB12] a file comes in the smallest form that is accepted", async () => {
  const br = await get("/assets/a-1.js", { "accept-encoding": "gzip, deflate, br" });
  expect(br.headers["content-encoding"]).toBe("br");
  expect(brotliDecompressSync(br.body).toString()).toBe(SCRIPT);
  const gz = await get("/assets/a-1.js", { "accept-encoding": "gzip;q=0.5, br;q=0" });
  expect(gz.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(gz.body).toString()).toBe(SCRIPT);
  const plain = await get("/assets/a-1.js");
  expect(plain.headers["content-encoding"]).toBeUndefined();
  expect(plain.body.toString()).toBe(SCRIPT);
  for (const { headers } of [br, gz, plain]) expect(headers.vary).toBe("accept-encoding");
  expect((await get("/assets/a-1.js.br")).status).toBe(404);
});

test("[WB13] a path of the app's own gets its page; a file that is not there, and the protocol, do not", async () => {
  for (const path of ["/", "/index.html", "/contacts", "/conversation/0a1b"]) {
    const { status, body, headers } = await get(path, { accept: "text/html,*/*;q=0.8" });
    expect([status, body.toString()]).toEqual([200, PAGE]);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
  }
  expect((await get("/contacts")).status).toBe(404);
  for (const path of [
    "/assets/b-2.js",
    "/other.css",
    "/v1/nothing",
    "/%2e%2e/etc",
    "//etc",
    "/../package.json",
  ])
    expect((await get(path, { accept: "text/html" })).status, path).toBe(404);
});

test("[WB14] a page under another name of this machine is sent to the first", async () => {
  const host = `localhost:${server.port}`;
  const page = await get("/contacts", { host, accept: "text/html" });
  expect([page.status, page.headers.location]).toEqual([307, `${server.origin}/contacts`]);
  expect((await get("/contacts", { host: "elsewhere.example", accept: "text/html" })).status).toBe(200);
  expect((await get("/assets/a-1.js", { host })).status).toBe(200);
  expect((await get("/v1/server", { host })).status).toBe(200);
});

const ancestorsOf = ({ headers }: Answer) =>
  /frame-ancestors ([^;]*);/.exec(String(headers["content-security-policy"]))?.[1];

test("[WB40] only one page may be framed, by the sites that were named, and by nobody while none is", async () => {
  const page = await get("/embed.html", {}, shown);
  expect([page.status, page.body.toString()]).toEqual([200, EMBED.page]);
  expect(ancestorsOf(page)).toBe(SITES.join(" "));
  expect(page.headers["x-frame-options"]).toBeUndefined();
  expect(page.headers["cache-control"]).toBe("no-store");
  // But for who may frame it, its policy is that of the app.
  const own = String((await get("/", {}, shown)).headers["content-security-policy"]);
  expect(String(page.headers["content-security-policy"]).replace(SITES.join(" "), "'none'")).toBe(own);
  for (const path of ["/", "/index.html", "/embed", "/embed.js", "/assets/a-1.js", WORKER, "/v1/server"]) {
    const answer = await get(path, { accept: "text/html" }, shown);
    expect([ancestorsOf(answer), answer.headers["x-frame-options"]], path).toEqual(["'none'", "DENY"]);
  }
  for (const path of ["/embed.html", "/embed.js"]) {
    const refused = await get(path);
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body.toString())).toEqual({
      error: "embedding-off",
      message: expect.stringContaining("--embed-origin https://host"),
    });
    expect([ancestorsOf(refused), refused.headers["x-frame-options"]]).toEqual(["'none'", "DENY"]);
  }
});

test("[WB41] the script goes to pages of these sites, each by its own name, and to no other's", async () => {
  for (const origin of SITES) {
    const { status, headers, body } = await get("/embed.js", { origin }, shown);
    expect([status, body.toString()]).toEqual([200, EMBED.script]);
    expect(headers["access-control-allow-origin"]).toBe(origin);
    expect(headers.vary).toBe("accept-encoding, origin");
    expect(headers["cache-control"]).toBe("no-cache");
  }
  for (const origin of [
    "https://other.example",
    "https://shop.example.other",
    "https://shop.example:8443",
    "null",
  ]) {
    const { status, headers, body } = await get("/embed.js", { origin }, shown);
    expect([status, headers["access-control-allow-origin"]], origin).toEqual([403, undefined]);
    expect(JSON.parse(body.toString())).toMatchObject({ error: "embedding-not-allowed" });
  }
  // Who looks at it is no page.
  expect((await get("/embed.js", {}, shown)).status).toBe(200);
  // A site that may show a chat may do nothing else than others may.
  for (const path of ["/", "/assets/a-1.js", "/v1/nothing"])
    expect((await get(path, { origin: "http://127.0.0.1:5000" }, shown)).status, path).toBe(403);
});
