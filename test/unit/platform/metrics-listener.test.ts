/** Pages on a loopback address: who is answered, who is refused, and that nothing keeps it. */
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { listenForMetrics, type MetricsListener } from "../../../cli/platform/metrics-listener.ts";
import { METRICS_CONNECTIONS_MAX, METRICS_REQUEST_MS_MAX } from "../../../core/base/limits.ts";
import { good } from "../../support/client-world.ts";
import { readTree } from "../../support/checkout.ts";

vi.mock("node:http", async (importOriginal) => {
  const http = await importOriginal<typeof import("node:http")>();
  return { ...http, createServer: vi.fn(http.createServer) };
});

const ADDRESS = { host: "127.0.0.1", port: 0 };
/** However long a machine takes. */
const PATIENT_MS = 600_000;
const open: MetricsListener[] = [];
afterEach(async () => {
  for (const listener of open.splice(0)) await listener.close();
});

async function listen(requestMsMax?: number): Promise<number> {
  const listener = good(
    await listenForMetrics(
      ADDRESS,
      {
        "/health": async () => ({ status: 200, contentType: "text/plain", body: "alive\n" }),
        "/ready": async () => ({ status: 503, contentType: "text/plain", body: "no\n" }),
        "/broken": () => Promise.reject(new Error("secret of the error")),
      },
      requestMsMax,
    ),
  );
  open.push(listener);
  return listener.port;
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, ADDRESS.host);
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

/** All that comes until the other side ends. */
function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (part) => {
      text += part.toString("utf8");
    });
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
}

/** What is answered to `head`; that it ends at all says that no connection is kept. */
async function ask(port: number, head: string): Promise<string> {
  const socket = await dial(port);
  socket.write(`${head}\r\n\r\n`);
  return readAll(socket);
}

const asHost = (port: number, host: string) => ask(port, `GET /health HTTP/1.1\r\nHost: ${host}`);

describe("a listener for metrics", () => {
  test("answers GET and HEAD of its pages, and nothing else", async () => {
    const port = await listen(PATIENT_MS);
    const request = (line: string) => ask(port, `${line} HTTP/1.1\r\nHost: localhost`);
    expect(await request("GET /health")).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\nalive\n$/s);
    expect(await request("HEAD /health")).toMatch(/^HTTP\/1\.1 200 .*content-length: 6\r\n.*\r\n\r\n$/s);
    expect(await request("GET /ready")).toMatch(/^HTTP\/1\.1 503 .*\r\n\r\nno\n$/s);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
      expect(await request(`${method} /health`), method).toMatch(/^HTTP\/1\.1 405 .*allow: GET, HEAD\r\n/s);
    for (const path of ["/", "/health/", "/Health", "/health?x", "/toString", "/__proto__", "//health"])
      expect(await request(`GET ${path}`), path).toMatch(/^HTTP\/1\.1 404 /);
    const broken = await request("GET /broken");
    expect(broken).toMatch(/^HTTP\/1\.1 500 /);
    expect(broken).not.toContain("secret");
  });

  test("is asked by a name of this machine only, so that no web page has its own name lead here", async () => {
    const port = await listen(PATIENT_MS);
    for (const host of ["127.0.0.1", `127.0.0.1:${port}`, "127.3.2.1", "[::1]:9", "LocalHost:80"])
      expect(await asHost(port, host), host).toMatch(/^HTTP\/1\.1 200 /);
    for (const host of [
      "rebound.example",
      "127.0.0.1.rebound.example",
      "localhost.rebound.example",
      "127.0.0.1@rebound.example",
      "rebound.example:127",
      "10.0.0.1",
      "0.0.0.0",
      "[::]",
      "127.1",
      "2130706433",
      "",
    ])
      expect(await asHost(port, host), host).toMatch(/^HTTP\/1\.1 4(00|21) /);
    expect(await ask(port, "GET /health HTTP/1.0")).toMatch(/^HTTP\/1\.1 421 /);
    expect(await ask(port, "GET http://localhost/health HTTP/1.1\r\nHost: localhost")).toMatch(/ 404 /);
  });

  test("refuses a head that is too long", async () => {
    const port = await listen(PATIENT_MS);
    const padding = `X: ${"x".repeat(32_768)}`;
    const answer = await ask(port, `GET /health HTTP/1.1\r\nHost: localhost\r\n${padding}`);
    expect(answer).toMatch(/^(HTTP\/1\.1 431 .*)?$/s);
  });

  test("holds so many connections and no more, and others again when they have gone", async () => {
    const port = await listen(PATIENT_MS);
    const held: Socket[] = [];
    for (let i = 0; i < METRICS_CONNECTIONS_MAX; i++) held.push(await dial(port));
    expect(await readAll(await dial(port))).toBe("");
    const answers = held.map(readAll);
    for (const socket of held) socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (const answer of answers) expect(await answer).toContain("alive");
    await expect.poll(() => asHost(port, "localhost"), { timeout: 60_000 }).toContain("alive");
  });

  test("waits so long for a request", async () => {
    await listen();
    const bounds = { headersTimeout: METRICS_REQUEST_MS_MAX, requestTimeout: METRICS_REQUEST_MS_MAX };
    expect(createServer).toHaveBeenLastCalledWith(expect.objectContaining(bounds), expect.anything());
    const socket = await dial(await listen(20));
    socket.write("GET /hea");
    // That it ends is what is asked; its last word may be lost on the way.
    expect(await readAll(socket)).toMatch(/^(HTTP\/1\.1 408 .*)?$/s);
  });

  test("ends at once, whoever is connected", async () => {
    const port = await listen(PATIENT_MS);
    const idle = await dial(port);
    const ended = readAll(idle);
    idle.write("GET /hea");
    await open.splice(0)[0]?.close();
    expect(await ended).toBe("");
    await expect(dial(port)).rejects.toThrow("ECONNREFUSED");
  });

  test("says that a port is in use", async () => {
    const port = await listen(PATIENT_MS);
    expect(await listenForMetrics({ ...ADDRESS, port }, {})).toEqual({
      ok: false,
      error: { type: "MetricsNotServed", host: "127.0.0.1", port, detail: "EADDRINUSE" },
    });
  });
});

test("what serves metrics is read by who wants them, and by no other command", () => {
  const commandLine = readTree(["cli"], [".ts"]);
  for (const [file, text] of commandLine) expect(text, file).not.toMatch(/^import (?!type).*"node:https?"/m);
  const importers = [...readTree(["core", "cli", "app"], [".ts"])].flatMap(([file, text]) =>
    [...text.matchAll(/(\S+?)\s*"prom-client"/g)].map(([, how]) => `${file} ${how}`),
  );
  expect(importers).toEqual(["cli/platform/client-metrics.ts import("]);
});
