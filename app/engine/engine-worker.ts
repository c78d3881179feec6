/**
 * The worker of a tab. Every tab has one; the one that holds the profile's lock runs the engine, the others wait for it.
 *
 * A lock that is taken away, because its holder was frozen and did not answer, ends the engine here; what it still tries to
 * write the database refuses (WB3).
 */
import { automergeReady, cryptoReady, serveClient, serveObject } from "@dovetail/core";
import wasmUrl from "@automerge/automerge/automerge.wasm?url";
import { createEngineHost, type EngineHost } from "./engine-host.ts";
import { ENGINE_SERVICE, type HostCalls, type HostState } from "./engine-service.ts";
import {
  engineLockName,
  meetingName,
  type Notice,
  openTabPort,
  pageLockName,
  parseNotice,
  type ServiceName,
  type TabPort,
} from "./tab-channel.ts";
import { parseWorkerOrder, type WorkerReport } from "./worker-order.ts";

const RELOAD_MS = 5_000;

let isStarted = false;
let takeOver: () => void = () => {};

self.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
  const order = parseWorkerOrder(data);
  if (order?.type === "take-over") takeOver();
  if (order?.type !== "start" || isStarted) return;
  isStarted = true;
  void runForElection(order.profile, order.worker);
});

/** Waits for the lock, leads while it has it, and begins again when it was taken away. */
async function runForElection(profile: string, worker: string): Promise<void> {
  const name = engineLockName(profile);
  let isSteal = false;
  for (;;) {
    const queued = new AbortController();
    let isLeading = false;
    takeOver = () => {
      if (isLeading) return;
      isSteal = true;
      queued.abort();
    };
    // Ends as soon as the lock is taken away; the callback goes on until the engine is closed.
    const stolen = new AbortController();
    let leading: Promise<void> = Promise.resolve();
    const options: LockOptions = isSteal ? { steal: true } : { signal: queued.signal };
    isSteal = false;
    try {
      await navigator.locks.request(name, options, () => {
        isLeading = true;
        leading = lead(profile, worker, stolen.signal);
        return leading;
      });
    } catch {
      // The request was withdrawn, or the lock taken away: either way the next round says what follows.
    }
    stolen.abort();
    await leading.catch(tellBroken);
  }
}

/** What the engine is made of could not be loaded: the page tells, and the next round tries again after a while. */
async function tellBroken(thrown: unknown): Promise<void> {
  const report: WorkerReport = { type: "broken", detail: thrown instanceof Error ? thrown.name : "unknown" };
  self.postMessage(report);
  await new Promise((resolve) => setTimeout(resolve, RELOAD_MS));
}

/** Runs the engine until `stolen`. */
async function lead(profile: string, worker: string, stolen: AbortSignal): Promise<void> {
  await Promise.all([cryptoReady(), automergeReady(() => Promise.resolve(wasmUrl))]);
  if (stolen.aborted) return;
  const host = createEngineHost(profile);
  const meeting = new BroadcastChannel(meetingName(profile));
  const ports = new Set<TabPort>();
  const say = (notice: Notice): void => meeting.postMessage(notice);
  meeting.onmessage = ({ data }: MessageEvent<unknown>) => {
    const notice = parseNotice(data);
    if (notice?.type === "who") say({ type: "leader", leader: worker });
    if (notice?.type !== "connect" || notice.leader !== worker) return;
    const port = openTabPort(profile, notice.connection, "leader");
    ports.add(port);
    serve(host, notice.service, port, () => ports.delete(port));
    loseWithPage(pageLockName(profile, notice.page), port);
  };
  say({ type: "leader", leader: worker });
  await new Promise<void>((resolve) => stolen.addEventListener("abort", () => resolve(), { once: true }));
  meeting.close();
  for (const port of ports) port.close();
  await host.close();
}

function serve(host: EngineHost, service: ServiceName, port: TabPort, onEnd: () => void) {
  const onFault = (thrown: unknown): void => reportError(thrown);
  if (service === "engine") {
    const { state, onState, client: _client, close: _close, ...target } = host;
    serveObject<HostCalls, HostState>(port, ENGINE_SERVICE, {
      target,
      state,
      onEvent: onState,
      mergeEvent: (_waiting, event) => [event],
      onFault,
      onEnd,
    });
    return;
  }
  const client = host.client();
  if (client === null) {
    port.close();
    return onEnd();
  }
  const end = serveClient(port, client, {
    onFault,
    onEnd() {
      stopWatching();
      onEnd();
    },
  });
  // A client that was locked or forgotten is not served any further.
  const stopWatching = host.onState(() => {
    if (host.client() !== client) end();
  });
}

/** The lock of a page is granted to somebody else when the page is gone. */
function loseWithPage(name: string, port: TabPort): void {
  void navigator.locks.request(name, { mode: "shared" }, () => port.lose()).catch(() => {});
}
