/** The contract of `LogStore`, run on every adapter. What a log promises stands here and nowhere else. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { idFromBytes, type EntryId, type LogId, type WriterTag } from "../../core/base/ids.ts";
import { READ_PAGE_ENTRIES_MAX } from "../../core/base/limits.ts";
import type { Result } from "../../core/base/result.ts";
import { chainNext, chainStart, type LogPoint } from "../../core/protocol/entry.ts";
import type { AppendResult } from "../../core/protocol/server-frame.ts";
import { KINDS_PER_LOG_MAX, REQUEST_ENTRY_BYTES_MAX } from "../../sync-server/limits.ts";
import type { Appender, NewEntry, StoreEvent } from "../../sync-server/store/log-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must, refusal } from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { byDevice, named, nextStep, NO_ENTRY, registerAccount, storeEntry } from "../support/store-world.ts";

/** One medium, such as a file: `open` again gives a store over what the last one left. */
export interface ServerStoreMedium {
  open(): ServerStore;
  /** Whether what is written outlives `close`. */
  readonly isLasting: boolean;
  discard?(): void;
}

/** Opens stores for the tests of a contract and puts them away. */
export function storesOf(createMedium: () => ServerStoreMedium) {
  const media: ServerStoreMedium[] = [];
  const stores = new Set<ServerStore>();
  afterEach(async () => {
    for (const store of stores) await store.close();
    stores.clear();
    for (const medium of media.splice(0)) medium.discard?.();
  });
  const medium = (): ServerStoreMedium => {
    const made = createMedium();
    media.push(made);
    return made;
  };
  const open = (on: ServerStoreMedium = medium()): ServerStore => {
    const store = on.open();
    stores.add(store);
    return store;
  };
  const close = async (store: ServerStore): Promise<void> => {
    stores.delete(store);
    await store.close();
  };
  return { medium, open, close };
}

const refused = (code: string) => ({ ok: false, error: { type: "Refused", code } });

/** Declares the tests of the contract for one adapter. */
export function describeLogStore(name: string, createMedium: () => ServerStoreMedium): void {
  describe(`LogStore: ${name}`, () => {
    const stores = storesOf(createMedium);

    async function openLog(kind: "account" | "inbound" | "request" = "account", store = stores.open()) {
      const random = createSeededRandom(`log ${kind}`);
      const { accountId, deviceId, step } = await registerAccount(store, random);
      const logId = idFromBytes("log", random.bytes(32));
      const key = random.bytes(32);
      const appendKey = kind === "inbound" ? key : null;
      must(await store.createLog({ logId, ownerId: accountId, kind, appendKey }));
      const tag = idFromBytes("writerTag", random.bytes(16));
      const by = byDevice(accountId, deviceId);
      const entry = (seq: number, fields = {}): NewEntry =>
        storeEntry(logId, tag, seq, random.bytes(50), fields);
      const append = async (
        entries: readonly NewEntry[],
        appender: Appender = by,
        writerTag: WriterTag = tag,
      ) => store.append({ logId, appender, writerTag, entries });
      const headOf = async (): Promise<LogPoint> =>
        must(await store.findLog(logId))?.head ?? { incarnation: 0, seq: -1, chain: new Uint8Array(0) };
      return { store, random, accountId, deviceId, step, logId, tag, by, key, entry, append, headOf };
    }

    test("[LG3] seqs are gapless from 1, and the chain follows from the ids", async () => {
      const log = await openLog();
      const entries = [1, 2, 3].map((seq) => log.entry(seq));
      let chain = chainStart(log.logId);
      expect(await log.headOf()).toEqual({ incarnation: 0, seq: 0, chain });
      const expected = entries.map((entry, index) => {
        chain = chainNext(chain, entry.id);
        return { type: "accepted", seq: index + 1, chain };
      });
      expect(must(await log.append(entries))).toEqual(expected);
      expect(await log.headOf()).toEqual({ incarnation: 0, seq: 3, chain });
    });

    test("[LG5] the same entry again gives its first seq, however late", async () => {
      const log = await openLog();
      const first = log.entry(1);
      must(await log.append([first, log.entry(2), log.entry(3)]));
      expect(must(await log.append([first]))).toEqual([{ type: "duplicate", seq: 1 }]);
      must(
        await log.store.appendLink(nextStep(log.random, log.step, { epoch: 2, boxes: log.random.bytes(9) })),
      );
      expect(must(await log.append([first])), "also under a new epoch").toEqual([
        { type: "duplicate", seq: 1 },
      ]);
      expect((await log.headOf()).seq).toBe(3);
    });

    test("[LG5] the same entry twice in one append is placed once", async () => {
      const log = await openLog();
      const first = log.entry(1);
      expect(must(await log.append([first, first])).map(({ type }) => type)).toEqual([
        "accepted",
        "duplicate",
      ]);
    });

    test("[LG6] an entry of another tag than the proven one is refused", async () => {
      const log = await openLog();
      const other = idFromBytes("writerTag", log.random.bytes(16));
      expect(must(await log.append([log.entry(1)], log.by, other))).toEqual([
        { type: "refused", code: "wrong-writer", writerSeq: 0 },
      ]);
    });

    test("[LG7] a writer's seq is its last plus one; a refusal names the last", async () => {
      const log = await openLog();
      must(await log.append([log.entry(1), log.entry(2)]));
      for (const seq of [1, 2, 4, 9]) {
        expect(must(await log.append([log.entry(seq)])), `seq ${seq}`).toEqual([
          { type: "refused", code: "writer-seq", writerSeq: 2 },
        ]);
      }
      expect(must(await log.append([log.entry(3)]))[0]?.type).toBe("accepted");
      expect(must(await log.store.writerSeq(log.logId, log.tag))).toBe(3);
    });

    test("[LG7] what follows a refused entry in a batch is refused too", async () => {
      const log = await openLog();
      const stale = log.entry(2, { epoch: 7 });
      expect(
        must(await log.append([log.entry(1), stale, log.entry(3)])).map((result) =>
          "code" in result ? result.code : result.type,
        ),
      ).toEqual(["accepted", "stale-epoch", "writer-seq"]);
    });

    test("[LG8] only an active device of the owner appends to an account log", async () => {
      const log = await openLog();
      const stranger = await registerAccount(log.store, createSeededRandom("stranger"));
      expect(await log.append([log.entry(1)], byDevice(stranger.accountId, stranger.deviceId))).toEqual(
        refused("forbidden"),
      );
      must(
        await log.store.appendLink(
          nextStep(log.random, log.step, {
            epoch: 2,
            boxes: log.random.bytes(9),
            revokedDeviceIds: [log.deviceId],
          }),
        ),
      );
      expect(await log.append([log.entry(1, { epoch: 2 })])).toEqual(refused("revoked-device"));
    });

    test("[LG9] an account log takes only the owner's current epoch", async () => {
      const log = await openLog();
      must(await log.append([log.entry(1)]));
      must(
        await log.store.appendLink(nextStep(log.random, log.step, { epoch: 2, boxes: log.random.bytes(9) })),
      );
      for (const epoch of [1, 3, null]) {
        expect(must(await log.append([log.entry(2, { epoch })])), String(epoch)).toEqual([
          { type: "refused", code: "stale-epoch", writerSeq: 1 },
        ]);
      }
      expect(must(await log.append([log.entry(2, { epoch: 2 })]))[0]?.type).toBe("accepted");
    });

    test("[LG9] a link and an append that race are decided in one order", async () => {
      const log = await openLog();
      const [linked, placed] = await Promise.all([
        log.store.appendLink(nextStep(log.random, log.step, { epoch: 2, boxes: log.random.bytes(9) })),
        log.append([log.entry(1)]),
      ]);
      expect(linked.ok).toBe(true);
      expect(must(placed)).toEqual([{ type: "refused", code: "stale-epoch", writerSeq: 0 }]);
    });

    test("[LG10] of two that expect the same last entry of a kind, one wins", async () => {
      const log = await openLog();
      const other = idFromBytes("writerTag", log.random.bytes(16));
      const first = log.entry(1, { kind: 7, expect: NO_ENTRY });
      expect(must(await log.append([first]))[0]?.type).toBe("accepted");
      const mine = log.entry(2, { kind: 7, expect: first.id });
      const theirs = storeEntry(log.logId, other, 1, log.random.bytes(5), { kind: 7, expect: first.id });
      const between = log.entry(3, { kind: 8 });
      const [won, lost] = await Promise.all([
        log.append([mine, between]),
        log.append([theirs], log.by, other),
      ]);
      expect(must(won).map(({ type }) => type)).toEqual(["accepted", "accepted"]);
      expect(must(lost)).toEqual([{ type: "refused", code: "expect-mismatch", writerSeq: 0 }]);
      const again = storeEntry(log.logId, other, 1, log.random.bytes(5), { kind: 7, expect: mine.id });
      expect(must(await log.append([again], log.by, other))[0]?.type, "a kind between does not count").toBe(
        "accepted",
      );
    });

    test(`[LG10] a log keeps at most ${KINDS_PER_LOG_MAX} kinds`, async () => {
      const log = await openLog();
      for (let kind = 1; kind <= KINDS_PER_LOG_MAX; kind++)
        expect(must(await log.append([log.entry(kind, { kind })]))[0]?.type).toBe("accepted");
      const over = await log.append([log.entry(KINDS_PER_LOG_MAX + 1, { kind: 200 })]);
      expect(must(over)).toEqual([{ type: "refused", code: "quota", writerSeq: KINDS_PER_LOG_MAX }]);
      expect(must(await log.append([log.entry(KINDS_PER_LOG_MAX + 1, { kind: 3 })]))[0]?.type).toBe(
        "accepted",
      );
    });

    test("[LG12] a request log takes an entry of the limit and no larger one", async () => {
      const log = await openLog("request");
      const of = (seq: number, bytes: number): NewEntry =>
        storeEntry(log.logId, log.tag, seq, new Uint8Array(bytes), { kind: 3, epoch: null });
      expect(must(await log.append([of(1, REQUEST_ENTRY_BYTES_MAX + 1)], { type: "work" }))).toMatchObject([
        { code: "entry-too-large" },
      ]);
      expect(must(await log.append([of(1, REQUEST_ENTRY_BYTES_MAX)], { type: "work" }))[0]?.type).toBe(
        "accepted",
      );
      expect(must(await log.append([of(2, REQUEST_ENTRY_BYTES_MAX - 1)], { type: "work" }))[0]?.type).toBe(
        "accepted",
      );
    });

    test("[LG12] a ticket admits while it is registered", async () => {
      const log = await openLog("request");
      const [ticketHash, other] = [log.random.bytes(32), log.random.bytes(32)];
      const of = (seq: number) => [
        storeEntry(log.logId, log.tag, seq, log.random.bytes(5), { kind: 3, epoch: null }),
      ];
      expect(await log.append(of(1), { type: "ticket", ticketHash })).toEqual(refused("not-admitted"));
      must(await log.store.setTickets(log.logId, [ticketHash, other]));
      expect(must(await log.append(of(1), { type: "ticket", ticketHash }))[0]?.type).toBe("accepted");
      must(await log.store.setTickets(log.logId, [other]));
      expect(await log.append(of(2), { type: "ticket", ticketHash })).toEqual(refused("not-admitted"));
      expect(must(await log.append(of(2), { type: "ticket", ticketHash: other }))[0]?.type).toBe("accepted");
    });

    test("[LG13] a log is created once; the same again is a success", async () => {
      const log = await openLog();
      const same = { logId: log.logId, ownerId: log.accountId, kind: "account", appendKey: null } as const;
      expect((await log.store.createLog(same)).ok).toBe(true);
      expect(await log.store.createLog({ ...same, kind: "request" })).toEqual(refused("log-exists"));
      const second = idFromBytes("log", log.random.bytes(32));
      expect(await log.store.createLog({ ...same, logId: second }), "one account log an account").toEqual(
        refused("log-exists"),
      );
      expect(
        (
          await log.store.createLog({
            ...same,
            logId: second,
            kind: "inbound",
            appendKey: log.random.bytes(32),
          })
        ).ok,
      ).toBe(true);
      const nobody = idFromBytes("account", log.random.bytes(32));
      expect(await log.store.createLog({ ...same, ownerId: nobody })).toEqual(refused("unknown-account"));
    });

    test("[LG13] an account has as many room logs as it founds rooms, each decided by `expect`", async () => {
      const log = await openLog();
      const { random, store, accountId: ownerId } = log;
      const rooms = [0, 1].map(() => idFromBytes("log", random.bytes(32)));
      const key = random.bytes(32);
      for (const logId of rooms)
        must(await store.createLog({ logId, ownerId, kind: "room", appendKey: key }));
      const [room] = rooms;
      if (room === undefined) throw new Error("a room");
      const tags = [0, 1].map(() => idFromBytes("writerTag", random.bytes(16)));
      const results = await Promise.all(
        tags.map((writerTag) => {
          const entry = storeEntry(room, writerTag, 1, random.bytes(9), { epoch: null, expect: NO_ENTRY });
          const appender = { type: "capability", key } as const;
          return store.append({ logId: room, appender, writerTag, entries: [entry] });
        }),
      );
      expect(results.map((result) => must(result)[0])).toMatchObject([
        { type: "accepted", seq: 1 },
        { type: "refused", code: "expect-mismatch" },
      ]);
    });

    test("[LG21] a room's key is replaced with an entry, and the former one reads up to it and appends nothing", async () => {
      const { store, random, accountId: ownerId } = await openLog();
      const logId = idFromBytes("log", random.bytes(32));
      const [first, second, third] = [random.bytes(32), random.bytes(32), random.bytes(32)] as const;
      must(await store.createLog({ logId, ownerId, kind: "room", appendKey: first }));
      const writerTag = idFromBytes("writerTag", random.bytes(16));
      const append = (seq: number, key: Uint8Array, rekey?: Uint8Array) =>
        store.append({
          logId,
          appender: { type: "capability", key },
          writerTag,
          entries: [storeEntry(logId, writerTag, seq, random.bytes(9), { epoch: null })],
          ...(rekey === undefined ? {} : { rekey }),
        });
      const events: StoreEvent[] = [];
      store.onEvent((event) => events.push(event));
      // Of one turn: the second is decided by the key the first has set.
      const [changed, late] = await Promise.all([append(1, first, second), append(2, first)]);
      expect(must(changed)).toMatchObject([{ type: "accepted", seq: 1 }]);
      expect(late).toEqual(refused("forbidden"));
      const at = must(await store.findLog(logId))?.head;
      expect(at?.seq).toBe(1);
      expect(events.at(-1)).toEqual({ type: "rekeyed", logId, at });
      expect(must(await append(2, second))).toMatchObject([{ type: "accepted", seq: 2 }]);
      expect(must(await store.formerKey(logId, first))).toEqual(at);
      expect(must(await store.formerKey(logId, second))).toBe(null);
      expect(must(await store.formerKey(logId, third))).toBe(null);
      // What was not placed replaces nothing.
      expect(must(await append(9, second, third))).toMatchObject([{ type: "refused", code: "writer-seq" }]);
      expect(must(await append(3, second))).toMatchObject([{ type: "accepted" }]);
      must(await store.setLogKey(logId, first));
      expect(must(await store.formerKey(logId, first))).toBe(null);
      expect(must(await store.formerKey(logId, second))).toMatchObject({ seq: 3 });
      expect(must(await append(4, first))).toMatchObject([{ type: "accepted" }]);
      expect(must(await store.findLog(logId))?.appendKey).toEqual(first);
      must(await store.deleteAccount(ownerId));
      expect(await store.formerKey(logId, second)).toEqual(refused("unknown-log"));
    });

    test("[LG14] a closed log takes nothing by capability, and its owner still reads and acks", async () => {
      const log = await openLog("inbound");
      const of = (seq: number) => [
        storeEntry(log.logId, log.tag, seq, log.random.bytes(5), { kind: 2, epoch: null }),
      ];
      must(await log.append(of(1), { type: "capability", key: log.key }));
      must(await log.store.closeLog(log.logId));
      expect(await log.append(of(2), { type: "capability", key: log.key })).toEqual(refused("log-closed"));
      expect(must(await log.store.findLog(log.logId))?.isClosed).toBe(true);
      expect(
        must(await log.store.read({ logId: log.logId, after: 0, entriesMax: 9, bytesMax: 9_999 })).entries,
      ).toHaveLength(1);
      expect((await log.store.ack(log.logId, log.deviceId, 1)).ok).toBe(true);
    });

    test("a page ends at its limits, but never before its first entry", async () => {
      const log = await openLog();
      must(await log.append([1, 2, 3, 4].map((seq) => log.entry(seq))));
      const page = async (after: number, entriesMax: number, bytesMax: number) =>
        must(await log.store.read({ logId: log.logId, after, entriesMax, bytesMax })).entries.map(
          ({ seq }) => seq,
        );
      expect(await page(0, READ_PAGE_ENTRIES_MAX, 1_000_000)).toEqual([1, 2, 3, 4]);
      expect(await page(1, 2, 1_000_000)).toEqual([2, 3]);
      expect(await page(0, 10, 1)).toEqual([1]);
      expect(await page(4, 10, 1)).toEqual([]);
      expect(await log.store.read({ logId: log.logId, after: 5, entriesMax: 1, bytesMax: 1 })).toEqual(
        refused("seq-out-of-range"),
      );
    });

    test("acks go up to the head and never past it", async () => {
      const log = await openLog();
      must(await log.append([log.entry(1)]));
      expect((await log.store.ack(log.logId, log.deviceId, 1)).ok).toBe(true);
      expect((await log.store.ack(log.logId, log.deviceId, 0)).ok).toBe(true);
      expect(await log.store.ack(log.logId, log.deviceId, 2)).toEqual(refused("seq-out-of-range"));
    });

    test("what is placed is announced before its receipt, in order and once", async () => {
      const log = await openLog();
      const heard: StoreEvent[] = [];
      let wasHeardFirst = false;
      const stop = log.store.onEvent((event) => heard.push(event));
      const [one, two] = [log.entry(1), log.entry(2)];
      await Promise.all([
        log.append([one]).then(() => {
          wasHeardFirst = heard.length > 0;
        }),
        log.append([two]),
        log.append([one]),
      ]);
      stop();
      must(await log.append([log.entry(3)]));
      expect(wasHeardFirst).toBe(true);
      const seqs = heard.flatMap((event) =>
        event.type === "appended" ? event.entries.map(({ seq }) => seq) : [],
      );
      expect(seqs).toEqual([1, 2]);
    });

    test("a log nobody made is unknown to every operation", async () => {
      const { store, random, by, tag, deviceId } = await openLog();
      const logId = idFromBytes("log", random.bytes(32));
      const entry = storeEntry(logId, tag, 1, random.bytes(3));
      expect(must(await store.findLog(logId))).toBe(null);
      const results: readonly Result<unknown, unknown>[] = [
        await store.append({ logId, appender: by, writerTag: tag, entries: [entry] }),
        await store.read({ logId, after: 0, entriesMax: 1, bytesMax: 1 }),
        await store.findEntry(logId, { writerTag: tag, writerSeq: 1, entryId: entry.id }),
        await store.writerSeq(logId, tag),
        await store.ack(logId, deviceId, 0),
        await store.closeLog(logId),
        await store.setTickets(logId, []),
      ];
      for (const result of results) expect(refusal(result)).toEqual({ type: "Refused", code: "unknown-log" });
    });

    test("[LG3] any schedule of appends, retries, races and restarts agrees with the model", {
      timeout: 120_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(schedule, (actions) => agreesWithModel(stores, actions)),
        { numRuns: 40 },
      );
    });
  });
}

/** One thing that happens; numbers choose among what is there. */
type Action =
  | { readonly type: "append"; readonly log: number; readonly entries: readonly EntryChoice[] }
  | { readonly type: "retry"; readonly log: number; readonly pick: number }
  | { readonly type: "rotate"; readonly log: number }
  | { readonly type: "read"; readonly log: number; readonly after: number; readonly count: number }
  | { readonly type: "reopen" };
interface EntryChoice {
  readonly writer: number;
  readonly proven: number;
  /** 0 is right, otherwise how far off. */
  readonly offSeq: number;
  readonly offEpoch: number;
  readonly kind: number;
  readonly expect: "none" | "right" | "wrong" | "first";
}

const mostlyZero = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -2, max: 2 }) },
);
const entryChoice: fc.Arbitrary<EntryChoice> = fc.record({
  writer: fc.nat(2),
  proven: mostlyZero,
  offSeq: mostlyZero,
  offEpoch: mostlyZero,
  kind: fc.integer({ min: 1, max: 3 }),
  expect: fc.constantFrom("none", "none", "none", "right", "wrong", "first"),
});
const logChoice = fc.nat(1);
const schedule: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        type: fc.constant("append" as const),
        log: logChoice,
        entries: fc.array(entryChoice, { minLength: 1, maxLength: 4 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constant("retry" as const), log: logChoice, pick: fc.nat(50) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("rotate" as const), log: logChoice }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("read" as const),
        log: logChoice,
        after: fc.nat(40),
        count: fc.integer({ min: 1, max: 9 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ type: "reopen" as const }) },
  ),
  { maxLength: 30 },
);

interface ModelLog {
  readonly logId: LogId;
  readonly placed: NewEntry[];
}

/** The rules once more, as plainly as they can be said. */
function modelAppend(log: ModelLog, epoch: number, writerTag: WriterTag, entry: NewEntry): AppendResult {
  const { fields } = entry;
  const ofWriter = log.placed.filter((placed) => placed.fields.writerTag === writerTag).length;
  const refuse = (code: "wrong-writer" | "stale-epoch" | "writer-seq" | "expect-mismatch"): AppendResult => ({
    type: "refused",
    code,
    writerSeq: ofWriter,
  });
  if (fields.writerTag !== writerTag) return refuse("wrong-writer");
  const index = log.placed.findIndex(({ id }) => id === entry.id);
  if (index !== -1) return { type: "duplicate", seq: index + 1 };
  if (fields.epoch !== epoch) return refuse("stale-epoch");
  if (fields.writerSeq !== ofWriter + 1) return refuse("writer-seq");
  const lastOfKind: EntryId =
    log.placed.findLast((placed) => placed.fields.kind === fields.kind)?.id ?? NO_ENTRY;
  if (fields.expect !== null && fields.expect !== lastOfKind) return refuse("expect-mismatch");
  log.placed.push(entry);
  return { type: "accepted", seq: log.placed.length, chain: modelChain(log) };
}

function modelChain(log: ModelLog): Uint8Array {
  return log.placed.reduce((chain, { id }) => chainNext(chain, id), chainStart(log.logId));
}

async function agreesWithModel(
  stores: ReturnType<typeof storesOf>,
  actions: readonly Action[],
): Promise<void> {
  const random = createSeededRandom("model");
  const medium = stores.medium();
  let store = stores.open(medium);
  const accounts = [await registerAccount(store, random), await registerAccount(store, random)];
  const logs: ModelLog[] = accounts.map(() => ({ logId: idFromBytes("log", random.bytes(32)), placed: [] }));
  const tags = [0, 1, 2].map(() => idFromBytes("writerTag", random.bytes(16)));
  const steps = accounts.map(({ step }) => step);
  for (const [index, account] of accounts.entries()) {
    must(
      await store.createLog({
        logId: logs[index]?.logId ?? idFromBytes("log", random.bytes(32)),
        ownerId: account.accountId,
        kind: "account",
        appendKey: null,
      }),
    );
  }
  const made: NewEntry[][] = [[], []];

  for (const action of actions) {
    if (action.type === "reopen") {
      if (!medium.isLasting) continue;
      await stores.close(store);
      store = stores.open(medium);
      continue;
    }
    const log = logs[action.log];
    const account = accounts[action.log];
    const step = steps[action.log];
    if (log === undefined || account === undefined || step === undefined)
      throw new Error("an index in range");
    const by = byDevice(account.accountId, account.deviceId);
    if (action.type === "rotate") {
      const next = nextStep(random, step, { epoch: step.epoch + 1, boxes: random.bytes(9) });
      steps[action.log] = next;
      must(await store.appendLink(next));
    } else if (action.type === "read") {
      const range = {
        logId: log.logId,
        after: Math.min(action.after, log.placed.length),
        entriesMax: action.count,
        bytesMax: 1_000_000,
      };
      const page = must(await store.read(range));
      const expected = log.placed
        .slice(range.after, range.after + action.count)
        .map(({ sealed }, index) => `${range.after + index + 1} ${named(sealed)}`);
      expect(page.entries.map(({ seq, sealed }) => `${seq} ${named(sealed)}`)).toEqual(expected);
      expect(page.head).toEqual({ incarnation: 0, seq: log.placed.length, chain: modelChain(log) });
    } else {
      const old =
        action.type === "retry"
          ? made[action.log]?.[action.pick % Math.max(1, made[action.log]?.length ?? 0)]
          : undefined;
      if (action.type === "retry" && old === undefined) continue;
      const entries =
        action.type === "append"
          ? action.entries.map((choice, index) => choose(random, log, tags, step.epoch, choice, index))
          : old === undefined
            ? []
            : [old];
      const first = entries[0];
      if (first === undefined) continue;
      made[action.log]?.push(...entries);
      const offProven = action.type === "append" && action.entries[0]?.proven !== 0;
      const writerTag = offProven
        ? (tags.find((tag) => tag !== first.fields.writerTag) ?? first.fields.writerTag)
        : first.fields.writerTag;
      const expected = entries.map((entry) => modelAppend(log, step.epoch, writerTag, entry));
      expect(must(await store.append({ logId: log.logId, appender: by, writerTag, entries }))).toEqual(
        expected,
      );
    }
  }
  for (const log of logs) {
    for (const [index, { id, fields }] of log.placed.entries()) {
      const { writerTag, writerSeq } = fields;
      expect(must(await store.findEntry(log.logId, { writerTag, writerSeq, entryId: id }))).toBe(index + 1);
    }
  }
  await stores.close(store);
}

function choose(
  random: ReturnType<typeof createSeededRandom>,
  log: ModelLog,
  tags: readonly WriterTag[],
  epoch: number,
  choice: EntryChoice,
  index: number,
): NewEntry {
  const tag = tags[choice.writer] ?? idFromBytes("writerTag", random.bytes(16));
  const ofWriter = log.placed.filter(({ fields }) => fields.writerTag === tag).length;
  const lastOfKind = log.placed.findLast(({ fields }) => fields.kind === choice.kind)?.id ?? NO_ENTRY;
  const expectById = {
    none: null,
    right: lastOfKind,
    wrong: idFromBytes("entry", random.bytes(32)),
    first: NO_ENTRY,
  };
  return storeEntry(log.logId, tag, Math.max(1, ofWriter + 1 + index + choice.offSeq), random.bytes(20), {
    kind: choice.kind,
    epoch: Math.max(1, epoch + choice.offEpoch),
    expect: expectById[choice.expect],
  });
}
