/**
 * One writer, 1,000 listeners: deliveries a second through the server, durable and in order, and how long one message takes to all of them,
 * against `ws` alone broadcasting the same bytes from memory, in the same run.
 *
 * Usage: node test/bench/fan-out.ts [--json] [--listeners N] [--entries N]
 *
 * Each listener counts a message when the frame that holds it has arrived. Rounds alternate between the two; medians count. The listeners of each
 * are in a process of their own, so that ten thousand fit below the files a process may have open.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { present } from "../../core/base/assert.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { connectSignedIn, createWriter, expectFrame, nextEntry, openRequest } from "../support/raw-client.ts";
import { createAccountLog, registerWorld } from "../support/server-account.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { cpuSecondsOf, report } from "./figures.ts";
import { FAN_OUT_ACCOUNT, stamped } from "./stamped.ts";

const SEALED_BYTES = 300;
const ROUNDS = 5;
const SINGLES = 5;
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
  readonly listeners: Listeners;
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
const oursSingles: Reached[] = [];
const peerSingles: Reached[] = [];
for (let single = 0; single < SINGLES; single++) {
  peerSingles.push(await sendOne(peer, next));
  oursSingles.push(await sendOne(ours, next));
  next++;
}
await ours.stop();
await peer.stop();
const compared = [
  [
    `deliveries, 1 -> ${listenerCount}`,
    "1/s",
    "more",
    oursRounds,
    peerRounds,
    (round: Round) => round.perSecond,
  ],
  ["server CPU per delivery", "us", "less", oursRounds, peerRounds, (round: Round) => round.cpuMicros],
] as const;
for (const [name, unit, better, mine, theirs, of] of compared)
  compare(name, unit, better, median(mine.map(of)), median(theirs.map(of)));
for (const [name, of] of [
  ["median", (reached: Reached) => reached.medianMs],
  ["p99", (reached: Reached) => reached.p99Ms],
  ["last", (reached: Reached) => reached.lastMs],
] as const)
  compare(
    `one message to ${listenerCount}, ${name}`,
    "ms",
    "less",
    median(oursSingles.map(of)),
    median(peerSingles.map(of)),
  );

function compare(name: string, unit: string, better: "more" | "less", value: number, theirs: number): void {
  const ratio = better === "more" ? value / theirs : theirs / value;
  report(values.json === true, {
    suite: "fan-out",
    name,
    value,
    unit,
    better,
    peer: "ws alone, in memory",
    ratio,
  });
}

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function run(broadcast: Broadcast, first: number): Promise<Round> {
  const last = first + entryCount - 1;
  const reached = await broadcast.listeners.await(last);
  const startMs = performance.now();
  const startCpu = cpuSecondsOf(broadcast.pid);
  const inFlight: Promise<void>[] = [];
  for (let number = first; number <= last; number++) {
    inFlight.push(broadcast.send(number));
    if (inFlight.length >= WINDOW) await inFlight.shift();
  }
  await Promise.all([...inFlight, reached.all]);
  const deliveries = entryCount * listenerCount;
  const seconds = (performance.now() - startMs) / 1_000;
  return {
    perSecond: deliveries / seconds,
    cpuMicros: ((cpuSecondsOf(broadcast.pid) - startCpu) / deliveries) * 1e6,
  };
}

async function sendOne(broadcast: Broadcast, number: number): Promise<Reached> {
  const reached = await broadcast.listeners.await(number);
  await broadcast.send(number);
  return reached.all;
}

/** How long a message took to the listeners. */
interface Reached {
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly lastMs: number;
}

interface Listeners {
  /** Listens for message `number`; `all` resolves when it has reached everyone. */
  await(number: number): Promise<{ readonly all: Promise<Reached> }>;
  stop(): void;
}

/** Starts the listeners of a contender and waits until all of them listen. */
async function startListeners(...args: readonly string[]): Promise<Listeners> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, "listeners.ts"), ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: present(child.stdout, "it is a pipe") })[Symbol.asyncIterator]();
  const line = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the listeners ended");
    return JSON.parse(value);
  };
  await line();
  return {
    async await(number) {
      present(child.stdin, "it is a pipe").write(`${number}\n`);
      await line();
      const all = line().then((said) => {
        const [medianMs, p99Ms, lastMs] = said as readonly [number, number, number];
        return { medianMs, p99Ms, lastMs };
      });
      return { all };
    },
    stop: () => void child.kill("SIGTERM"),
  };
}

async function startOurs(): Promise<Broadcast> {
  const folder = createTemporaryFolder();
  const server = await startServer(folder.path, ["--rate-factor", "1000", "--sockets-per-address", "100000"]);
  const world = await registerWorld(server.origin, FAN_OUT_ACCOUNT);
  const writer = await connectSignedIn(server.origin, world);
  const logId = await createAccountLog(writer, world);
  const pen = createWriter(logId, world.random.bytes(32));
  expectFrame(await writer.call(openRequest(writer, 1, logId, { writer: pen })), "opened");
  const listeners = await startListeners("dovetail", server.origin, String(listenerCount), logId);
  return {
    pid: server.pid,
    listeners,
    async send(number) {
      const entries = [nextEntry(pen, stamped(SEALED_BYTES, number), { epoch: 1 })];
      expectFrame(await writer.call({ type: "append", channel: 1, entries, admission: null }), "appended");
    },
    async stop() {
      listeners.stop();
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
  const address = `ws://127.0.0.1:${port}`;
  const writer = new WebSocket(address, { perMessageDeflate: false });
  await new Promise((resolve, reject) => writer.once("open", resolve).once("error", reject));
  const listeners = await startListeners("ws", address, String(listenerCount));
  const waiting = new Map<number, () => void>();
  writer.on("message", (data: Buffer) => waiting.get(data.readUInt32BE(0))?.());
  return {
    pid: child.pid ?? 0,
    listeners,
    send: (number) =>
      new Promise((resolve) => {
        waiting.set(number, resolve);
        writer.send(stamped(FRAME_BYTES, number));
      }),
    async stop() {
      writer.terminate();
      listeners.stop();
      child.kill("SIGTERM");
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

function median(sorted: readonly number[]): number {
  return [...sorted].sort((a, b) => a - b)[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
