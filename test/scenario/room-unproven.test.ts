/** Coming into a room while somebody's server does not answer. Over real servers and real sockets. */
import { afterAll, expect, test } from "vitest";
import { err } from "../../core/base/result.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { good, memoryPlatform, newAccount } from "../support/client-world.ts";
import {
  accountIdOf,
  befriend,
  type Device,
  expectAtRest,
  reopened,
  roomViewOf,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
const other = useStoryServer();
const devices: Device[] = [];
afterAll(() => stopAll(...devices));
test("[RM65] a newcomer comes in while the server of somebody in the room does not answer, and has their words once it does", async () => {
  // To Carl alone: Ben's server is as it was for everybody else.
  let isAnswering = false;
  const inner = createWebConnector();
  const gone = (origin: string) => err({ type: "ServerUnreachable", origin, detail: "off" } as const);
  const isOff = (origin: string) => origin === other.origin && !isAnswering;
  const connector: ServerConnector = {
    connect: async (origin, handlers) => (isOff(origin) ? gone(origin) : inner.connect(origin, handlers)),
    request: async (origin, request) => (isOff(origin) ? gone(origin) : inner.request(origin, request)),
  };
  const ada = await newAccount(server.origin, "ada.late");
  const ben = await newAccount(other.origin, "ben.late");
  const carl = await newAccount(server.origin, "carl.late", memoryPlatform({ connector }));
  devices.push(ada, ben);
  await befriend(ada, ben);
  await befriend(ada, carl);
  const { id } = good(await ada.client.createRoom("Garden"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  good(await ada.client.setRoomRole(id, await accountIdOf(ben), "admin"));
  await settle(ada, ben);
  good(await ada.client.inviteToRoom(id, await accountIdOf(carl)));
  await settle(ada, ben, carl);
  good(await carl.client.acceptRoom(id));
  await settle(ada, ben, carl);
  await expectAtRest(
    async () => expect(await roomViewOf(carl, id)).toEqual({ name: "Garden", state: "joined", people: 3 }),
    ada,
    ben,
    carl,
  );
  for (const [device, name] of [
    [ada, "from Ada"],
    [ben, "from Ben"],
    [carl, "from Carl"],
  ] as const) {
    good(await device.client.send(id, name));
    await settle(ada, ben, carl);
  }
  // What he commits is followed all the same.
  good(await ben.client.renameRoom(id, "Yard"));
  await settle(ada, ben, carl);
  expect(await roomViewOf(carl, id)).toEqual({ name: "Yard", state: "joined", people: 3 });
  expect(await textsOf(ben, id)).toEqual(["from Ada", "from Ben", "from Carl"]);
  expect(await textsOf(carl, id)).toEqual(["from Ada", "from Carl"]);
  good(await carl.client.stop());
  isAnswering = true;
  const again = await reopened(carl.platform);
  devices.push(again);
  await expectAtRest(
    async () => {
      expect(await textsOf(again, id)).toEqual(["from Ada", "from Ben", "from Carl"]);
      for (const table of ["roomunproven", "roomwords"] as const)
        expect(good(await tablesOf(again)[table].scan()), table).toEqual([]);
    },
    ada,
    ben,
    again,
  );
  good(await ben.client.send(id, "and on"));
  await expectAtRest(async () => expect(await textsOf(again, id)).toContain("and on"), ada, ben, again);
});
