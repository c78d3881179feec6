/**
 * A server of a simulated world: the real gateway, directory and store behind the virtual network, with a switch that
 * cuts its power and a mouth that can be made to lie.
 */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { ok } from "../../../core/base/result.ts";
import { silentLogger } from "../../../core/base/logger.ts";
import { type ServerFrame, serverFrameShape } from "../../../core/protocol/server-frame.ts";
import type { HttpRequest, HttpResponse } from "../../../core/transport/server-connector.ts";
import { DEFAULT_CONFIG } from "../../../sync-server/server.ts";
import { createService, type Service } from "../../../sync-server/service.ts";
import type { ServerStore } from "../../../sync-server/store/server-store.ts";
import { createFrameStyle, readFrame } from "../../support/read-frame.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import type { Power } from "./virtual-disk.ts";
import type { HostSide, VirtualNetwork } from "./virtual-network.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What becomes of one frame on its way to `device`. */
export type Lie = (frame: ServerFrame, device: string) => readonly ServerFrame[];
/** What becomes of one answer over HTTP. */
export type HttpLie = (path: string, response: HttpResponse, device: string) => HttpResponse;

export interface SimServer {
  readonly origin: string;
  /** Power off at this instant: connections, tokens and whatever was not committed are gone. */
  crash(): void;
  /** Serves again from what is on its disk. */
  start(): void;
  isUp(): boolean;
  lie: Lie | null;
  httpLie: HttpLie | null;
  /** Lets go what it may, if it is up. Gives how many entries and blobs went. */
  reclaim(given: { readonly graceMs: number; readonly silentMs: number }): Promise<number>;
  /** What it keeps, for inspection. */
  store(): ServerStore;
}

/** How a server keeps its records over a crash. */
export interface ServerDisk {
  /** The store as it is on the disk now; what an earlier one had not committed is not in it. */
  open(): ServerStore;
}

const OPEN = 1;
const CLOSED = 3;

/** A server at `origin`, not started yet. */
export function createSimServer(
  deps: { readonly time: VirtualTime; readonly random: SeededRandom; readonly network: VirtualNetwork },
  origin: string,
  disk: ServerDisk,
): SimServer {
  const { time, random, network } = deps;
  let power: Power = { isOn: false };
  let service: Service | null = null;
  let store: ServerStore | null = null;

  const server: SimServer = {
    origin,
    lie: null,
    httpLie: null,
    isUp: () => power.isOn,
    store() {
      if (store === null) throw new Error("the server has never run");
      return store;
    },
    async reclaim({ graceMs, silentMs }) {
      let sum = 0;
      for (let isDone = false; power.isOn && !isDone; ) {
        const gone = await server.store().reclaim({ nowMs: time.nowMs(), graceMs, silentMs });
        if (!gone.ok) return sum;
        sum += gone.value.entries + gone.value.blobs;
        isDone = gone.value.isDone;
      }
      return sum;
    },
    start() {
      if (power.isOn) return;
      const current: Power = { isOn: true };
      power = current;
      const opened = disk.open();
      store = opened;
      const clock = {
        nowMs: time.nowMs,
        schedule: (delayMs: number, task: () => void) =>
          time.schedule(delayMs, () => (current.isOn ? task() : undefined)),
      };
      const config = { ...DEFAULT_CONFIG, rateFactor: 1_000, admissionWorkBits: 4 };
      service = createService(config, { store: keepingAll(opened), clock, random, logger: silentLogger }, [
        origin,
      ]);
    },
    crash() {
      power.isOn = false;
      service = null;
      network.reset(origin);
    },
  };

  network.attach(origin, {
    isUp: () => power.isOn,
    accept(from, client) {
      const at = power;
      const style = createFrameStyle();
      let isGreeted = false;
      const say = (frame: Uint8Array): void => {
        if (!at.isOn) return;
        const decoded = server.lie === null ? null : readFrame(serverFrameShape, frame);
        if (decoded === null || !decoded.ok || server.lie === null) {
          client.send(frame);
          return;
        }
        for (const said of server.lie(decoded.value, from)) client.send(style.write(said));
      };
      const { ws, socket, receive, end } = createSocketPair(client, say, time);
      service?.gateway.open(ws, socket, from);
      return {
        onFrame: (frame) => {
          // What the first one says holds for all.
          if (!isGreeted) style.heard(frame);
          isGreeted = true;
          if (at.isOn) receive(frame);
        },
        onGone: () => (at.isOn ? end() : undefined),
      };
    },
    async respond(from, request) {
      const response = await respondOverHttp(service, origin, request);
      return server.httpLie === null ? response : server.httpLie(request.path, response, from);
    },
  });
  return server;
}

/** The server lets nothing go by itself, but when the story says so. */
function keepingAll(store: ServerStore): ServerStore {
  return { ...store, reclaim: async () => ok({ entries: 0, blobs: 0, isDone: true }) };
}

async function respondOverHttp(
  service: Service | null,
  origin: string,
  { method, path, body }: HttpRequest,
): Promise<HttpResponse> {
  if (service === null) return { status: 503, body: new Uint8Array(0) };
  const headers = body === null ? {} : { "content-type": "application/cbor" };
  const request = new Request(`${origin}${path}`, {
    method,
    headers,
    body: body === null ? null : Buffer.from(body),
  });
  const incoming = { url: path, headers: {}, socket: { remoteAddress: "127.0.0.1" } };
  const response = await service.routes().fetch(request, { incoming, outgoing: {} } as never);
  return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
}

/** The two objects the gateway holds of a connection, without a socket behind them. */
export function createSocketPair(
  client: HostSide,
  say: (frame: Uint8Array) => void,
  time: Pick<VirtualTime, "schedule">,
) {
  const socket = Object.assign(new EventEmitter(), {
    bytesRead: 0,
    destroyed: false,
    writable: true,
    write(bytes: Buffer) {
      for (const frame of framesIn(bytes)) say(frame);
      return true;
    },
    cork() {},
    uncork() {},
  });
  Object.defineProperty(socket, "writableLength", { get: () => client.bufferedBytes() });
  const end = (): void => {
    if (ws.readyState === CLOSED) return;
    ws.readyState = CLOSED;
    socket.destroyed = true;
    socket.writable = false;
    ws.emit("close");
  };
  const ws = Object.assign(new EventEmitter(), {
    OPEN,
    readyState: OPEN,
    pause() {},
    resume() {},
    close: () => client.close(),
    terminate() {
      client.close();
      end();
    },
    // A living client answers a ping by itself.
    ping: () => void time.schedule(1, () => (ws.readyState === OPEN ? ws.emit("pong") : undefined)),
  });
  client.onDrained = () => socket.emit("drain");
  return {
    ws: ws as unknown as WebSocket,
    socket: socket as unknown as Socket,
    end,
    receive(frame: Uint8Array) {
      if (ws.readyState !== OPEN) return;
      socket.bytesRead += frame.length;
      socket.emit("data", frame);
      ws.emit("message", Buffer.from(frame), true);
    },
  };
}

/** Payloads of the whole, unmasked frames the gateway writes. */
export function* framesIn(bytes: Buffer): Generator<Uint8Array> {
  let at = 0;
  while (at < bytes.length) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const start = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short;
    yield new Uint8Array(bytes.subarray(start, start + length));
    at = start + length;
  }
}
