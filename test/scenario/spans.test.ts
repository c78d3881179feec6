/** Spans of a real server and of real daemons, at a real collector: what they tell, and that they name nobody. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliWorld } from "../support/cli-process.ts";
import { type CollectedSpan, type SpanCollector, startSpanCollector } from "../support/span-collector.ts";

const TEXTS = ["plums in the icebox", "so sweet and so cold", "forgive me, they were delicious"] as const;
const secrets: string[] = ["Ada of Spring", "Ben of Autumn", "ada-of-spring", "slate-of-ada", ...TEXTS];
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

test("a message is told of as a send, an append, a delivery and a receive, each by itself and by no name", {
  timeout: 240_000,
}, async () => {
  const started = await world.run("ada", ["daemon", "start", "--trace-endpoint", collector.origin]);
  expect(started).toMatchObject({ exitCode: 0 });
  await hand(TEXTS[0]);
  // What stops sends what it has.
  await json("ada", "daemon", "stop");
  await world.stopServer();
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

test("no id, name, text or address is in anything that was sent", () => {
  // Where it was sent to stands in every request; nothing else of an address does.
  const sent = collector.text().replaceAll(`"host":"${new URL(collector.origin).host}"`, "");
  expect(sent).toContain("dovetail.append");
  expect(new Set(secrets).size).toBeGreaterThan(15);
  for (const secret of secrets) expect(sent, secret).not.toContain(secret);
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
