/**
 * Who hears of which log. Rules GW9-GW10.
 *
 * A subscription is live while its position is the log's head: a commit then reaches it as the one buffer built for
 * everybody. Otherwise it reads pages from the store, and stops reading while its connection is congested. Either way
 * its entries come in seq order without gaps. A log that many hear rests after each delivery, and what was placed
 * meanwhile goes out together: what a delivery costs goes by who hears it and hardly by what is in it.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { LogId } from "@dovetail/core/base/ids.ts";
import { FRAME_BYTES_MAX, READ_PAGE_ENTRIES_MAX } from "@dovetail/core/base/limits.ts";
import { encode } from "@dovetail/core/codec/shape.ts";
import type { Padding } from "@dovetail/core/crypto/padding.ts";
import type { PlacedEntry } from "@dovetail/core/protocol/entry.ts";
import { serverFrameShape } from "@dovetail/core/protocol/server-frame.ts";
import {
  CATCH_UP_PAGE_BYTES,
  DELIVERY_REST_MS_MAX,
  DELIVERY_REST_SUBSCRIPTIONS_MIN,
  ENTRY_COST_BYTES,
  FRAME_OVERHEAD_BYTES,
  SUBSCRIPTIONS_PER_REST_MS,
} from "../limits.ts";
import { type ServerMetrics, silentMetrics } from "../metrics/server-metrics.ts";
import type { LogStore } from "../store/log-store.ts";
import { frameBinary } from "./raw-frame.ts";

/** Where deliveries go: a connection. */
export interface DeliveryTarget {
  /** GW15 */
  readonly padding: Padding;
  send(frame: Buffer): void;
  isCongested(): boolean;
  isClosed(): boolean;
  /** Calls `task` once when the connection has drained; never if it closes. */
  whenDrained(task: () => void): void;
  /** The store failed, so the entries cannot be delivered. */
  fail(): void;
}

/** One log heard by one connection. */
export interface Subscription {
  readonly logId: LogId;
  readonly target: DeliveryTarget;
  /** Seq of the last entry sent. */
  position: number;
  /** Seq after which nothing more is sent; null while its right lasts. */
  upto: number | null;
  state: "live" | "catching-up" | "ended";
}

export interface Subscriptions {
  /** Begins after `after`; `headSeq` is the log's head as it was read just now. */
  start(target: DeliveryTarget, logId: LogId, after: number, headSeq: number): Subscription;
  end(subscription: Subscription): void;
  /** Ends it once everything up to a seq was sent, and says so with a delivery of nothing. LG21 */
  endAt(subscription: Subscription, seq: number): void;
  /** Entries that a commit placed, in order. */
  publish(logId: LogId, entries: readonly PlacedEntry[]): void;
  /** For tests and measurements. */
  count(): number;
}

interface HeardLog {
  headSeq: number;
  readonly subscriptions: Set<Subscription>;
  /** The last delivery was just now. */
  isResting: boolean;
  /** What was placed since, in order, and since when the first of it waits. */
  waiting: PlacedEntry[];
  waitingBytes: number;
  waitingSinceMs: number;
}

/** Subscriptions of one process over `store`. */
export function createSubscriptions(
  store: Pick<LogStore, "read">,
  clock: Clock,
  metrics: ServerMetrics = silentMetrics,
): Subscriptions {
  const heardById = new Map<LogId, HeardLog>();

  async function catchUp(
    subscription: Subscription,
    heard: HeardLog,
    { replayed, startMs } = { replayed: 0, startMs: performance.now() },
  ): Promise<void> {
    const { logId, target } = subscription;
    while (isStillHeard(subscription)) {
      const { upto } = subscription;
      if (upto !== null && subscription.position >= upto) return endAloud(subscription);
      if (subscription.position >= heard.headSeq) {
        subscription.state = "live";
        metrics.replayed(replayed, secondsSince(startMs));
        return;
      }
      if (target.isCongested()) {
        target.whenDrained(() => void catchUp(subscription, heard, { replayed, startMs }));
        return;
      }
      const range = {
        logId,
        after: subscription.position,
        entriesMax: READ_PAGE_ENTRIES_MAX,
        bytesMax: CATCH_UP_PAGE_BYTES,
      };
      const page = await store.read(range);
      if (!isStillHeard(subscription)) return;
      const limit = subscription.upto ?? heard.headSeq;
      const entries = page.ok ? page.value.entries.filter(({ seq }) => seq <= limit) : [];
      const last = entries.at(-1);
      if (!page.ok || last === undefined) {
        target.fail();
        return;
      }
      for (const frame of deliverFrames(logId, entries)) target.send(frameBinary(frame, target.padding));
      subscription.position = last.seq;
      replayed += entries.length;
      // Others get a turn between two pages.
      await new Promise<void>((resolve) => void clock.schedule(0, resolve));
    }
  }

  function end(subscription: Subscription): void {
    subscription.state = "ended";
    const heard = heardById.get(subscription.logId);
    if (heard === undefined) return;
    heard.subscriptions.delete(subscription);
    if (heard.subscriptions.size === 0) heardById.delete(subscription.logId);
  }

  function endAloud(subscription: Subscription): void {
    const { logId, target } = subscription;
    end(subscription);
    for (const frame of deliverFrames(logId, [])) target.send(frameBinary(frame, target.padding));
  }

  /** Sends what waits to everybody at the head. */
  function deliver(logId: LogId, heard: HeardLog): void {
    const entries = heard.waiting;
    const first = entries[0];
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    heard.waiting = [];
    heard.waitingBytes = 0;
    let frames: readonly Bytes[] | null = null;
    const framesByPadding: Partial<Record<Padding, readonly Buffer[]>> = {};
    let subscribers = 0;
    for (const subscription of heard.subscriptions) {
      // Who came to the head by reading has some of it, or all.
      if (subscription.state !== "live" || subscription.position >= last.seq) continue;
      if (subscription.target.isCongested() || subscription.position >= first.seq) {
        subscription.state = "catching-up";
        void catchUp(subscription, heard);
        continue;
      }
      // GW9: built once for each padding, whoever hears it.
      const { padding } = subscription.target;
      frames ??= deliverFrames(logId, entries);
      framesByPadding[padding] ??= frames.map((frame) => frameBinary(frame, padding));
      for (const frame of framesByPadding[padding]) subscription.target.send(frame);
      subscription.position = last.seq;
      subscribers += 1;
    }
    if (subscribers > 0) metrics.delivered(entries.length, subscribers, secondsSince(heard.waitingSinceMs));
    rest(logId, heard);
  }

  function rest(logId: LogId, heard: HeardLog): void {
    const restMs = restMsOf(heard.subscriptions.size);
    if (heard.isResting || restMs === 0) return;
    heard.isResting = true;
    clock.schedule(restMs, () => {
      heard.isResting = false;
      deliver(logId, heard);
    });
  }

  return {
    start(target, logId, after, headSeq) {
      const heard = heardById.get(logId) ?? {
        headSeq,
        subscriptions: new Set(),
        isResting: false,
        waiting: [],
        waitingBytes: 0,
        waitingSinceMs: 0,
      };
      heardById.set(logId, heard);
      heard.headSeq = Math.max(heard.headSeq, headSeq);
      const subscription: Subscription = { logId, target, position: after, upto: null, state: "catching-up" };
      heard.subscriptions.add(subscription);
      void catchUp(subscription, heard);
      return subscription;
    },
    end,
    endAt(subscription, seq) {
      const heard = heardById.get(subscription.logId);
      if (heard !== undefined) deliver(subscription.logId, heard);
      subscription.upto = seq;
      if (subscription.state === "live" || subscription.position >= seq) endAloud(subscription);
    },
    publish(logId, entries) {
      const heard = heardById.get(logId);
      const last = entries.at(-1);
      if (heard === undefined || last === undefined) return;
      heard.headSeq = last.seq;
      if (heard.waiting.length === 0) heard.waitingSinceMs = performance.now();
      for (const entry of entries) {
        heard.waiting.push(entry);
        heard.waitingBytes += costOf(entry);
      }
      if (!heard.isResting || heard.waitingBytes >= CATCH_UP_PAGE_BYTES) deliver(logId, heard);
    },
    count: () => [...heardById.values()].reduce((sum, heard) => sum + heard.subscriptions.size, 0),
  };
}

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1_000;
}

/** How long a log that so many hear rests after a delivery. */
function restMsOf(subscriptions: number): number {
  if (subscriptions < DELIVERY_REST_SUBSCRIPTIONS_MIN) return 0;
  return Math.min(Math.floor(subscriptions / SUBSCRIPTIONS_PER_REST_MS), DELIVERY_REST_MS_MAX);
}

function costOf({ header, sealed }: PlacedEntry): number {
  return header.length + sealed.length + ENTRY_COST_BYTES;
}

function isStillHeard(subscription: Subscription): boolean {
  return subscription.state !== "ended" && !subscription.target.isClosed();
}

/** Entries as encoded frames, each within the frame limit. */
function deliverFrames(logId: LogId, entries: readonly PlacedEntry[]): readonly Bytes[] {
  const frames: Bytes[] = [];
  let part: PlacedEntry[] = [];
  let bytes = 0;
  const finish = (): void => {
    frames.push(encode(serverFrameShape, { type: "deliver", logId, entries: part }));
    part = [];
    bytes = 0;
  };
  for (const entry of entries) {
    const cost = costOf(entry);
    if (
      part.length === READ_PAGE_ENTRIES_MAX ||
      (part.length > 0 && bytes + cost > FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES)
    )
      finish();
    part.push(entry);
    bytes += cost;
  }
  finish();
  return frames;
}
