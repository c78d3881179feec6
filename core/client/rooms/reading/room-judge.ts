/**
 * Judging commits of a room: what they bring is verified from the chains on, and then the room's rules decide. The verdict
 * follows from the group and the entry alone, so that every member comes to the same. Rules RM2, RM17.
 */
import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import {
  type AccountId,
  type ConversationId,
  idFromBytes,
  type LinkHash,
  type SignerId,
} from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { decode } from "../../../codec/shape.ts";
import type { Authenticate, GroupMember } from "../../../group/group-member.ts";
import { type Group, groupEpoch, leavesOf } from "../../../group/group.ts";
import type { CommitJudge, GroupChange } from "../../../group/receive-commit.ts";
import { parseRoomContext, type RoomContext, type RoomMember } from "../../../messenger/room/room-context.ts";
import {
  isDepartureSigned,
  type RoomDeparture,
  type RoomEvidence,
  roomEvidenceShape,
} from "../../../messenger/room/room-entry.ts";
import { judgeRoomChange, type RoomChange, type RoomRule } from "../../../messenger/room/room-rules.ts";
import { type ChainDevice, type ChainState, hashAt, isActiveAt } from "../../../sigchain/chain-state.ts";
import { compareChains, verifyChain } from "../../../sigchain/verify-chain.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { ClientError } from "../../client-error.ts";

/** Chains as they are once what a commit brings is taken in. */
export interface JudgedChains {
  readonly chains: ReadonlyMap<AccountId, ChainState>;
  /** Stores what was new. */
  readonly writes: readonly WriteOp[];
  readonly learned: readonly ChainState[];
}

const NO_KEY: Bytes = new Uint8Array(32);
const NOBODY: SignerId = idFromBytes("signer", new Uint8Array(16));

/** Contexts that were read already; of a large room that takes a while, and every letter asks for it. */
const contextsByBytes = new WeakMap<Uint8Array, RoomContext>();

/** The room's context of a group; it was checked when the group took it. */
export function roomContextOf({ context: bytes }: Pick<Group, "context">): RoomContext | null {
  const known = contextsByBytes.get(bytes);
  if (known !== undefined) return known;
  const context = parseRoomContext(bytes);
  if (!context.ok) return null;
  contextsByBytes.set(bytes, context.value);
  return context.value;
}

/** Whether a chain is the one the room says a member has, as far as the room goes. */
export function hasPlace(
  chain: ChainState | null,
  { seq, head }: Pick<RoomMember, "seq" | "head">,
): chain is ChainState {
  return chain !== null && hashAt(chain, seq) === head;
}

/** What counts for the chain of a member where it is not here: their place and their keys as the group has them. RM65 */
export function standInChain(
  group: Pick<Group, "state">,
  { accountId, seq, head }: Pick<RoomMember, "accountId" | "seq" | "head">,
): ChainState {
  const leaves = leavesOf(group);
  const own = leaves.ok ? leaves.value.filter(({ member }) => member.accountId === accountId) : [];
  const devices = own.map(
    ({ leafIndex, member }): ChainDevice => ({
      id: member.deviceId,
      // Nothing is known to be signed, or to be sealed, by these.
      ...{ signKey: NO_KEY, agreementKey: NO_KEY, kemKey: NO_KEY, mlsKey: signatureKeyAt(group, leafIndex) },
      ...{ arrival: "added", addedBy: NOBODY, addedSeq: 0, kemKeySeq: 0, revokedSeq: null },
    }),
  );
  const hashes: LinkHash[] = [];
  hashes[seq - 1] = head;
  return {
    ...{ accountId, seq, head, hashes, devicesById: new Map(devices.map((device) => [device.id, device])) },
    ...{ epochs: [], recoveries: [], service: null, cuts: [], recoverSeqs: [], usedKeyIds: new Set() },
  };
}

function signatureKeyAt({ state: { ratchetTree } }: Pick<Group, "state">, leafIndex: number): Bytes {
  const node = ratchetTree[leafIndex * 2];
  return node?.nodeType === "leaf" ? (node.leaf.signaturePublicKey as Bytes) : NO_KEY;
}

/**
 * Takes in the links a commit brings. Null when they do not hold.
 *
 * Links that are here already are verified like the others, from the genesis on: else a member who has them would accept
 * what one who has not refuses.
 */
export async function readChains(
  store: ChainStore,
  { before, group }: { readonly before: RoomContext; readonly group: Pick<Group, "state"> },
  evidence: RoomEvidence,
): Promise<Result<JudgedChains | null, ClientError>> {
  const chains = new Map<AccountId, ChainState>();
  for (const member of before.members) {
    const stored = await store.load(member.accountId);
    if (!stored.ok) return stored;
    const isHere = hasPlace(stored.value, member);
    chains.set(member.accountId, isHere ? stored.value : standInChain(group, member));
  }
  const writes: WriteOp[] = [];
  const learned: ChainState[] = [];
  for (const { accountId, firstSeq, links } of evidence.chains) {
    const earlier = await store.links(accountId, 1, firstSeq - 1);
    if (!earlier.ok) return earlier;
    const known = await store.load(accountId);
    if (!known.ok) return known;
    const brought = verifyChain(pages([...earlier.value, ...links]), { accountId });
    if (!brought.ok || earlier.value.length !== firstSeq - 1) return ok(null);
    if (known.value === null) {
      learned.push(brought.value);
      chains.set(accountId, brought.value);
      writes.push(...store.writes(accountId, firstSeq, links));
      continue;
    }
    const relation = compareChains(known.value, brought.value);
    if (!relation.ok) return ok(null);
    chains.set(accountId, relation.value === "ahead" ? brought.value : known.value);
    if (relation.value !== "ahead") continue;
    learned.push(brought.value);
    writes.push(...store.writes(accountId, firstSeq, links));
  }
  return ok({ chains, writes, learned });
}

function* pages(links: readonly Uint8Array[]): Iterable<readonly Uint8Array[]> {
  for (let start = 0; start < links.length; start += 256) yield links.slice(start, start + 256);
}

/** Whether a key is the MLS key of that device on its account's chain. */
export function authenticateBy(chains: ReadonlyMap<AccountId, ChainState>): Authenticate {
  return ({ accountId, deviceId }, signKey) => {
    const device = chains.get(accountId)?.devicesById.get(deviceId);
    return device !== undefined && equalBytes(device.mlsKey, signKey);
  };
}

export interface RoomCase {
  readonly roomId: ConversationId;
  readonly before: RoomContext;
  readonly after: RoomContext;
  readonly epoch: number;
  readonly committer: GroupMember;
  readonly added: readonly GroupMember[];
  readonly removed: readonly GroupMember[];
  readonly leaves: readonly GroupMember[];
  readonly chains: ReadonlyMap<AccountId, ChainState>;
  readonly departures: readonly RoomDeparture[];
}

/** Judges a change of a room. */
export function judgeCase(one: RoomCase): RoomRule | null {
  const { chains } = one;
  const change: RoomChange = {
    ...one,
    isActiveAt: ({ accountId, deviceId }, seq) => {
      const device = chains.get(accountId)?.devicesById.get(deviceId);
      return device !== undefined && isActiveAt(device, seq);
    },
    isOnChain: ({ accountId, seq, head }) => {
      const chain = chains.get(accountId);
      return chain !== undefined && hashAt(chain, seq) === head;
    },
    hasLeft: (accountId, since) =>
      one.departures.some(
        (departure) =>
          departure.accountId === accountId &&
          departure.sinceEpoch === since &&
          isGoodDeparture(one, departure),
      ),
  };
  return judgeRoomChange(change);
}

/** A departure is signed by a device that was on the account's chain where the context has it. */
function isGoodDeparture({ roomId, before, chains }: RoomCase, departure: RoomDeparture): boolean {
  const { accountId, deviceId } = departure;
  const place = before.members.find((member) => member.accountId === accountId);
  const device = chains.get(accountId)?.devicesById.get(deviceId);
  if (place === undefined || device === undefined || !isActiveAt(device, place.seq)) return false;
  return isDepartureSigned(roomId, departure, device.signKey);
}

/** The judge of commits over `group`. `judged` is what it came to, once a commit was received. */
export function createRoomJudge(
  store: ChainStore,
  roomId: ConversationId,
  group: Group,
  brought: Bytes | null,
): {
  readonly judge: CommitJudge;
  readonly judged: () => JudgedChains | null;
  /** What the commit brought, once it held. */
  readonly brought: () => RoomEvidence | null;
  readonly fault: () => ClientError | null;
} {
  let judged: JudgedChains | null = null;
  let fault: ClientError | null = null;
  let evidence: RoomEvidence | null = null;
  const before = roomContextOf(group);
  const judge: CommitJudge = {
    context: brought,
    async readEvidence(authenticatedData) {
      const decoded = decode(roomEvidenceShape, authenticatedData);
      if (!decoded.ok || before === null) return null;
      const read = await readChains(store, { before, group }, decoded.value);
      if (!read.ok) {
        fault = read.error;
        return null;
      }
      if (read.value === null) return null;
      evidence = decoded.value;
      judged = read.value;
      return { nowMs: decoded.value.timeMs, authenticate: authenticateBy(read.value.chains) };
    },
    isAllowed(change) {
      if (judged === null || evidence === null || before === null) return false;
      const one = caseOf(group, change, {
        roomId,
        before,
        chains: judged.chains,
        departures: evidence.departures,
      });
      return one !== null && judgeCase(one) === null;
    },
  };
  return { judge, judged: () => judged, brought: () => evidence, fault: () => fault };
}

/** A change as the room's rules see it. Null when its context is none. */
function caseOf(
  group: Group,
  { committer, added, removed, context }: GroupChange,
  base: Pick<RoomCase, "roomId" | "before" | "chains" | "departures">,
): RoomCase | null {
  const after = context === null ? base.before : roomContextOf({ context });
  const leaves = leavesOf(group);
  if (after === null || !leaves.ok) return null;
  const gone = new Set(removed.map(({ leafIndex }) => leafIndex));
  return {
    ...base,
    after,
    epoch: Number(groupEpoch(group)),
    committer: committer.member,
    added: added.map(({ member }) => member),
    removed: removed.map(({ member }) => member),
    leaves: [
      ...leaves.value.filter(({ leafIndex }) => !gone.has(leafIndex)).map(({ member }) => member),
      ...added.map(({ member }) => member),
    ],
  };
}
