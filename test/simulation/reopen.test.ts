/** A simulated device that loses its power while it starts is started again. */
import { expect, test } from "vitest";
import { ok, type Result } from "../../core/base/result.ts";
import type { ClientError } from "../../core/client/client-error.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { reopen, type Stage } from "./world/play-step.ts";
import { createSimDevice } from "./world/sim-device.ts";
import { createTrace } from "./world/trace.ts";
import { createVirtualNetwork } from "./world/virtual-network.ts";
import { createVirtualTime } from "./world/virtual-time.ts";
import type { Member } from "./world/world.ts";

test("a device that is switched off while it starts starts again, whatever becomes of the first time", async () => {
  const time = createVirtualTime(0);
  const network = createVirtualNetwork(time, createSeededRandom("network"), createTrace(time.elapsedMs));
  const device = createSimDevice({ time, network, seed: "reopen" }, "ada1");
  const member = { device, standing: "active" } as Member;
  const starts: ((how: Result<void, ClientError>) => void)[] = [];
  const open = () => {
    device.boot();
    return new Promise<Result<void, ClientError>>((resolve) => void starts.push(resolve));
  };
  const stage = { world: { open, time }, faults: [], tally: new Map() } as unknown as Stage;
  const first = reopen(stage, member);
  await reopen(stage, member);
  expect(starts.length, "one process at a time").toBe(1);
  device.cut();
  const second = reopen(stage, member);
  expect(starts.length).toBe(2);
  starts[0]?.(ok());
  await first;
  expect(device.isOpening, "the second time").toBe(true);
  starts[1]?.(ok());
  await second;
  expect([device.isOpening, stage.faults]).toEqual([false, []]);
});
