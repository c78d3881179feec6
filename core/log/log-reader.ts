/**
 * Reading a sealed log without trusting who serves it. Rules LR1-LR4.
 *
 * Entries arrive in seq order without gaps; the chain is recomputed over them. What the server claims as head, what
 * it delivers, and what other devices and contacts quote must all be points of one chain. Pure.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import type { EntryId, LogId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import { chainNext, chainStart, entryId, type LogPoint, type PlacedEntry } from "../protocol/entry.ts";

/** How many past chain values are kept to compare quotes with. Older quotes are covered by every later one. */
export const RECENT_POINTS_MAX = 4_096;

/** Where a reader stands in a log, with the recent chain values. */
export interface LogReader {
  readonly logId: LogId;
  readonly point: LogPoint;
  /** Chain values by seq, from `point.seq - RECENT_POINTS_MAX` at most. */
  readonly recentChains: ReadonlyMap<number, Bytes>;
}

export interface NamedEntry extends PlacedEntry {
  readonly id: EntryId;
}

/** What the server served contradicts what was seen before, or itself. */
export type LogFault =
  /** The next entry served is not the next of the log. */
  | { readonly type: "LogGap"; readonly expectedSeq: number; readonly seq: number }
  /** The log ends before a point already read: withheld, truncated, or rolled back. */
  | { readonly type: "LogRolledBack"; readonly seenSeq: number; readonly headSeq: number }
  /** Another own device has read further than the log that is shown here goes. */
  | { readonly type: "LogWithheld"; readonly seenSeq: number; readonly headSeq: number }
  /** Two histories at one seq: the server shows different readers different logs. */
  | { readonly type: "LogForked"; readonly seq: number }
  /** More of this device is in the log than it ever wrote there. */
  | { readonly type: "LogWriterAhead"; readonly written: number; readonly counted: number }
  /** The log was started anew without a reseed we accept. */
  | { readonly type: "LogIncarnationChanged"; readonly seen: number; readonly incarnation: number };

/** A reader at the start of a log, or at a point read before. */
export function createLogReader(logId: LogId, point?: LogPoint): LogReader {
  const start = point ?? { incarnation: 0, seq: 0, chain: chainStart(logId) };
  return { logId, point: start, recentChains: new Map([[start.seq, start.chain]]) };
}

/** Moves over `entries`. Entries already passed are skipped, so a repeated delivery changes nothing. */
export function readEntries(
  reader: LogReader,
  entries: readonly PlacedEntry[],
): Result<{ readonly reader: LogReader; readonly fresh: readonly NamedEntry[] }, LogFault> {
  let { seq, chain } = reader.point;
  const fresh: NamedEntry[] = [];
  const recent = new Map(reader.recentChains);
  for (const entry of entries) {
    if (entry.seq <= seq) continue;
    if (entry.seq !== seq + 1) return err({ type: "LogGap", expectedSeq: seq + 1, seq: entry.seq });
    const id = entryId(reader.logId, entry);
    chain = chainNext(chain, id);
    seq = entry.seq;
    recent.set(seq, chain);
    fresh.push({ ...entry, id });
  }
  for (const old of recent.keys()) {
    if (old >= seq - RECENT_POINTS_MAX) break;
    recent.delete(old);
  }
  return ok({ reader: { ...reader, point: { ...reader.point, seq, chain }, recentChains: recent }, fresh });
}

/** Moves over ids of entries whose bytes are not looked at. Rule SN25. */
export function passIds(reader: LogReader, ids: readonly EntryId[]): LogReader {
  let { seq, chain } = reader.point;
  const recent = new Map<number, Bytes>();
  for (const id of ids) {
    chain = chainNext(chain, id);
    seq++;
    if (seq > reader.point.seq + ids.length - RECENT_POINTS_MAX) recent.set(seq, chain);
  }
  recent.set(seq, chain);
  return { ...reader, point: { ...reader.point, seq, chain }, recentChains: recent };
}

/** Whether nothing is known to have been in a log: no entry of it was read, and it is as it was first begun. */
export function isUnread({ point }: LogReader): boolean {
  return point.seq === 0 && point.incarnation === 0;
}

/** Compares the head the server claims with what was read. A head ahead of the reader says nothing yet. */
export function checkHead(reader: LogReader, head: LogPoint): Result<void, LogFault> {
  if (head.incarnation !== reader.point.incarnation) {
    return err({
      type: "LogIncarnationChanged",
      seen: reader.point.incarnation,
      incarnation: head.incarnation,
    });
  }
  if (head.seq < reader.point.seq)
    return err({ type: "LogRolledBack", seenSeq: reader.point.seq, headSeq: head.seq });
  return checkQuote(reader, head);
}

/** Compares a point somebody quoted inside ciphertext. Points not read yet, or long past, are not judged. */
export function checkQuote(reader: LogReader, quoted: LogPoint): Result<void, LogFault> {
  const ours = reader.recentChains.get(quoted.seq);
  if (quoted.incarnation !== reader.point.incarnation || ours === undefined || equalBytes(ours, quoted.chain))
    return ok();
  return err({ type: "LogForked", seq: quoted.seq });
}
