/**
 * What of a room is on its way to the server, one entry at a time, and what the server says to it. Runs within the serial.
 * Rules RM18, RM27, RM33.
 */
import type { Bytes } from "../../../base/bytes.ts";
import type { ConversationId, EntryId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import type { Entry } from "../../../protocol/entry.ts";
import type { FailureCode } from "../../../protocol/failure.ts";
import type { AppendResult } from "../../../protocol/server-frame.ts";
import { rowKeyNumber, rowKeyParts } from "../../../store/row-key.ts";
import type { ClientError } from "../../client-error.ts";
import { PASSING } from "../../conversations/passing-refusals.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { LetterRow } from "../../tables.ts";
import { keysOf } from "../room-book.ts";
import type { RoomOutbox } from "../room-outbox.ts";
import { sentLetter } from "../room-sent.ts";
import type { RoomSealing } from "./room-sealing.ts";

/** An entry that is to be appended. */
export interface Departing {
  readonly entry: Entry;
  readonly entryId: EntryId;
  readonly writerSeq: number;
  readonly isCommit: boolean;
  /** A past commit, for who missed it. RM62 */
  readonly isBrought: boolean;
  /** The log's key from this entry on, where it changes. */
  readonly rekey: Bytes | null;
  /** Of a letter: rows of the ops it carries. */
  readonly outKeys: readonly string[];
}

export interface RoomOutgoingDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "distrustLog">;
  readonly outbox: RoomOutbox;
  readonly sealing: Pick<RoomSealing, "writerWrite">;
}

export interface RoomOutgoing {
  /** What goes next, or null. */
  waiting(roomId: ConversationId): Promise<Result<Departing | null, ClientError>>;
  /** Takes the server's answer. False when it was refused, and something has to be made anew. */
  settle(
    roomId: ConversationId,
    room: RoomRecord,
    sent: Departing,
    result: AppendResult,
  ): Promise<Result<boolean, ClientError>>;
}

export function createRoomOutgoing({ context, outbox, sealing }: RoomOutgoingDeps): RoomOutgoing {
  const { tables, store } = context;

  const waiting: RoomOutgoing["waiting"] = async (roomId) => {
    const commit = await tables.commit.get(roomId);
    if (!commit.ok) return commit;
    const letter = await letterRow(roomId);
    if (!letter.ok) return letter;
    const brought = await tables.roombring.get(roomId);
    if (!brought.ok) return brought;
    const asCommit = commit.value && { ...commit.value, isCommit: true, isBrought: false, outKeys: [] };
    const asBrought = brought.value && { ...brought.value, isCommit: true, isBrought: true, outKeys: [] };
    const asLetter = letter.value && {
      ...letter.value.row,
      writerSeq: letter.value.seq,
      isCommit: false,
      isBrought: false,
      rekey: null,
    };
    const all: Departing[] = [asBrought, asCommit, asLetter].flatMap((one) => one ?? []);
    return ok(all.sort((a, b) => a.writerSeq - b.writerSeq)[0] ?? null);
  };

  async function letterRow(
    roomId: ConversationId,
  ): Promise<Result<{ readonly seq: number; readonly row: LetterRow } | null, ClientError>> {
    const rows = await tables.letter.scan({ under: [roomId], limit: 1 });
    if (!rows.ok) return rows;
    const [first] = rows.value;
    if (first === undefined) return ok(null);
    return ok({ seq: rowKeyNumber(rowKeyParts(first.key).at(-1)) ?? 0, row: first.value });
  }

  const settle: RoomOutgoing["settle"] = async (roomId, room, sent, result) => {
    if (result.type !== "refused") {
      if (sent.isBrought) {
        const brought = await store.batch([tables.roombring.remove(roomId)]);
        return brought.ok ? ok(true) : brought;
      }
      if (sent.isCommit) return placeCommit(roomId, room);
      const row = await tables.letter.get(roomId, sent.writerSeq);
      if (!row.ok) return row;
      // Read back already.
      if (row.value === null) return ok(true);
      const done = sentLetter(tables, outbox, { roomId, writerSeq: sent.writerSeq, row: row.value });
      const stored = await store.batch(done.writes);
      if (!stored.ok) return stored;
      done.commit();
      return ok(true);
    }
    const isOurs = result.code === "expect-mismatch" || result.code === "writer-seq";
    if (!isOurs) return failLetter(roomId, room, sent, result.code);
    const { logId } = keysOf(room);
    // The server has had more of this writer than is known here.
    if (result.code === "writer-seq" && (result.writerSeq ?? 0) >= sent.writerSeq) {
      const [written, counted] = [sent.writerSeq - 1, result.writerSeq ?? 0];
      return context.distrustLog(logId, { type: "LogWriterAhead", written, counted });
    }
    // What was refused has no place and never will; its number is the next one's.
    const taken = sent.isBrought
      ? tables.roombring.remove(roomId)
      : sent.isCommit
        ? tables.commit.remove(roomId)
        : tables.letter.remove(roomId, sent.writerSeq);
    const stored = await store.batch([taken, sealing.writerWrite(room, result.writerSeq ?? 0)]);
    return stored.ok ? ok(false) : stored;
  };

  /** A commit's row goes when it is read back: only then is the group the one it makes. Who is out reads nothing back. RM67 */
  async function placeCommit(
    roomId: ConversationId,
    { standing: { standing } }: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    if (standing === "joined") return ok(true);
    const stored = await store.batch([tables.commit.remove(roomId)]);
    return stored.ok ? ok(true) : stored;
  }

  /** RM33: what the server will never take is not sent again, and its messages say so. Anything else is tried again. */
  async function failLetter(
    roomId: ConversationId,
    room: RoomRecord,
    { writerSeq, isCommit }: Departing,
    code: FailureCode,
  ): Promise<Result<boolean, ClientError>> {
    const row = isCommit ? ok(null) : await tables.letter.get(roomId, writerSeq);
    if (!row.ok) return row;
    const isPassing = PASSING.has(code) || code === "forbidden";
    if (row.value === null || row.value.outKeys.length === 0 || isPassing)
      return err({ type: "Refused", code });
    const failed = outbox.fail(row.value.outKeys, "refused");
    const stored = await store.batch([
      tables.letter.remove(roomId, writerSeq),
      sealing.writerWrite(room, writerSeq - 1),
      ...failed.writes,
    ]);
    if (!stored.ok) return stored;
    failed.commit();
    return ok(false);
  }

  return { waiting, settle };
}
