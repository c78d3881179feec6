/**
 * Entries of the account log as they come: verified, judged, and made durable together with the reading position.
 * Rules AR3-AR5, AR7, AR8, SN23, SN26.
 */
import { assert } from "../../base/assert.ts";
import type { DeviceId, EntryId } from "../../base/ids.ts";
import { SNAPSHOT_EXCEPT_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { type AccountEntryContent, openAccountEntry } from "../../log/account-entry.ts";
import { judgeWriter } from "../../log/judge-writer.ts";
import {
  checkQuote,
  createLogReader,
  type LogReader,
  type NamedEntry,
  readEntries,
} from "../../log/log-reader.ts";
import { type LogPoint, type PlacedEntry, parseEntryHeader } from "../../protocol/entry.ts";
import { rowKeyLastNumber, rowKeyParts } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import { type DocumentChanges, joinByDocument } from "./document-changes.ts";
import type { SeqRange } from "./journal.ts";
import type { RowsStep } from "./rows-step.ts";
import type { SealedEntry } from "./sealed-entries.ts";

/** What a reader of the account log knows at a point of it. */
export interface Coverage {
  readonly point: LogPoint;
  readonly epochFloor: number;
  readonly siblings: readonly { readonly device: DeviceId; readonly last: EntryId }[];
  /** Entries up to there that this device has not applied: they did not open, or wait for others. */
  readonly except: readonly number[];
}

/** What a page of entries brought; it counts once its writes are durable and `commit` was called. */
export interface ReadPage extends RowsStep {
  /** Changes of siblings. */
  readonly received: readonly DocumentChanges[];
  readonly seqs: SeqRange;
  /** A valid entry of this device that it has not written, as far as it knows. */
  readonly isForeign: boolean;
  /** Own entries that came back valid, and those that came back void. */
  readonly settled: readonly SealedEntry[];
  readonly voided: readonly SealedEntry[];
}

/** Entries of a revoked device after its cut, up to the last that counted when it was read. Rule AR18. */
export interface OverCut {
  readonly device: DeviceId;
  readonly after: LogPoint;
  readonly upto: LogPoint;
}

export interface LogIntake {
  start(): Promise<Result<void, ClientError>>;
  reader(): LogReader;
  /** The last entry of a device that was read. */
  lastOf(device: DeviceId): EntryId | null;
  /** Reads entries in order; null when none is new. */
  read(entries: readonly PlacedEntry[], writer: OwnWriter): Promise<Result<ReadPage | null, ClientError>>;
  /** Null while more is not applied than a snapshot can except. */
  coverage(unapplied: readonly SeqRange[]): Coverage | null;
  /** What counted here before the revocation was known, and does by it no more; null when there is nothing. */
  overCut(): OverCut | null;
  /** What counted of a revoked device was handed on; more of it may have been taken over meanwhile, which waits. */
  handedOn(over: OverCut): RowsStep;
  /** What counted of these devices up to `point` counts as taken over here. Rule AR18. */
  tookOver(devices: readonly DeviceId[], point: LogPoint): RowsStep;
  /** Goes on at another point of the log, with all that counted of `uncut` up to there. */
  moveTo(coverage: Coverage & { readonly uncut: readonly DeviceId[] }): RowsStep;
  /** Begins again at the start of the log, as a new device does. */
  restart(): RowsStep;
  /** Begins at the start of the log's next incarnation: places of the former one mean nothing in it. */
  enterIncarnation(incarnation: number): RowsStep;
}

/** What this device has written: entries on their way, and the counter of the last one sealed. */
export interface OwnWriter {
  readonly sealed: readonly SealedEntry[];
  readonly writerSeq: number;
}

/** What is known while a page is read, entry by entry. */
interface Reading {
  /** As far as the entry that is being judged. */
  reader: LogReader;
  floor: number;
  readonly lasts: Map<DeviceId, EntryId>;
  /** Last valid entry of each sibling. */
  readonly counted: Map<DeviceId, LogPoint>;
  readonly unopened: number[];
}

export function createLogIntake(context: EngineContext): LogIntake {
  const { tables, identity } = context;
  const log = { accountId: identity.accountId, logId: context.accountLogId };
  let reader = createLogReader(log.logId);
  let epochFloor = 0;
  const lastByDevice = new Map<DeviceId, EntryId>();
  /** Of each sibling the last entry that was valid when it was read. */
  const countedByDevice = new Map<DeviceId, LogPoint>();
  /** Entries that did not open here. */
  const refused = new Set<number>();

  async function start(): Promise<Result<void, ClientError>> {
    const row = await tables.reader.get(log.logId);
    if (!row.ok) return row;
    if (row.value !== null) {
      reader = createLogReader(log.logId, row.value.point);
      epochFloor = row.value.epochFloor;
    }
    const refusedRows = await tables.refused.scan();
    if (!refusedRows.ok) return refusedRows;
    for (const { key } of refusedRows.value) refused.add(rowKeyLastNumber(key));
    const siblings = await tables.sibling.scan();
    if (!siblings.ok) return siblings;
    for (const { key, value } of siblings.value)
      lastByDevice.set(rowKeyParts(key)[1] as DeviceId, value.last);
    const counted = await tables.counted.scan();
    if (!counted.ok) return counted;
    for (const { key, value } of counted.value) countedByDevice.set(rowKeyParts(key)[1] as DeviceId, value);
    return ok();
  }

  const read: LogIntake["read"] = async (entries, writer) => {
    const { sealed } = writer;
    const page = readEntries(reader, entries);
    if (!page.ok) return context.distrustLog(log.logId, page.error);
    const { fresh } = page.value;
    if (fresh.length === 0) return ok(null);
    const reading: Reading = {
      reader,
      floor: epochFloor,
      lasts: new Map(),
      counted: new Map(),
      unopened: [],
    };
    const accepted: DocumentChanges[] = [];
    const settled: SealedEntry[] = [];
    const voided: SealedEntry[] = [];
    let isForeign = false;
    for (const entry of fresh) {
      const content = await takeOver(entry, reading);
      if (!content.ok) return content;
      const own = sealed.find((one) => one.id === entry.id);
      if (own === undefined && content.value?.device === identity.deviceId && isUnwritten(entry, writer))
        isForeign = true;
      if (own !== undefined) (content.value === null ? voided : settled).push(own);
      if (content.value === null || own !== undefined) continue;
      for (const item of content.value.batch) if (item.type === "changes") accepted.push(item);
    }
    const seqs = { from: fresh[0]?.seq ?? 0, upto: page.value.reader.point.seq };
    const tail = await tables.tail.get();
    if (!tail.ok) return tail;
    const bytes = fresh.reduce(
      (sum, entry) => sum + entry.header.length + entry.sealed.length,
      tail.value?.bytes ?? 0,
    );
    const step = advance(page.value.reader, reading);
    const writes = [...step.writes, tables.tail.put([], { bytes })];
    return ok({ ...step, writes, received: joinByDocument(accepted), seqs, isForeign, settled, voided });
  };

  /** The content of a valid entry. */
  async function takeOver(
    entry: NamedEntry,
    reading: Reading,
  ): Promise<Result<AccountEntryContent | null, ClientError>> {
    const opened = await open(entry);
    if (!opened.ok) return opened;
    if (opened.value === null) reading.unopened.push(entry.seq);
    const advanced = readEntries(reading.reader, [entry]);
    assert(advanced.ok, "an entry read before is read again");
    reading.reader = advanced.value.reader;
    if (opened.value === null) return ok(null);
    const { content, epoch } = opened.value;
    const isValid = judge(entry, { content, epoch }, reading);
    reading.lasts.set(content.device, entry.id);
    if (isValid) {
      reading.floor = Math.max(reading.floor, epoch);
      // Read again from the start, what was valid once may be over the cut.
      const isNews = entry.seq > (countedByDevice.get(content.device)?.seq ?? 0);
      if (isNews && content.device !== identity.deviceId)
        reading.counted.set(content.device, advanced.value.reader.point);
    }
    return ok(isValid ? content : null);
  }

  /** Null for an entry that no retry can open; it is named in an alarm and passed over, so it blocks nothing. */
  async function open(entry: NamedEntry) {
    const keys = {
      epochSecret: context.epochSecret,
      signKey: (device: DeviceId) => context.chain().devicesById.get(device)?.signKey ?? null,
    };
    let opened = openAccountEntry(log, entry, keys);
    if (!opened.ok && (opened.error.type === "UnknownEpoch" || opened.error.type === "UnknownWriter")) {
      const refreshed = await context.refreshOwnChain();
      if (!refreshed.ok) return refreshed;
      opened = openAccountEntry(log, entry, keys);
    }
    if (opened.ok) return ok(opened.value);
    context.raise({ type: "EntryRefused", logId: log.logId, seq: entry.seq, rule: opened.error.type });
    return ok(null);
  }

  function judge(
    entry: NamedEntry,
    { content, epoch }: { readonly content: AccountEntryContent; readonly epoch: number },
    reading: Reading,
  ): boolean {
    const expected = reading.lasts.get(content.device) ?? lastByDevice.get(content.device) ?? null;
    const verdict = judgeWriter({
      chain: context.chain(),
      cutSeqOf: (device) => context.cutSeqOf(device, reader.point.incarnation),
      epoch,
      epochFloor: reading.floor,
      seq: entry.seq,
      content,
      expectedPrevious: expected,
    });
    if (!verdict.ok) {
      context.raise({ type: "EntryRefused", logId: log.logId, seq: entry.seq, rule: verdict.error.type });
      // AR5: a gap tells that something is withheld; what did come is still its writer's.
      if (verdict.error.type !== "WriterGap") return false;
    }
    const quoted = checkQuote(reading.reader, content.seen);
    if (!quoted.ok) context.raise({ type: "LogDistrusted", logId: log.logId, fault: quoted.error });
    return true;
  }

  function advance(next: LogReader, { floor, lasts, counted, unopened }: Reading): RowsStep {
    return {
      writes: [
        ...unopened.map((seq): WriteOp => tables.refused.put([seq], {})),
        ...[...lasts].map(([device, last]): WriteOp => tables.sibling.put([device], { last })),
        ...[...counted].map(([device, point]): WriteOp => tables.counted.put([device], point)),
        tables.reader.put([log.logId], { point: next.point, epochFloor: floor }),
      ],
      commit() {
        reader = next;
        epochFloor = floor;
        for (const [device, last] of lasts) lastByDevice.set(device, last);
        for (const [device, point] of counted) countedByDevice.set(device, point);
        for (const seq of unopened) refused.add(seq);
      },
    };
  }

  /** Those that were not read further themselves. */
  function placesOf(devices: readonly DeviceId[], point: LogPoint): Map<DeviceId, LogPoint> {
    const further = devices.filter((device) => point.seq > (countedByDevice.get(device)?.seq ?? 0));
    return new Map(further.map((device) => [device, point]));
  }

  function overCut(): OverCut | null {
    for (const [device, upto] of countedByDevice) {
      const isRevoked = (context.chain().devicesById.get(device)?.revokedSeq ?? null) !== null;
      const cut = isRevoked ? context.cutOf(device) : null;
      if (cut === null || cut.incarnation > upto.incarnation) continue;
      const { incarnation } = upto;
      const start = { ...createLogReader(log.logId).point, incarnation };
      const after = cut.incarnation < incarnation ? start : cut;
      if (after.seq < upto.seq) return { device, after, upto };
    }
    return null;
  }

  function coverage(unapplied: readonly SeqRange[]): Coverage | null {
    const except = new Set(refused);
    for (const { from, upto } of unapplied) {
      for (let seq = from; seq <= upto; seq++) except.add(seq);
      if (except.size > SNAPSHOT_EXCEPT_MAX) break;
    }
    if (except.size > SNAPSHOT_EXCEPT_MAX) return null;
    const siblings = [...lastByDevice].map(([device, last]) => ({ device, last }));
    return { point: reader.point, epochFloor, siblings, except: [...except].sort((a, b) => a - b) };
  }

  return {
    start,
    reader: () => reader,
    lastOf: (device) => lastByDevice.get(device) ?? null,
    read,
    overCut,
    handedOn({ device, upto }) {
      const isAll = countedByDevice.get(device) === upto;
      return {
        writes: isAll ? [tables.counted.remove(device)] : [],
        commit: () => void (isAll && countedByDevice.delete(device)),
      };
    },
    coverage,
    moveTo(to) {
      const lasts = new Map(to.siblings.map(({ device, last }) => [device, last]));
      const next = createLogReader(log.logId, to.point);
      return advance(next, {
        reader: next,
        floor: to.epochFloor,
        lasts,
        counted: placesOf(to.uncut, to.point),
        unopened: [...to.except],
      });
    },
    tookOver(devices, point) {
      const places = placesOf(devices, point);
      return {
        writes: [...places].map(([device, place]) => tables.counted.put([device], place)),
        commit() {
          for (const [device, place] of places) countedByDevice.set(device, place);
        },
      };
    },
    enterIncarnation(incarnation) {
      const point = { ...createLogReader(log.logId).point, incarnation };
      return {
        writes: [
          // The floor stays: an epoch that is over is over in every incarnation.
          tables.reader.put([log.logId], { point, epochFloor }),
          ...[...lastByDevice.keys()].map((device) => tables.sibling.remove(device)),
          ...[...countedByDevice.keys()].map((device) => tables.counted.remove(device)),
          ...[...refused].map((seq) => tables.refused.remove(seq)),
          tables.tail.remove(),
        ],
        commit() {
          lastByDevice.clear();
          countedByDevice.clear();
          refused.clear();
          reader = createLogReader(log.logId, point);
        },
      };
    },
    restart() {
      return {
        writes: [
          tables.reader.remove(log.logId),
          ...[...lastByDevice.keys()].map((device) => tables.sibling.remove(device)),
          tables.tail.remove(),
        ],
        commit() {
          lastByDevice.clear();
          reader = createLogReader(log.logId);
          epochFloor = 0;
        },
      };
    },
  };
}

/** AR8: whether the writer, who keeps what it seals before it sends it, never wrote this. */
function isUnwritten(entry: NamedEntry, { sealed, writerSeq }: OwnWriter): boolean {
  const header = parseEntryHeader(entry.header);
  if (!header.ok) return false;
  return header.value.writerSeq > writerSeq || sealed.some((one) => one.writerSeq === header.value.writerSeq);
}
