/** What a device found: kept, over, begun again, and never more of it than there is room for. */
import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import {
  ALARM_RULES_MAX,
  ALARM_SEQS_MAX,
  ALARMS_MAX,
  NOTICES_PER_CONTACT_MAX,
} from "../../../../core/base/limits.ts";
import { decode, encode } from "../../../../core/codec/shape.ts";
import { createAlarmBook } from "../../../../core/client/alarms/alarm-book.ts";
import { alarmShape } from "../../../../core/client/alarms/alarm-shape.ts";
import { createChainNotices } from "../../../../core/client/alarms/chain-notices.ts";
import { createFindings } from "../../../../core/client/alarms/findings.ts";
import { createDisputes } from "../../../../core/client/alarms/disputes.ts";
import type { Alarm } from "../../../../core/client/client-error.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { activeDevices, type ChainDevice } from "../../../../core/sigchain/chain-state.ts";
import { addDevice, createWorld, stateOf } from "../../../support/chain-world.ts";
import { accountOf, deviceOf, filled } from "../../../support/messages.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { good } from "../../../support/client-world.ts";

beforeAll(cryptoReady);

const ACCOUNT = accountOf(1);
const DEVICE = deviceOf(2);
const OTHER_DEVICE = deviceOf(3);
const LOG = idFromBytes("log", filled(4, 32));

const refused = (seq: number, rule = "BadSignature"): Alarm => ({
  type: "EntryRefused",
  logId: LOG,
  seq,
  rule,
});
const damaged = (kind: number): Alarm => ({ type: "DocumentDamaged", documentKind: `kind ${kind}` });

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
      { type: "LogDistrusted", logId: LOG, fault: { type: "LogWriterAhead", written: 3, counted: 9 } },
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
    book.note(damaged(1), 100);
    book.note(damaged(2), 110);
    book.note(damaged(1), 120);
    await book.idle();
    const { book: again } = await bookOn(store);
    expect(again.all()).toEqual(book.all());
    expect(again.all()).toMatchObject([
      { number: 2, alarm: damaged(2), count: 1, raisedAtMs: 110, seenAtMs: 110 },
      { number: 1, alarm: damaged(1), count: 1, raisedAtMs: 100, seenAtMs: 120, acknowledgedAtMs: null },
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
    for (let kind = 1; kind < ALARMS_MAX; kind++) book.note(damaged(kind), kind);
    expect(book.all()).toHaveLength(ALARMS_MAX - 1);
    book.note(damaged(ALARMS_MAX), 1);
    expect(book.all()).toHaveLength(ALARMS_MAX);
    book.note(damaged(ALARMS_MAX + 1), 1);
    expect(book.all()).toHaveLength(ALARMS_MAX);
    expect(book.all()[0]?.alarm).toEqual(damaged(ALARMS_MAX));
    good(await book.acknowledge(5, 1));
    book.note(damaged(ALARMS_MAX + 1), 2);
    expect(book.all()).toHaveLength(ALARMS_MAX);
    expect(book.all().map(({ number }) => number)).not.toContain(5);
  });
});

describe("[AL6] what others can make many of", () => {
  const gap = (seq: number, logId = LOG): Alarm => ({
    type: "LogDistrusted",
    logId,
    fault: { type: "LogGap", expectedSeq: 1, seq },
  });

  test("is one alarm with its number, its first and its last, also after a restart", async () => {
    const { book, store } = await bookOn();
    for (let seq = 1; seq <= 5_000; seq++) book.note(refused(seq), seq);
    book.note(refused(5_001, "UnknownKind"), 5_001);
    // An entry that is read again, and one that was set aside before the others.
    book.note(refused(4_990), 5_002);
    await book.idle();
    const { book: again } = await bookOn(store);
    expect(again.all()).toEqual([
      {
        number: 1,
        alarm: refused(1),
        latest: refused(5_001, "UnknownKind"),
        count: 5_001,
        rules: ["BadSignature", "UnknownKind"],
        seqs: Array.from({ length: ALARM_SEQS_MAX }, (_, i) => 5_001 - ALARM_SEQS_MAX + 1 + i),
        raisedAtMs: 1,
        seenAtMs: 5_002,
        acknowledgedAtMs: null,
        resolvedAtMs: null,
      },
    ]);
    // One that was forgotten counts again: too many, never too few.
    again.note(refused(3), 6_000);
    expect(again.all()[0]?.count).toBe(5_002);
  });

  test("is written as often as there is time for, not as often as it is found", async () => {
    const store = createMemoryTxStore();
    let batches = 0;
    const counting = {
      ...store,
      batch: (...all: Parameters<typeof store.batch>) => {
        batches++;
        return store.batch(...all);
      },
    };
    const { book } = await bookOn(counting);
    for (let seq = 1; seq <= 500; seq++) book.note(refused(seq), seq);
    await book.idle();
    expect(batches).toBe(1);
    expect(good(await createTables(store).alarm.scan())[0]?.value.count).toBe(500);
  });

  test("names rules and entries up to their limits", async () => {
    const { book } = await bookOn();
    for (const [found, rules] of [
      [ALARM_RULES_MAX - 1, ALARM_RULES_MAX - 1],
      [ALARM_RULES_MAX, ALARM_RULES_MAX],
      [ALARM_RULES_MAX + 1, ALARM_RULES_MAX],
    ] as const) {
      for (let nth = 1; nth <= found; nth++) book.note(refused(nth, `Rule${nth}`), 1);
      expect(book.all()[0]).toMatchObject({ count: found, rules: { length: rules } });
    }
    for (const [seq, seqs] of [
      [ALARM_SEQS_MAX - 1, ALARM_SEQS_MAX - 1],
      [ALARM_SEQS_MAX, ALARM_SEQS_MAX],
      [ALARM_SEQS_MAX + 1, ALARM_SEQS_MAX],
    ] as const) {
      for (let nth = 1; nth <= seq; nth++) book.note(refused(nth), 1);
      expect(book.all()[0]?.seqs).toHaveLength(seqs);
    }
  });

  test("begins anew when it was read, and is another one of another log or kind of fault", async () => {
    const { book } = await bookOn();
    book.note(refused(1), 1);
    good(await book.acknowledge(1, 2));
    book.note(refused(1), 3);
    expect(book.all()).toHaveLength(1);
    book.note(refused(2), 4);
    book.note(refused(3), 5);
    for (const seq of [3, 5, 9]) book.note(gap(seq), 6);
    book.note(gap(3, idFromBytes("log", filled(5, 32))), 7);
    expect(book.all().map(({ alarm, latest, count }) => [alarm, latest, count])).toEqual([
      [expect.objectContaining({ type: "LogDistrusted" }), expect.anything(), 1],
      [gap(3), gap(9), 3],
      [refused(2), refused(3), 2],
      [refused(1), refused(1), 1],
    ]);
  });

  test("keeps nothing else from finding room, and finds none when all is taken", async () => {
    const { book } = await bookOn();
    const inLog = (index: number): Alarm => {
      const bytes = new Uint8Array(32);
      new DataView(bytes.buffer).setUint32(0, index);
      return { type: "EntryRefused", logId: idFromBytes("log", bytes), seq: 1, rule: "BadSignature" };
    };
    for (let index = 1; index <= ALARMS_MAX + 1; index++) book.note(inLog(index), index);
    expect(book.all()).toHaveLength(ALARMS_MAX);
    expect(book.all()[0]?.alarm).toEqual(inLog(ALARMS_MAX));
    book.note({ type: "DeviceDoubled" }, 1);
    expect(book.all()).toHaveLength(ALARMS_MAX);
    expect(book.all()[0]?.alarm).toEqual({ type: "DeviceDoubled" });
    expect(book.all().at(-1)?.alarm).toEqual(inLog(2));
  });

  test("is told once a rule by a running program, however often it is found, and then that there is more", async () => {
    const store = createMemoryTxStore();
    const told: Alarm[] = [];
    let changes = 0;
    const findings = createFindings({
      store,
      tables: createTables(store),
      clock: createManualClock(),
      onAlarm: (alarm) => told.push(alarm),
      onChanged: () => changes++,
      onResolved: () => {},
      onNotice: () => {},
      onFault: (error) => expect.unreachable(error.type),
    });
    good(await findings.start());
    for (let seq = 1; seq <= 3_000; seq++)
      findings.raise(refused(seq, seq % 2 === 0 ? "UnknownKind" : "BadSignature"));
    findings.raise({ type: "DeviceDoubled" });
    await findings.idle();
    const once = [refused(1), refused(2, "UnknownKind"), { type: "DeviceDoubled" }];
    expect(told).toEqual(once);
    expect(findings.takeRaised()).toEqual(once);
    expect(findings.takeRaised()).toEqual([]);
    expect(changes).toBe(1);
    expect(findings.book.all().map(({ count }) => count)).toEqual([1, 3_000]);
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
