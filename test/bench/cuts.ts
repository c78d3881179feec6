/**
 * Forced disconnects of 20 devices in the middle of writing, at bytes of their streams: how many messages are lost, how many
 * are there twice, and how many stand out of their sender's order.
 *
 * Ten people with two devices each, in pairs, write to each other through a tap on loopback that cuts each connection at a byte drawn
 * by chance: with a reset that both ends hear, in silence, or with a reset that one end hears. Devices wait a quarter of what they
 * would, so that who is not told finds out in seconds, and write up to `--run` messages in a row before anything else happens. They are
 * in memory unless `--files` is given. After `--seconds` nothing more is written.
 *
 * For more than 100,000 messages name `--external-memory-accounted-in-global-limit` and `--max-old-space-size` to node: else it looks through
 * all it holds with every 64 MiB that documents have given it.
 *
 * Usage: node test/bench/cuts.ts [--json] [--messages N] [--cuts N] [--pairs N] [--bytes N] [--seconds N] [--run N] [--files] [--seed S]
 */
import { parseArgs } from "node:util";
import { type Clock, createSystemClock } from "../../core/base/clock.ts";
import { memoryPlatform } from "../support/client-world.ts";
import { cutTraffic } from "../support/cut-traffic.ts";
import { CUT_KINDS, startCuttingTap } from "../support/cutting-tap.ts";
import { freePort } from "../support/free-port.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { benchPlatform, devicesReady } from "./bench-device.ts";
import { report } from "./figures.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    messages: { type: "string", default: "20000" },
    cuts: { type: "string", default: "1000" },
    pairs: { type: "string", default: "5" },
    bytes: { type: "string", default: "60000" },
    seconds: { type: "string", default: "Infinity" },
    files: { type: "boolean", default: false },
    run: { type: "string", default: "1" },
    seed: { type: "string", default: "cuts" },
  },
});
const [messages, cuts, pairs] = [Number(values.messages), Number(values.cuts), Number(values.pairs)];
const DEVICES_EACH = 2;
const HASTE = 4;

await devicesReady();
const folder = createTemporaryFolder();
const port = await freePort();
const tap = await startCuttingTap(port, {
  random: createSeededRandom(values.seed),
  bytesMean: Number(values.bytes),
  shares: { reset: 55, silence: 10, "half-open behind": 25, "half-open before": 10 },
  toldAfterMs: null,
});
const origin = `http://127.0.0.1:${tap.port}`;
const server = await startServer(`${folder.path}/server`, [
  ...["--rate-factor", "10000", "--work-bits", "4", "--sockets-per-address", "100000"],
  ...["--registration", "open", "--port", String(port), "--origin", origin],
]);
try {
  const startMs = performance.now();
  const clock = createHastyClock(HASTE);
  const found = await cutTraffic(origin, tap, {
    ...{ pairs, devicesEach: DEVICES_EACH, messages, cuts, secondsMax: Number(values.seconds) },
    runMax: Number(values.run),
    platform: (name) =>
      values.files ? { ...benchPlatform(folder.path, name), clock } : memoryPlatform({ clock }),
    onProgress: (written, cut) => {
      if (!values.json) console.error(`${written} messages, ${cut} disconnects, ${mebibytesHeld()} MiB`);
    },
    onStep: (step) => {
      if (!values.json) console.error(`${Math.round((performance.now() - startMs) / 1_000)} s, ${step}`);
    },
  });
  const seconds = (performance.now() - startMs) / 1_000;
  const figure = (name: string, value: number, unit: string) =>
    report(values.json, { suite: "cuts", name, value, unit, better: "less" });
  figure(
    `${found.messages} messages on ${found.devices} devices, ${found.cuts} cuts: lost`,
    found.lost,
    "messages",
  );
  figure("doubled", found.doubled, "messages");
  figure("written by nobody", found.unknown, "messages");
  figure("out of a sender's order", found.outOfOrder, "times");
  for (const kind of CUT_KINDS) figure(`cuts: ${kind}`, tap.cuts[kind], "cuts");
  figure("until all hold all", seconds, "s");
  figure("processor time, all devices and the tap", found.processorMs / found.messages, "ms a message");
  if (found.lost + found.doubled + found.outOfOrder + found.unknown > 0) process.exitCode = 1;
} finally {
  await server.stop();
  await tap.close();
  folder.discard();
}

function mebibytesHeld(): number {
  return Math.round(process.memoryUsage.rss() / 1_048_576);
}

/** A clock that is right, and on which every wait is shorter. */
function createHastyClock(factor: number): Clock {
  const system = createSystemClock();
  return { nowMs: system.nowMs, schedule: (delayMs, task) => system.schedule(delayMs / factor, task) };
}
