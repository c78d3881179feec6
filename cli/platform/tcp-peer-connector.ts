/** Streams between own devices over TCP. What goes over them is authenticated and sealed by the engine, not here. */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import {
  err,
  ok,
  type PeerConnector,
  type PeerHandlers,
  type PeerListener,
  type PeerSocket,
  type PeerUnreachable,
  type Result,
} from "@dovetail/core";

const DIAL_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 15_000;

/** Node's sockets; Deno has the same. */
export function createTcpPeerConnector(): PeerConnector {
  return { dial, listen };
}

function dial(address: string, handlers: PeerHandlers): Promise<Result<PeerSocket, PeerUnreachable>> {
  const place = parseAddress(address);
  if (place === null || place.port === 0) return Promise.resolve(unreachable(address, "not HOST:PORT"));
  return new Promise((resolve) => {
    const socket = createConnection({ ...place, timeout: DIAL_TIMEOUT_MS });
    const fail = (detail: string): void => {
      socket.destroy();
      resolve(unreachable(address, detail));
    };
    const onError = (thrown: unknown): void => fail(codeOf(thrown));
    socket.once("error", onError);
    socket.once("timeout", () => fail("timeout"));
    socket.once("connect", () => {
      socket.off("error", onError);
      socket.setTimeout(0);
      const stream = openStream(socket);
      stream.listen(handlers);
      resolve(ok(stream.socket));
    });
  });
}

function listen(
  address: string,
  accept: (socket: PeerSocket) => PeerHandlers,
): Promise<Result<PeerListener, PeerUnreachable>> {
  const place = parseAddress(address);
  if (place === null) return Promise.resolve(unreachable(address, "not HOST:PORT"));
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      const stream = openStream(socket);
      stream.listen(accept(stream.socket));
    });
    server.once("error", (thrown) => resolve(unreachable(address, codeOf(thrown))));
    server.listen(place, () =>
      resolve(ok({ addresses: addressesOf(server), close: () => void server.close() })),
    );
  });
}

function openStream(socket: Socket): { readonly socket: PeerSocket; listen(handlers: PeerHandlers): void } {
  let isClosed = false;
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  // An error is followed by `close`, which is what is listened for.
  socket.on("error", () => {});
  return {
    socket: {
      send(bytes) {
        if (!isClosed) socket.write(bytes);
      },
      close() {
        isClosed = true;
        // What was sent before leaves; nothing more is read.
        socket.end();
        socket.resume();
      },
    },
    listen({ onBytes, onClose }) {
      socket.on("data", (bytes) => {
        if (!isClosed) onBytes(new Uint8Array(bytes));
      });
      socket.on("close", () => {
        isClosed = true;
        onClose();
      });
    },
  };
}

/** Where others reach it: on all addresses of this machine, each that is not loopback. */
function addressesOf(server: Server): readonly string[] {
  const bound = server.address();
  if (bound === null || typeof bound === "string") return [];
  const isAll = bound.address === "0.0.0.0" || bound.address === "::";
  const hosts = isAll
    ? Object.values(networkInterfaces()).flatMap((all) =>
        (all ?? []).filter((one) => !one.internal && one.family === "IPv4").map((one) => one.address),
      )
    : [bound.address];
  const known = hosts.length === 0 ? ["127.0.0.1"] : hosts;
  return known.map((host) => `${host.includes(":") ? `[${host}]` : host}:${bound.port}`);
}

function parseAddress(address: string): { readonly host: string; readonly port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):([0-9]{1,5})$/.exec(address.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? null : { host, port };
}

function unreachable(address: string, detail: string): Result<never, PeerUnreachable> {
  return err({ type: "PeerUnreachable", address, detail });
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") return thrown.code;
  return "unknown";
}
