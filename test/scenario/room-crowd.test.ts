/** A room of a hundred connected devices in short; `test/bench/room-delivery.ts` is the same with a thousand, for a minute or an hour. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { runRoomCrowd } from "../support/room-crowd.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
let server: ServerProcess;

beforeAll(async () => {
  await cryptoReady();
  server = await startServer(folder.path, ["--rate-factor", "1000", "--sockets-per-address", "1000"]);
});
afterAll(async () => {
  await server.stop();
  folder.discard();
});

test("100 devices of a room get all that is written, in order; five with the group's state open it, through a commit, and agree", async () => {
  const found = await runRoomCrowd(
    server.origin,
    { sockets: 100, full: 5, perSecond: 40, seconds: 4 },
    () => {},
  );
  expect(found.faults).toEqual([]);
  expect(found.sent).toBe(160);
  expect(found.commits).toBeGreaterThan(0);
});
