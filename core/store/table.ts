/**
 * Rows of one kind in a TxStore: a prefix, the shape of the values, and reading that says when bytes are damaged.
 */
import { err, ok, type Result } from "../base/result.ts";
import { decode, encode, type Shape } from "../codec/shape.ts";
import { type RowKeyPart, rowKey, rowPrefix } from "./row-key.ts";
import type { StoreError, TxStore, WriteOp } from "./tx-store.ts";

export interface TableRow<T> {
  readonly key: string;
  readonly value: T;
}

export interface TableRange {
  /** Parts below the table's own prefix. */
  readonly under?: readonly RowKeyPart[];
  /** Exclusive; a full row key of an earlier page. */
  readonly after?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
}

export interface Table<T> {
  /** Its name and the printed shape of its values. */
  readonly print: string;
  key(...parts: readonly RowKeyPart[]): string;
  put(parts: readonly RowKeyPart[], value: T): WriteOp;
  /** As `put`, at a key that `key` gave. */
  putAt(key: string, value: T): WriteOp;
  remove(...parts: readonly RowKeyPart[]): WriteOp;
  get(...parts: readonly RowKeyPart[]): Promise<Result<T | null, StoreError>>;
  scan(range?: TableRange): Promise<Result<readonly TableRow<T>[], StoreError>>;
}

/** The table called `name`; its rows are `name/part/…`, or `name` alone for a single row. */
export function createTable<T>(store: TxStore, name: string, shape: Shape<T>): Table<T> {
  const key = (...parts: readonly RowKeyPart[]) => rowKey(name, ...parts);
  const open = (rowKeyText: string, bytes: Uint8Array): Result<T, StoreError> => {
    const value = decode(shape, bytes);
    return value.ok ? value : err({ type: "StoreCorrupt", key: rowKeyText });
  };
  const putAt = (rowKeyText: string, value: T): WriteOp => ({
    type: "put",
    key: rowKeyText,
    value: encode(shape, value),
  });
  return {
    print: `${name} = ${shape.print}`,
    key,
    put: (parts, value) => putAt(key(...parts), value),
    putAt,
    remove: (...parts) => ({ type: "delete", key: key(...parts) }),
    async get(...parts) {
      const row = await store.get(key(...parts));
      if (!row.ok) return row;
      return row.value === null ? ok(null) : open(key(...parts), row.value);
    },
    async scan(range = {}) {
      const { under = [], ...page } = range;
      const rows = await store.scan({ prefix: rowPrefix(name, ...under), ...page });
      if (!rows.ok) return rows;
      const values: TableRow<T>[] = [];
      for (const row of rows.value) {
        const value = open(row.key, row.value);
        if (!value.ok) return value;
        values.push({ key: row.key, value: value.value });
      }
      return ok(values);
    },
  };
}
