/** What a bucket holds for one op: its bytes and the entry it came in, so that siblings know what they need not open. */
import type { Bytes } from "../base/bytes.ts";
import type { EntryId } from "../base/ids.ts";
import { OP_BYTES_MAX } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import { bytes, type DecodeError, decodeInPlace, encode, id, nullable, struct } from "../codec/shape.ts";
import { type NamedOp, type OpError, parseOp } from "./op.ts";

/** Value of a bucket. */
export const archivedOpShape = struct({ op: bytes(1, OP_BYTES_MAX), source: nullable(id("entry")) });

/** An op as a bucket holds it. `source` is null for own ops. */
export interface ArchivedOp {
  readonly op: NamedOp;
  readonly source: EntryId | null;
}

/** Bytes for the bucket. Rule MS5. */
export function encodeArchivedOp(op: NamedOp, source: EntryId | null): Bytes {
  return encode(archivedOpShape, { op: op.bytes, source });
}

/** Reads a value of a bucket, which is a sibling's word and checked like any other bytes. The op goes on lying in it. */
export function parseArchivedOp(value: Bytes): Result<ArchivedOp, DecodeError | OpError> {
  const archived = decodeInPlace(archivedOpShape, value);
  if (!archived.ok) return archived;
  const op = parseOp(archived.value.op);
  return op.ok ? ok({ op: op.value, source: archived.value.source }) : op;
}
