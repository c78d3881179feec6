/**
 * Taking over somebody else's commit, at its place in the room's log.
 *
 * The verdict depends on the group's state, the bytes, and the room's rules over both, so it is the same on every member:
 * one commit is refused by all or by none. A refused one changes nothing and the room goes on.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { GROUP_ADDS_PER_COMMIT_MAX, GROUP_LEAVES_MAX } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import { wipe } from "../crypto/secret.ts";
import {
  type CiphersuiteImpl,
  type ClientState,
  decodeMlsMessage,
  emptyPskIndex,
  type Extension,
  type FramedContentAuthDataCommit,
  type PrivateMessage,
  type Proposal,
} from "ts-mls";
import { applyProposals, nextEpochContext, validateLeafNodeUpdateOrCommit } from "ts-mls/clientState.js";
import type { Commit } from "ts-mls/commit.js";
import { type FramedContentCommit, verifyConfirmationTag } from "ts-mls/framedContent.js";
import { initializeEpoch } from "ts-mls/keySchedule.js";
import { leafWidth, toLeafIndex } from "ts-mls/treemath.js";
import { areInitKeysUnique, areKeysUnique } from "./check-tree.ts";
import { needsPath } from "./create-commit.ts";
import {
  type Group,
  type GroupDeps,
  type GroupLeaf,
  isActive,
  isContextOf,
  leafAt,
  leavesOf,
  nextGroup,
  withAuthenticate,
} from "./group.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { type Authenticate, isSameMember, memberOf } from "./group-member.ts";
import { isLeafCapable, type VerifiedKeyPackage, verifyKeyPackageNow } from "./key-package.ts";
import { openPrivate } from "./open-private.ts";
import { createRatchets } from "./ratchets.ts";
import { rootHash, treeHashes } from "./tree-hashes.ts";
import { followPath, type PathPlace, type PlacedPath, placePath } from "./update-path.ts";

/** What a commit changes, for the room's rules to judge. */
export interface GroupChange {
  readonly committer: GroupLeaf;
  readonly added: readonly VerifiedKeyPackage[];
  readonly removed: readonly GroupLeaf[];
  /** The new context, or null when it stays. */
  readonly context: Bytes | null;
  readonly authenticatedData: Bytes;
}

export interface ReceivedCommit {
  readonly change: GroupChange;
  /** Inactive when the commit removes this device, which is sent nothing of the next epoch: all of it but that was compared. */
  readonly next: Group;
}

/** What a commit brings to show that it is right: when it was made, and whose keys are whose by then. */
export interface CommitEvidence {
  /** For the lifetimes of key packages it adds: of the commit, not of the clock of whoever reads it. */
  readonly nowMs: number;
  readonly authenticate: Authenticate;
}

/** The room's rules, and what came beside the commit. */
export interface CommitJudge {
  /** The context once the commit is made, if it came along. One that changes it, or adds somebody, has to bring it. */
  readonly context: Bytes | null;
  /** Reads what a commit brings in its authenticated data; null when that does not hold. */
  readEvidence(authenticatedData: Bytes): Promise<CommitEvidence | null>;
  /** The room's rules over a change that is sound in itself. */
  isAllowed(change: GroupChange): boolean;
}

/** Opens, checks and applies a commit of another member. - Fails: `GroupRefused` with the rule; the group is as it was. */
export async function receiveCommit(
  deps: GroupDeps,
  group: Group,
  commit: Bytes,
  judge: CommitJudge,
): Promise<Result<ReceivedCommit, GroupRefused>> {
  const message = await parsePrivateMessage(group, commit, "commit");
  if (!message.ok) return message;
  const opened = await openCommit(deps, group, message.value);
  if (!opened.ok) return opened;
  if (opened.value.senderLeafIndex === group.state.privatePath.leafIndex) return refused("OwnCommit");
  const evidence = await judge.readEvidence(opened.value.authenticatedData);
  if (evidence === null) return refused("BadEvidence");
  const change = await changeOf(deps.suite, group, opened.value, { ...evidence, brought: judge.context });
  if (!change.ok) return change;
  if (!judge.isAllowed(change.value)) return refused("Forbidden");
  const next = await libraryCall("Inauthentic", () =>
    applyCommit(deps, withAuthenticate(group, evidence.authenticate), opened.value, change.value),
  );
  return next.ok ? ok({ change: change.value, next: next.value }) : next;
}

/** Section 12.4.2, from where the commit is known to be its sender's. Throws for what does not hold. */
async function applyCommit(
  { suite }: GroupDeps,
  group: Group,
  opened: OpenedCommit,
  change: GroupChange,
): Promise<Group> {
  const { state } = group;
  const { commit, senderLeafIndex, content, auth } = opened;
  const committer = toLeafIndex(senderLeafIndex);
  const applied = await applyProposals(state, commit.proposals, committer, emptyPskIndex, false, suite);
  const { additionalResult } = applied;
  if (additionalResult.kind !== "memberCommit") throw new TypeError("a commit by a member");
  treeHashes(applied.tree, state.ratchetTree);
  const { extensions, addedLeafNodes } = additionalResult;
  const context = extensions.length > 0 ? { ...state.groupContext, extensions } : state.groupContext;
  const placed =
    commit.path === undefined
      ? null
      : await placeCommitPath(suite, group, opened, {
          tree: applied.tree,
          committer: senderLeafIndex,
          added: addedLeafNodes.map(([leaf]) => leaf),
          context: { ...context, epoch: context.epoch + 1n },
        });
  const tree = placed?.tree ?? applied.tree;
  // RFC 9420 section 12.1.1: the library compares the keys of the tree among themselves only, before the change.
  if (!areKeysUnique(tree)) throw new TypeError("no key stands for two nodes");
  // The library looks whether the leaf is empty afterwards, which it is not when somebody who is added takes it.
  if (change.removed.some(({ leafIndex }) => leafIndex === state.privatePath.leafIndex))
    return { ...group, state: { ...state, groupActiveState: { kind: "removedFromGroup" } } };
  const path = placed && (await followPath(suite, placed, state.privatePath));
  const groupContext = await nextEpochContext(
    context,
    "mls_private_message",
    content,
    auth.signature,
    rootHash(tree, applied.tree),
    state.confirmationTag,
    suite.hash,
  );
  const secrets = await initializeEpoch(
    state.keySchedule.initSecret,
    path?.commitSecret ?? new Uint8Array(suite.kdf.size),
    groupContext,
    applied.pskSecret,
    suite.kdf,
  );
  const { confirmationKey } = secrets.keySchedule;
  const isConfirmed = await verifyConfirmationTag(
    confirmationKey,
    auth.confirmationTag,
    groupContext.confirmedTranscriptHash,
    suite.hash,
  );
  if (!isConfirmed) throw new TypeError("a commit confirms the epoch it makes");
  const next: ClientState = {
    ...state,
    groupContext,
    ratchetTree: tree,
    privatePath: path?.privatePath ?? state.privatePath,
    keySchedule: secrets.keySchedule,
    confirmationTag: auth.confirmationTag,
    unappliedProposals: {},
  };
  const ratchets = createRatchets(leafWidth(tree.length), secrets.encryptionSecret.slice());
  wipe(secrets.encryptionSecret, secrets.joinerSecret, secrets.welcomeSecret);
  return nextGroup(group, next, { ratchets, context: change.context ?? group.context });
}

/** The committer's new leaf is signed by them and stands for the same device; then all of the path that is open. */
async function placeCommitPath(
  suite: CiphersuiteImpl,
  { state }: Group,
  { commit: { path }, senderLeafIndex }: OpenedCommit,
  place: PathPlace,
): Promise<PlacedPath> {
  if (path === undefined) throw new TypeError("a path is there");
  const fault = await validateLeafNodeUpdateOrCommit(
    path.leafNode,
    senderLeafIndex,
    state.groupContext,
    state.clientConfig.authService,
    suite.signature,
  );
  if (fault !== undefined) throw fault;
  if (!isLeafCapable(path.leafNode)) throw new TypeError("a leaf can do what all can");
  const [before, after] = [leafAt(place.tree, senderLeafIndex), memberOf(path.leafNode.credential)];
  if (before === null || after === null || !isSameMember(before.member, after))
    throw new TypeError("a leaf stays the device's it is");
  return placePath(place, path);
}

/** A private message of this group, of the wanted kind. A commit must be of the present epoch. */
export async function parsePrivateMessage(
  group: Group,
  bytes: Bytes,
  kind: "commit" | "application",
): Promise<Result<PrivateMessage, GroupRefused>> {
  if (!isActive(group)) return refused("NotMember");
  const message = await libraryCall("Malformed", async () => decodeMlsMessage(bytes, 0));
  if (!message.ok) return message;
  if (message.value === undefined || message.value[1] !== bytes.length) return refused("Malformed");
  const [content] = message.value;
  if (content.wireformat !== "mls_private_message") return refused("WrongKind");
  const { privateMessage } = content;
  const { groupId, epoch } = group.state.groupContext;
  if (!equalBytes(privateMessage.groupId, groupId)) return refused("WrongGroup");
  if (privateMessage.contentType !== kind) return refused("WrongKind");
  if (kind === "commit" && privateMessage.epoch !== epoch) return refused("WrongEpoch");
  return ok(privateMessage);
}

interface OpenedCommit {
  readonly senderLeafIndex: number;
  readonly commit: Commit;
  readonly authenticatedData: Bytes;
  /** As it was signed. */
  readonly content: FramedContentCommit;
  readonly auth: FramedContentAuthDataCommit;
}

/** Reads the commit and checks who signed it, without applying it. */
async function openCommit(
  { suite }: GroupDeps,
  group: Group,
  message: PrivateMessage,
): Promise<Result<OpenedCommit, GroupRefused>> {
  const { state } = group;
  const { senderDataSecret } = state.keySchedule;
  const epoch = { ...state, senderDataSecret, ratchets: group.ratchets };
  const opened = await openPrivate(suite, epoch, message);
  if (!opened.ok) return opened;
  const { content, auth } = opened.value.opened;
  if (content.contentType !== "commit" || content.sender.senderType !== "member") return refused("WrongKind");
  if (auth.contentType !== "commit") return refused("WrongKind");
  const { commit, authenticatedData, sender } = content;
  return ok({ senderLeafIndex: sender.leafIndex, commit, authenticatedData, content, auth });
}

async function changeOf(
  suite: CiphersuiteImpl,
  group: Group,
  { senderLeafIndex, commit, authenticatedData }: OpenedCommit,
  evidence: CommitEvidence & { readonly brought: Bytes | null },
): Promise<Result<GroupChange, GroupRefused>> {
  const leaves = leavesOf(group);
  if (!leaves.ok) return leaves;
  const committer = leaves.value.find((leaf) => leaf.leafIndex === senderLeafIndex);
  if (committer === undefined) return refused("UnknownLeaf");
  const proposals: Proposal[] = [];
  for (const one of commit.proposals) {
    if (one.proposalOrRefType !== "proposal") return refused("ForbiddenProposal");
    proposals.push(one.proposal);
  }
  if (needsPath(proposals) && commit.path === undefined) return refused("MissingPath");
  const sorted = sortProposals(proposals);
  if (!sorted.ok) return sorted;
  const removed: GroupLeaf[] = [];
  for (const leafIndex of sorted.value.removedLeaves) {
    const leaf = leaves.value.find((one) => one.leafIndex === leafIndex);
    if (leaf === undefined || removed.includes(leaf)) return refused("UnknownLeaf");
    if (leaf === committer) return refused("SelfRemoval");
    removed.push(leaf);
  }
  const gone = new Set(removed);
  const members = leaves.value.filter((leaf) => !gone.has(leaf)).map((leaf) => leaf.member);
  if (members.length + sorted.value.keyPackages.length > GROUP_LEAVES_MAX) return refused("TooManyLeaves");
  const added: VerifiedKeyPackage[] = [];
  for (const keyPackage of sorted.value.keyPackages) {
    const verified = await verifyKeyPackageNow(suite, keyPackage, evidence);
    if (!verified.ok) return verified;
    const { member } = verified.value;
    if (members.some((one) => isSameMember(one, member))) return refused("DuplicateDevice");
    members.push(member);
    added.push(verified.value);
  }
  if (!areInitKeysUnique(added)) return refused("Malformed");
  const { brought } = evidence;
  const extensions = sorted.value.extensions ?? group.state.groupContext.extensions;
  const isNeeded = sorted.value.extensions !== null || added.length > 0;
  // Who is added has it from here alone.
  if (brought === null ? isNeeded : !isContextOf(extensions, brought)) return refused("BadContext");
  const context = sorted.value.extensions === null ? null : brought;
  return ok({ committer, added, removed, context, authenticatedData });
}

interface SortedProposals {
  readonly removedLeaves: readonly number[];
  readonly keyPackages: readonly Extract<Proposal, { proposalType: "add" }>["add"]["keyPackage"][];
  readonly extensions: readonly Extension[] | null;
}

/** Only adds, removals and one new context. Keys from outside the group, and other groups, are nowhere let in. */
function sortProposals(proposals: readonly Proposal[]): Result<SortedProposals, GroupRefused> {
  const removedLeaves: number[] = [];
  const keyPackages: SortedProposals["keyPackages"][number][] = [];
  let extensions: readonly Extension[] | null = null;
  for (const proposal of proposals) {
    switch (proposal.proposalType) {
      case "add":
        keyPackages.push(proposal.add.keyPackage);
        break;
      case "remove":
        removedLeaves.push(proposal.remove.removed);
        break;
      case "group_context_extensions": {
        if (extensions !== null) return refused("BadContext");
        extensions = proposal.groupContextExtensions.extensions;
        break;
      }
      default:
        return refused("ForbiddenProposal");
    }
  }
  if (keyPackages.length > GROUP_ADDS_PER_COMMIT_MAX) return refused("TooManyAdds");
  return ok({ removedLeaves, keyPackages, extensions });
}
