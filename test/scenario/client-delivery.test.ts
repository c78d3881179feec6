/** Stories of what is told, acknowledged, kept and fetched around a message, and of a disk that is full for a while. */
import { describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { AccountId, DeviceId, LogId } from "../../core/base/ids.ts";
import { encode } from "../../core/codec/shape.ts";
import { inboundKeys } from "../../core/messenger/inbound-keys.ts";
import { markPayloadShape, OP_KIND } from "../../core/messenger/op.ts";
import type { TxStore } from "../../core/store/tx-store.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { createLyingServer } from "../support/lying-server.ts";
import { deviceOf } from "../support/messages.ts";
import {
  accountIdOf,
  alarmsOf,
  createFriends,
  type Device,
  engineOf,
  expectSameState,
  reopened,
  settle,
  stopAll,
  storedOps,
  tablesOf,
  textsOf,
  unfinishedRows,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

/** How many marks of an account a device holds. */
async function markCount(device: Device, author: AccountId): Promise<number> {
  const ops = await storedOps(tablesOf(device));
  return ops.filter(({ op }) => op.kind === OP_KIND.mark && op.author === author).length;
}

/** The inbound log a device's account keeps for a contact. */
async function inboundLogOf(device: Device, contact: AccountId): Promise<LogId> {
  return inboundKeys(present(good(await tablesOf(device).epoch.get(1)), "the first epoch").secret, contact)
    .logId;
}

describe("a mark", () => {
  test("[DM14] tells once for many messages, by one device for its account, and what it covers is done with", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.mark", "ben.mark"]);
    const phone = await linkedDevice(ben.client, "phone");
    await settle(ada, ben, phone);
    const benId = await accountIdOf(ben);
    const before = await markCount(ada, benId);
    for (let i = 0; i < 5; i++) good(await ada.client.send(conversationId, `message ${i}`));
    await settle(ada);
    await settle(ben);
    await settle(phone, ben, ada);
    expect((await markCount(ada, benId)) - before).toBe(1);
    expect(good(await ada.client.messages(conversationId)).messages.map((message) => message.state)).toEqual(
      new Array(5).fill("delivered"),
    );
    for (const device of [ada, ben, phone]) expect(await unfinishedRows(device)).toEqual({});
    await stopAll(ada, ben, phone);
  });

  test("[MS4] only raises what is delivered, and names nobody who is not there", async () => {
    const {
      ada: first,
      ben,
      conversationId,
    } = await createFriends(server.origin, ["ada.raise", "ben.raise"]);
    await stopAll(first);
    const ada = await engineOf(first.platform);
    const contact = present(good(await ada.engine.contacts.all())[0], "Ben");
    const benDevice = good(await ben.client.account()).deviceId;
    const mark = async (next: number): Promise<void> => {
      const payload = encode(markPayloadShape, {
        delivered: [
          { device: benDevice, next },
          { device: deviceOf(9), next: 7 },
        ],
        readUpTo: null,
        wantsMissing: false,
      });
      good(
        await ada.engine.context.serial.run(() =>
          ada.engine.conversations.write(contact, OP_KIND.mark, payload),
        ),
      );
      await settle(ada, ben);
    };
    const told = async (device: DeviceId) =>
      good(await tablesOf(ben).mark.get(conversationId, await accountIdOf(ada), device))?.next;
    await mark(3);
    expect([await told(benDevice), await told(deviceOf(9))]).toEqual([3, undefined]);
    await mark(2);
    expect(await told(benDevice)).toBe(3);
    await stopAll(ada, ben);
  });

  test("[DM15] in a room says nothing: who came later is sent nothing of before by it", async () => {
    const friends = await createFriends(server.origin, ["ada.asked", "ben.asks"]);
    const { ada } = friends;
    const { id } = good(await ada.client.createRoom("Garden"));
    good(await ada.client.send(id, "before Ben"));
    await settle(ada);
    good(await ada.client.inviteToRoom(id, await accountIdOf(friends.ben)));
    await settle(ada, friends.ben);
    good(await friends.ben.client.acceptRoom(id));
    await settle(ada, friends.ben);
    await stopAll(friends.ben);
    const ben = await engineOf(friends.ben.platform);
    const payload = encode(markPayloadShape, {
      delivered: [{ device: good(await ada.client.account()).deviceId, next: 0 }],
      readUpTo: null,
      wantsMissing: true,
    });
    const room = { accountId: null, conversationId: id };
    good(
      await ben.engine.context.serial.run(() => ben.engine.conversations.write(room, OP_KIND.mark, payload)),
    );
    await settle(ben, ada);
    expect((await storedOps(tablesOf(ada), id)).map(({ op }) => op.kind)).toContain(OP_KIND.mark);
    const direct = good(await tablesOf(ada).outbox.scan());
    expect(direct.filter(({ value }) => value.conversationId === id)).toEqual([]);
    await stopAll(ada, ben);
  });
});

describe("an acknowledgement", () => {
  test("[DM16] comes when the message is in the account log, and not when it is only here", async () => {
    const lying = createLyingServer();
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.ack", "ben.ack"], {
      ben: memoryPlatform({ connector: lying.connector }),
    });
    const inboundLog = await inboundLogOf(ben, await accountIdOf(ada));
    await stopAll(ben);
    const channels = new Map<number, LogId>();
    const acks: number[] = [];
    let isClosed = true;
    lying.deaf = (frame) => {
      if (frame.type === "openLog") channels.set(frame.channel, frame.logId);
      if (frame.type === "ack" && channels.get(frame.channel) === inboundLog) acks.push(frame.upto);
      const isOwn = frame.type === "append" && isClosed && channels.get(frame.channel) !== undefined;
      return isOwn ? [{ type: "failed", requestId: frame.requestId, code: "overloaded" }] : null;
    };
    good(await ada.client.send(conversationId, "here first"));
    await settle(ada);
    const back = await reopened(ben.platform);
    expect((await back.client.sync()).ok).toBe(false);
    expect(await textsOf(back, conversationId)).toEqual(["here first"]);
    const before = acks.at(-1) ?? 0;
    isClosed = false;
    await settle(back);
    expect(acks.at(-1)).toBeGreaterThan(before);
    await stopAll(ada, back);
  });
});

describe("a disk that is full for a while", () => {
  test("[LR5] makes no gap: what came meanwhile is read again, and the server is not blamed", async () => {
    const base = memoryPlatform();
    let isFull = false;
    const store: TxStore = {
      ...base.store,
      batch: async (...args) =>
        isFull
          ? { ok: false, error: { type: "StoreUnavailable", detail: "full" } }
          : base.store.batch(...args),
    };
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.disk", "ben.disk"], {
      ben: { ...base, store },
    });
    const phone = await linkedDevice(ben.client, "phone");
    await settle(ada, ben, phone);
    const alarms = alarmsOf(ben);
    isFull = true;
    for (let i = 0; i < 8; i++) {
      good(await ada.client.send(conversationId, `message ${i}`));
      if (i % 2 === 0) await settle(ada);
    }
    await settle(ada, phone);
    expect((await ben.client.sync()).ok).toBe(false);
    expect((await ben.client.send(conversationId, "cannot be kept")).ok).toBe(false);
    isFull = false;
    await settle(ben, ada, phone);
    const expected = Array.from({ length: 8 }, (_, i) => `message ${i}`);
    for (const device of [ada, ben, phone]) expect(await textsOf(device, conversationId)).toEqual(expected);
    await expectSameState(ben, phone);
    expect(alarms).toEqual([]);
    await stopAll(ada, ben, phone);
  });
});

describe("a clock that was wrong", () => {
  test.each([
    ["ahead", 10 * 365 * 86_400_000],
    ["behind", -10 * 365 * 86_400_000],
  ])(
    "[MS2] by ten years, %s, keeps nobody from writing and being read once it is right",
    async (what, byMs) => {
      const clock = createAdjustableClock();
      const { ada, ben, conversationId } = await createFriends(
        server.origin,
        [`ada.${what}`, `ben.${what}`],
        { ada: memoryPlatform({ clock }) },
      );
      good(await ben.client.send(conversationId, "before"));
      await settle(ada, ben);
      clock.adjust(byMs);
      good(await ada.client.send(conversationId, "meanwhile"));
      await settle(ada, ben);
      clock.adjust(-byMs);
      good(await ada.client.send(conversationId, "after"));
      await settle(ada, ben);
      good(await ben.client.send(conversationId, "answer"));
      await settle(ada, ben);
      const shown = ["before", "meanwhile", "after", "answer"];
      for (const device of [ada, ben]) expect(await textsOf(device, conversationId)).toEqual(shown);
      await stopAll(ada, ben);
    },
  );
});
