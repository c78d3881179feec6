/** A room of a thousand connected devices for a minute; `test/bench/room-delivery.ts` is the same for as long as one likes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { runRoomCrowd } from "../support/room-crowd.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** A minute and what goes before it, ten times over. */
const TEST_MS_MAX = 900_000;

const folder = createTemporaryFolder();
let server: ServerProcess;

beforeAll(async () => {
  await cryptoReady();
  server = await startServer(folder.path, ["--rate-factor", "1000", "--sockets-per-address", "1024"]);
});
afterAll(async () => {
  await server.stop();
  folder.discard();
});

test("1,000 devices of a room get all that is written in a minute, in order; ten with the group's state open it, through commits, and agree", {
  timeout: TEST_MS_MAX,
}, async () => {
  const plan = { sockets: 1_000, full: 10, perSecond: 100, seconds: 60, waitingMax: 500 };
  const found = await runRoomCrowd(server.origin, plan, () => {});
  console.log(
    `note: a room of ${plan.sockets} devices: ${(found.sent / found.seconds).toFixed(0)} messages a second to all of them, the middle one after ${found.medianMs.toFixed(0)} ms`,
  );
  expect(found.faults).toEqual([]);
  expect(found.sent).toBeGreaterThan(0);
  expect(found.commits).toBeGreaterThan(0);
});
