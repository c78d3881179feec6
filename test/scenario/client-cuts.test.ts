/** Connections cut in the middle of traffic: a short form of `npm run bench -- cuts`. */
import { expect, test } from "vitest";
import { memoryPlatform } from "../support/client-world.ts";
import { cutTraffic } from "../support/cut-traffic.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

test("cut off sixteen times while two people write, nothing is lost, nothing is there twice, and each reads in order", async () => {
  const report = await cutTraffic(server.origin, ["ada.cut", "ben.cut"], {
    messages: 128,
    cuts: 16,
    platforms: { ada: memoryPlatform(), ben: memoryPlatform() },
  });
  expect(report).toMatchObject({ cuts: 16, lost: 0, doubled: 0, outOfOrder: 0 });
  expect(report.busyCuts).toBeGreaterThan(3);
});
