/** Joining by a Welcome: whom the group names is looked up and compared before anything of it counts. */
import { present } from "../../../base/assert.ts";
import { equalBytes } from "../../../base/bytes.ts";
import { type AccountId, type ConversationId, idBytes } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { type Group, type GroupDeps, leavesOf, withAuthenticate } from "../../../group/group.ts";
import { areLeavesAuthentic, joinGroup } from "../../../group/join-group.ts";
import { memberOf, type RoomContext, type RoomMember } from "../../../messenger/room/room-context.ts";
import { type ChainState, hashAt } from "../../../sigchain/chain-state.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import { isAsOffered } from "../membership/room-info.ts";
import { keysOf } from "../room-book.ts";
import type { Invitation } from "./room-welcome.ts";
import { authenticateBy, hasPlace, roomContextOf, standInChain } from "./room-judge.ts";

/** Of how many members chains are asked for at once. */
const CHAINS_AT_ONCE = 16;

export interface Joined {
  readonly group: Group;
  readonly context: RoomContext;
  /** Whose device has made the Welcome, and whether that account's chain says so, or the group alone (RM65). */
  readonly by: AccountId;
  readonly isProven: boolean;
  /** The key package is used up. */
  readonly writes: readonly WriteOp[];
}

/**
 * Joins. Null when the Welcome is not what it should be; it is passed over then, and another one asked for.
 *
 * - Fails: with the error of the home server, which knows this account's own chain; it is tried again.
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
  if (!isAsOffered(at.room, roomContext)) return ok(null);
  const found = await chainsOf(context, roomContext, opened.value);
  if (!found.ok) return found;
  if (found.value === null) return ok(null);
  const { chains, unproven } = found.value;
  const authenticate = authenticateBy(chains);
  if (!areLeavesAuthentic(opened.value, authenticate)) return ok(null);
  if (!areLeavesKnown(opened.value, roomContext, chains)) return ok(null);
  const { isLastResort } = row.value;
  const used = isLastResort
    ? tables.keypackage.put([ref], { ...row.value, createdAtMs: 0 })
    : tables.keypackage.remove(ref);
  const waits = unproven.map((accountId) => tables.roomunproven.put([at.roomId, accountId], {}));
  const { welcomedBy, ...welcomed } = opened.value;
  const group = withAuthenticate(welcomed, authenticate);
  const by = welcomedBy.accountId;
  return ok({ group, context: roomContext, by, isProven: !unproven.includes(by), writes: [used, ...waits] });
}

/** Chains of members, and whose nobody could give: for those the group's own word stands in. RM65 */
interface FoundChains {
  readonly chains: ReadonlyMap<AccountId, ChainState>;
  readonly unproven: readonly AccountId[];
}

/** The chain of every member, as far as the room has it. Null when the own one is another than the room says. */
async function chainsOf(
  context: EngineContext,
  room: RoomContext,
  group: Group,
): Promise<Result<FoundChains | null, ClientError>> {
  const chains = new Map<AccountId, ChainState>();
  const unproven: AccountId[] = [];
  const own = memberOf(room, context.identity.accountId);
  if (own !== null && context.chain().seq < own.seq) {
    const refreshed = await context.refreshOwnChain();
    if (!refreshed.ok) return refreshed;
  }
  if (own !== null && !hasPlace(context.chain(), own)) {
    context.raise({ type: "ChainDistrusted", accountId: own.accountId, rule: "ForkedChain" });
    return ok(null);
  }
  const others = room.members.filter((member) => member !== own);
  for (let start = 0; start < others.length; start += CHAINS_AT_ONCE) {
    const some = others.slice(start, start + CHAINS_AT_ONCE);
    const found = await Promise.all(some.map((member) => chainOf(context, member)));
    for (const [index, chain] of found.entries()) {
      const member = present(some[index], "each member has an answer");
      if (!chain.ok) return chain;
      if (chain.value === null) unproven.push(member.accountId);
      chains.set(member.accountId, chain.value ?? standInChain(group, member));
    }
  }
  if (own !== null) chains.set(own.accountId, context.chain());
  return ok({ chains, unproven });
}

/** Null when nobody gives it, or it is not the one the room has: that is no reason not to come in. */
async function chainOf(
  context: EngineContext,
  member: RoomMember,
): Promise<Result<ChainState | null, ClientError>> {
  const { accountId, origin } = member;
  for (const isFresh of [false, true]) {
    const chain = await context.contactChain(accountId, origin, isFresh);
    if (!chain.ok) return isLocal(chain.error) ? chain : ok(null);
    if (hasPlace(chain.value, member)) return chain;
    if (hashAt(chain.value, member.seq) === null) continue;
    context.raise({ type: "ChainDistrusted", accountId, rule: "ForkedChain" });
    return ok(null);
  }
  return ok(null);
}

const isLocal = ({ type }: ClientError): boolean => type === "StoreUnavailable" || type === "StoreCorrupt";

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
