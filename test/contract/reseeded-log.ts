/** The contract of logs that are begun anew, run on every adapter. */
import { describe, expect, test } from "vitest";
import { idFromBytes } from "../../core/base/ids.ts";
import { chainNext, chainStart, type LogPoint } from "../../core/protocol/entry.ts";
import type { StoreEvent } from "../../sync-server/store/log-store.ts";
import { must, refusal } from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { byDevice, registerAccount, storeEntry } from "../support/store-world.ts";
import { type ServerStoreMedium, storesOf } from "./log-store.ts";

/** Declares the tests of the contract for one adapter. */
export function describeReseededLog(name: string, createMedium: () => ServerStoreMedium): void {
  describe(`a log begun anew: ${name}`, () => {
    const stores = storesOf(createMedium);

    async function world(count = 3) {
      const medium = stores.medium();
      const store = stores.open(medium);
      const random = createSeededRandom("reseeded");
      const { accountId, deviceId } = await registerAccount(store, random);
      const logId = idFromBytes("log", random.bytes(32));
      const tag = idFromBytes("writerTag", random.bytes(16));
      const log = { logId, ownerId: accountId, kind: "account" as const, appendKey: null };
      must(await store.createLog(log));
      let chain = chainStart(logId);
      const points: LogPoint[] = [{ incarnation: 0, seq: 0, chain }];
      const append = (seq: number, by = tag) => {
        const entry = storeEntry(logId, by, seq, random.bytes(40));
        const appender = byDevice(accountId, deviceId);
        return store
          .append({ logId, appender, writerTag: by, entries: [entry] })
          .then((done) => ({ entry, done }));
      };
      for (let seq = 1; seq <= count; seq++) {
        const { entry } = await append(seq);
        chain = chainNext(chain, entry.id);
        points.push({ incarnation: 0, seq, chain });
      }
      const reseed = random.bytes(100);
      const begin = (after: LogPoint, incarnation = 1) =>
        store.reseedLog({ ...log, incarnation, after, reseed });
      return { medium, store, random, accountId, deviceId, logId, log, tag, points, append, reseed, begin };
    }

    const further = (point: LogPoint | undefined): LogPoint => ({
      incarnation: 0,
      seq: (point?.seq ?? 0) + 1,
      chain: new Uint8Array(32).fill(4),
    });

    test("[IN2] is refused while what its owner has read is there", async () => {
      const { begin, points } = await world();
      for (const point of points) expect(refusal(await begin(point)).code).toBe("log-exists");
    });

    test("[IN2] begins when the log ends before, or leads elsewhere, as the next incarnation and once", async () => {
      const { begin, points, store, logId, reseed } = await world();
      const lost = further(points.at(-1));
      expect(refusal(await begin(lost, 2)).code).toBe("log-exists");
      must(await begin(lost));
      expect(refusal(await begin(lost)).code).toBe("log-exists");
      const head = { incarnation: 1, seq: 0, chain: chainStart(logId) };
      expect(must(await store.findLog(logId))).toMatchObject({ head, reseed, trimmedUpto: 0, bytes: 0 });
      const forked = await world();
      must(await forked.begin({ incarnation: 0, seq: 2, chain: new Uint8Array(32).fill(8) }));
    });

    test("[IN2] of a log that is not there makes it", async () => {
      const { store, random, log, accountId, reseed } = await world(0);
      const logId = idFromBytes("log", random.bytes(32));
      const after = { incarnation: 4, seq: 9, chain: new Uint8Array(32) };
      const absent = { logId, ownerId: accountId, appendKey: random.bytes(32), kind: "inbound" as const };
      expect(refusal(await store.reseedLog({ ...absent, incarnation: 6, after, reseed })).code).toBe(
        "log-exists",
      );
      must(await store.reseedLog({ ...absent, incarnation: 5, after, reseed }));
      expect(must(await store.findLog(logId))?.head.incarnation).toBe(5);
      // An account has one account log, whatever it is called.
      const second = { ...log, logId: idFromBytes("log", random.bytes(32)), incarnation: 5, after, reseed };
      expect(refusal(await store.reseedLog(second)).code).toBe("log-exists");
    });

    test("[IN4] what was there is gone, and who follows it hears of it", async () => {
      const { medium, store, begin, points, logId, tag } = await world();
      const events: StoreEvent[] = [];
      store.onEvent((event) => events.push(event));
      must(await begin(further(points.at(-1))));
      expect(events).toEqual([{ type: "reseeded", logId }]);
      const range = { logId, after: 0, entriesMax: 10, bytesMax: 10_000 };
      expect(must(await store.read(range)).entries).toEqual([]);
      expect(must(await store.writerSeq(logId, tag))).toBe(0);
      if (!medium.isLasting) return;
      must(await store.erased());
      await stores.close(store);
      const again = stores.open(medium);
      expect(must(await again.findLog(logId))?.head).toMatchObject({ incarnation: 1, seq: 0 });
      expect(must(await again.figures()).logs.find(({ kind }) => kind === "account")).toMatchObject({
        logs: 1,
        entries: 0,
      });
    });

    test("[IN4] [LG21] the keys a room's log had open no other log, also where it gets the number of what was erased", async () => {
      const { store, random, log, accountId } = await world(0);
      const keys = [random.bytes(32), random.bytes(32)] as const;
      const room = { ...log, logId: idFromBytes("log", random.bytes(32)), kind: "room" as const };
      must(await store.createLog({ ...room, appendKey: keys[0] }));
      must(await store.setLogKey(room.logId, keys[1]));
      expect(must(await store.formerKey(room.logId, keys[0]))).not.toBe(null);
      const after = { incarnation: 0, seq: 9, chain: new Uint8Array(32) };
      const anew = { ...room, appendKey: keys[1], incarnation: 1, after, reseed: random.bytes(9) };
      must(await store.reseedLog(anew));
      expect(must(await store.formerKey(room.logId, keys[0]))).toBe(null);
      must(await store.erased());
      must(await store.deleteAccount(accountId));
      must(await store.erased());
      const other = await registerAccount(store, random);
      for (let i = 0; i < 3; i++) {
        const logId = idFromBytes("log", random.bytes(32));
        const appendKey = random.bytes(32);
        must(await store.createLog({ logId, ownerId: other.accountId, kind: "room", appendKey }));
        for (const key of keys) expect(must(await store.formerKey(logId, key))).toBe(null);
      }
    });

    test("[IN5] a writer goes on with its own numbers, and skips none from then on", async () => {
      const { begin, points, append, random } = await world();
      must(await begin(further(points.at(-1))));
      expect(must((await append(7)).done)).toMatchObject([{ type: "accepted", seq: 1 }]);
      expect(must((await append(9)).done)).toMatchObject([
        { type: "refused", code: "writer-seq", writerSeq: 7 },
      ]);
      expect(must((await append(7)).done)).toMatchObject([{ type: "refused", code: "writer-seq" }]);
      expect(must((await append(8)).done)).toMatchObject([{ type: "accepted", seq: 2 }]);
      const newcomer = idFromBytes("writerTag", random.bytes(16));
      expect(must((await append(1, newcomer)).done)).toMatchObject([{ type: "accepted", seq: 3 }]);
    });

    test("[IN5] [LG7] a writer whose first entry is refused does not go on with the next of the same append", async () => {
      const { begin, points, store, logId, tag, random, accountId, deviceId } = await world();
      must(await begin(further(points.at(-1))));
      const of = (seq: number, epoch: number) => storeEntry(logId, tag, seq, random.bytes(40), { epoch });
      const appender = byDevice(accountId, deviceId);
      const append = async (...entries: readonly ReturnType<typeof of>[]) =>
        must(await store.append({ logId, appender, writerTag: tag, entries }));
      expect(await append(of(7, 9), of(8, 1))).toMatchObject([
        { type: "refused", code: "stale-epoch", writerSeq: 0 },
        { type: "refused", code: "writer-seq", writerSeq: 0 },
      ]);
      expect(await append(of(7, 1), of(8, 1))).toMatchObject([
        { type: "accepted", seq: 1 },
        { type: "accepted", seq: 2 },
      ]);
    });
  });
}
