/** Receiving: what a contact, a stranger or their server can do to an entry, and what becomes of it. */
import { beforeAll, describe, expect, test } from "vitest";
import { isDialable } from "../../../../core/client/conversations/inbound.ts";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { ok } from "../../../../core/base/result.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import type { TxStore } from "../../../../core/store/tx-store.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import type { PlacedEntry } from "../../../../core/protocol/entry.ts";
import { addDevice, createWorld, revokeDevices, stateOf } from "../../../support/chain-world.ts";
import {
  acquaint,
  createSide,
  keepOps,
  logBehind,
  opOf,
  pendingOf,
  placed,
  receive,
  requestTo,
  routeTo,
  sealFor,
  type Side,
  expectValue,
} from "../../../support/messenger-side.ts";
import { accountOf, conversationOf, deviceOf, filled } from "../../../support/messages.ts";

beforeAll(cryptoReady);

async function pair() {
  const [ada, ben] = [await createSide("ada"), await createSide("ben")];
  await acquaint(ada, ben);
  const route = routeTo(ada, ben);
  return { ada, ben, route, log: logBehind(route, ada) };
}

/** Entries with one op each, as Ada's device makes them. */
async function entriesOf(
  ada: Side,
  ben: Side,
  count: number,
  route = routeTo(ada, ben),
): Promise<PlacedEntry[]> {
  for (let i = 0; i < count; i++) {
    await keepOps(ada, ben.accountId, [opOf(ada, ben, i)]);
    await sealFor(ada, ben, route);
  }
  return placed(await pendingOf(ada, route, 0));
}

const textCount = (page: { readonly arrivals: readonly { readonly ops: readonly unknown[] }[] }) =>
  page.arrivals.flatMap((arrival) => arrival.ops).length;

describe("[DM6] a page", () => {
  test("gives the ops with their source, and a second delivery gives nothing", async () => {
    const { ada, ben, log } = await pair();
    const entries = await entriesOf(ada, ben, 3);
    const page = await receive(ben, log, entries);
    expect(
      page.arrivals.map((arrival) => [
        arrival.contact,
        arrival.device,
        arrival.source.seq,
        arrival.ops[0]?.op.deviceSeq,
      ]),
    ).toEqual([0, 1, 2].map((i) => [ada.accountId, ada.context.identity.deviceId, i + 1, i]));
    expect(textCount(await receive(ben, log, entries))).toBe(0);
    expect(ben.alarms).toEqual([]);
    expect(expectValue(await ben.inbound.reader(log.logId)).point.seq).toBe(3);
  });

  test("that was not stored is read again from where it was, with the same keys", async () => {
    const { ada, ben, log } = await pair();
    const entries = await entriesOf(ada, ben, 2);
    expect(textCount(expectValue(await ben.inbound.open(log, entries)))).toBe(2);
    expect(textCount(await receive(ben, log, entries))).toBe(2);
  });

  test("with one entry twice at two places gives its ops once, and no alarm", async () => {
    const { ada, ben, log } = await pair();
    const [entry] = await entriesOf(ada, ben, 1);
    if (entry === undefined) throw new Error("made");
    const page = await receive(ben, log, [entry, { ...entry, seq: 2 }]);
    expect(textCount(page)).toBe(1);
    expect(ben.alarms).toEqual([]);
    expect(ben.setAside.lowestSeq(log.logId)).toBe(null);
  });

  test("uses a one-time prekey once: its private half goes in the same transaction", async () => {
    const { ada, ben, log } = await pair();
    const before = expectValue(await ben.context.tables.prekey.scan()).length;
    await receive(ben, log, await entriesOf(ada, ben, 1));
    expect(expectValue(await ben.context.tables.prekey.scan()).length).toBe(before - 1);
    expect(expectValue(await ben.context.tables.session.scan()).length).toBe(1);
  });
});

describe("[DM7] ops that are not the session's", () => {
  test.each([
    ["of another author", { author: accountOf(9) }],
    ["of another device", { device: deviceOf(9) }],
    ["of another conversation", { conversationId: conversationOf(9) }],
  ])("%s are refused by name, and the next entry opens", async (_what, changes) => {
    const { ada, ben, route, log } = await pair();
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 0, changes)]);
    await sealFor(ada, ben);
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 1)]);
    await sealFor(ada, ben);
    const page = await receive(ben, log, placed(await pendingOf(ada, route, 0)));
    expect(page.arrivals.map((arrival) => arrival.source.seq)).toEqual([2]);
    expect(ben.alarms).toEqual([{ type: "EntryRefused", logId: log.logId, seq: 1, rule: "NotTheirOp" }]);
  });

  test("one such op spoils all that came with it", async () => {
    const { ada, ben, route, log } = await pair();
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 0), opOf(ada, ben, 1, { author: accountOf(9) })]);
    await sealFor(ada, ben);
    expect(textCount(await receive(ben, log, placed(await pendingOf(ada, route, 0))))).toBe(0);
  });
});

describe("[DM9] an entry that does not open", () => {
  test("for want of a session is set aside, its sender is to be asked, and what follows opens", async () => {
    const { ada, ben, log } = await pair();
    const entries = await entriesOf(ada, ben, 1);
    const prekeys = expectValue(await ben.context.tables.prekey.scan());
    expectValue(await ben.store.batch(prekeys.map(({ key }) => ({ type: "delete", key }))));
    const page = await receive(ben, log, entries);
    expect([page.arrivals, page.missingFrom, ben.alarms]).toEqual([[], [ada.accountId], []]);
    expect(ben.setAside.lowestSeq(log.logId)).toBe(1);
    expect(ben.setAside.isMissing(ada.accountId)).toBe(true);
    const row = expectValue(await ben.context.tables.aside.scan())[0]?.value;
    expect(row).toMatchObject({ contact: ada.accountId, waiting: null });
  });

  test("because a sibling has it already is not set aside", async () => {
    const { ada, ben, log } = await pair();
    const entries = await entriesOf(ada, ben, 1);
    const [parcel] = await pendingOf(ada, routeTo(ada, ben), 0);
    if (parcel === undefined) throw new Error("made");
    const known = ben.setAside.change({ archived: [parcel.entryId] }, 0);
    expectValue(await ben.store.batch(known.writes));
    known.commit();
    expectValue(
      await ben.store.batch(
        expectValue(await ben.context.tables.prekey.scan()).map(({ key }) => ({ type: "delete", key })),
      ),
    );
    const page = await receive(ben, log, entries);
    expect([
      page.missingFrom,
      ben.setAside.lowestSeq(log.logId),
      ben.setAside.isArchived(parcel.entryId, null),
    ]).toEqual([[], null, false]);
  });

  test("goes when another entry replaces it", async () => {
    const { ada, ben, log, route } = await pair();
    const entries = await entriesOf(ada, ben, 1);
    const prekeys = expectValue(await ben.context.tables.prekey.scan());
    expectValue(await ben.store.batch(prekeys.map(({ key }) => ({ type: "delete", key }))));
    await receive(ben, log, entries);
    expectValue(
      await ben.store.batch(
        prekeys.map(({ key, value }) => ben.context.tables.prekey.put([key.split("/")[1] ?? ""], value)),
      ),
    );
    expectValue(
      await ada.outbox.receipts(await pendingOf(ada, route, 0), [
        { type: "accepted", seq: 1, chain: filled(1) },
      ]),
    );
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 0)]);
    await sealFor(ada, ben);
    const page = await receive(ben, log, placed(await pendingOf(ada, route, 1), 2));
    expect([textCount(page), [...page.freedLogs], ben.setAside.lowestSeq(log.logId)]).toEqual([
      1,
      [log.logId],
      null,
    ]);
  });

  test("is known to be replaced before it is read, where a sibling has opened the one that replaces it", async () => {
    const { ada, ben, log, route } = await pair();
    await entriesOf(ada, ben, 1);
    const [former] = await pendingOf(ada, route, 0);
    if (former === undefined) throw new Error("made");
    expectValue(await ada.outbox.receipts([former], [{ type: "accepted", seq: 1, chain: filled(1) }]));
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 0)]);
    await sealFor(ada, ben);
    const [later] = await pendingOf(ada, route, 1);
    if (later === undefined) throw new Error("made");
    const prekeys = expectValue(await ben.context.tables.prekey.scan());
    expectValue(await ben.store.batch(prekeys.map(({ key }) => ({ type: "delete", key }))));
    const known = ben.setAside.change({ archived: [later.entryId] }, 0);
    expectValue(await ben.store.batch(known.writes));
    known.commit();
    await receive(ben, log, placed([later], 1));
    expect(
      [ada.accountId, ben.accountId, null].map((sender) => ben.setAside.isArchived(former.entryId, sender)),
    ).toEqual([true, false, false]);
  });

  test("and is read together with the one that replaces it is not set aside", async () => {
    const inner = createMemoryTxStore();
    let hidden = 0;
    const store: TxStore = {
      ...inner,
      get: async (key) => (key.startsWith("prekey/") && hidden-- > 0 ? ok(null) : inner.get(key)),
    };
    const [ada, ben] = [await createSide("ada"), await createSide("ben", store)];
    await acquaint(ada, ben);
    const route = routeTo(ada, ben);
    const log = logBehind(route, ada);
    const first = await entriesOf(ada, ben, 1, route);
    const sent = await pendingOf(ada, route, 0);
    expectValue(await ada.outbox.receipts(sent, [{ type: "accepted", seq: 1, chain: filled(1) }]));
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 0)]);
    await sealFor(ada, ben);
    // What the first one was sealed to is not here; what the second one was, is.
    hidden = 2;
    const page = await receive(ben, log, [...first, ...placed(await pendingOf(ada, route, 1), 2)]);
    expect([textCount(page), ben.setAside.lowestSeq(log.logId)]).toEqual([1, null]);
    expect(ben.setAside.isMissing(ada.accountId)).toBe(false);
  });

  test("from a device that was revoked is refused by name", async () => {
    const { ada, ben, log } = await pair();
    const entries = await entriesOf(ada, ben, 1);
    const other = addDevice(ada.world);
    revokeDevices(ada.world, [ada.context.identity.deviceId], other);
    ben.chains.set(ada.accountId, stateOf(ada.world));
    await receive(ben, log, entries);
    expect(ben.alarms).toEqual([
      { type: "EntryRefused", logId: log.logId, seq: 1, rule: "DeviceWasRevoked" },
    ]);
  });
});

describe("[DM5] an entry whose sender's chain is not here", () => {
  test("waits with its bytes, and opens when the chain has come", async () => {
    const { ada, ben, log } = await pair();
    const entries = await entriesOf(ada, ben, 2);
    const chain = stateOf(ada.world);
    ben.chains.clear();
    const page = await receive(ben, log, entries);
    expect([page.arrivals, page.missingFrom, ben.alarms]).toEqual([[], [], []]);
    expect([...ben.setAside.chainsWanted().keys()]).toEqual([ada.accountId]);
    ben.chains.set(ada.accountId, chain);
    const waiting = expectValue(await ben.setAside.waitingFor(ada.accountId));
    const reopened = expectValue(await ben.inbound.reopen(log, waiting, null));
    expectValue(await ben.store.batch(reopened.writes));
    reopened.commit();
    expect(textCount(reopened)).toBe(2);
    expect(ben.setAside.lowestSeq(log.logId)).toBe(null);
    expect(expectValue(await ben.inbound.reader(log.logId)).point.seq).toBe(2);
  });

  test("is refused when the chain turns out to be none, or not to have the device", async () => {
    const { ada, ben, log } = await pair();
    const entries = await entriesOf(ada, ben, 1);
    ben.chains.clear();
    await receive(ben, log, entries);
    const waiting = expectValue(await ben.setAside.waitingFor(ada.accountId));
    expectValue(await ben.inbound.reopen(log, waiting, "BadSignature"));
    ben.chains.set(ada.accountId, stateOf(createWorld("somebody else")));
    const reopened = expectValue(await ben.inbound.reopen(log, waiting, null));
    expect(reopened.arrivals).toEqual([]);
    expect(ben.alarms.map((alarm) => (alarm.type === "EntryRefused" ? alarm.rule : alarm.type))).toEqual([
      "BadSignature",
      "DeviceNotOnChain",
    ]);
  });

  test("waits too when only its device is new", async () => {
    const { ada, ben, log } = await pair();
    const entries = await entriesOf(ada, ben, 1);
    ben.chains.set(ada.accountId, stateOf(createWorld("before that device")));
    await receive(ben, log, entries);
    expect([...ben.setAside.chainsWanted().keys()]).toEqual([ada.accountId]);
  });
});

describe("[DM8] a letter that quotes", () => {
  test("another head of either chain is named", async () => {
    for (const side of ["mine", "yours"] as const) {
      const { ada, ben, log, route } = await pair();
      await keepOps(ada, ben.accountId, [opOf(ada, ben, 0)]);
      const state = stateOf(side === "mine" ? ada.world : ben.world);
      const forked = { ...state, head: idFromBytes("link", filled(9)) };
      // What Ada's device believes of itself, or of Ben, is another chain than Ben sees.
      if (side === "mine") Object.defineProperty(ada.context, "chain", { value: () => forked });
      const chain = side === "yours" ? forked : stateOf(ben.world);
      const bundles = expectValue(
        await ada.outbox.claim(ben.accountId, "https://dove.example", chain, route),
      );
      expectValue(await ada.outbox.seal(ben.accountId, bundles, chain, route));
      const page = await receive(ben, log, placed(await pendingOf(ada, route, 0)));
      expect(textCount(page)).toBe(1);
      expect(ben.alarms).toEqual([{ type: "ChainsDisagree", accountId: ada.accountId }]);
    }
  });

  test("a link that is not here yet is compared when it is", async () => {
    const { ada, ben, log } = await pair();
    addDevice(ada.world);
    const entries = await entriesOf(ada, ben, 1);
    await receive(ben, log, entries);
    expect([...ben.inbound.quotesAhead().keys()]).toEqual([ada.accountId]);
    expect(ben.alarms).toEqual([]);
    ben.chains.set(ada.accountId, stateOf(ada.world));
    expectValue(await ben.inbound.checkQuotes(ada.accountId));
    expect([ben.inbound.quotesAhead().size, ben.alarms]).toEqual([0, []]);
  });

  test("a link that never comes is a disagreement", async () => {
    const { ada, ben, log } = await pair();
    const before = stateOf(ada.world);
    addDevice(ada.world);
    await receive(ben, log, await entriesOf(ada, ben, 1));
    ben.chains.set(ada.accountId, before);
    expectValue(await ben.inbound.checkQuotes(ada.accountId));
    expect(ben.alarms).toEqual([{ type: "ChainsDisagree", accountId: ada.accountId }]);
  });

  test("a receipt of another log than ours is named", async () => {
    const { ada, ben, log, route } = await pair();
    const [first] = await entriesOf(ada, ben, 1);
    expectValue(
      await ada.outbox.receipts(await pendingOf(ada, route, 0), [
        { type: "accepted", seq: 1, chain: filled(9) },
      ]),
    );
    await receive(ben, log, [first ?? { seq: 1, header: filled(1), sealed: filled(1) }]);
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 1)]);
    await sealFor(ada, ben);
    await receive(ben, log, placed(await pendingOf(ada, route, 1), 2));
    expect(ben.alarms).toEqual([
      { type: "LogDistrusted", logId: log.logId, fault: { type: "LogForked", seq: 1 } },
    ]);
  });
});

describe("first contact", () => {
  const requestOf = async (ada: Side, ben: Side) => ({
    entries: await entriesOf(ada, ben, 1, requestTo(ben)),
    log: logBehind(requestTo(ben), ada),
  });

  test("[FC2] a request opens to who it says it is from", async () => {
    const { ada, ben } = await pair();
    const { entries, log } = await requestOf(ada, ben);
    expect((await receive(ben, log, entries)).arrivals).toMatchObject([
      { contact: ada.accountId, isRequest: true, origin: "https://dove.example" },
    ]);
  });

  test("[FC2] one for an epoch that is not here, and one from oneself, are refused", async () => {
    const { ada, ben } = await pair();
    const { entries, log } = await requestOf(ada, ben);
    Object.defineProperty(ben.context, "epochSecret", { value: () => null });
    await receive(ben, log, entries);
    expect(ben.alarms).toMatchObject([{ type: "EntryRefused", rule: "UnknownEpoch" }]);
  });

  test("[FC7] what a declined contact sends is neither kept aside nor asked for", async () => {
    const { ada, ben } = await pair();
    const { entries, log } = await requestOf(ada, ben);
    ben.contacts.set(ada.accountId, "declined");
    expectValue(
      await ben.store.batch(
        expectValue(await ben.context.tables.prekey.scan()).map(({ key }) => ({ type: "delete", key })),
      ),
    );
    const page = await receive(ben, log, entries);
    expect([
      page.missingFrom,
      ben.setAside.lowestSeq(log.logId),
      expectValue(await ben.inbound.reader(log.logId)).point.seq,
    ]).toEqual([[], null, 1]);
  });

  test.each([
    ["https://dove.example", "https://own.example", true],
    ["http://127.0.0.1:631", "https://own.example", false],
    ["http://127.0.0.1:8787", "http://127.0.0.1:9999", true],
    ["https://dove.example/path", "https://own.example", false],
    ["ftp://dove.example", "http://127.0.0.1:1", false],
    ["", "http://127.0.0.1:1", false],
  ])("[FC8] a home %s named to a device of %s", (origin, own, isOk) => {
    expect(isDialable(origin, own)).toBe(isOk);
  });
});
