/**
 * What is said in a room about its history: questions of who came later, and answers. Everybody reads them in the same order, so one
 * member answers and the next only when nothing came. What is handed on is judged later. Runs within the serial. Rules RM43-RM46.
 */
import { equalBytes } from "../../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import {
  ROOM_HISTORY_ASKS_MAX,
  ROOM_HISTORY_EXCEPT_MAX,
  ROOM_HISTORY_LETTERS_MAX,
} from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { GroupMember } from "../../../group/group-member.ts";
import type { NamedEntry } from "../../../log/log-reader.ts";
import { memberOf, type RoomContext } from "../../../messenger/room/room-context.ts";
import type { RoomAnswer, RoomQuestion } from "../../../messenger/room/room-entry.ts";
import { answeringAccounts, answerTurns } from "../../../messenger/room/room-turns.ts";
import type { StoreError } from "../../../store/tx-store.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { HistoryAskRow, HistoryRow, Tables } from "../../tables.ts";
import type { RoomDraft } from "../reading/room-draft.ts";

/** How long each next device waits for the one before it to answer. */
export const TURN_MS = 5_000;

/** Who said something, and the room as it was there. */
export interface HistorySpeaker {
  readonly roomId: ConversationId;
  readonly room: RoomContext;
  readonly sender: GroupMember;
  readonly entry: NamedEntry;
  readonly leaves: readonly GroupMember[];
}

export interface HistoryWords {
  takeQuestion(
    from: HistorySpeaker,
    question: RoomQuestion,
    draft: RoomDraft,
  ): Promise<Result<void, StoreError>>;
  takeAnswer(from: HistorySpeaker, answer: RoomAnswer, draft: RoomDraft): Promise<Result<void, StoreError>>;
}

export function createHistoryWords({
  tables,
  clock,
  identity,
}: Pick<EngineContext, "tables" | "clock" | "identity">): HistoryWords {
  const nowMs = () => Math.max(0, clock.nowMs());

  const takeQuestion: HistoryWords["takeQuestion"] = async (
    { roomId, room, sender, leaves },
    { token, have, except },
    draft,
  ) => {
    const { accountId } = sender;
    const member = memberOf(room, accountId);
    // RM43: only who came after the history began.
    if (member === null || room.history === null || member.sinceEpoch <= room.history.since) return ok();
    if (accountId === identity.accountId) {
      const row = await ownHistory(tables, roomId, member.sinceEpoch, nowMs());
      if (!row.ok) return row;
      const asked = askedBy(row.value, { token, except, device: sender.deviceId, nowMs: nowMs() });
      draft.writes.push(tables.history.put([roomId], asked));
      draft.isUrgent = true;
      return ok();
    }
    const row = await tables.historyask.get(roomId, accountId);
    if (!row.ok) return row;
    const isSame = row.value?.since === member.sinceEpoch;
    const count = isSame ? (row.value?.count ?? 0) : 0;
    // RM43: nobody is made to answer without end.
    if (count >= ROOM_HISTORY_ASKS_MAX) return ok();
    const turns = answerTurns(room, leaves, { token, asker: accountId, except });
    const turn = turns.findIndex(({ deviceId }) => deviceId === identity.deviceId);
    const ask: HistoryAskRow["ask"] =
      turn < 0
        ? null
        : { token, except, dueAtMs: nowMs() + turn * TURN_MS, have, letters: 0, looked: 0, cursor: null };
    const since = member.sinceEpoch;
    draft.writes.push(tables.historyask.put([roomId, accountId], { since, count: count + 1, ask }));
    draft.isUrgent = true;
    return ok();
  };

  const takeAnswer: HistoryWords["takeAnswer"] = async (from, answer, draft) => {
    const { roomId, room, sender, entry } = from;
    if (room.history === null || !answeringAccounts(room, answer.asker).includes(sender.accountId))
      return ok();
    if (answer.asker !== identity.accountId) return takeOthers(from, answer, draft);
    const me = memberOf(room, identity.accountId);
    const row = await ownHistory(tables, roomId, me?.sinceEpoch ?? 0, nowMs());
    if (!row.ok) return row;
    const { ask } = row.value;
    if (ask === null || !equalBytes(ask.token, answer.token)) return ok();
    // RM44, RM46: nothing that was not asked for, and of one device.
    if (ask.except.includes(sender.accountId)) return ok();
    if (ask.answeredBy !== null && ask.answeredBy !== sender.deviceId) return ok();
    const letters = ask.letters + 1;
    const isOver = answer.isLast || letters >= ROOM_HISTORY_LETTERS_MAX;
    const after: HistoryRow = {
      ...row.value,
      left: answer.left,
      quietAtMs: nowMs(),
      ask: isOver ? null : { ...ask, answeredBy: sender.deviceId, letters },
      // RM47: also who stops in the middle.
      told: withLast(row.value.told, sender.accountId),
      ended: isOver && answer.left === 0 ? withLast(row.value.ended, sender.accountId) : row.value.ended,
    };
    draft.writes.push(tables.history.put([roomId], after));
    if (answer.ops.length > 0)
      draft.writes.push(tables.historyin.put([roomId, entry.seq], { by: sender.accountId, ops: answer.ops }));
    draft.isUrgent = true;
    return ok();
  };

  /** RM44: somebody else answers. */
  async function takeOthers(
    { roomId, sender }: HistorySpeaker,
    { asker, token }: RoomAnswer,
    draft: RoomDraft,
  ): Promise<Result<void, StoreError>> {
    const row = await tables.historyask.get(roomId, asker);
    if (!row.ok) return row;
    if (row.value?.ask == null || !equalBytes(row.value.ask.token, token)) return ok();
    // What whoever asked passes over must not keep others from answering.
    if (row.value.ask.except.includes(sender.accountId)) return ok();
    draft.writes.push(tables.historyask.put([roomId, asker], { ...row.value, ask: null }));
    draft.isUrgent = true;
    return ok();
  }

  return { takeQuestion, takeAnswer };
}

/** What this account has of the time before this membership; of another membership nothing counts. */
export async function ownHistory(
  tables: Tables,
  roomId: ConversationId,
  since: number,
  nowMs: number,
): Promise<Result<HistoryRow, StoreError>> {
  const row = await tables.history.get(roomId);
  if (!row.ok) return row;
  if (row.value?.since === since) return ok(row.value);
  return ok({
    ...{ since, isDone: false, asks: 0, by: null, quietAtMs: nowMs, ask: null },
    ...{ told: [], ended: [], received: 0, left: 0, newestHlc: 0 },
  });
}

/** The row once a device of this account has asked. */
export function askedBy(
  row: HistoryRow,
  {
    token,
    except,
    device,
    nowMs,
  }: Pick<RoomQuestion, "token" | "except"> & {
    readonly device: GroupMember["deviceId"];
    readonly nowMs: number;
  },
): HistoryRow {
  const ask = { token, except, answeredBy: null, letters: 0 };
  return { ...row, asks: row.asks + 1, by: device, quietAtMs: nowMs, ask };
}

function withLast(accounts: readonly AccountId[], accountId: AccountId): readonly AccountId[] {
  return [...accounts.filter((one) => one !== accountId), accountId].slice(-ROOM_HISTORY_EXCEPT_MAX);
}
