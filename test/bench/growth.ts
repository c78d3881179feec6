/**
 * What grows with the number of messages: bytes at rest on the server and on a device, time and memory to open, time to
 * send one more. One account, one conversation; messages are put where writing them would have put them.
 *
 * Usage: node test/bench/growth.ts [--json] [--long] [--svg FILE]
 *
 * Sizes are 1,000, 10,000 and 100,000, with `--long` 1,000,000 too. Each size is a world of its own, with the real server
 * process and stores on disk. After it was written two snapshots are made and the server lets go of what they cover.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { plotGrowth } from "./plot-growth.ts";
import { report } from "./figures.ts";
import type { GrowthFigures } from "./growth-world.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    long: { type: "boolean" },
    svg: { type: "string" },
    sizes: { type: "string" },
  },
});
const isJson = values.json ?? false;
const sizes =
  values.sizes?.split(",").map(Number) ??
  (values.long === true ? [1_000, 10_000, 100_000, 1_000_000] : [1_000, 10_000, 100_000]);

const all: GrowthFigures[] = [];
for (const messages of sizes) {
  // A process of its own: memory is measured.
  const run = spawnSync(process.execPath, [join(import.meta.dirname, "growth-world.ts"), String(messages)], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (run.status !== 0) process.exit(1);
  const figures: GrowthFigures = JSON.parse(run.stdout);
  all.push(figures);
  for (const [name, value, unit] of [
    ["server bytes", figures.serverBytes, "bytes"],
    ["server over its snapshot", figures.serverBytes / figures.snapshotBytes, "x"],
    ["server without the history", figures.serverBytes - figures.historyBytes, "bytes"],
    ["history over its snapshot", figures.historyBytes / figures.snapshotBytes, "x"],
    ["history over its snapshot, filled", figures.historyFilledBytes / figures.snapshotBytes, "x"],
    ["server over the ops", figures.serverBytes / figures.opBytes, "x"],
    ["device bytes", figures.deviceBytes, "bytes"],
    ["device over the ops", figures.deviceBytes / figures.opBytes, "x"],
    ["open", figures.openMs, "ms"],
    ["memory to open", figures.openBytes, "bytes"],
    ["list and newest page", figures.listMs, "ms"],
    ["send one more", figures.sendMs, "ms"],
    ["send and sync one more", figures.syncMs, "ms"],
  ] as const)
    report(isJson, { suite: "growth", name: `${messages} messages: ${name}`, value, unit, better: "less" });
}
if (values.svg !== undefined) writeFileSync(values.svg, plotGrowth(all));
