/**
 * automerge-repo's websocket adapters over sockets that are none: messages of a channel that is already authenticated.
 *
 * The library's own adapters do the talking (join, peer, sync); only what they take for a WebSocket is ours. They are
 * loaded when first used: no other part needs them, and a browser never does.
 */
import type { NetworkAdapter } from "@automerge/automerge-repo/slim";
import type {
  WebSocketClientAdapter,
  WebSocketServerAdapter,
} from "@automerge/automerge-repo-network-websocket";
import type { MessageSocket, MessageSocketEnds } from "./message-socket.ts";

/** The library's ping is answered at once, since liveness is the channel's; this only keeps it from asking often. */
const KEEP_ALIVE_MS = 60_000;

type ServerParameter = ConstructorParameters<typeof WebSocketServerAdapter>[0];
type ClientSocket = NonNullable<WebSocketClientAdapter["socket"]>;

export interface ListeningAdapter {
  readonly adapter: NetworkAdapter;
  /** Adds a peer's socket. */
  add(ends: MessageSocketEnds): void;
  /** Ends the library's timer with all sockets. */
  close(): void;
}

/** The adapter of a side that listens; every peer gets a socket of it. */
export async function createListeningAdapter(): Promise<ListeningAdapter> {
  const { WebSocketServerAdapter } = await import("@automerge/automerge-repo-network-websocket");
  const clients = new Set<MessageSocket>();
  const listeners = new Map<string, ((socket: unknown) => void)[]>();
  const server = {
    clients,
    on(event: string, listener: (socket: unknown) => void) {
      listeners.set(event, [...(listeners.get(event) ?? []), listener]);
      // The library connects its adapters when it is ready to; sockets may be here before.
      if (event === "connection") for (const socket of clients) listener(socket);
    },
  };
  const tell = (event: string, value: unknown): void => {
    for (const listener of listeners.get(event) ?? []) listener(value);
  };
  // The adapter uses `on` and `clients` of its server, and of their sockets what `MessageSocket` names.
  const adapter = new WebSocketServerAdapter(server as unknown as ServerParameter, KEEP_ALIVE_MS);
  return {
    adapter,
    add(ends) {
      clients.add(ends.socket);
      ends.socket.on("close", () => clients.delete(ends.socket));
      tell("connection", ends.socket);
    },
    close: () => tell("close", undefined),
  };
}

/** The adapter of a side that dials. `dial` makes the socket of each `connect`; nothing is dialled again by itself. */
export async function createDiallingAdapter(dial: () => MessageSocketEnds): Promise<NetworkAdapter> {
  const { WebSocketClientAdapter } = await import("@automerge/automerge-repo-network-websocket");
  const adapter = new WebSocketClientAdapter("direct:", 0);
  // Its own `connect` makes a WebSocket of the address and sets a timer to make another; the rest of it is used.
  adapter.connect = (peerId, peerMetadata = {}) => {
    adapter.peerId = peerId;
    adapter.peerMetadata = peerMetadata;
    const { socket } = dial();
    socket.addEventListener("open", adapter.onOpen);
    socket.addEventListener("close", adapter.onClose);
    socket.addEventListener("message", (event) => adapter.onMessage(event as never));
    adapter.socket = socket as unknown as ClientSocket;
    adapter.join();
  };
  return adapter;
}
