/**
 * Members of a room whose chains nobody could give this device when it came in: a server that does not answer, or lies, holds nobody up.
 * Their place and keys are those the group has, until the chain shows them; what they write waits for that. Rule RM65.
 */
import type { AccountId, ConversationId, LogId } from "../../../base/ids.ts";
import { ROOM_UNPROVEN_OPS_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import { type Group, isActive } from "../../../group/group.ts";
import { parseOp } from "../../../messenger/op.ts";
import { memberOf, type RoomContext, type RoomMember } from "../../../messenger/room/room-context.ts";
import { type ChainState, hashAt } from "../../../sigchain/chain-state.ts";
import { rowKeyNumber, rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { Lifetimes } from "../../deletion/lifetimes.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomOp } from "./room-draft.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import { authenticateBy, hasPlace, roomContextOf, standInChain } from "./room-judge.ts";

/** When a chain that was not there is asked for again, and after twice as long each time. */
const ASK_MIN_MS = 30_000;
const ASK_MAX_MS = 3_600_000;

export interface RoomUnprovenDeps {
  readonly context: EngineContext;
  readonly groups: RoomGroups;
  readonly conversations: Pick<Conversations, "takeRoom">;
  readonly limit: Lifetimes["limit"];
  /** The room is to be looked at again then. */
  readonly lookIn: (roomId: ConversationId, afterMs: number) => void;
  readonly onChanged: () => void;
}

export interface RoomUnproven {
  /** Whether words of this account wait for its chain. */
  isUnproven(roomId: ConversationId, accountId: AccountId): Promise<Result<boolean, ClientError>>;
  /** Rows were written past this. */
  refresh(roomId: ConversationId): void;
  /** Writes that keep words until their author's chain is here. - Limits: the newest `ROOM_UNPROVEN_OPS_MAX` of an account. */
  keep(
    roomId: ConversationId,
    accountId: AccountId,
    words: readonly UnprovenOp[],
  ): Promise<Result<readonly WriteOp[], ClientError>>;
  /** Asks for chains, and takes over what has waited for those that come. True when some came. Asks servers, so it runs outside the serial. */
  prove(roomId: ConversationId, logId: LogId): Promise<Result<boolean, ClientError>>;
}

/** A word that waits, and when it goes at the latest, where that is earlier than it says. */
export interface UnprovenOp extends RoomOp {
  readonly dueMs: number | null;
}

interface RoomPlace {
  readonly roomId: ConversationId;
  readonly logId: LogId;
}

export function createRoomUnproven(all: RoomUnprovenDeps): RoomUnproven {
  const { context, groups, conversations } = all;
  const { tables, store, serial, clock } = context;
  const byRoom = new Map<ConversationId, ReadonlySet<AccountId>>();
  const asked = new Map<string, { readonly atMs: number; readonly againMs: number }>();

  async function of(roomId: ConversationId): Promise<Result<ReadonlySet<AccountId>, ClientError>> {
    const known = byRoom.get(roomId);
    if (known !== undefined) return ok(known);
    const rows = await tables.roomunproven.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    const accounts = new Set(rows.value.map(({ key }) => rowKeyParts(key)[2] as AccountId));
    byRoom.set(roomId, accounts);
    return ok(accounts);
  }

  const keep: RoomUnproven["keep"] = async (roomId, accountId, words) => {
    const rows = await tables.roomwords.scan({ under: [roomId, accountId] });
    if (!rows.ok) return rows;
    const kept = words.slice(-ROOM_UNPROVEN_OPS_MAX).map(({ op, entry, dueMs }, index) => {
      const { id, seq } = entry;
      return tables.roomwords.put([roomId, accountId, seq, index], { op: op.bytes, entry: id, dueMs });
    });
    const over = rows.value.slice(0, Math.max(0, rows.value.length + kept.length - ROOM_UNPROVEN_OPS_MAX));
    return ok([...over.map(({ key }) => ({ type: "delete" as const, key })), ...kept]);
  };

  /** Their words, and that they wait, go; with `isProven` into the conversation. */
  async function release(
    { roomId, logId }: RoomPlace,
    accountId: AccountId,
    isProven: boolean,
  ): Promise<Result<void, ClientError>> {
    const rows = await tables.roomwords.scan({ under: [roomId, accountId] });
    if (!rows.ok) return rows;
    const words = (isProven ? rows.value : []).flatMap(({ key, value }) => {
      const op = parseOp(value.op);
      const { entry, dueMs } = value;
      return op.ok ? [{ op: op.value, seq: rowKeyNumber(rowKeyParts(key)[3]) ?? 0, entry, dueMs }] : [];
    });
    const limits = words.flatMap(({ op, dueMs }) => (dueMs === null ? [] : [{ op, dueMs }]));
    const refused = limits.length === 0 ? ok(new Set<string>()) : await all.limit(roomId, limits);
    if (!refused.ok) return refused;
    const taken = words
      .filter(({ op }) => !refused.value.has(op.id))
      .map(({ op, seq, entry }) => ({ op, source: { logId, seq, entry } }));
    const stored = await conversations.takeRoom(
      taken,
      [],
      [
        tables.roomunproven.remove(roomId, accountId),
        ...rows.value.map(({ key }) => ({ type: "delete" as const, key })),
      ],
    );
    byRoom.delete(roomId);
    all.onChanged();
    return stored;
  }

  /** A chain has come: whether the group is right about its account. */
  async function compare(
    at: RoomPlace,
    accountId: AccountId,
    chain: ChainState,
  ): Promise<Result<boolean, ClientError>> {
    const { roomId } = at;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const group = loaded.value;
    if (group === null || !isActive(group)) return ok(false);
    const now = roomContextOf(group);
    const member = now && memberOf(now, accountId);
    if (member === null) {
      const gone = await release(at, accountId, false);
      return gone.ok ? ok(true) : gone;
    }
    if (!hasPlace(chain, member)) {
      // A chain that has not come as far may still do; one that went elsewhere does not.
      if (hashAt(chain, member.seq) !== null)
        context.raise({ type: "ChainDistrusted", accountId, rule: "ForkedChain" });
      return ok(false);
    }
    if (areLeavesOf(group, chain)) {
      const released = await release(at, accountId, true);
      return released.ok ? ok(true) : released;
    }
    // Whoever let this device in lied about somebody: it is in no group it can know.
    context.raise({ type: "ChainDistrusted", accountId, rule: "ForkedChain" });
    const dropped = await release(at, accountId, false);
    if (!dropped.ok) return dropped;
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    const stored = await store.batch(forgotten.value);
    if (!stored.ok) return stored;
    groups.keep(roomId, null);
    return ok(true);
  }

  async function membersOf(roomId: ConversationId): Promise<Result<readonly RoomMember[], ClientError>> {
    const unproven = await of(roomId);
    if (!unproven.ok || unproven.value.size === 0) return unproven.ok ? ok([]) : unproven;
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const now: RoomContext | null = group.value && roomContextOf(group.value);
    return ok((now?.members ?? []).filter(({ accountId }) => unproven.value.has(accountId)));
  }

  const prove: RoomUnproven["prove"] = async (roomId, logId) => {
    const members = await serial.run(() => membersOf(roomId));
    if (!members.ok) return members;
    let hasCome = false;
    for (const { accountId, origin } of members.value) {
      const last = asked.get(`${roomId} ${accountId}`) ?? { atMs: -Infinity, againMs: ASK_MIN_MS };
      const nowMs = clock.nowMs();
      if (Math.abs(nowMs - last.atMs) < last.againMs) continue;
      asked.set(`${roomId} ${accountId}`, { atMs: nowMs, againMs: Math.min(ASK_MAX_MS, last.againMs * 2) });
      const chain = await context.contactChain(accountId, origin, true);
      const compared = chain.ok
        ? await serial.run(() => compare({ roomId, logId }, accountId, chain.value))
        : ok(false);
      if (!compared.ok) return compared;
      hasCome ||= compared.value;
    }
    if (members.value.length > 0) all.lookIn(roomId, ASK_MIN_MS);
    return ok(hasCome);
  };

  return {
    async isUnproven(roomId, accountId) {
      const accounts = await of(roomId);
      return accounts.ok ? ok(accounts.value.has(accountId)) : accounts;
    },
    refresh: (roomId) => void byRoom.delete(roomId),
    keep,
    prove,
  };
}

/** Whether every leaf of the chain's account is one of its devices, with its key. */
function areLeavesOf(group: Group, chain: ChainState): boolean {
  const authenticate = authenticateBy(new Map([[chain.accountId, chain]]));
  const { devicesById } = standInChain(group, chain);
  return [...devicesById.values()].every(({ id, mlsKey }) =>
    authenticate({ accountId: chain.accountId, deviceId: id }, mlsKey),
  );
}
