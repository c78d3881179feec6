/**
 * Sends sealed entries to the server until none waits. Rules AR6, AR8.
 *
 * The only part that waits for the network: it takes turns in the serial and lets go of it in between.
 */
import type { EntryId, LogId } from "../../base/ids.ts";
import { type Err, ok, type Result } from "../../base/result.ts";
import type { AppendResult } from "../../protocol/server-frame.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { LogChannel } from "../connection/log-channel.ts";
import { epochOf, type SealedEntries, type SealedEntry } from "./sealed-entries.ts";

export interface PushDeps {
  readonly context: EngineContext;
  readonly sealed: SealedEntries;
  /** Seals what waits. Runs within the serial. */
  readonly sealPending: () => Promise<Result<void, ClientError>>;
  /** The last own entry that was read back. */
  readonly lastRead: () => EntryId | null;
}

/** This device has written what this profile does not know of: it was set back, or is in use twice. Rule AR8. */
export function foundRolledBack(context: EngineContext, logId: LogId): Err<ClientError> {
  context.raise({ type: "DeviceRolledBack", logId });
  return { ok: false, error: { type: "DeviceRolledBack", logId } };
}

/** Gives the log's `push`. */
export function createPush(deps: PushDeps): (channel: LogChannel) => Promise<Result<void, ClientError>> {
  const { context, sealed } = deps;
  const logId = context.accountLogId;
  let isPushing = false;
  /** Something came while a push was ending. */
  let isAsked = false;
  let pushedTo: LogChannel | null = null;
  /** Last counter the server has accepted, as far as this connection knows. */
  let accepted = 0;
  /** Nothing of this device stands in the log's present incarnation. */
  let isFirst = false;

  async function push(channel: LogChannel): Promise<Result<void, ClientError>> {
    isAsked = true;
    if (isPushing) return ok();
    isPushing = true;
    try {
      let pushed: Result<void, ClientError> = ok();
      while (isAsked && pushed.ok) {
        isAsked = false;
        pushed = await pushAll(channel);
      }
      return pushed;
    } finally {
      isPushing = false;
    }
  }

  async function pushAll(channel: LogChannel): Promise<Result<void, ClientError>> {
    if (channel !== pushedTo) {
      if (channel.writerSeq > sealed.writerSeq()) return rolledBack();
      const unbroken = await context.serial.run(() => closeHole(channel));
      if (!unbroken.ok) return unbroken;
      pushedTo = channel;
      accepted = channel.writerSeq;
      isFirst = accepted === 0 && channel.head.incarnation > 0;
    }
    for (;;) {
      const filled = await context.serial.run(deps.sealPending);
      if (!filled.ok) return filled;
      const waiting = sealed.all().filter((one) => one.writerSeq > accepted);
      if (waiting.length === 0) return ok();
      // IN5: the first goes alone: behind one that is refused the next would count as where this device goes on.
      const going = isFirst ? waiting.slice(0, 1) : waiting;
      const results = await channel.append(going.map((one) => one.entry));
      if (!results.ok) return results;
      isFirst &&= results.value.every(({ type }) => type === "refused");
      const taken = await context.serial.run(() => takeReceipts(going, results.value));
      if (!taken.ok) return taken;
      accepted = taken.value;
    }
  }

  /** ST61: where an entry on its way, or the counter, was lost, all after what the server has is sealed anew. */
  async function closeHole({ writerSeq: atServer, head }: LogChannel): Promise<Result<void, ClientError>> {
    // IN5: an incarnation in which nothing of this device stands begins with whatever number comes next here.
    if (head.incarnation > 0 && atServer === 0) return goOn();
    const unsent = sealed.all().filter((one) => one.writerSeq > atServer);
    const isUnbroken = unsent.every((one, index) => one.writerSeq === atServer + 1 + index);
    if (isUnbroken && atServer + unsent.length === sealed.writerSeq()) return ok();
    return sealed.sealAnewAfter(atServer, deps.lastRead());
  }

  /** Where an entry on its way was lost, all is sealed anew under the numbers that follow. */
  async function goOn(): Promise<Result<void, ClientError>> {
    const first = sealed.writerSeq() - sealed.all().length + 1;
    if (sealed.all().every((one, index) => one.writerSeq === first + index)) return ok();
    const again = sealed.enterIncarnation();
    const written = await context.store.batch(again.writes);
    if (written.ok) again.commit();
    return written;
  }

  const rolledBack = () => foundRolledBack(context, logId);

  /** Returns the last accepted counter; after a stale epoch everything from there on is sealed anew. */
  async function takeReceipts(
    waiting: readonly SealedEntry[],
    results: readonly AppendResult[],
  ): Promise<Result<number, ClientError>> {
    let last = (waiting[0]?.writerSeq ?? 1) - 1;
    for (const [index, result] of results.entries()) {
      if (result.type !== "refused") {
        last = waiting[index]?.writerSeq ?? last;
        continue;
      }
      if (result.code === "revoked-device") {
        context.raise({ type: "DeviceRevoked" });
        return { ok: false, error: { type: "DeviceRevoked" } };
      }
      // AR8: at this place the server has other bytes of this device, and the same ones it would have known.
      if (result.code === "writer-seq" && (result.writerSeq ?? 0) >= (waiting[index]?.writerSeq ?? 0))
        return rolledBack();
      if (result.code !== "stale-epoch") return { ok: false, error: { type: "Refused", code: result.code } };
      const refreshed = await context.refreshOwnChain();
      if (!refreshed.ok) return refreshed;
      // A server that calls the newest epoch stale would have the same answer for the next attempt.
      if (epochOf(waiting[index]) === context.chain().epochs.length)
        return { ok: false, error: { type: "Refused", code: result.code } };
      const resealed = await sealed.sealAnewAfter(last, deps.lastRead());
      return resealed.ok ? ok(last) : resealed;
    }
    return ok(last);
  }

  return push;
}
