/**
 * Writers that load a server: each has an account, a connection and a log of its own, and entries that are made as they are sent.
 *
 * Closed loop: a writer keeps a number of entries on their way and sends the next when one is answered. It never finds out what a server
 * does that is asked for more than it can do. Open loop: entries have times at which they are due, whatever has been answered, and the
 * latency of one runs from when it was due: what the server, or this process, keeps waiting counts as waiting ("coordinated omission").
 */
import { encode } from "../../core/codec/shape.ts";
import { clientFrameShape } from "../../core/protocol/client-frame.ts";
import { connectSignedIn, createWriter, expectFrame, nextEntry, openRequest } from "../support/raw-client.ts";
import { createAccountLog, registerWorld } from "../support/server-account.ts";

/** `[appended, requestId, [[accepted, …` begins with these bytes, whatever the request. */
const APPENDED = 6;
/** How often an open loop looks what is due. */
const TICK_MS = 1;

/** One writer of a load. */
export interface LoadWriter {
  /** Sends an entry that was due at `dueAtMs` of `performance.now()`. */
  send(dueAtMs: number): void;
  /** Entries that are not answered. */
  waiting(): number;
}

/** A writer with an account of its own at `origin`; `onAnswer` gets when each entry was due and whether it was taken. */
export async function createLoadWriter(
  origin: string,
  { name, sealedBytes }: { readonly name: string; readonly sealedBytes: number },
  onAnswer: (dueAtMs: number, isAccepted: boolean, writer: LoadWriter) => void,
): Promise<LoadWriter> {
  const world = await registerWorld(origin, name);
  const client = await connectSignedIn(origin, world);
  const logId = await createAccountLog(client, world);
  const pen = createWriter(logId, world.random.bytes(32));
  expectFrame(await client.call(openRequest(client, 1, logId, { writer: pen })), "opened");
  const sealed = world.random.bytes(sealedBytes);
  const due: number[] = [];
  let answered = 0;
  let requestId = 1_000;
  const writer: LoadWriter = {
    send(dueAtMs) {
      due.push(dueAtMs);
      const entries = [nextEntry(pen, sealed, { epoch: 1 })];
      client.ws.send(
        encode(clientFrameShape, {
          type: "append",
          requestId: requestId++,
          channel: 1,
          entries,
          admission: null,
        }),
      );
    },
    waiting: () => due.length - answered,
  };
  client.ws.removeAllListeners("message");
  client.ws.on("message", (data: Buffer) => {
    // Answers of one connection come in the order of its appends.
    const dueAtMs = due[answered++] ?? Number.NaN;
    if (answered === 4_096) {
      due.splice(0, answered);
      answered = 0;
    }
    onAnswer(dueAtMs, data[1] === APPENDED && isAccepted(data), writer);
  });
  return writer;
}

/**
 * Lets `perSecond` entries be due, evenly spread and taking turns among the writers, until `untilMs` of `performance.now()`.
 * A process that comes late sends at once all that was due meanwhile, each with the time it was due.
 */
export async function sendOpenLoop(
  writers: readonly LoadWriter[],
  { perSecond, untilMs }: { readonly perSecond: number; readonly untilMs: number },
): Promise<void> {
  const startMs = performance.now();
  for (let sent = 0; ; ) {
    const nowMs = Math.min(performance.now(), untilMs);
    for (; startMs + (sent * 1_000) / perSecond <= nowMs; sent++)
      writers[sent % writers.length]?.send(startMs + (sent * 1_000) / perSecond);
    if (nowMs === untilMs) return;
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

/** After `[6, requestId, [` (one result, 16-bit or 32-bit request id) stands `[1, seq, chain]`. */
function isAccepted(data: Buffer): boolean {
  const idBytes = data[2] === 0x19 ? 3 : data[2] === 0x1a ? 5 : 1;
  return data[2 + idBytes + 2] === 1;
}
