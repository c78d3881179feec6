/** A sealed log in memory behind the channel a client uses, with the server's rules for counters and epochs. */
import type { LogId, WriterTag } from "../../core/base/ids.ts";
import type { LogChannel } from "../../core/client/connection/log-channel.ts";
import {
  chainNext,
  chainStart,
  type Entry,
  entryId,
  type LogPoint,
  parseEntryHeader,
  type PlacedEntry,
} from "../../core/protocol/entry.ts";
import type { AppendResult } from "../../core/protocol/server-frame.ts";

export interface MemoryLog {
  readonly entries: PlacedEntry[];
  /** Entries of other epochs are refused. */
  epoch: number;
  /** A fresh connection of the writer with this tag. */
  connect(tag: WriterTag): LogChannel;
  /** Appends are refused with this while it is set. */
  refusal: Extract<AppendResult, { type: "refused" }>["code"] | null;
  /** Places an entry whatever it is. */
  place(entry: Entry): void;
}

export function createMemoryLog(logId: LogId): MemoryLog {
  const lastByTag = new Map<WriterTag, number>();
  let chain = chainStart(logId);
  const head = (): LogPoint => ({ incarnation: 0, seq: log.entries.length, chain });

  function append(entry: Entry): AppendResult {
    const header = parseEntryHeader(entry.header);
    if (!header.ok) throw new Error("the client made a malformed header");
    const { writerTag, writerSeq, epoch } = header.value;
    const last = lastByTag.get(writerTag) ?? 0;
    const known = log.entries.find((one) => entryId(logId, one) === entryId(logId, entry));
    if (known !== undefined) return { type: "duplicate", seq: known.seq };
    if (log.refusal !== null) return { type: "refused", code: log.refusal, writerSeq: last };
    if (epoch !== log.epoch) return { type: "refused", code: "stale-epoch", writerSeq: last };
    if (writerSeq !== last + 1) return { type: "refused", code: "writer-seq", writerSeq: last };
    lastByTag.set(writerTag, writerSeq);
    log.place(entry);
    return { type: "accepted", seq: log.entries.length, chain };
  }

  const log: MemoryLog = {
    entries: [],
    epoch: 1,
    refusal: null,
    place(entry) {
      chain = chainNext(chain, entryId(logId, entry));
      log.entries.push({ seq: log.entries.length + 1, header: entry.header, sealed: entry.sealed });
    },
    connect: (tag) => ({
      logId,
      head: head(),
      writerSeq: lastByTag.get(tag) ?? 0,
      isClosed: false,
      reseed: null,
      trimmedUpto: 0,
      readIds: async (after) => ({
        ok: true,
        value: {
          ids: log.entries.slice(after).map((entry) => entryId(logId, entry)),
          kept: [],
          head: head(),
        },
      }),
      append: async (entries) => ({ ok: true, value: entries.map(append) }),
      appendAndRekey: () => Promise.reject(new Error("not a room's log")),
      read: async (after) => ({
        ok: true,
        value: { entries: log.entries.slice(after, after + 100), head: head() },
      }),
      subscribe: async () => ({ ok: true, value: undefined }),
      ack: async () => ({ ok: true, value: undefined }),
    }),
  };
  return log;
}
