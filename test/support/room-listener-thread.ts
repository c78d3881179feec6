/** A thread of its own that holds the sockets of devices that follow a room's log: what `room-listeners.ts` starts. */
import { parentPort, workerData } from "node:worker_threads";
import { present } from "../../core/base/assert.ts";
import { toHex } from "../../core/base/bytes.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import type { PlacedEntry } from "../../core/protocol/entry.ts";
import { connectRaw, expectFrame, openRequest, type RawClient } from "./raw-client.ts";
import {
  type ListenerAnswer,
  type ListenerPlan,
  type ListenerQuestion,
  TAIL_BYTES,
} from "./room-listeners.ts";
import { skimFrames } from "./skim-frames.ts";

/** Of so many one reads all there is. Of the others it is enough what they got last: a connection keeps its order. */
const LISTENERS_PER_READER = 50;

const port = present(parentPort, "this is a thread of another");
const plan: ListenerPlan = workerData;
const clients: RawClient[] = [];
const tails: (() => string)[] = [];
const lastSeqs: number[] = [];
const faults: string[] = [];

async function listen(reads: boolean): Promise<void> {
  const at = lastSeqs.length;
  if (reads) lastSeqs.push(0);
  const client = await connectRaw(plan.origin, {
    ...(reads ? { onDelivered: (_, entries) => read(at, entries) } : {}),
  });
  const right = { right: "read", capability: plan.access } as const;
  expectFrame(await client.call(openRequest(client, 1, plan.logId, right)), "opened");
  expectFrame(await client.call({ type: "subscribe", channel: 1, after: 0 }), "done");
  clients.push(client);
  if (reads) return;
  const frames = skimFrames(client.socket, TAIL_BYTES);
  tails.push(() => toHex(frames.tail()));
}

function read(reader: number, entries: readonly PlacedEntry[]): void {
  for (const { seq } of entries) {
    if (seq !== (lastSeqs[reader] ?? 0) + 1) faults.push(`seq ${seq} came after ${lastSeqs[reader]}`);
    lastSeqs[reader] = seq;
  }
}

port.on("message", (question: ListenerQuestion) => {
  if (question.type === "end") {
    for (const { ws } of clients) ws.terminate();
    port.close();
    return;
  }
  port.postMessage({
    type: "behind",
    readers: lastSeqs.filter((seq) => seq !== question.seq).length,
    others: tails.filter((tail) => tail() !== question.tail).length,
    faults,
  } satisfies ListenerAnswer);
});

await cryptoReady();
for (let count = 0; count < plan.count; count++) await listen(count % LISTENERS_PER_READER === 0);
port.postMessage({ type: "ready" } satisfies ListenerAnswer);
