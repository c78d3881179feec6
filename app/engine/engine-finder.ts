/**
 * Finds the engine among the tabs of a profile, and keeps finding it: this tab's worker, another tab's, or the next one
 * when that tab goes.
 *
 * Who leads announces it. A page that is on screen asks every few seconds; when nobody has answered for long, it lets its
 * own worker take over. Being wrong about that costs nothing but time, since only one engine can write (WB3). Rule WB7.
 */
import { nextWorker } from "./own-worker.ts";
import {
  meetingName,
  type Notice,
  openTabPort,
  pageLockName,
  parseNotice,
  type ServiceName,
  type TabPort,
} from "./tab-channel.ts";
import { parseWorkerReport, type WorkerOrder } from "./worker-order.ts";

const ASK_EVERY_MS = 2_000;
/** Longer than an Argon2id on a slow phone, for which the worker answers nobody. */
const SILENCE_MAX_MS = 12_000;
const OPEN_WAIT_MS = 10_000;

export interface FinderEvents {
  /** Another engine answers from now on; connections to the one before are closed. */
  onLeader(isOwnTab: boolean): void;
  /** The engine could not be loaded in this tab, and no other tab has one. */
  onBroken(detail: string): void;
}

export interface EngineFinder {
  /** A connection to the present engine; null when there is none, or it does not answer. */
  connect(service: ServiceName): Promise<TabPort | null>;
}

/** Starts this tab's worker and looks for the engine. */
export function findEngine(profile: string, events: FinderEvents): EngineFinder {
  const page = crypto.randomUUID();
  const meeting = new BroadcastChannel(meetingName(profile));
  const ports = new Set<TabPort>();
  let own = startOwnWorker();
  let leader: string | null = null;
  let heardAtMs = performance.now();
  let askedAtMs = performance.now();
  /** Whether this tab's worker was told to take over since somebody answered last. */
  let isTakingOver = false;

  // Held until the page is gone: nobody ever resolves it.
  void navigator.locks.request(pageLockName(profile, page), () => new Promise(() => {}));

  const say = (notice: Notice): void => meeting.postMessage(notice);

  function startOwnWorker() {
    const name = crypto.randomUUID();
    const worker = nextWorker();
    worker.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      const report = parseWorkerReport(data);
      if (report !== null && leader === null) events.onBroken(report.detail);
    });
    const order = (message: WorkerOrder): void => worker.postMessage(message);
    order({ type: "start", profile, worker: name });
    return { name, order, end: () => worker.terminate() };
  }

  meeting.onmessage = ({ data }: MessageEvent<unknown>) => {
    const notice = parseNotice(data);
    if (notice?.type !== "leader") return;
    heardAtMs = performance.now();
    isTakingOver = false;
    if (notice.leader === leader) return;
    leader = notice.leader;
    for (const port of [...ports]) port.lose();
    ports.clear();
    events.onLeader(leader === own.name);
  };

  function ask() {
    const nowMs = performance.now();
    // After a pause of this page nobody could have answered.
    if (nowMs - askedAtMs > ASK_EVERY_MS * 2) heardAtMs = nowMs;
    askedAtMs = nowMs;
    say({ type: "who" });
    if (document.visibilityState !== "visible" || nowMs - heardAtMs < SILENCE_MAX_MS) return;
    heardAtMs = nowMs;
    // A worker of its own that leads, or was told to, and does not answer is dead or stuck: another one takes its place.
    if (leader === own.name || isTakingOver) {
      own.end();
      own = startOwnWorker();
    }
    isTakingOver = true;
    own.order({ type: "take-over" });
  }

  setInterval(ask, ASK_EVERY_MS);
  document.addEventListener("visibilitychange", ask);
  ask();

  return {
    async connect(service) {
      if (leader === null) return null;
      const connection = crypto.randomUUID();
      const port = openTabPort(profile, connection, "page");
      ports.add(port);
      say({ type: "connect", leader, page, connection, service });
      const timer = setTimeout(port.lose, OPEN_WAIT_MS);
      const isOpen = await port.whenOpen;
      clearTimeout(timer);
      if (!isOpen) ports.delete(port);
      return isOpen ? port : null;
    },
  };
}
