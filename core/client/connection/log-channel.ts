/**
 * One log opened on one connection: proof of the right to use it, appending, reading, subscribing.
 */
import type { Bytes } from "../../base/bytes.ts";
import { type EntryId, ID_BYTES, idFromBytes, type LogId } from "../../base/ids.ts";
import {
  APPEND_BATCH_ENTRIES_MAX,
  ENTRY_IDS_PER_READ_MAX,
  FRAME_BYTES_MAX,
  READ_PAGE_ENTRIES_MAX,
} from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type SignKeyPair, sign } from "../../crypto/sign.ts";
import { encodeCapabilityClaim, encodeWriterTagClaim, type LogRight } from "../../protocol/claims.ts";
import type { Admission } from "../../protocol/client-frame.ts";
import type { Entry, LogPoint, PlacedEntry } from "../../protocol/entry.ts";
import type { AppendResult } from "../../protocol/server-frame.ts";
import type { Gateway, ServerError } from "./gateway.ts";

/** Room left in a frame for everything but entries. */
const FRAME_BYTES_OVERHEAD = 4_096;

export interface OpenLog {
  readonly logId: LogId;
  readonly right: LogRight;
  /** Key of the capability; null for an own log on a signed-in connection. */
  readonly capability: SignKeyPair | null;
  /** Key of the writer tag; null when nothing will be appended. */
  readonly writer: SignKeyPair | null;
}

export interface LogChannel {
  readonly logId: LogId;
  readonly head: LogPoint;
  /** Last accepted `writerSeq` of this writer. */
  readonly writerSeq: number;
  readonly isClosed: boolean;
  /** The owner's word that a log above incarnation 0 goes on; not checked yet. */
  readonly reseed: Bytes | null;
  /** Up to here entries are gone and only their ids are there. */
  readonly trimmedUpto: number;
  /** Appends in order. Results stand for the entries up to the first failure of the connection. */
  append(
    entries: readonly Entry[],
    admission?: Admission,
  ): Promise<Result<readonly AppendResult[], ServerError>>;
  /** Appends one entry of a room, and replaces the key of its log with it. */
  appendAndRekey(entry: Entry, appendKey: Bytes): Promise<Result<AppendResult | null, ServerError>>;
  read(
    after: number,
  ): Promise<Result<{ readonly entries: readonly PlacedEntry[]; readonly head: LogPoint }, ServerError>>;
  /** Ids of entries, also of those that are gone, and those of them below the trimmed end that are still whole. */
  readIds(
    after: number,
  ): Promise<
    Result<
      { readonly ids: readonly EntryId[]; readonly kept: readonly PlacedEntry[]; readonly head: LogPoint },
      ServerError
    >
  >;
  /** Everything after `after`, then what is appended later, in order. */
  subscribe(
    after: number,
    handler: (entries: readonly PlacedEntry[]) => void,
  ): Promise<Result<void, ServerError>>;
  ack(upto: number): Promise<Result<void, ServerError>>;
}

/** Opens a log. `channel` is a number not in use on this connection. */
export async function openLogChannel(
  gateway: Gateway,
  channel: number,
  open: OpenLog,
): Promise<Result<LogChannel, ServerError>> {
  const { logId, right } = open;
  const opened = await gateway.call("opened", {
    type: "openLog",
    channel,
    logId,
    right,
    capability:
      open.capability &&
      prove(open.capability, LABEL.signCapability, (publicKey) =>
        encodeCapabilityClaim({ ...gateway.nonces, logId, right, publicKey }),
      ),
    writer:
      open.writer &&
      prove(open.writer, LABEL.signWriterTag, (publicKey) =>
        encodeWriterTagClaim({ ...gateway.nonces, logId, publicKey }),
      ),
  });
  if (!opened.ok) return opened;
  if (opened.value.trimmedUpto > opened.value.head.seq)
    return err({ type: "ServerMisbehaved", why: "has let go more of a log than there is" });
  const done = async (answer: Promise<Result<unknown, ServerError>>): Promise<Result<void, ServerError>> => {
    const result = await answer;
    return result.ok ? ok() : result;
  };
  return ok({
    logId,
    head: opened.value.head,
    writerSeq: opened.value.writerSeq,
    isClosed: opened.value.isClosed,
    trimmedUpto: opened.value.trimmedUpto,
    reseed: opened.value.reseed,
    async readIds(after) {
      const page = await gateway.call("ids", {
        type: "readIds",
        channel,
        after,
        limit: ENTRY_IDS_PER_READ_MAX,
      });
      if (!page.ok) return page;
      const { ids, kept, head } = page.value;
      if (ids.length % ID_BYTES.entry !== 0)
        return err({ type: "ServerMisbehaved", why: "sent a part of an id" });
      const split = Array.from({ length: ids.length / ID_BYTES.entry }, (_, index) =>
        idFromBytes("entry", ids.subarray(index * ID_BYTES.entry, (index + 1) * ID_BYTES.entry)),
      );
      return ok({ ids: split, kept, head });
    },
    async append(entries, admission) {
      const batches = splitBatches(entries);
      const answers = await Promise.all(
        batches.map((batch) =>
          gateway.call("appended", { type: "append", channel, entries: batch, admission: admission ?? null }),
        ),
      );
      const results: AppendResult[] = [];
      for (const [index, answer] of answers.entries()) {
        if (!answer.ok) return results.length > 0 ? ok(results) : answer;
        if (answer.value.results.length !== batches[index]?.length) {
          return err({ type: "ServerMisbehaved", why: "answered an append with another number of results" });
        }
        results.push(...answer.value.results);
      }
      return ok(results);
    },
    async appendAndRekey(entry, appendKey) {
      const answer = await gateway.call("appended", { type: "appendAndRekey", channel, entry, appendKey });
      return answer.ok ? ok(answer.value.results[0] ?? null) : answer;
    },
    read: (after) => gateway.call("entries", { type: "read", channel, after, limit: READ_PAGE_ENTRIES_MAX }),
    subscribe: (after, handler) => {
      gateway.onDeliver(logId, handler);
      return done(gateway.call("done", { type: "subscribe", channel, after }));
    },
    ack: (upto) => done(gateway.call("done", { type: "ack", channel, upto })),
  });
}

function prove(
  key: SignKeyPair,
  label: (typeof LABEL)["signCapability" | "signWriterTag"],
  claim: (publicKey: Bytes) => Bytes,
) {
  return { publicKey: key.publicKey, signature: sign(key, label, claim(key.publicKey)) };
}

/** Splits so that each batch fits the limits of one append frame. */
function splitBatches(entries: readonly Entry[]): Entry[][] {
  const batches: Entry[][] = [];
  let batch: Entry[] = [];
  let batchBytes = 0;
  for (const entry of entries) {
    const entryBytes = entry.header.length + entry.sealed.length + 16;
    if (
      batch.length === APPEND_BATCH_ENTRIES_MAX ||
      (batch.length > 0 && batchBytes + entryBytes > FRAME_BYTES_MAX - FRAME_BYTES_OVERHEAD)
    ) {
      batches.push(batch);
      batch = [];
      batchBytes = 0;
    }
    batch.push(entry);
    batchBytes += entryBytes;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
