/**
 * The way between simulated devices and servers. Frames of a connection keep their order and arrive or break off, as
 * over TCP; everything else that can go wrong on a way does.
 */
import type {
  FrameHandlers,
  HttpRequest,
  HttpResponse,
  ServerConnector,
  ServerUnreachable,
} from "../../../core/transport/server-connector.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import type { Power } from "./virtual-disk.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A server as the network sees it. */
export interface Host {
  isUp(): boolean;
  /** Takes a connection of `from`; `toClient` and `hangUp` are how it answers. */
  accept(from: string, client: HostSide): { onFrame(frame: Uint8Array): void; onGone(): void };
  respond(from: string, request: HttpRequest): Promise<HttpResponse>;
}

export interface HostSide {
  /** Sends one frame; it takes as long as the way is. */
  send(frame: Uint8Array): void;
  close(): void;
  /** Bytes sent that have not arrived. */
  bufferedBytes(): number;
  onDrained: (() => void) | null;
}

/** The way of one device. */
export interface Way {
  minMs: number;
  maxMs: number;
  /** Nothing new gets through, and what is under way waits until it is over. */
  isClogged: boolean;
  /** Nothing gets through and nothing waits: requests fail, new connections fail, open ones fall silent. */
  isCut: boolean;
  /** The same, to these servers alone. */
  readonly without: Set<string>;
  /** Of a hundred frames, how many break their connection. */
  resetPercent: number;
  /** Of a hundred requests, how many are lost, or their answer is, or they arrive twice. */
  lossPercent: number;
}

export interface VirtualNetwork {
  way(device: string): Way;
  attach(origin: string, host: Host): void;
  connector(device: string, power: Power): ServerConnector;
  /** Breaks every connection of a device, or of a server. */
  reset(name: string): void;
  /** Lets every connection that is open now fall silent for ever: nobody is told. */
  silence(device: string): void;
  /** What waited on ways that are free again goes on. */
  release(): void;
  /** Ends all trouble. */
  heal(): void;
  readonly counts: { frames: number; resets: number; lost: number; repeated: number };
}

interface Direction {
  /** What was sent and has not arrived, in its order: whatever gets through next is the first of it. */
  readonly waiting: (() => void)[];
  /** How many of these a clogged way keeps. */
  stuck: number;
  lastAtMs: number;
}

interface Connection {
  readonly device: string;
  readonly origin: string;
  isOpen: boolean;
  isSilent: boolean;
  /** Something sent over it was lost while its way was cut. */
  hasLost: boolean;
  readonly out: Direction;
  readonly back: Direction;
  break(): void;
}

const CONNECT_TIMEOUT_MS = 10_000;
const RETRY_MS = 250;
const never = new Promise<never>(() => {});

const isCutOff = ({ isCut, without }: Way, origin: string) => isCut || without.has(origin);

/** A network without trouble. */
export function createVirtualNetwork(time: VirtualTime, random: SeededRandom, trace: Trace): VirtualNetwork {
  const ways = new Map<string, Way>();
  const hosts = new Map<string, Host>();
  const connections = new Set<Connection>();
  const counts = { frames: 0, resets: 0, lost: 0, repeated: 0 };

  const wayOf = (device: string): Way => {
    const known = ways.get(device);
    if (known !== undefined) return known;
    const fresh: Way = {
      minMs: 1,
      maxMs: 20,
      isClogged: false,
      isCut: false,
      without: new Set(),
      resetPercent: 0,
      lossPercent: 0,
    };
    ways.set(device, fresh);
    return fresh;
  };
  const lengthOf = ({ minMs, maxMs }: Way): number => minMs + random.below((maxMs - minMs) * 8 + 1) / 8;
  const unreachable = (origin: string, detail: string): { ok: false; error: ServerUnreachable } => ({
    ok: false,
    error: { type: "ServerUnreachable", origin, detail },
  });

  /** Carries one thing; what is sent later on the same direction arrives later. */
  function carry(connection: Connection, direction: Direction, arrive: () => void): void {
    if (!connection.isOpen || connection.isSilent) return;
    if (isCutOff(wayOf(connection.device), connection.origin)) {
      connection.hasLost = true;
      return;
    }
    // The other end has given the connection up, and says so when it hears of it again.
    if (connection.hasLost) {
      connection.break();
      return;
    }
    direction.waiting.push(arrive);
    setOut(connection, direction);
  }

  /** One more thing of those that wait sets out. */
  function setOut(connection: Connection, direction: Direction): void {
    const way = wayOf(connection.device);
    if (way.isClogged) {
      direction.stuck += 1;
      return;
    }
    if (way.resetPercent > 0 && random.chance(way.resetPercent)) {
      counts.resets += 1;
      connection.break();
      return;
    }
    direction.lastAtMs = Math.max(direction.lastAtMs, time.exactMs() + lengthOf(way));
    time.schedule(direction.lastAtMs - time.exactMs(), () => {
      if (!connection.isOpen || connection.isSilent) return;
      if (wayOf(connection.device).isClogged) direction.stuck += 1;
      else direction.waiting.shift()?.();
    });
  }

  function releaseOne(connection: Connection): void {
    for (const direction of [connection.out, connection.back]) {
      const { stuck } = direction;
      direction.stuck = 0;
      for (let i = 0; i < stuck; i++) {
        if (!connection.isOpen || connection.isSilent) return;
        if (isCutOff(wayOf(connection.device), connection.origin)) {
          // What is behind what was lost does not arrive either.
          direction.waiting.length = 0;
          connection.hasLost = true;
        } else if (connection.hasLost) connection.break();
        else setOut(connection, direction);
      }
    }
  }

  async function connect(device: string, origin: string, handlers: FrameHandlers, power: Power) {
    const way = wayOf(device);
    const host = hosts.get(origin);
    await pause(lengthOf(way) * 2);
    if (!power.isOn) return never;
    await whenFree(way);
    if (!power.isOn) return never;
    if (host === undefined || !host.isUp() || isCutOff(way, origin) || way.isClogged)
      return unreachable(origin, "no way to the server");
    let buffered = 0;
    const clientGone = (): void => {
      if (!connection.isOpen) return;
      connection.isOpen = false;
      connections.delete(connection);
      time.schedule(lengthOf(way), () => (power.isOn ? handlers.onClose() : undefined));
    };
    const connection: Connection = {
      device,
      origin,
      isOpen: true,
      isSilent: false,
      hasLost: false,
      out: { waiting: [], stuck: 0, lastAtMs: 0 },
      back: { waiting: [], stuck: 0, lastAtMs: 0 },
      break() {
        if (!connection.isOpen) return;
        clientGone();
        time.schedule(lengthOf(way), () => serverSide.onGone());
      },
    };
    connections.add(connection);
    const side: HostSide = {
      onDrained: null,
      bufferedBytes: () => buffered,
      send(frame) {
        buffered += frame.length;
        trace.carried.push(frame);
        carry(connection, connection.back, () => {
          buffered -= frame.length;
          counts.frames += 1;
          trace.note(`${origin} > ${device}`, frame);
          if (power.isOn) handlers.onFrame(frame);
          if (buffered === 0) side.onDrained?.();
        });
      },
      // The last frames arrive before the end does.
      close: () =>
        carry(connection, connection.back, () => {
          clientGone();
          serverSide.onGone();
        }),
    };
    const serverSide = host.accept(device, side);
    return {
      ok: true as const,
      value: {
        send(frame: Uint8Array) {
          if (!power.isOn) return;
          const copy = frame.slice();
          trace.carried.push(copy);
          carry(connection, connection.out, () => {
            counts.frames += 1;
            trace.note(`${device} > ${origin}`, copy);
            if (host.isUp()) serverSide.onFrame(copy);
          });
        },
        bufferedBytes: () => 0,
        close: () => connection.break(),
      },
    };
  }

  const pause = (durationMs: number) =>
    new Promise<void>((resolve) => void time.schedule(durationMs, resolve));

  /** A first packet is sent again and again, until it gets through or whoever sent it gives up. */
  async function whenFree(way: Way): Promise<void> {
    for (let waitedMs = 0; way.isClogged && waitedMs < CONNECT_TIMEOUT_MS; waitedMs += RETRY_MS)
      await pause(RETRY_MS);
  }

  async function request(device: string, origin: string, asked: HttpRequest, power: Power) {
    const way = wayOf(device);
    const trouble = way.lossPercent > 0 && random.chance(way.lossPercent) ? random.below(3) : null;
    if (asked.body !== null) trace.carried.push(asked.body.slice());
    await pause(lengthOf(way));
    if (!power.isOn) return never;
    await whenFree(way);
    if (!power.isOn) return never;
    const host = hosts.get(origin);
    if (host === undefined || !host.isUp() || isCutOff(way, origin) || way.isClogged || trouble === 0) {
      if (trouble === 0) counts.lost += 1;
      return unreachable(origin, "no way to the server");
    }
    trace.note(`${device} ${asked.method} ${asked.path}`, asked.body ?? undefined);
    if (trouble === 1) {
      counts.repeated += 1;
      void host.respond(device, { ...asked, body: asked.body?.slice() ?? null });
    }
    const response = await host.respond(device, asked);
    trace.carried.push(response.body);
    await pause(lengthOf(way));
    if (!power.isOn) return never;
    if (trouble === 2 || isCutOff(way, origin)) {
      counts.lost += 1;
      return unreachable(origin, "the answer was lost");
    }
    trace.note(`${device} < ${response.status}`, response.body);
    return { ok: true as const, value: response };
  }

  const network: VirtualNetwork = {
    release() {
      for (const connection of [...connections])
        if (!wayOf(connection.device).isClogged) releaseOne(connection);
    },
    way: wayOf,
    counts,
    attach: (origin, host) => void hosts.set(origin, host),
    connector: (device, power) => ({
      connect: async (origin, handlers) => (power.isOn ? connect(device, origin, handlers, power) : never),
      request: async (origin, asked) => (power.isOn ? request(device, origin, asked, power) : never),
    }),
    reset(name) {
      for (const connection of [...connections])
        if (connection.device === name || connection.origin === name) connection.break();
    },
    silence(device) {
      for (const connection of connections) if (connection.device === device) connection.isSilent = true;
    },
    heal() {
      for (const way of ways.values()) {
        way.without.clear();
        Object.assign(way, {
          minMs: 1,
          maxMs: 20,
          isClogged: false,
          isCut: false,
          resetPercent: 0,
          lossPercent: 0,
        });
      }
      network.release();
      // Silence is trouble too; where it ends, a dead connection is answered with a reset.
      for (const connection of [...connections])
        if (connection.isSilent || connection.hasLost) connection.break();
    },
  };
  return network;
}
