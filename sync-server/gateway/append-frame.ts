/** `append`: the hot path. Rules LG1-LG12. */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import { type EntryId, idBytes, type LogId } from "@dovetail/core/base/ids.ts";
import { hash } from "@dovetail/core/crypto/hash.ts";
import { LABEL } from "@dovetail/core/crypto/labels.ts";
import type { Admission } from "@dovetail/core/protocol/client-frame.ts";
import { type Entry, entryId, parseEntryHeader } from "@dovetail/core/protocol/entry.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { Appender, NewEntry } from "../store/log-store.ts";
import type { Channel, Connection } from "./connection.ts";
import type { FrameOf, GatewayContext } from "./gateway-context.ts";

/** Places entries; the answer comes once they are durable, and does not hold up the frames after it. */
export function handleAppend(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"append">,
): undefined {
  const startMs = performance.now();
  const fault = startAppend(context, connection, frame);
  if (fault !== null) refuseAppend(context, connection, { requestId: frame.requestId, startMs }, fault);
}

/** LG21 */
export function handleAppendAndRekey(
  context: GatewayContext,
  connection: Connection,
  { requestId, channel, entry, appendKey }: FrameOf<"appendAndRekey">,
): undefined {
  const startMs = performance.now();
  const kind = connection.channels.get(channel)?.kind;
  const fault =
    kind === undefined || kind === "room"
      ? startAppend(context, connection, {
          requestId,
          channel,
          entries: [entry],
          admission: null,
          rekey: appendKey,
        })
      : "forbidden";
  if (fault !== null) refuseAppend(context, connection, { requestId, startMs }, fault);
}

function refuseAppend(
  context: GatewayContext,
  connection: Connection,
  { requestId, startMs }: { readonly requestId: number; readonly startMs: number },
  code: FailureCode,
): void {
  context.metrics.appendRefused(code, (performance.now() - startMs) / 1_000);
  connection.reply({ type: "failed", requestId, code });
}

/** Hands entries to the store, or says why not. */
function startAppend(
  context: GatewayContext,
  connection: Connection,
  frame: Omit<FrameOf<"append">, "type"> & { readonly rekey?: Bytes },
): FailureCode | null {
  const { requestId, entries } = frame;
  const channel = connection.channels.get(frame.channel);
  if (channel === undefined) return "unknown-channel";
  if (!channel.mayAppend) return "forbidden";
  if (channel.writerTag === null) return "wrong-writer";
  const parsed = parseEntries(channel.logId, entries);
  if (parsed === null) return "malformed";
  const appender = appenderOf(context, connection, channel, { entries: parsed, admission: frame.admission });
  if (typeof appender === "string") return appender;
  const bytes = entries.reduce((sum, { header, sealed }) => sum + header.length + sealed.length, 0);
  const startMs = performance.now();
  connection.holdBytes(bytes);
  const { logId, writerTag } = channel;
  const rekey = frame.rekey === undefined ? {} : { rekey: frame.rekey };
  void context.store.append({ logId, appender, writerTag, entries: parsed, ...rekey }).then((placed) => {
    connection.releaseBytes(bytes);
    const sealedBytes = entries.map(({ sealed }) => sealed.length);
    const seconds = (performance.now() - startMs) / 1_000;
    const outcomes = placed.ok ? placed.value.map(({ type }) => type) : [];
    context.metrics.appended({ seconds, sealedBytes, error: firstRefusal(placed), outcomes });
    if (placed.ok)
      for (const result of placed.value) if (result.type === "refused") context.metrics.refused(result.code);
    if (!connection.canAnswer()) return;
    if (placed.ok) connection.reply({ type: "appended", requestId, results: placed.value });
    else connection.reply({ type: "failed", requestId, code: placed.error.code });
  });
  return null;
}

function firstRefusal(placed: Awaited<ReturnType<GatewayContext["store"]["append"]>>): FailureCode | null {
  if (!placed.ok) return placed.error.code;
  for (const result of placed.value) if (result.type === "refused") return result.code;
  return null;
}

/** LG1-LG2. Null when a header is not one. */
function parseEntries(logId: LogId, entries: readonly Entry[]): readonly NewEntry[] | null {
  const parsed: NewEntry[] = [];
  for (const entry of entries) {
    const fields = parseEntryHeader(entry.header);
    if (!fields.ok) return null;
    parsed.push({
      id: entryId(logId, entry),
      fields: fields.value,
      header: entry.header,
      sealed: entry.sealed,
    });
  }
  return parsed;
}

/** LG8, LG12 */
function appenderOf(
  context: GatewayContext,
  connection: Connection,
  channel: Channel,
  { entries, admission }: { readonly entries: readonly NewEntry[]; readonly admission: Admission | null },
): Appender | FailureCode {
  const { identity } = connection;
  if (channel.isOwn) {
    if (identity?.type !== "device") return "forbidden";
    return admission === null ? identity : "malformed";
  }
  if (channel.kind !== "request") {
    if (admission !== null) return "malformed";
    return channel.key === null ? "forbidden" : { type: "capability", key: channel.key };
  }
  const [entry] = entries;
  if (admission === null || entry === undefined) return "not-admitted";
  // One ticket or one stamp of work is for one entry.
  if (entries.length > 1) return "batch-too-large";
  if (!context.rates.take("admittedAppend", connection.address).ok) return "rate-limited";
  if (admission.type === "ticket")
    return { type: "ticket", ticketHash: hash(LABEL.ticket, admission.secret) };
  const bits = leadingZeroBits(workStamp(channel.logId, entry.id, admission.nonce));
  return bits >= context.workBits ? { type: "work" } : "not-admitted";
}

/** The hash whose leading zero bits are the work of an entry. */
export function workStamp(logId: LogId, id: EntryId, nonce: Bytes): Bytes {
  return hash(LABEL.powStamp, idBytes(logId), idBytes(id), nonce);
}

/** How many bits are zero before the first one. */
export function leadingZeroBits(bytes: Bytes): number {
  const index = bytes.findIndex((byte) => byte !== 0);
  if (index === -1) return bytes.length * 8;
  return index * 8 + Math.clz32(bytes[index] ?? 0) - 24;
}
