/** Typed rows: keys, ranges, and bytes that are not what was written. */
import { expect, test } from "vitest";
import { integer, struct, text } from "../../../core/codec/shape.ts";
import { createMemoryTxStore } from "../../../core/store/memory-tx-store.ts";
import { createTable } from "../../../core/store/table.ts";

const shape = struct({ name: text(8), count: integer(0) });

function createRows() {
  const store = createMemoryTxStore();
  return { store, table: createTable(store, "thing", shape) };
}

test("a row comes back as it was put, and is gone when it was removed", async () => {
  const { store, table } = createRows();
  await store.batch([table.put(["a", 7], { name: "x", count: 1 })]);
  expect(await table.get("a", 7)).toEqual({ ok: true, value: { name: "x", count: 1 } });
  expect(await table.get("a", 8)).toEqual({ ok: true, value: null });
  await store.batch([table.remove("a", 7)]);
  expect(await table.get("a", 7)).toEqual({ ok: true, value: null });
});

test("rows are scanned in the order of their parts, under a prefix, in pages, both ways", async () => {
  const { store, table } = createRows();
  const other = createTable(store, "things", shape);
  const row = (count: number) => ({ name: "x", count });
  await store.batch([
    other.put(["a"], row(99)),
    ...[9, 10, 100, 2].map((n) => table.put(["a", n], row(n))),
    table.put(["b", 1], row(1)),
    table.put(["ab", 1], row(5)),
  ]);
  const counts = async (range?: Parameters<typeof table.scan>[0]) => {
    const rows = await table.scan(range);
    return rows.ok ? rows.value.map(({ value }) => value.count) : rows;
  };
  expect(await counts({ under: ["a"] })).toEqual([2, 9, 10, 100]);
  expect(await counts()).toEqual([2, 9, 10, 100, 5, 1]);
  expect(await counts({ under: ["a"], reverse: true, limit: 2 })).toEqual([100, 10]);
  expect(await counts({ under: ["a"], after: table.key("a", 9) })).toEqual([10, 100]);
  expect(await counts({ under: ["a"], after: table.key("a", 10), reverse: true })).toEqual([9, 2]);
});

test("a row whose bytes are something else is corrupt, by its key, alone and in a scan", async () => {
  const { store, table } = createRows();
  const key = table.key("a", 1);
  await store.batch([
    table.put(["a", 0], { name: "x", count: 1 }),
    { type: "put", key, value: Uint8Array.from([1, 2, 3]) },
  ]);
  const corrupt = { ok: false, error: { type: "StoreCorrupt", key } };
  expect(await table.get("a", 1)).toEqual(corrupt);
  expect(await table.scan()).toEqual(corrupt);
  expect((await table.get("a", 0)).ok).toBe(true);
});

test("what the store refuses is passed on", async () => {
  const { store, table } = createRows();
  await store.close();
  expect(await table.get("a", 1)).toMatchObject({ ok: false, error: { type: "StoreUnavailable" } });
  expect(await table.scan()).toMatchObject({ ok: false, error: { type: "StoreUnavailable" } });
});

test("a value that does not fit its shape is never written", () => {
  const { table } = createRows();
  expect(() => table.put(["a"], { name: "x".repeat(9), count: 1 })).toThrow("fits");
});
