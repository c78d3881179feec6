/**
 * One connection to a server's gateway: requests with answers, deliveries, liveness. Rules GW1-GW12 from the client's side.
 *
 * It does not reconnect: whoever owns it decides when. Every wait ends, because a request without an answer within
 * `REQUEST_TIMEOUT_MS` closes the connection.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import type { LogId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { decode, type DecodeError, encode } from "../../codec/shape.ts";
import type { BadPadding, Padding } from "../../crypto/padding.ts";
import { NONCE_BYTES } from "../../protocol/claims.ts";
import { type ClientFrame, clientFrameShape, REQUEST_ID_MAX } from "../../protocol/client-frame.ts";
import type { PlacedEntry } from "../../protocol/entry.ts";
import type { FailureCode } from "../../protocol/failure.ts";
import { padFrame, unpadFrame } from "../../protocol/frame-padding.ts";
import { type ServerFrame, serverFrameShape } from "../../protocol/server-frame.ts";
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "../../protocol/version.ts";
import type { FrameSocket, ServerConnector, ServerUnreachable } from "../../transport/server-connector.ts";

export const REQUEST_TIMEOUT_MS = 30_000;
export const PING_INTERVAL_MS = 20_000;

/** The server speaks another protocol version than this program. */
export interface IncompatibleServer {
  readonly type: "IncompatibleServer";
  readonly versionMin: number;
  readonly versionMax: number;
}

/** The server refused, with its reason. */
export interface Refused {
  readonly type: "Refused";
  readonly code: FailureCode;
  readonly retryAfterMs?: number;
}

/** The server broke the protocol; the connection is closed. */
export interface ServerMisbehaved {
  readonly type: "ServerMisbehaved";
  readonly why: string;
}

export type ServerError = ServerUnreachable | IncompatibleServer | Refused | ServerMisbehaved;

type Answer<T extends ServerFrame["type"]> = Extract<ServerFrame, { readonly type: T }>;
type Request = Extract<ClientFrame, { readonly requestId: number }>;
type WithoutId<R> = R extends unknown ? Omit<R, "requestId"> : never;

/** What every claim on this connection names. */
export interface ConnectionNonces {
  readonly origin: string;
  readonly serverNonce: Bytes;
  readonly clientNonce: Bytes;
}

export interface Gateway {
  readonly nonces: ConnectionNonces;
  /** Sends a request and waits for the answer of type `answer`. */
  call<T extends ServerFrame["type"]>(
    answer: T,
    request: WithoutId<Request>,
  ): Promise<Result<Answer<T>, ServerError>>;
  /** Handles what is delivered for a subscribed log; one handler a log. */
  onDeliver(logId: LogId, handler: (entries: readonly PlacedEntry[]) => void): void;
  isOpen(): boolean;
  close(): void;
  /** Why the server has ended it; null when it has not, or gave no reason. */
  goodbye(): FailureCode | null;
  /** Settles when the connection is over. */
  readonly whenClosed: Promise<void>;
}

export interface GatewayDeps {
  readonly connector: ServerConnector;
  readonly clock: Clock;
  readonly random: Random;
  /** As the device is set; PADMÉ while there is no device that could be. */
  padding?(): Padding;
}

interface Waiting {
  readonly answer: ServerFrame["type"];
  readonly settle: (result: Result<ServerFrame, ServerError>) => void;
  readonly cancelTimeout: () => void;
}

/** Opens a connection up to the point where a sign-in or a capability can be proven. */
export async function connectGateway(
  deps: GatewayDeps,
  origin: string,
): Promise<Result<Gateway, ServerError>> {
  const state = {
    socket: null as FrameSocket | null,
    isOpen: true,
    goodbye: null as FailureCode | null,
    /** Of what comes in: none before `hello`. */
    padding: "off" as Padding,
    nextRequestId: 1,
    waitingById: new Map<number, Waiting>(),
    deliverByLog: new Map<LogId, (entries: readonly PlacedEntry[]) => void>(),
    cancelPing: () => {},
  };
  const gone: ServerUnreachable = { type: "ServerUnreachable", origin, detail: "connection closed" };
  const closed = Promise.withResolvers<void>();
  const challenged = Promise.withResolvers<Result<Answer<"challenge">, ServerError>>();

  const finish = (reason: ServerError): void => {
    if (!state.isOpen) return;
    state.isOpen = false;
    state.cancelPing();
    challenged.resolve(err(reason));
    for (const waiting of state.waitingById.values()) {
      waiting.cancelTimeout();
      waiting.settle(err(reason));
    }
    state.waitingById.clear();
    state.socket?.close();
    closed.resolve();
  };

  const answerWaiting = (requestId: number, frame: ServerFrame) => {
    const waiting = state.waitingById.get(requestId);
    if (waiting === undefined) return;
    state.waitingById.delete(requestId);
    waiting.cancelTimeout();
    if (frame.type === "failed") return waiting.settle(err({ type: "Refused", code: frame.code }));
    if (frame.type === waiting.answer) return waiting.settle(ok(frame));
    const fault: ServerMisbehaved = {
      type: "ServerMisbehaved",
      why: `answered ${frame.type} to a request for ${waiting.answer}`,
    };
    waiting.settle(err(fault));
    finish(fault);
  };

  const onFrame = (bytes: Bytes) => {
    const decoded = readFrame(bytes, state.padding);
    if (!decoded.ok)
      return finish({ type: "ServerMisbehaved", why: `sent a malformed frame (${decoded.error.type})` });
    const frame = decoded.value;
    if (frame.type === "challenge") return challenged.resolve(ok(frame));
    if (frame.type === "deliver") return state.deliverByLog.get(frame.logId)?.(frame.entries);
    if (frame.type === "goodbye") {
      if (state.isOpen) state.goodbye = frame.code;
      return finish({ type: "Refused", code: frame.code });
    }
    answerWaiting(frame.requestId, frame);
  };

  const opened = await deps.connector.connect(origin, { onFrame, onClose: () => finish(gone) });
  if (!opened.ok) return opened;
  state.socket = opened.value;
  const cancelChallenge = deps.clock.schedule(REQUEST_TIMEOUT_MS, () =>
    finish({ ...gone, detail: "no challenge from the server" }),
  );
  const challenge = await challenged.promise;
  cancelChallenge();
  if (!challenge.ok) return challenge;
  const { versionMin, versionMax, serverNonce } = challenge.value;
  if (versionMin > PROTOCOL_VERSION || versionMax < PROTOCOL_VERSION_MIN) {
    const fault: IncompatibleServer = { type: "IncompatibleServer", versionMin, versionMax };
    finish(fault);
    return err(fault);
  }
  const clientNonce = deps.random.bytes(NONCE_BYTES);
  const send = (frame: ClientFrame): void =>
    opened.value.send(padFrame(encode(clientFrameShape, frame), state.padding));
  const padding = deps.padding?.() ?? "padme";
  const versions = { versionMin: PROTOCOL_VERSION_MIN, versionMax: PROTOCOL_VERSION };
  send({ type: "hello", ...versions, clientNonce, padding });
  state.padding = padding;

  const gateway: Gateway = {
    nonces: { origin, serverNonce, clientNonce },
    call: <T extends ServerFrame["type"]>(answer: T, request: WithoutId<Request>) =>
      new Promise<Result<Answer<T>, ServerError>>((resolve) => {
        if (!state.isOpen) return resolve(err(gone));
        const requestId = state.nextRequestId;
        state.nextRequestId = requestId === REQUEST_ID_MAX ? 1 : requestId + 1;
        state.waitingById.set(requestId, {
          answer,
          // `answerWaiting` has compared the type of the frame with `answer`.
          settle: (result) => resolve(result as Result<Answer<T>, ServerError>),
          cancelTimeout: deps.clock.schedule(REQUEST_TIMEOUT_MS, () =>
            finish({ ...gone, detail: "the server did not answer in time" }),
          ),
        });
        send({ ...request, requestId } as ClientFrame);
      }),
    onDeliver: (logId, handler) => {
      state.deliverByLog.set(logId, handler);
    },
    isOpen: () => state.isOpen,
    goodbye: () => state.goodbye,
    close: () => finish({ ...gone, detail: "closed here" }),
    whenClosed: closed.promise,
  };
  const pingLater = (): void => {
    state.cancelPing = deps.clock.schedule(PING_INTERVAL_MS, () => {
      void gateway.call("pong", { type: "ping" }).then((pong) => {
        if (pong.ok) pingLater();
      });
    });
  };
  pingLater();
  return ok(gateway);
}

/** GW15: the server may have ended the connection before it read which padding it is to use. */
function readFrame(bytes: Bytes, padding: Padding): Result<ServerFrame, DecodeError | BadPadding> {
  const frame = unpadFrame(bytes, padding);
  if (frame.ok) return decode(serverFrameShape, frame.value);
  const bare = decode(serverFrameShape, bytes);
  return bare.ok && bare.value.type === "goodbye" ? bare : frame;
}
