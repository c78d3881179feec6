/** A log that many hear, over a store in memory and a clock that a test moves. */
import { expect, test } from "vitest";
import { present } from "../../../core/base/assert.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { ok } from "../../../core/base/result.ts";
import { decode } from "../../../core/codec/shape.ts";
import type { PlacedEntry } from "../../../core/protocol/entry.ts";
import { serverFrameShape } from "../../../core/protocol/server-frame.ts";
import { createSubscriptions, type DeliveryTarget } from "../../../sync-server/gateway/subscriptions.ts";
import {
  CATCH_UP_PAGE_BYTES,
  DELIVERY_REST_MS_MAX,
  DELIVERY_REST_SUBSCRIPTIONS_MIN,
  ENTRY_COST_BYTES,
  SUBSCRIPTIONS_PER_REST_MS,
} from "../../../sync-server/limits.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const LOG = idFromBytes("log", new Uint8Array(32).fill(7));
const REST_MS = DELIVERY_REST_SUBSCRIPTIONS_MIN / SUBSCRIPTIONS_PER_REST_MS;

interface Listener extends DeliveryTarget {
  /** The seqs of each frame it was sent. */
  readonly frames: number[][];
  isFull: boolean;
}

function createListener(): Listener {
  const frames: number[][] = [];
  return {
    frames,
    isFull: false,
    padding: "off",
    send(frame) {
      const header = frame.readUInt8(1) < 126 ? 2 : frame.readUInt8(1) === 126 ? 4 : 10;
      const read = decode(serverFrameShape, new Uint8Array(frame.subarray(header)));
      if (!read.ok || read.value.type !== "deliver") throw new TypeError("deliveries only");
      frames.push(read.value.entries.map(({ seq }) => seq));
    },
    isCongested() {
      return this.isFull;
    },
    isClosed: () => false,
    whenDrained: () => undefined,
    fail: () => undefined,
  };
}

/** A log that so many hear from its beginning. */
async function hear(count: number) {
  const stored: PlacedEntry[] = [];
  const clock = createManualClock();
  const subscriptions = createSubscriptions(
    {
      read: async ({ after, entriesMax }) =>
        ok({
          entries: stored.slice(after, after + entriesMax),
          head: { incarnation: 0, seq: stored.length, chain: new Uint8Array(32) },
        }),
    },
    clock,
  );
  const listen = () => {
    const listener = createListener();
    return { listener, subscription: subscriptions.start(listener, LOG, 0, stored.length) };
  };
  const heard = Array.from({ length: count }, listen);
  await clock.advance(0);
  return {
    clock,
    listen,
    subscriptions,
    heard,
    first: present(heard[0], "somebody hears it"),
    /** Places an entry of so many bytes. */
    place(bytes = 10): void {
      const entry = {
        seq: stored.length + 1,
        header: new Uint8Array([0x80]),
        sealed: new Uint8Array(bytes),
      };
      stored.push(entry);
      subscriptions.publish(LOG, [entry]);
    },
  };
}

test("[GW9] with fewer than DELIVERY_REST_SUBSCRIPTIONS_MIN everything goes out at once", async () => {
  const { first, place, clock } = await hear(DELIVERY_REST_SUBSCRIPTIONS_MIN - 1);
  for (let count = 0; count < 3; count++) place();
  expect(first.listener.frames).toEqual([[1], [2], [3]]);
  expect(clock.scheduledCount()).toBe(0);
});

test("[GW9] from DELIVERY_REST_SUBSCRIPTIONS_MIN on the log rests after each delivery, and what was placed meanwhile goes out together", async () => {
  const { heard, place, clock } = await hear(DELIVERY_REST_SUBSCRIPTIONS_MIN);
  place();
  place();
  await clock.advance(REST_MS - 1);
  place();
  for (const { listener } of heard) expect(listener.frames).toEqual([[1]]);
  await clock.advance(1);
  place();
  for (const { listener } of heard) expect(listener.frames).toEqual([[1], [2, 3]]);
  await clock.advance(REST_MS);
  for (const { listener } of heard) expect(listener.frames).toEqual([[1], [2, 3], [4]]);
  await clock.advance(REST_MS);
  expect(clock.scheduledCount()).toBe(0);
  place();
  for (const { listener } of heard) expect(listener.frames.at(-1)).toEqual([5]);
});

test("[GW9] it rests a millisecond for SUBSCRIPTIONS_PER_REST_MS of them, DELIVERY_REST_MS_MAX at most", async () => {
  const most = DELIVERY_REST_MS_MAX * SUBSCRIPTIONS_PER_REST_MS;
  for (const [count, restMs] of [
    [most - SUBSCRIPTIONS_PER_REST_MS, DELIVERY_REST_MS_MAX - 1],
    [most, DELIVERY_REST_MS_MAX],
    [most + SUBSCRIPTIONS_PER_REST_MS, DELIVERY_REST_MS_MAX],
  ] as const) {
    const { first, place, clock } = await hear(count);
    place();
    place();
    await clock.advance(restMs - 1);
    expect(first.listener.frames).toEqual([[1]]);
    await clock.advance(1);
    expect(first.listener.frames).toEqual([[1], [2]]);
  }
});

test("[GW9] no more than CATCH_UP_PAGE_BYTES wait", async () => {
  // What two entries cost beside their sealed bytes.
  const beside = 2 * (ENTRY_COST_BYTES + 1);
  for (const [bytes, sent] of [
    [CATCH_UP_PAGE_BYTES - 1, [[1]]],
    [CATCH_UP_PAGE_BYTES, [[1], [2, 3]]],
    [CATCH_UP_PAGE_BYTES + 1, [[1], [2, 3]]],
  ] as const) {
    const { first, place } = await hear(DELIVERY_REST_SUBSCRIPTIONS_MIN);
    place();
    place(bytes - beside - 2);
    expect(first.listener.frames).toEqual([[1]]);
    place(2);
    expect(first.listener.frames).toEqual(sent);
  }
});

test("[GW9] who comes while it rests, or could take nothing then, gets everything once and in order", async () => {
  const { first, listen, place, clock } = await hear(DELIVERY_REST_SUBSCRIPTIONS_MIN);
  place();
  place();
  const early = listen();
  await clock.advance(1);
  place();
  const late = listen();
  first.listener.isFull = true;
  await clock.advance(REST_MS);
  place();
  await clock.advance(REST_MS);
  for (const { listener } of [early, late]) expect(listener.frames.flat()).toEqual([1, 2, 3, 4]);
  // It reads the rest once its connection has drained.
  expect(first.listener.frames).toEqual([[1]]);
  expect(first.subscription.state).toBe("catching-up");
});

test("[LG21] whose right ends while it rests is sent what came before, and told", async () => {
  const { first, place, subscriptions } = await hear(DELIVERY_REST_SUBSCRIPTIONS_MIN);
  place();
  place();
  subscriptions.endAt(first.subscription, 2);
  expect(first.listener.frames).toEqual([[1], [2], []]);
});
