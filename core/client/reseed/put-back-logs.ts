/** Beginning own logs anew on a server that lost them, or has them only from before. Rules IN1, IN2, IN9. */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import type { LogId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { createReseed } from "../../log/create-reseed.ts";
import { checkHead, isUnread, type LogReader, passIds } from "../../log/log-reader.ts";
import type { LogKind } from "../../protocol/client-frame.ts";
import type { LogPoint } from "../../protocol/entry.ts";
import type { ClientError } from "../client-error.ts";
import { capabilityKey } from "../devices/device-identity.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../connection/gateway.ts";
import { type LogChannel, openLogChannel } from "../connection/log-channel.ts";

/** A log of this account, and where this device stands in it. */
export interface OwnedLog {
  readonly logId: LogId;
  readonly kind: LogKind;
  /** Of an inbound log: makes the key others append by. */
  readonly appendSeed: Bytes | null;
  readonly reader: LogReader;
}

/** Gives how many of the logs were begun anew. What holds all this device has read stays as it is. */
export async function putBackLogs(
  context: EngineContext,
  gateway: Gateway,
  logs: readonly OwnedLog[],
  onLog: (done: number, total: number) => void,
): Promise<Result<number, ClientError>> {
  let count = 0;
  for (const [index, log] of logs.entries()) {
    onLog(index, logs.length);
    const channel = await openToRead(gateway, log, index + 1);
    if (!channel.ok) return channel;
    const head = channel.value?.head ?? null;
    const isWhole = channel.value === null ? ok(false) : await holdsAllRead(channel.value, log);
    if (!isWhole.ok) return isWhole;
    // One that was never read is made when it is opened, as at the first time.
    if (isWhole.value || (head === null && isUnread(log.reader))) continue;
    const begun = await beginAnew(context, gateway, log, head);
    if (!begun.ok) return begun;
    if (begun.value) count++;
  }
  return ok(count);
}

/** Whether what this device has read is in the log as it is there, or somebody was faster: that is checked where the log is read. */
async function holdsAllRead(
  channel: LogChannel,
  { reader }: OwnedLog,
): Promise<Result<boolean, ClientError>> {
  const { head } = channel;
  if (head.incarnation > reader.point.incarnation) return ok(true);
  if (!checkHead(reader, head).ok) return ok(false);
  // A head further on says nothing of what lies before it, until what is between leads there.
  let known = reader;
  while (known.point.seq < head.seq) {
    const page = await channel.readIds(known.point.seq);
    if (!page.ok) return page;
    const ids = page.value.ids.slice(0, head.seq - known.point.seq);
    if (ids.length === 0) return ok(false);
    known = passIds(known, ids);
  }
  return ok(equalBytes(known.point.chain, head.chain));
}

async function openToRead(
  gateway: Gateway,
  { logId }: OwnedLog,
  channel: number,
): Promise<Result<LogChannel | null, ClientError>> {
  const open = { logId, right: "read" as const, capability: null, writer: null };
  const opened = await openLogChannel(gateway, channel, open);
  const isAbsent = !opened.ok && opened.error.type === "Refused" && opened.error.code === "unknown-log";
  return isAbsent ? ok(null) : opened;
}

/**
 * Begins a log as the incarnation after that of `reader`, or of `head` where the server has it from before. IN1
 *
 * False when the server has what was read after all, or a sibling was faster: then nothing is to be done. - Fails: with the server's refusals.
 */
export async function beginAnew(
  context: EngineContext,
  gateway: Gateway,
  { logId, kind, appendSeed, reader }: OwnedLog,
  head: LogPoint | null,
): Promise<Result<boolean, ClientError>> {
  const chain = context.chain();
  const { accountId, deviceId, keys } = context.identity;
  const reseed = createReseed(keys.sign, {
    version: 1,
    accountId,
    logId,
    incarnation: Math.max(reader.point.incarnation, head?.incarnation ?? 0) + 1,
    after: reader.point,
    device: deviceId,
    chainSeq: chain.seq,
    chainHead: chain.head,
  });
  const appendKey = appendSeed === null ? null : capabilityKey(appendSeed).publicKey;
  const begun = await gateway.call("done", { type: "reseedLog", logId, kind, appendKey, reseed });
  if (begun.ok) return ok(true);
  const isThere = begun.error.type === "Refused" && begun.error.code === "log-exists";
  return isThere ? ok(false) : begun;
}
