/** A server that says what a test tells it to, over a socket that is none. */
import type { ClientFrame } from "../../core/protocol/client-frame.ts";
import type { ServerFrame } from "../../core/protocol/server-frame.ts";
import type {
  FrameHandlers,
  HttpRequest,
  HttpResponse,
  ServerConnector,
} from "../../core/transport/server-connector.ts";
import { createFrameStyle } from "./read-frame.ts";

export interface ScriptedServer {
  readonly connector: ServerConnector;
  /** Frames the client sent, in order. */
  readonly heard: ClientFrame[];
  /** What is answered to a request; null stays silent. */
  answer: (frame: ClientFrame) => ServerFrame | null;
  /** What is answered over HTTP. */
  respond: (request: HttpRequest) => HttpResponse | null;
  say(frame: ServerFrame): void;
  sayBytes(bytes: Uint8Array): void;
  /** The connection breaks. */
  hangUp(): void;
  /** Whether the client has closed. */
  isClosedByClient(): boolean;
}

export const CHALLENGE = {
  type: "challenge",
  versionMin: 1,
  versionMax: 1,
  serverNonce: new Uint8Array(32).fill(1),
} as const;

/** A server that greets with `challenge`, or not at all for null. */
export function createScriptedServer(challenge: ServerFrame | null = CHALLENGE): ScriptedServer {
  let handlers: FrameHandlers | null = null;
  let isClosed = false;
  let style = createFrameStyle();
  const server: ScriptedServer = {
    heard: [],
    answer: () => null,
    respond: () => null,
    say: (frame) => server.sayBytes(style.write(frame)),
    sayBytes: (bytes) => handlers?.onFrame(bytes),
    hangUp: () => handlers?.onClose(),
    isClosedByClient: () => isClosed,
    connector: {
      async connect(_origin, taken) {
        handlers = taken;
        style = createFrameStyle();
        queueMicrotask(() => {
          if (challenge !== null) server.say(challenge);
        });
        const send = (bytes: Uint8Array): void => {
          const frame = style.heard(bytes);
          if (!frame.ok) throw new Error(`the client sent a malformed frame: ${JSON.stringify(frame.error)}`);
          server.heard.push(frame.value);
          const said = server.answer(frame.value);
          if (said !== null) queueMicrotask(() => server.say(said));
        };
        const close = (): void => {
          isClosed = true;
          queueMicrotask(() => taken.onClose());
        };
        return { ok: true, value: { send, bufferedBytes: () => 0, close } };
      },
      async request(origin, request) {
        const response = server.respond(request);
        return response === null
          ? { ok: false, error: { type: "ServerUnreachable", origin, detail: "silent" } }
          : { ok: true, value: response };
      },
    },
  };
  return server;
}
