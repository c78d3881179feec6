/** Entries of the account log that were read before, read once more: a server can put no others in their places, and leave none out. */
import { equalBytes } from "../../base/bytes.ts";
import type { EntryId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { createLogReader, type NamedEntry, passIds, readEntries } from "../../log/log-reader.ts";
import type { LogPoint } from "../../protocol/entry.ts";
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
  take: (entries: readonly NamedEntry[]) => Promise<Result<boolean, ClientError>>,
): Promise<Result<"read" | "trimmed", ClientError>> {
  const { accountLogId: logId } = context;
  const { after, upto } = range;
  const ids = await idsOf(context, channel, range);
  if (!ids.ok) return ids;
  let reader = createLogReader(logId, after);
  while (reader.point.seq < upto.seq) {
    const page = await channel.read(reader.point.seq);
    if (!page.ok && page.error.type === "Refused" && page.error.code === "log-trimmed") return ok("trimmed");
    if (!page.ok) return page;
    const read = readEntries(
      reader,
      page.value.entries.filter(({ seq }) => seq <= upto.seq),
    );
    if (!read.ok) return context.distrustLog(logId, read.error);
    const { fresh } = read.value;
    const other = fresh.find(({ id, seq }) => id !== ids.value[seq - after.seq - 1]);
    if (other !== undefined) return context.distrustLog(logId, { type: "LogForked", seq: other.seq });
    if (fresh.length === 0) return gap(context, reader.point.seq, upto.seq);
    const taken = await take(fresh);
    if (!taken.ok) return taken;
    if (taken.value) break;
    reader = read.value.reader;
  }
  return ok("read");
}

/** Ids of the entries between, in order, which make the chain from one point to the other. */
async function idsOf(
  context: EngineContext,
  channel: LogChannel,
  { after, upto }: ReadRange,
): Promise<Result<readonly EntryId[], ClientError>> {
  const { accountLogId: logId } = context;
  let reader = createLogReader(logId, after);
  const all: EntryId[] = [];
  while (reader.point.seq < upto.seq) {
    const page = await channel.readIds(reader.point.seq);
    if (!page.ok) return page;
    const ids = page.value.ids.slice(0, upto.seq - reader.point.seq);
    if (ids.length === 0) return gap(context, reader.point.seq, upto.seq);
    all.push(...ids);
    reader = passIds(reader, ids);
  }
  return equalBytes(reader.point.chain, upto.chain)
    ? ok(all)
    : context.distrustLog(logId, { type: "LogForked", seq: upto.seq });
}

const gap = (context: EngineContext, seq: number, head: number) =>
  context.distrustLog(context.accountLogId, { type: "LogGap", expectedSeq: seq + 1, seq: head });
