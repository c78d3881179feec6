/**
 * Port: the way to a server. An adapter exists per platform; tests and the simulator bring their own.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Padding } from "../crypto/padding.ts";
import type { Result } from "../base/result.ts";

/** The server could not be reached or the connection broke; `detail` is the platform's word, without data. */
export interface ServerUnreachable {
  readonly type: "ServerUnreachable";
  readonly origin: string;
  readonly detail: string;
}

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path and query, from `/v1/`. */
  readonly path: string;
  readonly body: Bytes | null;
  /** Of what goes over the wire, both ways; an adapter without a wire need not mind. DI19 */
  readonly padding: Padding;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: Bytes;
}

export interface FrameHandlers {
  onFrame(frame: Bytes): void;
  /** Called once, after the last frame. */
  onClose(): void;
}

/** An open WebSocket that carries whole binary frames in order. */
export interface FrameSocket {
  send(frame: Bytes): void;
  /** Bytes accepted by `send` that have not left yet. */
  bufferedBytes(): number;
  close(): void;
}

export interface ServerConnector {
  /** Opens the gateway of `origin` (`https://host[:port]`, or `http://` on loopback). */
  connect(origin: string, handlers: FrameHandlers): Promise<Result<FrameSocket, ServerUnreachable>>;
  /** One HTTP exchange. A status of 4xx or 5xx is a response, not an error. */
  request(origin: string, request: HttpRequest): Promise<Result<HttpResponse, ServerUnreachable>>;
}
