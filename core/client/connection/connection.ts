/**
 * The one connection to the home server: made when somebody asks, kept while it is wanted, made again when it is lost.
 *
 * At most one attempt runs at a time; whoever asks meanwhile is given its outcome. What happens on a connection is not decided here.
 */
import type { ClientError } from "../client-error.ts";
import type { ClientEvent, ConnectionStatus } from "../client.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { type Gateway, PING_INTERVAL_MS, REQUEST_TIMEOUT_MS } from "./gateway.ts";
import type { HomeLink } from "./home-link.ts";

/** A lost connection is made anew after so long, half as much less or more by chance; each time twice as long, up to the second. */
export const RECONNECT_MIN_MS = 500;
export const RECONNECT_MAX_MS = 30_000;
/** A connection that is gone looks open for at most so long. */
const UNNOTICED_MAX_MS = PING_INTERVAL_MS + REQUEST_TIMEOUT_MS;

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The home server as it is named now. */
  origin(): string;
  /** One attempt. The gateway is told as soon as there is one, before it is signed in. */
  dial(onGateway: (gateway: Gateway) => void): Promise<Result<HomeLink, ClientError>>;
  /** Why this device may not connect any more, if it may not. */
  barred(): ClientError | null;
  /** What waits to be sent. */
  pendingCount(): number;
  /** There is a connection, and all that was on the server when it began was read. It counts as made when this is over. */
  onOpen(link: HomeLink): Promise<void>;
  onClosed(): void;
  /** The server took somebody else for this device. */
  onReplaced(): void;
  emit(event: ClientEvent): void;
}

export interface Connection {
  status(): ConnectionStatus;
  /** Says how much waits, if that has changed. */
  publishStatus(): void;
  /** The link of the connection, while there is one. */
  link(): HomeLink | null;
  /** The gateway, from before it is signed in. */
  gateway(): Gateway | null;
  isStopped(): boolean;
  /** The connection there is, or one made now. */
  connected(): Promise<Result<HomeLink, ClientError>>;
  /** It is wanted from now on, and tried at once. */
  start(): void;
  /** Cuts it: what is wrong is seen to where a connection begins. */
  cut(): void;
  /** Cuts it, and begins one at once if it is wanted: a connection keeps the padding it began with. GW15 */
  renew(): void;
  /** Forgets it without waiting for its end, as when the home server is another one. */
  drop(): void;
  /** Runs `task`, and makes no connection meanwhile but what the task asks for. */
  unconnected<T>(task: () => Promise<T>): Promise<T>;
  /** No connection is made from now on. */
  stop(): void;
  /** Ends what there is; an attempt that is still dialling finds that it is not wanted. */
  close(): { readonly whenQuiet: () => Promise<unknown> };
  /** The last thing said. */
  closed(): void;
}

/** - Cost: one attempt at a time; tries again after half a second to 30 s. */
export function createConnection(deps: ConnectionDeps): Connection {
  const { clock, random, logger, emit } = deps;
  let gateway: Gateway | null = null;
  let home: HomeLink | null = null;
  let connecting: Promise<Result<HomeLink, ClientError>> | null = null;
  let isWanted = false;
  /** Tasks during which no connection is kept. */
  let unconnectedTasks = 0;
  let isStopped = false;
  let cancelRetry: (() => void) | null = null;
  /** When a connection was last asked for while there seemed to be one. */
  let askedMs: number | null = null;
  let retryMs = RECONNECT_MIN_MS;
  let status: ConnectionStatus = {
    state: "offline",
    sinceMs: clock.nowMs(),
    lastError: null,
    pendingCount: 0,
  };

  function setStatus(state: ConnectionStatus["state"], lastError: ClientError | null): void {
    if (isStopped && state !== "stopped") return;
    if (state !== status.state)
      logger.log("info", "connection", { state, ...(lastError === null ? {} : { error: lastError.type }) });
    status = {
      state,
      // An attempt to connect is no news: what began is that there is no connection.
      sinceMs:
        state === status.state || (isAway(state) && isAway(status.state)) ? status.sinceMs : clock.nowMs(),
      lastError,
      pendingCount: deps.pendingCount(),
    };
    emit({ type: "connection", status });
  }

  function publishStatus(): void {
    const pendingCount = deps.pendingCount();
    if (pendingCount === status.pendingCount) return;
    status = { ...status, pendingCount };
    emit({ type: "connection", status });
  }

  function connected(): Promise<Result<HomeLink, ClientError>> {
    if (isStopped) return Promise.resolve(err({ type: "ClientStopped" }));
    const barred = deps.barred();
    if (barred !== null) {
      setStatus("offline", barred);
      return Promise.resolve(err(barred));
    }
    if (home?.gateway.isOpen()) return Promise.resolve(ok(home));
    connecting ??= connectOnce().finally(() => {
      connecting = null;
    });
    return connecting;
  }

  async function connectOnce(): Promise<Result<HomeLink, ClientError>> {
    setStatus("connecting", status.lastError);
    const dial = () =>
      deps.dial((opened) => {
        gateway = opened;
        if (isStopped) opened.close();
      });
    const dialled = deps.origin();
    let linked = await dial();
    if (deps.origin() !== dialled) {
      // IN10: the account has moved meanwhile; what is written there would be left behind.
      if (linked.ok) linked.value.gateway.close();
      linked = unconnectedTasks > 0 ? err(movedTo(deps.origin())) : await dial();
    }
    if (!linked.ok) {
      setStatus("offline", linked.error);
      return linked;
    }
    const opened = linked.value.gateway;
    if (isStopped) {
      opened.close();
      return err({ type: "ClientStopped" });
    }
    if (!opened.isOpen()) {
      const lost: ClientError = { type: "Refused", code: opened.goodbye() ?? "overloaded" };
      setStatus("offline", lost);
      return err(lost);
    }
    home = linked.value;
    retryMs = RECONNECT_MIN_MS;
    setStatus("online", null);
    void opened.whenClosed.then(() => afterClose(opened));
    await deps.onOpen(linked.value);
    return linked;
  }

  function afterClose(opened: Gateway): void {
    if (isStopped) return;
    const isReplaced = opened.goodbye() === "replaced";
    if (isReplaced) {
      // Both go on trying: whichever writes first leaves the other behind, which finds it at its next connection (AR8).
      deps.onReplaced();
      retryMs = RECONNECT_MAX_MS;
      askedMs = null;
    }
    home = null;
    gateway = null;
    deps.onClosed();
    const gone: ClientError = isReplaced
      ? { type: "Refused", code: "replaced" }
      : { type: "ServerUnreachable", origin: deps.origin(), detail: "connection closed" };
    setStatus("offline", gone);
    void connectAgain();
  }

  async function connectAgain(): Promise<void> {
    // What a connection begins with may outlast it. Until that is over, whoever asks is given the one that is gone.
    await connecting;
    if (isStopped || !isWanted || home !== null) return;
    // Whoever asked meanwhile knew before this did, as when a network changes.
    if (askedMs !== null && Math.abs(clock.nowMs() - askedMs) < UNNOTICED_MAX_MS) connectNow();
    else retryLater();
  }

  function connectNow(): void {
    cancelRetry?.();
    cancelRetry = null;
    askedMs = home?.gateway.isOpen() === true ? clock.nowMs() : null;
    void keepConnected();
  }

  function retryLater(): void {
    if (isStopped || cancelRetry !== null) return;
    const jitter = 0.5 + (random.bytes(1)[0] ?? 0) / 256;
    cancelRetry = clock.schedule(Math.round(retryMs * jitter), () => {
      cancelRetry = null;
      retryMs = Math.min(RECONNECT_MAX_MS, retryMs * 2);
      void keepConnected();
    });
  }

  async function keepConnected(): Promise<void> {
    if (unconnectedTasks > 0) return;
    const linked = await connected();
    if (linked.ok || isStopped) return;
    // WB24: a server of another version is updated one day, and nobody tells.
    if (linked.error.type === "IncompatibleServer") retryMs = RECONNECT_MAX_MS;
    // What this device lost no retry brings back.
    const isFinal = linked.error.type === "DeviceRevoked" || linked.error.type === "DeviceRolledBack";
    if (!isFinal && isWanted) retryLater();
  }

  return {
    status: () => status,
    publishStatus,
    link: () => home,
    gateway: () => gateway,
    isStopped: () => isStopped,
    connected,
    start() {
      isWanted = true;
      // Whoever asks has a reason to expect more of this attempt than of the one that waits.
      connectNow();
    },
    cut: () => home?.gateway.close(),
    renew() {
      gateway?.close();
      deps.onClosed();
      if (isWanted) connectNow();
    },
    drop() {
      gateway?.close();
      home = null;
      gateway = null;
    },
    async unconnected(task) {
      unconnectedTasks++;
      try {
        return await task();
      } finally {
        unconnectedTasks--;
        if (isWanted) retryLater();
      }
    },
    stop() {
      isWanted = false;
      isStopped = true;
      cancelRetry?.();
    },
    close() {
      const isDialling = gateway === null || !gateway.isOpen();
      home?.gateway.close();
      gateway?.close();
      // With its connection closed an attempt ends at once.
      return { whenQuiet: async () => (isDialling ? null : connecting) };
    },
    closed: () => setStatus("stopped", null),
  };
}

/** Whoever moved the account still has it to bring there. */
function movedTo(origin: string): ClientError {
  return { type: "ServerUnreachable", origin, detail: "the account is being moved there" };
}

function isAway(state: ConnectionStatus["state"]): boolean {
  return state === "offline" || state === "connecting";
}
