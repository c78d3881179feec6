/**
 * History of a room for who came later: asking for it, answering, and judging what is handed on before anything of it is kept.
 * What is asked and answered travels as letters of the group. Rules RM41-RM47.
 */
import type { Bytes } from "../../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import {
  ROOM_HISTORY_ASKS_MAX,
  ROOM_HISTORY_LETTERS_MAX,
  ROOM_HISTORY_RUNS_MAX,
} from "../../../base/limits.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { INBOX } from "../../../document/schema/inbox.ts";
import { setField } from "../../../document/schema/state-field.ts";
import { type Group, groupEpoch, isActive, leavesOf } from "../../../group/group.ts";
import { hlcToMs } from "../../../messenger/hlc.ts";
import { type NamedOp, type Op, OP_KIND, parseOp } from "../../../messenger/op.ts";
import { memberOf, type RoomContext, type RoomMember } from "../../../messenger/room/room-context.ts";
import { type OpRun, ROOM_TOKEN_BYTES, type RoomLetter } from "../../../messenger/room/room-entry.ts";
import {
  historyAuthor,
  isProvable,
  judgeProof,
  proofOf,
  proveOp,
} from "../../../messenger/room/room-proof.ts";
import { answeringAccounts } from "../../../messenger/room/room-turns.ts";
import type { ChainState } from "../../../sigchain/chain-state.ts";
import { rowKeyLastNumber, rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { AccountLog } from "../../account-log/account-log.ts";
import type { RoomEarlier } from "../../views/room-view.ts";
import type { ClientError } from "../../client-error.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { HistoryRow } from "../../tables.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomBook } from "../room-book.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import { askedBy, ownHistory } from "./room-history-words.ts";
import { type SelectDeps, selectHistory } from "./room-history-select.ts";
import { roomContextOf } from "../reading/room-judge.ts";

/** Members of whom nobody has more, and then it is over. */
const OPINIONS = 2;
/** How long somebody who answers may pause, and each next own device waits before it asks. */
const PAUSE_MS = 60_000;
/** Who was not there when it was asked answers later; a question that was lost is asked again after this long. */
const ASK_AGAIN_MS = 86_400_000;
const WAKE_MS_MAX = 3_600_000;
/** When the chain of somebody whose server did not answer is asked for again. */
const CHAIN_AGAIN_MS = 3_600_000;
/** Of one author device, in a question. */
const RUNS_PER_DEVICE_MAX = 32;

export interface RoomHistoriesDeps extends Omit<SelectDeps, "context"> {
  readonly context: EngineContext;
  readonly book: RoomBook;
  readonly groups: RoomGroups;
  readonly conversations: Pick<Conversations, "restore">;
  readonly log: Pick<AccountLog, "edit">;
  /** Puts a letter on its way, in one transaction with `writes`. False while another one is. */
  seal(
    roomId: ConversationId,
    room: RoomRecord,
    letter: RoomLetter,
    writes: readonly WriteOp[],
  ): Promise<Result<boolean, ClientError>>;
  kick(roomId: ConversationId): void;
  onChanged(): void;
}

export interface RoomHistories {
  /** What proves ops that are written now; null where nobody hands them on. RM41 */
  prover(roomId: ConversationId): Promise<Result<((op: Op) => Bytes) | null, ClientError>>;
  /** Judges what was handed on, a letter at a time; asks servers for chains. True when there was one. Outside the serial. */
  judge(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
  /** Answers who may be answered, and asks what is to be asked: a letter at a time. True when there was one. */
  speak(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
  earlier(roomId: ConversationId): Promise<Result<RoomEarlier | null, ClientError>>;
  close(): void;
}

/** A room that gives history, as this device sees it. */
interface Place {
  readonly roomId: ConversationId;
  readonly record: RoomRecord;
  readonly group: Group;
  readonly room: RoomContext;
  readonly since: number;
  readonly me: RoomMember;
}

/** Letters that wait for chains nobody gave: up to which row, since when, and whose chains. */
interface Waiting {
  readonly upto: string;
  readonly sinceMs: number;
  readonly silent: ReadonlySet<AccountId>;
}

export function createRoomHistories(all: RoomHistoriesDeps): RoomHistories {
  const { context, book, groups, conversations } = all;
  const { tables, store, identity, random, clock, serial, times } = context;
  const self = identity.accountId;
  const nowMs = () => Math.max(0, clock.nowMs());
  const wakes = new Map<ConversationId, { readonly atMs: number; cancel(): void }>();
  const waiting = new Map<ConversationId, Waiting>();

  async function placeOf(
    roomId: ConversationId,
    record: RoomRecord,
  ): Promise<Result<Place | null, ClientError>> {
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const group = loaded.value;
    const room = group === null || !isActive(group) ? null : roomContextOf(group);
    const me = room === null ? null : memberOf(room, self);
    if (group === null || room === null || me === null || room.history === null) return ok(null);
    return ok({ roomId, record, group, room, since: room.history.since, me });
  }

  function wakeAt(roomId: ConversationId, atMs: number): void {
    const known = wakes.get(roomId);
    if (known !== undefined && known.atMs <= atMs) return;
    known?.cancel();
    const delayMs = Math.min(WAKE_MS_MAX, Math.max(0, atMs - nowMs()));
    const cancel = clock.schedule(delayMs, () => {
      wakes.delete(roomId);
      all.kick(roomId);
    });
    wakes.set(roomId, { atMs, cancel });
  }

  const prover: RoomHistories["prover"] = async (roomId) => {
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const group = loaded.value;
    const room = group === null || !isActive(group) ? null : roomContextOf(group);
    // RM41: without history nobody can be shown who wrote what.
    const me = room === null ? null : memberOf(room, self);
    if (group === null || me === null || room?.history == null) return ok(null);
    // What the room has of the own chain every member has.
    const place = { roomId, epoch: Number(groupEpoch(group)), seq: me.seq };
    return ok((op) => proveOp(identity.keys.sign, place, op));
  };

  async function speak(roomId: ConversationId, record: RoomRecord): Promise<Result<boolean, ClientError>> {
    const place = await placeOf(roomId, record);
    if (!place.ok || place.value === null) return place.ok ? ok(false) : place;
    const answered = await answer(place.value);
    return !answered.ok || answered.value ? answered : ask(place.value);
  }

  /** RM44: the first question whose turn has come. */
  async function answer(place: Place): Promise<Result<boolean, ClientError>> {
    const { roomId, record, room, me, since } = place;
    const rows = await tables.historyask.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      if (value.ask === null) continue;
      const asker = rowKeyParts(key)[2] as AccountId;
      if (memberOf(room, asker)?.sinceEpoch !== value.since) continue;
      if (value.ask.dueAtMs > nowMs()) {
        wakeAt(roomId, value.ask.dueAtMs);
        continue;
      }
      // Who is still asking would hand on a part as if it were all.
      const own = await ownHistory(tables, roomId, me.sinceEpoch, nowMs());
      if (!own.ok) return own;
      if (me.sinceEpoch > since && !own.value.isDone) continue;
      const { token, have, cursor, looked, letters } = value.ask;
      const picked = await selectHistory(all, { roomId, room, asker, have, cursor, looked });
      if (!picked.ok) return picked;
      const isLast = picked.value.left === 0 || letters + 1 >= ROOM_HISTORY_LETTERS_MAX;
      const ask = isLast
        ? null
        : { ...value.ask, letters: letters + 1, cursor: picked.value.cursor, looked: picked.value.looked };
      return all.seal(
        roomId,
        record,
        {
          ...{ type: "answer", asker, token, left: picked.value.left, isLast },
          ops: picked.value.ops.map(({ bytes }) => bytes),
        },
        [tables.historyask.put([roomId, asker], { ...value, ask })],
      );
    }
    return ok(false);
  }

  /** RM43: asks for what this account lacks, until nobody has more. */
  async function ask(place: Place): Promise<Result<boolean, ClientError>> {
    const { roomId, record, room, me, since } = place;
    if (me.sinceEpoch <= since) return ok(false);
    const own = await ownHistory(tables, roomId, me.sinceEpoch, nowMs());
    if (!own.ok) return own;
    const row = own.value;
    if (row.isDone) return ok(false);
    const others = answeringAccounts(room, self).filter((accountId) => !row.ended.includes(accountId));
    const isOver = others.length === 0 || row.ended.length >= OPINIONS || row.asks >= ROOM_HISTORY_ASKS_MAX;
    if ((isOver && row.ask === null) || (record.earlierSince ?? -1) >= me.sinceEpoch) return end(place, row);
    const dueAtMs = row.quietAtMs + waitOf(place, row);
    if (dueAtMs > nowMs()) {
      const kept = row.ask === null ? await store.batch([tables.history.put([roomId], row)]) : ok();
      if (!kept.ok) return kept;
      wakeAt(roomId, dueAtMs);
      return ok(false);
    }
    if (isOver) return end(place, row);
    const have = await ownRuns(roomId);
    if (!have.ok) return have;
    const recent = row.told.filter((accountId) => others.includes(accountId));
    const except = [...row.ended, ...(recent.length < others.length ? recent : [])];
    const token = random.bytes(ROOM_TOKEN_BYTES);
    const asked = askedBy(row, { token, except, device: identity.deviceId, nowMs: nowMs() });
    return all.seal(roomId, record, { type: "question", token, have: have.value, except }, [
      tables.history.put([roomId], asked),
    ]);
  }

  /** One device of the account asks; the others see to it that it goes on when that one does not. */
  function waitOf({ group, room }: Place, row: HistoryRow): number {
    if (row.ask !== null) return row.ask.answeredBy === null ? ASK_AGAIN_MS : PAUSE_MS;
    const leaves = leavesOf(group);
    if (!leaves.ok || room.history === null) return PAUSE_MS;
    const addedSeqOf = (id: (typeof identity)["deviceId"]) =>
      id === row.by ? 0 : (context.chain().devicesById.get(id)?.addedSeq ?? Number.MAX_SAFE_INTEGER);
    const turns = leaves.value
      .filter(({ member }) => member.accountId === self)
      .map(({ member }) => member.deviceId)
      .sort((a, b) => addedSeqOf(a) - addedSeqOf(b) || (a < b ? -1 : 1));
    return Math.max(0, turns.indexOf(identity.deviceId)) * PAUSE_MS;
  }

  /** All has come that anybody hands on; own devices that are linked later have it from their siblings. */
  async function end({ roomId, record, me }: Place, row: HistoryRow): Promise<Result<boolean, ClientError>> {
    const done = { ...row, isDone: true, ask: null, left: 0 };
    const stored = await store.batch([tables.history.put([roomId], done)]);
    if (!stored.ok) return stored;
    const since = me.sinceEpoch;
    if ((record.earlierSince ?? -1) < since) {
      const told = await book.set(roomId, new Map([["earlier", { type: "earlier", since }]]));
      if (!told.ok) return told;
    }
    all.onChanged();
    return ok(true);
  }

  async function ownRuns(roomId: ConversationId): Promise<Result<readonly OpRun[], ClientError>> {
    const rows = await tables.feed.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    const runs = rows.value.flatMap(({ key, value }) => {
      const device = rowKeyParts(key)[2] as OpRun["device"];
      return value.feed.runs.slice(-RUNS_PER_DEVICE_MAX).map((run) => ({ device, ...run }));
    });
    return ok(runs.slice(0, ROOM_HISTORY_RUNS_MAX));
  }

  async function judge(roomId: ConversationId, record: RoomRecord): Promise<Result<boolean, ClientError>> {
    const waits = waitingOf(roomId);
    const first = await serial.run(async () => {
      const place = await placeOf(roomId, record);
      if (!place.ok || place.value === null) return place.ok ? ok(null) : place;
      const after = waits === null ? {} : { after: waits.upto };
      const rows = await tables.historyin.scan({ under: [roomId], limit: 1, ...after });
      if (!rows.ok) return rows;
      const [row] = rows.value;
      return ok(row === undefined ? null : { ...row, place: place.value });
    });
    if (!first.ok || first.value === null) return first.ok ? ok(false) : first;
    const { place, value, key } = first.value;
    const ops = value.ops.flatMap((bytes) => {
      const op = parseOp(bytes);
      return op.ok ? [op.value] : [];
    });
    const found = await chainsFor(place, ops, waits?.silent ?? new Set());
    if (!found.ok) return found;
    const { silent } = found.value;
    const from = { seq: rowKeyLastNumber(key), by: value.by, isWhole: ops.length === value.ops.length };
    const later = ops.filter((named) => silent.has(named.op.author) && proofOf(named) !== null);
    const kept = await serial.run(() => keep(place, { ...from, later }, ops, found.value.chains));
    if (kept.ok && later.length > 0) {
      const sinceMs = waits?.sinceMs ?? nowMs();
      waiting.set(roomId, { upto: key, sinceMs, silent });
      wakeAt(roomId, sinceMs + CHAIN_AGAIN_MS);
    }
    return kept;
  }

  function waitingOf(roomId: ConversationId): Waiting | null {
    const known = waiting.get(roomId);
    if (known !== undefined && Math.abs(nowMs() - known.sinceMs) < CHAIN_AGAIN_MS) return known;
    waiting.delete(roomId);
    return null;
  }

  /** The chains that are needed to judge ops; of who is not known any more none. `silent` are those whose server did not answer. */
  async function chainsFor(
    { roomId, room }: Place,
    ops: readonly NamedOp[],
    known: ReadonlySet<AccountId>,
  ): Promise<
    Result<
      { readonly chains: ReadonlyMap<AccountId, ChainState>; readonly silent: ReadonlySet<AccountId> },
      ClientError
    >
  > {
    const needed = new Map<AccountId, { readonly origin: string; readonly seq: number }>();
    for (const op of ops) {
      const author = historyAuthor(op, { roomId, room, reader: self, nowMs: times.likelyMs() });
      if (author === null) continue;
      const seq = Math.max(author.seq, needed.get(op.op.author)?.seq ?? 0);
      needed.set(op.op.author, { origin: author.origin, seq });
    }
    const chains = new Map<AccountId, ChainState>();
    const silent = new Set(known);
    for (const [accountId, { origin, seq }] of needed) {
      if (silent.has(accountId)) continue;
      let chain = await context.contactChain(accountId, origin, false);
      if (chain.ok && chain.value.seq < seq) chain = await context.contactChain(accountId, origin, true);
      if (chain.ok) chains.set(accountId, chain.value);
      else if (isLocal(chain.error)) return err(chain.error);
      // One server that is gone must keep nothing else from coming.
      else if (!isFinal(chain.error)) silent.add(accountId);
    }
    return ok({ chains, silent });
  }

  /** RM42: what holds is kept like any other op; who hands on what nobody has written is named. */
  async function keep(
    place: Place,
    from: {
      readonly seq: number;
      readonly by: AccountId;
      readonly isWhole: boolean;
      readonly later: readonly NamedOp[];
    },
    ops: readonly NamedOp[],
    chains: ReadonlyMap<AccountId, ChainState>,
  ): Promise<Result<boolean, ClientError>> {
    const { roomId, room, record, me } = place;
    const good: NamedOp[] = [];
    let isForged = !from.isWhole;
    for (const op of ops) {
      const { author, conversationId } = op.op;
      const isTheirs = conversationId === roomId && author !== self && isProvable(op.op);
      isForged ||= isTheirs && proofOf(op) === null;
      const found = historyAuthor(op, { roomId, room, reader: self, nowMs: times.likelyMs() });
      const chain = chains.get(author);
      if (found === null || chain === undefined) continue;
      const fault = judgeProof(op, found, chain);
      if (fault === null) good.push(op);
      isForged ||= fault === "signature" || fault === "device";
    }
    if (isForged) context.raise({ type: "HistoryForged", roomId, accountId: from.by });
    const own = await ownHistory(tables, roomId, me.sinceEpoch, nowMs());
    if (!own.ok) return own;
    // What was written before one came is not new to read.
    const hlcs = good.map(({ op }) => op.hlc).filter((hlc) => hlcToMs(hlc) <= record.standing.atMs);
    const newestHlc = Math.max(own.value.newestHlc, ...hlcs);
    const read =
      newestHlc > own.value.newestHlc
        ? await all.log.edit({ type: "inbox" }, (draft) => setField(draft, INBOX.readUpTo, roomId, newestHlc))
        : ok();
    if (!read.ok) return read;
    const received = own.value.received + good.filter(({ op }) => op.kind === OP_KIND.message).length;
    const stored = await conversations.restore(good, {
      isOwn: false,
      writes: [
        from.later.length === 0
          ? tables.historyin.remove(roomId, from.seq)
          : tables.historyin.put([roomId, from.seq], {
              by: from.by,
              ops: from.later.map(({ bytes }) => bytes),
            }),
        tables.history.put([roomId], { ...own.value, received, newestHlc }),
      ],
    });
    all.onChanged();
    return stored.ok ? ok(true) : stored;
  }

  const earlier: RoomHistories["earlier"] = async (roomId) => {
    const row = await tables.history.get(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok(null) : row;
    const { isDone, ask: asked, received, left, asks } = row.value;
    if (asks === 0 && !isDone) return ok(null);
    const isComing = received > 0 || (asked !== null && asked.answeredBy !== null);
    return ok({ state: isDone ? "done" : isComing ? "coming" : "asked", received, left });
  };

  return {
    prover,
    judge,
    speak,
    earlier,
    close() {
      for (const { cancel } of wakes.values()) cancel();
      wakes.clear();
      waiting.clear();
    },
  };
}

function isLocal({ type }: ClientError): boolean {
  return type === "StoreUnavailable" || type === "StoreCorrupt";
}

/** What no later attempt changes: there is no such account any more, or its chain is none. */
function isFinal({ type }: ClientError): boolean {
  return type === "Refused" || type === "ChainDistrusted" || type === "ServerMisbehaved";
}
