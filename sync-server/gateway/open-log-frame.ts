/** `openLog`: who may do what with a log on this connection. Rules GW3, GW5-GW6, LG4, LG12. */
import { equalBytes } from "@dovetail/core/base/bytes.ts";
import { LABEL } from "@dovetail/core/crypto/labels.ts";
import { encodeCapabilityClaim, encodeWriterTagClaim } from "@dovetail/core/protocol/claims.ts";
import { chainStart, type LogPoint, writerTag } from "@dovetail/core/protocol/entry.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { Refusal } from "../store/refusal.ts";
import type { LogRecord } from "../store/log-store.ts";
import type { Channel, Connection } from "./connection.ts";
import type { FrameOf, GatewayContext } from "./gateway-context.ts";
import { isClaimSigned, refuseProof } from "./sign-in-frames.ts";

/** Opens a channel: checks the right to use the log and who writes. */
export async function handleOpenLog(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"openLog">,
): Promise<void> {
  const { requestId, channel, logId } = frame;
  if (connection.channels.has(channel))
    return connection.reply({ type: "failed", requestId, code: "malformed" });
  const found = await context.store.findLog(logId);
  if (!found.ok) return connection.reply({ type: "failed", requestId, code: found.error.code });
  if (found.value === null) return refuseProof(connection, requestId, "unknown-log");
  const log = found.value;
  const former = await formerKey(context, frame, log);
  if (!former.ok) return connection.reply({ type: "failed", requestId, code: former.error.code });
  const access = accessTo(context, connection, frame, { log, former: former.value });
  if (typeof access === "string") return refuseProof(connection, requestId, access);
  const tag = frame.writer === null ? null : writerTag(logId, frame.writer.publicKey);
  if (frame.writer !== null && !isWriterProven(context, connection, frame))
    return refuseProof(connection, requestId, "bad-signature");
  const last = tag === null ? ({ ok: true, value: 0 } as const) : await context.store.writerSeq(logId, tag);
  if (!last.ok) return connection.reply({ type: "failed", requestId, code: last.error.code });
  if (connection.isClosed()) return;
  connection.isProven = true;
  connection.channels.set(channel, { logId, kind: log.kind, ...access, writerTag: tag, subscription: null });
  const head = access.isOwn || log.kind !== "request" ? (access.readUpto ?? log.head) : emptyPoint(log);
  connection.reply({
    type: "opened",
    requestId,
    head,
    trimmedUpto: access.mayRead ? Math.min(log.trimmedUpto, head.seq) : 0,
    writerSeq: last.value,
    isClosed: log.isClosed,
    reseed: log.reseed,
  });
}

/** LG21: up to where a room's log is read by the key that is proven, when it is not the one it has now. */
async function formerKey(
  context: GatewayContext,
  { capability }: FrameOf<"openLog">,
  log: LogRecord,
): Promise<Result<LogPoint | null, Refusal>> {
  if (log.kind !== "room" || capability === null || log.appendKey === null) return ok(null);
  if (equalBytes(log.appendKey, capability.publicKey)) return ok(null);
  return context.store.formerKey(log.logId, capability.publicKey);
}

type Access = Pick<Channel, "mayRead" | "mayAppend" | "isOwn" | "key" | "readUpto">;

/** GW5, GW6, LG8, LG19 */
function accessTo(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"openLog">,
  { log, former }: { readonly log: LogRecord; readonly former: LogPoint | null },
): Access | FailureCode {
  const own = { isOwn: true, key: null, readUpto: null };
  const { identity } = connection;
  const { right, capability } = frame;
  if (identity !== null) {
    // LG19: a room's founder, too, comes as anybody, so that nothing tells what else they do there.
    if (log.ownerId !== identity.accountId || capability !== null || log.kind === "room") return "forbidden";
    if (identity.type === "recovery")
      return right === "read" ? { mayRead: true, mayAppend: false, ...own } : "forbidden";
    return { mayRead: true, mayAppend: right !== "read", ...own };
  }
  const isReader = log.kind === "room" && right === "read";
  if (right !== "append" && !isReader) return "forbidden";
  const access = {
    mayRead: log.kind === "room",
    mayAppend: !isReader && former === null,
    isOwn: false,
    key: capability?.publicKey ?? null,
    readUpto: former,
  };
  // A request log is open to anybody; each entry needs a ticket or work.
  if (log.kind === "request") return capability === null ? access : "forbidden";
  if (capability === null) return "not-signed-in";
  const isPresent = log.appendKey !== null && equalBytes(log.appendKey, capability.publicKey);
  if (!isPresent && former === null) return "forbidden";
  const { logId } = frame;
  const { publicKey, signature } = capability;
  const isProven = isClaimSigned(context, connection, {
    publicKey,
    label: LABEL.signCapability,
    signature,
    encodeClaim: (claim) => encodeCapabilityClaim({ ...claim, logId, right, publicKey }),
  });
  return isProven ? access : "bad-signature";
}

function isWriterProven(context: GatewayContext, connection: Connection, frame: FrameOf<"openLog">): boolean {
  const { logId, writer } = frame;
  if (writer === null) return false;
  const { publicKey, signature } = writer;
  return isClaimSigned(context, connection, {
    publicKey,
    label: LABEL.signWriterTag,
    signature,
    encodeClaim: (claim) => encodeWriterTagClaim({ ...claim, logId, publicKey }),
  });
}

/** What a stranger sees of a request log: polling it tells nobody how many requests a person gets. */
function emptyPoint({ logId, head }: LogRecord): LogPoint {
  return { incarnation: head.incarnation, seq: 0, chain: chainStart(logId) };
}
