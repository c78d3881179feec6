/** What those wrote who are out of a room, where the server loses it before everybody has read it. Real server processes. */
import { afterEach, beforeAll, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { encode } from "../../core/codec/shape.ts";
import { createGroupCrypto } from "../../core/group/crypto-provider.ts";
import { groupEpoch } from "../../core/group/group.ts";
import { sealGroupMessage } from "../../core/group/group-message.ts";
import { createOp, messagePayloadShape, OP_KIND } from "../../core/messenger/op.ts";
import { roomLetterShape } from "../../core/messenger/room/room-entry.ts";
import { engineReady, good, newAccount } from "../support/client-world.ts";
import { startLosableServer } from "../support/losable-server.ts";
import {
  accountIdOf,
  type Device,
  engineOf,
  expectAtRest,
  reopened,
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

function keep<T extends Device>(device: T): T {
  cleanUps.push(() => device.client.stop());
  return device;
}

async function becomeContacts(asking: Device, asked: Device): Promise<void> {
  good(await asked.client.sync());
  good(await asking.client.addContact(good(await asked.client.contactLink())));
  await settle(asking, asked);
  good(await asked.client.acceptContact(await accountIdOf(asking)));
  await settle(asking, asked);
}

async function letIn(id: ConversationId, by: Device, newcomer: Device, ...others: readonly Device[]) {
  good(await by.client.inviteToRoom(id, await accountIdOf(newcomer)));
  await settle(by, newcomer, ...others);
  good(await newcomer.client.acceptRoom(id));
  await settle(by, newcomer, ...others);
}

const say = async ({ client }: Device, id: ConversationId, text: string) =>
  void good(await client.send(id, text));

/** Ada's room at a server that can lose it, with Ben, who may let people in and out, Cara and Dan. */
async function roomOfFour() {
  const server = await startLosableServer((cleanUp) => void cleanUps.push(cleanUp));
  const ada = keep(await newAccount(server.origin, "ada"));
  const suffix = crypto.randomUUID().slice(0, 8);
  const newcomer = async (name: string) => keep(await newAccount(elsewhere.origin, `${name}.${suffix}`));
  const [ben, cara, dan] = [await newcomer("ben"), await newcomer("cara"), await newcomer("dan")];
  const { id } = good(await ada.client.createRoom("Reading"));
  for (const other of [ben, cara, dan]) {
    await becomeContacts(ada, other);
    await letIn(id, ada, other, ben, cara, dan);
  }
  good(await ada.client.setRoomRole(id, await accountIdOf(ben), "moderator"));
  await say(ada, id, "from Ada");
  await settle(ada, ben, cara, dan);
  return { server, ada, ben, cara, dan, id, newcomer };
}

/** Each has these texts and people. */
async function expectRoom(
  id: ConversationId,
  { texts, people }: { readonly texts: readonly string[]; readonly people: number },
  ...devices: readonly Device[]
): Promise<void> {
  await expectAtRest(
    async () => {
      for (const device of devices) {
        expect([...(await textsOf(device, id))].sort()).toEqual([...texts].sort());
        expect(good(await device.client.rooms())[0]?.members).toHaveLength(people);
      }
    },
    ...devices,
  );
}

test("[RM75] what somebody wrote who has left comes to who had not read it, as they left it, and to nobody who came later", async () => {
  const { server, id, newcomer, cara, ...first } = await roomOfFour();
  let [ada, dan, ben]: [Device, Device, Device] = [first.ada, first.dan, first.ben];
  const [accountId, danId] = [await accountIdOf(cara), await accountIdOf(dan)];
  good(await ada.client.stop());
  good(await dan.client.stop());
  await say(cara, id, "from Cara");
  await say(cara, id, "taken back");
  await settle(ben, cara);
  const { messages } = good(await cara.client.messages(id, { limit: 10 }));
  const last = present(
    messages.find(({ text }) => text === "taken back"),
    "what she takes back",
  );
  good(await cara.client.redact(last));
  await settle(ben, cara);
  // Ben's program is changed: it keeps letters that are none, and one in Cara's name and one in that of somebody who never was in.
  good(await ben.client.stop());
  const changed = keep(await engineOf(ben.platform));
  const { rooms, context, tables } = changed.engine;
  const group = present(good(await rooms.groups.load(id)), "the group");
  const heard = good(await tables.roomheard.scan({ under: [id] })).map(({ value }) => value);
  const row = present(
    heard.find((one) => one.accountId === accountId),
    "a letter of Cara's",
  );
  const { op: hers } = present(
    good(await changed.engine.ops.page(id, 10)).find(({ op: { op } }) => op.author === accountId),
    "an op of Cara's",
  );
  const forge = async (author: typeof accountId, text: string) => {
    const payload = encode(messagePayloadShape, { text });
    const op = createOp({ ...hers.op, author, deviceSeq: 900, kind: OP_KIND.message, target: null, payload });
    const seen = { incarnation: 0, seq: 0, chain: new Uint8Array(32) };
    const plaintext = encode(roomLetterShape, { type: "letter", ops: [op.bytes], seen, replaces: [] });
    const suite = createGroupCrypto(context.random);
    const message = { plaintext, authenticatedData: new Uint8Array(0) };
    return good(await sealGroupMessage({ suite, authenticate: () => false }, group, message)).sealed;
  };
  const forged = [
    new Uint8Array(900).fill(7),
    await forge(accountId, "in her name"),
    await forge(danId, "in Dan's name"),
    row.sealed,
  ];
  const place = { incarnation: 0, epoch: Number(groupEpoch(group)), accountId };
  for (const [index, sealed] of forged.entries())
    good(
      await context.store.batch([
        tables.roomheard.put([id, 0, 200 + index], { ...place, seq: 200 + index, sealed }),
      ]),
    );
  good(await cara.client.leaveRoom(id));
  ben = changed;
  await settle(ben, cara);
  expect(good(await ben.client.rooms())[0]?.members).toHaveLength(3);
  const eve = await newcomer("eve");
  await becomeContacts(ben, eve);
  await letIn(id, ben, eve);
  await server.lose();
  ada = keep(await reopened(ada.platform));
  good(await ada.client.putBack());
  dan = keep(await reopened(dan.platform));
  await settle(ada, ben, dan, eve);
  // What she took back is known as that, and its text is nowhere.
  await expectRoom(id, { people: 4, texts: ["", "from Ada", "from Cara"] }, ada, ben, dan);
  await expectRoom(id, { people: 4, texts: [] }, eve);
  await say(dan, id, "and on");
  await expectRoom(id, { people: 4, texts: ["", "from Ada", "from Cara", "and on"] }, ada, ben, dan);
  await expectRoom(id, { people: 4, texts: ["and on"] }, eve);
}, 120_000);

test("[RM75] whoever takes somebody out in a log that began anew brings what they had said before", async () => {
  const { server, id, cara, ...first } = await roomOfFour();
  const { ben } = first;
  let [ada, dan]: [Device, Device] = [first.ada, first.dan];
  const caraId = await accountIdOf(cara);
  good(await ada.client.stop());
  good(await dan.client.stop());
  await say(cara, id, "from Cara");
  await settle(ben, cara);
  // She is never there again.
  good(await cara.client.stop());
  await server.lose();
  ada = keep(await reopened(ada.platform));
  good(await ada.client.putBack());
  dan = keep(await reopened(dan.platform));
  await expectRoom(id, { people: 4, texts: ["from Ada"] }, ada, dan);
  await settle(ada, ben, dan);
  good(await ben.client.removeFromRoom(id, caraId));
  await expectRoom(id, { people: 3, texts: ["from Ada", "from Cara"] }, ada, ben, dan);
  // What one has read is no letter that did not open.
  for (const device of [ada, ben, dan]) expect(good(await tablesOf(device).missed.scan())).toEqual([]);
}, 120_000);
