/** Frames about logs, except `openLog` and `append`. Rules GW9, LG12-LG14, LG16-LG17. */
import type { LogId } from "@dovetail/core/base/ids.ts";
import { FRAME_BYTES_MAX } from "@dovetail/core/base/limits.ts";
import type { LogPoint } from "@dovetail/core/protocol/entry.ts";
import { isLogOfKey, isRoomLogOf } from "@dovetail/core/protocol/room-log-id.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { FRAME_OVERHEAD_BYTES } from "../limits.ts";
import { isManyOfAKind, type LogRecord } from "../store/log-store.ts";
import type { Channel, Connection } from "./connection.ts";
import type { FrameOf, GatewayContext } from "./gateway-context.ts";
import { noteSeen } from "./sign-in-frames.ts";

/** LG13, LG22 */
export async function handleCreateLog(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"createLog">,
): Promise<void> {
  const { requestId, logId, kind, appendKey } = frame;
  const { identity } = connection;
  if (identity?.type !== "device")
    return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  if (isManyOfAKind(kind) !== (appendKey !== null))
    return connection.reply({ type: "failed", requestId, code: "malformed" });
  const isNamed =
    isRoomLogOf(logId, identity.accountId) || (appendKey !== null && isLogOfKey(logId, appendKey));
  if (kind === "room" && !isNamed) return connection.reply({ type: "failed", requestId, code: "forbidden" });
  const created = await context.store.createLog({ logId, ownerId: identity.accountId, kind, appendKey });
  answer(connection, requestId, created);
}

/** Closes a channel and the subscription on it. */
export function handleCloseChannel(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"closeChannel">,
): undefined {
  const { requestId } = frame;
  const channel = connection.channels.get(frame.channel);
  if (channel !== undefined) endSubscription(context, channel);
  const wasOpen = connection.channels.delete(frame.channel);
  connection.reply(
    wasOpen ? { type: "done", requestId } : { type: "failed", requestId, code: "unknown-channel" },
  );
}

/** Where an entry stands; also open to those who may only append, to learn what became of theirs. */
export async function handleLookup(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"lookup">,
): Promise<void> {
  const { requestId } = frame;
  const channel = connection.channels.get(frame.channel);
  if (channel === undefined) return connection.reply({ type: "failed", requestId, code: "unknown-channel" });
  if (channel.readUpto !== null) return connection.reply({ type: "failed", requestId, code: "forbidden" });
  const found = await context.store.findEntry(channel.logId, frame);
  if (!found.ok) return connection.reply({ type: "failed", requestId, code: found.error.code });
  connection.reply({ type: "found", requestId, seq: found.value });
}

/** A page of entries; fewer than asked for when they fill a frame. */
export async function handleRead(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"read">,
): Promise<void> {
  const { requestId, after, limit } = frame;
  const channel = readableChannel(connection, frame);
  if (channel === null) return;
  const range = {
    logId: channel.logId,
    after,
    entriesMax: limit,
    bytesMax: FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES,
  };
  const { readUpto } = channel;
  // LG21: what comes after is not for this key, trimmed or not.
  if (readUpto !== null && after >= readUpto.seq)
    return connection.reply({ type: "entries", requestId, entries: [], head: readUpto });
  const page = await context.store.read(range);
  if (!page.ok) return connection.reply({ type: "failed", requestId, code: page.error.code });
  if (readUpto === null) return connection.reply({ type: "entries", requestId, ...page.value });
  const entries = page.value.entries.filter(({ seq }) => seq <= readUpto.seq);
  connection.reply({ type: "entries", requestId, entries, head: readUpto });
}

/** Delivers all after `after`, then what comes. A log is heard once a connection: the last subscription counts. */
export async function handleSubscribe(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"subscribe">,
): Promise<void> {
  const { requestId, after } = frame;
  const channel = readableChannel(connection, frame);
  if (channel === null) return;
  if (channel.readUpto !== null) return connection.reply({ type: "failed", requestId, code: "forbidden" });
  const found = await context.store.findLog(channel.logId);
  if (!found.ok) return connection.reply({ type: "failed", requestId, code: found.error.code });
  if (found.value === null) return connection.reply({ type: "failed", requestId, code: "unknown-log" });
  const { seq } = found.value.head;
  if (after > seq) return connection.reply({ type: "failed", requestId, code: "seq-out-of-range" });
  if (after < found.value.trimmedUpto)
    return connection.reply({ type: "failed", requestId, code: "log-trimmed" });
  // It may have been replaced while the log was looked up.
  if (connection.isClosed() || isReplaced(connection, requestId, channel)) return;
  for (const other of connection.channels.values()) {
    if (other.logId === channel.logId && other.subscription !== null) endSubscription(context, other);
  }
  connection.reply({ type: "done", requestId });
  channel.subscription = context.subscriptions.start(connection, channel.logId, after, seq);
}

function isReplaced(connection: Connection, requestId: number, { readUpto }: Channel): boolean {
  if (readUpto !== null) connection.reply({ type: "failed", requestId, code: "forbidden" });
  return readUpto !== null;
}

/** Ends deliveries. */
export function handleUnsubscribe(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"unsubscribe">,
): undefined {
  const channel = readableChannel(connection, frame);
  if (channel === null) return;
  endSubscription(context, channel);
  connection.reply({ type: "done", requestId: frame.requestId });
}

/** Ends the deliveries of a channel, if any. */
export function endSubscription(context: GatewayContext, channel: Channel): void {
  if (channel.subscription !== null) context.subscriptions.end(channel.subscription);
  channel.subscription = null;
}

/** Notes how far a device has read; does not hold up the frames after it, because acks are written together. */
export function handleAck(context: GatewayContext, connection: Connection, frame: FrameOf<"ack">): undefined {
  const { requestId, upto } = frame;
  const channel = readableChannel(connection, frame);
  if (channel === null) return;
  const { identity } = connection;
  if (identity?.type === "device") {
    context.metrics.acked();
    const acked = context.store.ack(channel.logId, identity.deviceId, upto);
    void acked.then((result) => answer(connection, requestId, result));
    noteSeen(context, identity);
  } else {
    connection.reply({ type: "failed", requestId, code: "forbidden" });
  }
}

/** Heads of own logs; null for what is not one's own or not there. */
export async function handleHeads(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"heads">,
): Promise<void> {
  const { requestId, logIds } = frame;
  const { identity } = connection;
  if (identity === null) return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const heads: { logId: LogId; head: LogPoint | null }[] = [];
  for (const logId of logIds) {
    const found = await context.store.findLog(logId);
    if (!found.ok) return connection.reply({ type: "failed", requestId, code: found.error.code });
    heads.push({ logId, head: found.value?.ownerId === identity.accountId ? found.value.head : null });
  }
  connection.reply({ type: "heads", requestId, heads });
}

/** LG14 */
export async function handleCloseLog(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"closeLog">,
): Promise<void> {
  const { requestId, logId } = frame;
  const log = await ownLog(context, connection, frame);
  if (log === null) return;
  if (log.kind === "account") return connection.reply({ type: "failed", requestId, code: "forbidden" });
  answer(connection, requestId, await context.store.closeLog(logId));
}

/** LG21 */
export async function handleSetLogKey(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"setLogKey">,
): Promise<void> {
  const { requestId, logId, appendKey } = frame;
  const log = await ownLog(context, connection, frame);
  if (log === null) return;
  if (log.kind !== "room") return connection.reply({ type: "failed", requestId, code: "forbidden" });
  answer(connection, requestId, await context.store.setLogKey(logId, appendKey));
}

/** LG20 */
export async function handleReleaseLog(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"releaseLog">,
): Promise<void> {
  const { requestId, logId, incarnation, upto } = frame;
  const log = await ownLog(context, connection, frame);
  if (log === null) return;
  const { identity } = connection;
  if (log.kind !== "room" || identity?.type !== "device")
    return connection.reply({ type: "failed", requestId, code: "forbidden" });
  // Of the log as it was before it began anew it says nothing any more.
  if (incarnation !== log.head.incarnation)
    return connection.reply({ type: "failed", requestId, code: "seq-out-of-range" });
  context.metrics.acked();
  answer(connection, requestId, await context.store.ack(logId, identity.deviceId, upto));
  noteSeen(context, identity);
}

/** LG12 */
export async function handleSetTickets(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"setTickets">,
): Promise<void> {
  const { requestId, logId, ticketHashes } = frame;
  const log = await ownLog(context, connection, frame);
  if (log === null) return;
  if (log.kind !== "request") return connection.reply({ type: "failed", requestId, code: "forbidden" });
  answer(connection, requestId, await context.store.setTickets(logId, ticketHashes));
}

/** The log of a frame that only its owner's devices may send; replies and gives null otherwise. */
async function ownLog(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"closeLog" | "setTickets" | "setLogKey" | "releaseLog">,
): Promise<LogRecord | null> {
  const { requestId, logId } = frame;
  const { identity } = connection;
  const fail = (code: FailureCode): null => {
    connection.reply({ type: "failed", requestId, code });
    return null;
  };
  if (identity?.type !== "device") return fail("not-signed-in");
  const found = await context.store.findLog(logId);
  if (!found.ok) return fail(found.error.code);
  if (found.value === null) return fail("unknown-log");
  return found.value.ownerId === identity.accountId ? found.value : fail("forbidden");
}

/** The channel of a frame that reads; replies and gives null when there is none. */
export function readableChannel(
  connection: Connection,
  frame: { readonly requestId: number; readonly channel: number },
): Channel | null {
  const channel = connection.channels.get(frame.channel);
  if (channel?.mayRead === true) return channel;
  connection.reply({
    type: "failed",
    requestId: frame.requestId,
    code: channel === undefined ? "unknown-channel" : "forbidden",
  });
  return null;
}

/** Answers a request that has no more to say than whether it was done. */
export function answer(
  connection: Connection,
  requestId: number,
  result: { readonly ok: true } | { readonly ok: false; readonly error: { readonly code: FailureCode } },
): void {
  connection.reply(
    result.ok ? { type: "done", requestId } : { type: "failed", requestId, code: result.error.code },
  );
}
