/**
 * The socket by which an operator's command reaches the server that runs on a data folder.
 *
 * It lies in that folder, which only its owner may enter: whoever may read the database may use it, and nobody else. One
 * request a connection, canonical CBOR both ways, ended by closing. Systems without Unix sockets have none: there the
 * commands want the server stopped.
 */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join, relative } from "node:path";
import process from "node:process";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { decode, encode } from "@dovetail/core/codec/shape.ts";
import type { OperatorDesk } from "./operator-desk.ts";
import {
  type OperatorAnswer,
  operatorAnswerShape,
  type OperatorRequest,
  operatorRequestShape,
} from "./operator-request.ts";

const SOCKET_NAME = "operator.sock";
const REQUEST_BYTES_MAX = 16_384;
const ANSWER_BYTES_MAX = 4_194_304;

/** No server runs there, or it cannot be asked. */
export interface NoOperatorSocket {
  readonly type: "NoOperatorSocket";
  readonly detail: string;
}

/** The shorter of both names of the socket: the system allows about a hundred bytes. */
function socketPath(folder: string): string {
  const path = join(folder, SOCKET_NAME);
  const shorter = relative(process.cwd(), path);
  return shorter.length < path.length ? shorter : path;
}

/** Serves `desk` in `folder`; gives what stops it, or null when this system or path cannot have a socket. */
export async function serveOperator(
  folder: string,
  desk: OperatorDesk,
  logger: Logger,
): Promise<{ close(): Promise<void> } | null> {
  if (process.platform === "win32") return null;
  const path = socketPath(folder);
  // Whoever holds the database's lock owns the folder: a socket that is there is of a server that is gone.
  rmSync(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => open.delete(socket));
    void answerOne(socket, desk);
  });
  const isListening = await new Promise<boolean>((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      logger.log("warn", "operator-socket-unavailable", { code: error.code ?? "unknown" });
      resolve(false);
    });
    server.listen(path, () => resolve(true));
  });
  if (!isListening) return null;
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

async function answerOne(socket: Socket, desk: OperatorDesk): Promise<void> {
  const bytes = await readAll(socket, REQUEST_BYTES_MAX);
  const request = bytes === null ? null : decode(operatorRequestShape, bytes);
  if (request === null || !request.ok) {
    socket.destroy();
    return;
  }
  socket.end(encode(operatorAnswerShape, await desk(request.value)));
}

/** Asks the server that runs on `folder`. - Fails: `NoOperatorSocket` when none does. */
export function askOperator(
  folder: string,
  request: OperatorRequest,
): Promise<Result<OperatorAnswer, NoOperatorSocket>> {
  return new Promise((resolve) => {
    const fail = (detail: string): void => resolve(err({ type: "NoOperatorSocket", detail }));
    if (process.platform === "win32") return fail("no socket on this system");
    const socket = connect({ path: socketPath(folder), allowHalfOpen: true });
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.name));
    socket.on("connect", () => {
      socket.end(encode(operatorRequestShape, request));
      void readAll(socket, ANSWER_BYTES_MAX).then((bytes) => {
        const answer = bytes === null ? null : decode(operatorAnswerShape, bytes);
        if (answer?.ok === true) resolve(ok(answer.value));
        else fail("the server's answer is not one: is it of another version?");
      });
    });
  });
}

/** All bytes until the other side ends, or null when they are too many or the connection broke. */
function readAll(socket: Socket, bytesMax: number): Promise<Bytes | null> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let length = 0;
    socket.on("data", (part: Buffer) => {
      length += part.length;
      parts.push(part);
      if (length <= bytesMax) return;
      socket.destroy();
      resolve(null);
    });
    socket.on("end", () => resolve(new Uint8Array(Buffer.concat(parts))));
    socket.on("close", () => resolve(null));
  });
}
