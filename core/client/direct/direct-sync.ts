/**
 * Own devices on one network synchronise without the server: dialling, listening, and what becomes of each stream.
 *
 * A stranger gets a few small frames' room and ten seconds. Whoever has proven to be an active device of this account
 * gets a session. Rules DS1-DS16.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DeviceId } from "../../base/ids.ts";
import {
  DIRECT_FRAME_BYTES_MAX,
  DIRECT_HELLO_BYTES_MAX,
  DIRECT_SESSIONS_MAX,
  FRAME_BYTES_MAX,
} from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { createFrameSplitter, encodeFrame } from "../../codec/frame-splitter.ts";
import { decode } from "../../codec/shape.ts";
import type { DirectSide } from "../../sigchain/direct/direct-channel.ts";
import {
  type DirectError,
  type DirectHandshake,
  type DirectPeer,
  type DirectSelf,
  startDialling,
  startListening,
} from "../../sigchain/direct/direct-handshake.ts";
import { directMessageShape } from "../../sigchain/direct/direct-message.ts";
import type { PeerConnector, PeerHandlers, PeerSocket } from "../../transport/peer-connector.ts";
import type { ClientEvent, DirectListener, DirectReport } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import { type DirectSession, type DirectSessionDeps, startDirectSession } from "./direct-session.ts";

const HANDSHAKE_MS = 10_000;

export interface DirectSync {
  /** Lets own devices dial this one at `address` (`host:port`; port 0 is any). */
  listen(address: string): Promise<Result<DirectListener, ClientError>>;
  /** Dials an own device, stays until both hold the same, and leaves. */
  syncOnce(address: string): Promise<Result<DirectReport, ClientError>>;
  /** Ends all sessions. */
  stop(): Promise<void>;
}

export interface DirectSyncDeps extends DirectSessionDeps {
  /** Null where the platform has no sockets. */
  readonly connector: PeerConnector | null;
  emit(event: ClientEvent): void;
}

interface Stream {
  readonly handlers: PeerHandlers;
  /** Settles when the two know each other and talk, or why they do not. */
  readonly whenTalking: Promise<Result<DirectSession, ClientError>>;
  readonly peer: () => DeviceId | null;
  begin(socket: PeerSocket): void;
  end(): Promise<void>;
}

export function createDirectSync(deps: DirectSyncDeps): DirectSync {
  const { context, connector } = deps;
  const streams = new Set<Stream>();
  /** Sockets that came and have no stream yet. */
  let arriving = 0;
  const closers = new Set<() => void>();

  async function self(): Promise<Result<DirectSelf, ClientError>> {
    const chain = context.chain();
    const rows = await context.tables.chain.scan({ under: [chain.accountId] });
    if (!rows.ok) return rows;
    const { identity, accountRoot } = context;
    return ok({
      accountId: identity.accountId,
      deviceId: identity.deviceId,
      signKeys: identity.keys.sign,
      accountRoot,
      chain,
      links: rows.value.slice(0, chain.seq).map((row) => row.value.link),
    });
  }

  /** One stream from its first byte to its end. */
  function createStream(side: DirectSide, me: DirectSelf): Stream {
    const handshake: DirectHandshake =
      side === "dialler" ? startDialling(context.random, me) : startListening(context.random, me);
    const talking = Promise.withResolvers<Result<DirectSession, ClientError>>();
    const early: Bytes[] = [];
    let frameCount = 0;
    let peer: DirectPeer | null = null;
    let session: DirectSession | null = null;
    let socket: PeerSocket | null = null;
    let isOver = false;
    // DS9: a stranger gets room for a hello, whoever has the account's secret for links, an own device for documents.
    const bytesMax = (): number => {
      if (peer !== null) return DIRECT_FRAME_BYTES_MAX;
      return frameCount === 0 ? DIRECT_HELLO_BYTES_MAX : FRAME_BYTES_MAX;
    };
    const frames = createFrameSplitter(bytesMax);
    const cancelTimeout = context.clock.schedule(HANDSHAKE_MS, () => {
      if (peer === null) fail({ type: "DirectLost" });
    });

    const send = (frame: Bytes): void => socket?.send(encodeFrame(frame));

    function fail(error: ClientError): void {
      if (isOver) return;
      isOver = true;
      cancelTimeout();
      streams.delete(stream);
      peer?.channel.close();
      socket?.close();
      talking.resolve(err(error));
    }

    function takeFrame(frame: Bytes) {
      if (session !== null) return session.take(frame);
      if (peer !== null) return takeEarly(peer, frame);
      frameCount += 1;
      const step = handshake.step(frame);
      for (const sent of step.send) send(sent);
      if (step.outcome === null) return;
      if (!step.outcome.ok) return fail(step.outcome.error);
      peer = step.outcome.value;
      cancelTimeout();
      // Whoever listens has told who it is, and may still be refused; the first frame says so.
      if (side === "dialler") void talk(peer);
    }

    function takeEarly(known: DirectPeer, frame: Bytes): void {
      early.push(frame);
      if (side === "listener" && early.length === 1) void talk(known);
    }

    async function talk({ deviceId, channel }: DirectPeer): Promise<void> {
      const first = early[0];
      const refusal = first === undefined ? null : refusalIn(channel, first);
      if (refusal !== null) return fail(refusal);
      const started = await startDirectSession(deps, {
        side,
        peer: deviceId,
        channel,
        send,
        close: () => socket?.close(),
      });
      if (!started.ok) return fail(started.error);
      if (isOver) return started.value.end();
      session = started.value;
      talking.resolve(started);
      for (const frame of early.splice(0)) started.value.take(frame);
    }

    const stream: Stream = {
      whenTalking: talking.promise,
      peer: () => peer?.deviceId ?? null,
      begin(opened) {
        socket = opened;
        if (isOver) return opened.close();
        for (const frame of handshake.first) send(frame);
      },
      handlers: {
        onBytes(bytes) {
          frames.push(bytes);
          for (;;) {
            if (isOver) return;
            const frame = frames.next();
            if (!frame.ok) return session === null ? fail({ type: "DirectStranger" }) : void session.end();
            if (frame.value === null) return;
            takeFrame(frame.value);
          }
        },
        onClose() {
          if (session === null)
            fail(peer === null && frameCount > 0 ? { type: "DirectStranger" } : { type: "DirectLost" });
          else void session.end();
        },
      },
      async end() {
        fail({ type: "DirectLost" });
        await session?.end();
      },
    };
    streams.add(stream);
    void talking.promise.then(async (result) => {
      if (!result.ok) return;
      await result.value.whenEnded;
      isOver = true;
      streams.delete(stream);
    });
    return stream;
  }

  async function syncOnce(address: string): Promise<Result<DirectReport, ClientError>> {
    if (connector === null) return err({ type: "DirectUnavailable" });
    const me = await self();
    if (!me.ok) return me;
    const stream = createStream("dialler", me.value);
    const dialled = await connector.dial(address, stream.handlers);
    if (!dialled.ok) {
      await stream.end();
      return dialled;
    }
    stream.begin(dialled.value);
    const session = await stream.whenTalking;
    if (!session.ok) return session;
    const isEqual = await session.value.whenEqual();
    const device = stream.peer();
    await session.value.end(true);
    if (!isEqual || device === null) return err({ type: "DirectLost" });
    const flushed = await context.serial.run(deps.log.flush);
    return flushed.ok ? ok({ device, receivedDocuments: session.value.receivedCount() }) : flushed;
  }

  async function listen(address: string): Promise<Result<DirectListener, ClientError>> {
    if (connector === null) return err({ type: "DirectUnavailable" });
    const accept = (socket: PeerSocket): PeerHandlers => {
      const waiting: Bytes[] = [];
      let stream: Stream | null = null;
      let isClosed = false;
      if (streams.size + arriving >= DIRECT_SESSIONS_MAX) {
        socket.close();
        return { onBytes: () => {}, onClose: () => {} };
      }
      // The chain is read from the store; what comes meanwhile is a hello at most.
      arriving++;
      void self().then((me) => {
        arriving--;
        if (!me.ok || isClosed) return socket.close();
        stream = createStream("listener", me.value);
        stream.begin(socket);
        void report(stream);
        for (const bytes of waiting.splice(0)) stream.handlers.onBytes(bytes);
      });
      return {
        onBytes(bytes) {
          if (stream !== null) return stream.handlers.onBytes(bytes);
          waiting.push(bytes);
          if (waiting.reduce((sum, part) => sum + part.length, 0) > 2 * DIRECT_HELLO_BYTES_MAX)
            socket.close();
        },
        onClose() {
          isClosed = true;
          stream?.handlers.onClose();
        },
      };
    };
    const listening = await connector.listen(address, accept);
    if (!listening.ok) return listening;
    const close = async (): Promise<void> => {
      closers.delete(listening.value.close);
      listening.value.close();
    };
    closers.add(listening.value.close);
    return ok({ addresses: listening.value.addresses, close });
  }

  /** What the person at the device that listens is told. */
  async function report(stream: Stream): Promise<void> {
    const session = await stream.whenTalking;
    const device = stream.peer();
    if (!session.ok) {
      const why = describeFailure(session.error);
      return deps.emit({ type: "direct", state: "refused", device, why });
    }
    deps.emit({ type: "direct", state: "connected", device, why: null });
    if (await session.value.whenEqual()) deps.emit({ type: "direct", state: "equal", device, why: null });
    await session.value.whenEnded;
    deps.emit({ type: "direct", state: "left", device, why: null });
  }

  return {
    listen,
    syncOnce,
    async stop() {
      for (const close of closers) close();
      closers.clear();
      await Promise.all([...streams].map((stream) => stream.end()));
    },
  };
}

function describeFailure(error: ClientError): string {
  return error.type === "DirectRefused" || error.type === "DirectRefusedByPeer" ? error.why : error.type;
}

/** The listener believed it was welcome; the dialler's first frame may say otherwise. */
function refusalIn(channel: DirectPeer["channel"], frame: Bytes): DirectError | null {
  const peeked = channel.peek(frame);
  const message = peeked.ok ? decode(directMessageShape, peeked.value) : peeked;
  return message.ok && message.value.type === "refused"
    ? { type: "DirectRefusedByPeer", why: message.value.why }
    : null;
}
