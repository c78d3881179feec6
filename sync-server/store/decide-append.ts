/**
 * What becomes of one entry, given what the log holds. Pure: every adapter asks here. Rules LG5-LG11.
 */
import type { EntryId, WriterTag } from "@dovetail/core/base/ids.ts";
import type { LogKind } from "@dovetail/core/protocol/client-frame.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { AppendResult } from "@dovetail/core/protocol/server-frame.ts";
import {
  ENTRY_COST_BYTES,
  KINDS_PER_LOG_MAX,
  REQUEST_ENTRY_BYTES_MAX,
  WORK_ADMITTED_SHARE,
} from "../limits.ts";
import type { Appender, NewEntry } from "./log-store.ts";
import type { Quotas } from "./quotas.ts";

/** `expect` of this id asks that no entry of the kind is there yet. */
const NO_ENTRY = "0".repeat(64);

/** What a decision needs to know of the log, as of this moment of the transaction. */
export interface AppendView {
  readonly kind: LogKind;
  readonly incarnation: number;
  readonly bytes: number;
  readonly entries: number;
  /** What all logs of the owner hold. */
  readonly ownerBytes: number;
  writerSeq(writerTag: WriterTag): number;
  lastOfKind(kind: number): EntryId | null;
  kindCount(): number;
  /** Seq of the entry at a writer's place if it is this one. */
  seqOf(entry: NewEntry): number | null;
}

/** Who appends, and the owner's epoch. */
export interface AppendStanding {
  readonly writerTag: WriterTag;
  readonly appender: Appender;
  readonly epoch: number;
  readonly quotas: Quotas;
  /** An entry before it in the same append was refused. */
  readonly isAfterRefused: boolean;
}

/** The entry is to be placed at the next seq, or why not. */
export type EntryDecision = "place" | Exclude<AppendResult, { type: "accepted" }>;

/** Decides about one entry. */
export function decideEntry(
  view: AppendView,
  entry: NewEntry,
  { writerTag, appender, epoch, quotas, isAfterRefused }: AppendStanding,
): EntryDecision {
  const { fields } = entry;
  const last = view.writerSeq(writerTag);
  // LG6: the tag in the header is the one proven on this connection.
  if (fields.writerTag !== writerTag) return refused("wrong-writer", last);
  // LG5: an entry that is there was written at or below the writer's last seq, so a new seq needs no search.
  if (fields.writerSeq <= last) {
    const seq = view.seqOf(entry);
    if (seq !== null) return { type: "duplicate", seq };
  }
  // LG9
  if (view.kind === "account" && fields.epoch !== epoch) return refused("stale-epoch", last);
  // LG7, IN5: who wrote to an earlier incarnation goes on with its own numbers, and leaves none out.
  const isGoingOn = last === 0 && view.incarnation > 0 && !isAfterRefused;
  if (fields.writerSeq !== last + 1 && !isGoingOn) return refused("writer-seq", last);
  // LG10
  const lastOfKind = view.lastOfKind(fields.kind);
  if (fields.expect !== null && fields.expect !== (lastOfKind ?? NO_ENTRY))
    return refused("expect-mismatch", last);
  if (lastOfKind === null && view.kindCount() >= KINDS_PER_LOG_MAX) return refused("quota", last);
  // LG12
  if (view.kind === "request" && entry.sealed.length > REQUEST_ENTRY_BYTES_MAX)
    return refused("entry-too-large", last);
  // LG11
  return hasRoom(view, entryCost(entry), appender, quotas) ? "place" : refused("quota", last);
}

function hasRoom(view: AppendView, cost: number, appender: Appender, quotas: Quotas): boolean {
  const { bytesMax, entriesMax } = quotas.byKind[view.kind];
  // LG12
  const share = appender.type === "work" ? WORK_ADMITTED_SHARE : 1;
  return (
    view.bytes + cost <= bytesMax * share &&
    view.entries < entriesMax * share &&
    view.ownerBytes + cost <= quotas.accountBytesMax
  );
}

/** What an entry counts against its log's quota. */
export function entryCost(entry: NewEntry): number {
  return entry.header.length + entry.sealed.length + ENTRY_COST_BYTES;
}

function refused(code: FailureCode, writerSeq: number): EntryDecision {
  return { type: "refused", code, writerSeq };
}
