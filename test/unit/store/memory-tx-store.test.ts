import { expect, test } from "vitest";
import { STORE_BATCH_ROWS_MAX, STORE_VALUE_BYTES_MAX } from "../../../core/base/limits.ts";
import { assertBatch, assertRange } from "../../../core/store/check-request.ts";
import { createMemoryTxStore } from "../../../core/store/memory-tx-store.ts";
import { put, when } from "../../contract/tx-store.ts";

test("[ST7] bytes that were given or taken can be changed without changing a row", async () => {
  const store = createMemoryTxStore();
  const given = new Uint8Array([1, 2, 3]);
  await store.batch([put("a", given)]);
  given.fill(0);
  const taken = await store.get("a");
  if (taken.ok) taken.value?.fill(9);
  expect(await store.get("a")).toEqual({ ok: true, value: new Uint8Array([1, 2, 3]) });
});

test("a batch names at most as many rows as the limit, expectations among them, with values up to theirs", () => {
  const rows = (count: number) => Array.from({ length: count }, (_, i) => put(`k/${i}`, "v"));
  expect(() => assertBatch(rows(STORE_BATCH_ROWS_MAX), [])).not.toThrow();
  expect(() => assertBatch(rows(STORE_BATCH_ROWS_MAX - 1), [when("a", null)])).not.toThrow();
  expect(() => assertBatch(rows(STORE_BATCH_ROWS_MAX), [when("a", null)])).toThrow();
  expect(() => assertBatch(rows(STORE_BATCH_ROWS_MAX + 1), [])).toThrow();
  expect(() => assertBatch([put("a", new Uint8Array(STORE_VALUE_BYTES_MAX))], [])).not.toThrow();
  expect(() => assertBatch([put("a", new Uint8Array(STORE_VALUE_BYTES_MAX + 1))], [])).toThrow();
  for (const limit of [-1, 0.5, Number.NaN]) expect(() => assertRange({ prefix: "", limit })).toThrow();
});
