/**
 * What a member hands on to somebody who came later: newest first, what they lack, with its authors' proofs. Nothing deleted or over,
 * nothing that goes earlier than it says, and of own words only what the room's log has. Runs within the serial. Rules RM45, SD17.
 */
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { ROOM_HISTORY_LEFT_MAX, ROOM_HISTORY_OPS_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import { hlcToMs } from "../../../messenger/hlc.ts";
import type { NamedOp } from "../../../messenger/op.ts";
import type { RoomContext } from "../../../messenger/room/room-context.ts";
import {
  type OpRun,
  ROOM_LETTER_BYTES_MAX,
  ROOM_LETTER_OPS_MAX,
} from "../../../messenger/room/room-entry.ts";
import { historyAuthor, historyBeginsMs, judgeProof } from "../../../messenger/room/room-proof.ts";
import type { Lifetimes } from "../../deletion/lifetimes.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { OpStore } from "../../conversations/op-store.ts";
import { chooseDocuments } from "./room-history-documents.ts";

const PAGE_OPS = 256;

export interface SelectDeps {
  readonly context: Pick<EngineContext, "tables" | "identity" | "storedChain" | "chain" | "times">;
  readonly ops: Pick<OpStore, "page" | "get">;
  readonly lifetimes: Pick<Lifetimes, "isHidden" | "perishesAtMs">;
}

export interface Wanted {
  readonly roomId: ConversationId;
  readonly room: RoomContext;
  readonly asker: AccountId;
  readonly have: readonly OpRun[];
  /** The row down to which was looked, and how many rows that were. */
  readonly cursor: string | null;
  readonly looked: number;
}

export interface Selected {
  readonly ops: readonly NamedOp[];
  readonly left: number;
  readonly cursor: string | null;
  readonly looked: number;
}

/** What fits the next letter, and how much is left then. */
export async function selectHistory(
  deps: SelectDeps,
  wanted: Wanted,
): Promise<
  Result<Selected, Awaited<ReturnType<OpStore["page"]>> extends Result<unknown, infer E> ? E : never>
> {
  const { context, ops: store } = deps;
  const { roomId, room, asker } = wanted;
  const nowMs = context.times.likelyMs();
  const beginMs = historyBeginsMs(room.history?.days ?? null, nowMs);
  const has = haveOf(wanted.have);
  const mayGet = (op: NamedOp) => historyAuthor(op, { roomId, room, reader: asker, nowMs });
  const ofDocuments = await chooseDocuments(deps, {
    roomId,
    isHad: (op) => has(op) || op.op.author === asker,
    mayGet,
  });
  if (!ofDocuments.ok) return ofDocuments;
  // Behind both there is nothing to hand on.
  const endMs = Math.min(beginMs, ofDocuments.value.beginMs);
  const picked: NamedOp[] = [];
  let [size, left, looked, isFull] = [0, 0, wanted.looked, false];
  let cursor = wanted.cursor;
  let before = wanted.cursor ?? undefined;
  for (let seen = wanted.looked; seen < ROOM_HISTORY_OPS_MAX; ) {
    const limit = Math.min(PAGE_OPS, ROOM_HISTORY_OPS_MAX - seen);
    const page = await store.page(roomId, limit, before);
    if (!page.ok) return page;
    for (const { key, op } of page.value) {
      if (hlcToMs(op.op.hlc) < endMs) return ok({ ops: picked, left, cursor, looked });
      const author = has(op) ? null : mayGet(op);
      const isAllowed =
        author === null || !(await isOpen(deps, op)) ? ok(false) : await ofDocuments.value.allows(op);
      if (!isAllowed.ok) return isAllowed;
      if (author === null || !isAllowed.value) {
        if (!isFull) [cursor, looked] = [key, looked + 1];
        continue;
      }
      isFull ||=
        picked.length >= ROOM_LETTER_OPS_MAX ||
        (picked.length > 0 && size + op.bytes.length > ROOM_LETTER_BYTES_MAX);
      if (isFull) {
        left += 1;
        if (left >= ROOM_HISTORY_LEFT_MAX) return ok({ ops: picked, left, cursor, looked });
        continue;
      }
      [cursor, looked] = [key, looked + 1];
      const { accountId } = context.identity;
      const chain =
        op.op.author === accountId ? ok(context.chain()) : await context.storedChain(op.op.author);
      // What does not hold here would be this member's fault there.
      if (!chain.ok || chain.value === null || judgeProof(op, author, chain.value) !== null) continue;
      picked.push(op);
      size += op.bytes.length;
    }
    seen += page.value.length;
    before = page.value.at(-1)?.key;
    if (page.value.length < limit) break;
  }
  return ok({ ops: picked, left, cursor, looked });
}

/** RM45 */
async function isOpen({ context, lifetimes }: SelectDeps, named: NamedOp): Promise<boolean> {
  if (lifetimes.isHidden(named) || lifetimes.perishesAtMs(named) !== named.op.expire) return false;
  if (named.op.author !== context.identity.accountId) return true;
  const placed = await context.tables.roomplaced.get(named.op.conversationId, named.id);
  return placed.ok && placed.value !== null;
}

function haveOf(runs: readonly OpRun[]): (op: NamedOp) => boolean {
  const byDevice = Map.groupBy(runs, ({ device }) => device);
  return ({ op }) =>
    byDevice.get(op.device)?.some(({ start, end }) => start <= op.deviceSeq && op.deviceSeq < end) === true;
}
