/** The account log on devices whose power, store, epoch and siblings fail. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Bytes } from "../../../core/base/bytes.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { automergeReady } from "../../../core/document/automerge.ts";
import { setField } from "../../../core/document/schema/state-field.ts";
import { TAGS, type TagId, tagIdFromBytes, tagsSchema } from "../../../core/document/schema/tags.ts";
import { BATCH_BYTES_MAX, openAccountEntry, sealAccountEntry } from "../../../core/log/account-entry.ts";
import type { DocumentName } from "../../../core/log/document-name.ts";
import { SNAPSHOT_EXCEPT_MAX } from "../../../core/base/limits.ts";
import { encodeEntryHeader, writerTag } from "../../../core/protocol/entry.ts";
import type { WriteOp } from "../../../core/store/tx-store.ts";
import {
  type AccountDevice,
  type AccountWorld,
  createAccountDevice,
  createAccountWorld,
  exchange,
  firstDevice,
  headsOf,
  must,
  readAll,
  reboot,
  reconnect,
} from "../../support/account-device.ts";
import { keysOf, rotate, secretOf, stateOf } from "../../support/chain-world.ts";
import type { CutMoment } from "../../support/crash-platform.ts";
import { conversationOf, deviceOf, filled } from "../../support/messages.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { idFromBytes } from "../../../core/base/ids.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const TAGS_DOCUMENT: DocumentName = { type: "tags" };
const BUCKET: DocumentName = {
  type: "bucket",
  conversationId: conversationOf(1),
  device: deviceOf(2),
  index: 0,
};
const tagOf = (byte: number): TagId => tagIdFromBytes(filled(byte, 16));
const opId = (byte: number) => idFromBytes("op", filled(byte));

/** Names a tag. */
function editTag({ running: { context, log } }: AccountDevice, byte: number, name = `tag ${byte}`) {
  return context.serial.run(() =>
    log.edit(TAGS_DOCUMENT, (draft) => setField(draft, TAGS.name, tagOf(byte), name)),
  );
}

/** Archives an op whose row is to settle. */
async function archiveOp(
  { running: { context, log, store } }: AccountDevice,
  byte: number,
  bytes: Bytes = filled(byte, 30),
) {
  const key = `archive/${opId(byte)}`;
  must(await store.batch([{ type: "put", key, value: filled(1, 1) }]));
  return context.serial.run(() => log.archive(BUCKET, [{ stored: [opId(byte), bytes], settles: key }]));
}

async function tagNames({ running: { documents, log } }: AccountDevice): Promise<readonly string[]> {
  return [...must(await documents.read(log.ref(TAGS_DOCUMENT), tagsSchema)).tagsById.values()]
    .map((tag) => tag.name)
    .sort();
}

async function opCount({ running: { documents, log } }: AccountDevice): Promise<number> {
  return must(await documents.scanOps(log.ref(BUCKET))).length;
}

async function rowCounts({ running: { context } }: AccountDevice) {
  const { tables } = context;
  const counts = await Promise.all([tables.out.scan(), tables.sealed.scan(), tables.journal.scan()]);
  return counts.map((rows) => must<readonly unknown[], unknown>(rows).length);
}

async function pair(): Promise<{ world: AccountWorld; one: AccountDevice; two: AccountDevice }> {
  const world = createAccountWorld("account-log");
  const one = await firstDevice(world);
  const two = await createAccountDevice(world);
  for (const device of [one, two]) must(await device.running.context.refreshOwnChain());
  return { world, one, two };
}

async function expectSame(...devices: readonly AccountDevice[]): Promise<void> {
  for (const name of [TAGS_DOCUMENT, BUCKET]) {
    const [first, ...others] = await Promise.all(devices.map((device) => headsOf(device, name)));
    for (const other of others) expect(other).toEqual(first);
  }
}

describe("[AR6] a change", () => {
  test("waits in a row, is sealed to one entry with the others, and is settled when it is read back", async () => {
    const { world, one, two } = await pair();
    for (const byte of [1, 2, 3]) must(await editTag(one, byte));
    must(await archiveOp(one, 4));
    expect(one.running.log.pendingCount()).toBe(4);
    expect(one.running.log.settling()).toEqual([`archive/${opId(4)}`]);
    must(await one.running.log.push(one.running.channel));
    expect(world.log.entries.length).toBe(1);
    expect([one.running.log.pendingCount(), one.settled]).toEqual([4, []]);
    await readAll(one.running);
    expect([one.running.log.pendingCount(), one.settled]).toEqual([0, [`archive/${opId(4)}`]]);
    expect(must(await one.running.store.get(`archive/${opId(4)}`))).toBe(null);
    await exchange(one);
    expect(await rowCounts(one)).toEqual([0, 0, 0]);
    await exchange(two);
    expect(await tagNames(two)).toEqual(["tag 1", "tag 2", "tag 3"]);
    expect(await opCount(two)).toBe(1);
    await expectSame(one, two);
    expect([...one.alarms, ...two.alarms]).toEqual([]);
  });

  test("is sent with the same bytes after a broken connection, and stands once in the log", async () => {
    const { world, one } = await pair();
    must(await editTag(one, 1));
    const sent: unknown[] = [];
    const { append } = one.running.channel;
    one.running.channel = {
      ...one.running.channel,
      append: async (entries) => {
        sent.push(...entries);
        await append(entries);
        return { ok: false, error: { type: "ServerUnreachable", origin: "", detail: "" } };
      },
    };
    expect((await one.running.log.push(one.running.channel)).ok).toBe(false);
    reconnect(world, one);
    one.running.channel = { ...one.running.channel, writerSeq: 0 };
    const second = one.running.channel.append;
    one.running.channel = {
      ...one.running.channel,
      append: (entries) => {
        sent.push(...entries);
        return second(entries);
      },
    };
    await exchange(one);
    expect(sent.length).toBe(2);
    expect(sent[0]).toEqual(sent[1]);
    expect(world.log.entries.length).toBe(1);
    expect(one.running.log.pendingCount()).toBe(0);
  });

  test("whose transaction fails is sent with the next one", async () => {
    let isFull = false;
    const world = createAccountWorld("full");
    const full = (store: Parameters<NonNullable<Parameters<typeof firstDevice>[1]>>[0]) => ({
      ...store,
      batch: async (...args: Parameters<typeof store.batch>) =>
        isFull
          ? ({ ok: false, error: { type: "StoreUnavailable", detail: "full" } } as const)
          : store.batch(...args),
    });
    const one = await firstDevice(world, full);
    const two = await createAccountDevice(world);
    must(await editTag(one, 1));
    isFull = true;
    expect(await editTag(one, 2)).toMatchObject({ ok: false, error: { type: "StoreUnavailable" } });
    expect(
      (
        await one.running.context.serial.run(() =>
          one.running.log.archive(BUCKET, [{ stored: [opId(9), filled(9, 30)], settles: "archive/9" }]),
        )
      ).ok,
    ).toBe(false);
    isFull = false;
    must(await editTag(one, 3));
    must(await archiveOp(one, 9));
    await exchange(one);
    await exchange(two);
    expect(await tagNames(two)).toEqual(["tag 1", "tag 2", "tag 3"]);
    expect(await opCount(two)).toBe(1);
    await expectSame(one, two);
  });

  test("that is stored with other rows is made with them or not at all, and the one after it is as if it had never been", async () => {
    const world = createAccountWorld("together");
    let isFull = false;
    const one = await firstDevice(world, (store) => ({
      ...store,
      batch: async (ops: readonly WriteOp[], expect) =>
        isFull
          ? { ok: false, error: { type: "StoreUnavailable", detail: "full" } }
          : store.batch(ops, expect),
    }));
    const two = await createAccountDevice(world);
    const together = (byte: number) =>
      one.running.context.serial.run(() =>
        one.running.log.edit(
          TAGS_DOCUMENT,
          (draft) => setField(draft, TAGS.name, tagOf(byte), `tag ${byte}`),
          {
            with: [{ type: "put", key: `with/${byte}`, value: filled(byte, 1) }],
          },
        ),
      );
    must(await together(1));
    isFull = true;
    expect(await together(2)).toMatchObject({ ok: false, error: { type: "StoreUnavailable" } });
    expect(await tagNames(one)).toEqual(["tag 1"]);
    isFull = false;
    must(await editTag(one, 3));
    must(await together(4));
    await exchange(one);
    await exchange(two);
    for (const device of [one, two]) expect(await tagNames(device)).toEqual(["tag 1", "tag 3", "tag 4"]);
    await expectSame(one, two);
    expect(must(await one.running.store.scan({ prefix: "with/" })).map(({ key }) => key)).toEqual([
      "with/1",
      "with/4",
    ]);
    expect(await rowCounts(one)).toEqual([0, 0, 0]);
  });

  test("that is stored with other rows and cut off before it is made is made by the next start", async () => {
    const world = createAccountWorld("cut together");
    let cut = (): void => {};
    const one = await firstDevice(world, (store) => ({
      ...store,
      batch: async (ops: readonly WriteOp[], expect) => {
        const written = await store.batch(ops, expect);
        if (ops.some(({ key }) => key.startsWith("with/"))) cut();
        return written;
      },
    }));
    const two = await createAccountDevice(world);
    const gone = new Promise<void>((resolve) => {
      cut = resolve;
    });
    void one.running.context.serial.run(() =>
      one.running.log.edit(TAGS_DOCUMENT, (draft) => setField(draft, TAGS.name, tagOf(1), "tag 1"), {
        with: [{ type: "put", key: "with/1", value: filled(1, 1) }],
      }),
    );
    await gone;
    await reboot(world, one);
    expect(await tagNames(one)).toEqual(["tag 1"]);
    await exchange(one);
    await exchange(two);
    await expectSame(one, two);
  });

  test("that a sibling made meanwhile does not hide one whose transaction failed", async () => {
    let isFull = false;
    const world = createAccountWorld("hidden");
    const one = await firstDevice(world, (store) => ({
      ...store,
      batch: async (ops: readonly WriteOp[], expect) =>
        isFull && ops.some((op) => op.key.startsWith("out/"))
          ? { ok: false, error: { type: "StoreUnavailable", detail: "full" } }
          : store.batch(ops, expect),
    }));
    const two = await createAccountDevice(world);
    must(await one.running.context.refreshOwnChain());
    isFull = true;
    expect((await editTag(one, 1)).ok).toBe(false);
    isFull = false;
    must(await editTag(two, 2));
    await exchange(two);
    await exchange(one);
    await exchange(one);
    await exchange(two);
    expect(await tagNames(two)).toEqual(["tag 1", "tag 2"]);
    await expectSame(one, two);
  });

  test("that weighs more than an entry takes is split over several", async () => {
    const { world, one, two } = await pair();
    const random = createSeededRandom("large");
    const count = 6;
    for (let byte = 0; byte < count; byte++)
      must(await archiveOp(one, byte, random.bytes(BATCH_BYTES_MAX / 3)));
    await exchange(one);
    expect(world.log.entries.length).toBeGreaterThan(1);
    await exchange(two);
    expect(await opCount(two)).toBe(count);
    await expectSame(one, two);
  });
});

describe("[AR6] [AR7] a device whose power is cut", () => {
  /** A stretch of the life of a device: edits of its own, a sibling's, everything sent, read and brought to disk. */
  async function live(
    device: AccountDevice,
    sibling: AccountDevice,
    round: number,
    confirmed: string[],
  ): Promise<void> {
    must(await editTag(sibling, 100 + round));
    await exchange(sibling);
    for (const byte of [1, 2]) {
      must(await editTag(device, byte, `${round}.${byte}`));
      confirmed.push(`${round}.${byte}`);
    }
    must(await archiveOp(device, 10 + round));
    await exchange(device);
    must(await editTag(device, 3, `${round}.3`));
    await exchange(device);
  }

  test.each<CutMoment>(["before", "after"])(
    "%s any write has everything that was confirmed when it starts, and so has its sibling",
    async (moment) => {
      const { world, one, two } = await pair();
      const before = one.disk.writeCount();
      await live(one, two, 0, []);
      const writes = one.disk.writeCount() - before;
      expect(writes).toBeGreaterThan(8);
      for (let n = 1; n <= writes; n++) {
        const confirmed: string[] = [];
        one.disk.cutAt(n, moment);
        await Promise.race([live(one, two, n, confirmed), one.disk.whenDead]);
        one.disk.cutNow();
        await reboot(world, one);
        must(await one.running.context.refreshOwnChain());
        await exchange(one);
        await exchange(two);
        await exchange(one);
        await expectSame(one, two);
        const names = await tagNames(two);
        for (const byte of [1, 2])
          if (confirmed.includes(`${n}.${byte}`)) expect(names).toContain(`${n}.${byte}`);
        expect(await rowCounts(one)).toEqual([0, 0, 0]);
        expect(one.running.log.pendingCount()).toBe(0);
      }
      expect([...one.alarms, ...two.alarms]).toEqual([]);
    },
  );
});

describe("[AR7] what comes in", () => {
  test("and lacks what it depends on is kept, also over a restart, until that has come", async () => {
    const { world, one, two } = await pair();
    must(await editTag(two, 1));
    await exchange(two);
    must(await editTag(two, 1, "changed"));
    await exchange(two);
    // The first entry is withheld: its place is taken by one that says nothing.
    const [first, second] = world.log.entries;
    if (first === undefined || second === undefined) throw new Error("two were sent");
    must(await one.running.context.serial.run(() => one.running.log.receive([{ ...second, seq: 1 }])));
    must(await one.running.context.serial.run(one.running.log.flush));
    expect(await tagNames(one)).toEqual([]);
    expect((await rowCounts(one))[2]).toBe(1);
    one.disk.cutNow();
    await reboot(world, one);
    must(await one.running.context.refreshOwnChain());
    must(await one.running.context.serial.run(one.running.log.flush));
    expect((await rowCounts(one))[2]).toBe(1);
    must(await one.running.context.serial.run(() => one.running.log.receive([{ ...first, seq: 2 }])));
    expect(await tagNames(one)).toEqual(["changed"]);
    must(await one.running.context.serial.run(one.running.log.flush));
    expect(await rowCounts(one)).toEqual([0, 0, 0]);
  });

  test("and is no change does not keep out what comes with it, and no restart stumbles over it", async () => {
    const { world, one, two } = await pair();
    must(await editTag(two, 1));
    await exchange(two);
    const entry = world.log.entries[0];
    const keys = {
      epochSecret: () => secretOf(world.chain, 1).secret,
      signKey: () => keysOf(world.chain, two.keys.id).sign.publicKey,
    };
    const opened = must(
      openAccountEntry(
        { accountId: two.identity.accountId, logId: two.running.context.accountLogId },
        entry ?? { header: filled(0), sealed: filled(0) },
        keys,
      ),
    );
    const honest = opened.content.batch[0];
    if (honest?.type !== "changes") throw new Error("a change was sent");
    const plan = {
      log: { accountId: two.identity.accountId, logId: two.running.context.accountLogId },
      epoch: 1,
      epochSecret: secretOf(world.chain, 1).secret,
      writerTag: writerTag(two.running.context.accountLogId, filled(9)),
      writerSeq: 1,
      signer: two.keys.sign,
      content: {
        ...opened.content,
        batch: [{ ...honest, changes: [filled(9, 40), ...honest.changes, filled(8, 40)] }],
      },
    };
    const forged = must(sealAccountEntry(createSeededRandom("forged"), plan));
    must(await one.running.context.serial.run(() => one.running.log.receive([{ seq: 1, ...forged }])));
    expect(await tagNames(one)).toEqual(["tag 1"]);
    expect(one.alarms).toEqual([{ type: "DocumentDamaged", documentKind: "tags" }]);
    one.disk.cutNow();
    await reboot(world, one);
    expect(await tagNames(one)).toEqual(["tag 1"]);
    must(await one.running.context.serial.run(one.running.log.flush));
    expect((await rowCounts(one))[2]).toBe(0);
  });
});

describe("[AR8] an epoch that is over", () => {
  test("is found out by the server's refusal, and what waits is sealed under the new one", async () => {
    const { world, one, two } = await pair();
    for (const byte of [1, 2]) {
      must(await editTag(one, byte));
      await exchange(one);
    }
    must(await editTag(one, 3));
    rotate(world.chain);
    world.log.epoch = 2;
    await exchange(one);
    await exchange(two);
    expect(await tagNames(two)).toEqual(["tag 1", "tag 2", "tag 3"]);
    expect(stateOf(world.chain).epochs.length).toBe(2);
    expect([...one.alarms, ...two.alarms]).toEqual([]);
    expect(await rowCounts(one)).toEqual([0, 0, 0]);
  });

  test("while our chain has no newer one ends the attempt instead of a loop", async () => {
    const { world, one } = await pair();
    must(await editTag(one, 1));
    world.log.epoch = 2;
    expect(await one.running.log.push(one.running.channel)).toEqual({
      ok: false,
      error: { type: "Refused", code: "stale-epoch" },
    });
    world.log.epoch = 1;
    await exchange(one);
    expect(one.running.log.pendingCount()).toBe(0);
  });

  test("at its place makes an own entry void, which is sealed again", async () => {
    const { world, one, two } = await pair();
    must(await editTag(one, 1));
    must(await one.running.log.push(one.running.channel));
    const [old] = world.log.entries.splice(0);
    if (old === undefined) throw new Error("one was sent");
    // The server places a sibling's entry of the new epoch first, and then the old one all the same.
    rotate(world.chain);
    must(await two.running.context.refreshOwnChain());
    world.log.epoch = 2;
    must(await editTag(two, 2));
    must(await two.running.log.push(two.running.channel));
    const [newer] = world.log.entries.splice(0);
    if (newer === undefined) throw new Error("one was sent");
    must(
      await one.running.context.serial.run(() =>
        one.running.log.receive([
          { ...newer, seq: 1 },
          { ...old, seq: 2 },
        ]),
      ),
    );
    expect(one.alarms.map((alarm) => (alarm.type === "EntryRefused" ? alarm.rule : alarm.type))).toContain(
      "StaleEpoch",
    );
    expect(one.running.log.pendingCount()).toBe(1);
    must(await one.running.log.push(one.running.channel));
    expect(world.log.entries.length).toBe(1);
  });
});

describe("[AR8] a counter", () => {
  test("that the server has ahead of ours means a profile set back: nothing is sent", async () => {
    const { one } = await pair();
    must(await editTag(one, 1));
    const channel = {
      ...one.running.channel,
      writerSeq: 5,
      append: () => Promise.reject(new Error("nothing may be sent")),
    };
    expect(await one.running.log.push(channel)).toMatchObject({
      ok: false,
      error: { type: "DeviceRolledBack" },
    });
    expect(one.alarms).toMatchObject([{ type: "DeviceRolledBack" }]);
  });

  test("that differs only later is a refusal, not a loop", async () => {
    const { world, one } = await pair();
    must(await editTag(one, 1));
    world.log.refusal = "writer-seq";
    expect(await one.running.log.push(one.running.channel)).toEqual({
      ok: false,
      error: { type: "Refused", code: "writer-seq" },
    });
    world.log.refusal = null;
    await exchange(one);
    expect(one.running.log.pendingCount()).toBe(0);
  });
});

describe("[AR5] an entry", () => {
  test("whose writer's last one was withheld counts, and the gap is named", async () => {
    const { world, one, two } = await pair();
    for (const byte of [1, 2]) {
      must(await editTag(two, byte));
      await exchange(two);
    }
    const second = world.log.entries[1];
    if (second === undefined) throw new Error("two were sent");
    must(await one.running.context.serial.run(() => one.running.log.receive([{ ...second, seq: 1 }])));
    expect(one.alarms).toContainEqual({
      type: "EntryRefused",
      logId: one.running.context.accountLogId,
      seq: 1,
      rule: "WriterGap",
    });
    expect((await rowCounts(one))[2]).toBe(1);
  });

  test("[LR4] that quotes another history than ours is named", async () => {
    const { world, one, two } = await pair();
    for (const [byte, device] of [one, two, one, two].entries()) {
      must(await editTag(device, byte));
      await exchange(device);
    }
    const fresh = await createAccountDevice(world);
    for (const device of [one, two]) must(await device.running.context.refreshOwnChain());
    must(await fresh.running.context.refreshOwnChain());
    const [a, b, c, d] = world.log.entries;
    if (a === undefined || b === undefined || c === undefined || d === undefined)
      throw new Error("four were sent");
    must(
      await fresh.running.context.serial.run(() =>
        fresh.running.log.receive([{ ...b, seq: 1 }, { ...a, seq: 2 }, c, d]),
      ),
    );
    expect(
      fresh.alarms.some((alarm) => alarm.type === "LogDistrusted" && alarm.fault.type === "LogForked"),
    ).toBe(true);
  });
});

describe("[SN30] bytes read since the last snapshot", () => {
  const bytesOf = async ({ running: { context } }: AccountDevice) =>
    must(await context.tables.tail.get())?.bytes ?? 0;

  test("are counted once where the log is read again from its start", async () => {
    const { one, two } = await pair();
    must(await editTag(two, 1));
    await exchange(two);
    await readAll(one.running);
    const bytes = await bytesOf(one);
    expect(bytes).toBeGreaterThan(0);
    const { context, log } = one.running;
    log.noteDamage(log.ref(TAGS_DOCUMENT).id);
    must(await context.serial.run(log.mend));
    await readAll(one.running);
    expect(await bytesOf(one)).toBe(bytes);
  });

  test("are none where the log begins anew", async () => {
    const { one } = await pair();
    must(await editTag(one, 1));
    await exchange(one);
    expect(await bytesOf(one)).toBeGreaterThan(0);
    const { context, log } = one.running;
    must(await context.serial.run(() => log.enterIncarnation(1)));
    expect(await bytesOf(one)).toBe(0);
  });
});

describe("what a snapshot made now would cover", () => {
  const mustCover = (device: AccountDevice) => {
    const coverage = device.running.log.coverage();
    if (coverage === null) throw new Error("it covers something");
    return coverage;
  };

  test("[SN23] everything read, but what did not open, also after a restart", async () => {
    const { world, one } = await pair();
    await editTag(one, 1);
    await exchange(one);
    const header = encodeEntryHeader({
      version: 1,
      kind: 1,
      writerTag: writerTag(one.running.context.accountLogId, filled(9)),
      writerSeq: 1,
      epoch: 1,
      expect: null,
    });
    world.log.place({ header, sealed: filled(3, 400) });
    await editTag(one, 2);
    await exchange(one);
    const { point } = one.running.log.reader();
    expect(mustCover(one)).toMatchObject({ point, except: [2], epochFloor: 1 });
    await reboot(world, one);
    expect(mustCover(one)).toMatchObject({ point, except: [2] });
  });

  test("[SN23] nothing while too much is excepted", async () => {
    const { world, one } = await pair();
    for (const count of [SNAPSHOT_EXCEPT_MAX - 1, SNAPSHOT_EXCEPT_MAX, SNAPSHOT_EXCEPT_MAX + 1]) {
      const { store, context, log } = one.running;
      const rows = Array.from({ length: count }, (_, index) => context.tables.refused.put([index + 1], {}));
      must(await store.batch(rows));
      await reboot(world, one);
      expect(one.running.log.coverage()?.except.length ?? null).toBe(
        count > SNAPSHOT_EXCEPT_MAX ? null : count,
      );
      expect(log).not.toBe(one.running.log);
    }
  });
});
