/** Entries of the account log that were read before, read once more: a server cannot put others in their places. */
import { equalBytes } from "../../base/bytes.ts";
import type { EntryId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { createLogReader, passIds } from "../../log/log-reader.ts";
import type { LogPoint, PlacedEntry } from "../../protocol/entry.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { LogChannel } from "../connection/log-channel.ts";

/** A part of the log between two points that were read. */
export interface ReadRange {
  readonly after: LogPoint;
  readonly upto: LogPoint;
}

/** Gives `take` the entries of a range in order, page by page, until it says that it has enough. "trimmed" when they are gone from the server. */
export async function readAgain(
  context: EngineContext,
  channel: LogChannel,
  range: ReadRange,
  take: (entries: readonly PlacedEntry[]) => Promise<Result<boolean, ClientError>>,
): Promise<Result<"read" | "trimmed", ClientError>> {
  const { accountLogId: logId } = context;
  const ids = await idsOf(context, channel, range);
  if (!ids.ok) return ids;
  for (let { seq } = range.after; seq < range.upto.seq; ) {
    const page = await channel.read(seq);
    if (!page.ok && page.error.type === "Refused" && page.error.code === "log-trimmed") return ok("trimmed");
    if (!page.ok) return page;
    const entries = page.value.entries.filter((entry) => entry.seq > seq && entry.seq <= range.upto.seq);
    const other = entries.find((entry) => !ids.value.has(context.entryId(logId, entry)));
    if (other !== undefined) return context.distrustLog(logId, { type: "LogForked", seq: other.seq });
    const last = entries.at(-1);
    if (last === undefined) return gap(context, seq, range.upto.seq);
    const taken = await take(entries);
    if (!taken.ok) return taken;
    if (taken.value) break;
    seq = last.seq;
  }
  return ok("read");
}

/** Ids of the entries between, which make the chain from one point to the other. */
async function idsOf(
  context: EngineContext,
  channel: LogChannel,
  { after, upto }: ReadRange,
): Promise<Result<ReadonlySet<EntryId>, ClientError>> {
  const { accountLogId: logId } = context;
  let reader = createLogReader(logId, after);
  const all = new Set<EntryId>();
  while (reader.point.seq < upto.seq) {
    const page = await channel.readIds(reader.point.seq);
    if (!page.ok) return page;
    const ids = page.value.ids.slice(0, upto.seq - reader.point.seq);
    if (ids.length === 0) return gap(context, reader.point.seq, upto.seq);
    for (const id of ids) all.add(id);
    reader = passIds(reader, ids);
  }
  return equalBytes(reader.point.chain, upto.chain)
    ? ok(all)
    : context.distrustLog(logId, { type: "LogForked", seq: upto.seq });
}

const gap = (context: EngineContext, seq: number, head: number) =>
  context.distrustLog(context.accountLogId, { type: "LogGap", expectedSeq: seq + 1, seq: head });
