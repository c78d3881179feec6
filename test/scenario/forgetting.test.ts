/** Deletion that deletes: taken back for everyone, deleted for oneself, conversations emptied; and nothing comes back. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Client, ConversationId, OpId, Platform } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { DELETED_MESSAGES_MAX, DELETED_OPS_PER_EDIT_MAX } from "../../core/base/limits.ts";
import { err } from "../../core/base/result.ts";
import { sealedStore } from "../../core/client/engine.ts";
import { parseSnapshotHeader, type StoredSnapshot } from "../../core/protocol/snapshot.ts";
import { accountLogId, accountRoot } from "../../core/sigchain/epoch/epoch-secret.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { createSystemClock } from "../../core/base/clock.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must } from "../support/chain-world.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { createCrashDevice, type CutMoment } from "../support/crash-platform.ts";
import { createLyingServer } from "../support/lying-server.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import {
  alarmsOf,
  createFriends,
  type Device,
  expectAtRest,
  expectSameState,
  reopened,
  settle,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { createRefusingDevice } from "../support/refusing-disk.ts";
import { scanDevice } from "../support/scan-device.ts";

beforeAll(engineReady);

const TAIL = 4;
const platform = () => memoryPlatform({ snapshotTailEntries: TAIL });
const SECRET = "The combination is 7-31-12";
const opened: (() => Promise<unknown>)[] = [];
let server: LocalServer;
let store: ServerStore;
beforeAll(async () => {
  store = must(openSqliteStore(":memory:", silentLogger));
  server = await startLocalServer({ snapshotGraceMs: 1e12 }, store);
});
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function keep<T extends { readonly client: Client }>(device: T): T {
  opened.push(() => device.client.stop());
  return device;
}

let people = 0;
async function friends(platformOfAda = platform()) {
  const n = people++;
  const made = await createFriends(server.origin, [`ada${n}`, `ben${n}`], {
    ada: platformOfAda,
    ben: platform(),
  });
  keep(made.ada);
  keep(made.ben);
  return made;
}

async function sent(device: Device, conversationId: ConversationId, text: string): Promise<OpId> {
  return good(await device.client.send(conversationId, text)).id;
}

describe("a redaction", () => {
  test("[DE1][DE2] takes a message back on every device of both sides, and leaves that there was one", async () => {
    const { ada, ben, conversationId } = await friends();
    const phone = keep(await linkedDevice(ada.client, "phone", platform()));
    const tablet = keep(await linkedDevice(ben.client, "tablet", platform()));
    await sent(ada, conversationId, "Before");
    const id = await sent(ada, conversationId, SECRET);
    await sent(ada, conversationId, "After");
    await settle(ada, ben, phone, tablet);
    for (const device of [ada, ben, phone, tablet])
      expect(await scanDevice(device, SECRET)).toEqual(expect.arrayContaining(["chunk"]));
    good(await ada.client.redact({ conversationId, id }));
    await settle(ada, ben, phone, tablet);
    for (const device of [ada, ben, phone, tablet]) {
      expect(await textsOf(device, conversationId)).toEqual(["Before", "", "After"]);
      expect(await scanDevice(device, SECRET)).toEqual([]);
    }
    await expectSameState(ada, phone);
    await expectSameState(ben, tablet);
  });

  test("[DE2] leaves nothing of a message on a device that is stopped while its disk refuses what follows", async () => {
    const disk = createRefusingDevice();
    const { ada, ben, conversationId } = await friends(disk.boot());
    let device: Device = ada;
    for (let write = 1; write <= 10; write++) {
      const id = await sent(ben, conversationId, `${SECRET}, ${write}`);
      await settle(ben, device);
      disk.refuseAt(write, true);
      good(await ben.client.redact({ conversationId, id }));
      await settle(ben);
      await device.client.sync();
      await device.client.stop();
      disk.allow();
      device = keep(await reopened(disk.boot()));
      await settle(device);
      expect(await scanDevice(device, SECRET), `all from write ${write} on`).toEqual([]);
      expect(good(await tablesOf(device).takenback.scan())).toEqual([]);
    }
  });
});

/** Ada with a phone, and Ben; nothing is on its way. */
async function withPhone() {
  const made = await friends();
  const phone = keep(await linkedDevice(made.ada.client, "phone", platform()));
  await settle(made.ada, phone, made.ben);
  return { ...made, phone };
}

describe("deleting for oneself", () => {
  test("[DE4][DE5] removes a message from all own devices and nobody else's, and it does not come again", async () => {
    const { ada, ben, phone, conversationId } = await withPhone();
    const own = await sent(ada, conversationId, `${SECRET}, from Ada`);
    const theirs = await sent(ben, conversationId, `${SECRET}, from Ben`);
    await sent(ben, conversationId, "Something else");
    await settle(ada, ben, phone);
    const report = good(await phone.client.deleteMessages(conversationId, [own, theirs]));
    expect(report).toEqual({ deletedMessages: 2 });
    await settle(ada, ben, phone);
    for (const device of [ada, phone]) {
      expect(await textsOf(device, conversationId)).toEqual(["Something else"]);
      expect(await scanDevice(device, SECRET)).toEqual([]);
    }
    expect(await textsOf(ben, conversationId)).toHaveLength(3);
    await expectSameState(ada, phone);
    const tablet = keep(await linkedDevice(ada.client, "tablet", platform()));
    await sent(ben, conversationId, "And on");
    await settle(ada, ben, phone, tablet);
    expect(await textsOf(tablet, conversationId)).toEqual(["Something else", "And on"]);
    expect(await scanDevice(tablet, SECRET)).toEqual([]);
    expect((await ben.client.messages(conversationId)).ok).toBe(true);
    for (const { state, isOwn } of good(await ben.client.messages(conversationId)).messages)
      expect(isOwn ? state : "delivered").toBe("delivered");
  });

  test("[DE6] a message that was not sent yet is sent all the same; one that is taken back is not", async () => {
    const { ada, ben, conversationId } = await friends();
    const deleted = await sent(ada, conversationId, "For Ben only");
    const redacted = await sent(ada, conversationId, SECRET);
    good(await ada.client.deleteMessages(conversationId, [deleted]));
    good(await ada.client.redact({ conversationId, id: redacted }));
    expect(await scanDevice(ada, SECRET)).toEqual([]);
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["For Ben only", ""]);
    expect(await textsOf(ada, conversationId)).toEqual([""]);
    expect(await scanDevice(ada, "For Ben only")).toEqual([]);
    expect(await scanDevice(ben, SECRET)).toEqual([]);
  });

  test("[DE4][DE8] a conversation goes on all devices; what an absent one wrote is not lost and brings nothing back", async () => {
    const { ada, ben, phone, conversationId } = await withPhone();
    for (let n = 0; n < 3; n++) await sent(ada, conversationId, `${SECRET} ${n}`);
    await sent(ben, conversationId, `${SECRET} again`);
    await settle(ada, ben, phone);
    good(await phone.client.stop());
    const away = await reopened({ ...phone.platform, connector: unreachable });
    await sent(away, conversationId, "Written on the train");
    await sent(away, conversationId, "And another");
    good(await away.client.stop());
    expect(good(await ada.client.deleteConversation(conversationId))).toEqual({ deletedMessages: 4 });
    await settle(ada, ben);
    await sent(ben, conversationId, "A new beginning");
    await settle(ada, ben);
    expect(await textsOf(ada, conversationId)).toEqual(["A new beginning"]);
    expect(await scanDevice(ada, SECRET)).toEqual([]);
    const back = keep(await reopened(phone.platform));
    await settle(back, ada, ben);
    await settle(ada, back);
    for (const device of [ada, back]) {
      expect(await textsOf(device, conversationId)).toEqual([
        "Written on the train",
        "And another",
        "A new beginning",
      ]);
      expect(await scanDevice(device, SECRET)).toEqual([]);
    }
    await expectSameState(ada, back);
    expect(await textsOf(ben, conversationId)).toContain("Written on the train");
  });

  test("[DE7] devices that delete apart, in one bucket, delete both and lose nothing", async () => {
    const { ada, ben, phone, conversationId } = await withPhone();
    const ids: OpId[] = [];
    for (let n = 0; n < 6; n++) ids.push(await sent(ada, conversationId, `${SECRET} ${n}`));
    await settle(ada, ben, phone);
    good(await ada.client.deleteMessages(conversationId, ids.slice(0, 2)));
    good(await phone.client.deleteMessages(conversationId, ids.slice(2, 4)));
    await sent(ada, conversationId, "Meanwhile");
    await settle(phone, ada, ben);
    await settle(ada, phone);
    for (const device of [ada, phone]) {
      expect(await textsOf(device, conversationId)).toEqual([`${SECRET} 4`, `${SECRET} 5`, "Meanwhile"]);
      for (let n = 0; n < 4; n++) expect(await scanDevice(device, `${SECRET} ${n}`)).toEqual([]);
    }
    await expectSameState(ada, phone);
    const tablet = keep(await linkedDevice(ada.client, "tablet", platform()));
    await settle(tablet);
    expect(await textsOf(tablet, conversationId)).toHaveLength(3);
  });

  test("asks for what is there, and for no more at once than there may be", async () => {
    const { ada, ben, conversationId } = await friends();
    const id = await sent(ada, conversationId, "Mine");
    await settle(ada, ben);
    expect(bad(await ben.client.redact({ conversationId, id }))).toEqual({ type: "NotYourMessage" });
    const unknown = id.replace(/./g, "0") as OpId;
    expect(bad(await ada.client.redact({ conversationId, id: unknown }))).toEqual({ type: "UnknownMessage" });
    expect(bad(await ada.client.deleteMessages(conversationId, [unknown]))).toEqual({
      type: "UnknownMessage",
    });
    const many = Array.from({ length: DELETED_MESSAGES_MAX + 1 }, () => id);
    expect(bad(await ada.client.deleteMessages(conversationId, many))).toMatchObject({
      type: "TooManyMessages",
    });
    expect(good(await ada.client.deleteMessages(conversationId, many.slice(1)))).toEqual({
      deletedMessages: 1,
    });
  });
});

const unreachable: Platform["connector"] = {
  connect: async (origin) => err({ type: "ServerUnreachable", origin, detail: "on the train" }),
  request: async (origin) => err({ type: "ServerUnreachable", origin, detail: "on the train" }),
};

describe("a deletion", () => {
  test("[DE10] leaves the server with its entries and blobs, without a sibling too", async () => {
    const { ada, ben, conversationId } = await friends();
    const id = await sent(ada, conversationId, SECRET);
    for (let n = 0; n < TAIL; n++) await sent(ada, conversationId, `More ${n}`);
    await settle(ada, ben);
    const { accountLogId: logId } = await accountOf(ada);
    const before = good(await tablesOf(ada).packed.scan()).filter(({ value }) =>
      value.documents.some(({ name }) => name.type === "bucket"),
    );
    const blobs = before.flatMap(({ value }) => value.blobs);
    expect(blobs.length).toBeGreaterThan(0);
    let head = 0;
    // What is deleted is looked for as far as the device has read, and the message is not behind that.
    const hasReadAll = async () => {
      head = must(await store.findLog(logId))?.head.seq ?? 0;
      expect(good(await tablesOf(ada).reader.get(logId))?.point.seq).toBe(head);
    };
    await expectAtRest(hasReadAll, ada, ben);
    good(await ada.client.redact({ conversationId, id }));
    for (let round = 0; round < 3; round++) await settle(ada, ben);
    expect(good(await tablesOf(ada).unpacked.get())).toBeNull();
    // All up to where the message was is gone, once the device's acknowledgement is written: acks wait for each other.
    const hasTrimmed = async () => {
      const rules = { nowMs: createSystemClock().nowMs() + 1, graceMs: 0, silentMs: 1e12 };
      for (let isDone = false; !isDone; ) ({ isDone } = must(await store.reclaim(rules)));
      expect(must(await store.findLog(logId))?.trimmedUpto).toBeGreaterThanOrEqual(head);
    };
    await expectAtRest(hasTrimmed, ada);
    expect(bad(await store.read({ logId, after: head - 1, entriesMax: 1, bytesMax: 1e6 }))).toMatchObject({
      code: "log-trimmed",
    });
    expect(must(await store.readIds({ logId, after: 0, idsMax: 9_999, bytesMax: 1e9 })).kept).toEqual([]);
    const account = good(await ada.client.account());
    const left = must(await store.readBlobs(account.accountId, blobs, 1e9));
    expect(left.filter((blob) => blob !== null)).toEqual([]);
    const tablet = keep(await linkedDevice(ada.client, "tablet", platform()));
    await settle(tablet);
    expect(await textsOf(tablet, conversationId)).toEqual(await textsOf(ada, conversationId));
    expect(await scanDevice(tablet, SECRET)).toEqual([]);
  });

  test("[DE10] is not forgotten where it comes while it is looked whether an earlier one has left", async () => {
    const lying = createLyingServer();
    const { ada, ben, conversationId } = await friends({ ...platform(), connector: lying.connector });
    const id = await sent(ada, conversationId, SECRET);
    for (let n = 0; n < TAIL; n++) await sent(ada, conversationId, `More ${n}`);
    await settle(ada, ben);
    const { unpacked } = tablesOf(ada);
    const endsOf = (snapshots: readonly StoredSnapshot[]) =>
      snapshots.map(({ snapshot }) => good(parseSnapshotHeader(present(snapshot, "whole").header)).upto.seq);
    let later: number | null = null;
    // The snapshots that are offered are without it: meanwhile something behind their ends is deleted.
    const deleteMore = async (snapshots: readonly StoredSnapshot[]): Promise<void> => {
      const row = good(await unpacked.get());
      const ends = row === null || later !== null ? [] : endsOf(snapshots);
      if (row === null || ends.length < 2 || ends.some((end) => end < row.seq)) return;
      later = Math.max(...ends) + 1;
      good(await sealedStore(ada.platform).batch([unpacked.put([], { seq: later })]));
    };
    lying.lie = (frame) => {
      if (frame.type === "snapshots") void deleteMore(frame.snapshots);
      return [frame];
    };
    good(await ada.client.redact({ conversationId, id }));
    for (let round = 0; round < 3; round++) await settle(ada, ben);
    const { accountLogId: logId } = await accountOf(ada);
    const ends = endsOf(must(await store.readSnapshots(logId)));
    expect(later).not.toBeNull();
    expect(good(await unpacked.get())?.seq ?? Math.min(...ends)).toBeGreaterThanOrEqual(later ?? 0);
  });

  test("[DE11] [BK9] goes on with a snapshot that lacks a bucket which was erased meanwhile", async () => {
    const { ada, ben, conversationId } = await friends();
    const ids: OpId[] = [];
    for (let n = 0; n < 2 * TAIL; n++) {
      ids.push(await sent(ada, conversationId, `${SECRET} ${n}`));
      await settle(ada);
    }
    await settle(ada, ben);
    const lying = createLyingServer();
    const phone = keep(
      await linkedDevice(ada.client, "phone", { ...platform(), connector: lying.connector }),
    );
    const alarms = alarmsOf(phone);
    let answers = 0;
    // The index and the state documents arrive, the buckets do not.
    lying.lie = (frame) => {
      if (frame.type !== "blobs" || ++answers <= 2) return [frame];
      lying.cut();
      return [];
    };
    expect(bad(await phone.client.sync())).toMatchObject({ type: "ServerUnreachable" });
    expect(bad(await phone.client.deleteConversation(conversationId))).toEqual({ type: "HistoryIncomplete" });
    const key = { type: "passphrase", passphrase: new Uint8Array(8) } as const;
    expect(bad(await phone.client.createBackup(key))).toEqual({ type: "HistoryIncomplete" });
    await phone.client.stop();
    good(await ada.client.deleteMessages(conversationId, ids.slice(1)));
    for (let round = 0; round < 3; round++) await settle(ada, ben);
    for (let round = 0; round < 3; round++)
      must(await store.reclaim({ nowMs: createSystemClock().nowMs() + 1, graceMs: 0, silentMs: -1 }));
    const back = keep(await reopened(platformOf(phone)));
    await settle(back, ada);
    expect(await textsOf(back, conversationId)).toEqual([`${SECRET} 0`]);
    await expectSameState(ada, back);
    expect(alarms).toEqual([]);
  });

  test("of more messages than one change may name goes in several", async () => {
    const { ada, conversationId } = await friends();
    const ids: OpId[] = [];
    for (let n = 0; n <= DELETED_OPS_PER_EDIT_MAX; n++) ids.push(await sent(ada, conversationId, `${n}`));
    const changes = async () =>
      good(await tablesOf(ada).out.scan()).filter(({ value }) => value.document.type === "deletions").length;
    const before = await changes();
    good(await ada.client.deleteMessages(conversationId, ids));
    expect((await changes()) - before).toBe(2);
    expect(await textsOf(ada, conversationId)).toEqual([]);
  });
});

describe("[DE9] a deletion whose power goes", () => {
  test.each<CutMoment>(["before", "after"])("%s any write of it is done in the end", async (moment) => {
    const crashing = createCrashDevice();
    const boot = () => ({ ...crashing.boot(), snapshotTailEntries: 1_000 });
    const n0 = people++;
    const start = await createFriends(server.origin, [`ada${n0}`, `ben${n0}`], { ada: boot() });
    keep(start.ben);
    const { ben, conversationId } = start;
    let ada: Device = start.ada;
    for (let n = 1; n <= 10; n++) {
      const id = await sent(ada, conversationId, `${SECRET} ${n}`);
      await sent(ada, conversationId, `Kept ${n}`);
      good(await ada.client.sync());
      crashing.cutAt(n, moment);
      const deleting = ada.client.deleteMessages(conversationId, [id]);
      await Promise.race([deleting, crashing.whenDead]);
      crashing.cutNow();
      ada = await reopened(boot());
      // What had not been begun is asked for again.
      const left = good(await ada.client.messages(conversationId, { limit: 100 })).messages;
      if (left.some((message) => message.id === id))
        good(await ada.client.deleteMessages(conversationId, [id]));
    }
    expect(await textsOf(ada, conversationId)).toEqual(Array.from({ length: 10 }, (_, n) => `Kept ${n + 1}`));
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toHaveLength(20);
    await settle(ben, ada);
    expect(await scanDevice(ada, SECRET)).toEqual([]);
    await ada.client.stop();
  });
});

/** The ports of a device without what stands between it and the server. */
const platformOf = ({ platform: ports }: Device) => ({ ...ports, connector: platform().connector });

async function accountOf(device: Device) {
  const tables = tablesOf(device);
  const first = good(await tables.epoch.scan())[0];
  if (first === undefined) throw new Error("a device has an epoch's secret");
  return { accountLogId: accountLogId(accountRoot(first.value.secret)) };
}
