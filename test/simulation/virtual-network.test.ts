/** The simulated network does what it says: nothing overtakes on a connection. */
import { expect, test } from "vitest";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createTrace } from "./world/trace.ts";
import { createVirtualNetwork } from "./world/virtual-network.ts";
import { createVirtualTime } from "./world/virtual-time.ts";

test("a frame that is stuck where the way is clogged comes before those that were sent after it", async () => {
  const time = createVirtualTime(0);
  const network = createVirtualNetwork(time, createSeededRandom("network"), createTrace(time.elapsedMs));
  const frames = (count: number, from = 1) =>
    Array.from({ length: count }, (_, at) => Uint8Array.of(from + at));
  const arrived: (number | undefined)[] = [];
  network.attach("https://a.example", {
    isUp: () => true,
    accept: () => ({ onFrame: (frame) => void arrived.push(frame[0]), onGone: () => {} }),
    respond: async () => ({ status: 404, body: new Uint8Array(0) }),
  });
  const power = { isOn: true };
  const handlers = { onFrame: () => {}, onClose: () => {} };
  const connected = await time.run(network.connector("ada1", power).connect("https://a.example", handlers));
  if (!connected.ok) throw new Error("there is a way");
  const way = network.way("ada1");
  Object.assign(way, { minMs: 900, maxMs: 1_000 });
  for (const frame of frames(2)) connected.value.send(frame);
  Object.assign(way, { minMs: 1, maxMs: 20, isClogged: true });
  for (const frame of frames(2, 3)) connected.value.send(frame);
  await time.pass(2_000);
  expect(arrived).toEqual([]);
  way.isClogged = false;
  network.release();
  for (const frame of frames(2, 5)) connected.value.send(frame);
  await time.pass(2_000);
  expect(arrived).toEqual([1, 2, 3, 4, 5, 6]);
});

test("what was held when its way was clogged still comes before what was sent after it and is on its way", async () => {
  const time = createVirtualTime(0);
  const network = createVirtualNetwork(time, createSeededRandom("overtaken"), createTrace(time.elapsedMs));
  const arrived: (number | undefined)[] = [];
  network.attach("https://a.example", {
    isUp: () => true,
    accept: () => ({ onFrame: (frame) => void arrived.push(frame[0]), onGone: () => {} }),
    respond: async () => ({ status: 404, body: new Uint8Array(0) }),
  });
  const handlers = { onFrame: () => {}, onClose: () => {} };
  const power = { isOn: true };
  const connected = await time.run(network.connector("ada1", power).connect("https://a.example", handlers));
  if (!connected.ok) throw new Error("there is a way");
  const way = network.way("ada1");
  Object.assign(way, { minMs: 100, maxMs: 101 });
  connected.value.send(Uint8Array.of(1));
  Object.assign(way, { minMs: 900, maxMs: 901 });
  connected.value.send(Uint8Array.of(2));
  way.isClogged = true;
  await time.pass(200);
  way.isClogged = false;
  network.release();
  await time.pass(3_000);
  expect(arrived).toEqual([1, 2]);
});
