/**
 * What an idle signed-in connection costs the server: resident memory, and CPU for its heartbeats; and how soon all of them are back after the
 * server was killed.
 *
 * Usage: node test/bench/sockets.ts [--json] [--count N] [--restart]
 *
 * With `--restart` the server is killed and started again at once. Each connection comes back as a client's engine does it, with the same
 * delays, and reads the log of its account on. Meanwhile one of them writes an entry twice a second, as often as it takes until it is
 * acknowledged. In the end everyone has to have all of them, each once and in order.
 */
import { parseArgs } from "node:util";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { THIS_NODE } from "../support/start-program.ts";
import { connectSignedIn, type RawClient } from "../support/raw-client.ts";
import { registerWorld } from "../support/server-account.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { cpuSecondsOf, percentile, report, residentBytesOf } from "./figures.ts";
import { comeBack } from "./restart-storm.ts";

const AT_ONCE = 50;
const IDLE_SECONDS = 20;

const { values } = parseArgs({
  options: { json: { type: "boolean" }, count: { type: "string" }, restart: { type: "boolean" } },
});
const count = Number(values.count ?? 10_000);
/** Opened first and not counted: a server that has just started grows for other reasons. */
const WARM_UP = 2_000;
const isJson = values.json === true;

await cryptoReady();
const folder = createTemporaryFolder();
// The collector runs when we ask, so that what is measured is what is held.
const args = ["--rate-factor", "1000", "--sockets-per-address", "100000"];
// As `npm start` runs it.
const runtime = { ...THIS_NODE, args: ["--max-semi-space-size=16"] };
let server = await startServer(folder.path, args, runtime);
const world = await registerWorld(server.origin, "sockets");
const clients: RawClient[] = [];
await open(WARM_UP);
const before = await settledBytes();
const startMs = performance.now();
await open(count);
const openMs = performance.now() - startMs;
const after = await settledBytes();
const cpuBefore = cpuSecondsOf(server.pid);
await sleep(IDLE_SECONDS * 1_000);
const cpu = cpuSecondsOf(server.pid) - cpuBefore;
const suite = "sockets";
report(isJson, {
  suite,
  name: "memory of an idle signed-in socket",
  value: (after - before) / count / 1_024,
  unit: "KiB",
  better: "less",
});
report(isJson, { suite, name: "sign-ins", value: (count / openMs) * 1_000, unit: "1/s", better: "more" });
report(isJson, {
  suite,
  name: `CPU of ${WARM_UP + count} idle sockets`,
  value: (cpu / IDLE_SECONDS) * 100,
  unit: "%",
  better: "less",
});
if (values.restart === true) await restart();
for (const client of clients) client.ws.terminate();
await server.stop();
folder.discard();

async function restart(): Promise<void> {
  const storm = await comeBack({
    clients,
    world,
    restart: async () => {
      await server.kill();
      server = await startServer(folder.path, [...args, "--port", new URL(server.origin).port], runtime);
    },
  });
  const figures = [
    ["median", percentile(storm.backAfterMs, 0.5)],
    ["p99", percentile(storm.backAfterMs, 0.99)],
    ["all", percentile(storm.backAfterMs, 1)],
  ] as const;
  for (const [name, ms] of figures)
    report(isJson, {
      suite: "sockets",
      name: `back after a restart, ${name} of ${clients.length}`,
      value: ms / 1_000,
      unit: "s",
      better: "less",
    });
  report(isJson, {
    suite: "sockets",
    name: "entries acknowledged meanwhile, had by all",
    value: storm.entries,
    unit: "",
    better: "more",
  });
}

async function open(howMany: number): Promise<void> {
  for (let i = 0; i < howMany; i += AT_ONCE) {
    clients.push(
      ...(await Promise.all(Array.from({ length: AT_ONCE }, () => connectSignedIn(server.origin, world)))),
    );
  }
}

/** Resident bytes once they have stopped falling: the collector needs a while. */
async function settledBytes(): Promise<number> {
  let lowest = residentBytesOf(server.pid);
  for (let i = 0; i < 8; i++) {
    await sleep(1_000);
    lowest = Math.min(lowest, residentBytesOf(server.pid));
  }
  return lowest;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
