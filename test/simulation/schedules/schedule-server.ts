/**
 * The server of a schedule: the gateway's own handlers over the store in memory, without sockets, bytes and sign-in.
 *
 * A connection carries frames in order, each for as long as the way is, or breaks.
 */
import type { AccountId, DeviceId } from "../../../core/base/ids.ts";
import { silentLogger } from "../../../core/base/logger.ts";
import { err, ok, type Result } from "../../../core/base/result.ts";
import type { Gateway, ServerError } from "../../../core/client/connection/gateway.ts";
import type { ClientFrame } from "../../../core/protocol/client-frame.ts";
import type { PlacedEntry } from "../../../core/protocol/entry.ts";
import type { FailureCode } from "../../../core/protocol/failure.ts";
import { type ServerFrame, serverFrameShape } from "../../../core/protocol/server-frame.ts";
import { createAccountDirectory } from "../../../sync-server/directory/account-directory.ts";
import type { Channel, Connection } from "../../../sync-server/gateway/connection.ts";
import type { GatewayContext } from "../../../sync-server/gateway/gateway-context.ts";
import { dispatch } from "../../../sync-server/gateway/handle-frame.ts";
import { createResumeTokens } from "../../../sync-server/gateway/resume-tokens.ts";
import { createSubscriptions } from "../../../sync-server/gateway/subscriptions.ts";
import { silentMetrics } from "../../../sync-server/metrics/server-metrics.ts";
import { createRateLimits } from "../../../sync-server/rate-limits.ts";
import type { StoreEvent } from "../../../sync-server/store/log-store.ts";
import { readFrame } from "../../support/read-frame.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import { framesIn } from "../world/sim-server.ts";
import type { VirtualTime } from "../world/virtual-time.ts";
import type { ScheduleLie } from "./schedule-plan.ts";
import { createReplayedStore, type ReplayedStore } from "./replayed-store.ts";

export const ORIGIN = "https://dove.example";

/** A lie to a device. */
export interface FrameLie {
  readonly to: DeviceId;
  readonly lie: ScheduleLie;
  /** What is said in place of a frame, null for nothing, and who hears that it arrived; null where the frame is as it should be. */
  tell(frame: ServerFrame): { readonly said: ServerFrame | null; onHeard(): void } | null;
}

export interface ScheduleServer {
  readonly records: ReplayedStore;
  readonly lies: Set<FrameLie>;
  connect(accountId: AccountId, device: DeviceId): Gateway;
  /** Breaks the connection of a device. */
  cut(device: DeviceId): void;
  /** Everybody's connection breaks, and records are those of the backup. */
  putBackup(mark: number): Promise<void>;
  /** How often a connection of a device came to its end. */
  endsOf(device: DeviceId): number;
  /** Frames that were carried. */
  frameCount(): number;
}

/** How long a frame is on its way, at most; in eighths of a millisecond. */
const WAY_MAX_EIGHTHS = 64;
const NONCE = new Uint8Array(32).fill(1);
type Request = Extract<ClientFrame, { readonly requestId: number }>;
type Answer<T extends ServerFrame["type"]> = Extract<ServerFrame, { readonly type: T }>;

/** A server with nothing on it. */
export function createScheduleServer(time: VirtualTime, random: SeededRandom): ScheduleServer {
  const records = createReplayedStore();
  const ends = new Map<DeviceId, (code: FailureCode | null) => void>();
  const endCounts = new Map<DeviceId, number>();
  let frames = 0;
  let context = contextOver(records, time, random);
  listen();

  function listen(): void {
    const { store, subscriptions } = context;
    store.onEvent((event: StoreEvent) => {
      if (event.type === "appended") subscriptions.publish(event.logId, event.entries);
      if (event.type === "reseeded") for (const end of [...ends.values()]) end("log-reseeded");
      if (event.type === "revoked")
        for (const device of event.deviceIds) ends.get(device)?.("revoked-device");
    });
  }

  const endAll = (): void => {
    for (const end of [...ends.values()]) end(null);
  };

  const server: ScheduleServer = {
    records,
    lies: new Set(),
    endsOf: (device) => endCounts.get(device) ?? 0,
    frameCount: () => frames,
    cut: (device) => ends.get(device)?.(null),
    async putBackup(mark) {
      endAll();
      await records.rollBack(mark);
      context = contextOver(records, time, random);
      listen();
      // Who connected meanwhile would be served for ever by the records that are no more.
      endAll();
    },
    connect(accountId, device) {
      ends.get(device)?.("replaced");
      const wire = createWire(time, random, () => {
        frames += 1;
      });
      const serving = context;
      const { connection, receive } = createServerSide(serving, accountId, device, (frame) => {
        let told: ReturnType<FrameLie["tell"]> = null;
        // One at a time: the second could say what is so again.
        for (const lie of server.lies) if (lie.to === device) told ??= lie.tell(frame);
        const arriving = told === null ? frame : told.said;
        if (arriving === null) return;
        wire.back(() => {
          told?.onHeard();
          client.hear(arriving);
        });
      });
      const client = createClientSide((request) => wire.out(() => receive(request)));
      const end = (code: FailureCode | null): void => {
        if (ends.get(device) === end) ends.delete(device);
        if (!wire.isOpen()) return;
        wire.close();
        endCounts.set(device, server.endsOf(device) + 1);
        for (const { subscription } of connection.channels.values())
          if (subscription !== null) serving.subscriptions.end(subscription);
        client.end(code);
      };
      ends.set(device, end);
      client.onClose = () => end(null);
      void serving.store.noteSeen(accountId, device, time.nowMs());
      return client.gateway;
    },
  };
  return server;
}

function contextOver(records: ReplayedStore, clock: VirtualTime, random: SeededRandom): GatewayContext {
  const store = records.current();
  return {
    store,
    directory: createAccountDirectory({ store, clock, isRegistrationOpen: true }),
    clock,
    random,
    logger: silentLogger,
    metrics: silentMetrics,
    origins: [ORIGIN],
    workBits: 0,
    resumeTtlMs: 1,
    rates: createRateLimits(clock, 1_000_000),
    subscriptions: createSubscriptions(store, clock),
    resumeTokens: createResumeTokens(clock, random, 1),
    connectionsByDevice: new Map(),
  };
}

/** Two directions; what is sent later arrives later. */
function createWire(time: VirtualTime, random: SeededRandom, onFrame: () => void) {
  let isOpen = true;
  const direction = () => {
    let lastAtMs = 0;
    return (arrive: () => void): void => {
      lastAtMs = Math.max(lastAtMs, time.exactMs() + (1 + random.below(WAY_MAX_EIGHTHS)) / 8);
      time.schedule(lastAtMs - time.exactMs(), () => {
        if (!isOpen) return;
        onFrame();
        arrive();
      });
    };
  };
  return {
    out: direction(),
    back: direction(),
    isOpen: () => isOpen,
    close: () => {
      isOpen = false;
    },
  };
}

function createServerSide(
  context: GatewayContext,
  accountId: AccountId,
  deviceId: DeviceId,
  say: (frame: ServerFrame) => void,
) {
  const channels = new Map<number, Channel>();
  const side = {
    address: "",
    identity: { type: "device", accountId, deviceId },
    isProven: true,
    proofFailures: 0,
    clientNonce: NONCE,
    serverNonce: NONCE,
    padding: "off",
    channels,
    reply: say,
    send(bytes: Buffer) {
      for (const payload of framesIn(bytes)) {
        const frame = readFrame(serverFrameShape, payload);
        if (frame.ok) say(frame.value);
      }
    },
    isClosed: () => false,
    canAnswer: () => true,
    isCongested: () => false,
    whenDrained() {},
    holdBytes() {},
    releaseBytes() {},
    fail: () => say({ type: "goodbye", code: "internal" }),
    goodbye: (code: FailureCode) => say({ type: "goodbye", code }),
  };
  const connection = side as unknown as Connection;
  let last: Promise<void> = Promise.resolve();
  return {
    connection,
    receive(frame: ClientFrame) {
      last = last.then(() => dispatch(context, connection, frame));
    },
  };
}

function createClientSide(send: (request: ClientFrame) => void) {
  const waiting = new Map<number, (frame: Result<ServerFrame, ServerError>) => void>();
  const deliver = new Map<string, (entries: readonly PlacedEntry[]) => void>();
  const closed = Promise.withResolvers<void>();
  const gone: ServerError = { type: "ServerUnreachable", origin: ORIGIN, detail: "connection closed" };
  let isOpen = true;
  let goodbye: FailureCode | null = null;
  let requests = 0;

  const end = (code: FailureCode | null): void => {
    if (!isOpen) return;
    isOpen = false;
    goodbye = code;
    for (const settle of waiting.values()) settle(err(code === null ? gone : { type: "Refused", code }));
    waiting.clear();
    closed.resolve();
  };
  const gateway: Gateway = {
    nonces: { origin: ORIGIN, serverNonce: NONCE, clientNonce: NONCE },
    async call<T extends ServerFrame["type"]>(answer: T, request: Omit<Request, "requestId">) {
      if (!isOpen) return err(gone);
      const requestId = ++requests;
      const said = Promise.withResolvers<Result<ServerFrame, ServerError>>();
      waiting.set(requestId, said.resolve);
      send({ ...request, requestId } as ClientFrame);
      const frame = await said.promise;
      if (!frame.ok) return frame;
      if (frame.value.type === "failed") return err({ type: "Refused", code: frame.value.code });
      if (frame.value.type === answer) return ok(frame.value as Answer<T>);
      return err({ type: "ServerMisbehaved", why: `answered ${frame.value.type}` });
    },
    onDeliver: (logId, handler) => void deliver.set(logId, handler),
    isOpen: () => isOpen,
    close() {
      client.onClose();
      end(null);
    },
    goodbye: () => goodbye,
    whenClosed: closed.promise,
  };
  const client = {
    gateway,
    end,
    onClose: (): void => {},
    hear(frame: ServerFrame): void {
      if (frame.type === "deliver") deliver.get(frame.logId)?.(frame.entries);
      else if (frame.type === "goodbye") {
        client.onClose();
        end(frame.code);
      } else if (frame.type !== "challenge") {
        waiting.get(frame.requestId)?.(ok(frame));
        waiting.delete(frame.requestId);
      }
    },
  };
  return client;
}
