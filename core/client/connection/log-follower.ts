/**
 * Own logs on one connection to the home server: compared with what was read before, read to their heads, followed and
 * acknowledged. Rules LR1-LR5, IN3, IN7.
 */
import type { LogId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { judgeReseed } from "../../log/judge-reseed.ts";
import { checkHead, checkQuote, type LogFault, type LogReader, readEntries } from "../../log/log-reader.ts";
import type { LogPoint, PlacedEntry } from "../../protocol/entry.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "./gateway.ts";
import type { LogChannel } from "./log-channel.ts";

/** What a log's entries mean here. */
export interface FollowedLog {
  /** How far it was read. */
  reader(): Promise<Result<LogReader, ClientError>>;
  /** Takes entries over. Runs within the serial. */
  take(entries: readonly PlacedEntry[]): Promise<Result<void, ClientError>>;
  /** Goes on in a later incarnation, as its owner says. */
  enterIncarnation(incarnation: number): Promise<Result<void, ClientError>>;
  /** Gets past entries that are gone. */
  passTrimmed(channel: LogChannel): Promise<Result<void, ClientError>>;
  /** Up to where it may be acknowledged, given how far it was read. */
  ackableSeq(readSeq: number): number;
}

export interface LogFollower {
  /** Reads a log to its head, and takes what comes from then on. */
  follow(channel: LogChannel, log: FollowedLog): Promise<Result<void, ClientError>>;
  /** The channel of a log that is followed. */
  channelOf(logId: LogId): LogChannel | null;
  /** Reads a log that is followed to its present head. */
  catchUp(logId: LogId): Promise<Result<void, ClientError>>;
  catchUpAll(): Promise<Result<void, ClientError>>;
  acknowledge(logId: LogId): Promise<void>;
  /** Where this device stands in the logs of others it follows. */
  inboundPoints(): Promise<ReadonlyMap<LogId, LogPoint>>;
}

export interface LogFollowerDeps {
  readonly context: EngineContext;
  readonly gateway: Pick<Gateway, "isOpen" | "close">;
  onProgress(done: number, total: number): void;
}

interface Followed {
  readonly channel: LogChannel;
  readonly log: FollowedLog;
  acked: number;
}

/** Follows nothing yet. */
export function createLogFollower({ context, gateway, onProgress }: LogFollowerDeps): LogFollower {
  const followed = new Map<LogId, Followed>();

  async function follow(channel: LogChannel, log: FollowedLog): Promise<Result<void, ClientError>> {
    const { logId } = channel;
    const before = await log.reader();
    if (!before.ok) return before;
    const entered = await enterIncarnation(channel, log, before.value);
    if (!entered.ok) return entered;
    const known = await log.reader();
    if (!known.ok) return known;
    // LR3: a server that was set back says so here; a read past its end would only be refused.
    const checked = checkHead(known.value, channel.head);
    if (!checked.ok) return context.distrustLog(logId, checked.error);
    const passed = await log.passTrimmed(channel);
    if (!passed.ok) return passed;
    const one: Followed = { channel, log, acked: 0 };
    followed.set(logId, one);
    const subscribed = await readAndSubscribe(one);
    // What nothing more will come of is opened again by whoever asks for it next.
    if (!subscribed.ok && followed.get(logId) === one) followed.delete(logId);
    return subscribed;
  }

  async function readAndSubscribe(one: Followed): Promise<Result<void, ClientError>> {
    const read = await readToHead(one);
    if (!read.ok) return read;
    const after = await one.log.reader();
    if (!after.ok) return after;
    return one.channel.subscribe(after.value.point.seq, (entries) => takeDelivered(one, entries));
  }

  /** IN3, IN7: the log goes on as a later incarnation, when a device of this account has said so. */
  async function enterIncarnation(
    { logId, head, reseed }: LogChannel,
    log: FollowedLog,
    known: LogReader,
  ): Promise<Result<void, ClientError>> {
    const { incarnation } = head;
    const { incarnation: seen } = known.point;
    if (incarnation <= seen) return ok();
    const judged = judgeReseed(context.chain(), { logId, incarnation, reseed });
    if (!judged.ok) return context.distrustLog(logId, { type: "LogIncarnationChanged", seen, incarnation });
    return log.enterIncarnation(incarnation);
  }

  function takeDelivered({ channel, log }: Followed, entries: readonly PlacedEntry[]): void {
    const sinceMs = context.spans?.monotonicMs() ?? 0;
    const takeNext = async (): Promise<void> => {
      // What came after something that could not be taken over is no gap in the log: it is all read again.
      if (!gateway.isOpen()) return;
      const taken = await log.take(entries);
      context.spans?.received(sinceMs, taken);
      if (!taken.ok) gateway.close();
    };
    // Somebody waits for what others write. Not behind, the account log neither: a revocation cuts it where it was read to,
    // and what has come by then counts.
    const { run, runNext } = context.serial;
    const isOwn = channel.logId === context.accountLogId;
    void (isOwn ? run : runNext)(takeNext).then(() => acknowledge(channel.logId));
  }

  async function readToHead({ channel, log }: Followed): Promise<Result<void, ClientError>> {
    const { logId } = channel;
    for (;;) {
      const before = await log.reader();
      if (!before.ok) return before;
      const page = await channel.read(before.value.point.seq);
      if (!page.ok) return page;
      const { entries, head } = page.value;
      const checked = checkPage(before.value, entries, head);
      if (!checked.ok) return context.distrustLog(logId, checked.error);
      if (entries.length > 0) {
        const sinceMs = context.spans?.monotonicMs() ?? 0;
        const taken = await context.serial.run(() => log.take(entries));
        context.spans?.received(sinceMs, taken);
        if (!taken.ok) return taken;
      }
      const after = await log.reader();
      if (!after.ok) return after;
      onProgress(after.value.point.seq, head.seq);
      if (after.value.point.seq >= head.seq) {
        const same = checkQuote(after.value, head);
        if (!same.ok) return context.distrustLog(logId, same.error);
        await acknowledge(logId);
        return ok();
      }
      // Also of entries that were there before: a server must not keep a person waiting with them.
      if (after.value.point.seq === before.value.point.seq) {
        const fault = { type: "LogGap", expectedSeq: after.value.point.seq + 1, seq: head.seq } as const;
        return context.distrustLog(logId, fault);
      }
    }
  }

  /** Only where a log is opened does a device get past what was trimmed. */
  async function readOn(one: Followed): Promise<Result<void, ClientError>> {
    const read = await readToHead(one);
    if (!read.ok && read.error.type === "Refused" && read.error.code === "log-trimmed") gateway.close();
    return read;
  }

  async function acknowledge(logId: LogId): Promise<void> {
    const one = followed.get(logId);
    if (one === undefined || !gateway.isOpen()) return;
    const reader = await one.log.reader();
    if (!reader.ok) return;
    const upto = one.log.ackableSeq(reader.value.point.seq);
    if (upto <= one.acked) return;
    const before = one.acked;
    one.acked = upto;
    const acked = await one.channel.ack(upto);
    if (!acked.ok) one.acked = before;
  }

  return {
    follow,
    channelOf: (logId) => followed.get(logId)?.channel ?? null,
    async catchUp(logId) {
      const one = followed.get(logId);
      return one === undefined ? ok() : readOn(one);
    },
    async catchUpAll() {
      for (const one of [...followed.values()]) {
        const read = await readOn(one);
        if (!read.ok) return read;
      }
      return ok();
    },
    acknowledge,
    async inboundPoints() {
      const points = new Map<LogId, LogPoint>();
      for (const [logId, { log }] of followed) {
        if (logId === context.accountLogId) continue;
        const reader = await log.reader();
        if (reader.ok) points.set(logId, reader.value.point);
      }
      return points;
    },
  };
}

/** LR4: where a page reaches the head that came with it, it must lead there before anything of it is taken over. */
function checkPage(
  reader: LogReader,
  entries: readonly PlacedEntry[],
  head: LogPoint,
): Result<void, LogFault> {
  const checked = checkHead(reader, head);
  if (!checked.ok) return checked;
  const read = readEntries(reader, entries);
  if (!read.ok) return read;
  return read.value.reader.point.seq < head.seq ? ok() : checkQuote(read.value.reader, head);
}
