/**
 * ServerConnector over the platform's own `fetch` and `WebSocket`, alike in Node 24, Deno and browsers; the one file of
 * core that knows them.
 *
 * Whatever goes wrong with the network is `ServerUnreachable` with one word of the platform. Plain `http://` is dialled
 * on loopback only: anywhere else, whoever stands between would see which account talks to which log.
 */
import { FRAME_BYTES_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { padFrame, unpadFrame } from "../protocol/frame-padding.ts";
import { mediaTypeOf, padPath, paddingOfMediaType } from "../protocol/http-padding.ts";
import { GATEWAY_PATH, GATEWAY_SUBPROTOCOL } from "../protocol/version.ts";
import type {
  FrameHandlers,
  FrameSocket,
  HttpRequest,
  HttpResponse,
  ServerConnector,
  ServerUnreachable,
} from "./server-connector.ts";

/** For one HTTP exchange or the opening of a gateway. The longest wait of the server's own is 20 s. */
export const CONNECT_TIMEOUT_MS = 40_000;
/** No answer of a server is larger than a frame. */
export const RESPONSE_BYTES_MAX: number = FRAME_BYTES_MAX;

const LOOPBACK = /^http:\/\/(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?$/;
const NORMAL_CLOSURE = 1000;
const CAUSES_MAX = 5;

export interface WebConnectorOptions {
  readonly timeoutMs?: number;
}

/** A connector for any number of servers. */
export function createWebConnector(options: WebConnectorOptions = {}): ServerConnector {
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  return {
    async connect(origin, handlers) {
      const refused = refuseOrigin(origin);
      return refused === null ? openGateway(origin, handlers, timeoutMs) : err(refused);
    },
    async request(origin, request) {
      const refused = refuseOrigin(origin);
      return refused === null ? exchange(origin, request, timeoutMs) : err(refused);
    },
  };
}

function refuseOrigin(origin: string): ServerUnreachable | null {
  if (/^https:\/\/[^/]+$/.test(origin) || LOOPBACK.test(origin)) return null;
  return unreachableServer(origin, "http-off-loopback");
}

async function exchange(
  origin: string,
  request: HttpRequest,
  timeoutMs: number,
): Promise<Result<HttpResponse, ServerUnreachable>> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const { method, path, body: content, padding } = request;
    const mediaType = mediaTypeOf(padding);
    const response = await fetch(origin + padPath(path, padding), {
      method,
      // A copy: the types of fetch take only bytes of an ArrayBuffer of their own.
      body: content === null ? null : new Uint8Array(padFrame(content, padding)),
      headers: { accept: mediaType, ...(content === null ? {} : { "content-type": mediaType }) },
      redirect: "error",
      credentials: "omit",
      cache: "no-store",
      signal: deadline,
    });
    const body = await readBody(response);
    if (body === null) return err(unreachableServer(origin, "answer-too-large"));
    // DI19: what is not of a directory, as a proxy's own page, is for the caller to refuse.
    const given = paddingOfMediaType(response.headers.get("content-type"));
    if (given === null) return ok({ status: response.status, body });
    const unpadded = given === padding ? unpadFrame(body, padding) : err({ type: "BadPadding" as const });
    return unpadded.ok
      ? ok({ status: response.status, body: unpadded.value })
      : err(unreachableServer(origin, "bad-padding"));
  } catch (thrown) {
    return err(unreachableServer(origin, deadline.aborted ? "timeout" : detailOf(thrown)));
  }
}

/** The body, or null when it is longer than any answer may be; then the rest is not read. */
async function readBody(response: Response): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (response.body === null) return new Uint8Array();
  // By its reader: not every browser iterates over a stream.
  const reader = response.body.getReader();
  for (let part = await reader.read(); part.value !== undefined; part = await reader.read()) {
    length += part.value.length;
    if (length > RESPONSE_BYTES_MAX) {
      await reader.cancel();
      return null;
    }
    parts.push(part.value);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    body.set(part, offset);
    offset += part.length;
  }
  return body;
}

function openGateway(
  origin: string,
  handlers: FrameHandlers,
  timeoutMs: number,
): Promise<Result<FrameSocket, ServerUnreachable>> {
  return new Promise((resolve) => {
    const socket = new WebSocket(origin.replace(/^http/, "ws") + GATEWAY_PATH, [GATEWAY_SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    let isOpen = false;
    /** The first word said counts: what follows it is its consequence. */
    let detail: string | null = null;
    const timer = setTimeout(() => {
      detail = "timeout";
      socket.close();
    }, timeoutMs);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      if (socket.protocol !== GATEWAY_SUBPROTOCOL) {
        detail = "wrong-protocol";
        return socket.close();
      }
      isOpen = true;
      resolve(ok(createFrameSocket(socket)));
    });
    socket.addEventListener("message", ({ data }) => {
      const isFrame = data instanceof ArrayBuffer && data.byteLength <= FRAME_BYTES_MAX;
      // A server that sends what no frame can be is not read any further.
      if (!isFrame) socket.close();
      else if (isOpen && socket.readyState === WebSocket.OPEN) handlers.onFrame(new Uint8Array(data));
    });
    socket.addEventListener("error", (event) => {
      detail ??= "error" in event ? detailOf(event.error) : null;
    });
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      if (isOpen) handlers.onClose();
      else resolve(err(unreachableServer(origin, detail ?? "connection-failed")));
    });
  });
}

function createFrameSocket(socket: WebSocket): FrameSocket {
  return {
    send(frame) {
      if (socket.readyState === WebSocket.OPEN) socket.send(new Uint8Array(frame));
    },
    bufferedBytes: () => socket.bufferedAmount,
    close: () => socket.close(NORMAL_CLOSURE),
  };
}

function unreachableServer(origin: string, detail: string): ServerUnreachable {
  return { type: "ServerUnreachable", origin, detail };
}

/** The system's own word for what happened, such as `ECONNREFUSED`. Not its message, which may quote anything. */
function detailOf(thrown: unknown): string {
  // fetch wraps what the system said, at times more than once.
  for (
    let cause = thrown, depth = 0;
    cause instanceof Error && depth < CAUSES_MAX;
    cause = cause.cause, depth++
  ) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
  }
  return "connection-failed";
}
