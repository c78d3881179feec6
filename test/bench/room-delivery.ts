/**
 * A room of many devices, each with a connected socket: messages a second through a real server to all of them, while some have the
 * group's whole state, open everything, follow commits and compare what they come to.
 *
 * Usage: node test/bench/room-delivery.ts [--json] [--sockets 1000] [--full 10] [--rate 100] [--seconds 20 | --long]
 *
 * `--long` is an hour. Ends with an error when anything was lost, came twice, did not open, or members differ.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { runRoomCrowd } from "../support/room-crowd.ts";
import { cpuSecondsOf, report } from "./figures.ts";

const HOUR_SECONDS = 3_600;

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    long: { type: "boolean" },
    sockets: { type: "string" },
    full: { type: "string" },
    rate: { type: "string" },
    seconds: { type: "string" },
  },
});
const sockets = Number(values.sockets ?? 1_000);
const plan = {
  sockets,
  full: Number(values.full ?? 10),
  perSecond: Number(values.rate ?? 100),
  seconds: values.long === true ? HOUR_SECONDS : Number(values.seconds ?? 20),
};

await cryptoReady();
const folder = createTemporaryFolder();
const server = await startServer(folder.path, ["--rate-factor", "1000", "--sockets-per-address", "100000"]);
const startCpu = { value: 0 };
const found = await runRoomCrowd(server.origin, plan, () => {
  startCpu.value = cpuSecondsOf(server.pid);
});
const serverCpu = cpuSecondsOf(server.pid) - startCpu.value;
await server.stop();
folder.discard();
for (const [name, value, unit, better] of [
  [`messages to ${sockets} devices`, found.sent / found.seconds, "1/s", "more"],
  ["deliveries", found.deliveries / found.seconds, "1/s", "more"],
  ["from the append to the last device, median", found.medianMs, "ms", "less"],
  ["from the append to the last device, p99", found.p99Ms, "ms", "less"],
  ["server CPU per delivery", (serverCpu / found.deliveries) * 1e6, "us", "less"],
  ["commits followed by all", found.commits, "commits", "more"],
] as const)
  report(values.json === true, { suite: "room-delivery", name, value, unit, better });
if (found.faults.length > 0) {
  console.error(found.faults.join("\n"));
  process.exit(1);
}
