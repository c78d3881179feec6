/**
 * TxStore that seals every value of another one. The inner store learns keys, sizes and times, and nothing else.
 *
 * A value is bound to its row: moved to another key it does not open (`StoreCorrupt`). An old value put back under its
 * own key does open; what must not go back in time carries a counter of its own. Rules ST10 to ST13.
 */
import { type Bytes, toUtf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import { deriveKey } from "../crypto/kdf.ts";
import { LABEL } from "../crypto/labels.ts";
import { seal, SEAL_OVERHEAD_BYTES, unseal } from "../crypto/seal.ts";
import { wipe } from "../crypto/secret.ts";
import { assert } from "../base/assert.ts";
import { STORE_VALUE_BYTES_MAX } from "../base/limits.ts";
import { assertBatch } from "./check-request.ts";
import { isAsExpected } from "./memory-tx-store.ts";
import type { Expectation, Row, StoreError, TxStore, WriteOp } from "./tx-store.ts";

/** How often a batch is tried again when the inner row changed between our read and our write. */
const ATTEMPTS_MAX = 4;

export interface SealingDeps {
  readonly random: Random;
  /** 32 bytes. The caller keeps and wipes it. */
  readonly storeKey: Bytes;
}

/** Longest value a sealed store takes: its sealed form is a value of the inner store. */
export const SEALED_VALUE_BYTES_MAX: number = STORE_VALUE_BYTES_MAX - SEAL_OVERHEAD_BYTES;
const VALUE_FITS = `a value has at most ${SEALED_VALUE_BYTES_MAX} bytes`;

interface PendingBatch {
  readonly ops: readonly WriteOp[];
  readonly expect: readonly Expectation[];
  readonly settle: (result: Result<void, StoreError>) => void;
  /** For an assertion of the inner store. */
  readonly fail: (why: unknown) => void;
  attempts: number;
}

/** A row as sealed bytes with what they open to; `null` is an absent row. */
type KnownRow = { readonly sealed: Bytes; readonly value: Bytes } | null;

/**
 * Wraps `inner`. It must have no other user that writes unsealed values.
 *
 * Expectations compare plaintext, although equal plaintexts have different sealed bytes: batches are taken in rounds,
 * each of which reads the rows that are expected, then issues its batches at once in their order, so that the inner
 * store may commit them together.
 *
 * - Secrets: derives its key from `storeKey`; it is wiped on `close`.
 */
export function sealTxStore(inner: TxStore, deps: SealingDeps): TxStore {
  const key = deriveKey(deps.storeKey, LABEL.storeValue);
  let queue: PendingBatch[] = [];
  let running: Promise<void> | null = null;
  let isClosed = false;

  const contextOf = (rowKey: string) => ({ key, label: LABEL.sealStoreValue, aad: toUtf8(rowKey) }); // ST10
  const open = (row: Row): Result<Bytes, StoreError> => {
    const opened = unseal(contextOf(row.key), row.value);
    return opened.ok ? opened : err({ type: "StoreCorrupt", key: row.key }); // ST11
  };
  const readKnown = async (rowKey: string): Promise<Result<KnownRow, StoreError>> => {
    const sealed = await inner.get(rowKey);
    if (!sealed.ok) return sealed;
    if (sealed.value === null) return ok(null);
    const value = open({ key: rowKey, value: sealed.value });
    return value.ok ? ok({ sealed: sealed.value, value: value.value }) : value;
  };

  const runRound = async (round: readonly PendingBatch[]): Promise<void> => {
    const expected = new Set(round.flatMap((batch) => batch.expect.map((expectation) => expectation.key)));
    const rows = new Map(await Promise.all([...expected].map(async (k) => [k, await readKnown(k)] as const)));
    await Promise.all(round.map((batch) => issue(batch, rows).catch(batch.fail)));
  };

  /** Runs without a pause up to the inner batch: the batches of a round reach the inner store in their order. */
  const issue = async (
    batch: PendingBatch,
    rows: Map<string, Result<KnownRow, StoreError>>,
  ): Promise<void> => {
    const expectSealed: Expectation[] = [];
    for (const { key: rowKey, value } of batch.expect) {
      const known = rows.get(rowKey) ?? ok(null);
      if (!known.ok) return batch.settle(known);
      if (!isAsExpected(known.value?.value ?? null, value))
        return batch.settle(err({ type: "StoreConflict", key: rowKey })); // ST12
      expectSealed.push({ key: rowKey, value: known.value?.sealed ?? null });
    }
    const opsSealed = batch.ops.map((op): WriteOp => {
      if (op.type === "delete") {
        if (rows.has(op.key)) rows.set(op.key, ok(null));
        return op;
      }
      const sealed = seal(deps.random, contextOf(op.key), op.value);
      if (rows.has(op.key)) rows.set(op.key, ok({ sealed, value: op.value }));
      return { ...op, value: sealed };
    });
    const written = await inner.batch(opsSealed, expectSealed);
    batch.attempts += 1;
    const mayRetry = !written.ok && written.error.type === "StoreConflict" && batch.attempts < ATTEMPTS_MAX;
    if (mayRetry) queue.unshift(batch);
    else batch.settle(written);
  };

  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const round = queue;
      queue = [];
      await runRound(round).catch((why: unknown) => {
        for (const batch of round) batch.fail(why);
      });
    }
    running = null;
  };

  return {
    async get(rowKey) {
      const sealed = await inner.get(rowKey);
      if (isClosed) return err(CLOSED);
      if (!sealed.ok || sealed.value === null) return sealed;
      return open({ key: rowKey, value: sealed.value });
    },
    async scan(range) {
      const sealed = await inner.scan(range);
      if (isClosed) return err(CLOSED);
      if (!sealed.ok) return sealed;
      const rows: Row[] = [];
      for (const row of sealed.value) {
        const value = open(row);
        if (!value.ok) return value;
        rows.push({ key: row.key, value: value.value });
      }
      return ok(rows);
    },
    batch(ops, expect = []) {
      return new Promise((resolve, reject) => {
        assertBatch(ops, expect);
        for (const op of ops)
          assert(op.type === "delete" || op.value.length <= SEALED_VALUE_BYTES_MAX, VALUE_FITS);
        if (isClosed) return resolve(err(CLOSED));
        // The caller may reuse its buffers once we return, and we read them later.
        queue.push({
          ops: ops.map(copyOp),
          expect: expect.map(copyExpectation),
          settle: resolve,
          fail: reject,
          attempts: 0,
        });
        running ??= Promise.resolve().then(drain);
      });
    },
    async close() {
      isClosed = true;
      await running;
      wipe(key);
      await inner.close();
    },
  };
}

const CLOSED: StoreError = { type: "StoreUnavailable", detail: "closed" };

function copyOp(op: WriteOp): WriteOp {
  return op.type === "put" ? { ...op, value: op.value.slice() } : op;
}

function copyExpectation({ key, value }: Expectation): Expectation {
  return { key, value: value === null ? null : value.slice() };
}
