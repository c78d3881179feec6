/**
 * The local socket by which the process that has a profile serves others of the same user.
 *
 * What authenticates is the file system alone: the socket is 0600 in a folder that is 0700, so only this user (and
 * root) can connect. Messages are not encrypted; they do not leave this machine. Windows has no such folder modes for
 * its pipes, so nothing is served there.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  createMessageSplitter,
  encodeMessage,
  err,
  type MessageChannelPort,
  type MessageHandlers,
  ok,
  type Result,
} from "@dovetail/core";

/** What fits the address of a local socket on every system; a longer path gets a folder of its own elsewhere. */
const SOCKET_PATH_BYTES_MAX = 100;
/** Other processes at once. */
const CONNECTIONS_MAX = 32;

export interface ProfileSocket {
  readonly path: string;
  /** Ends all connections and removes the socket. */
  close(): void;
}

/** Nobody listens there, or nobody may. */
export interface NotServed {
  readonly type: "NotServed";
}

/** Listens for other processes; `onPort` gets each. Null where there is no socket only this user can open. */
export async function listenInProfile(
  folder: string,
  onPort: (port: MessageChannelPort) => void,
): Promise<ProfileSocket | null> {
  if (process.platform === "win32") return null;
  const path = choosePath(folder);
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (sockets.size >= CONNECTIONS_MAX) return void socket.destroy();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    onPort(createSocketPort(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    path,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      removeSocket(folder, path);
    },
  };
}

/** Removes a socket that `listenInProfile` made for `folder`, also one whose process ended without doing so. */
export function removeSocket(folder: string, path: string): void {
  if (dirname(path) === folder) rmSync(path, { force: true });
  else if (dirname(dirname(path)) === tmpdir()) rmSync(dirname(path), { recursive: true, force: true });
}

/** Connects to the socket another process made. */
export function dialProfile(path: string): Promise<Result<MessageChannelPort, NotServed>> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("error", () => resolve(err({ type: "NotServed" })));
    socket.once("connect", () => resolve(ok(createSocketPort(socket))));
  });
}

function choosePath(folder: string): string {
  const path = join(folder, "socket");
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  // Made by the system with mode 0700 and a name nobody could have made before.
  return join(mkdtempSync(join(tmpdir(), "dovetail-")), "socket");
}

function createSocketPort(socket: Socket): MessageChannelPort {
  const splitter = createMessageSplitter();
  let handlers: MessageHandlers | null = null;
  let isClosed = false;

  function lose(): void {
    if (isClosed) return;
    isClosed = true;
    socket.destroy();
    handlers?.onClose();
  }

  // An error is followed by `close`, which is what is listened for.
  socket.on("error", () => {});
  socket.on("close", lose);
  socket.pause();
  return {
    send(message) {
      if (!isClosed) socket.write(encodeMessage(message));
    },
    listen(taken) {
      handlers = taken;
      socket.on("data", (part) => {
        const messages = splitter.push(new Uint8Array(part));
        if (!messages.ok) return lose();
        for (const message of messages.value) if (!isClosed) taken.onMessage(message);
      });
      socket.resume();
      if (isClosed) taken.onClose();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      // What was sent before goes out; nothing more is read.
      socket.end();
      socket.removeAllListeners("data");
      socket.resume();
    },
  };
}
