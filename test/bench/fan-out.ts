/**
 * One writer, 1,000 listeners: deliveries a second through the server, durable and in order, against `ws` alone
 * broadcasting the same bytes from memory, in the same run.
 *
 * Usage: node test/bench/fan-out.ts [--json] [--listeners N] [--entries N]
 *
 * Each listener counts an entry when the frame that holds it has arrived; entries end with their number, and a
 * frame ends with its last entry. Rounds alternate between the two; medians count.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { connectSignedIn, createWriter, expectFrame, nextEntry, openRequest } from "../support/raw-client.ts";
import { createAccountLog, registerWorld } from "../support/server-account.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { cpuSecondsOf, report } from "./figures.ts";

const SEALED_BYTES = 300;
const ROUNDS = 5;
const WINDOW = 8;
/** An entry of 300 bytes in its deliver frame. */
const FRAME_BYTES = 380;

const { values } = parseArgs({
  options: { json: { type: "boolean" }, listeners: { type: "string" }, entries: { type: "string" } },
});
const listenerCount = Number(values.listeners ?? 1_000);
const entryCount = Number(values.entries ?? 300);

/** A way to send numbered messages to listeners. */
interface Broadcast {
  readonly pid: number;
  readonly listeners: readonly WebSocket[];
  /** Sends message `number`; resolves when the sender was answered. */
  send(number: number): Promise<void>;
  stop(): Promise<void>;
}

await cryptoReady();
const ours = await startOurs();
const peer = await startPeer();
const oursRounds: Round[] = [];
const peerRounds: Round[] = [];
let next = 1;
for (let round = 0; round < ROUNDS; round++) {
  peerRounds.push(await run(peer, next));
  oursRounds.push(await run(ours, next));
  next += entryCount;
}
await ours.stop();
await peer.stop();
const suite = "fan-out";
const rate = median(oursRounds.map(({ perSecond }) => perSecond));
const peerRate = median(peerRounds.map(({ perSecond }) => perSecond));
const isJson = values.json === true;
report(isJson, {
  suite,
  name: `deliveries, 1 -> ${listenerCount}`,
  value: rate,
  unit: "1/s",
  better: "more",
  peer: "ws alone, in memory",
  ratio: rate / peerRate,
});
const cpu = median(oursRounds.map(({ cpuMicros }) => cpuMicros));
const peerCpu = median(peerRounds.map(({ cpuMicros }) => cpuMicros));
report(isJson, {
  suite,
  name: "server CPU per delivery",
  value: cpu,
  unit: "us",
  better: "less",
  peer: "ws alone, in memory",
  ratio: peerCpu / cpu,
});

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function run(broadcast: Broadcast, first: number): Promise<Round> {
  const last = first + entryCount - 1;
  const arrived = Promise.all(broadcast.listeners.map((listener) => arrivalOf(listener, last)));
  const startMs = performance.now();
  const startCpu = cpuSecondsOf(broadcast.pid);
  const inFlight: Promise<void>[] = [];
  for (let number = first; number <= last; number++) {
    inFlight.push(broadcast.send(number));
    if (inFlight.length >= WINDOW) await inFlight.shift();
  }
  await Promise.all([...inFlight, arrived]);
  const deliveries = entryCount * broadcast.listeners.length;
  const seconds = (performance.now() - startMs) / 1_000;
  return {
    perSecond: deliveries / seconds,
    cpuMicros: ((cpuSecondsOf(broadcast.pid) - startCpu) / deliveries) * 1e6,
  };
}

function arrivalOf(listener: WebSocket, last: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (data: Buffer): void => {
      if (data.readUInt32BE(data.length - 4) !== last) return;
      listener.off("message", look);
      resolve();
    };
    listener.on("message", look);
  });
}

function numbered(length: number, number: number): Uint8Array {
  const bytes = Buffer.alloc(length, 7);
  bytes.writeUInt32BE(number, length - 4);
  return new Uint8Array(bytes);
}

async function startOurs(): Promise<Broadcast> {
  const folder = createTemporaryFolder();
  const server = await startServer(folder.path, ["--rate-factor", "1000", "--sockets-per-address", "100000"]);
  const world = await registerWorld(server.origin, "fan-out");
  const writer = await connectSignedIn(server.origin, world);
  const logId = await createAccountLog(writer, world);
  const pen = createWriter(logId, world.random.bytes(32));
  expectFrame(await writer.call(openRequest(writer, 1, logId, { writer: pen })), "opened");
  const listeners: WebSocket[] = [];
  for (let i = 0; i < listenerCount; i++) {
    const listener = await connectSignedIn(server.origin, world);
    expectFrame(await listener.call(openRequest(listener, 1, logId, { right: "read" })), "opened");
    expectFrame(await listener.call({ type: "subscribe", channel: 1, after: 0 }), "done");
    listener.ws.removeAllListeners("message");
    listeners.push(listener.ws);
  }
  return {
    pid: server.pid,
    listeners,
    async send(number) {
      const entries = [nextEntry(pen, numbered(SEALED_BYTES, number), { epoch: 1 })];
      expectFrame(await writer.call({ type: "append", channel: 1, entries, admission: null }), "appended");
    },
    async stop() {
      for (const listener of listeners) listener.terminate();
      await server.stop();
      folder.discard();
    },
  };
}

async function startPeer(): Promise<Broadcast> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "raw-broadcast.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once("line", resolve),
  );
  const open = (): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
      ws.once("open", () => resolve(ws)).once("error", reject);
    });
  const writer = await open();
  const listeners = await Promise.all(Array.from({ length: listenerCount }, open));
  const waiting = new Map<number, () => void>();
  writer.on("message", (data: Buffer) => waiting.get(data.readUInt32BE(0))?.());
  return {
    pid: child.pid ?? 0,
    listeners,
    send: (number) =>
      new Promise((resolve) => {
        waiting.set(number, resolve);
        writer.send(numbered(FRAME_BYTES, number));
      }),
    async stop() {
      for (const listener of [writer, ...listeners]) listener.terminate();
      child.kill("SIGTERM");
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
