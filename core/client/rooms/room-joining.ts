/** Joining by a Welcome: whom the group names is looked up and compared before anything of it counts. */
import { equalBytes } from "../../base/bytes.ts";
import { type AccountId, type ConversationId, idBytes } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { RoomRecord } from "../../document/groups.ts";
import { type Group, type GroupDeps, leavesOf, withAuthenticate } from "../../group/group.ts";
import { areLeavesAuthentic, joinGroup } from "../../group/join-group.ts";
import { memberOf, type RoomContext } from "../../messenger/room/room-context.ts";
import { type ChainState, hashAt } from "../../sigchain/chain-state.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import { keysOf } from "./room-book.ts";
import type { Invitation } from "./room-intake.ts";
import { authenticateBy, roomContextOf } from "./room-judge.ts";

export interface Joined {
  readonly group: Group;
  readonly context: RoomContext;
  /** The key package is used up. */
  readonly writes: readonly WriteOp[];
}

/**
 * Joins. Null when the Welcome is not what it should be; it is passed over then, and another one asked for.
 *
 * - Fails: with the error of a server that does not answer; it is tried again.
 */
export async function joinRoom(
  context: EngineContext,
  deps: Pick<GroupDeps, "suite">,
  at: { readonly roomId: ConversationId; readonly room: RoomRecord; readonly invitation: Invitation },
): Promise<Result<Joined | null, ClientError>> {
  const { tables, identity } = context;
  const { welcome, ref, context: brought } = at.invitation;
  const row = await tables.keypackage.get(ref);
  if (!row.ok) return row;
  if (row.value === null) return ok(null);
  // Whom it names is known once it is open; until their chains are here nobody is believed.
  const opened = await joinGroup({ ...deps, authenticate: () => true }, welcome, row.value, brought);
  const roomContext = opened.ok ? roomContextOf(opened.value) : null;
  if (!opened.ok || roomContext === null) return ok(null);
  const { logId } = keysOf(at.room);
  if (!equalBytes(opened.value.state.groupContext.groupId, idBytes(logId))) return ok(null);
  if (memberOf(roomContext, identity.accountId) === null) return ok(null);
  const chains = await chainsOf(context, roomContext);
  if (!chains.ok) return chains;
  if (chains.value === null) return ok(null);
  const authenticate = authenticateBy(chains.value);
  if (!areLeavesAuthentic(opened.value, authenticate)) return ok(null);
  if (!areLeavesKnown(opened.value, roomContext, chains.value)) return ok(null);
  const { isLastResort } = row.value;
  const used = isLastResort
    ? tables.keypackage.put([ref], { ...row.value, createdAtMs: 0 })
    : tables.keypackage.remove(ref);
  return ok({ group: withAuthenticate(opened.value, authenticate), context: roomContext, writes: [used] });
}

/** The chain of every member, as far as the room has it. Null when one is another than the room says. */
async function chainsOf(
  context: EngineContext,
  room: RoomContext,
): Promise<Result<ReadonlyMap<AccountId, ChainState> | null, ClientError>> {
  const chains = new Map<AccountId, ChainState>();
  for (const { accountId, origin, seq, head } of room.members) {
    const isSelf = accountId === context.identity.accountId;
    if (isSelf && context.chain().seq < seq) {
      const refreshed = await context.refreshOwnChain();
      if (!refreshed.ok) return refreshed;
    }
    let chain = isSelf ? ok(context.chain()) : await context.contactChain(accountId, origin, false);
    if (!isSelf && chain.ok && chain.value.seq < seq)
      chain = await context.contactChain(accountId, origin, true);
    if (!chain.ok) return chain;
    if (hashAt(chain.value, seq) !== head) {
      context.raise({ type: "ChainDistrusted", accountId, rule: "ForkedChain" });
      return ok(null);
    }
    chains.set(accountId, chain.value);
  }
  return ok(chains);
}

/** Every leaf is a device that its account's chain had where the room has the chain. */
function areLeavesKnown(
  group: Group,
  room: RoomContext,
  chains: ReadonlyMap<AccountId, ChainState>,
): boolean {
  const leaves = leavesOf(group);
  return (
    leaves.ok &&
    leaves.value.every(({ member: { accountId, deviceId } }) => {
      const member = memberOf(room, accountId);
      const device = chains.get(accountId)?.devicesById.get(deviceId);
      return member !== null && device !== undefined && device.addedSeq <= member.seq;
    })
  );
}
