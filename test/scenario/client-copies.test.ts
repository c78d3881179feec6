/** A profile that is older than what its device has written, or in use twice; and what was said, said again. */
import { describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { PlacedEntry } from "../../core/protocol/entry.ts";
import type { ServerFrame } from "../../core/protocol/server-frame.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { copyOf } from "../support/copied-profile.ts";
import { createLyingServer } from "../support/lying-server.ts";
import {
  alarmsOf,
  befriend,
  createFriends,
  type Device,
  engineOf,
  expectSameState,
  reopened,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
const elsewhere = useStoryServer();

const namesOf = async ({ client }: Device) => good(await client.tags()).map(({ name }) => name);

async function waitUntil(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 1_000) throw new Error("what was waited for did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The device says what it is, and says so again when it is asked later. */
async function expectRolledBack(device: Device): Promise<void> {
  expect(bad(await device.client.sync()).type).toBe("DeviceRolledBack");
  const alarms = good(await device.client.alarms());
  expect(alarms.map(({ alarm }) => alarm.type)).toContain("DeviceRolledBack");
}

describe("[AR8] a store that was set back", () => {
  test("sends nothing, of old or new, to nobody, and says so; sibling and contact keep what they have", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["copy.ada", "copy.ben"]);
    const tablet = await linkedDevice(ada.client, "tablet");
    await settle(ada, tablet, ben);
    const backup = await copyOf(ada.platform);
    good(await ada.client.createTag("after the backup"));
    good(await ada.client.send(conversationId, "after the backup"));
    await settle(ada, ben, tablet);
    await stopAll(ada);
    const restored = await reopened(backup);
    const alarms = alarmsOf(restored);
    good(await restored.client.createTag("from the past"));
    good(await restored.client.send(conversationId, "from the past"));
    await expectRolledBack(restored);
    expect(alarms.map(({ type }) => type)).toContain("DeviceRolledBack");
    // Also when it stays connected, as a daemon does.
    restored.client.start();
    await settle(ben, tablet);
    expect(await textsOf(ben, conversationId)).toEqual(["after the backup"]);
    expect(await namesOf(tablet)).toEqual(["after the backup"]);
    expect(good(await ben.client.alarms())).toEqual([]);
    await stopAll(restored, ben, tablet);
  });
});

describe("[AR8] [DM12] a device that runs twice", () => {
  test("is found by the one that hears of the other; nothing is lost or doubled for others", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["twin.ada", "twin.ben"]);
    const tablet = await linkedDevice(ada.client, "tablet");
    await settle(ada, tablet, ben);
    await stopAll(ada);
    const clone = await reopened(await copyOf(ada.platform));
    const first = await reopened(ada.platform);
    good(await clone.client.sync());
    good(await first.client.send(conversationId, "from the first"));
    good(await first.client.sync());
    good(await clone.client.send(conversationId, "from the clone"));
    await expectRolledBack(clone);
    good(await first.client.send(conversationId, "the first goes on"));
    await settle(first, ben, tablet);
    expect(await textsOf(ben, conversationId)).toEqual(["from the first", "the first goes on"]);
    await expectSameState(first, tablet);
    expect(good(await ben.client.alarms())).toEqual([]);
    // What the person wrote on it is not gone: it is here, and says that it was not sent.
    expect(await textsOf(clone, conversationId)).toContain("from the clone");
    await stopAll(first, clone, ben, tablet);
  });

  test("[GW14] both at once: one is connected at a time and says so; once one has written, the other is stopped", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["live.ada", "live.ben"]);
    await stopAll(ada);
    const second = await reopened(await copyOf(ada.platform));
    const first = await reopened(ada.platform);
    const heard = [alarmsOf(first), alarmsOf(second)] as const;
    good(await first.client.sync());
    good(await second.client.sync());
    await waitUntil(() => heard[0].length > 0);
    good(await first.client.sync());
    await waitUntil(() => heard[1].length > 0);
    expect(heard).toEqual([[{ type: "DeviceDoubled" }], [{ type: "DeviceDoubled" }]]);
    expect(second.client.status().lastError).toEqual({ type: "Refused", code: "replaced" });
    good(await first.client.send(conversationId, "from the first"));
    good(await second.client.send(conversationId, "from the second"));
    good(await first.client.sync());
    await expectRolledBack(second);
    good(await first.client.sync());
    await settle(first, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["from the first"]);
    expect(good(await ben.client.alarms())).toEqual([]);
    expect(good(await tablesOf(ben).aside.scan())).toEqual([]);
    good(await ben.client.send(conversationId, "an answer"));
    await settle(ben, first);
    expect(await textsOf(first, conversationId)).toEqual(["from the first", "an answer"]);
    await stopAll(first, second, ben);
  });

  test("[GW14] the copy that knows less stops, and the one it had cut off goes on", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["less.ada", "less.ben"]);
    const backup = await copyOf(ada.platform);
    good(await ada.client.createTag("after the copy"));
    await settle(ada, ben);
    const older = await reopened(backup);
    good(await older.client.send(conversationId, "from the past"));
    await expectRolledBack(older);
    good(await ada.client.send(conversationId, "still here"));
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["still here"]);
    await stopAll(ada, older, ben);
  });
});

describe("[DM12] a contact's server that counts more of this device than it wrote", () => {
  test("gets nothing from it while it says so; everything else goes on, and what waited goes when it is honest again", async () => {
    const lying = createLyingServer();
    const honest = createWebConnector();
    const ada = await newAccount(
      server.origin,
      "bar.ada",
      memoryPlatform({
        connector: {
          request: honest.request,
          connect: (origin, handlers) =>
            (origin === elsewhere.origin ? lying.connector : honest).connect(origin, handlers),
        },
      }),
    );
    const tablet = await linkedDevice(ada.client, "tablet");
    const ben = await newAccount(elsewhere.origin, "bar.ben", memoryPlatform());
    const cleo = await newAccount(server.origin, "bar.cleo", memoryPlatform());
    const toBen = await befriend(ada, ben);
    const toCleo = await befriend(ada, cleo);
    await settle(ada, tablet, ben, cleo);
    const alarms = alarmsOf(ada);
    lying.lie = (frame) =>
      frame.type === "opened" ? [{ ...frame, writerSeq: frame.writerSeq + 1_000 }] : [frame];
    lying.cut();
    good(await ada.client.send(toBen, "to Ben"));
    good(await ada.client.send(toCleo, "to Cleo"));
    await settle(ada, tablet, cleo);
    expect(alarms).toMatchObject([
      { type: "LogDistrusted", fault: { type: "LogWriterAhead", written: expect.any(Number) } },
    ]);
    expect(await textsOf(cleo, toCleo)).toEqual(["to Cleo"]);
    expect(await textsOf(tablet, toBen)).toEqual(["to Ben"]);
    good(await ben.client.sync());
    expect(await textsOf(ben, toBen)).toEqual([]);
    lying.lie = null;
    lying.cut();
    await settle(ada, ben);
    expect(await textsOf(ben, toBen)).toEqual(["to Ben"]);
    await stopAll(ada, tablet, ben, cleo);
  });
});

describe("[DM9] [LR4] what was said, said again", () => {
  test("shows once, at whatever place a server puts it; the next honest word tells on the server", async () => {
    const wire = createLyingServer();
    const { ada, ben, conversationId } = await createFriends(server.origin, ["echo.ada", "echo.ben"], {
      ada: memoryPlatform({ connector: wire.connector }),
    });
    await stopAll(ada);
    const again = await engineOf(ada.platform);
    const heard: { readonly logId: string | null; readonly entry: PlacedEntry }[] = [];
    wire.lie = (frame) => {
      if (frame.type === "deliver")
        heard.push(...frame.entries.map((entry) => ({ logId: frame.logId, entry })));
      return [frame];
    };
    good(await again.engine.connected());
    good(await ben.client.send(conversationId, "only once"));
    good(await again.client.createTag("only one"));
    await settle(ben, again, ben, again);
    const alarms = alarmsOf(again);
    const echoes: ServerFrame[] = [];
    const accountLog = again.engine.context.accountLogId;
    for (const logId of new Set(heard.map((one) => one.logId))) {
      if (logId === null) continue;
      const mine = heard.filter((one) => one.logId === logId).map(({ entry }) => entry);
      const isOwn = logId === accountLog;
      const row = isOwn ? null : good(await again.engine.tables.reader.get(logId));
      const { seq } = isOwn ? again.engine.log.reader().point : present(row, "it was read").point;
      const entries = mine.map((entry, index) => ({ ...entry, seq: seq + index + 1 }));
      echoes.push({ type: "deliver", logId: logId as typeof accountLog, entries });
    }
    expect(echoes.length).toBeGreaterThanOrEqual(2);
    wire.lie = (frame) => [frame, ...echoes.splice(0)];
    good(await again.engine.exchangeFrontiers());
    await again.engine.context.serial.idle();
    wire.lie = null;
    expect(echoes).toEqual([]);
    expect(await textsOf(again, conversationId)).toEqual(["only once"]);
    expect(await namesOf(again)).toEqual(["only one"]);
    wire.cut();
    expect(bad(await again.client.sync()).type).toBe("LogDistrusted");
    expect(alarms.map(({ type }) => type)).toContain("LogDistrusted");
    await stopAll(again, ben);
  });
});
