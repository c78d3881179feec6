/** What a device found: kept, over, begun again, and never more of it than there is room for. */
import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { ALARMS_MAX, NOTICES_PER_CONTACT_MAX } from "../../../../core/base/limits.ts";
import { decode, encode } from "../../../../core/codec/shape.ts";
import { createAlarmBook } from "../../../../core/client/alarms/alarm-book.ts";
import { alarmShape } from "../../../../core/client/alarms/alarm-shape.ts";
import { createChainNotices } from "../../../../core/client/alarms/chain-notices.ts";
import { createDisputes } from "../../../../core/client/alarms/disputes.ts";
import type { Alarm } from "../../../../core/client/client-error.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { activeDevices, type ChainDevice } from "../../../../core/sigchain/chain-state.ts";
import { addDevice, createWorld, stateOf } from "../../../support/chain-world.ts";
import { accountOf, deviceOf, filled } from "../../../support/messages.ts";
import { good } from "../../../support/client-world.ts";

beforeAll(cryptoReady);

const ACCOUNT = accountOf(1);
const DEVICE = deviceOf(2);
const OTHER_DEVICE = deviceOf(3);
const LOG = idFromBytes("log", filled(4, 32));

const refused = (seq: number): Alarm => ({ type: "EntryRefused", logId: LOG, seq, rule: "BadSignature" });

async function bookOn(store = createMemoryTxStore()) {
  const book = createAlarmBook({
    store,
    tables: createTables(store),
    onFault: (error) => expect.unreachable(error.type),
  });
  good(await book.start());
  return { book, store };
}

describe("[AL1] alarms", () => {
  test("of every kind are stored as they are", () => {
    const all: readonly Alarm[] = [
      { type: "LogDistrusted", logId: LOG, fault: { type: "LogGap", expectedSeq: 1, seq: 3 } },
      { type: "LogDistrusted", logId: LOG, fault: { type: "LogRolledBack", seenSeq: 3, headSeq: 1 } },
      { type: "LogDistrusted", logId: LOG, fault: { type: "LogWithheld", seenSeq: 3, headSeq: 1 } },
      { type: "LogDistrusted", logId: LOG, fault: { type: "LogForked", seq: 3 } },
      {
        type: "LogDistrusted",
        logId: LOG,
        fault: { type: "LogIncarnationChanged", seen: 0, incarnation: 1 },
      },
      { type: "ChainDistrusted", accountId: ACCOUNT, rule: "ChainTruncated" },
      { type: "ChainsDisagree", accountId: ACCOUNT },
      refused(7),
      { type: "SnapshotDistrusted", rule: "BadSignature" },
      { type: "FrontierDistrusted", device: DEVICE, rule: "BadSignature" },
      { type: "DevicesDiffer", device: DEVICE },
      { type: "DocumentDamaged", documentKind: "bucket" },
      { type: "RowsMended", rows: 3 },
      { type: "ClockDiffers", hours: 87_648, isAhead: true },
      { type: "DeviceClockWrong", device: DEVICE },
      { type: "DeviceDoubled" },
      { type: "DeviceRevoked" },
      { type: "DeviceRolledBack", logId: LOG },
    ];
    for (const alarm of all) expect(good(decode(alarmShape, encode(alarmShape, alarm)))).toEqual(alarm);
  });

  test("are there after a restart; one that is found again is one, with its last time", async () => {
    const { book, store } = await bookOn();
    book.note(refused(1), 100);
    book.note(refused(2), 110);
    book.note(refused(1), 120);
    await book.idle();
    const { book: again } = await bookOn(store);
    expect(again.all()).toEqual(book.all());
    expect(again.all()).toMatchObject([
      { number: 2, alarm: refused(2), raisedAtMs: 110, seenAtMs: 110 },
      { number: 1, alarm: refused(1), raisedAtMs: 100, seenAtMs: 120, acknowledgedAtMs: null },
    ]);
  });

  test("that are over and begin again are raised anew", async () => {
    const { book } = await bookOn();
    book.note(refused(1), 1);
    expect(book.resolve((alarm) => alarm.type === "EntryRefused", 2)).toEqual([refused(1)]);
    expect(book.resolve(() => true, 3)).toEqual([]);
    book.note(refused(1), 4);
    expect(book.all()).toMatchObject([
      { raisedAtMs: 4, resolvedAtMs: null },
      { raisedAtMs: 1, resolvedAtMs: 2 },
    ]);
    good(await book.acknowledge(2, 5));
    good(await book.acknowledge(2, 9));
    expect(book.all()[0]?.acknowledgedAtMs).toBe(5);
  });

  test("are kept up to their limit; then what is read or over makes room, and nothing else does", async () => {
    const { book } = await bookOn();
    for (let seq = 1; seq < ALARMS_MAX; seq++) book.note(refused(seq), seq);
    expect(book.all()).toHaveLength(ALARMS_MAX - 1);
    book.note(refused(ALARMS_MAX), 1);
    expect(book.all()).toHaveLength(ALARMS_MAX);
    book.note(refused(ALARMS_MAX + 1), 1);
    expect(book.all()).toHaveLength(ALARMS_MAX);
    expect(book.all()[0]?.alarm).toEqual(refused(ALARMS_MAX));
    good(await book.acknowledge(5, 1));
    book.note(refused(ALARMS_MAX + 1), 2);
    expect(book.all()).toHaveLength(ALARMS_MAX);
    expect(book.all().map(({ number }) => number)).not.toContain(5);
  });
});

describe("a dispute over chains", () => {
  const quote = (changes: object = {}) => ({
    contact: ACCOUNT,
    device: DEVICE,
    ownSeq: 5,
    isOwnSame: true,
    theirSeq: 3,
    isTheirsSame: true,
    ...changes,
  });
  async function disputesOn(store = createMemoryTxStore()) {
    const told: string[] = [];
    const disputes = createDisputes({
      tables: createTables(store),
      onDisputed: () => void told.push("disputed"),
      onSettled: () => void told.push("settled"),
    });
    good(await disputes.start());
    const take = async (...quotes: Parameters<typeof disputes.quote>[0]) => {
      const step = disputes.quote(quotes);
      good(await store.batch(step.writes));
      step.commit();
      return disputes.of(ACCOUNT).length;
    };
    return { disputes, store, told, take };
  }

  test("[AL2] is open from the first quote that differs, on either chain, and after a restart", async () => {
    const { take, store, told } = await disputesOn();
    expect(await take(quote())).toBe(0);
    expect(await take(quote({ isOwnSame: false }))).toBe(1);
    expect(await take(quote({ device: OTHER_DEVICE, isTheirsSame: false }))).toBe(2);
    expect(told).toEqual(["disputed", "disputed"]);
    expect((await disputesOn(store)).disputes.of(ACCOUNT)).toHaveLength(2);
  });

  test("[AL3] ends when the same device agrees on a later link, not with an older letter or another device", async () => {
    const { take, told } = await disputesOn();
    await take(quote({ isOwnSame: false }));
    expect(await take(quote({ ownSeq: 4 }))).toBe(1);
    expect(await take(quote({ theirSeq: 2 }))).toBe(1);
    expect(await take(quote({ device: OTHER_DEVICE, ownSeq: 9, theirSeq: 9 }))).toBe(1);
    expect(told).toEqual(["disputed"]);
    expect(await take(quote())).toBe(0);
    expect(told).toEqual(["disputed", "settled"]);
  });

  test("[AL3] and what one page says is taken in order", async () => {
    const { take } = await disputesOn();
    expect(await take(quote({ isOwnSame: false }), quote({ ownSeq: 6 }))).toBe(0);
    expect(await take(quote({ ownSeq: 6 }), quote({ ownSeq: 7, isTheirsSame: false }))).toBe(1);
  });

  test("[AL4] ends when the device is not on its account's chain any more", async () => {
    const world = createWorld("dispute");
    const chain = stateOf(world);
    const [device] = activeDevices(chain);
    if (device === undefined) throw new Error("there is a device");
    const { disputes, take } = await disputesOn();
    await take(quote({ device: device.id, isOwnSame: false }));
    expect(disputes.settle(ACCOUNT, chain).writes).toEqual([]);
    const gone: ChainDevice = { ...device, revokedSeq: 2 };
    const step = disputes.settle(ACCOUNT, { ...chain, devicesById: new Map([[device.id, gone]]) });
    expect(step.writes).toHaveLength(1);
    step.commit();
    expect(disputes.of(ACCOUNT)).toEqual([]);
  });
});

describe("[AL5] notices of a contact's devices", () => {
  test("tell of each device once, none for those known from the start, up to their limit", async () => {
    const world = createWorld("notices");
    const before = stateOf(world);
    const store = createMemoryTxStore();
    const notices = createChainNotices(store, createTables(store));
    const contact = { accountId: before.accountId, verifiedAtMs: null };
    expect(good(await notices.take(contact, { before: null, after: before }, 1))).toEqual([]);
    const phone = addDevice(world);
    const after = stateOf(world);
    const told = good(await notices.take(contact, { before, after }, 2));
    expect(told).toMatchObject([{ device: phone.id, isRecovery: false, wasVerified: false, atMs: 2 }]);
    expect(good(await notices.take(contact, { before, after }, 3))).toEqual([]);
    // Many devices that came and went: of each link one notice, the newest are kept.
    const [one] = [...after.devicesById.values()];
    if (one === undefined) throw new Error("there is a device");
    for (const [count, kept] of [
      [NOTICES_PER_CONTACT_MAX - 2, NOTICES_PER_CONTACT_MAX - 1],
      [1, NOTICES_PER_CONTACT_MAX],
      [1, NOTICES_PER_CONTACT_MAX],
    ] as const) {
      const from = good(await createTables(store).noticed.get(contact.accountId))?.seq ?? 0;
      const many = Array.from({ length: count }, (_, index): [ChainDevice["id"], ChainDevice] => {
        const id = deviceOf(index % 256);
        return [id, { ...one, id, addedSeq: from + index + 1, revokedSeq: null }];
      });
      const later = { ...after, seq: from + count, devicesById: new Map(many) };
      good(await notices.take(contact, { before: after, after: later }, 4));
      expect(good(await notices.of(contact.accountId))).toHaveLength(kept);
    }
  });
});
