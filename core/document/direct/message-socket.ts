/**
 * What automerge-repo's websocket adapters take for a WebSocket: messages that something else carries.
 *
 * Only what those adapters call is here: `ws`'s events for the side that listens, a browser's for the side that dials.
 */
import type { Bytes } from "../../base/bytes.ts";

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

type Listener = (value: unknown) => void;

/** The way under a socket. */
export interface MessageWay {
  send(message: Bytes): void;
  close(): void;
}

export interface MessageSocket {
  readonly readyState: number;
  binaryType: string;
  send(data: ArrayBuffer): void;
  close(): void;
  terminate(): void;
  /** The way under it finds out by itself when the other side is gone. */
  ping(): void;
  on(event: string, listener: Listener): void;
  addEventListener(event: string, listener: Listener): void;
  removeEventListener(event: string, listener: Listener): void;
}

/** The two ends of a socket: what the adapter holds, and what feeds it. */
export interface MessageSocketEnds {
  readonly socket: MessageSocket;
  opened(way: MessageWay): void;
  received(message: Bytes): void;
  /** The way is gone. */
  closed(): void;
}

export function createMessageSocket(): MessageSocketEnds {
  const listeners = new Map<string, Set<Listener>>();
  const domListeners = new Map<string, Set<Listener>>();
  let way: MessageWay | null = null;
  let readyState = CONNECTING;
  /** What came before the adapter listened: the library connects its adapters when it is ready to. */
  let early: Bytes[] | null = [];

  const add = (to: Map<string, Set<Listener>>, event: string, listener: Listener): void => {
    const known = to.get(event) ?? new Set();
    known.add(listener);
    to.set(event, known);
    if (event !== "message" || early === null) return;
    const waiting = early;
    early = null;
    for (const message of waiting) receive(message);
  };
  const tell = (from: Map<string, Set<Listener>>, event: string, value: unknown): void => {
    for (const listener of [...(from.get(event) ?? [])]) listener(value);
  };

  function receive(message: Bytes): void {
    if (readyState !== OPEN) return;
    if (early !== null) return void early.push(message);
    tell(listeners, "message", message);
    tell(domListeners, "message", { type: "message", data: message });
  }

  function end(): void {
    if (readyState === CLOSED) return;
    readyState = CLOSED;
    way?.close();
    tell(listeners, "close", undefined);
    tell(domListeners, "close", { type: "close" });
  }

  return {
    socket: {
      get readyState() {
        return readyState;
      },
      binaryType: "arraybuffer",
      send(data) {
        if (readyState === OPEN) way?.send(new Uint8Array(data));
      },
      close: end,
      terminate: end,
      ping: () => tell(listeners, "pong", undefined),
      on: (event, listener) => add(listeners, event, listener),
      addEventListener: (event, listener) => add(domListeners, event, listener),
      removeEventListener: (event, listener) => void domListeners.get(event)?.delete(listener),
    },
    opened(taken) {
      if (readyState !== CONNECTING) return taken.close();
      way = taken;
      readyState = OPEN;
      tell(domListeners, "open", { type: "open" });
    },
    received: receive,
    closed: end,
  };
}
