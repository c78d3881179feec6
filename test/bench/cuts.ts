/**
 * 1,000 forced disconnects in the middle of 20,000 messages between two people, on real files and a real server: how many
 * are lost, how many are there twice, and how long it all takes.
 *
 * Usage: node test/bench/cuts.ts [--json] [--messages N] [--cuts N]
 */
import { parseArgs } from "node:util";
import { startServer } from "../support/server-process.ts";
import { cutTraffic } from "../support/cut-traffic.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { benchPlatform, devicesReady } from "./bench-device.ts";
import { report } from "./figures.ts";

const { values } = parseArgs({
  options: { json: { type: "boolean" }, messages: { type: "string" }, cuts: { type: "string" } },
});
const isJson = values.json ?? false;
const messages = Number(values.messages ?? 20_000);
const cuts = Number(values.cuts ?? 1_000);
await devicesReady();
const folder = createTemporaryFolder();
const server = await startServer(`${folder.path}/server`, ["--rate-factor", "10000", "--work-bits", "4"]);
try {
  const startMs = performance.now();
  const found = await cutTraffic(server.origin, ["ada", "ben"], {
    messages,
    cuts,
    platforms: { ada: benchPlatform(folder.path, "ada"), ben: benchPlatform(folder.path, "ben") },
    onProgress: (done) => {
      if (!isJson && done % 100 === 0) console.error(`${done} of ${cuts} disconnects`);
    },
  });
  const seconds = (performance.now() - startMs) / 1_000;
  const figure = (name: string, value: number, unit: string) =>
    report(isJson, { suite: "cuts", name, value, unit, better: "less" });
  figure(`${messages} messages, ${found.cuts} cuts: lost`, found.lost, "messages");
  figure("doubled", found.doubled, "messages");
  figure("sides out of order", found.outOfOrder, "sides");
  figure("cuts while something was on its way", found.busyCuts, "cuts");
  figure("until both hold all", seconds, "s");
  if (found.lost + found.doubled + found.outOfOrder > 0) process.exitCode = 1;
} finally {
  await server.stop();
  folder.discard();
}
