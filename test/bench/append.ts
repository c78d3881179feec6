/**
 * Durable acknowledged appends: 50 connections, 300-byte sealed entries, one server process, real sockets.
 *
 * Usage: node test/bench/append.ts [--json] [--seconds N] [--window N]
 *
 * Each receipt is counted when it arrives, which is after its transaction was synced. The load comes from this
 * process, the frames are made beforehand, so the server has a core of its own on a machine with two.
 */
import { parseArgs } from "node:util";
import { encode } from "../../core/codec/shape.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { clientFrameShape } from "../../core/protocol/client-frame.ts";
import { connectSignedIn, createWriter, expectFrame, nextEntry, openRequest } from "../support/raw-client.ts";
import { createAccountLog, registerWorld } from "../support/server-account.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { cpuSecondsOf, percentile, report } from "./figures.ts";

const CONNECTIONS = 50;
const SEALED_BYTES = 300;
const WARM_UP_SECONDS = 2;
const FRAMES_PER_SECOND_MAX = 40_000;
/** `[appended, requestId, [[accepted, …` begins with these bytes, whatever the request. */
const APPENDED = 6;

const { values } = parseArgs({
  options: { json: { type: "boolean" }, seconds: { type: "string" }, window: { type: "string" } },
});
const seconds = Number(values.seconds ?? 8);
const window = Number(values.window ?? 4);

await cryptoReady();
const folder = createTemporaryFolder();
const server = await startServer(folder.path, ["--rate-factor", "1000"]);
try {
  await run();
} finally {
  await server.stop();
  folder.discard();
}

interface Writer {
  next(): Uint8Array;
  send(frame: Uint8Array): void;
  readonly sentAtMs: number[];
}

async function run(): Promise<void> {
  const latencies: number[] = [];
  let isCounting = false;
  let refused = 0;
  const writers: Writer[] = [];
  for (let i = 0; i < CONNECTIONS; i++)
    writers.push(
      await createLoad(i, (ms, isAccepted) => {
        if (!isAccepted) refused += 1;
        else if (isCounting) latencies.push(ms);
      }),
    );
  for (const writer of writers) for (let i = 0; i < window; i++) writer.send(writer.next());
  await sleep(WARM_UP_SECONDS * 1_000);
  isCounting = true;
  const startMs = performance.now();
  const startCpu = cpuSecondsOf(server.pid);
  await sleep(seconds * 1_000);
  isCounting = false;
  const elapsed = (performance.now() - startMs) / 1_000;
  const cpu = cpuSecondsOf(server.pid) - startCpu;
  latencies.sort((a, b) => a - b);
  const suite = "append";
  const isJson = values.json === true;
  report(isJson, {
    suite,
    name: "durable acknowledged appends",
    value: latencies.length / elapsed,
    unit: "1/s",
    better: "more",
  });
  report(isJson, {
    suite,
    name: "server CPU per append",
    value: (cpu / latencies.length) * 1e6,
    unit: "us",
    better: "less",
  });
  report(isJson, {
    suite,
    name: "acknowledgement p50",
    value: percentile(latencies, 0.5),
    unit: "ms",
    better: "less",
  });
  report(isJson, {
    suite,
    name: "acknowledgement p99",
    value: percentile(latencies, 0.99),
    unit: "ms",
    better: "less",
  });
  if (refused > 0) throw new Error(`${refused} appends were refused`);
  process.exitCode = 0;
}

async function createLoad(
  index: number,
  onAnswer: (ms: number, isAccepted: boolean) => void,
): Promise<Writer> {
  const world = await registerWorld(server.origin, `append ${index}`);
  const client = await connectSignedIn(server.origin, world);
  const logId = await createAccountLog(client, world);
  const pen = createWriter(logId, world.random.bytes(32));
  expectFrame(await client.call(openRequest(client, 1, logId, { writer: pen })), "opened");
  const sealed = world.random.bytes(SEALED_BYTES);
  const count = Math.ceil((FRAMES_PER_SECOND_MAX * (seconds + WARM_UP_SECONDS)) / CONNECTIONS);
  const frames = Array.from({ length: count }, (_, i) => {
    const entries = [nextEntry(pen, sealed, { epoch: 1 })];
    return encode(clientFrameShape, {
      type: "append",
      requestId: 1_000 + i,
      channel: 1,
      entries,
      admission: null,
    });
  });
  let sent = 0;
  const sentAtMs: number[] = [];
  const writer: Writer = {
    next: () => frames[sent++ % count] ?? new Uint8Array(0),
    send: (frame) => {
      sentAtMs.push(performance.now());
      client.ws.send(frame);
    },
    sentAtMs,
  };
  client.ws.removeAllListeners("message");
  client.ws.on("message", (data: Buffer) => {
    // Answers of one connection come in the order of its appends.
    const atMs = sentAtMs[answered++] ?? 0;
    onAnswer(performance.now() - atMs, data[1] === APPENDED && isAccepted(data));
    if (sent < count) writer.send(writer.next());
  });
  let answered = 0;
  return writer;
}

/** After `[6, requestId, [` (one result, 16-bit or 32-bit request id) stands `[1, seq, chain]`. */
function isAccepted(data: Buffer): boolean {
  const idBytes = data[2] === 0x19 ? 3 : data[2] === 0x1a ? 5 : 1;
  return data[2 + idBytes + 2] === 1;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
