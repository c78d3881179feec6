/**
 * One WebSocket: its standing, its channels, and the flow of frames in both directions. Rules GW1-GW2, GW8, GW10.
 *
 * Frames are handled in the order they came. An append does not hold up the next frame; everything that waits for the
 * store does. What the client sends faster than that is left in its socket.
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId, DeviceId, LogId, WriterTag } from "@dovetail/core/base/ids.ts";
import { encode } from "@dovetail/core/codec/shape.ts";
import type { Padding } from "@dovetail/core/crypto/padding.ts";
import type { ServerOrigin } from "@dovetail/core/base/server-origin.ts";
import type { LogPoint } from "@dovetail/core/protocol/entry.ts";
import type { LogKind } from "@dovetail/core/protocol/client-frame.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { type ServerFrame, serverFrameShape } from "@dovetail/core/protocol/server-frame.ts";
import {
  BEFORE_AUTH_BYTES_MAX,
  BEFORE_HELLO_BYTES_MAX,
  BUFFERED_BYTES_MAX,
  IN_FLIGHT_BYTES_MAX,
  WAITING_FRAMES_MAX,
} from "../limits.ts";
import { frameBinary } from "./raw-frame.ts";
import type { DeliveryTarget, Subscription } from "./subscriptions.ts";

/** Who a connection has proven to be. */
export type Identity =
  | { readonly type: "device"; readonly accountId: AccountId; readonly deviceId: DeviceId }
  | { readonly type: "recovery"; readonly accountId: AccountId };

/** An opened log and what may be done with it. */
export interface Channel {
  readonly logId: LogId;
  readonly kind: LogKind;
  readonly mayRead: boolean;
  mayAppend: boolean;
  /** Proven for it; null for an own log, and a request log. */
  readonly key: Bytes | null;
  /** Where reading ends for a key that was replaced; null for one that holds. LG21 */
  readUpto: LogPoint | null;
  /** Opened as one's own, not by capability. */
  readonly isOwn: boolean;
  readonly writerTag: WriterTag | null;
  subscription: Subscription | null;
}

/** Handles one frame; a promise holds up the frames after it. */
export type FrameHandler = (connection: Connection, frame: Bytes) => Promise<void> | undefined;

const POLICY_VIOLATION = 1008;
const PART_BYTES_MAX = 16_384;

/** A connection from its upgrade to its end. A class because there are many: its methods exist once. */
export class Connection implements DeliveryTarget {
  readonly address: string;
  readonly serverNonce: Bytes;
  readonly openedAtMs: number;
  /** The server that handed out the page which opened this; null for programs and pages of this server. GW12 */
  readonly otherPage: ServerOrigin | null;
  /** Null until `hello`. */
  clientNonce: Bytes | null = null;
  /** Of every frame in both directions; `hello` says which. GW15 */
  padding: Padding = "off";
  identity: Identity | null = null;
  /** Which start of a program signed in; null until one has. */
  instance: Bytes | null = null;
  /** Signed in, or proven for one log: it may stay. */
  isProven = false;
  proofFailures = 0;
  /** It asked for the deletion of its account and waits for the answer. */
  isDeletingAccount = false;
  readonly channels = new Map<number, Channel>();
  lastHeardMs: number;
  lastPingMs: number;
  /** Since when the socket has not drained, or null. */
  congestedSinceMs: number | null = null;
  /** When it was told goodbye, or null. */
  endingSinceMs: number | null = null;
  #ws: WebSocket;
  #socket: Socket;
  #handle: FrameHandler;
  #onRefused: (code: FailureCode) => void;
  #nowMs: () => number;
  /** Null while nothing is in it, here and below: most connections are idle most of the time. */
  #outbox: Buffer[] | null = null;
  #waiting: Bytes[] | null = null;
  #isBusy = false;
  #isPaused = false;
  #isLeaving = false;
  #inFlightBytes = 0;
  #drainTasks: (() => void)[] | null = null;
  #countBytes: (() => void) | null = null;

  constructor(
    ws: WebSocket,
    socket: Socket,
    options: {
      address: string;
      serverNonce: Bytes;
      otherPage: ServerOrigin | null;
      nowMs: () => number;
      handle: FrameHandler;
      onRefused: (code: FailureCode) => void;
    },
  ) {
    this.#ws = ws;
    this.#socket = socket;
    this.#handle = options.handle;
    this.#onRefused = options.onRefused;
    this.#nowMs = options.nowMs;
    this.address = options.address;
    this.serverNonce = options.serverNonce;
    this.otherPage = options.otherPage;
    this.openedAtMs = this.lastHeardMs = this.lastPingMs = options.nowMs();
    this.#limitBytesUntilProven();
    socket.on("drain", () => this.#drained());
  }

  /** GW2: counted on the socket, so that an unproven client cannot make us buffer a large frame. */
  #limitBytesUntilProven(): void {
    const start = this.#socket.bytesRead;
    this.#countBytes = () => {
      const bytesMax = this.clientNonce === null ? BEFORE_HELLO_BYTES_MAX : BEFORE_AUTH_BYTES_MAX;
      if (this.isProven) this.#stopCounting();
      else if (this.#socket.bytesRead - start > bytesMax) this.terminate();
    };
    this.#socket.on("data", this.#countBytes);
  }

  #stopCounting(): void {
    if (this.#countBytes !== null) this.#socket.off("data", this.#countBytes);
    this.#countBytes = null;
  }

  /** Takes a received frame. */
  receive(frame: Bytes): void {
    this.lastHeardMs = this.#nowMs();
    if (this.isClosed()) return;
    if (this.#isBusy || this.#waiting !== null || this.isCongested()) {
      this.#waiting ??= [];
      this.#waiting.push(frame);
      this.#regulate();
      return;
    }
    this.#process(frame);
  }

  #process(frame: Bytes): void {
    const pending = this.#handle(this, frame);
    if (pending === undefined) return;
    this.#isBusy = true;
    void pending.then(() => {
      this.#isBusy = false;
      this.#continue();
    });
  }

  #continue(): void {
    while (this.#waiting !== null && !this.#isBusy && !this.isClosed() && !this.isCongested()) {
      const frame = this.#waiting.shift();
      if (this.#waiting.length === 0) this.#waiting = null;
      if (frame !== undefined) this.#process(frame);
    }
    this.#regulate();
  }

  /** Reads the socket only while there is room for what it brings. */
  #regulate(): void {
    const waiting = this.#waiting?.length ?? 0;
    const isFull =
      waiting > WAITING_FRAMES_MAX ||
      this.#inFlightBytes > IN_FLIGHT_BYTES_MAX ||
      (waiting > 0 && this.isCongested());
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#ws.pause();
    else this.#ws.resume();
  }

  /** Bytes that begin to wait for their commit. */
  holdBytes(bytes: number): void {
    this.#inFlightBytes += bytes;
    this.#regulate();
  }

  /** Bytes that were committed or refused. */
  releaseBytes(bytes: number): void {
    this.#inFlightBytes -= bytes;
    if (this.#isPaused) this.#regulate();
    // After the answers of this turn.
    if (this.#isLeaving && this.#inFlightBytes === 0) setImmediate(() => this.close());
  }

  /** Answers. */
  reply(frame: ServerFrame): void {
    if (frame.type === "failed") this.#onRefused(frame.code);
    this.send(frameBinary(encode(serverFrameShape, frame), this.padding));
  }

  /** Sends a whole WebSocket frame. Frames of one turn leave together. */
  send(frame: Buffer): void {
    if (this.#outbox !== null) {
      this.#outbox.push(frame);
      return;
    }
    this.#outbox = [frame];
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    const frames = this.#outbox;
    if (frames === null) return;
    this.#outbox = null;
    if (this.#socket.destroyed || !this.#socket.writable) return;
    const [only] = frames;
    if (frames.length === 1 && only !== undefined) this.#socket.write(only);
    else if (frames.reduce((sum, { length }) => sum + length, 0) <= PART_BYTES_MAX)
      this.#socket.write(Buffer.concat(frames));
    else {
      this.#socket.cork();
      for (const frame of frames) this.#socket.write(frame);
      this.#socket.uncork();
    }
    if (this.isCongested()) this.congestedSinceMs ??= this.#nowMs();
  }

  isCongested(): boolean {
    return this.#socket.writableLength > BUFFERED_BYTES_MAX;
  }

  whenDrained(task: () => void): void {
    this.#drainTasks ??= [];
    this.#drainTasks.push(task);
  }

  #drained(): void {
    this.congestedSinceMs = null;
    const tasks = this.#drainTasks;
    this.#drainTasks = null;
    for (const task of tasks ?? []) task();
    this.#continue();
  }

  isClosed(): boolean {
    return this.endingSinceMs !== null || this.#ws.readyState !== this.#ws.OPEN;
  }

  /** Whether an answer still goes out; a connection that takes nothing more answers what it has taken. */
  canAnswer(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  /** Paused by ourselves: its silence says nothing. */
  isPaused(): boolean {
    return this.#isPaused;
  }

  fail(): void {
    this.goodbye("internal");
  }

  /** Says why, then closes. */
  goodbye(code: FailureCode): void {
    if (this.isClosed()) return;
    this.#onRefused(code);
    this.reply({ type: "goodbye", code });
    this.#flush();
    this.endingSinceMs = this.#nowMs();
    // No reason beside the goodbye: the length of its word would tell which it is. GW15
    this.#ws.close(POLICY_VIOLATION);
  }

  /** Closes as a server that stops does: takes nothing more, answers what it has taken. The client comes again. */
  close(): void {
    this.#isLeaving = true;
    this.endingSinceMs ??= this.#nowMs();
    if (this.#inFlightBytes > 0) return;
    this.#flush();
    this.#ws.close(1001);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  ping(): void {
    this.lastPingMs = this.#nowMs();
    this.#ws.ping();
  }
}
