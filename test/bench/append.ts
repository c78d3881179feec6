/**
 * Durable acknowledged appends: one server process, real sockets, each writer with an account and a log of its own.
 *
 * Usage: node test/bench/append.ts [--json] [--seconds N] [--window N] [--rate N] [--connections N] [--bytes N]
 *
 * Each receipt is counted when it arrives, which is after its transaction was synced. Without `--rate` every connection keeps `--window`
 * entries on their way (closed loop): how many a second, at most. With it that many are due a second, whatever is answered (open loop), and a
 * latency runs from when an entry was due. The load comes from this process, so the server has a core of its own on a machine with two.
 */
import { parseArgs } from "node:util";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { createLoadWriter, type LoadWriter, sendOpenLoop } from "./append-load.ts";
import { cpuSecondsOf, percentile, report, residentBytesOf } from "./figures.ts";

const WARM_UP_SECONDS = 2;
/** How long the last answers may take once nothing more is sent. */
const LAST_ANSWERS_MS = 60_000;

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    seconds: { type: "string", default: "8" },
    window: { type: "string", default: "4" },
    rate: { type: "string" },
    connections: { type: "string", default: "50" },
    bytes: { type: "string", default: "300" },
  },
});
const seconds = Number(values.seconds);
const rate = values.rate === undefined ? null : Number(values.rate);

await cryptoReady();
const folder = createTemporaryFolder();
const server = await startServer(folder.path, ["--rate-factor", "1000"]);
try {
  await run();
} finally {
  await server.stop();
  folder.discard();
}

async function run(): Promise<void> {
  const latenciesMs: number[] = [];
  let countsFromMs = Number.POSITIVE_INFINITY;
  let endsAtMs = Number.POSITIVE_INFINITY;
  let refused = 0;
  const onAnswer = (dueAtMs: number, isAccepted: boolean, writer: LoadWriter): void => {
    const nowMs = performance.now();
    if (!isAccepted) refused += 1;
    else if (rate === null ? nowMs >= countsFromMs && nowMs < endsAtMs : dueAtMs >= countsFromMs)
      latenciesMs.push(nowMs - dueAtMs);
    if (rate === null && nowMs < endsAtMs) writer.send(nowMs);
  };
  const writers: LoadWriter[] = [];
  for (let i = 0; i < Number(values.connections); i++)
    writers.push(
      await createLoadWriter(
        server.origin,
        { name: `append ${i}`, sealedBytes: Number(values.bytes) },
        onAnswer,
      ),
    );
  const startMs = performance.now();
  countsFromMs = startMs + WARM_UP_SECONDS * 1_000;
  endsAtMs = countsFromMs + seconds * 1_000;
  let startCpu = 0;
  setTimeout(() => {
    startCpu = cpuSecondsOf(server.pid);
  }, WARM_UP_SECONDS * 1_000);
  if (rate === null) {
    for (const writer of writers) for (let i = 0; i < Number(values.window); i++) writer.send(startMs);
    await sleep(endsAtMs - startMs);
  } else await sendOpenLoop(writers, { perSecond: rate, untilMs: endsAtMs });
  const cpu = cpuSecondsOf(server.pid) - startCpu;
  await lastAnswers(writers);
  if (refused > 0) throw new Error(`${refused} appends were refused`);
  say(
    latenciesMs.sort((a, b) => a - b),
    cpu,
  );
}

async function lastAnswers(writers: readonly LoadWriter[]): Promise<void> {
  const byMs = performance.now() + LAST_ANSWERS_MS;
  while (writers.some((writer) => writer.waiting() > 0)) {
    if (performance.now() > byMs) throw new Error("appends were not answered");
    await sleep(10);
  }
}

function say(latenciesMs: readonly number[], cpu: number): void {
  const figures = [
    [
      rate === null ? "durable acknowledged appends" : `appends of ${rate} due a second`,
      latenciesMs.length / seconds,
      "1/s",
      "more",
    ],
    ["server CPU per append", (cpu / latenciesMs.length) * 1e6, "us", "less"],
    ["server's memory at the end", residentBytesOf(server.pid) / 1_048_576, "MiB", "less"],
    ...[0.5, 0.9, 0.99, 0.999, 1].map(
      (share) =>
        [
          share === 1 ? "acknowledgement, longest" : `acknowledgement p${share * 100}`,
          percentile(latenciesMs, share),
          "ms",
          "less",
        ] as const,
    ),
  ] as const;
  for (const [name, value, unit, better] of figures)
    report(values.json === true, {
      suite: "append",
      name: rate === null ? name : `${name}, open loop`,
      value,
      unit,
      better,
    });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
