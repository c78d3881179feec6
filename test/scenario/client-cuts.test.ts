/** Connections cut in the middle of traffic: a short form of test/bench/cuts.ts. What comes after a cut. */
import { expect, test, vi } from "vitest";
import { type Clock, createSystemClock } from "../../core/base/clock.ts";
import { good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { cutTraffic } from "../support/cut-traffic.ts";
import { startCuttingTap } from "../support/cutting-tap.ts";
import { freePort } from "../support/free-port.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { startServer } from "../support/server-process.ts";
import { engineOf } from "../support/story.ts";
import { STORY_ARGS, useStoryServer } from "../support/story-server.ts";
import { createSwitchedConnector } from "../support/switched-connector.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const server = useStoryServer();

test("four devices of two people, cut off sixteen times at bytes of their streams: nothing is lost, doubled, or out of order", async () => {
  const folder = createTemporaryFolder();
  const port = await freePort();
  const tap = await startCuttingTap(port, {
    random: createSeededRandom("cuts"),
    bytesMean: 20_000,
    shares: { reset: 40, silence: 20, "half-open behind": 20, "half-open before": 20 },
    toldAfterMs: 200,
  });
  const origin = `http://127.0.0.1:${tap.port}`;
  const args = [...STORY_ARGS, "--memory", "--registration", "open"];
  const program = await startServer(folder.path, [...args, "--port", String(port), "--origin", origin]);
  try {
    const plan = { pairs: 1, devicesEach: 2, messages: 96, cuts: 16, platform: () => memoryPlatform() };
    const report = await cutTraffic(origin, tap, plan);
    expect(report).toMatchObject({ devices: 4, lost: 0, doubled: 0, outOfOrder: 0, unknown: 0 });
    expect(report.cuts).toBeGreaterThanOrEqual(16);
    expect(report.messages).toBeGreaterThanOrEqual(96);
  } finally {
    await program.stop();
    await tap.close();
    folder.discard();
  }
});

/** A clock on which pauses between attempts never end by themselves. */
function createPausingClock(): Clock & { release(): void } {
  const system = createSystemClock();
  const pauses = new Set<() => void>();
  return {
    nowMs: system.nowMs,
    schedule(delayMs, task) {
      if (delayMs < 200 || delayMs > 2_000) return system.schedule(delayMs, task);
      pauses.add(task);
      return () => pauses.delete(task);
    },
    release() {
      for (const task of pauses) task();
      pauses.clear();
    },
  };
}

test("a connection that is gone is made again after a pause, and at once for who asked before it was noticed", async () => {
  const clock = createPausingClock();
  const memory = memoryPlatform({ clock });
  const connector = createSwitchedConnector(memory.connector);
  const { client } = await newAccount(server.origin, "eve.cut", { ...memory, connector });
  const states: string[] = [];
  let last = "";
  client.onEvent((event) => {
    // Events tell of what waits too.
    if (event.type !== "connection" || event.status.state === last) return;
    last = event.status.state;
    states.push(last);
  });
  const online = () => vi.waitFor(() => expect(client.status().state).toBe("online"), { timeout: 20_000 });
  const cut = () => {
    connector.switch(false);
    connector.switch(true);
  };
  client.start();
  await online();
  // Asked for now, and gone a moment later, as when a network changes.
  states.length = 0;
  client.start();
  cut();
  await vi.waitFor(() => expect(states).toEqual(["offline", "connecting", "online"]), { timeout: 20_000 });
  // Once: a server that lets everybody in and throws them out again is not run against.
  states.length = 0;
  cut();
  await vi.waitFor(() => expect(states).toEqual(["offline"]), { timeout: 20_000 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(states).toEqual(["offline"]);
  clock.release();
  await online();
  good(await client.stop());
});

test("a connection that is gone before what it began with is done is made again all the same", async () => {
  const clock = createPausingClock();
  const memory = memoryPlatform({ clock });
  const connector = createSwitchedConnector(memory.connector);
  const made = await newAccount(server.origin, "kim.cut", { ...memory, connector });
  good(await made.client.stop());
  const { client, engine } = await engineOf({ ...memory, connector });
  const isBusy = Promise.withResolvers<void>();
  const states: string[] = [];
  engine.onEvent((event) => {
    if (event.type !== "connection" || event.status.state === states.at(-1)) return;
    states.push(event.status.state);
    // Other work keeps the one that just came from being done.
    if (states.length === 2) void engine.context.serial.run(() => isBusy.promise);
  });
  client.start();
  await vi.waitFor(() => expect(states).toEqual(["connecting", "online"]), { timeout: 20_000 });
  connector.switch(false);
  connector.switch(true);
  await vi.waitFor(() => expect(states.at(-1)).toBe("offline"), { timeout: 20_000 });
  // The pause before the next attempt ends before the work does.
  clock.release();
  isBusy.resolve();
  const isBack = () => {
    clock.release();
    expect(client.status().state).toBe("online");
  };
  await vi.waitFor(isBack, { timeout: 20_000 });
  good(await client.stop());
});
