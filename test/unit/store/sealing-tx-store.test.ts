import { beforeAll, expect, test, vi } from "vitest";
import { type Bytes, toUtf8 } from "../../../core/base/bytes.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../../core/store/memory-tx-store.ts";
import { sealTxStore } from "../../../core/store/sealing-tx-store.ts";
import type { TxStore } from "../../../core/store/tx-store.ts";
import { drop, put, when } from "../../contract/tx-store.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(cryptoReady);

const SECRET = "the quick brown fox";

function setUp(): { inner: TxStore; store: TxStore; reopen(key?: Bytes): TxStore } {
  const random = createSeededRandom("sealing");
  const storeKey = random.bytes(32);
  const inner = createMemoryTxStore();
  const reopen = (key = storeKey) => sealTxStore(inner, { random, storeKey: key });
  return { inner, store: reopen(), reopen };
}

test("[ST10] the inner store holds no plaintext, and equal values have different sealed bytes", async () => {
  const { inner, store } = setUp();
  await store.batch([put("a", SECRET), put("b", SECRET)]);
  const rows = await inner.scan({ prefix: "" });
  if (!rows.ok) throw new Error("the inner store reads");
  const [a, b] = rows.value.map((row) => Buffer.from(row.value));
  expect(a?.includes(SECRET)).toBe(false);
  expect(a?.equals(b ?? Buffer.alloc(0))).toBe(false);
});

test("[ST11] a value that was changed, cut, moved or sealed by another key is corrupt, never absent", async () => {
  const { inner, store, reopen } = setUp();
  await store.batch([put("a", SECRET), put("b", SECRET)]);
  const sealed = await inner.get("a");
  if (!sealed.ok || sealed.value === null) throw new Error("the row is there");
  const corrupt = (key: string) => ({ ok: false, error: { type: "StoreCorrupt", key } });
  const wrongs: readonly (readonly [string, Bytes])[] = [
    ["b", sealed.value],
    ["a", sealed.value.with(40, (sealed.value[40] ?? 0) ^ 1)],
    ["a", sealed.value.with(sealed.value.length - 1, (sealed.value.at(-1) ?? 0) ^ 1)],
    ["a", sealed.value.subarray(1)],
    ["a", new Uint8Array()],
    ["a", toUtf8(SECRET)],
  ];
  for (const [key, bytes] of wrongs) {
    await inner.batch([put(key, bytes)]);
    expect(await store.get(key)).toEqual(corrupt(key));
    expect(await store.scan({ prefix: key })).toEqual(corrupt(key));
    expect(await store.batch([put("c", "1")], [when(key, null)])).toEqual(corrupt(key));
    expect(await store.batch([put("c", "1")], [when(key, SECRET)])).toEqual(corrupt(key));
  }
  expect(await inner.get("c")).toEqual({ ok: true, value: null });
  await inner.batch([put("a", sealed.value), drop("b")]);
  expect(await store.get("a")).toEqual({ ok: true, value: toUtf8(SECRET) });
  expect(await reopen(new Uint8Array(32)).get("a")).toEqual(corrupt("a"));
  expect(await reopen().get("a")).toEqual({ ok: true, value: toUtf8(SECRET) });
});

test("[ST12] expectations compare plaintext, also when another writer sealed the same value anew", async () => {
  const { inner, store, reopen } = setUp();
  await store.batch([put("a", "1")]);
  // Between our read and our write the row is sealed again with equal plaintext: the batch is tried again.
  const other = reopen();
  const batch = inner.batch.bind(inner);
  vi.spyOn(inner, "batch").mockImplementationOnce(async (ops, expect) => {
    await other.batch([put("a", "1")]);
    return batch(ops, expect);
  });
  expect(await store.batch([put("b", "2")], [when("a", "1")])).toEqual({ ok: true, value: undefined });
  expect(await store.get("b")).toEqual({ ok: true, value: toUtf8("2") });
});

test("[ST12] a row that never stays still is a conflict in the end, and an error of the medium is passed on", async () => {
  const { inner, store } = setUp();
  await store.batch([put("a", "1")]);
  const batch = vi
    .spyOn(inner, "batch")
    .mockResolvedValue({ ok: false, error: { type: "StoreConflict", key: "a" } });
  expect(await store.batch([], [when("a", "1")])).toEqual({
    ok: false,
    error: { type: "StoreConflict", key: "a" },
  });
  expect(batch).toHaveBeenCalledTimes(4);
  batch.mockResolvedValue({ ok: false, error: { type: "StoreUnavailable", detail: "full" } });
  expect(await store.batch([put("a", "2")])).toEqual({
    ok: false,
    error: { type: "StoreUnavailable", detail: "full" },
  });
  batch.mockRestore();
  vi.spyOn(inner, "get").mockResolvedValueOnce({
    ok: false,
    error: { type: "StoreUnavailable", detail: "io" },
  });
  expect(await store.batch([put("a", "2")], [when("a", "1")])).toEqual({
    ok: false,
    error: { type: "StoreUnavailable", detail: "io" },
  });
  expect(await store.get("a")).toEqual({ ok: true, value: toUtf8("1") });
});

test("[ST12] a batch that builds on one that failed does not hold", async () => {
  const { inner, store } = setUp();
  const batch = inner.batch.bind(inner);
  const spied = vi
    .spyOn(inner, "batch")
    .mockResolvedValueOnce({ ok: false, error: { type: "StoreUnavailable", detail: "full" } });
  spied.mockImplementation(batch);
  const [first, second, third] = await Promise.all([
    store.batch([put("a", "1")], [when("a", null)]),
    store.batch([put("a", "2")], [when("a", "1")]),
    store.batch([put("b", "3")]),
  ]);
  expect(first).toEqual({ ok: false, error: { type: "StoreUnavailable", detail: "full" } });
  expect(second).toEqual({ ok: false, error: { type: "StoreConflict", key: "a" } });
  expect(third).toEqual({ ok: true, value: undefined });
  expect(await store.get("a")).toEqual({ ok: true, value: null });
});

test("[ST13] batches requested at once reach the inner store at once, so that it can commit them together", async () => {
  const { inner, store } = setUp();
  const issuedAt: number[] = [];
  let turn = 0;
  const batch = inner.batch.bind(inner);
  vi.spyOn(inner, "batch").mockImplementation((ops, expect) => {
    issuedAt.push(turn);
    return batch(ops, expect);
  });
  await store.batch([put("a", "0")]);
  issuedAt.length = 0;
  const ticking = setInterval(() => turn++, 0);
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => store.batch([put("a", String(i + 1))], [when("a", String(i))])),
  );
  clearInterval(ticking);
  expect(issuedAt).toEqual(Array.from({ length: 20 }, () => issuedAt[0]));
  expect(await store.get("a")).toEqual({ ok: true, value: toUtf8("20") });
});
