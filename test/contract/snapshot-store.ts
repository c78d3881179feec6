/** The contract of `SnapshotStore`, run on every adapter: what is kept, what may go, and what stays for ever. */
import { describe, expect, test } from "vitest";
import { type BlobId, type DeviceId, idBytes, idFromBytes, type SnapshotId } from "../../core/base/ids.ts";
import { concatBytes } from "../../core/base/bytes.ts";
import {
  blobId,
  encodeSnapshotHeader,
  snapshotId,
  type SnapshotHeader,
} from "../../core/protocol/snapshot.ts";
import type { LogKind } from "../../core/protocol/client-frame.ts";
import { TRIM_ENTRIES_MAX } from "../../sync-server/limits.ts";
import type { Refusal } from "../../sync-server/store/refusal.ts";
import type { Result } from "../../core/base/result.ts";
import type { NewEntry } from "../../sync-server/store/log-store.ts";
import type { NewSnapshot } from "../../sync-server/store/snapshot-store.ts";
import { must, refusal } from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { byDevice, nextStep, NOW_MS, registerAccount, storeEntry } from "../support/store-world.ts";
import { type ServerStoreMedium, storesOf } from "./log-store.ts";

/** The server's word for why not. */
const codeOf = (result: Result<unknown, Refusal>): string => refusal(result).code;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RULES = { nowMs: NOW_MS + 2 * HOUR_MS, graceMs: HOUR_MS, silentMs: 30 * DAY_MS };

/** Declares the tests of the contract for one adapter. */
export function describeSnapshotStore(name: string, createMedium: () => ServerStoreMedium): void {
  describe(`SnapshotStore: ${name}`, () => {
    const stores = storesOf(createMedium);

    async function openWorld(kind: LogKind = "account") {
      const medium = stores.medium();
      let store = stores.open(medium);
      const random = createSeededRandom("snapshots");
      const { accountId, deviceId: first, step } = await registerAccount(store, random);
      const second = idFromBytes("device", random.bytes(16));
      const added = nextStep(random, step, {
        addedDevices: [{ deviceId: second, signKey: random.bytes(32) }],
      });
      must(await store.appendLink(added));
      const logId = idFromBytes("log", random.bytes(32));
      const appendKey = kind === "inbound" || kind === "room" ? random.bytes(32) : null;
      must(await store.createLog({ logId, ownerId: accountId, kind, appendKey }));
      const tag = idFromBytes("writerTag", random.bytes(16));
      const placed: NewEntry[] = [];
      async function append(count: number): Promise<void> {
        for (let i = 0; i < count; i++)
          placed.push(storeEntry(logId, tag, placed.length + 1, random.bytes(60)));
        const entries = placed.slice(-count);
        must(await store.append({ logId, appender: byDevice(accountId, first), writerTag: tag, entries }));
      }
      async function ack(deviceId: DeviceId, upto: number): Promise<void> {
        must(await store.ack(logId, deviceId, upto));
      }
      async function keep(...sizes: readonly number[]): Promise<readonly BlobId[]> {
        const blobs = sizes.map((size) => random.bytes(size));
        must(await store.putBlobs(accountId, blobs, NOW_MS));
        return blobs.map(blobId);
      }
      function snapshotOf(deviceId: DeviceId, fields: Partial<SnapshotHeader>): NewSnapshot {
        const header: SnapshotHeader = {
          version: 1,
          logId,
          epoch: 1,
          upto: { incarnation: 0, seq: 0, chain: new Uint8Array(32) },
          except: [],
          previous: null,
          blobs: [],
          ...fields,
        };
        const snapshot = { header: encodeSnapshotHeader(header), sealed: random.bytes(40) };
        return { accountId, deviceId, id: snapshotId(snapshot), fields: header, snapshot, nowMs: NOW_MS };
      }
      const upto = (seq: number) => ({ incarnation: 0, seq, chain: new Uint8Array(32) });
      async function install(seq: number, previous: SnapshotId | null, except: readonly number[] = []) {
        const blobs = await keep(100);
        const snapshot = snapshotOf(first, { upto: upto(seq), previous, blobs, except });
        must(await store.putSnapshot(snapshot));
        return snapshot.id;
      }
      const endorse = (snapshotId: SnapshotId, deviceId: DeviceId = second) =>
        store.endorse({ accountId, deviceId, logId, snapshotId, endorsement: random.bytes(10) });
      const trimmedUpto = async () => must(await store.findLog(logId))?.trimmedUpto;
      async function reopen(): Promise<void> {
        if (!medium.isLasting) return;
        await stores.close(store);
        store = stores.open(medium);
      }
      return {
        get store() {
          return store;
        },
        ...{ random, accountId, first, second, added, logId, tag, placed, append, ack, keep, snapshotOf },
        ...{ install, endorse, trimmedUpto, reopen, upto },
        reclaim: async (rules: Partial<typeof RULES> = {}) =>
          must(await store.reclaim({ ...RULES, ...rules })),
        idsFrom: async (after: number, idsMax = 10_000) =>
          must(await store.readIds({ logId, after, idsMax, bytesMax: 100_000 })),
      };
    }

    type World = Awaited<ReturnType<typeof openWorld>>;
    const idsOf = (entries: readonly NewEntry[]) => concatBytes(...entries.map(({ id }) => idBytes(id)));

    /** A log whose entries up to 20 every device has read and a sibling has endorsed. */
    async function endorsedWorld(except: readonly number[] = []): Promise<World & { newest: SnapshotId }> {
      const world = await openWorld();
      await world.append(30);
      const newest = await world.install(20, null, except);
      must(await world.endorse(newest));
      await world.ack(world.first, 30);
      await world.ack(world.second, 30);
      return { ...world, newest };
    }

    test("[SN3] a blob is found by the hash of its bytes, by its own account only", async () => {
      const { store, accountId, keep, random } = await openWorld();
      const [id] = await keep(1_000);
      if (id === undefined) throw new Error("a blob was kept");
      const unknown = idFromBytes("blob", random.bytes(32));
      const found = must(await store.readBlobs(accountId, [id, unknown], 10_000));
      expect(found.map((bytes) => (bytes === null ? null : blobId(bytes)))).toEqual([id, null]);
      const other = await registerAccount(store, random);
      expect(must(await store.readBlobs(other.accountId, [id], 10_000))).toEqual([null]);
    });

    test("[SN3] blobs come as many as fit, at least one", async () => {
      const { store, accountId, keep } = await openWorld();
      const ids = await keep(1_000, 1_000, 1_000);
      expect(must(await store.readBlobs(accountId, ids, 2_500))).toHaveLength(2);
      expect(must(await store.readBlobs(accountId, ids, 10))).toHaveLength(1);
    });

    test("[SN4] a snapshot is installed for the account's own log by an active device at the current epoch", async () => {
      const world = await openWorld();
      await world.append(5);
      const blobs = await world.keep(10);
      const stranger = await registerAccount(world.store, world.random);
      const good = { upto: world.upto(5), blobs };
      const put = async (deviceId: DeviceId, fields: Partial<SnapshotHeader>, accountId = world.accountId) =>
        codeOf(await world.store.putSnapshot({ ...world.snapshotOf(deviceId, fields), accountId }));
      expect(await put(stranger.deviceId, good, stranger.accountId)).toBe("forbidden");
      expect(await put(stranger.deviceId, good)).toBe("revoked-device");
      expect(await put(world.first, { ...good, epoch: 2 })).toBe("stale-epoch");
      expect(await put(world.first, { ...good, upto: world.upto(6) })).toBe("seq-out-of-range");
      must(await world.store.putSnapshot(world.snapshotOf(world.first, good)));
    });

    test("[SN5] of two snapshots that follow the same one, the first is installed; the same again is a success", async () => {
      const world = await openWorld();
      await world.append(9);
      const blobs = await world.keep(10);
      const winner = world.snapshotOf(world.first, { upto: world.upto(5), blobs });
      const loser = world.snapshotOf(world.second, { upto: world.upto(9), blobs });
      must(await world.store.putSnapshot(winner));
      expect(codeOf(await world.store.putSnapshot(loser))).toBe("snapshot-conflict");
      must(await world.store.putSnapshot(winner));
      const next = world.snapshotOf(world.second, { upto: world.upto(9), blobs, previous: winner.id });
      must(await world.store.putSnapshot(next));
      expect(must(await world.store.readSnapshots(world.logId)).map(({ id }) => id)).toEqual([
        next.id,
        winner.id,
      ]);
      const back = world.snapshotOf(world.first, { upto: world.upto(8), blobs, previous: next.id });
      expect(codeOf(await world.store.putSnapshot(back)), "never backwards").toBe("seq-out-of-range");
    });

    test("[SN6] a snapshot whose blobs are not all there is refused", async () => {
      const world = await openWorld();
      const blobs = [...(await world.keep(10)), idFromBytes("blob", world.random.bytes(32))];
      expect(codeOf(await world.store.putSnapshot(world.snapshotOf(world.first, { blobs })))).toBe(
        "blob-missing",
      );
    });

    test("[SN8] the newest snapshot is endorsed by another active device", async () => {
      const world = await openWorld();
      await world.append(5);
      const newest = await world.install(5, null);
      expect(codeOf(await world.endorse(newest, world.first))).toBe("forbidden");
      expect(codeOf(await world.endorse(idFromBytes("snapshot", world.random.bytes(32))))).toBe(
        "unknown-snapshot",
      );
      must(await world.endorse(newest));
      const stored = must(await world.store.readSnapshots(world.logId));
      expect(stored[0]?.endorsements).toHaveLength(1);
      const { second, added, random } = world;
      must(await world.store.appendLink(nextStep(random, added, { revokedDeviceIds: [second] })));
      expect(codeOf(await world.endorse(newest))).toBe("revoked-device");
    });

    test("[SN9] an endorsed snapshot lets go of everything up to its end", async () => {
      const world = await endorsedWorld();
      expect(await world.reclaim()).toMatchObject({ entries: 20, isDone: true });
      expect(await world.trimmedUpto()).toBe(20);
      const range = { logId: world.logId, entriesMax: 100, bytesMax: 100_000 };
      expect(codeOf(await world.store.read({ ...range, after: 19 }))).toBe("log-trimmed");
      expect(must(await world.store.read({ ...range, after: 20 })).entries.map(({ seq }) => seq)[0]).toBe(21);
    });

    test("[SN10] without an endorsement only what the snapshot before covered goes", async () => {
      const world = await openWorld();
      await world.append(30);
      const before = await world.install(8, null);
      await world.ack(world.first, 30);
      await world.ack(world.second, 30);
      await world.reclaim();
      expect(await world.trimmedUpto(), "the first one, unendorsed").toBe(0);
      await world.install(25, before);
      await world.reclaim();
      expect(await world.trimmedUpto()).toBe(8);
    });

    test("[SN10] the endorsement of a device that was revoked since does not count", async () => {
      const world = await endorsedWorld();
      const { second, added, random } = world;
      must(await world.store.appendLink(nextStep(random, added, { revokedDeviceIds: [second] })));
      await world.reclaim();
      expect(await world.trimmedUpto()).toBe(0);
    });

    test("[SN9] nothing goes before the grace period is over", async () => {
      const world = await endorsedWorld();
      await world.reclaim({ nowMs: NOW_MS + HOUR_MS - 1 });
      expect(await world.trimmedUpto()).toBe(0);
      await world.reclaim({ nowMs: NOW_MS + HOUR_MS });
      expect(await world.trimmedUpto()).toBe(20);
    });

    test("[SN11] what a snapshot excepts stays whole and readable, and goes when no snapshot excepts it", async () => {
      const world = await endorsedWorld([3, 7]);
      expect((await world.reclaim()).entries).toBe(18);
      const page = await world.idsFrom(0);
      expect(page.kept.map(({ seq }) => seq)).toEqual([3, 7]);
      expect(page.ids).toEqual(idsOf(world.placed));
      const second = await world.install(25, world.newest, [7]);
      must(await world.endorse(second));
      await world.reclaim();
      expect(
        (await world.idsFrom(0)).kept.map(({ seq }) => seq),
        "the snapshot before still excepts it",
      ).toEqual([3, 7]);
      const third = await world.install(28, second);
      must(await world.endorse(third));
      await world.reclaim();
      expect((await world.idsFrom(0)).kept.map(({ seq }) => seq)).toEqual([7]);
      expect((await world.idsFrom(0)).ids).toEqual(idsOf(world.placed));
    });

    test("[SN12] a device that is about holds back what it has not read; one away for 30 days does not", async () => {
      const world = await openWorld();
      await world.append(30);
      must(await world.endorse(await world.install(20, null)));
      await world.ack(world.first, 30);
      await world.reclaim();
      expect(await world.trimmedUpto(), "the second device has read nothing").toBe(0);
      await world.ack(world.second, 12);
      await world.reclaim();
      expect(await world.trimmedUpto()).toBe(12);
      const laterMs = NOW_MS + 31 * DAY_MS;
      await world.reclaim({ nowMs: laterMs });
      expect(await world.trimmedUpto(), "nobody was here for a month").toBe(12);
      must(await world.store.noteSeen(world.accountId, world.first, laterMs));
      await world.reclaim({ nowMs: laterMs });
      expect(await world.trimmedUpto()).toBe(20);
    });

    test("[SN13] an inbound entry goes when every device that is about has acknowledged it", async () => {
      const world = await openWorld("inbound");
      await world.append(10);
      await world.ack(world.first, 9);
      await world.reclaim();
      expect(await world.trimmedUpto()).toBe(0);
      await world.ack(world.second, 4);
      await world.reclaim();
      expect(await world.trimmedUpto()).toBe(4);
    });

    test("[LG20] an entry of a room's log goes when every device of its founder that is about has released it", async () => {
      const world = await openWorld("room");
      await world.append(10);
      await world.ack(world.first, 9);
      await world.reclaim();
      expect(await world.trimmedUpto()).toBe(0);
      await world.ack(world.second, 7);
      await world.reclaim();
      expect(await world.trimmedUpto()).toBe(7);
    });

    test("[SN14] ids of trimmed entries stay, in pages that join without a gap, also after a restart", async () => {
      const world = await openWorld();
      const count = TRIM_ENTRIES_MAX + 400;
      for (let i = 0; i < count; i += 100) await world.append(Math.min(100, count - i));
      must(await world.endorse(await world.install(count - 10, null)));
      await world.ack(world.first, count);
      await world.ack(world.second, count);
      expect((await world.reclaim()).entries).toBe(count - 10);
      await world.reopen();
      expect(await world.trimmedUpto()).toBe(count - 10);
      const pages: Uint8Array[] = [];
      for (let after = 0; after < count; ) {
        const page = await world.idsFrom(after, 333);
        pages.push(page.ids);
        after += page.ids.length / 32;
        expect(page.head.seq).toBe(count);
      }
      expect(concatBytes(...pages)).toEqual(idsOf(world.placed));
      expect(
        codeOf(await world.store.readIds({ logId: world.logId, after: count + 1, idsMax: 1, bytesMax: 1 })),
      ).toBe("seq-out-of-range");
    });

    test("[LG7] a writer's counter and the log's head outlive its trimmed entries", async () => {
      const world = await openWorld();
      await world.append(30);
      must(await world.endorse(await world.install(30, null)));
      await world.ack(world.first, 30);
      await world.ack(world.second, 30);
      await world.reclaim();
      await world.reopen();
      expect(must(await world.store.writerSeq(world.logId, world.tag))).toBe(30);
      const [last] = world.placed.slice(-1);
      if (last === undefined) throw new Error("there is a last entry");
      const again = must(
        await world.store.append({
          logId: world.logId,
          appender: byDevice(world.accountId, world.first),
          writerTag: world.tag,
          entries: [last],
        }),
      );
      expect(again, "a trimmed entry is never placed again").toEqual([
        { type: "refused", code: "writer-seq", writerSeq: 30 },
      ]);
      await world.append(1);
      expect((await world.idsFrom(29)).ids).toEqual(idsOf(world.placed.slice(29)));
    });

    test("[SN15] blobs no snapshot names are collected after the grace period, and only those", async () => {
      const world = await openWorld();
      await world.append(9);
      const first = await world.install(1, null);
      const second = await world.install(2, first);
      const loose = await world.keep(50);
      const named = must(await world.store.readSnapshots(world.logId)).length;
      expect(named).toBe(2);
      expect((await world.reclaim({ nowMs: NOW_MS + HOUR_MS - 1 })).blobs).toBe(0);
      expect((await world.reclaim()).blobs).toBe(1);
      expect(must(await world.store.readBlobs(world.accountId, loose, 1_000))).toEqual([null]);
      await world.install(3, second);
      expect((await world.reclaim()).blobs, "of the snapshot that is gone").toBe(1);
    });

    test("[SN3] a blob sent again counts as new, so that a snapshot in the making keeps it", async () => {
      const world = await openWorld();
      const bytes = world.random.bytes(70);
      must(await world.store.putBlobs(world.accountId, [bytes], NOW_MS - DAY_MS));
      must(await world.store.putBlobs(world.accountId, [bytes], NOW_MS + 2 * HOUR_MS));
      expect((await world.reclaim()).blobs).toBe(0);
    });
  });
}
