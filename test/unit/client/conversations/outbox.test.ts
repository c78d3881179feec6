/** Sending: what is sealed stays the same until the receipt, whatever the connection, the server or the power does. */
import { beforeAll, describe, expect, test } from "vitest";
import { present } from "../../../../core/base/assert.ts";
import type { Parcel } from "../../../../core/client/conversations/outbox.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { OPS_PER_BODY_MAX } from "../../../../core/messenger/envelope.ts";
import { openInbound } from "../../../../core/messenger/inbound-entry.ts";
import { markPayloadShape, OP_KIND } from "../../../../core/messenger/op.ts";
import { parseEntryHeader } from "../../../../core/protocol/entry.ts";
import { decodeSessionSet } from "../../../../core/ratchet/session-set-codec.ts";
import type { FailureCode } from "../../../../core/protocol/failure.ts";
import type { AppendResult } from "../../../../core/protocol/server-frame.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import type { TxStore } from "../../../../core/store/tx-store.ts";
import { addDevice, revokeDevices, stateOf } from "../../../support/chain-world.ts";
import {
  acquaint,
  createSide,
  keepOps,
  opOf,
  pendingOf,
  publishBundle,
  requestTo,
  routeTo,
  sealFor,
  SIDE_ORIGIN,
  type Side,
  expectValue,
} from "../../../support/messenger-side.ts";
import { filled } from "../../../support/messages.ts";

beforeAll(cryptoReady);

async function pair(store: TxStore = createMemoryTxStore()) {
  const [ada, ben] = [await createSide("ada", store), await createSide("ben")];
  await acquaint(ada, ben);
  return { ada, ben, route: routeTo(ada, ben), convId: opOf(ada, ben, 0).op.conversationId };
}

const ops = (from: Side, to: Side, count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => opOf(from, to, first + i));
const accepted = (seq: number): AppendResult => ({ type: "accepted", seq, chain: filled(seq) });
const refused = (code: FailureCode, writerSeq: number | null): AppendResult => ({
  type: "refused",
  code,
  writerSeq,
});
const states = (side: Side, list: readonly { readonly id: Parameters<Side["outbox"]["stateOf"]>[0] }[]) =>
  list.map((op) => side.outbox.stateOf(op.id));
const seqsOf = (parcels: readonly Parcel[]) => parcels.map((parcel) => parcel.writerSeq);
const bytesOf = (parcels: readonly Parcel[]) => parcels.map((parcel) => parcel.entry);

async function rowsLeft({ context: { tables } }: Side): Promise<number> {
  return expectValue(await tables.outbox.scan()).length + expectValue(await tables.parcel.scan()).length;
}

/** The same device after its program ended: nothing but the rows is left. */
async function restarted({ ada, ben }: { ada: Side; ben: Side }): Promise<Side> {
  const again = await createSide("ada", ada.store, ada.clock);
  again.chains.set(ben.accountId, stateOf(ben.world));
  for (const [device, bundle] of ada.bundles) again.bundles.set(device, bundle);
  return again;
}

describe("[DM10] what waits", () => {
  test("shares entries: up to 32 ops in one, oldest first, with counters from 1", async () => {
    const { ada, ben, route } = await pair();
    await keepOps(ada, ben.accountId, [...ops(ada, ben, OPS_PER_BODY_MAX + 3)].reverse());
    await sealFor(ada, ben);
    const parcels = await pendingOf(ada, route, 0);
    expect(parcels.map((parcel) => parcel.outboxKeys.length)).toEqual([OPS_PER_BODY_MAX, 3]);
    expect(seqsOf(parcels)).toEqual([1, 2]);
    expect(parcels.map((parcel) => parseEntryHeader(parcel.entry.header))).toMatchObject([
      { value: { kind: 2, writerSeq: 1, epoch: null } },
      { value: { writerSeq: 2 } },
    ]);
    const keys = parcels.flatMap((parcel) => parcel.outboxKeys);
    expect(keys).toEqual([...keys].sort());
    expect(ada.outbox.waitingCount()).toBe(OPS_PER_BODY_MAX + 3);
  });

  test("is sealed to the same bytes once, and those are stored before anything is sent", async () => {
    const world = await pair();
    await keepOps(world.ada, world.ben.accountId, ops(world.ada, world.ben, 3));
    await sealFor(world.ada, world.ben);
    const first = await pendingOf(world.ada, world.route, 0);
    await sealFor(world.ada, world.ben);
    expect(bytesOf(await pendingOf(world.ada, world.route, 0))).toEqual(bytesOf(first));
    const again = await restarted(world);
    await sealFor(again, world.ben);
    expect(bytesOf(await pendingOf(again, world.route, 0))).toEqual(bytesOf(first));
  });

  test("is not sealed at all when the rows could not be written, and is whole afterwards", async () => {
    const inner = createMemoryTxStore();
    let isFull = false;
    const store: TxStore = {
      ...inner,
      batch: async (...args) =>
        isFull ? { ok: false, error: { type: "StoreUnavailable", detail: "full" } } : inner.batch(...args),
    };
    const world = await pair(store);
    await keepOps(world.ada, world.ben.accountId, ops(world.ada, world.ben, 2));
    const { ada, ben, route } = world;
    const chain = stateOf(ben.world);
    const bundles = expectValue(await ada.outbox.claim(ben.accountId, SIDE_ORIGIN, chain, route));
    isFull = true;
    expect(await ada.outbox.seal(ben.accountId, bundles, chain, route)).toMatchObject({
      ok: false,
      error: { type: "StoreUnavailable" },
    });
    expect(await pendingOf(world.ada, world.route, 0)).toEqual([]);
    isFull = false;
    await sealFor(world.ada, world.ben);
    expect((await pendingOf(world.ada, world.route, 0)).length).toBe(1);
  });

  test("goes when the other side's frontier covers it, and not before the receipt", async () => {
    const world = await pair();
    const { ada, ben, route, convId } = world;
    const list = ops(ada, ben, 3);
    await keepOps(ada, ben.accountId, list);
    await sealFor(ada, ben);
    expectValue(await ada.outbox.delivered(convId, 3));
    expect(states(ada, list)).toEqual(["sealed", "sealed", "sealed"]);
    expectValue(await ada.outbox.receipts(await pendingOf(ada, route, 0), [accepted(1)]));
    expect(states(ada, list)).toEqual(["sent", "sent", "sent"]);
    expectValue(await ada.outbox.delivered(convId, 2));
    expect(states(ada, list)).toEqual([null, null, "sent"]);
    expect((await restarted(world)).outbox.stateOf(present(list[2], "three were made").id)).toBe("sent");
    expectValue(await ada.outbox.delivered(convId, 3));
    expect(states(ada, list)).toEqual([null, null, null]);
    expect(await rowsLeft(ada)).toBe(0);
  });

  test("a mark goes with the receipt, so that marks do not gather on a device that only reads", async () => {
    const { ada, ben, route } = await pair();
    const mark = opOf(ada, ben, 0, {
      kind: OP_KIND.mark,
      payload: encode(markPayloadShape, { delivered: [], readUpTo: null, wantsMissing: false }),
    });
    await keepOps(ada, ben.accountId, [mark]);
    await sealFor(ada, ben);
    expectValue(await ada.outbox.receipts(await pendingOf(ada, route, 0), [accepted(1)]));
    expect(ada.outbox.stateOf(mark.id)).toBe(null);
    expect(await rowsLeft(ada)).toBe(0);
    expect([ada.outbox.sentMessageCount(), ada.outbox.waitingMessageCount()]).toEqual([0, 0]);
  });
});

describe("[DM12] the server's counter", () => {
  async function sealedOnes(count: number) {
    const world = await pair();
    for (let i = 0; i < count; i++) {
      await keepOps(world.ada, world.ben.accountId, ops(world.ada, world.ben, 1, i));
      await sealFor(world.ada, world.ben);
    }
    return { ...world, first: await pendingOf(world.ada, world.route, 0) };
  }

  test("ahead of a lost receipt: the same bytes once more, and the answer settles them", async () => {
    const { ada, route, first } = await sealedOnes(2);
    const again = await pendingOf(ada, route, 2);
    expect(bytesOf(again)).toEqual(bytesOf(first));
    expect(
      expectValue(
        await ada.outbox.receipts(again, [
          { type: "duplicate", seq: 1 },
          { type: "duplicate", seq: 2 },
        ]),
      ),
    ).toEqual([]);
    expect(ada.outbox.waitingCount()).toBe(0);
    expect(await pendingOf(ada, route, 2)).toEqual([]);
  });

  test("in the middle of a batch: what it has is confirmed, what it lacks is sent as it is", async () => {
    const { ada, route, first } = await sealedOnes(3);
    expect(bytesOf(await pendingOf(ada, route, 1))).toEqual(bytesOf(first));
    expectValue(await ada.outbox.receipts(first, [{ type: "duplicate", seq: 1 }]));
    expect(bytesOf(await pendingOf(ada, route, 1))).toEqual(bytesOf(first.slice(1)));
  });

  test("that went back: what it gave receipts for is sent again with the same bytes", async () => {
    const { ada, route, first } = await sealedOnes(3);
    expectValue(await ada.outbox.receipts(first, [accepted(1), accepted(2), accepted(3)]));
    expect(await pendingOf(ada, route, 3)).toEqual([]);
    expect(bytesOf(await pendingOf(ada, route, 1))).toEqual(bytesOf(first.slice(1)));
  });

  test("that went back before what is long delivered: the counter is set to the server's, and what waits is sealed from there", async () => {
    const world = await sealedOnes(3);
    const { ada, ben, route, first, convId } = world;
    expectValue(await ada.outbox.receipts(first, [accepted(1), accepted(2), accepted(3)]));
    expectValue(await ada.outbox.delivered(convId, 3));
    await keepOps(ada, ben.accountId, ops(ada, ben, 1, 3));
    await sealFor(ada, ben);
    expect(await pendingOf(ada, route, 1)).toEqual([]);
    await sealFor(ada, ben);
    expect(seqsOf(await pendingOf(ada, route, 1))).toEqual([2]);
  });

  test("with other bytes at our place: all from there on is sealed anew behind what it has", async () => {
    const { ada, ben, route, first } = await sealedOnes(2);
    const answers = [refused("writer-seq", 1), refused("writer-seq", 1)];
    expect(expectValue(await ada.outbox.receipts(first, answers))).toEqual(["writer-seq"]);
    expect(ada.outbox.waitingCount()).toBe(2);
    await sealFor(ada, ben);
    const anew = await pendingOf(ada, route, 1);
    expect(seqsOf(anew)).toEqual([2]);
    expect(anew[0]?.outboxKeys.length).toBe(2);
  });

  test("past an entry that was read and trimmed: what it took behind that is sent, and only that entry is sealed anew", async () => {
    const world = await sealedOnes(3);
    const { ada, ben, route, first } = world;
    const answers = [refused("writer-seq", 1), accepted(2), accepted(3)];
    expect(expectValue(await ada.outbox.receipts(first, answers))).toEqual(["writer-seq"]);
    expect(states(ada, ops(ada, ben, 3))).toEqual(["kept", "sent", "sent"]);
    await sealFor(ada, ben);
    expect(seqsOf(await pendingOf(ada, route, 3))).toEqual([4]);
    expect(ada.alarms).toEqual([]);
  });

  test("not known, because an answer is missing: it is not lowered before the log was opened again", async () => {
    const { ada, ben, route, first } = await sealedOnes(3);
    expectValue(await ada.outbox.receipts(first, [refused("writer-seq", 1)]));
    expect(await pendingOf(ada, route, 3)).toEqual([]);
    await sealFor(ada, ben);
    expect(seqsOf(await pendingOf(ada, route, 3))).toEqual([4]);
    expect(ada.alarms).toEqual([]);
  });

  test("[DM12] above all this device ever wrote: nothing is sent, and it is named", async () => {
    const { ada, route } = await sealedOnes(2);
    const logId = route.type === "inbound" ? route.keys.logId : route.logId;
    const named = { type: "LogDistrusted", logId, fault: { type: "LogWriterAhead", written: 2, counted: 3 } };
    expect(await ada.outbox.pending(logId, 3)).toEqual({ ok: false, error: named });
    expect(ada.alarms).toEqual([named]);
  });

  test.each<FailureCode>(["quota", "rate-limited", "overloaded", "storage-full", "internal", "not-admitted"])(
    "a refusal that passes (%s) changes nothing",
    async (code) => {
      const { ada, route, first } = await sealedOnes(2);
      expect(expectValue(await ada.outbox.receipts(first, [refused(code, 0)]))).toEqual([code]);
      expect(bytesOf(await pendingOf(ada, route, 0))).toEqual(bytesOf(first));
    },
  );

  test.each<FailureCode>(["forbidden", "entry-too-large"])(
    "a refusal for good (%s) fails that entry's ops alone; what follows is sealed anew without a hole",
    async (code) => {
      const world = await sealedOnes(3);
      const { ada, ben, route, first } = world;
      const list = ops(ada, ben, 3);
      const answers = [accepted(1), refused(code, 1), refused("writer-seq", 1)];
      expect(expectValue(await ada.outbox.receipts(first, answers))).toEqual([code]);
      expect(states(ada, list)).toEqual(["sent", "failed", "kept"]);
      await sealFor(ada, ben);
      const anew = await pendingOf(ada, route, 1);
      expect(seqsOf(anew)).toEqual([2]);
      expect(bytesOf(anew)).not.toEqual(bytesOf(first.slice(2)));
      const again = await restarted(world);
      expect(states(again, list)).toEqual(["sent", "failed", "sealed"]);
      expect(bytesOf(await pendingOf(again, route, 1))).toEqual(bytesOf(anew));
    },
  );
});

describe("[DM13] a device that was revoked meanwhile", () => {
  test("is not sealed to: what has no receipt becomes other bytes, what has one stays", async () => {
    const { ada, ben, route } = await pair();
    const second = addDevice(ben.world);
    ada.chains.set(ben.accountId, stateOf(ben.world));
    ada.bundles.set(second.id, await publishBundle(ben, second));
    for (const deviceSeq of [0, 1]) {
      await keepOps(ada, ben.accountId, ops(ada, ben, 1, deviceSeq));
      await sealFor(ada, ben, route);
    }
    const before = await pendingOf(ada, route, 0);
    expect(before.map((parcel) => parcel.recipients.includes(second.id))).toEqual([true, true]);
    expectValue(await ada.outbox.receipts(before, [accepted(1)]));
    revokeDevices(ben.world, [second.id], ben.context.identity.keys);
    await sealFor(ada, ben, route);
    // The counter has a hole where the old bytes were; the server's tells where to go on.
    expect(await pendingOf(ada, route, 1)).toEqual([]);
    await sealFor(ada, ben, route);
    const after = await pendingOf(ada, route, 1);
    expect(
      after.map((parcel) => [parcel.writerSeq, parcel.outboxKeys, parcel.recipients.includes(second.id)]),
    ).toEqual([[2, before[1]?.outboxKeys, false]]);
    expect(bytesOf(after)).not.toEqual(bytesOf(before.slice(1)));
  });

  test("and whose old bytes the server has after all, without our knowing, is no set-back profile", async () => {
    const { ada, ben, route } = await pair();
    const second = addDevice(ben.world);
    ada.chains.set(ben.accountId, stateOf(ben.world));
    await keepOps(ada, ben.accountId, ops(ada, ben, 1));
    ada.bundles.set(second.id, await publishBundle(ben, second));
    await sealFor(ada, ben, route);
    revokeDevices(ben.world, [second.id], ben.context.identity.keys);
    await sealFor(ada, ben, route);
    expect((await pendingOf(ada, route, 1)).map((parcel) => parcel.writerSeq)).toEqual([2]);
    expect(ada.alarms).toEqual([]);
  });
});

describe("[DM15] an op sent again", () => {
  test("names the entries it came in, and is sealed for the present sessions", async () => {
    const world = await pair();
    const { ada, ben, route } = world;
    const [op] = ops(ada, ben, 1);
    if (op === undefined || route.type !== "inbound") throw new Error("unreachable");
    await keepOps(ada, ben.accountId, [op]);
    await sealFor(ada, ben);
    const first = await pendingOf(ada, route, 0);
    expectValue(await ada.outbox.receipts(first, [accepted(1)]));
    await keepOps(ada, ben.accountId, [op]);
    await sealFor(ada, ben);
    const [again] = await pendingOf(ada, route, 1);
    if (again === undefined) throw new Error("it waits");
    const opened = openInbound(
      route.keys.outerKey,
      { logId: route.keys.logId, header: again.entry.header },
      again.entry.sealed,
    );
    expect(opened).toMatchObject({
      ok: true,
      value: { outer: { replaces: first.map((parcel) => parcel.entryId) } },
    });
    expectValue(await ada.outbox.receipts([again], [accepted(2)]));
    // Counted once: it is one message.
    expect(ada.outbox.sentMessageCount()).toBe(1);
  });

  test("[DM19] goes in a new session while nothing has come back in the present one, and without prekeys in that", async () => {
    const { ada, ben, route } = await pair();
    const [op] = ops(ada, ben, 1);
    if (op === undefined) throw new Error("unreachable");
    const device = ben.context.identity.deviceId;
    const sessionCount = async () => {
      const row = expectValue(await ada.context.tables.session.get(ben.accountId, device));
      return expectValue(decodeSessionSet(present(row, "a session was begun").sessions)).sessions.length;
    };
    const sendAgain = async (seq: number) => {
      await keepOps(ada, ben.accountId, [op]);
      await sealFor(ada, ben);
      expectValue(await ada.outbox.receipts(await pendingOf(ada, route, seq), [accepted(seq + 1)]));
    };
    await sendAgain(0);
    expect(await sessionCount()).toBe(1);
    ada.bundles.set(device, await publishBundle(ben));
    await sendAgain(1);
    expect(await sessionCount()).toBe(2);
    ada.bundles.clear();
    await sendAgain(2);
    expect(await sessionCount()).toBe(2);
    expect(ada.outbox.sentMessageCount()).toBe(1);
  });
});

describe("first contact", () => {
  test("[FC1] a request is one entry; what comes after it waits", async () => {
    const { ada, ben } = await pair();
    const route = requestTo(ben);
    const [asked, later] = [ops(ada, ben, 2), ops(ada, ben, 3, 2)];
    await keepOps(ada, ben.accountId, asked);
    await sealFor(ada, ben, route);
    await keepOps(ada, ben.accountId, later);
    await sealFor(ada, ben, route);
    const parcels = await pendingOf(ada, route, 0);
    expect(parcels.map((parcel) => parcel.outboxKeys.length)).toEqual([2]);
    expect(parcels[0]?.isRequest).toBe(true);
    expect(parseEntryHeader(parcels[0]?.entry.header ?? filled(0))).toMatchObject({
      value: { kind: 3, epoch: 1 },
    });
    expect([...asked, ...later].map((op) => ada.outbox.stateOf(op.id))).toEqual([
      "sealed",
      "sealed",
      "kept",
      "kept",
      "kept",
    ]);
  });

  test("[FC5] a request that did not get there goes the way that is open now, and the old one stays usable", async () => {
    const { ada, ben, route } = await pair();
    await keepOps(ada, ben.accountId, ops(ada, ben, 2));
    await sealFor(ada, ben, requestTo(ben));
    expect((await pendingOf(ada, requestTo(ben), 0)).length).toBe(1);
    await sealFor(ada, ben);
    expect((await pendingOf(ada, route, 0)).map((parcel) => parcel.outboxKeys.length)).toEqual([2]);
    expect(await pendingOf(ada, requestTo(ben), 0)).toEqual([]);
    expect(ada.alarms).toEqual([]);
  });
});

test("without prekeys of any device nothing is sealed, and it is named", async () => {
  const { ada, ben, route } = await pair();
  ada.bundles.clear();
  await keepOps(ada, ben.accountId, ops(ada, ben, 1));
  expect(await ada.outbox.claim(ben.accountId, SIDE_ORIGIN, stateOf(ben.world), route)).toEqual({
    ok: true,
    value: [],
  });
  expect(await ada.outbox.seal(ben.accountId, [], stateOf(ben.world), route)).toEqual({
    ok: false,
    error: { type: "NoPreKeys", accountId: ben.accountId },
  });
  expect(ada.outbox.waitingCount()).toBe(1);
  ada.bundles.set(ben.context.identity.deviceId, await publishBundle(ben));
  await sealFor(ada, ben);
  expect((await pendingOf(ada, route, 0)).length).toBe(1);
});
