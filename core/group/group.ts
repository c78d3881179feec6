/**
 * One device's state of a group, and what can be read off it.
 *
 * Windows are wide enough for our delivery: a device that was off for weeks reads what was sent meanwhile.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { GROUP_CONTEXT_BYTES_MAX } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import {
  type CiphersuiteImpl,
  type ClientConfig,
  type ClientState,
  createGroup as createLibraryGroup,
  defaultKeyPackageEqualityConfig,
  type Extension,
  type GroupContext,
  mlsExporter,
  type Node,
  type RatchetTree,
} from "ts-mls";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { type Authenticate, type GroupMember, memberOf } from "./group-member.ts";
import { foundingRatchets, type Ratchets } from "./ratchets.ts";
import { CONTEXT_EXTENSION, type KeyPackagePair, openKeyPackagePair } from "./key-package.ts";

export const FORWARD_GENERATIONS_MAX = 10_000;
export const LATE_GENERATIONS_MAX = 1_000;
export const LATE_EPOCHS_MAX = 32;
const PADDED_BYTES = 256;

/** What every step of a group needs. */
export interface GroupDeps {
  readonly suite: CiphersuiteImpl;
  readonly authenticate: Authenticate;
}

/** What opens messages of an epoch that ended. But for `ratchets`, it never changes. */
export interface PastEpoch {
  readonly groupContext: GroupContext;
  readonly ratchetTree: RatchetTree;
  readonly senderDataSecret: Uint8Array;
  readonly ratchets: Ratchets;
}

/** A group as this device sees it. Every step gives a new one; the old one must not be used again. */
export interface Group {
  /** Without the library's ratchets and past epochs: ours are beside it. */
  readonly state: ClientState;
  /** What all members agree on. The group's own context has its hash, so that its size costs nothing where that is signed and sealed for each. */
  readonly context: Bytes;
  readonly ratchets: Ratchets;
  /** By epoch, oldest first. */
  readonly past: ReadonlyMap<bigint, PastEpoch>;
}

export interface GroupLeaf {
  readonly leafIndex: number;
  readonly member: GroupMember;
}

/** The library's configuration: chains decide who a key belongs to, and lifetimes are ours to check. */
export function groupConfig({ authenticate }: Pick<GroupDeps, "authenticate">): ClientConfig {
  return {
    keyRetentionConfig: {
      retainKeysForGenerations: LATE_GENERATIONS_MAX,
      retainKeysForEpochs: LATE_EPOCHS_MAX,
      maximumForwardRatchetSteps: FORWARD_GENERATIONS_MAX,
    },
    lifetimeConfig: {
      // The library goes by the machine's clock; `verifyKeyPackageNow` goes by ours.
      maximumTotalLifetime: BigInt(Number.MAX_SAFE_INTEGER),
      validateLifetimeOnReceive: false,
    },
    keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
    paddingConfig: { kind: "padUntilLength", padUntilLength: PADDED_BYTES },
    authService: {
      validateCredential: async (credential, signKey) => {
        const member = memberOf(credential);
        return member !== null && authenticate(member, signKey);
      },
    },
  };
}

/** The same group, in which leaves are judged by `authenticate` from here on. */
export function withAuthenticate(group: Group, authenticate: Authenticate): Group {
  return { ...group, state: { ...group.state, clientConfig: groupConfig({ authenticate }) } };
}

/**
 * A group with this device as its only member. `context` is what all members agree on, and no business of this folder. One that takes
 * the place of another begins with an epoch that follows those of it; the first epoch's secret is random, and depends on no number.
 */
export async function createGroup(
  deps: GroupDeps,
  groupId: Bytes,
  own: Pick<KeyPackagePair, "published" | "secret">,
  context: Bytes,
  firstEpoch = 0,
): Promise<Result<Group, GroupRefused>> {
  const pair = await openKeyPackagePair(own);
  if (!pair.ok) return pair;
  if (context.length > GROUP_CONTEXT_BYTES_MAX) return refused("BadContext");
  const { keyPackage, secrets } = pair.value;
  const state = await libraryCall("Malformed", () =>
    createLibraryGroup(
      groupId,
      keyPackage,
      secrets,
      [contextExtension(context)],
      deps.suite,
      groupConfig(deps),
    ),
  );
  if (!state.ok) return state;
  const { secretTree, ...others } = state.value;
  return ok({
    state: {
      ...others,
      groupContext: { ...others.groupContext, epoch: BigInt(firstEpoch) },
      secretTree: [],
    },
    context,
    ratchets: foundingRatchets(secretTree),
    past: new Map(),
  });
}

/** The group in its next epoch: the one that ends is kept for what comes late. */
export function nextGroup(
  group: Group,
  state: ClientState,
  { context, ratchets }: Pick<Group, "context" | "ratchets">,
): Group {
  const past = new Map(group.past).set(group.state.groupContext.epoch, pastOf(group));
  for (const epoch of [...past.keys()].slice(0, -LATE_EPOCHS_MAX)) past.delete(epoch);
  return { state: { ...state, secretTree: [], historicalReceiverData: new Map() }, context, ratchets, past };
}

function pastOf({ state: { groupContext, ratchetTree, keySchedule }, ratchets }: Group): PastEpoch {
  return { groupContext, ratchetTree, senderDataSecret: keySchedule.senderDataSecret, ratchets };
}

export function contextExtension(context: Bytes): Extension {
  return { extensionType: CONTEXT_EXTENSION, extensionData: hash(LABEL.groupContext, context) };
}

/** Whether these are a group's extensions with this context: exactly one, its hash, and nothing beside it. */
export function isContextOf(extensions: readonly Extension[], context: Bytes): boolean {
  const [only] = extensions;
  return (
    extensions.length === 1 &&
    only?.extensionType === CONTEXT_EXTENSION &&
    context.length <= GROUP_CONTEXT_BYTES_MAX &&
    equalBytes(only.extensionData as Bytes, hash(LABEL.groupContext, context))
  );
}

/** Leaves of trees that were read already: a tree is never changed in place. */
const leavesByTree = new WeakMap<RatchetTree, readonly GroupLeaf[]>();
const membersByLeaf = new WeakMap<Node, GroupMember>();

/** Every leaf, in order. - Fails: `Malformed` when a leaf names no device; such a group is not joined. */
export function leavesOf({
  state: { ratchetTree },
}: {
  readonly state: Pick<ClientState, "ratchetTree">;
}): Result<readonly GroupLeaf[], GroupRefused> {
  const known = leavesByTree.get(ratchetTree);
  if (known !== undefined) return ok(known);
  const leaves: GroupLeaf[] = [];
  for (const [index, node] of ratchetTree.entries()) {
    if (node?.nodeType !== "leaf") continue;
    const leaf = leafAt(ratchetTree, index / 2);
    if (leaf === null) return refused("Malformed");
    leaves.push(leaf);
  }
  leavesByTree.set(ratchetTree, leaves);
  return ok(leaves);
}

/** Who a leaf is, or null for one that is not there. */
export function leafAt(tree: RatchetTree, leafIndex: number): GroupLeaf | null {
  const node = tree[leafIndex * 2];
  if (node?.nodeType !== "leaf") return null;
  const member = membersByLeaf.get(node) ?? memberOf(node.leaf.credential);
  if (member !== null) membersByLeaf.set(node, member);
  return member === null ? null : { leafIndex, member };
}

/** What is sealed to this device's leaf alone: a fresh key with each commit of its own that has a path. */
export function ownLeafKey({ state: { ratchetTree, privatePath } }: Group): Bytes | null {
  const node = ratchetTree[privatePath.leafIndex * 2];
  return node?.nodeType === "leaf" ? (node.leaf.hpkePublicKey as Bytes) : null;
}

export function groupEpoch({ state }: Group): bigint {
  return state.groupContext.epoch;
}

export function isActive({ state }: Group): boolean {
  return state.groupActiveState.kind === "active";
}

/** The same on all members of an epoch, and on nobody else: members that compare it find a fork. */
export function epochAuthenticator({ state }: Group): Bytes {
  return state.keySchedule.epochAuthenticator;
}

/** A secret of this epoch for a purpose of ours (RFC 9420 section 8.5). */
export function exportGroupSecret(
  { suite }: GroupDeps,
  { state }: Group,
  { label, context, length }: { readonly label: string; readonly context: Bytes; readonly length: number },
): Promise<Bytes> {
  return mlsExporter(state.keySchedule.exporterSecret, label, context, length, suite);
}
