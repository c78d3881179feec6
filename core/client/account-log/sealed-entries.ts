/**
 * Entries of the account log this device has sealed and not read back. Rules AR2, AR6, AR8, AR10.
 *
 * The same bytes are sent until they are read back: each is a row before it is sent. A new epoch seals what it holds anew.
 */
import { assert } from "../../base/assert.ts";
import type { EntryId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { type BatchItem, sealAccountEntry } from "../../log/account-entry.ts";
import { type Entry, type LogPoint, parseEntryHeader, writerTag } from "../../protocol/entry.ts";
import { rowKeyLastNumber } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import { writerKey } from "../devices/device-identity.ts";
import type { EngineContext } from "../engine-context.ts";
import type { OutRow } from "../tables.ts";
import { joinByDocument, takeGroup } from "./document-changes.ts";
import type { RowsStep } from "./rows-step.ts";

/** Sealed entries on their way at once; more wait unsealed, so that they can share an entry. */
const SEALED_IN_FLIGHT_MAX = 16;

export interface SealedEntry {
  readonly writerSeq: number;
  readonly id: EntryId;
  readonly entry: Entry;
  readonly outs: readonly number[];
}

export interface SealedEntries {
  start(): Promise<Result<void, ClientError>>;
  all(): readonly SealedEntry[];
  /** Counter of the last entry sealed. */
  writerSeq(): number;
  /** Seals what of `waiting` is in no entry yet; `seen` is quoted in it. */
  seal(waiting: ReadonlyMap<number, OutRow>, seen: LogPoint): Promise<Result<void, ClientError>>;
  /** Gives up every entry after `last`, so that what they hold is sealed anew; `read` is the last one read back. */
  sealAnewAfter(last: number, read: EntryId | null): Promise<Result<void, ClientError>>;
  /** Gives up all of them, and quotes none before what is sealed next; the counter goes on. */
  enterIncarnation(): RowsStep;
  /** Their rows are gone. */
  remove(gone: readonly SealedEntry[]): void;
}

export function createSealedEntries(context: EngineContext): SealedEntries {
  const { tables, store, identity } = context;
  const log = { accountId: identity.accountId, logId: context.accountLogId };
  const tag = writerTag(log.logId, writerKey(identity.seeds, log.logId).publicKey);
  let sealed: readonly SealedEntry[] = [];
  let writerSeq = 0;
  let previous: EntryId | null = null;

  const writerRow = (counter: number, last: EntryId | null): WriteOp =>
    tables.writer.put([log.logId], { writerSeq: counter, previous: last, receipt: null });

  async function start(): Promise<Result<void, ClientError>> {
    const row = await tables.writer.get(log.logId);
    if (!row.ok) return row;
    writerSeq = row.value?.writerSeq ?? 0;
    previous = row.value?.previous ?? null;
    const rows = await tables.sealed.scan();
    if (!rows.ok) return rows;
    sealed = rows.value.map(({ key, value }) => ({
      writerSeq: rowKeyLastNumber(key),
      id: context.entryId(log.logId, value.entry),
      ...value,
    }));
    return ok();
  }

  async function seal(outs: ReadonlyMap<number, OutRow>, seen: LogPoint): Promise<Result<void, ClientError>> {
    const taken = new Set(sealed.flatMap((one) => one.outs));
    const writes: WriteOp[] = [];
    const added: SealedEntry[] = [];
    let last = previous;
    let counter = writerSeq;
    const waiting = [...outs].filter(([number]) => !taken.has(number));
    while (waiting.length > 0 && sealed.length + added.length < SEALED_IN_FLIGHT_MAX) {
      const group = takeGroup(waiting);
      counter++;
      const rows = group.map(([, row]) => row);
      const entry = sealGroup(rows, { writerSeq: counter, previous: last, seen });
      if (!entry.ok) return entry;
      const id = context.entryId(log.logId, entry.value);
      const numbers = group.map(([number]) => number);
      writes.push(tables.sealed.put([counter], { entry: entry.value, outs: numbers }));
      added.push({ writerSeq: counter, id, entry: entry.value, outs: numbers });
      last = id;
    }
    if (added.length === 0) return ok();
    const written = await store.batch([...writes, writerRow(counter, last)]);
    if (!written.ok) return written;
    sealed = [...sealed, ...added];
    writerSeq = counter;
    previous = last;
    return ok();
  }

  function sealGroup(
    rows: readonly OutRow[],
    at: { readonly writerSeq: number; readonly previous: EntryId | null; readonly seen: LogPoint },
  ): Result<Entry, ClientError> {
    const chain = context.chain();
    const epoch = chain.epochs.length;
    const epochSecret = context.epochSecret(epoch);
    if (epochSecret === null)
      return { ok: false, error: { type: "EpochUnavailable", epoch, rule: "NoSecret" } };
    const batch: BatchItem[] = joinByDocument(rows).map((item) => ({ type: "changes", ...item }));
    const entry = sealAccountEntry(
      context.random,
      {
        log,
        epoch,
        epochSecret,
        writerTag: tag,
        writerSeq: at.writerSeq,
        signer: identity.keys.sign,
        content: {
          version: 1,
          device: identity.deviceId,
          chainSeq: chain.seq,
          chainHead: chain.head,
          previous: at.previous,
          seen: at.seen,
          batch,
        },
      },
      context.padding(),
    );
    assert(entry.ok, "a group of changes fits an entry");
    assert(parseEntryHeader(entry.value.header).ok, "an own header parses");
    return ok(entry.value);
  }

  async function sealAnewAfter(last: number, read: EntryId | null): Promise<Result<void, ClientError>> {
    const dropped = sealed.filter((one) => one.writerSeq > last);
    const kept = sealed.filter((one) => one.writerSeq <= last);
    // One before it may never have been read back as it was sent.
    const lastKept = kept.find((one) => one.writerSeq === last)?.id ?? read;
    const written = await store.batch([
      ...dropped.map((one) => tables.sealed.remove(one.writerSeq)),
      writerRow(last, lastKept),
    ]);
    if (!written.ok) return written;
    sealed = kept;
    writerSeq = last;
    previous = lastKept;
    return ok();
  }

  return {
    start,
    all: () => sealed,
    writerSeq: () => writerSeq,
    seal,
    sealAnewAfter,
    enterIncarnation: () => ({
      // IN5: no number is used twice, whatever became of the entry that had it.
      writes: [...sealed.map((one) => tables.sealed.remove(one.writerSeq)), writerRow(writerSeq, null)],
      commit() {
        sealed = [];
        previous = null;
      },
    }),
    remove(gone) {
      sealed = sealed.filter((one) => !gone.includes(one));
    },
  };
}

/** The epoch an entry was sealed under. */
export function epochOf(sealed: SealedEntry | undefined): number | null {
  const header = sealed === undefined ? null : parseEntryHeader(sealed.entry.header);
  return header?.ok ? header.value.epoch : null;
}
