/**
 * Port: a small transactional key-value store, one per profile. Everything that must not be torn apart lives here:
 * ratchet sessions, outbox, journals, cursors.
 *
 * Keys are text in which parts are joined by `/`; they hold ids and fixed words, never names or plaintext. They are
 * ordered by UTF-16 code unit. Values are opaque bytes. The contract is `test/contract/tx-store.ts`, run on every adapter.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Result } from "../base/result.ts";

export interface Row {
  readonly key: string;
  readonly value: Bytes;
}

export type WriteOp =
  | { readonly type: "put"; readonly key: string; readonly value: Bytes }
  | { readonly type: "delete"; readonly key: string };

/** What a row must hold for a batch to apply; `null` means absent. */
export interface Expectation {
  readonly key: string;
  readonly value: Bytes | null;
}

/** Part of a prefix scan. `after` is exclusive; the order is ascending unless `reverse`. */
export interface ScanRange {
  readonly prefix: string;
  readonly after?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
}

export type StoreError =
  /** A row was not as expected; nothing was written. */
  | { readonly type: "StoreConflict"; readonly key: string }
  /** The medium refused; nothing of the batch was written. `detail` is the medium's own word, without data. */
  | { readonly type: "StoreUnavailable"; readonly detail: string }
  /** A row is there but its bytes are not what was written. */
  | { readonly type: "StoreCorrupt"; readonly key: string };

export interface TxStore {
  /** Value at `key`, or null. */
  get(key: string): Promise<Result<Bytes | null, StoreError>>;
  /** Rows whose key begins with `range.prefix`, in key order. */
  scan(range: ScanRange): Promise<Result<readonly Row[], StoreError>>;
  /**
   * Applies all of `ops` or none, durably: once this resolves `ok`, a power cut does not undo it.
   *
   * - Fails: `StoreConflict` when an expectation does not hold at the moment of writing.
   */
  batch(ops: readonly WriteOp[], expect?: readonly Expectation[]): Promise<Result<void, StoreError>>;
  close(): Promise<void>;
}
