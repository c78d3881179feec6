/** What a server tells its operator while people use it: figures and log lines, and nobody in them. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { type CliWorld, createCliWorld } from "../support/cli-process.ts";
import {
  appendOne,
  connectRaw,
  connectSignedIn,
  createWriter,
  nextEntry,
  openRequest,
  signInRequest,
} from "../support/raw-client.ts";
import { createAccountLog, registerWorld } from "../support/server-account.ts";
import { runServerCommand } from "../support/server-command.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
let server: ServerProcess;
let people: CliWorld;
beforeAll(async () => {
  await cryptoReady();
  const args = ["--metrics-listen", "127.0.0.1:0", "--log-level", "debug", "--work-bits", "4"];
  server = await startServer(folder.path, [...args, "--rate", "handle=2/60000"]);
  people = await createCliWorld();
});
afterAll(async () => {
  await people.close();
  expect(await server.stop()).toBe(0);
  folder.discard();
});

const fetchMetrics = async (): Promise<string> => {
  const answered = await fetch(`${server.metricsOrigin}/metrics`);
  expect(answered.status).toBe(200);
  return answered.text();
};

/** Value of one series. */
function seriesValue(text: string, series: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`dovetail_${series} `));
  return line === undefined ? -1 : Number(line.split(" ").at(-1));
}

describe("a server that people use", () => {
  const secrets: string[] = [];

  test("serves no metrics on the port that everybody reaches", async () => {
    expect((await fetch(`${server.origin}/metrics`)).status).toBe(404);
    expect((await fetch(`${server.metricsOrigin}/health`)).status).toBe(404);
    expect(await (await fetch(`${server.origin}/health`)).json()).toEqual({ status: "ok" });
    expect(await (await fetch(`${server.origin}/ready`)).json()).toEqual({ status: "ready" });
  });

  test("counts what it does, in histograms, counters and gauges", { timeout: 240_000 }, async () => {
    const run = (profile: string, ...args: readonly string[]) => people.run(profile, args);
    for (const [profile, handle] of [
      ["ada", "ada-of-spring"],
      ["ben", "ben-of-autumn"],
    ] as const) {
      const created = await run(
        profile,
        "account",
        "create",
        "--server",
        server.origin,
        "--name",
        `${profile} the Tested`,
        "--handle",
        handle,
        "--device",
        `${profile}s-slate`,
        "--json",
      );
      expect(created.exitCode).toBe(0);
      const { account }: { readonly account: { readonly accountId: string; readonly deviceId: string } } =
        JSON.parse(created.stdout);
      secrets.push(
        account.accountId,
        account.accountId.slice(0, 8),
        account.deviceId,
        handle,
        `${profile}s-slate`,
        "the Tested",
      );
    }
    const link = JSON.parse((await run("ben", "contact", "link", "--json")).stdout);
    expect(
      await run(
        "ada",
        "contact",
        "add",
        String(link.link ?? link.contactLink),
        "--greeting",
        "plums in the icebox",
      ),
    ).toMatchObject({ exitCode: 0 });
    expect(await run("ben", "sync")).toMatchObject({ exitCode: 0 });
    expect(await run("ben", "contact", "accept", "ada the Tested")).toMatchObject({ exitCode: 0 });
    secrets.push("plums in the icebox");

    // One that comes back, one that is refused, and one that asks too often.
    const world = await registerWorld(server.origin, "metrics");
    const client = await connectSignedIn(server.origin, world);
    const logId = await createAccountLog(client, world);
    const writer = createWriter(logId, world.random.bytes(32));
    await client.call(openRequest(client, 1, logId, { writer }));
    await client.call({ type: "subscribe", channel: 1, after: 0 });
    const entry = nextEntry(writer, world.random.bytes(100), { epoch: 1 });
    await appendOne(client, 1, entry);
    await appendOne(client, 1, entry);
    await appendOne(client, 1, nextEntry(writer, world.random.bytes(100), { epoch: 9 }));
    await client.until(() => client.delivered(logId).length === 1);
    const again = await connectRaw(server.origin);
    const signedIn = await again.call(signInRequest(again, world));
    if (signedIn.type !== "signedIn" || signedIn.resumeToken === null) throw new Error("no token");
    const resumed = await connectRaw(server.origin);
    await resumed.call({ type: "resume", token: signedIn.resumeToken });
    for (let i = 0; i < 3; i++) await fetch(`${server.origin}/v1/handles/ada-of-spring`);
    secrets.push(logId, "127.0.0.1");

    const text = await fetchMetrics();
    for (const name of [
      "append_seconds",
      "append_batch_entries",
      "entry_bytes",
      "commit_seconds",
      "commit_operations",
      "replay_entries",
      "delivery_subscribers",
    ]) {
      expect(seriesValue(text, `${name}_count`), name).toBeGreaterThan(0);
      expect(text).toContain(`# TYPE dovetail_${name} histogram`);
    }
    expect(seriesValue(text, 'append_entries_total{outcome="accepted"}')).toBeGreaterThan(1);
    expect(seriesValue(text, 'append_entries_total{outcome="duplicate"}')).toBe(1);
    expect(seriesValue(text, 'append_entries_total{outcome="refused"}')).toBe(1);
    expect(seriesValue(text, 'refusals_total{code="stale-epoch"}')).toBe(1);
    expect(seriesValue(text, 'sign_ins_total{means="resume"}')).toBe(1);
    expect(seriesValue(text, 'sign_ins_total{means="signature"}')).toBeGreaterThan(3);
    expect(seriesValue(text, 'rate_limited_total{rate="handle"}')).toBeGreaterThan(0);
    expect(seriesValue(text, 'http_responses_total{route="register",status="200"}')).toBe(3);
    expect(seriesValue(text, "connections")).toBe(3);
    expect(seriesValue(text, "subscriptions")).toBe(1);
    expect(seriesValue(text, "database_bytes")).toBeGreaterThan(10_000);
    expect(seriesValue(text, "store_queue_depth")).toBe(0);
    expect(seriesValue(text, "acks_total")).toBeGreaterThan(0);
    for (const each of [client, again, resumed]) each.close();
  });

  test("[LG18] names nobody: no id, handle, name or address in figures or log lines", async () => {
    const text = await fetchMetrics();
    const log = server.log();
    expect(secrets.length).toBeGreaterThan(10);
    for (const secret of secrets) {
      expect(text, secret).not.toContain(secret);
      expect(log, secret).not.toContain(secret);
    }
    const labelNames = new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, name]) => name));
    expect([...labelNames].sort()).toEqual(["code", "le", "means", "outcome", "rate", "route", "status"]);
    for (const [, value = ""] of text.matchAll(/="([^"]*)"/g))
      expect(value).toMatch(/^[a-zA-Z-]{1,24}$|^[\d.]{1,8}$|^\+Inf$/);
    for (const line of log
      .trim()
      .split("\n")
      .filter((each) => each !== "")) {
      const fields: Record<string, unknown> = JSON.parse(line);
      expect(fields).toMatchObject({
        time: expect.any(String),
        level: expect.any(String),
        event: expect.any(String),
      });
    }
  });

  test("tells the same to its operator's command", async () => {
    const { exitCode, stdout } = await runServerCommand(["metrics", "--data", folder.path]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^dovetail_append_seconds_count \d+$/m);
    const other = createTemporaryFolder();
    expect(await runServerCommand(["metrics", "--data", other.path])).toMatchObject({ exitCode: 1 });
    other.discard();
  });
});

describe("a server that is told to stop", () => {
  test("ends connections with 1001, answers what it has taken, and exits with 0", async () => {
    const own = createTemporaryFolder();
    const stopping = await startServer(own.path, ["--rate-factor", "1000"]);
    const world = await registerWorld(stopping.origin, "stop");
    const client = await connectSignedIn(stopping.origin, world);
    const logId = await createAccountLog(client, world);
    const writer = createWriter(logId, world.random.bytes(32));
    await client.call(openRequest(client, 1, logId, { writer }));
    const entry = nextEntry(writer, world.random.bytes(100), { epoch: 1 });
    const answered = client.call({ type: "append", channel: 1, entries: [entry], admission: null });
    const [ended, closeCode, answer] = await Promise.all([stopping.stop(), client.whenClosed, answered]);
    expect({ ended, closeCode }).toEqual({ ended: 0, closeCode: 1001 });
    // What it had not taken any more is not there; what it had is acknowledged.
    const again = await startServer(own.path, ["--rate-factor", "1000"]);
    const back = await connectSignedIn(again.origin, world);
    const heads = await back.call({ type: "heads", logIds: [logId] });
    const seq = heads.type === "heads" ? heads.heads[0]?.head?.seq : null;
    expect(seq).toBe(answer.type === "appended" ? 1 : 0);
    expect(await again.stop()).toBe(0);
    own.discard();
  });

  test("does so at once when it is told twice", async () => {
    const own = createTemporaryFolder();
    const stopping = await startServer(own.path);
    // One that does not answer a close holds it up for a moment.
    const client = await connectRaw(stopping.origin);
    client.ws.pause();
    stopping.signal("SIGTERM");
    await delay(150);
    stopping.signal("SIGTERM");
    // Who waits for the connection ends with 0.
    expect(await stopping.exited).toBe(1);
    client.ws.terminate();
    own.discard();
  });
});
