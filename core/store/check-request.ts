/** What every TxStore asks of its caller before it touches the medium. A violation is our own mistake. */
import { assert } from "../base/assert.ts";
import { STORE_BATCH_ROWS_MAX, STORE_VALUE_BYTES_MAX } from "../base/limits.ts";
import { assertRowKey, assertRowPrefix } from "./row-key.ts";
import type { Expectation, ScanRange, WriteOp } from "./tx-store.ts";

/** Checks a batch: keys, sizes, count. */
export function assertBatch(ops: readonly WriteOp[], expect: readonly Expectation[]): void {
  assert(
    ops.length + expect.length <= STORE_BATCH_ROWS_MAX,
    `a batch names at most ${STORE_BATCH_ROWS_MAX} rows`,
  );
  for (const op of ops) {
    assertRowKey(op.key);
    if (op.type === "put")
      assert(op.value.length <= STORE_VALUE_BYTES_MAX, `a value has at most ${STORE_VALUE_BYTES_MAX} bytes`);
  }
  for (const { key } of expect) assertRowKey(key);
}

/** Checks a scan. */
export function assertRange(range: ScanRange): void {
  assertRowPrefix(range.prefix);
  if (range.after !== undefined) assertRowPrefix(range.after);
  if (range.limit !== undefined)
    assert(Number.isSafeInteger(range.limit) && range.limit >= 0, "a limit is a count");
}
