/** History that arrives whole, and a server that shrinks: stories with the real server. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Client, recoverAccount } from "@dovetail/core";
import { toHex } from "../../core/base/bytes.ts";
import { createSystemClock } from "../../core/base/clock.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { ok } from "../../core/base/result.ts";
import { makeSnapshot } from "../../core/client/snapshot/snapshot-maker.ts";
import { SNAPSHOT_TAIL_BYTES, SNAPSHOT_TAIL_ENTRIES } from "../../core/client/snapshot/snapshot-policy.ts";
import type { Documents } from "../../core/document/documents.ts";
import type { ServerFrame } from "../../core/protocol/server-frame.ts";
import { snapshotId } from "../../core/protocol/snapshot.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { silentLogger } from "../../core/base/logger.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must } from "../support/chain-world.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { createCrashDevice, type CutMoment } from "../support/crash-platform.ts";
import { createLyingServer, type Lie } from "../support/lying-server.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import {
  alarmsOf,
  createFriends,
  type Device,
  engineOf,
  expectSameState,
  fingerprintOf,
  reopened,
  settle,
  tablesOf,
  textsOf,
  unfinishedRows,
} from "../support/story.ts";

beforeAll(engineReady);

const TAIL = 4;
const platform = () => memoryPlatform({ snapshotTailEntries: TAIL });
const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function serve(): Promise<LocalServer> {
  const store = must(openSqliteStore(":memory:", silentLogger));
  // What the server does by itself is not to be in the way of what a test asks of it.
  const server = await startLocalServer({ snapshotGraceMs: 1e12 }, store);
  opened.push(() => server.close());
  return server;
}

function keep<T extends { readonly client: Client }>(device: T): T {
  opened.push(() => device.client.stop());
  return device;
}

/** Trims and collects as if the server had been at it for a while. */
async function reclaim(store: ServerStore) {
  const nowMs = createSystemClock().nowMs() + 1;
  return must(await store.reclaim({ nowMs, graceMs: 0, silentMs: 2_592_000_000 }));
}

async function write(
  device: Device,
  conversationId: Parameters<Client["send"]>[0],
  texts: readonly string[],
) {
  for (const text of texts) {
    good(await device.client.send(conversationId, text));
    good(await device.client.sync());
  }
}

const numbered = (count: number, word = "Message") => Array.from({ length: count }, (_, i) => `${word} ${i}`);

/** Two friends; Ada's messages and a snapshot of hers are on the server. */
async function world(count = 8) {
  const server = await serve();
  const friends = await createFriends(server.origin, ["ada", "ben"], { ada: platform(), ben: platform() });
  keep(friends.ada);
  keep(friends.ben);
  await write(friends.ada, friends.conversationId, numbered(count));
  await settle(friends.ada, friends.ben);
  const logId = good(await tablesOf(friends.ada).snapshot.get());
  return { server, store: server.store, ...friends, snapshot: logId };
}

describe("a snapshot", () => {
  test("[SN30] is made when enough has come since the last one, endorsed by a sibling, and lets entries go", async () => {
    const { store, ada, conversationId, snapshot } = await world();
    expect(snapshot?.upto.seq).toBeGreaterThan(TAIL);
    const phone = keep(await linkedDevice(ada.client, "phone", platform()));
    good(await phone.client.sync());
    await write(ada, conversationId, numbered(6, "More"));
    await settle(ada, phone);
    good(await phone.client.sync());
    expect((await reclaim(store)).entries).toBeGreaterThan(TAIL);
    await expectSameState(ada, phone);
  });

  test("[SN30] is made when few entries hold much: a new device reads them before it shows what is newest", async () => {
    const server = await serve();
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada", "ben"]);
    keep(ada);
    keep(ben);
    const random = createPlatformRandom();
    const long = () => toHex(random.bytes(15_000));
    const count = Math.floor(SNAPSHOT_TAIL_BYTES / 30_000);
    const tail = async () => good(await tablesOf(ada).tail.get())?.bytes ?? 0;
    for (let i = 0; i < count - 4; i++) good(await ada.client.send(conversationId, long()));
    good(await ada.client.sync());
    expect(good(await tablesOf(ada).snapshot.get())).toBeNull();
    const before = await tail();
    expect(before).toBeLessThan(SNAPSHOT_TAIL_BYTES);
    expect(before).toBeGreaterThan(SNAPSHOT_TAIL_BYTES / 2);
    for (let i = 0; i < 8; i++) good(await ada.client.send(conversationId, long()));
    good(await ada.client.sync());
    expect(good(await tablesOf(ada).snapshot.get())?.upto.seq).toBeLessThan(SNAPSHOT_TAIL_ENTRIES);
    expect(await tail()).toBeLessThan(SNAPSHOT_TAIL_BYTES / 2);
  });

  test("[SN26] a new device has everything, with the approving device gone and the entries trimmed", async () => {
    const { store, ada, ben, conversationId } = await world(12);
    await write(ben, conversationId, numbered(12, "Answer"));
    await settle(ada, ben);
    await write(ada, conversationId, numbered(6, "Late"));
    await settle(ada, ben);
    expect((await reclaim(store)).entries).toBeGreaterThan(0);
    const { view } = await fingerprintOf(ada.client);
    const phone = await linkedDevice(ada.client, "phone", platform());
    await ada.client.stop();
    keep(phone);
    const alarms = alarmsOf(phone);
    good(await phone.client.sync());
    expect(await fingerprintOf(phone.client)).toMatchObject({ view });
    expect(await textsOf(phone, conversationId)).toHaveLength(30);
    expect(good(await tablesOf(phone).restore.scan())).toEqual([]);
    expect(alarms).toEqual([]);
  });

  test("[SN40] [AR15] the words alone bring back what was trimmed, with every other device out, and later devices have it too", async () => {
    const { server, store, ada, ben, conversationId } = await world(12);
    await write(ben, conversationId, numbered(12, "Answer"));
    await settle(ada, ben);
    await write(ada, conversationId, numbered(6, "Late"));
    await settle(ada, ben);
    expect((await reclaim(store)).entries).toBeGreaterThan(0);
    const recovery = {
      origin: server.origin,
      account: { type: "handle", handle: "ada" },
      words: good(await ada.client.recoveryWords()) ?? "",
      deviceName: "spare",
      keepsDevices: false,
    } as const;
    const own = platform();
    const spare = keep({ client: good(await recoverAccount(own, recovery)), platform: own });
    const alarms = alarmsOf(spare);
    good(await spare.client.sync());
    expect(await textsOf(spare, conversationId)).toHaveLength(30);
    const phone = keep(await linkedDevice(spare.client, "phone", platform()));
    await settle(spare, phone);
    expect(await textsOf(phone, conversationId)).toHaveLength(30);
    await expectSameState(spare, phone);
    expect(alarms).toEqual([]);
    // With a snapshot of its own it goes by none of a revoked device any more.
    good(await spare.client.send(conversationId, "here again"));
    await settle(spare, phone);
    expect(good(await tablesOf(spare).vouched.scan())).toEqual([]);
  });
});

/** Ben's and Ada's messages, snapshots, and as few entries left on the server as there may be. */
async function trimmedWorld(count = 10) {
  const friends = await world(count);
  const { ada, ben, conversationId, store } = friends;
  await write(ben, conversationId, numbered(count, "Answer"));
  await settle(ada, ben);
  await write(ada, conversationId, numbered(TAIL + 2, "Late"));
  await settle(ada, ben);
  expect((await reclaim(store)).entries).toBeGreaterThan(0);
  return friends;
}

/** A new device of Ada's whose connection can lie. */
async function lyingPhone(ada: Device) {
  const lying = createLyingServer();
  const phone = keep(await linkedDevice(ada.client, "phone", { ...platform(), connector: lying.connector }));
  return { lying, phone, alarms: alarmsOf(phone) };
}

/** Frames of one type that a server says, changed. */
function lieAbout<T extends ServerFrame["type"]>(
  type: T,
  change: (frame: Extract<ServerFrame, { readonly type: T }>) => ServerFrame,
): Lie {
  const isOfType = (frame: ServerFrame): frame is Extract<ServerFrame, { readonly type: T }> =>
    frame.type === type;
  return (frame) => [isOfType(frame) ? change(frame) : frame];
}

const flipped = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, index) => (index === 40 ? byte ^ 1 : byte));

describe("[SN24] a server that lies about snapshots", () => {
  test.each<[string, Lie, string]>([
    [
      "a blob's bytes",
      lieAbout("blobs", (frame) => ({ ...frame, blobs: frame.blobs.map((blob) => blob && flipped(blob)) })),
      "WrongBlob",
    ],
    [
      "a snapshot under another's name",
      lieAbout("snapshots", (frame) => ({
        ...frame,
        snapshots: frame.snapshots.map((one) => ({
          ...one,
          id: idFromBytes("snapshot", new Uint8Array(32)),
        })),
      })),
      "WrongId",
    ],
    [
      "a sealed part that was changed",
      lieAbout("snapshots", (frame) => ({
        ...frame,
        snapshots: frame.snapshots.map((one) => {
          const snapshot = one.snapshot && { ...one.snapshot, sealed: flipped(one.snapshot.sealed) };
          return { ...one, snapshot, id: snapshot === null ? one.id : snapshotId(snapshot) };
        }),
      })),
      "DoesNotOpen",
    ],
    ["no snapshot at all", lieAbout("snapshots", (frame) => ({ ...frame, snapshots: [] })), "NoneHolds"],
    [
      "the name of a snapshot alone",
      lieAbout("snapshots", (frame) => ({
        ...frame,
        snapshots: frame.snapshots.map((one) => ({ ...one, snapshot: null })),
      })),
      "Withheld",
    ],
    [
      "a snapshot without its blobs",
      lieAbout("blobs", (frame) => ({ ...frame, blobs: frame.blobs.map(() => null) })),
      "BlobsMissing",
    ],
  ])("and gives %s is named, and nothing of it is taken over", async (_what, lie, rule) => {
    const { ada, conversationId } = await trimmedWorld();
    const { lying, phone, alarms } = await lyingPhone(ada);
    lying.lie = lie;
    expect(bad(await phone.client.sync())).toMatchObject({ type: "SnapshotDistrusted" });
    const raised = JSON.stringify([alarms, bad(await phone.client.sync())]);
    expect(raised).toContain(rule);
    expect(good(await phone.client.conversations())).toEqual([]);
    lying.lie = null;
    good(await phone.client.sync());
    expect(await textsOf(phone, conversationId)).toEqual(await textsOf(ada, conversationId));
  });

  test("[SN25] [SN37] and offers an old one is named, by a new device and by one that knew a newer", async () => {
    const { ada, conversationId, store, tablet, stale } = await staleWorld();
    expect((await reclaim(store)).entries).toBeGreaterThan(0);
    tablet.lying.lie = stale;
    good(await ada.client.send(conversationId, "one more"));
    good(await ada.client.sync());
    good(await tablet.phone.client.sync());
    expect(tablet.alarms).toEqual([{ type: "SnapshotDistrusted", rule: "Stale" }]);
    const phone = await lyingPhone(ada);
    phone.lying.lie = stale;
    expect(bad(await phone.phone.client.sync())).toEqual({ type: "SnapshotDistrusted", rule: "NoneHolds" });
    expect(phone.alarms).toContainEqual({ type: "SnapshotDistrusted", rule: "Stale" });
  });
});

/** Ada's tablet was told of a snapshot; `stale` says it again, after two later ones. */
async function staleWorld() {
  const { ada, ben, conversationId, store } = await world();
  const tablet = await lyingPhone(ada);
  let old: ServerFrame | null = null;
  tablet.lying.lie = lieAbout("snapshots", (frame) => {
    old ??= frame;
    return frame;
  });
  good(await tablet.phone.client.sync());
  tablet.lying.lie = null;
  const stale = lieAbout(
    "snapshots",
    (frame) => ({ ...(old ?? frame), requestId: frame.requestId }) as ServerFrame,
  );
  for (let round = 0; round < 2; round++) {
    await write(ada, conversationId, numbered(TAIL + 2, `Round ${round}`));
    await settle(ada, ben, tablet.phone);
  }
  return { ada, ben, conversationId, store, tablet, stale };
}

describe("[SN37] a device that knows a snapshot", () => {
  test.each(["none", "an older one"])("is told of %s: it says so, and vouches for no such", async (what) => {
    const { ada, tablet, stale, conversationId } = await staleWorld();
    const known = good(await tablesOf(tablet.phone).snapshot.get());
    good(await ada.client.send(conversationId, "one more"));
    good(await ada.client.sync());
    const none = lieAbout("snapshots", (frame) => ({ ...frame, snapshots: [] }));
    tablet.lying.lie = what === "none" ? none : stale;
    good(await tablet.phone.client.sync());
    expect(tablet.alarms).toEqual([{ type: "SnapshotDistrusted", rule: "Stale" }]);
    expect(good(await tablesOf(tablet.phone).snapshot.get())).toEqual(known);
  });

  test("[SN29] and is loading it takes no older one in its place", async () => {
    const { ada, stale, conversationId } = await staleWorld();
    const { lying, phone, alarms } = await lyingPhone(ada);
    let [answers, offers] = [0, 0];
    // The index and the state documents arrive; the buckets are gone, and an older snapshot still has some.
    lying.lie = (frame) => {
      if (frame.type === "snapshots" && ++offers > 1) return stale(frame);
      if (frame.type === "blobs" && ++answers === 3)
        return [{ ...frame, blobs: frame.blobs.map(() => null) }];
      return [frame];
    };
    expect(bad(await phone.client.sync())).toEqual({ type: "SnapshotDistrusted", rule: "Stale" });
    expect(alarms).toContainEqual({ type: "SnapshotDistrusted", rule: "Stale" });
    lying.lie = null;
    good(await phone.client.sync());
    expect(await textsOf(phone, conversationId)).toEqual(await textsOf(ada, conversationId));
  });
});

describe("a device that was away", () => {
  /** Ada's phone, away for a month in which its entries were trimmed; it has written meanwhile. */
  async function returning() {
    const friends = await world();
    const { ada, ben, conversationId, store } = friends;
    const lying = createLyingServer();
    const phone = keep(
      await linkedDevice(ada.client, "phone", { ...platform(), connector: lying.connector }),
    );
    await settle(ada, phone, ben);
    lying.cut();
    lying.deaf = () => [];
    good(await phone.client.send(conversationId, "written offline"));
    for (const _ of [1, 2, 3]) {
      await write(ada, conversationId, numbered(TAIL + 2, "While you were away"));
      await write(ben, conversationId, ["So it is."]);
      good(await ada.client.rotateEpoch());
      await settle(ada, ben);
    }
    const { accountId, deviceId } = good(await ada.client.account());
    const nowMs = createSystemClock().nowMs() + 31 * 86_400_000;
    must(await store.noteSeen(accountId, deviceId, nowMs));
    const { entries } = must(await store.reclaim({ nowMs, graceMs: 0, silentMs: 30 * 86_400_000 }));
    expect(entries, "it held nothing back").toBeGreaterThan(TAIL);
    return { ...friends, phone, lying, alarms: alarmsOf(phone) };
  }

  test("[SN25] [SN12] catches up in one go, keeps what it wrote, and ends with the same as its sibling", async () => {
    const { ada, ben, phone, lying, alarms, conversationId } = await returning();
    lying.deaf = null;
    good(await phone.client.sync());
    const texts = await textsOf(phone, conversationId);
    expect(texts.filter((text) => text.startsWith("While"))).toHaveLength(3 * (TAIL + 2));
    await settle(ada, phone, ben);
    for (const device of [ada, phone, ben])
      expect(await textsOf(device, conversationId)).toContain("written offline");
    await expectSameState(ada, phone);
    expect(alarms).toEqual([]);
    expect(await unfinishedRows(phone)).toEqual({});
  });

  test("[SN25] finds out a server whose ids of trimmed entries are others", async () => {
    const { phone, lying, alarms } = await returning();
    lying.deaf = null;
    lying.lie = lieAbout("ids", (frame) => ({ ...frame, ids: flipped(frame.ids) }));
    expect(bad(await phone.client.sync())).toMatchObject({
      type: "LogDistrusted",
      fault: { type: "LogForked" },
    });
    expect(alarms.map(({ type }) => type)).toContain("LogDistrusted");
    lying.lie = null;
    good(await phone.client.sync());
  });
});

test("[SN21] [SN30] a snapshot nobody endorsed is void once its maker was revoked; another one is made, and nobody is alarmed", async () => {
  const server = await serve();
  const slow = () => memoryPlatform({ snapshotTailEntries: 1_000 });
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada", "ben"], { ada: slow() });
  for (const device of [ada, ben]) keep(device);
  const phone = keep(await linkedDevice(ada.client, "phone", platform()));
  good(await phone.client.sync());
  const { deviceId } = good(await phone.client.account());
  const adaAlarms = alarmsOf(ada);
  await ada.client.stop();
  await write(phone, conversationId, numbered(2 * TAIL));
  await write(phone, conversationId, numbered(2 * TAIL, "More"));
  await phone.client.stop();
  const back = keep(await engineOf(ada.platform));
  const { accountLogId } = back.engine.context;
  expect(must(await server.store.readSnapshots(accountLogId))).toHaveLength(2);
  good(await back.client.revokeDevice(deviceId));
  const alarms = alarmsOf(back);
  for (let round = 0; round < 2; round++) good(await back.client.sync());
  await reclaim(server.store);
  const tablet = keep(await linkedDevice(back.client, "tablet", platform()));
  good(await tablet.client.sync());
  expect(await textsOf(tablet, conversationId)).toHaveLength(4 * TAIL);
  expect([adaAlarms, alarms]).toEqual([[], []]);
});

describe("[SN27] loading a snapshot", () => {
  test("[SN28] a new device reads nothing of other logs that its siblings are done with", async () => {
    const { ada, ben, conversationId } = await trimmedWorld();
    const { lying, phone } = await lyingPhone(ada);
    let entries = 0;
    lying.lie = lieAbout("entries", (frame) => {
      entries += frame.entries.length;
      return frame;
    });
    await ada.client.stop();
    good(await phone.client.sync());
    expect(entries, "of all logs together").toBeLessThan(2 * TAIL + 8);
    await write(ben, conversationId, ["Hello, phone"]);
    await settle(phone, ben);
    expect(await textsOf(phone, conversationId)).toContain("Hello, phone");
    expect(await unfinishedRows(phone)).toEqual({});
  });

  test.each([
    ["its first state documents", 2],
    ["its first buckets", 3],
  ])(
    "[SN29] goes on with the successor of one that is replaced before %s are loaded, which come before the log",
    async (_what, gone) => {
      const { ada, conversationId } = await trimmedWorld();
      const { lying, phone, alarms } = await lyingPhone(ada);
      let answers = 0;
      const asked: string[] = [];
      lying.deaf = (frame) => {
        if (answers >= gone) asked.push(frame.type);
        return null;
      };
      lying.lie = lieAbout("blobs", (frame) => {
        answers += 1;
        return answers === gone ? { ...frame, blobs: frame.blobs.map(() => null) } : frame;
      });
      good(await phone.client.sync());
      expect(answers).toBeGreaterThan(gone);
      const beforeReading = asked.slice(0, asked.indexOf("read"));
      // SN26: the index of the successor, and what it has.
      if (gone === 2) expect(beforeReading.filter((type) => type === "readBlobs").length).toBeGreaterThan(1);
      expect(await textsOf(phone, conversationId)).toEqual(await textsOf(ada, conversationId));
      expect(alarms).toEqual([]);
    },
  );

  test("[SN29] ends when there is no successor and blobs are missing all the same, and goes on once they are there", async () => {
    const { ada, conversationId } = await trimmedWorld();
    const { lying, phone } = await lyingPhone(ada);
    let answers = 0;
    lying.lie = lieAbout("blobs", (frame) =>
      ++answers < 3 ? frame : { ...frame, blobs: frame.blobs.map(() => null) },
    );
    const missing = { type: "SnapshotDistrusted", rule: "BlobsMissing" };
    expect(bad(await phone.client.sync())).toEqual(missing);
    expect(answers).toBeLessThan(30);
    lying.lie = null;
    good(await phone.client.sync());
    expect(await textsOf(phone, conversationId)).toEqual(await textsOf(ada, conversationId));
  });

  test.each<CutMoment>(["before", "after"])(
    "with the power cut %s any write goes on where it was, and sends nothing of it as its own",
    { timeout: 120_000 },
    async (moment) => {
      const { ada, conversationId } = await trimmedWorld(6);
      const crashing = createCrashDevice();
      const boot = () => ({ ...crashing.boot(), snapshotTailEntries: 1_000 });
      const linked = await linkedDevice(ada.client, "phone", boot());
      let phone: Device = linked;
      for (let n = 1; n <= 14; n++) {
        crashing.cutAt(n, moment);
        await Promise.race([phone.client.sync(), crashing.whenDead]);
        crashing.cutNow();
        phone = await reopened(boot());
        const { deviceId } = good(await phone.client.account());
        const own = good(await tablesOf(phone).out.scan()).map(({ value }) => value.document);
        expect(own.filter((name) => name.type !== "bucket" || name.device !== deviceId)).toEqual([]);
      }
      good(await phone.client.sync());
      await settle(ada, phone);
      await expectSameState(ada, phone);
      expect(await textsOf(phone, conversationId)).toEqual(await textsOf(ada, conversationId));
      expect(await unfinishedRows(phone)).toEqual({});
      await phone.client.stop();
    },
  );
});

describe("making a snapshot", () => {
  /** Ada's engine, with enough behind her that a snapshot would be made. */
  async function makerWorld() {
    const friends = await world();
    const { ada, conversationId } = friends;
    const phone = keep(
      await linkedDevice(ada.client, "phone", memoryPlatform({ snapshotTailEntries: 1_000 })),
    );
    await settle(ada, phone);
    await ada.client.stop();
    const maker = keep(await engineOf({ ...ada.platform, snapshotTailEntries: 1_000 }));
    const alarms = alarmsOf(phone);
    const home = good(await maker.engine.connected());
    const predecessor = good(await tablesOf(maker).snapshot.get());
    const { engine } = maker;
    const make = async (documents: Partial<Documents>) =>
      good(
        await makeSnapshot(
          { context: engine.context, log: engine.log, documents: { ...engine.documents, ...documents } },
          home.gateway,
          { id: predecessor?.id ?? null, inbound: [] },
          () => [],
        ),
      );
    const endorsed = async () =>
      must(await friends.store.readSnapshots(engine.context.accountLogId))[0]?.endorsements.length;
    return { ...friends, phone, maker, engine, alarms, make, endorsed, conversationId };
  }

  test("[SN31] a document that does not come back as it was is not proposed", async () => {
    const { make, maker, conversationId } = await makerWorld();
    good(await maker.client.send(conversationId, "a change"));
    good(await maker.client.sync());
    expect(
      await make({ inspect: () => ok({ heads: ["00".repeat(32)], ops: [], isWhole: true }) }),
    ).toBeNull();
    expect(await make({})).not.toBeNull();
  });

  test("[SN34] a sibling endorses what has everything", async () => {
    const { make, maker, phone, endorsed, alarms, conversationId } = await makerWorld();
    good(await maker.client.send(conversationId, "a change"));
    good(await maker.client.sync());
    good(await phone.client.sync());
    expect(await make({})).not.toBeNull();
    good(await maker.client.send(conversationId, "after it"));
    good(await maker.client.sync());
    good(await phone.client.sync());
    expect(await endorsed()).toBe(1);
    expect(alarms).toEqual([]);
  });

  test("[SN34] a snapshot that lacks a change is endorsed by nobody, and named", async () => {
    const { make, maker, engine, phone, endorsed, alarms } = await makerWorld();
    const settings = engine.log.ref({ type: "settings" });
    const old = good(await engine.documents.save(settings));
    good(await maker.client.setDisplayName("Ada Lovelace"));
    good(await maker.client.sync());
    const save: Documents["save"] = async (ref) =>
      ref.id === settings.id ? ok(old) : engine.documents.save(ref);
    expect(await make({ save })).not.toBeNull();
    good(await maker.client.setDisplayName("Ada"));
    good(await maker.client.sync());
    good(await phone.client.sync());
    expect(await endorsed()).toBe(0);
    expect(alarms).toEqual([{ type: "SnapshotDistrusted", rule: "ChangesMissing" }]);
  });

  test("[SN36] a snapshot with a document that is not what it says is endorsed by nobody, and named", async () => {
    const { make, maker, engine, phone, endorsed, alarms } = await makerWorld();
    const settings = engine.log.ref({ type: "settings" });
    const old = good(await engine.documents.save(settings));
    good(await maker.client.setDisplayName("Ada Lovelace"));
    good(await maker.client.sync());
    const now = good(await engine.documents.save(settings));
    const save: Documents["save"] = async (ref) =>
      ref.id === settings.id ? ok({ bytes: old.bytes, heads: now.heads }) : engine.documents.save(ref);
    const inspect: Documents["inspect"] = (ref, saved) =>
      ref.id === settings.id
        ? ok({ heads: now.heads, ops: [], isWhole: true })
        : engine.documents.inspect(ref, saved);
    expect(await make({ save, inspect })).not.toBeNull();
    good(await maker.client.setDisplayName("Ada"));
    good(await maker.client.sync());
    good(await phone.client.sync());
    expect(await endorsed()).toBe(0);
    expect(alarms).toEqual([{ type: "SnapshotDistrusted", rule: "WrongDocument" }]);
  });

  test("[SN33] what was packed before the snapshot failed is not packed again", async () => {
    const server = await serve();
    const lying = createLyingServer();
    const ports = { ...memoryPlatform({ snapshotTailEntries: TAIL }), connector: lying.connector };
    const friends = await createFriends(server.origin, ["ada", "ben"], { ada: ports });
    keep(friends.ben);
    const ada = keep(friends.ada);
    const bytesByAttempt = [0];
    let isFailing = true;
    lying.deaf = (frame) => {
      if (frame.type === "putBlobs") {
        const size = frame.blobs.reduce((sum, { length }) => sum + length, 0);
        bytesByAttempt.push((bytesByAttempt.pop() ?? 0) + size);
      }
      if (frame.type !== "putSnapshot") return null;
      bytesByAttempt.push(0);
      return isFailing ? [{ type: "failed", requestId: frame.requestId, code: "overloaded" }] : null;
    };
    await write(ada, friends.conversationId, [
      toHex(createPlatformRandom().bytes(10_000)),
      ...numbered(TAIL + 2),
    ]);
    await settle(ada, friends.ben);
    isFailing = false;
    bytesByAttempt.push(0);
    good(await ada.client.setDisplayName("Ada"));
    good(await ada.client.sync());
    expect(good(await tablesOf(ada).snapshot.get())).not.toBeNull();
    expect(bytesByAttempt[0]).toBeGreaterThan(2_000);
    expect(bytesByAttempt.at(-2)).toBeLessThan((bytesByAttempt[0] ?? 0) / 2);
  });

  test.each<CutMoment>(["before", "after"])(
    "[SN33] [SN38] with the power cut %s any write, is one in the end that a new device has everything from",
    { timeout: 120_000 },
    async (moment) => {
      const server = await serve();
      const crashing = createCrashDevice();
      const boot = () => ({ ...crashing.boot(), snapshotTailEntries: TAIL });
      const friends = await createFriends(server.origin, ["ada", "ben"], { ada: boot(), ben: platform() });
      keep(friends.ben);
      const { conversationId } = friends;
      await write(friends.ada, conversationId, numbered(TAIL));
      await write(friends.ben, conversationId, numbered(TAIL, "Answer"));
      await settle(friends.ada, friends.ben);
      let ada: Device = friends.ada;
      for (let n = 0; n < 5; n++) {
        await write(ada, conversationId, numbered(TAIL, `Round ${n}`));
        good(await ada.client.send(conversationId, `Cut ${n}`));
        crashing.cutAt(12 + 5 * n, moment);
        await Promise.race([ada.client.sync(), crashing.whenDead]);
        crashing.cutNow();
        ada = await reopened(boot());
      }
      keep(ada);
      await write(ada, conversationId, numbered(TAIL + 2, "Late"));
      await settle(ada, friends.ben);
      expect((await reclaim(server.store)).entries).toBeGreaterThan(0);
      const packs = good(await tablesOf(ada).packed.scan()).map(({ value }) => value);
      const names = packs.flatMap(({ documents }) => documents.map(({ name }) => JSON.stringify(name)));
      expect(names, "each document is in one pack").toHaveLength(new Set(names).size);
      expect(packs.length).toBeLessThan(names.length);
      const phone = keep(await linkedDevice(ada.client, "phone", platform()));
      good(await phone.client.sync());
      await expectSameState(ada, phone);
      expect(await textsOf(phone, conversationId)).toEqual(await textsOf(ada, conversationId));
    },
  );
});
