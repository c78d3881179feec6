/** Rooms whose founder's server is emptied, set back or left: they go on, and nobody has to do anything. Real server processes. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { err, ok } from "../../core/base/result.ts";
import type { Gateway } from "../../core/client/connection/gateway.ts";
import type { Platform } from "../../core/client/platform.ts";
import { ENTRY_KIND, type Entry, parseEntryHeader } from "../../core/protocol/entry.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { forge } from "../support/room-forger.ts";
import { createLyingServer } from "../support/lying-server.ts";
import { startLosableServer } from "../support/losable-server.ts";
import {
  accountIdOf,
  alarmsOf,
  type Device,
  engineOf,
  expectAtRest,
  expectSameState,
  reopened,
  roomViewOf,
  settle,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

beforeAll(engineReady);
const elsewhere = useStoryServer();

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
const losableServer = () => startLosableServer((cleanUp) => void cleanUps.push(cleanUp));

function keep<T extends Device>(device: T): T {
  cleanUps.push(() => device.client.stop());
  return device;
}

/** How long who cannot follow a log waits for others to bring what leads on. */
const MINUTE_MS = 60_000;
const ROOM_LINK_LIFETIME_MS = 604_800_000;
const time = createAdjustableClock();
const platform = () => memoryPlatform({ clock: time });

/** What a member is told of a room that is not on its server. */
const gone = { type: "RoomGone", isOurs: false };

/** Ada's room, with people who live elsewhere and know nobody but her. */
async function roomOf(origin: string, ...names: readonly string[]) {
  const ada = keep(await newAccount(origin, "ada", platform()));
  const { id } = good(await ada.client.createRoom("Reading"));
  const suffix = crypto.randomUUID().slice(0, 8);
  const others = await Promise.all(
    names.map(async (name) => keep(await newAccount(elsewhere.origin, `${name}.${suffix}`, platform()))),
  );
  for (const other of others) {
    good(await other.client.sync());
    good(await ada.client.addContact(good(await other.client.contactLink())));
  }
  await settle(ada, ...others);
  for (const other of others) good(await other.client.acceptContact(await accountIdOf(ada)));
  await settle(ada, ...others);
  for (const other of others) good(await ada.client.inviteToRoom(id, await accountIdOf(other)));
  await settle(ada, ...others);
  for (const other of others) good(await other.client.acceptRoom(id));
  await settle(ada, ...others);
  return { ada, others, id };
}

const three = (devices: readonly Device[]): readonly [Device, Device, Device] => {
  const there = present(devices[0], "the first");
  return [there, devices[1] ?? there, devices[2] ?? there];
};

const say = async ({ client }: Device, id: ConversationId, text: string) =>
  void good(await client.send(id, text));

async function peopleIn({ client }: Device, id: ConversationId) {
  const room = present(
    good(await client.rooms()).find((one) => one.id === id),
    "the room is there",
  );
  return room.members.length;
}

/** Fails unless these come to see the same room with these messages in it, each once. */
async function expectRoom(
  id: ConversationId,
  room: { readonly people: number; readonly texts: readonly string[] },
  ...devices: readonly Device[]
): Promise<void> {
  await expectAtRest(
    async () => {
      for (const device of devices) {
        expect([...(await textsOf(device, id))].sort()).toEqual([...room.texts].sort());
        expect(await peopleIn(device, id)).toBe(room.people);
      }
    },
    ...devices,
  );
}

describe("a room whose server lost everything", () => {
  test("[RM61] is not made a second time by a device of its founder that was never in it", async () => {
    const server = await losableServer();
    const phone = keep(await newAccount(server.origin, "ada", platform()));
    const linked = keep(await linkedDevice(phone.client, "tablet", platform()));
    await settle(phone, linked);
    good(await linked.client.stop());
    const { id } = good(await phone.client.createRoom("Reading"));
    await say(phone, id, "one");
    await settle(phone);
    const ofPhone = alarmsOf(phone);
    await server.lose();
    // It puts back the account, and hears of the room as its sibling's changes come again.
    const tablet = keep(await reopened(linked.platform));
    const ofTablet = alarmsOf(tablet);
    good(await tablet.client.putBack());
    await settle(phone, tablet);
    await settle(phone, tablet);
    expect(ofPhone.filter(({ type }) => type === "LogDistrusted")).toEqual([]);
    expect(ofPhone).toContainEqual({ type: "RoomGone", roomId: id, isOurs: true });
    expect(ofTablet).toEqual([]);
    good(await phone.client.putBack());
    await expectRoom(id, { people: 1, texts: ["one"] }, phone, tablet);
    await expectSameState(phone, tablet);
  });

  test("[RM61] [RM62] [RM63] goes on from its newest state, with what had been written, and without who was removed", async () => {
    const server = await losableServer();
    const { others, id, ...founder } = await roomOf(server.origin, "ben", "cara", "dan");
    let ada: Device = founder.ada;
    const [ben, cara, dan] = three(others);
    good(await ada.client.setRoomRole(id, await accountIdOf(ben), "admin"));
    await say(ada, id, "from Ada");
    await say(cara, id, "from Cara");
    await settle(ada, ...others);
    // Ada and Cara are away; what comes now they have not seen when it is lost.
    good(await ada.client.stop());
    good(await ben.client.removeFromRoom(id, await accountIdOf(dan)));
    good(await ben.client.sync());
    await say(ben, id, "without Dan");
    good(await ben.client.sync());
    await server.lose();
    await say(cara, id, "while it was gone");
    const alarms = [ben, cara].map(alarmsOf);
    await settle(ben, cara);
    // It waits, and says so.
    expect(alarms).toEqual([gone, gone].map((alarm) => [{ ...alarm, roomId: id }]));
    ada = keep(await reopened(ada.platform));
    good(await ada.client.putBack());
    const texts = ["from Ada", "from Cara", "while it was gone", "without Dan"];
    await expectRoom(id, { people: 3, texts }, ada, ben, cara);
    await say(ada, id, "and on");
    await say(ben, id, "as before");
    await settle(dan);
    await expectRoom(id, { people: 3, texts: [...texts, "and on", "as before"] }, ada, ben, cara);
    await settle(dan);
    expect([...(await textsOf(dan, id))].sort()).toEqual(["from Ada", "from Cara"]);
    expect(alarms.flat()).toHaveLength(2);
    expect(good(await ben.client.alarms())).toMatchObject([{ resolvedAtMs: expect.any(Number) }]);
  }, 60_000);

  test("[RM61] keeps no other room from being begun anew when its own fails", async () => {
    const server = await losableServer();
    const ada = keep(await newAccount(server.origin, "ada"));
    for (const name of ["Reading", "Garden"]) {
      const { id } = good(await ada.client.createRoom(name));
      await say(ada, id, name);
    }
    await settle(ada);
    good(await ada.client.stop());
    await server.lose();
    const { engine } = keep(await engineOf(ada.platform));
    const asked: string[] = [];
    const gateway = {
      call: async (_: string, request: { readonly type: string; readonly logId?: string }) => {
        asked.push(`${request.type} ${request.logId}`);
        return asked.length === 1 ? err({ type: "NotOnline" }) : ok();
      },
    };
    const put = await engine.rooms.putBack(gateway as unknown as Gateway, null);
    expect(bad(put)).toEqual({ type: "NotOnline" });
    expect(new Set(asked).size).toBe(2);
  }, 60_000);

  test("[RM61] is begun anew once, by whichever of two devices is faster, and not before somebody asks for it", async () => {
    const server = await losableServer();
    const { others, id, ada: laptop } = await roomOf(server.origin, "ben");
    const [ben] = three(others);
    const tablet = keep(await linkedDevice(laptop.client, "tablet"));
    await say(laptop, id, "from Ada");
    await settle(laptop, tablet, ben);
    good(await laptop.client.stop());
    good(await tablet.client.stop());
    await server.lose();
    const adas = [keep(await reopened(laptop.platform)), keep(await reopened(tablet.platform))] as const;
    for (const { client } of adas)
      expect(bad(await client.sync())).toEqual({ type: "Refused", code: "unknown-account" });
    await say(ben, id, "from Ben");
    await settle(ben);
    expect(good(await ben.client.alarms())).toMatchObject([{ alarm: gone, resolvedAtMs: null }]);
    await Promise.all(adas.map(async ({ client }) => good(await client.putBack())));
    await say(adas[1], id, "from the tablet");
    const texts = ["from Ada", "from Ben", "from the tablet"];
    await expectRoom(id, { people: 2, texts }, ...adas, ben);
    await expectSameState(...adas);
    const incarnations = [...adas, ben].map(async (device) => {
      const rows = good(await tablesOf(device).roomanew.scan());
      return rows.map(({ value }) => value.incarnation);
    });
    expect(await Promise.all(incarnations)).toEqual([[1], [1], [1]]);
  }, 60_000);

  test("[RM62] whom its founder does not know to be removed is removed again, though the founder was faster", async () => {
    const server = await losableServer();
    const { others, id, ...founder } = await roomOf(server.origin, "ben", "dan");
    let ada: Device = founder.ada;
    const [, dan] = three(others);
    let ben: Device = three(others)[0];
    good(await ada.client.setRoomRole(id, await accountIdOf(ben), "admin"));
    await settle(ada, ...others);
    good(await ada.client.stop());
    good(await ben.client.removeFromRoom(id, await accountIdOf(dan)));
    await say(ben, id, "without Dan");
    good(await ben.client.sync());
    good(await ben.client.stop());
    await server.lose();
    ada = keep(await reopened(ada.platform));
    good(await ada.client.putBack());
    good(await ada.client.renameRoom(id, "Reading on"));
    await settle(ada);
    expect(await peopleIn(ada, id)).toBe(3);
    ben = keep(await reopened(ben.platform));
    await expectRoom(id, { people: 2, texts: ["without Dan"] }, ada, ben);
    await say(ada, id, "and on");
    await expectRoom(id, { people: 2, texts: ["without Dan", "and on"] }, ada, ben);
    await settle(dan);
    expect(await textsOf(dan, id)).toEqual([]);
  }, 60_000);

  test("[RM62] [RM68] who came in by one device of its founder's before, and who came in by another after, are in, or asked in again", async () => {
    const server = await losableServer();
    const { others, id, ada: laptop } = await roomOf(server.origin, "ben");
    const [ben] = three(others);
    const tablet = await linkedDevice(laptop.client, "tablet", platform());
    const { code } = good(
      await laptop.client.createRoomLink(id, { lifetimeMs: ROOM_LINK_LIFETIME_MS, usesMax: 3 }),
    );
    await settle(laptop, tablet, ben);
    // The tablet is away while Carl comes, and Dora comes while the laptop is.
    good(await tablet.client.stop());
    const [carl, dora] = await Promise.all(
      ["carl", "dora"].map(async (name) =>
        keep(await newAccount(elsewhere.origin, `${name}.${crypto.randomUUID().slice(0, 8)}`, platform())),
      ),
    );
    if (carl === undefined || dora === undefined) throw new Error("there are two");
    good(await carl.client.joinRoom(code));
    await expectRoom(id, { people: 3, texts: [] }, laptop, carl, ben);
    good(await laptop.client.stop());
    good(await ben.client.stop());
    await server.lose();
    const tabletBack = keep(await reopened(tablet.platform));
    good(await tabletBack.client.putBack());
    good(await dora.client.joinRoom(code));
    await expectRoom(id, { people: 3, texts: [] }, tabletBack, dora);
    const laptopBack = keep(await reopened(laptop.platform));
    const benBack = keep(await reopened(ben.platform));
    const all = [laptopBack, tabletBack, benBack, carl, dora] as const;
    await expectAtRest(
      async () => {
        for (const one of all)
          for (const { id: invited, state } of good(await one.client.rooms()))
            if (state === "invited") good(await one.client.acceptRoom(invited));
        for (const one of all) {
          expect(present(good(await one.client.rooms())[0], "the room").state).toBe("joined");
          expect(await peopleIn(one, id)).toBe(4);
        }
      },
      ...all,
    );
    await say(carl, id, "from Carl");
    await say(dora, id, "from Dora");
    await expectRoom(id, { people: 4, texts: ["from Carl", "from Dora"] }, ...all);
  }, 60_000);
});

describe("who followed what its founder never saw, in a log that begins anew and has had other keys since", () => {
  /** Ben renames the room while Ada is away, the log is lost, and before he is back Ada takes somebody out. */
  async function overtaken(whom: "ben" | "dan") {
    const server = await losableServer();
    const { others, id, ...founder } = await roomOf(server.origin, "ben", "dan");
    const [ben, dan] = three(others);
    const left = await accountIdOf(whom === "ben" ? ben : dan);
    good(await founder.ada.client.setRoomRole(id, await accountIdOf(ben), "admin"));
    await settle(founder.ada, ...others);
    good(await founder.ada.client.stop());
    good(await ben.client.renameRoom(id, "Ben's"));
    await say(ben, id, "from Ben");
    good(await ben.client.sync());
    for (const { client } of [ben, dan]) good(await client.stop());
    await server.lose();
    const ada = keep(await reopened(founder.ada.platform));
    good(await ada.client.putBack());
    good(await ada.client.removeFromRoom(id, left));
    await settle(ada);
    expect(await peopleIn(ada, id)).toBe(2);
    const back = keep(await reopened(ben.platform));
    await settle(ada, back);
    return { ada, ben: back, id };
  }

  test("[RM68] is told the keys by the founder, and comes in again with what they wrote", async () => {
    const { ada, ben, id } = await overtaken("dan");
    expect(present(good(await ben.client.rooms())[0], "the room").name).toBe("Ben's");
    time.adjust(MINUTE_MS);
    await expectRoom(id, { people: 2, texts: ["from Ben"] }, ada, ben);
    for (const { client } of [ada, ben])
      expect(present(good(await client.rooms())[0], "the room").name).toBe("Reading");
    await say(ben, id, "and on");
    await expectRoom(id, { people: 2, texts: ["from Ben", "and on"] }, ada, ben);
  }, 60_000);

  test("[RM68] is told by the founder that they are out", async () => {
    const { ada, ben } = await overtaken("ben");
    const stateOf = async () => present(good(await ben.client.rooms())[0], "the room").state;
    expect(await stateOf()).toBe("joined");
    time.adjust(MINUTE_MS);
    await expectAtRest(async () => expect(await stateOf()).toBe("removed"), ada, ben);
  }, 60_000);
});

describe("who was removed, in a log that begins anew", () => {
  test("[RM66] is followed by nobody who had not heard of it yet, though their commit has the first place", async () => {
    const server = await losableServer();
    const { others, id, ...founder } = await roomOf(server.origin, "eve", "dan");
    const [eve, dan] = three(others);
    const danId = await accountIdOf(dan);
    good(await founder.ada.client.setRoomRole(id, danId, "admin"));
    await settle(founder.ada, ...others);
    // Both are away when he is removed; his program was changed.
    good(await eve.client.stop());
    good(await dan.client.stop());
    good(await founder.ada.client.removeFromRoom(id, danId));
    await say(founder.ada, id, "without Dan");
    await settle(founder.ada);
    good(await founder.ada.client.stop());
    await server.lose();
    const changed = keep(await engineOf(dan.platform));
    good(await changed.engine.context.store.batch([changed.engine.tables.handshake.remove(id)]));
    const ada = keep(await engineOf(founder.ada.platform));
    const { rooms } = ada.engine;
    const { putBack } = rooms;
    let forged = 0;
    Object.assign(rooms, {
      putBack: (gateway: Gateway, former: string | null) => {
        const call: Gateway["call"] = async (answer, request) => {
          const done = await gateway.call(answer, request);
          if (request.type !== "reseedLog") return done;
          forged++;
          await forge(changed.engine, id, (room) => ({ ...room, name: "Dan's" }));
          return done;
        };
        return putBack({ ...gateway, call }, former);
      },
    });
    good(await ada.client.putBack());
    expect(forged).toBe(1);
    await settle(ada);
    const back = keep(await reopened(eve.platform));
    await expectRoom(id, { people: 2, texts: ["without Dan"] }, ada, back);
    for (const { client } of [ada, back]) {
      const happenings = good(await client.roomHappenings(id));
      expect(happenings.map(({ happening }) => happening.type)).not.toContain("renamed");
      expect(present(good(await client.rooms())[0], "the room").name).toBe("Reading");
    }
    await say(back, id, "from Eve");
    await expectRoom(id, { people: 2, texts: ["without Dan", "from Eve"] }, ada, back);
  }, 120_000);

  /** Dan was away when he was removed, and comes into the log begun anew before that commit is brought there: it is refused until then. */
  async function beforeItIsBrought(wayOfDan: Partial<Platform> = {}) {
    const server = await losableServer();
    const { others, id, ...founder } = await roomOf(server.origin, "dan", "eve");
    const [dan, eve] = three(others);
    const danId = await accountIdOf(dan);
    good(await dan.client.stop());
    good(await founder.ada.client.removeFromRoom(id, danId));
    await say(founder.ada, id, "without Dan");
    await settle(founder.ada, eve);
    good(await founder.ada.client.stop());
    await server.lose();
    const way = createLyingServer();
    way.deaf = (frame) => {
      if (frame.type !== "append" || !frame.entries.some(isOf(ENTRY_KIND.roomHandshake))) return null;
      const refused = { type: "refused" as const, code: "overloaded" as const, writerSeq: null };
      return [{ type: "appended", requestId: frame.requestId, results: frame.entries.map(() => refused) }];
    };
    const ada = keep(await reopened({ ...founder.ada.platform, connector: way.connector }));
    good(await ada.client.putBack());
    const bring = async () => {
      way.deaf = null;
      await expectRoom(id, { people: 2, texts: ["without Dan"] }, ada, eve);
    };
    return { ada, dan: keep(await reopened({ ...dan.platform, ...wayOfDan })), id, bring };
  }

  const isOf = (kind: number) => (entry: Pick<Entry, "header">) =>
    good(parseEntryHeader(entry.header)).kind === kind;

  async function fatesOf({ client }: Device, id: ConversationId) {
    const { messages } = good(await client.messages(id));
    return messages.map(({ text, state, failure }) => [text, state, failure]);
  }
  const unread = [["nobody reads this", "failed", "outside"]];

  test("[RM33] what they say before that is brought again is shown as not sent, as all leave it out", async () => {
    const { ada, dan, id, bring } = await beforeItIsBrought();
    await say(dan, id, "nobody reads this");
    await expectAtRest(async () => expect(dan.client.status().pendingCount).toBe(0), ada, dan);
    expect(await fatesOf(dan, id)).toEqual([["nobody reads this", "sent", null]]);
    await bring();
    await expectAtRest(async () => expect(await fatesOf(dan, id)).toEqual(unread), ada, dan);
    expect((await roomViewOf(dan, id)).state).toBe("removed");
    good(await dan.client.stop());
    expect(await fatesOf(keep(await reopened(dan.platform)), id)).toEqual(unread);
  }, 60_000);

  test("[RM33] what they said there, and read back together with that, is shown as not sent", async () => {
    const way = createLyingServer();
    const { ada, dan, id, bring } = await beforeItIsBrought({ connector: way.connector });
    await say(dan, id, "nobody reads this");
    // Of what he says, his position and this, he hears nothing once the server has it.
    let said = 0;
    way.deaf = (frame) => {
      if (frame.type === "append" && frame.entries.some(isOf(ENTRY_KIND.roomMessage))) said++;
      return null;
    };
    const hasIt = new Promise<void>((resolve) => {
      way.lie = (frame) => {
        if (said < 2) return [frame];
        if (frame.type === "appended") resolve();
        return [];
      };
    });
    const syncing = dan.client.sync();
    await hasIt;
    good(await dan.client.stop());
    await syncing;
    await bring();
    const back = keep(await reopened({ ...dan.platform, connector: ada.platform.connector }));
    expect(await fatesOf(back, id)).toEqual([["nobody reads this", "kept", null]]);
    await expectAtRest(async () => expect(await fatesOf(back, id)).toEqual(unread), ada, back);
  }, 60_000);
});

describe("a room whose founder moves", () => {
  test("[RM61] [IN11] is found there, also by who does not know them", async () => {
    const [old, next] = [await losableServer(), await losableServer()];
    const { ada, others, id } = await roomOf(old.origin, "ben");
    const [ben] = three(others);
    good(await ada.client.setRoomRole(id, await accountIdOf(ben), "moderator"));
    // Eve knows nobody but Ben.
    const eve = keep(await newAccount(elsewhere.origin, `eve.${crypto.randomUUID().slice(0, 8)}`));
    good(await eve.client.sync());
    good(await ben.client.addContact(good(await eve.client.contactLink())));
    await settle(ada, ben, eve);
    good(await eve.client.acceptContact(await accountIdOf(ben)));
    await settle(ben, eve);
    good(await ben.client.inviteToRoom(id, await accountIdOf(eve)));
    await settle(ben, eve);
    good(await eve.client.acceptRoom(id));
    others.push(eve);
    await say(ada, id, "from Ada");
    await settle(ada, ...others);
    good(await ada.client.putBack({ origin: next.origin }));
    await say(eve, id, "from Eve");
    await expectRoom(id, { people: 3, texts: ["from Ada", "from Eve"] }, ada, ben, eve);
    await old.stop();
    await say(ben, id, "from Ben");
    await expectRoom(id, { people: 3, texts: ["from Ada", "from Eve", "from Ben"] }, ada, ben, eve);
  }, 60_000);
});
