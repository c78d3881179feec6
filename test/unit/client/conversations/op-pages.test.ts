/** Pages of ops: whatever is added, replaced and removed, they give what a plain map in the order of the keys gives. */
import { beforeAll, describe, expect, test } from "vitest";
import { OPS_PER_PAGE_MAX } from "../../../../core/base/limits.ts";
import { createOpPages, type OpChanges } from "../../../../core/client/conversations/op-pages.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import type { NamedOp } from "../../../../core/messenger/op.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { good } from "../../../support/client-world.ts";
import { conversationOf, messageOp } from "../../../support/messages.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";

beforeAll(cryptoReady);

const conversation = conversationOf(1);
const at = (hlc: number, text = "hello") => messageOp({ deviceSeq: hlc, hlc }, text);

function createWorld() {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const pages = createOpPages(tables);
  const keyOf = ({ op, id }: NamedOp) => tables.op.key(op.conversationId, op.hlc, op.device, id);
  const change = async (changes: OpChanges) => {
    const draft = pages.draft();
    good(await store.batch(good(await draft.writes(changes))));
    draft.commit();
  };
  return {
    pages,
    anew: () => createOpPages(tables),
    keyOf,
    change,
    add: (...ops: readonly NamedOp[]) => change(new Map(ops.map((op) => [keyOf(op), op]))),
    remove: (...ops: readonly NamedOp[]) => change(new Map(ops.map((op) => [keyOf(op), null]))),
    sizes: async () => good(await tables.op.scan()).map(({ value }) => value.length),
    held: async () => good(await pages.all(conversation)).map(({ op }) => op.op.hlc),
  };
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe("a page", () => {
  test("has at most OPS_PER_PAGE_MAX ops", async () => {
    for (const [count, sizes] of [
      [OPS_PER_PAGE_MAX - 1, [OPS_PER_PAGE_MAX - 1]],
      [OPS_PER_PAGE_MAX, [OPS_PER_PAGE_MAX]],
      [OPS_PER_PAGE_MAX + 1, [OPS_PER_PAGE_MAX / 2 + 1, OPS_PER_PAGE_MAX / 2]],
    ] as const) {
      const world = createWorld();
      await world.add(...range(0, count).map((hlc) => at(hlc)));
      expect(await world.sizes()).toEqual(sizes);
      expect(await world.held()).toEqual(range(0, count));
    }
  });

  test("that is full stays as it is when ops come after or before it", async () => {
    const world = createWorld();
    await world.add(...range(1_000, OPS_PER_PAGE_MAX).map((hlc) => at(hlc)));
    for (const hlc of [2_000, 2_001, 999, 998]) await world.add(at(hlc));
    expect(await world.sizes()).toEqual([2, OPS_PER_PAGE_MAX, 2]);
    expect(await world.held()).toEqual([998, 999, ...range(1_000, OPS_PER_PAGE_MAX), 2_000, 2_001]);
  });

  test("of long messages has fewer", async () => {
    const world = createWorld();
    await world.add(...range(0, 8).map((hlc) => at(hlc, "x".repeat(10_000))));
    expect(await world.sizes()).toEqual([3, 3, 2]);
  });

  test("is gone with its last op, and named anew without its first", async () => {
    const world = createWorld();
    const [first, second] = [at(1), at(2)];
    await world.add(first, second);
    await world.remove(first);
    expect(good(await world.pages.get(world.keyOf(first)))).toBeNull();
    expect(good(await world.pages.get(world.keyOf(second)))).toEqual(second);
    expect(await world.held()).toEqual([2]);
    await world.remove(second);
    expect(await world.sizes()).toEqual([]);
  });
});

test("pages are as a map in the order of its keys, in every order of changes", async () => {
  const random = createSeededRandom(3);
  const below = (bound: number) => {
    const [high = 0, low = 0] = random.bytes(2);
    return (high * 256 + low) % bound;
  };
  for (let round = 0; round < 12; round++) {
    const { anew, keyOf, change } = createWorld();
    const model = new Map<string, NamedOp>();
    for (let step = 0; step < 25; step++) {
      const from = below(2_000);
      const [count, spacing] = [1 + below(step % 3 === 0 ? 200 : 4), 1 + below(9)];
      const ops = range(0, count).map((n) => at(from + n * spacing));
      const changes = new Map(ops.map((op) => [keyOf(op), below(4) === 0 ? null : op] as const));
      await change(changes);
      // What a reader who knows nothing finds is the same.
      const pages = anew();
      for (const [key, op] of changes) {
        if (op === null) model.delete(key);
        else model.set(key, op);
      }
      const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, op]) => op.op.hlc);
      expect(good(await pages.all(conversation)).map(({ op }) => op.op.hlc)).toEqual(expected);
      const limit = 1 + below(150);
      const before = keyOf(at(below(2_500)));
      const known = [...model].filter(([key]) => key < before).sort(([a], [b]) => (a < b ? 1 : -1));
      expect(good(await pages.newest(conversation, limit, before)).map(({ key }) => key)).toEqual(
        known.slice(0, limit).map(([key]) => key),
      );
      expect(good(await pages.get(before))).toEqual(model.get(before) ?? null);
    }
  }
});

test("conversations do not mix, changed together", async () => {
  const { pages, change, keyOf } = createWorld();
  const other = conversationOf(2);
  const ops = range(0, 100).map((hlc) =>
    messageOp({ deviceSeq: hlc, hlc, conversationId: hlc % 2 === 0 ? conversation : other }),
  );
  await change(new Map(ops.map((op) => [keyOf(op), op])));
  await change(new Map(ops.slice(10, 20).map((op) => [keyOf(op), null])));
  for (const [id, parity] of [
    [conversation, 0],
    [other, 1],
  ] as const)
    expect(good(await pages.all(id)).map(({ op }) => op.op.hlc)).toEqual(
      range(0, 100).filter((hlc) => hlc % 2 === parity && (hlc < 10 || hlc >= 20)),
    );
});
