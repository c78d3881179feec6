import { expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { ok } from "../../../../core/base/result.ts";
import { createUnreadCounts, UNREAD_COUNT_MAX } from "../../../../core/client/conversations/unread-counts.ts";
import type { UnreadRow } from "../../../../core/client/tables.ts";
import type { NamedOp } from "../../../../core/messenger/op.ts";
import { good } from "../../../support/client-world.ts";

const conversationId = idFromBytes("conversation", new Uint8Array(32));

interface FakeOp {
  readonly hlc: number;
  readonly isTheirs: boolean;
  readonly goesAtMs?: number;
}

/** Ops by time; what is read of them is counted, what is stored is kept. `restart` makes a device that knows only that. */
function createFake() {
  const rows: FakeOp[] = [];
  const fake = {
    rows,
    readRows: 0,
    rewriteCount: 0,
    nowMs: 0,
    untoldRows: 0,
    stored: null as UnreadRow | null,
  };
  const keyOf = ({ hlc }: FakeOp) => String(hlc).padStart(8, "0");
  const start = () =>
    createUnreadCounts({
      load: async () => ok(fake.stored),
      store: (_id, row) => {
        fake.stored = row;
      },
      keyOf: (op) => keyOf(op.op as unknown as FakeOp),
      isUnread: (op) => {
        const { isTheirs, goesAtMs = Number.POSITIVE_INFINITY } = op.op as unknown as FakeOp;
        return isTheirs && fake.nowMs < goesAtMs;
      },
      goesAtMs: (op) => (op.op as unknown as FakeOp).goesAtMs ?? null,
      nowMs: () => fake.nowMs,
      ops: {
        rewrites: () => fake.rewriteCount,
        tally: async () =>
          ok({ opCount: rows.length - fake.untoldRows, messageCount: rows.length, newestHlc: 0 }),
        page: async (_id, limit, before) => {
          const below = rows
            .filter((row) => before === undefined || keyOf(row) < before)
            .sort((a, b) => b.hlc - a.hlc)
            .slice(0, limit);
          fake.readRows += below.length;
          return ok(below.map((row) => ({ key: keyOf(row), op: { op: row } as unknown as NamedOp })));
        },
      },
    });
  let counts = start();
  const restart = (): void => {
    fake.rewriteCount = 0;
    counts = start();
  };
  const count = async (readUpTo: number) => good(await counts.count(conversationId, readUpTo));
  /** As the store tells of ops that it has added. */
  const add = (...added: readonly FakeOp[]): void => {
    rows.push(...added);
    tell(...added);
  };
  const tell = (...added: readonly FakeOp[]): void => {
    counts.added(added.map((op) => ({ op: { ...op, conversationId } }) as unknown as NamedOp));
  };
  return { ...fake, fake, count, add, tell, restart };
}

test("a conversation is counted once, then only what is newer is read", async () => {
  const { fake, count, rows } = createFake();
  for (let hlc = 1; hlc <= 2_000; hlc++) rows.push({ hlc: hlc * 10, isTheirs: hlc % 10 === 0 });
  expect(await count(0)).toBe(200);
  fake.readRows = 0;
  expect(await count(0)).toBe(200);
  expect(fake.readRows).toBe(0);
  rows.push({ hlc: 20_010, isTheirs: true }, { hlc: 20_020, isTheirs: false });
  expect(await count(0)).toBe(201);
  expect(fake.readRows).toBeLessThanOrEqual(256);
});

test("what comes late, what is replaced or removed, and what was read are counted", async () => {
  const { fake, count, rows } = createFake();
  for (const hlc of [10, 30, 50]) rows.push({ hlc, isTheirs: true });
  expect(await count(0)).toBe(3);
  rows.push({ hlc: 20, isTheirs: true });
  expect(await count(0)).toBe(4);
  rows.push({ hlc: 60, isTheirs: true }, { hlc: 5, isTheirs: true });
  expect(await count(0)).toBe(6);
  expect(await count(30)).toBe(2);
  rows.splice(2, 1, { hlc: 50, isTheirs: false });
  fake.rewriteCount += 1;
  expect(await count(30)).toBe(1);
  expect(await count(60)).toBe(0);
});

test("at most UNREAD_COUNT_MAX are counted", async () => {
  const { count, rows } = createFake();
  for (let hlc = 1; hlc <= UNREAD_COUNT_MAX - 1; hlc++) rows.push({ hlc, isTheirs: true });
  expect(await count(0)).toBe(UNREAD_COUNT_MAX - 1);
  rows.push({ hlc: UNREAD_COUNT_MAX, isTheirs: true });
  expect(await count(0)).toBe(UNREAD_COUNT_MAX);
  rows.push({ hlc: UNREAD_COUNT_MAX + 1, isTheirs: true });
  expect(await count(0)).toBe(UNREAD_COUNT_MAX);
});

test("a long count is read again after a restart, and goes on from there", async () => {
  const { fake, count, rows, restart } = createFake();
  for (let hlc = 1; hlc <= 2_000; hlc++) rows.push({ hlc: hlc * 10, isTheirs: hlc % 10 === 0 });
  expect(await count(0)).toBe(200);
  restart();
  fake.readRows = 0;
  expect(await count(0)).toBe(200);
  expect(fake.readRows).toBe(0);
  restart();
  rows.push({ hlc: 20_010, isTheirs: true });
  expect(await count(0)).toBe(201);
  expect(fake.readRows).toBeLessThanOrEqual(8);
  restart();
  rows.push({ hlc: 15, isTheirs: true });
  expect(await count(0)).toBe(202);
  expect(await count(15_000)).toBe(51);
});

test("a short count is not stored, and what is asked for at once is counted once", async () => {
  const { fake, count, rows } = createFake();
  for (let hlc = 1; hlc <= 100; hlc++) rows.push({ hlc, isTheirs: true });
  expect(await count(0)).toBe(100);
  expect(fake.stored).toBeNull();
  for (let hlc = 101; hlc <= 900; hlc++) rows.push({ hlc, isTheirs: true });
  fake.readRows = 0;
  expect(await Promise.all([count(0), count(0), count(0)])).toEqual([900, 900, 900]);
  expect(fake.readRows).toBeLessThan(1_200);
});

test("history that comes newest first is counted as it comes, and nothing of it is read again", async () => {
  const { fake, count, add, restart } = createFake();
  const piece = (from: number) =>
    Array.from({ length: 500 }, (_, n) => ({ hlc: from + n, isTheirs: n % 10 === 0 }));
  add(...piece(9_501));
  expect(await count(9_000)).toBe(50);
  fake.readRows = 0;
  for (let from = 9_001; from > 0; from -= 500) {
    add(...piece(from));
    expect(await count(9_000)).toBe(100);
  }
  add({ hlc: 20_000, isTheirs: true });
  expect(await count(9_000)).toBe(101);
  expect(fake.readRows).toBe(0);
  // What was added is in the row, so that the next start does not read it either.
  restart();
  expect(await count(9_000)).toBe(101);
  expect(fake.readRows).toBeLessThanOrEqual(8);
});

test("what was added while rows were replaced, or before anybody asked, is counted anew", async () => {
  const { fake, count, add } = createFake();
  add({ hlc: 10, isTheirs: true });
  expect(await count(0)).toBe(1);
  fake.rewriteCount += 1;
  add({ hlc: 20, isTheirs: true });
  expect(await count(0)).toBe(2);
  // A row that came by another way than the store's.
  fake.rows.push({ hlc: 30, isTheirs: true });
  add({ hlc: 40, isTheirs: true });
  expect(await count(0)).toBe(4);
  expect(await count(20)).toBe(2);
});

test("a message that has gone by itself is not counted on, hidden or erased, counted as it came or later, nor after a restart", async () => {
  const { fake, count, add, rows, restart } = createFake();
  rows.push({ hlc: 1, isTheirs: true, goesAtMs: 100 });
  for (let hlc = 2; hlc <= 600; hlc++) rows.push({ hlc, isTheirs: true });
  expect(await count(0)).toBe(600);
  add({ hlc: 601, isTheirs: true, goesAtMs: 50 });
  rows.push({ hlc: 602, isTheirs: true, goesAtMs: 70 });
  expect(await count(0)).toBe(602);
  for (const [nowMs, unread] of [
    [49, 602],
    [50, 601],
    [70, 600],
    [100, 599],
  ] as const) {
    fake.nowMs = nowMs;
    expect(await count(0)).toBe(unread);
  }
  restart();
  expect(await count(0)).toBe(599);
});

test("a message is counted once, also when its row was read before anybody was told of it", async () => {
  const { fake, count, tell, rows } = createFake();
  const late = { hlc: 20, isTheirs: true };
  rows.push({ hlc: 10, isTheirs: true }, late);
  fake.untoldRows = 1;
  expect(await count(0)).toBe(2);
  fake.untoldRows = 0;
  tell(late);
  expect(await count(0)).toBe(2);
});
