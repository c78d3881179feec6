/** Rows of ops when something is taken back or deleted: the same view whatever came first. */
import { describe, expect, test } from "vitest";
import {
  createOpStore,
  type OpRights,
  type OpStore,
} from "../../../../core/client/conversations/op-store.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { ok } from "../../../../core/base/result.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import {
  createOp,
  isRedacted,
  type NamedOp,
  OP_KIND,
  parseOp,
  redactedBy,
  redactedMessage,
  redactionPayloadShape,
} from "../../../../core/messenger/op.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { accountOf, conversationOf, deviceOf, messageOp, opFields } from "../../../support/messages.ts";
import { good } from "../../../support/client-world.ts";

await cryptoReady();

const NOW_MS = 1_800_000_000_000;
const conversation = conversationOf(1);
const message = messageOp({ deviceSeq: 4 }, "to be gone");
const redaction = (target: NamedOp, author = target.op.author, device = deviceOf(4)): NamedOp =>
  createOp(
    opFields({
      author,
      device,
      kind: OP_KIND.redaction,
      target: target.id,
      hlc: target.op.hlc + 1,
      payload: encode(redactionPayloadShape, {
        device: target.op.device,
        deviceSeq: target.op.deviceSeq,
        hlc: target.op.hlc,
      }),
    }),
  );

const allTheirs: OpRights = {
  isForgotten: () => false,
  perishesAtMs: () => null,
  isOver: () => false,
  isDeviceOf: async () => ok(true),
};

function opStore(rights = allTheirs) {
  const store = createMemoryTxStore();
  const ops = createOpStore(createTables(store), () => {}, rights);
  const add = async (...named: NamedOp[]) => {
    const addition = good(await ops.add(named, NOW_MS));
    good(await store.batch(addition.writes));
    addition.commit();
    return addition;
  };
  return { store, ops, add };
}

async function shownOf(ops: OpStore) {
  const all = good(await ops.all(conversation));
  const frontiers = good(await ops.frontiers(conversation));
  const tally = good(await ops.tally(conversation));
  return { ops: all.map(({ id, op }) => [id, op.payload.length]), tally, frontiers: [...frontiers].sort() };
}

describe("what is taken back", () => {
  test("[DE3] of what is no message takes nothing back, also when it comes first", async () => {
    const change = messageOp({ deviceSeq: 4, kind: OP_KIND.sharedChange, target: message.id });
    const views = [];
    for (const order of [
      [[change], [redaction(change)]],
      [[redaction(change)], [change]],
      [[redaction(change), change]],
    ]) {
      const { ops, add } = opStore();
      for (const named of order) await add(...named);
      const all = good(await ops.all(conversation));
      expect(all.map(({ id }) => id)).toContain(change.id);
      expect(good(await ops.isGone(change))).toBe(false);
      views.push({ all, tally: good(await ops.tally(conversation)) });
    }
    expect(views[1]).toEqual(views[0]);
    expect(views[2]).toEqual(views[0]);
  });

  test("[DE1] names a message of its author by its place; nothing else is a redaction", () => {
    expect(redactedBy(redaction(message))).toMatchObject({
      id: message.id,
      deviceSeq: 4,
      device: deviceOf(3),
    });
    expect(redactedBy(message)).toBeNull();
    const without = createOp({ ...redaction(message).op, target: null });
    expect(redactedBy(without)).toBeNull();
    expect(redactedBy(createOp({ ...redaction(message).op, payload: new Uint8Array(3) }))).toBeNull();
  });

  test("[DE2] what is left of it is the same in every order, together or apart", async () => {
    const first = messageOp({ deviceSeq: 0 });
    const orders = [
      [[first], [message], [redaction(message)]],
      [[redaction(message)], [message], [first]],
      [[redaction(message), message, first]],
      [[message, redaction(message)], [first], [message]],
    ];
    const views: unknown[] = [];
    for (const order of orders) {
      const { ops, add } = opStore();
      for (const part of order) await add(...part);
      views.push(await shownOf(ops));
    }
    for (const view of views) expect(view).toEqual(views[0]);
    expect(views[0]).toMatchObject({ tally: { opCount: 3, messageCount: 2 } });
  });

  test("what was counted of its conversation goes with it", async () => {
    const { store, ops, add } = opStore();
    const { unread } = createTables(store);
    const counted = { readUpTo: 0, opCount: 1, top: "op", count: 1 };
    await add(message);
    good(await store.batch([unread.put([conversation], counted)]));
    await add(messageOp({ deviceSeq: 5 }));
    expect(good(await unread.get(conversation))).toEqual(counted);
    await add(redaction(message));
    expect(good(await unread.get(conversation))).toBeNull();
    good(await store.batch([unread.put([conversation], counted)]));
    const other = messageOp({ deviceSeq: 5 });
    const removal = good(await ops.remove([{ ...other.op, id: other.id }]));
    good(await store.batch(removal.writes));
    expect(good(await unread.get(conversation))).toBeNull();
  });

  test("[DE2] it counts as having come, and is no op that could be sent again", async () => {
    const { ops, add } = opStore();
    for (let deviceSeq = 0; deviceSeq < 4; deviceSeq++)
      await add(messageOp({ deviceSeq, hlc: deviceSeq + 1 }));
    await add(redaction(message));
    expect(good(await ops.frontiers(conversation)).get(deviceOf(3))).toBe(5);
    const left = good(await ops.get({ ...message.op, id: message.id }));
    expect(left && isRedacted(left)).toBe(true);
    const target = redactedBy(redaction(message));
    expect(target && parseOp(redactedMessage(target).bytes)).toMatchObject({ ok: true });
    expect(good(await ops.isGone(message))).toBe(true);
  });

  test("[DE3] nobody takes back what somebody else wrote, whichever comes first", async () => {
    for (const order of [
      [message, redaction(message, accountOf(9))],
      [redaction(message, accountOf(9)), message],
    ]) {
      const { ops, add } = opStore();
      for (const one of order) await add(one);
      expect(good(await ops.get({ ...message.op, id: message.id }))?.op.payload).toEqual(message.op.payload);
      expect(good(await ops.isGone(message))).toBe(false);
    }
  });

  test("[DE3] what is no message is not taken back, and a wrong place names nothing", async () => {
    const { ops, add } = opStore();
    const mark = messageOp({ kind: OP_KIND.mark, deviceSeq: 1 });
    await add(mark, message);
    expect((await add(redaction(mark))).redacted).toEqual([]);
    const elsewhere = createOp({ ...message.op, hlc: message.op.hlc + 7 });
    await add(createOp({ ...redaction(elsewhere).op, target: message.id }));
    expect(good(await ops.isGone(message))).toBe(false);
    expect(good(await ops.isGone(mark))).toBe(false);
  });

  test("[DE3] a device that is not its author's counts for nothing in a frontier", async () => {
    const { ops, add } = opStore({ ...allTheirs, isDeviceOf: async () => ok(false) });
    await add(redaction(messageOp({ deviceSeq: 0, device: deviceOf(7) })));
    expect(good(await ops.frontiers(conversation)).get(deviceOf(7)) ?? 0).toBe(0);
  });
});

describe("many at once", () => {
  const later = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) =>
      messageOp({ deviceSeq: from + i, hlc: 1_000 + from + i }, `message ${from + i}`),
    );

  test("come where nothing is without a look at each", async () => {
    const { store, ops, add } = opStore();
    await add(...later(0, 20));
    let looks = 0;
    const counting = {
      ...store,
      get: (key: string) => {
        looks += 1;
        return store.get(key);
      },
      scan: (range: Parameters<typeof store.scan>[0]) => {
        looks += 1;
        return store.scan(range);
      },
    };
    const again = createOpStore(createTables(counting), () => {}, allTheirs);
    expect(good(await again.add(later(20, 100), NOW_MS)).fresh).toHaveLength(100);
    // Of the device's feed and the conversation's tally, not of the ops.
    expect(looks).toBeLessThan(10);
    expect(good(await ops.all(conversation))).toHaveLength(20);
  });

  test.each([
    ["all of them", 1, 100],
    ["every second one", 2, 100],
    ["few among many others", 10, 20],
  ])("are found here, %s, as if each were looked at", async (_which, step, count) => {
    const { store, ops, add } = opStore();
    const here = later(0, 600);
    await add(...here);
    const taken = createOp({ ...(here[40] ?? message).op });
    await add(redaction(taken));
    let looks = 0;
    const counting = {
      ...store,
      get: (key: string) => {
        looks += 1;
        return store.get(key);
      },
      scan: (range: Parameters<typeof store.scan>[0]) => {
        looks += 1;
        return store.scan(range);
      },
    };
    const again = createOpStore(createTables(counting), () => {}, allTheirs);
    const some = Array.from({ length: count }, (_, at) => here[at * step] ?? message);
    const addition = good(
      await again.add([...some, messageOp({ deviceSeq: 9_000, hlc: 1_300 }, "new")], NOW_MS),
    );
    expect(addition.fresh.map(({ op }) => op.deviceSeq)).toEqual([9_000]);
    expect(addition.deleted).toHaveLength(1);
    if (step <= 2) expect(looks).toBeLessThan(10);
    expect(good(await ops.tally(conversation)).opCount).toBe(601);
  });

  test.each([0, 7, 49])("are added once when one of them is there, the %ith of fifty", async (place) => {
    const { ops, add } = opStore();
    const fifty = later(0, 50);
    const [known] = fifty.slice(place);
    if (known === undefined) throw new Error("there are fifty");
    await add(known);
    expect((await add(...fifty)).fresh.map(({ id }) => id)).toEqual(
      fifty.filter(({ id }) => id !== known.id).map(({ id }) => id),
    );
    expect(good(await ops.all(conversation))).toHaveLength(50);
    expect(good(await ops.tally(conversation))).toMatchObject({ opCount: 50, messageCount: 50 });
  });

  test("[DE3] find what was taken back of one of them before it came", async () => {
    const { ops, add } = opStore();
    const fifty = later(0, 50);
    const [gone] = fifty;
    if (gone === undefined) throw new Error("there are fifty");
    await add(redaction(gone));
    const addition = await add(...fifty);
    expect(addition.deleted).toHaveLength(1);
    expect(addition.fresh).toHaveLength(49);
    expect(good(await ops.all(conversation)).filter(isRedacted)).toHaveLength(1);
  });
});

describe("what is deleted", () => {
  test("[DE5] is not stored, counts as having come, and leaves the tally", async () => {
    const gone = new Set([message.id]);
    const { store, ops, add } = opStore({ ...allTheirs, isForgotten: ({ id }) => gone.has(id) });
    const kept = messageOp({ deviceSeq: 3 });
    for (let deviceSeq = 0; deviceSeq < 3; deviceSeq++)
      await add(messageOp({ deviceSeq, hlc: deviceSeq + 1 }));
    await add(kept);
    const addition = await add(message);
    expect(addition).toMatchObject({ fresh: [], deleted: [expect.anything()] });
    expect(good(await ops.frontiers(conversation)).get(deviceOf(3))).toBe(5);
    const removal = good(await ops.remove([{ ...kept.op, id: kept.id }]));
    good(await store.batch(removal.writes));
    removal.commit();
    expect(good(await ops.tally(conversation))).toMatchObject({ opCount: 3, messageCount: 3 });
    expect(good(await ops.frontiers(conversation)).get(deviceOf(3))).toBe(5);
    // A redaction of it brings no place of it back.
    expect((await add(redaction(message))).redacted).toEqual([]);
    expect(good(await ops.get({ ...message.op, id: message.id }))).toBeNull();
  });
});

test("[RM34] what is written after somebody whose clock is ahead goes by this device's time, not by theirs", async () => {
  const { ops, add } = opStore();
  const dayMs = 86_400_000;
  await add(messageOp({ conversationId: conversation, hlc: (NOW_MS + dayMs) * 1_024 }, "ahead"));
  const now = () => NOW_MS;
  const draft = opFields({ conversationId: conversation, device: deviceOf(4), kind: OP_KIND.message });
  const times = { earliestMs: now, latestMs: now, writingMs: now };
  const made = good(await ops.create(draft, times, { lifetimeMs: dayMs }));
  expect(made.op.hlc).toBeGreaterThan((NOW_MS + dayMs) * 1_024);
  expect(made.op.expire).toBe(NOW_MS + dayMs);
});
