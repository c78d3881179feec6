/**
 * The WebSocket gateway: upgrades, liveness, and what a commit means for connections. Rules GW1-GW12.
 *
 * One timer serves all connections; an idle one costs its socket and its row here.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Server as TlsServer } from "node:https";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { sleep } from "@dovetail/core/base/clock.ts";
import type { DeviceId, LogId } from "@dovetail/core/base/ids.ts";
import { FRAME_BYTES_MAX } from "@dovetail/core/base/limits.ts";
import type { ServerOrigin } from "@dovetail/core/base/server-origin.ts";
import { encode } from "@dovetail/core/codec/shape.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { NONCE_BYTES } from "@dovetail/core/protocol/claims.ts";
import { serverFrameShape } from "@dovetail/core/protocol/server-frame.ts";
import {
  GATEWAY_PATH,
  GATEWAY_SUBPROTOCOL,
  PROTOCOL_VERSION,
  PROTOCOL_VERSION_MIN,
} from "@dovetail/core/protocol/version.ts";
import { clientAddress } from "../client-address.ts";
import { AUTH_DEADLINE_MS, DRAIN_TIMEOUT_MS, SOCKETS_MAX, SWEEP_MS } from "../limits.ts";
import type { StoreEvent } from "../store/log-store.ts";
import { Connection } from "./connection.ts";
import type { GatewayContext } from "./gateway-context.ts";
import { handleFrame } from "./handle-frame.ts";
import { otherPageOf, pageKindOf } from "../http/other-pages.ts";
import { endSubscription } from "./log-frames.ts";
import { frameBinary } from "./raw-frame.ts";
import { forgetDevice } from "./sign-in-frames.ts";

const CLOSING_TIMEOUT_MS = 5_000;

export interface GatewayOptions {
  readonly heartbeatMs: number;
  readonly socketsPerAddressMax: number;
  readonly trustsProxy: boolean;
}

export interface Gateway {
  /** Serves upgrades of `server`. */
  attach(server: Server | TlsServer): void;
  /** Takes a WebSocket that is open already. */
  open(ws: WebSocket, socket: Socket, address: string): void;
  connectionCount(): number;
  /** Tells every connection to come again, then ends what is left. */
  close(): Promise<void>;
}

/** A gateway over what `context` holds. */
export function createGateway(context: GatewayContext, options: GatewayOptions): Gateway {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    handleProtocols: (offered) => (offered.has(GATEWAY_SUBPROTOCOL) ? GATEWAY_SUBPROTOCOL : false),
  });
  const { metrics } = context;
  const connections = new Set<Connection>();
  const countByAddress = new Map<string, number>();
  const handle = (connection: Connection, frame: Uint8Array) => handleFrame(context, connection, frame);
  const stopListening = context.store.onEvent((event) => hear(context, connections, event));
  let cancelSweep = (): void => {};
  const sweepLater = (): void => {
    cancelSweep = context.clock.schedule(SWEEP_MS, () => {
      sweep(connections, context.clock.nowMs(), options.heartbeatMs);
      sweepLater();
    });
  };
  sweepLater();

  // Listeners exist once and find their connection here: closures of each connection would cost it a third of its memory.
  const connectionBySocket = new Map<WebSocket, Connection>();

  function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
    const connection = connectionBySocket.get(this);
    if (isBinary && data instanceof Uint8Array) connection?.receive(data);
    else connection?.goodbye("malformed");
  }

  function onPong(this: WebSocket): void {
    const connection = connectionBySocket.get(this);
    if (connection !== undefined) connection.lastHeardMs = context.clock.nowMs();
  }

  function onClose(this: WebSocket): void {
    const connection = connectionBySocket.get(this);
    if (connection === undefined) return;
    connectionBySocket.delete(this);
    connections.delete(connection);
    metrics.connectionClosed();
    release(countByAddress, connection.address);
    end(context, connection);
  }

  function open(ws: WebSocket, socket: Socket, address: string, otherPage: ServerOrigin | null = null): void {
    socket.off("error", destroy);
    const serverNonce = context.random.bytes(NONCE_BYTES);
    const connection = new Connection(ws, socket, {
      address,
      serverNonce,
      otherPage,
      nowMs: context.clock.nowMs,
      handle,
      onRefused: metrics.refused,
    });
    metrics.connectionOpened();
    connections.add(connection);
    connectionBySocket.set(ws, connection);
    countByAddress.set(address, (countByAddress.get(address) ?? 0) + 1);
    ws.on("message", onMessage).on("pong", onPong).on("error", ignore).on("close", onClose);
    const challenge = {
      type: "challenge",
      versionMin: PROTOCOL_VERSION_MIN,
      versionMax: PROTOCOL_VERSION,
      serverNonce,
    } as const;
    connection.send(frameBinary(encode(serverFrameShape, challenge), connection.padding));
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", destroy);
    const address = clientAddress(request, options.trustsProxy);
    const status = refuseUpgrade(request, address);
    if (status !== null || !(socket instanceof Socket)) {
      metrics.upgradeRefused((status ?? "400").slice(0, 3));
      socket.end(`HTTP/1.1 ${status ?? "400 Bad Request"}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const otherPage = otherPageOf(request.headers.origin, context.origins);
    sockets.handleUpgrade(request, socket, head, (ws) => open(ws, socket, address, otherPage));
  }

  /** GW2, GW12 */
  function refuseUpgrade(request: IncomingMessage, address: string): string | null {
    if (request.url !== GATEWAY_PATH) return "404 Not Found";
    const { origin } = request.headers;
    if (pageKindOf(origin, context.origins) === "refused") return "403 Forbidden";
    if (connections.size >= SOCKETS_MAX) return "503 Service Unavailable";
    return (countByAddress.get(address) ?? 0) >= options.socketsPerAddressMax
      ? "429 Too Many Requests"
      : null;
  }

  return {
    attach(server) {
      server.on("upgrade", upgrade);
    },
    open,
    connectionCount: () => connections.size,
    async close() {
      cancelSweep();
      for (const connection of connections) connection.close();
      const deadlineMs = context.clock.nowMs() + 1_000;
      while (connections.size > 0 && context.clock.nowMs() < deadlineMs) await sleep(context.clock, 10);
      for (const connection of connections) connection.terminate();
      stopListening();
    },
  };
}

function destroy(this: Duplex): void {
  this.destroy();
}

/** `ws` has closed the connection with the code that fits; there is nothing to add. */
function ignore(): void {}

/** What became durable, in the turn of its commit. */
function hear(context: GatewayContext, connections: ReadonlySet<Connection>, event: StoreEvent): void {
  if (event.type === "appended") context.subscriptions.publish(event.logId, event.entries);
  else if (event.type === "rekeyed") endKey(context, connections, event);
  else if (event.type === "reseeded") endLog(context, connections, event.logId);
  else
    for (const deviceId of event.deviceIds)
      endDevice(context, deviceId, event.type === "deleted" ? "account-deleted" : "revoked-device");
}

/** IN4: whoever has the log open knows its former incarnation; it is told to come again. */
function endLog(context: GatewayContext, connections: ReadonlySet<Connection>, logId: LogId): void {
  for (const connection of [...connections]) {
    const isOpen = [...connection.channels.values()].some((channel) => channel.logId === logId);
    if (!isOpen) continue;
    connection.goodbye("log-reseeded");
    end(context, connection);
  }
}

/** LG21: whoever proved the key a room's log had reads up to where it was replaced, and appends nothing more. */
function endKey(
  context: GatewayContext,
  connections: ReadonlySet<Connection>,
  { logId, at }: Extract<StoreEvent, { readonly type: "rekeyed" }>,
): void {
  for (const connection of connections)
    for (const channel of connection.channels.values()) {
      if (channel.logId !== logId || channel.readUpto !== null) continue;
      channel.readUpto = at;
      channel.mayAppend = false;
      if (channel.subscription !== null) context.subscriptions.endAt(channel.subscription, at.seq);
      channel.subscription = null;
    }
}

/** DI4, DI15: a device is gone before anybody hears that it was revoked, or its account deleted. */
function endDevice(context: GatewayContext, deviceId: DeviceId, code: FailureCode): void {
  context.resumeTokens.revoke(deviceId);
  for (const connection of [...(context.connectionsByDevice.get(deviceId) ?? [])]) {
    if (!connection.isDeletingAccount) connection.goodbye(code);
    end(context, connection);
  }
}

/** Lets go of what a connection held here; may be called twice. */
function end(context: GatewayContext, connection: Connection): void {
  for (const channel of connection.channels.values()) endSubscription(context, channel);
  connection.channels.clear();
  if (connection.identity?.type === "device") forgetDevice(context, connection, connection.identity.deviceId);
}

/** GW2, GW8, GW10: deadlines of all connections. */
function sweep(connections: ReadonlySet<Connection>, nowMs: number, heartbeatMs: number): void {
  for (const connection of connections) {
    const { endingSinceMs, congestedSinceMs } = connection;
    if (endingSinceMs !== null) {
      if (nowMs - endingSinceMs > CLOSING_TIMEOUT_MS) connection.terminate();
    } else if (!connection.isProven && nowMs - connection.openedAtMs > AUTH_DEADLINE_MS) {
      connection.goodbye("not-signed-in");
    } else if (congestedSinceMs !== null && nowMs - congestedSinceMs > DRAIN_TIMEOUT_MS) {
      connection.terminate();
    } else if (!connection.isPaused()) {
      checkHeartbeat(connection, nowMs, heartbeatMs);
    }
  }
}

function checkHeartbeat(connection: Connection, nowMs: number, heartbeatMs: number): void {
  const { lastHeardMs, lastPingMs } = connection;
  const isUnanswered = lastPingMs > lastHeardMs && nowMs - lastPingMs >= heartbeatMs;
  if (isUnanswered) connection.terminate();
  else if (nowMs - Math.max(lastHeardMs, lastPingMs) >= heartbeatMs) connection.ping();
}

function release(countByAddress: Map<string, number>, address: string): void {
  const count = (countByAddress.get(address) ?? 1) - 1;
  if (count === 0) countByAddress.delete(address);
  else countByAddress.set(address, count);
}
