/**
 * Letters of rooms that this device could not open, until their ops come another way: a sibling archives them, or their author
 * sends them again. Runs within the serial. Rule RM24.
 */
import type { ConversationId, EntryId, WriterTag } from "../../../base/ids.ts";
import { ROOM_MISSED_ASKED_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { NamedEntry } from "../../../log/log-reader.ts";
import { parseEntryHeader } from "../../../protocol/entry.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../../store/tx-store.ts";
import type { MissedRow, Tables } from "../../tables.ts";

/** Of one room; the oldest go. */
const MISSED_MAX = 256;
/** Of how many letters whose ops came with history it is known that they did, until the program ends. The newest come first. */
const HISTORY_LETTERS_MAX = 8_192;
/** How long a sibling has to bring a letter before its author is asked. */
export const SIBLING_WAIT_MS = 60_000;
const ASK_AGAIN_MS = 3_600_000;
/** Who has not answered by then has nothing to answer with; it is remembered for when this device comes back into its group. */
const ASKS_MAX = 3;

/** Rows for a transaction; `commit` follows it. */
export interface MissedChange {
  readonly writes: readonly WriteOp[];
  commit(): void;
}

export interface RoomMissed {
  start(): Promise<Result<void, StoreError>>;
  change(
    roomId: ConversationId,
    change: { readonly missed: readonly NamedEntry[]; readonly found: readonly ReplacedLetter[] },
    nowMs: number,
  ): MissedChange;
  /** Letters of any room whose ops are here; those of history may have entries that are still to be read. */
  found(entries: readonly EntryId[], options?: { readonly isHistory: boolean }): MissedChange;
  /** What is to be asked for now; a device with siblings gives them time. */
  due(roomId: ConversationId, nowMs: number, hasSiblings: boolean): readonly EntryId[];
  asked(roomId: ConversationId, entries: readonly EntryId[], nowMs: number): MissedChange;
  /** In how long the next letter is to be asked for; null when none is any more. */
  dueInMs(roomId: ConversationId, nowMs: number, hasSiblings: boolean): number | null;
  /** Everything missing of a room may be asked for again at once: this device is back in its group. */
  renew(roomId: ConversationId): MissedChange;
  /** Writes that give up what is missing of a room. */
  forget(roomId: ConversationId): MissedChange;
}

/** A letter whose ops came in another one, and who wrote that. */
export interface ReplacedLetter {
  readonly entry: EntryId;
  readonly writer: WriterTag | null;
}

/** Who wrote an entry of the log, as the server has compared it; null for what has no header. */
export function writerOf({ header }: Pick<NamedEntry, "header">): WriterTag | null {
  const parsed = parseEntryHeader(header);
  return parsed.ok ? parsed.value.writerTag : null;
}

interface Missed {
  readonly roomId: ConversationId;
  readonly seq: number;
  /** Null where it was not written down. */
  readonly writer: WriterTag | null;
  readonly row: MissedRow;
}

const keyOf = ({ roomId, seq, writer }: Missed): readonly (string | number)[] =>
  writer === null ? [roomId, seq] : [roomId, seq, writer];

/** In how long it is to be asked for. */
function waitOf({ row: { asks, askedAtMs, sinceMs } }: Missed, nowMs: number, hasSiblings: boolean): number {
  if (asks === 0 && !hasSiblings) return 0;
  const [fromMs, waitMs] = asks === 0 ? [sinceMs, SIBLING_WAIT_MS] : [askedAtMs, ASK_AGAIN_MS];
  return Math.max(0, waitMs - Math.abs(nowMs - fromMs));
}

export function createRoomMissed(tables: Tables): RoomMissed {
  const byEntry = new Map<EntryId, Missed>();
  const inHistory = new Set<EntryId>();
  const inRoom = (roomId: ConversationId) => [...byEntry.values()].filter((one) => one.roomId === roomId);
  const askable = (roomId: ConversationId) => inRoom(roomId).filter(({ row }) => row.asks < ASKS_MAX);

  function plan(gone: readonly Missed[], put: readonly Missed[]): MissedChange {
    const writes = [
      ...gone.map((one) => tables.missed.remove(...keyOf(one))),
      ...put.map((one) => tables.missed.put(keyOf(one), one.row)),
    ];
    const commit = () => {
      for (const { row } of gone) byEntry.delete(row.entryId);
      for (const one of put) byEntry.set(one.row.entryId, one);
    };
    return { writes, commit };
  }

  const known = (entries: readonly EntryId[]) => entries.flatMap((entry) => byEntry.get(entry) ?? []);

  return {
    async start() {
      const rows = await tables.missed.scan();
      if (!rows.ok) return rows;
      for (const { key, value } of rows.value) {
        const [, roomId, seq, writer = null] = rowKeyParts(key);
        byEntry.set(value.entryId, {
          ...{ roomId: roomId as ConversationId, seq: Number(seq), writer: writer as WriterTag | null },
          row: value,
        });
      }
      return ok();
    },
    change(roomId, { missed, found }, nowMs) {
      const isReplaced = ({ row, writer }: Missed) =>
        found.some((one) => one.entry === row.entryId && (writer === null || one.writer === writer));
      const added = missed
        .filter(({ id }) => !byEntry.has(id) && !inHistory.has(id))
        .map(
          (entry): Missed => ({
            ...{ roomId, seq: entry.seq, writer: writerOf(entry) },
            row: { entryId: entry.id, sinceMs: nowMs, asks: 0, askedAtMs: 0 },
          }),
        )
        .filter((one) => !isReplaced(one))
        .slice(-MISSED_MAX);
      const gone = known(found.map(({ entry }) => entry)).filter(isReplaced);
      const kept = inRoom(roomId).filter((one) => !gone.includes(one));
      kept.sort((a, b) => a.seq - b.seq);
      const over = kept.slice(0, Math.max(0, kept.length + added.length - MISSED_MAX));
      return plan([...gone, ...over], added);
    },
    found(entries, { isHistory } = { isHistory: false }) {
      const { writes, commit } = plan(known(entries), []);
      const note = () => {
        commit();
        const free = HISTORY_LETTERS_MAX - inHistory.size;
        if (isHistory) for (const entry of entries.slice(0, free)) inHistory.add(entry);
      };
      return { writes, commit: note };
    },
    due(roomId, nowMs, hasSiblings) {
      const due = askable(roomId).filter((one) => waitOf(one, nowMs, hasSiblings) === 0);
      due.sort((a, b) => a.seq - b.seq);
      return due.slice(0, ROOM_MISSED_ASKED_MAX).map(({ row }) => row.entryId);
    },
    asked(_roomId, entries, nowMs) {
      const asked = known(entries).map((one) => ({
        ...one,
        row: { ...one.row, asks: one.row.asks + 1, askedAtMs: nowMs },
      }));
      return plan([], asked);
    },
    dueInMs(roomId, nowMs, hasSiblings) {
      const waits = askable(roomId).map((one) => waitOf(one, nowMs, hasSiblings));
      return waits.length === 0 ? null : Math.min(...waits);
    },
    renew: (roomId) =>
      plan(
        [],
        inRoom(roomId).map((one) => ({ ...one, row: { ...one.row, asks: 0 } })),
      ),
    forget: (roomId) => plan(inRoom(roomId), []),
  };
}
