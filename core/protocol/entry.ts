/**
 * An entry of a sealed log: a clear header the server acts on, and sealed bytes it cannot read. Rules LG1-LG4.
 *
 * The header is carried and hashed as the bytes the writer made. `entryId` covers log, header and sealed bytes, so
 * nobody can move or relabel an entry; `chain` covers all entry ids up to a seq, so nobody can drop or reorder one.
 */
import type { Bytes } from "../base/bytes.ts";
import { type EntryId, idBytes, idFromBytes, type LogId, type WriterTag } from "../base/ids.ts";
import { ENTRY_BYTES_MAX } from "../base/limits.ts";
import type { Result } from "../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  embedded,
  encode,
  id,
  integer,
  literal,
  nullable,
  type Shape,
  type ShapeOf,
  struct,
} from "../codec/shape.ts";
import { HASH_BYTES, hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";

export const ENTRY_VERSION = 1;
export const ENTRY_HEADER_BYTES_MAX = 128;

/** What an entry is for. The server keeps retention and `expect` per kind. */
export const ENTRY_KIND = {
  accountBatch: 1,
  message: 2,
  contactRequest: 3,
  roomHandshake: 4,
  roomMessage: 5,
} as const;
export type EntryKind = (typeof ENTRY_KIND)[keyof typeof ENTRY_KIND];
const ENTRY_KIND_MAX = 255;

/**
 * - `writerSeq` is one more than the writer's last in this log, from 1.
 * - `epoch` is the account epoch the bytes are sealed under, for account logs.
 * - `expect` is the id of the last entry of this kind the writer knows: compare-and-swap where one writer must win.
 */
export const entryHeaderShape = struct({
  version: literal(ENTRY_VERSION),
  kind: integer(1, ENTRY_KIND_MAX),
  writerTag: id("writerTag"),
  writerSeq: integer(1),
  epoch: nullable(integer(1)),
  expect: nullable(id("entry")),
});
export type EntryHeader = ShapeOf<typeof entryHeaderShape>;

/** An entry as it travels. */
export const entryShape = struct({
  header: embedded(ENTRY_HEADER_BYTES_MAX),
  sealed: bytes(1, ENTRY_BYTES_MAX),
});
export type Entry = ShapeOf<typeof entryShape>;

/** An entry and its place. */
export const placedEntryShape = struct({
  seq: integer(1),
  header: embedded(ENTRY_HEADER_BYTES_MAX),
  sealed: bytes(1, ENTRY_BYTES_MAX),
});
export type PlacedEntry = ShapeOf<typeof placedEntryShape>;

/** `(incarnation, seq, chain)`: a point of a log that everybody who saw it agrees on. */
export const logPointShape: Shape<LogPoint> = struct({
  incarnation: integer(0),
  seq: integer(0),
  chain: bytes(HASH_BYTES),
});
export interface LogPoint {
  readonly incarnation: number;
  readonly seq: number;
  readonly chain: Bytes;
}

/** Header of received bytes. */
export function parseEntryHeader(header: Bytes): Result<EntryHeader, DecodeError> {
  return decode(entryHeaderShape, header);
}

/** Bytes of a header. */
export function encodeEntryHeader(header: EntryHeader): Bytes {
  return encode(entryHeaderShape, header);
}

/** Name of an entry: what it is, where it belongs, who may have written it. */
export function entryId(logId: LogId, entry: Entry): EntryId {
  return idFromBytes("entry", hash(LABEL.entryId, idBytes(logId), entry.header, entry.sealed));
}

/** `chain_0` of a log. */
export function chainStart(logId: LogId): Bytes {
  return hash(LABEL.chain, idBytes(logId));
}

/** `chain_n` from `chain_{n-1}` and the id of entry n. */
export function chainNext(chain: Bytes, id: EntryId): Bytes {
  return hash(LABEL.chain, chain, idBytes(id));
}

/** The pseudonym of a writer in one log. Another log gives the same key another tag. */
export function writerTag(logId: LogId, tagPublicKey: Bytes): WriterTag {
  return idFromBytes("writerTag", hash(LABEL.writerTag, idBytes(logId), tagPublicKey).subarray(0, 16));
}
