/** Rooms in trouble: a member with a changed program, lost state, power cuts. Over the real server and real sockets. */
import { expect, test } from "vitest";
import { encodeMlsMessage } from "ts-mls";
import { present } from "../../core/base/assert.ts";
import { type AccountId, type ConversationId, idBytes, idFromBytes } from "../../core/base/ids.ts";
import { ok } from "../../core/base/result.ts";
import {
  LINK_BYTES_MAX,
  ROOM_EVIDENCE_BYTES_MAX,
  ROOM_EVIDENCE_LINKS_MAX,
  ROOM_LIFETIME_MS_MIN,
  ROOM_MISSED_ASKED_MAX,
  ROOM_REJOINS_MAX,
  ROOM_RESENT_OPS_MAX,
} from "../../core/base/limits.ts";
import { keysOf } from "../../core/client/rooms/room-book.ts";
import { createRoomSending } from "../../core/client/rooms/sending/room-sending.ts";
import { createRoomCalling } from "../../core/client/rooms/membership/room-calling.ts";
import { createRoomPlanner } from "../../core/client/rooms/membership/room-plan.ts";
import { createGroup, groupEpoch, leavesOf } from "../../core/group/group.ts";
import { createKeyPackage, verifyPublishedKeyPackage } from "../../core/group/key-package.ts";
import { createCommit } from "../../core/group/create-commit.ts";
import { createGroupCrypto, GROUP_CIPHER_SUITE } from "../../core/group/crypto-provider.ts";
import { nextHlc } from "../../core/messenger/hlc.ts";
import { createOp, messagePayloadShape, OP_KIND } from "../../core/messenger/op.ts";
import { encode } from "../../core/codec/shape.ts";
import { encodeRoomContext, type RoomContext } from "../../core/messenger/room/room-context.ts";
import { ROOM_LETTER_OPS_MAX, signRejoin } from "../../core/messenger/room/room-entry.ts";
import { signStand } from "../../core/messenger/room/room-stand.ts";
import type { FrameSocket, ServerConnector } from "../../core/transport/server-connector.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createCrashDevice } from "../support/crash-platform.ts";
import { commitBody, forge, forgeBody, sendingDeps } from "../support/room-forger.ts";
import {
  accountIdOf,
  alarmsOf,
  createFriends,
  type Device,
  engineOf,
  expectAtRest,
  expectSameState,
  reopened,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
async function viewOf({ client }: Device, id: ConversationId) {
  const room = present(
    good(await client.rooms()).find((one) => one.id === id),
    "the room is there",
  );
  const roles = new Map(room.members.map(({ accountId, role }) => [accountId, role]));
  return { name: room.name, lifetimeMs: room.lifetimeMs, state: room.state, roles };
}

/** Ada's room with Ben in it. */
async function createRoomOfTwo(name: string, ben = undefined as Parameters<typeof createFriends>[2]) {
  const friends = await createFriends(server.origin, [`ada.${name}`, `ben.${name}`], ben);
  const { id } = good(await friends.ada.client.createRoom(name));
  good(await friends.ada.client.inviteToRoom(id, await accountIdOf(friends.ben)));
  await settle(friends.ada, friends.ben);
  good(await friends.ben.client.acceptRoom(id));
  await settle(friends.ada, friends.ben);
  return { ...friends, id };
}

test("[RM17][RM19][RM21][RM22] a member with a changed program changes nothing for anybody, and the room goes on", async () => {
  const { ada, ben: honest, id } = await createRoomOfTwo("hostile");
  const carl = await newAccount(server.origin, "carl.hostile");
  good(await ada.client.addContact(good(await carl.client.contactLink())));
  await settle(ada, carl);
  good(await carl.client.acceptContact(await accountIdOf(ada)));
  await settle(ada, carl);
  good(await ada.client.inviteToRoom(id, await accountIdOf(carl)));
  await settle(ada, honest, carl);
  good(await carl.client.acceptRoom(id));
  await settle(ada, honest, carl);
  const [adaId, benId, carlId] = [await accountIdOf(ada), await accountIdOf(honest), await accountIdOf(carl)];
  good(await honest.client.stop());
  const ben = await engineOf(honest.platform);
  const withRole = (room: RoomContext, accountId: AccountId, role: "owner" | "member") => ({
    ...room,
    members: room.members.map((one) => (one.accountId === accountId ? { ...one, role } : one)),
  });
  const before = await viewOf(ada, id);
  for (const change of [
    (room: RoomContext) => ({ ...room, name: "Ben's" }),
    (room: RoomContext) => ({ ...room, lifetimeMs: ROOM_LIFETIME_MS_MIN }),
    (room: RoomContext) => withRole(room, benId, "owner"),
    (room: RoomContext) => withRole(room, adaId, "member"),
    (room: RoomContext) => ({
      ...room,
      members: room.members.filter(({ accountId }) => accountId !== carlId),
    }),
  ]) {
    await forge(ben.engine, id, change);
    good(await ada.client.sync());
    good(await carl.client.sync());
    expect(await viewOf(ada, id)).toEqual(before);
    expect(await viewOf(carl, id)).toEqual(before);
  }
  good(await ada.client.renameRoom(id, "Garden"));
  good(await carl.client.send(id, "still here"));
  await settle(ada, carl, ben);
  expect((await viewOf(carl, id)).name).toBe("Garden");
  expect(await textsOf(ada, id)).toEqual(["still here"]);
  // His own device finds that what he did leads nowhere, and is taken back in as what he was.
  expect(await viewOf(ben, id)).toEqual(await viewOf(ada, id));
  // Words in another's name, sealed like any others.
  const { deviceId } = good(await ben.client.account());
  const words = (author: AccountId, text: string) =>
    createOp({
      version: 1,
      conversationId: id,
      author,
      device: deviceId,
      deviceSeq: 50,
      devicePrev: null,
      hlc: nextHlc(0, Date.now()),
      kind: OP_KIND.message,
      target: null,
      payload: encode(messagePayloadShape, { text }),
      expire: null,
      ext: null,
    });
  for (const op of [words(adaId, "I leave it all to Ben"), words(benId, "sorry")]) {
    const put = ben.engine.roomOutbox.put(op);
    good(await ben.engine.context.store.batch([put.write]));
    put.commit();
  }
  await settle(ben, ada, carl);
  for (const device of [ada, carl]) expect(await textsOf(device, id)).toEqual(["still here", "sorry"]);
  await stopAll(ada, carl, ben);
});

test("[RM23] a device that lost its group asks to be added again, and is, with nobody doing anything", async () => {
  const { ada, ben, id } = await createRoomOfTwo("lost");
  const phone = await linkedDevice(ben.client, "phone");
  await settle(ada, ben, phone);
  good(await ben.client.stop());
  good(await phone.client.stop());
  const tables = tablesOf(ben);
  good(await ben.platform.store.batch([tables.group.remove(id)]));
  good(await ada.client.send(id, "missed by the tablet"));
  good(await ada.client.sync());
  const back = await reopened(ben.platform);
  good(await back.client.send(id, "kept until then"));
  await settle(back, ada);
  expect((await viewOf(back, id)).state).toBe("joined");
  const again = await reopened(phone.platform);
  await settle(ada, back, again);
  good(await ada.client.send(id, "heard again"));
  await settle(ada, back, again);
  const texts = ["missed by the tablet", "kept until then", "heard again"];
  const allHave = async () => {
    for (const device of [ada, back, again])
      expect([...(await textsOf(device, id))].sort()).toEqual([...texts].sort());
  };
  await expectAtRest(allHave, ada, back, again);
  await expectSameState(back, again);
  await stopAll(ada, back, again);
});

test("[RM38] a commit that takes several entries lets in who it adds, goes to everybody else, and one whose parts are not all there stops nobody", async () => {
  const { ada: first, ben, id } = await createRoomOfTwo("parts");
  const carl = await newAccount(server.origin, "carl.parts");
  good(await first.client.addContact(good(await carl.client.contactLink())));
  await settle(first, carl);
  good(await carl.client.acceptContact(await accountIdOf(first)));
  await settle(first, carl);
  good(await first.client.stop());
  const ada = await engineOf(first.platform);
  const { rooms, context, contacts, tables } = ada.engine;
  const deps = { suite: createGroupCrypto(context.random) };
  const carlId = await accountIdOf(carl);
  good(await context.serial.run(() => rooms.ask(id, { type: "invite", accountId: carlId, role: "member" })));
  const room = present(good(await rooms.book.get(id)), "the room");
  const planner = createRoomPlanner({
    ...{ context, contacts, groups: rooms.groups, deps },
    calling: createRoomCalling(context),
    lookIn: () => {},
  });
  const plan = present(good(await planner.plan(id, room))?.plan, "a plan");
  const inParts = createRoomSending({ ...sendingDeps(ada.engine), partBytes: 1_500 });
  expect(good(await context.serial.run(() => inParts.commits.make(id, room, plan)))).toBe(true);
  const letters = good(await tables.letter.scan({ under: [id] }));
  expect(letters.length).toBeGreaterThan(2);
  await settle(ada, ben, carl);
  good(await carl.client.acceptRoom(id));
  await settle(ada, ben, carl);
  good(await carl.client.send(id, "let in by many entries"));
  await settle(ada, ben, carl);
  for (const one of [ada, ben]) expect(await textsOf(one, id)).toEqual(["let in by many entries"]);
  expect((await viewOf(ben, id)).roles.get(carlId)).toBe("member");
  // A Welcome for a key package without a name.
  const welcome = encodeMlsMessage({
    version: "mls10",
    wireformat: "mls_welcome",
    welcome: {
      cipherSuite: GROUP_CIPHER_SUITE,
      secrets: [
        {
          newMember: new Uint8Array(),
          encryptedGroupSecrets: { kemOutput: new Uint8Array(), ciphertext: new Uint8Array() },
        },
      ],
      encryptedGroupInfo: new Uint8Array(),
    },
  });
  const nothing = new Uint8Array(64);
  await forgeBody(ada.engine, id, commitBody({ commit: nothing, context: nothing, welcome }));
  // The end of a commit whose parts nobody has.
  await forgeBody(ada.engine, id, { type: "commit", parts: 2, bytes: new Uint8Array(64) });
  good(await ben.client.send(id, "and on"));
  await settle(ada, ben, carl);
  for (const one of [ada, ben, carl]) expect(await textsOf(one, id)).toContain("and on");
  expect(good(await tables.roompart.scan({ under: [id] }))).toEqual([]);
  await stopAll(ada, ben);
  // Who came by it has done with its parts too.
  good(await carl.client.stop());
  const joined = await engineOf(carl.platform);
  expect(good(await joined.engine.tables.roompart.scan())).toEqual([]);
  await stopAll(joined);
});

test(`[RM23] devices nobody has ask to come back: ${ROOM_REJOINS_MAX} are remembered, and their account's chain is asked for once`, async () => {
  const { ada: first, ben: second, id } = await createRoomOfTwo("strangers");
  await stopAll(first, second);
  const ben = await engineOf(second.platform);
  const benId = await accountIdOf(ben);
  const { random, identity } = ben.engine.context;
  for (let count = 0; count <= ROOM_REJOINS_MAX; count++) {
    const deviceId = idFromBytes("device", random.bytes(16));
    const claim = { roomId: id, accountId: benId, deviceId };
    const request = signRejoin(random, identity.keys.sign, claim);
    await forgeBody(ben.engine, id, { type: "rejoin", request });
  }
  const ada = await engineOf(first.platform);
  const { context, tables, rooms } = ada.engine;
  const { contactChain } = context;
  let lookups = 0;
  let rowsMax = 0;
  Object.assign(context, {
    contactChain: async (...[accountId, origin, isFresh]: Parameters<typeof contactChain>) => {
      rowsMax = Math.max(rowsMax, good(await tables.rejoin.scan({ under: [id] })).length);
      if (isFresh && accountId === benId) lookups++;
      return contactChain(accountId, origin, isFresh);
    },
  });
  await settle(ada);
  good(await ada.client.send(id, "and on"));
  await settle(ada);
  expect([lookups, rowsMax]).toEqual([1, ROOM_REJOINS_MAX]);
  expect(good(await tables.rejoin.scan({ under: [id] }))).toEqual([]);
  expect(Number(groupEpoch(present(good(await rooms.groups.load(id)), "the group")))).toBe(1);
  await stopAll(ada, ben);
});

test("[RM7][RM23] who asks to come back and is taken out meanwhile is out with all their devices", async () => {
  const { ada: first, ben, id } = await createRoomOfTwo("crossed");
  const { accountId, deviceId } = good(await ben.client.account());
  await stopAll(first, ben);
  const ada = await engineOf(first.platform);
  const { context, rooms, tables } = ada.engine;
  good(await context.store.batch([tables.rejoin.put([id, accountId, deviceId], {})]));
  good(await ada.client.removeFromRoom(id, accountId));
  await settle(ada);
  const group = present(good(await rooms.groups.load(id)), "the group");
  expect((await viewOf(ada, id)).roles.has(accountId)).toBe(false);
  expect(good(leavesOf(group)).map(({ member }) => member.accountId)).toEqual([await accountIdOf(ada)]);
  await stopAll(ada);
});

test.each([
  ["a key of somebody else's", 1],
  ["what is no key package", 0],
])(
  "[RM60] who comes with %s, or a chain no commit holds, stops neither letters nor others",
  async (_what, bent) => {
    const { ada: first, ben, id } = await createRoomOfTwo(`twin${bent}`);
    const carl = await newAccount(server.origin, `carl.twin${bent}`);
    good(await first.client.addContact(good(await carl.client.contactLink())));
    await settle(first, carl);
    good(await carl.client.acceptContact(await accountIdOf(first)));
    await settle(first, carl);
    const carlId = await accountIdOf(carl);
    good(await carl.client.stop());
    const { identity, clock } = (await engineOf(carl.platform)).engine.context;
    good(await first.client.stop());
    const ada = await engineOf(first.platform);
    const { context, rooms, tables } = ada.engine;
    const tree = present(good(await rooms.groups.load(id)), "the group").state.ratchetTree;
    const taken = tree[0]?.nodeType === "leaf" ? tree[0].leaf.hpkePublicKey : null;
    // Every key is hers to choose: that of her leaf is Ada's, or that and the other one, which may not be the same.
    const suite = createGroupCrypto(context.random);
    let pairs = 0;
    const twin = await createKeyPackage(
      {
        ...suite,
        hpke: {
          ...suite.hpke,
          generateKeyPair: async () => {
            const pair = await suite.hpke.generateKeyPair();
            const isBent = pairs++ >= bent;
            const publicKey = isBent
              ? await suite.hpke.importPublicKey(present(taken, "a key"))
              : pair.publicKey;
            return { ...pair, publicKey };
          },
        },
      },
      { member: { accountId: carlId, deviceId: identity.deviceId }, signSeed: identity.seeds.mls },
      { fromMs: clock.nowMs() - 1_000, untilMs: clock.nowMs() + 86_400_000 },
    );
    let claims = 0;
    const { directory } = context;
    const packages = [{ deviceId: identity.deviceId, keyPackage: twin.published }];
    Object.assign(context, {
      directory: (origin: string) => ({
        ...directory(origin),
        claimKeyPackages: async () => {
          claims++;
          return ok({ keyPackages: packages });
        },
      }),
    });
    good(await ada.client.inviteToRoom(id, carlId));
    good(await ada.client.renameRoom(id, "renamed all the same"));
    for (const text of ["goes out", "and so does this"]) {
      good(await ada.client.send(id, text));
      await settle(ada, ben);
    }
    expect(await textsOf(ben, id)).toEqual(["goes out", "and so does this"]);
    expect(await viewOf(ben, id)).toMatchObject({ name: "renamed all the same" });
    expect((await viewOf(ben, id)).roles.size).toBe(2);
    expect(claims, "asked once an hour").toBe(1);
    // Nor does who asks to come back with more links than a commit brings of one account.
    const benId = await accountIdOf(ben);
    const chain = present(good(await context.storedChain(benId)), "Ben's chain");
    const device = present([...chain.devicesById.values()][0], "his device");
    const long = { ...chain, seq: chain.seq + ROOM_EVIDENCE_LINKS_MAX + 1 };
    const tablet = { ...device, id: idFromBytes("device", new Uint8Array(16).fill(1)) };
    const devicesById = new Map([...chain.devicesById, [tablet.id, tablet]]);
    const { contactChain } = context;
    Object.assign(context, { contactChain: async () => ok({ ...long, devicesById }) });
    for (let at = chain.seq + 1; at <= long.seq; at++)
      good(await context.store.batch([tables.chain.put([benId, at], { link: new Uint8Array(1) })]));
    good(await context.store.batch([tables.rejoin.put([id, benId, tablet.id], {})]));
    packages.push({ deviceId: tablet.id, keyPackage: twin.published });
    good(await ada.client.renameRoom(id, "renamed again"));
    await settle(ada, ben);
    expect(await viewOf(ben, id)).toMatchObject({ name: "renamed again" });
    good(await context.store.batch([tables.rejoin.remove(id, benId, tablet.id)]));
    Object.assign(context, { contactChain });
    // A chain of so many links comes in no commit; whoever asks is told.
    await ben.client.stop();
    const link = new Uint8Array(LINK_BYTES_MAX);
    const rows = ROOM_EVIDENCE_BYTES_MAX / LINK_BYTES_MAX;
    for (let at = 0; at < rows; at++)
      good(await context.store.batch([tables.chain.put([carlId, 9_000 + at], { link })]));
    expect(bad(await ada.client.inviteToRoom(id, carlId)).type).toBe("RoomTooLarge");
    await stopAll(ada);
  },
);

test("[RM22][RM23][RM26][RM30] nobody stops a room with bytes of a made-up epoch or another key, or calls a device into a group of their own", async () => {
  const { ada, ben: honest, id } = await createRoomOfTwo("called");
  const adaId = await accountIdOf(ada);
  const { deviceId: adaDevice } = good(await ada.client.account());
  good(await honest.client.stop());
  const ben = await engineOf(honest.platform);
  const { rooms, context } = ben.engine;
  const before = await viewOf(ada, id);
  const group = present(good(await rooms.groups.load(id)), "the group");
  const own = present(good(await rooms.contextOf(id)), "its context");
  const deps = { suite: createGroupCrypto(context.random), authenticate: () => true };
  // A commit of his that says it is of an epoch far ahead: 8 bytes after versions, kind and the group's id.
  const { commit: ahead } = good(await createCommit(deps, group, {}));
  ahead[4 + 1 + 32 + 5] = 1;
  await forgeBody(ben.engine, id, commitBody({ commit: ahead, context: null, welcome: null }));
  good(await ada.client.sync());
  expect(await viewOf(ada, id)).toEqual(before);
  // His own group under the same id, with himself as its owner and a Welcome for Ada.
  const { logId } = keysOf(present(good(await rooms.book.get(id)), "the room"));
  const member = { accountId: context.identity.accountId, deviceId: context.identity.deviceId };
  const lifetime = { fromMs: Date.now() - 86_400_000, untilMs: Date.now() + 86_400_000 };
  const self = await createKeyPackage(deps.suite, { member, signSeed: context.identity.seeds.mls }, lifetime);
  const roles = own.members.map((one) => ({
    ...one,
    role: one.accountId === adaId ? ("member" as const) : ("owner" as const),
  }));
  const claimed = good(await context.directory(server.origin).claimKeyPackages(adaId, [adaDevice]));
  const [{ keyPackage }] = [present(claimed.keyPackages[0], "a key package")];
  const added = good(await verifyPublishedKeyPackage(deps.suite, keyPackage, { ...deps, nowMs: Date.now() }));
  const theirs = good(
    await createGroup(deps, idBytes(logId), self, encodeRoomContext({ ...own, members: roles })),
  );
  const { commit, welcome, next } = good(await createCommit(deps, theirs, { add: [added] }));
  // With it a key of the log that nobody else knows: its founder sets it right.
  const body = commitBody({ commit, context: next.context, welcome });
  await forgeBody(ben.engine, id, body, new Uint8Array(32).fill(7));
  good(await ada.client.sync());
  expect(await viewOf(ada, id)).toEqual(before);
  good(await ada.client.send(id, "still here"));
  await settle(ada, ben);
  expect(await textsOf(ben, id)).toEqual(["still here"]);
  expect(await viewOf(ben, id)).toEqual(await viewOf(ada, id));
  await stopAll(ada, ben);
});

test("[RM24] what a device could not open while its group was lost comes again from who wrote it", async () => {
  const { ada, ben, id } = await createRoomOfTwo("again");
  good(await ben.client.stop());
  const tables = tablesOf(ben);
  good(await ben.platform.store.batch([tables.group.remove(id)]));
  const { id: regretted } = good(await ada.client.send(id, "taken back before it was asked for"));
  good(await ada.client.send(id, "one"));
  good(await ada.client.sync());
  good(await ada.client.send(id, "two"));
  good(await ada.client.sync());
  good(await ada.client.redact({ conversationId: id, id: regretted }));
  const back = await reopened(ben.platform);
  const alarms = [ada, back].map(alarmsOf);
  await settle(back, ada);
  const isAgain = async () => {
    expect([...(await textsOf(back, id))].sort()).toEqual(["", "one", "two"]);
    expect(good(await tablesOf(back).missed.scan())).toEqual([]);
    expect(good(await tablesOf(ada).roomout.scan())).toEqual([]);
  };
  await expectAtRest(isAgain, back, ada);
  expect(alarms).toEqual([[], []]);
  await stopAll(ada, back);
});

test("[RM24] who came later gets nothing of before by asking for its letters", async () => {
  const { ada, ben, id } = await createRoomOfTwo("curious");
  const carl = await newAccount(server.origin, "carl.curious");
  good(await ada.client.addContact(good(await carl.client.contactLink())));
  await settle(ada, carl);
  good(await carl.client.acceptContact(await accountIdOf(ada)));
  await settle(ada, carl);
  good(await ada.client.send(id, "before Carl"));
  await settle(ada, ben);
  const missing = good(await tablesOf(ada).roomsent.scan()).map(({ value }) => value.entryId);
  expect(missing).toHaveLength(1);
  good(await ada.client.inviteToRoom(id, await accountIdOf(carl)));
  await settle(ada, carl);
  good(await carl.client.acceptRoom(id));
  await settle(carl, ada, ben);
  good(await carl.client.stop());
  const changed = await engineOf(carl.platform);
  const { context, tables } = changed.engine;
  const place = present(good(await tables.landmark.get(id))?.places.at(-1), "where Carl stands");
  const { accountId, deviceId, keys } = context.identity;
  const stand = signStand(keys.sign, id, { ...place, accountId, deviceId, missing });
  await forgeBody(changed.engine, id, { type: "stand", stand });
  await settle(ada, changed, ada, ben, changed);
  expect(await textsOf(changed, id)).toEqual([]);
  expect(good(await tablesOf(ada).roomsent.scan()).map(({ value }) => value.entryId)).toEqual(missing);
  await stopAll(ada, ben, changed);
});

test("[RM24] who asks again and again for what was sent again is sent it so many times an hour and no more", async () => {
  const { ada, ben: honest, id } = await createRoomOfTwo("insatiable");
  for (let index = 0; index < ROOM_LETTER_OPS_MAX; index++) good(await ada.client.send(id, `${index}`));
  await settle(ada, honest);
  good(await honest.client.stop());
  const ben = await engineOf(honest.platform);
  const { context, tables } = ben.engine;
  const { accountId, deviceId, keys } = context.identity;
  const sentByAda = async () =>
    good(await tablesOf(ada).roomsent.scan()).map(({ value: { entryId, outKeys } }) => ({
      entryId,
      outKeys,
    }));
  const ask = async () => {
    const place = present(good(await tables.landmark.get(id))?.places.at(-1), "where Ben stands");
    const missing = (await sentByAda()).map(({ entryId }) => entryId).slice(-ROOM_MISSED_ASKED_MAX);
    const stand = signStand(keys.sign, id, { ...place, accountId, deviceId, missing });
    await forgeBody(ben.engine, id, { type: "stand", stand });
    good(await ada.client.sync());
    good(await ada.client.sync());
    return missing;
  };
  const opsInAll = (await sentByAda()).reduce((sum, { outKeys }) => sum + outKeys.length, 0);
  expect(opsInAll).toBe(ROOM_LETTER_OPS_MAX);
  // Each time all of it goes again, in other letters.
  for (let round = 0; round < ROOM_RESENT_OPS_MAX / opsInAll; round++) {
    const asked = await ask();
    expect((await sentByAda()).filter(({ entryId }) => asked.includes(entryId))).toEqual([]);
  }
  const asked = await ask();
  expect((await sentByAda()).filter(({ entryId }) => asked.includes(entryId))).toHaveLength(asked.length);
  await stopAll(ada, ben);
});

test("a room's connection that ends is made again, and what came meanwhile is shown, while the account's own goes on", async () => {
  const inner = createWebConnector();
  const sockets: FrameSocket[] = [];
  const connector: ServerConnector = {
    ...inner,
    async connect(origin, handlers) {
      const opened = await inner.connect(origin, handlers);
      if (opened.ok) sockets.push(opened.value);
      return opened;
    },
  };
  const { ada, ben, id } = await createRoomOfTwo("cable", { ben: memoryPlatform({ connector }) });
  await ben.client.stop();
  sockets.length = 0;
  const back = await reopened(ben.platform);
  back.client.start();
  const heard = (text: string) =>
    expect.poll(() => textsOf(back, id), { timeout: 30_000 }).toEqual(expect.arrayContaining([text]));
  good(await ada.client.send(id, "one"));
  good(await ada.client.sync());
  await heard("one");
  // The account's own is the first; the others are to rooms and contacts.
  const others = sockets.slice(1);
  expect(others.length).toBeGreaterThan(0);
  for (const socket of others) socket.close();
  good(await ada.client.send(id, "two"));
  good(await ada.client.sync());
  await heard("two");
  expect(back.client.status().state).toBe("online");
  expect(sockets.length).toBeGreaterThan(1 + others.length);
  await stopAll(ada, back);
});

/** Puts a device's group into an epoch that no other member has, as a fault of its program would. */
async function goAstray(
  device: Device,
  roomId: ConversationId,
  andThen: (there: Awaited<ReturnType<typeof engineOf>>) => Promise<void> = async () => {},
): Promise<Device> {
  good(await device.client.stop());
  const there = await engineOf(device.platform);
  const { engine, client } = there;
  const { rooms, context } = engine;
  const group = present(good(await rooms.groups.load(roomId)), "the group");
  const deps = { suite: createGroupCrypto(context.random), authenticate: () => true };
  const { next } = good(await createCommit(deps, group, {}));
  good(await context.store.batch(good(await rooms.groups.step(roomId, next))));
  rooms.groups.keep(roomId, next);
  await andThen(there);
  good(await client.stop());
  return reopened(device.platform);
}

test("[RM26] groups that have come apart are found by their members, and who came later follows", async () => {
  const start = await createRoomOfTwo("apart");
  const { id } = start;
  let { ada, ben }: { ada: Device; ben: Device } = start;
  ben = await goAstray(ben, id);
  good(await ben.client.send(id, "from nowhere"));
  await settle(ben, ada);
  good(await ada.client.send(id, "heard"));
  await settle(ben, ada);
  const bothHave =
    (...texts: readonly string[]) =>
    async () => {
      for (const device of [ada, ben]) expect([...(await textsOf(device, id))].sort()).toEqual(texts);
    };
  await expectAtRest(bothHave("from nowhere", "heard"), ben, ada);
  // The founder is right even where it is wrong, so that there is one room.
  ada = await goAstray(ada, id);
  good(await ben.client.stop());
  ben = await reopened(ben.platform);
  good(await ada.client.send(id, "elsewhere"));
  await settle(ada, ben);
  good(await ben.client.send(id, "here too"));
  await settle(ada, ben);
  await expectAtRest(bothHave("elsewhere", "from nowhere", "heard", "here too"), ada, ben);
  expect((await viewOf(ben, id)).state).toBe("joined");
  await stopAll(ada, ben);
});

test("[RM24] what was sealed in a group that was given up before it had a place is sealed anew, and nobody has to ask", async () => {
  const { ada, id, ...friends } = await createRoomOfTwo("given");
  let { ben }: { ben: Device } = friends;
  ben = await goAstray(ben, id);
  good(await ben.client.send(id, "asked for"));
  await expectAtRest(
    async () => {
      for (const device of [ada, ben]) expect(await textsOf(device, id)).toEqual(["asked for"]);
    },
    ada,
    ben,
  );
  // Ada has asked, and does not again for a minute.
  ben = await goAstray(ben, id, async ({ engine, client }) => {
    const { rooms, context } = engine;
    good(await client.send(id, "nobody could open it"));
    const room = present(good(await rooms.book.get(id)), "the room");
    const { letters } = createRoomSending(sendingDeps(engine));
    expect(good(await context.serial.run(() => letters.sealLetter(id, room)))).toBe(true);
    good(await context.store.batch(good(await rooms.groups.forget(id))));
  });
  await expectAtRest(
    async () => {
      for (const device of [ada, ben])
        expect(await textsOf(device, id)).toEqual(["asked for", "nobody could open it"]);
      expect(good(await tablesOf(ada).missed.scan())).toEqual([]);
    },
    ada,
    ben,
  );
  await stopAll(ada, ben);
});

test("[RM18][RM20] power cut at any write: nothing lost, nothing twice, one room", {
  timeout: 120_000,
}, async () => {
  const crashing = createCrashDevice();
  const start = await createRoomOfTwo("cut", { ben: crashing.boot() });
  const { ada, id } = start;
  let ben: Device = start.ben;
  good(await ada.client.setRoomRole(id, await accountIdOf(ben), "admin"));
  await settle(ada, ben);
  const confirmed: string[] = [];
  const live = async (name: string): Promise<void> => {
    good(await ben.client.renameRoom(id, name));
    good(await ben.client.send(id, name));
    confirmed.push(name);
    good(await ben.client.sync());
  };
  const before = crashing.writeCount();
  await live("whole");
  const writes = crashing.writeCount() - before;
  expect(writes).toBeGreaterThan(8);
  for (const [index, moment] of (["before", "after", "late"] as const).entries()) {
    for (let n = 1 + index; n <= writes; n += 5) {
      good(await ada.client.send(id, `ada ${moment} ${n}`));
      confirmed.push(`ada ${moment} ${n}`);
      good(await ada.client.sync());
      crashing.cutAt(n, moment);
      await Promise.race([live(`${moment} ${n}`), crashing.whenDead]);
      crashing.cutNow();
      ben = await reopened(crashing.boot());
    }
  }
  const alarms = [ada, ben].map(alarmsOf);
  const told: number[] = [];
  ben.client.onEvent((event) => {
    if (event.type === "connection") told.push(event.status.pendingCount);
  });
  await settle(ada, ben);
  const texts = await textsOf(ada, id);
  expect(new Set(texts).size).toBe(texts.length);
  expect(texts).toEqual(expect.arrayContaining(confirmed));
  expect(await textsOf(ben, id)).toEqual(texts);
  expect(await viewOf(ben, id)).toEqual(await viewOf(ada, id));
  expect(alarms).toEqual([[], []]);
  const isAllSent = async () => {
    expect(good(await ben.client.sync()).waitingMessages).toBe(0);
    expect(ben.client.status().pendingCount).toBe(0);
    expect(told.at(-1) ?? 0).toBe(0);
    for (const table of ["commit", "letter", "roomout", "rejoin"] as const)
      expect(good(await tablesOf(ben)[table].scan()), table).toHaveLength(0);
  };
  await expectAtRest(isAllSent, ada, ben);
  await stopAll(ada, ben);
});
