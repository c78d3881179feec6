/** Spans of a real server and of real daemons, at a real collector, and a daemon's metrics: what they tell, and that they name nobody. */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listenForMetrics } from "../../cli/platform/metrics-listener.ts";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliWorld } from "../support/cli-process.ts";
import { good } from "../support/client-world.ts";
import { type CollectedSpan, type SpanCollector, startSpanCollector } from "../support/span-collector.ts";

const TEXTS = ["plums in the icebox", "so sweet and so cold", "forgive me, they were delicious"] as const;
const secrets: string[] = ["Ada of Spring", "Ben of Autumn", "ada-of-spring", "slate-of-ada", ...TEXTS];
/** All that a daemon answered who asked for its metrics. */
const answered: string[] = [];
let collector: SpanCollector;
let world: CliWorld;

beforeAll(async () => {
  collector = await startSpanCollector();
  // The server is told by the variable, the clients by their own option.
  world = await createCliWorld({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin });
  await json("ada", "account", "create", ...of("Ada of Spring"), "--handle", "ada-of-spring");
  await json("ben", "account", "create", ...of("Ben of Autumn"));
  const { link } = await json("ada", "contact", "link");
  await json("ben", "contact", "add", `${link}`, "--name", "Ada");
  await json("ada", "sync");
  await json("ada", "contact", "accept", "Ben of Autumn");
  await json("ben", "sync");
  secrets.push(world.home, "127.0.0.1", "localhost", "dovetail-contact");
}, 240_000);
afterAll(async () => {
  await world.close();
  await collector.close();
});

const of = (name: string) => ["--server", world.origin, "--name", name, "--device", "slate-of-ada"];

/** In this process, which sends no spans: a start costs more than the command. */
async function json(profile: string, ...args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const end = await runHere(world.home, profile, ["--json", ...args]);
  expect(`${end.exitCode} ${end.stderr}`).toBe("0 ");
  // Ids of accounts, devices, conversations and messages, and their short forms.
  for (const id of end.stdout.match(/[0-9a-f]{32,}/g) ?? []) secrets.push(id, id.slice(0, 8));
  return JSON.parse(end.stdout);
}

/** Ada writes, through what has her profile; Ben fetches it. */
async function hand(text: string): Promise<void> {
  await json("ada", "send", "Ben of Autumn", text);
  const fetched = async () => (await json("ben", "sync")).sync;
  await expect.poll(fetched, { timeout: 60_000 }).toMatchObject({ receivedMessages: 1 });
}

const spansOf = (service: string): readonly CollectedSpan[] =>
  collector.spans().filter((span) => span.service === service);
const namesOf = (service: string): readonly string[] =>
  [...new Set(spansOf(service).map(({ name }) => name))].sort();

/** What a daemon answers at `path` to who calls it `host`. */
function ask(port: number, path: string, host = "localhost"): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port, path, headers: { host } }, async (response) => {
      let body = "";
      for await (const part of response.setEncoding("utf8")) body += part;
      answered.push(JSON.stringify(response.headers), body);
      resolve({ status: response.statusCode ?? 0, body });
    });
    asking.once("error", reject).end();
  });
}

/** Where a daemon said that it serves metrics. */
function metricsPort(logFile: string): number {
  return Number(/metrics-listening port=(\d+)/.exec(readFileSync(logFile, "utf8"))?.[1]);
}

/** A daemon says how it does: ready while it reaches the server, with what it sent and received. */
async function askHowItDoes(port: number): Promise<void> {
  const asked = async (path: string) => (await ask(port, path)).body;
  const ready = async () => await ask(port, "/ready");
  await expect.poll(ready, { timeout: 60_000 }).toMatchObject({ status: 200 });
  expect(JSON.parse(await asked("/ready"))).toMatchObject({
    status: "ready",
    store: "open",
    network: "online",
  });
  expect(await ask(port, "/health")).toEqual({ status: 200, body: '{"status":"ok"}\n' });
  await hand(TEXTS[0]);
  const metrics = expect.poll(() => asked("/metrics"), { timeout: 60_000 });
  await metrics.toMatch(/^dovetail_client_sends_total\{outcome="done"\} [1-9]/m);
  await metrics.toMatch(/^dovetail_client_send_seconds_count [1-9]/m);
  await metrics.toMatch(/^dovetail_client_receive_seconds_count [1-9]/m);
  await metrics.toContain('dovetail_client_connection{state="online"} 1\n');
  await metrics.toContain("dovetail_client_queue_depth 0\n");
  await metrics.toMatch(/^dovetail_client_entry_bytes_count\{direction="sent"\} [1-9]/m);
  await metrics.toMatch(/^dovetail_client_entry_bytes_count\{direction="received"\} [1-9]/m);
  await metrics.toMatch(/^dovetail_client_replay_entries_count [1-9]/m);
  await metrics.toMatch(/^dovetail_client_acks_total [1-9]/m);
  expect(await ask(port, "/metrics", "rebound.example")).toEqual({ status: 421, body: "" });
}

test("a message is told of as a send, an append, a delivery and a receive, each by itself and by no name", {
  timeout: 240_000,
}, async () => {
  const logFile = join(world.home, "ada.log");
  const watched = ["--trace-endpoint", collector.origin, "--metrics-listen", "127.0.0.1:0"];
  const started = await world.run("ada", ["daemon", "start", "--log-file", logFile, ...watched]);
  expect(started).toMatchObject({ exitCode: 0 });
  const port = metricsPort(logFile);
  await askHowItDoes(port);
  await world.stopServer();
  await expect.poll(() => ask(port, "/ready"), { timeout: 60_000 }).toMatchObject({ status: 503 });
  expect(JSON.parse((await ask(port, "/ready")).body)).toMatchObject({
    status: "not-connected",
    store: "open",
  });
  // What stops sends what it has.
  await json("ada", "daemon", "stop");
  // A daemon lets its profile go before the last spans.
  await expect
    .poll(() => namesOf("dovetail-client"), { timeout: 60_000 })
    .toEqual(["dovetail.receive", "dovetail.send"]);

  expect(namesOf("dovetail-server")).toEqual(expect.arrayContaining(["dovetail.append", "dovetail.deliver"]));
  const spans = collector.spans();
  for (const span of spans) {
    expect(span.durationNs, span.name).toBeGreaterThan(0);
    expect(span.parentSpanId).toBeUndefined();
    expect(
      Object.keys(span.attributes).every((key) => ["error.type", "dovetail.attempts"].includes(key)),
    ).toBe(true);
  }
  const sends = spansOf("dovetail-client").filter(({ name }) => name === "dovetail.send");
  expect(sends.map(({ isError }) => isError)).not.toContain(true);
  for (const { attributes } of sends) expect(attributes["dovetail.attempts"]).toBeGreaterThan(0);
  // One trace each: nothing says which append was whose send.
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(spans.length);
});

test("no id, name, text or address is in anything that was sent, or told of a daemon", () => {
  // Where it was sent to stands in every request; nothing else of an address does.
  const sent = collector.text().replaceAll(`"host":"${new URL(collector.origin).host}"`, "");
  expect(sent).toContain("dovetail.append");
  expect(new Set(secrets).size).toBeGreaterThan(15);
  const told = answered.join("\n");
  expect(told).toContain("dovetail_client_sends_total");
  for (const secret of secrets) expect(`${sent}${told}`, secret).not.toContain(secret);
});

test("a collector that hangs, or is not there, holds up no message and no end", {
  timeout: 240_000,
}, async () => {
  collector.turn("hanging");
  await world.startServer();
  const args = ["sync", "--watch", "--json", "--trace-endpoint", collector.origin];
  const watching = world.start("ada", args, true);
  await watching.line((line) => line.includes('"online"'));
  await hand(TEXTS[1]);
  await collector.close();
  await hand(TEXTS[2]);
  watching.signal("SIGTERM");
  expect((await watching.end).exitCode).toBe(0);
});

test("an address that is none is said at the start, by the daemon and by what stays", async () => {
  for (const command of [
    ["daemon", "start"],
    ["sync", "--watch"],
  ]) {
    const end = await runHere(world.home, "ada", [...command, "--trace-endpoint", "collector:4317"]);
    expect(end).toMatchObject({ exitCode: 2, stdout: "" });
    expect(end.stderr).toContain("--trace-endpoint is none or the address of a collector");
  }
  const once = await runHere(world.home, "ada", ["sync", "--trace-endpoint", collector.origin]);
  expect(once.exitCode).toBe(2);
  expect(once.stderr).toContain("add --watch");
});

test("metrics are for this machine, on a port that is free, and of a process that stays", async () => {
  const taken = good(await listenForMetrics({ host: "127.0.0.1", port: 0 }, {}));
  const { port } = taken;
  for (const command of [
    ["daemon", "start"],
    ["sync", "--watch"],
  ]) {
    const ask = (address: string) => runHere(world.home, "ada", [...command, "--metrics-listen", address]);
    const exposed = await ask("0.0.0.0:0");
    expect(exposed).toMatchObject({ exitCode: 2, stdout: "" });
    expect(exposed.stderr).toContain("--metrics-listen is for this machine alone");
    const refused = await ask(`127.0.0.1:${port}`);
    expect(refused.exitCode).toBe(6);
    expect(refused.stderr).toContain(`port ${port} of 127.0.0.1 is in use`);
    expect(refused.stderr).toContain("another port");
  }
  await taken.close();
  const once = await runHere(world.home, "ada", ["sync", "--metrics-listen", "127.0.0.1:0"]);
  expect(once.exitCode).toBe(2);
  expect(once.stderr).toContain("add --watch");
});
