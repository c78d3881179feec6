/**
 * Listeners of one contender of the fan-out benchmark, in a process of their own: `listeners.ts dovetail|ws <address> <count> [log id]`.
 *
 * Prints `ready` when all listen. For each number that comes on standard input it prints, once the message of that number has reached all of
 * them, how long it took to the median, to 99 of 100 and to the last, in milliseconds.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { WebSocket } from "ws";
import type { LogId } from "../../core/base/ids.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { createWorld } from "../support/chain-world.ts";
import { connectSignedIn, expectFrame, openRequest } from "../support/raw-client.ts";
import { percentile } from "./figures.ts";
import { FAN_OUT_ACCOUNT, readStamp } from "./stamped.ts";

const AT_ONCE = 50;

const [contender, address = "", count = "0", logId = ""] = process.argv.slice(2);
await cryptoReady();
const world = createWorld(FAN_OUT_ACCOUNT);
const listeners: WebSocket[] = [];
for (let i = 0; i < Number(count); i += AT_ONCE)
  listeners.push(
    ...(await Promise.all(Array.from({ length: Math.min(AT_ONCE, Number(count) - i) }, () => listen()))),
  );

let awaited = 0;
let latenciesMs: number[] = [];
for (const listener of listeners)
  listener.on("message", (data: Buffer) => {
    const { number, sentAtNs } = readStamp(data);
    if (number !== awaited) return;
    latenciesMs.push(Number(process.hrtime.bigint() - sentAtNs) / 1e6);
    if (latenciesMs.length < listeners.length) return;
    latenciesMs.sort((a, b) => a - b);
    print([0.5, 0.99, 1].map((share) => percentile(latenciesMs, share)));
  });
createInterface({ input: process.stdin }).on("line", (line) => {
  awaited = Number(line);
  latenciesMs = [];
  print("awaits");
});
print("ready");

async function listen(): Promise<WebSocket> {
  if (contender === "ws") {
    const ws = new WebSocket(address, { perMessageDeflate: false });
    await new Promise((resolve, reject) => ws.once("open", resolve).once("error", reject));
    return ws;
  }
  const listener = await connectSignedIn(address, world);
  expectFrame(await listener.call(openRequest(listener, 1, logId as LogId, { right: "read" })), "opened");
  expectFrame(await listener.call({ type: "subscribe", channel: 1, after: 0 }), "done");
  listener.ws.removeAllListeners("message");
  return listener.ws;
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
