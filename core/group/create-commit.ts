/**
 * Making a commit (RFC 9420 section 12.4). Always by value, always as a private message, and with a fresh path unless
 * nothing but members is added: the library leaves the path out when only the context changes, so it is composed here
 * from the library's parts.
 *
 * Nothing is applied: `next` becomes the state when the log has given this very commit its place.
 */
import type { Bytes } from "../base/bytes.ts";
import { GROUP_ADDS_PER_COMMIT_MAX, GROUP_CONTEXT_BYTES_MAX, GROUP_LEAVES_MAX } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import { wipe } from "../crypto/secret.ts";
import { type ClientState, emptyPskIndex, encodeMlsMessage, type Proposal, type Welcome } from "ts-mls";
import { applyProposals, type ApplyProposalsResult } from "ts-mls/clientState.js";
import { createGroupInfoWithRatchetTree } from "ts-mls/createCommit.js";
import { createConfirmationTag, createContentCommitSignature } from "ts-mls/framedContent.js";
import { nextEpochContext } from "ts-mls/clientState.js";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { type EpochSecrets, initializeEpoch } from "ts-mls/keySchedule.js";
import { protect } from "ts-mls/messageProtection.js";
import { leafWidth, toLeafIndex } from "ts-mls/treemath.js";
import { encryptGroupInfo, encryptGroupSecrets } from "ts-mls/welcome.js";
import { contextExtension, type Group, type GroupDeps, isActive, leavesOf, nextGroup } from "./group.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { areDistinct } from "./group-member.ts";
import type { VerifiedKeyPackage } from "./key-package.ts";
import { createRatchets, openRatchet } from "./ratchets.ts";
import { rootHash, treeHashes } from "./tree-hashes.ts";
import { createPath, sharedSecret } from "./update-path.ts";

/** What a commit is to change. With nothing in it, it only gives the group fresh keys. */
export interface CommitPlan {
  readonly add?: readonly VerifiedKeyPackage[];
  readonly removeLeaves?: readonly number[];
  /** The new context, whole. It goes beside the commit, which has its hash. */
  readonly context?: Bytes;
  /** Travels with the commit, readable by the members; signed and part of the transcript. */
  readonly authenticatedData?: Bytes;
}

/** A commit on its way. */
export interface PendingCommit {
  /** An MLSMessage. */
  readonly commit: Bytes;
  /** An MLSMessage for those it adds, or null. */
  readonly welcome: Bytes | null;
  /** The group once the commit has its place. Its context goes beside the commit where it changes or somebody is added. */
  readonly next: Group;
}

/** Makes the commit. - Fails: `TooManyAdds`, `DuplicateDevice`, `UnknownLeaf`, `SelfRemoval`, `NotMember`. */
export async function createCommit(
  deps: GroupDeps,
  group: Group,
  plan: CommitPlan,
): Promise<Result<PendingCommit, GroupRefused>> {
  const checked = checkPlan(group, plan);
  if (!checked.ok) return checked;
  return libraryCall("Malformed", () => compose(deps, group, plan));
}

function checkPlan(
  group: Group,
  { add = [], removeLeaves = [], context }: CommitPlan,
): Result<void, GroupRefused> {
  if (!isActive(group)) return refused("NotMember");
  if (context !== undefined && context.length > GROUP_CONTEXT_BYTES_MAX) return refused("BadContext");
  if (add.length > GROUP_ADDS_PER_COMMIT_MAX) return refused("TooManyAdds");
  const leaves = leavesOf(group);
  if (!leaves.ok) return leaves;
  if (leaves.value.length - removeLeaves.length + add.length > GROUP_LEAVES_MAX)
    return refused("TooManyLeaves");
  const known = new Set(leaves.value.map((leaf) => leaf.leafIndex));
  if (removeLeaves.includes(group.state.privatePath.leafIndex)) return refused("SelfRemoval");
  if (new Set(removeLeaves).size !== removeLeaves.length || removeLeaves.some((leaf) => !known.has(leaf)))
    return refused("UnknownLeaf");
  const gone = new Set(removeLeaves);
  const staying = leaves.value.filter((leaf) => !gone.has(leaf.leafIndex));
  const members = [...staying, ...add].map(({ member }) => member);
  return areDistinct(members) ? ok() : refused("DuplicateDevice");
}

function proposalsOf({ add = [], removeLeaves = [], context }: CommitPlan): readonly Proposal[] {
  return [
    ...removeLeaves.map((removed): Proposal => ({ proposalType: "remove", remove: { removed } })),
    ...add.map(({ keyPackage }): Proposal => ({ proposalType: "add", add: { keyPackage } })),
    ...(context === undefined
      ? []
      : [
          {
            proposalType: "group_context_extensions",
            groupContextExtensions: { extensions: [contextExtension(context)] },
          } satisfies Proposal,
        ]),
  ];
}

/** Whether RFC 9420 section 12.4 wants a path: unless all a commit does is to add. */
export function needsPath(proposals: readonly Proposal[]): boolean {
  return proposals.length === 0 || proposals.some((proposal) => proposal.proposalType !== "add");
}

async function compose({ suite }: GroupDeps, group: Group, plan: CommitPlan): Promise<PendingCommit> {
  const { state } = group;
  const committer = state.privatePath.leafIndex;
  const leafIndex = toLeafIndex(committer);
  const proposals = proposalsOf(plan);
  const byValue = proposals.map((proposal) => ({ proposalOrRefType: "proposal" as const, proposal }));
  // As if received: when it sends, the library goes by the clock of the machine; key packages were checked against ours.
  const applied = await applyProposals(state, byValue, leafIndex, emptyPskIndex, false, suite);
  const { extensions, added } = memberCommitOf(applied);
  treeHashes(applied.tree, state.ratchetTree);
  const provisional = {
    ...state.groupContext,
    extensions: extensions.length > 0 ? [...extensions] : state.groupContext.extensions,
  };
  const place = {
    tree: applied.tree,
    committer,
    added: added.map(([leaf]) => leaf),
    context: { ...provisional, epoch: provisional.epoch + 1n },
  };
  const own = { privatePath: state.privatePath, signSeed: state.signaturePrivateKey };
  const made = needsPath(proposals) ? await createPath(suite, place, own) : null;
  const tree = made?.tree ?? applied.tree;
  const commitSecret = made?.commitSecret ?? new Uint8Array(suite.kdf.size);
  const wireformat = "mls_private_message";
  const authenticatedData = plan.authenticatedData ?? new Uint8Array(0);
  const { framedContent, signature } = await createContentCommitSignature(
    state.groupContext,
    wireformat,
    { proposals: byValue, path: made?.path },
    { senderType: "member", leafIndex },
    authenticatedData,
    state.signaturePrivateKey,
    suite.signature,
  );
  const groupContext = await nextEpochContext(
    provisional,
    wireformat,
    framedContent,
    signature,
    rootHash(tree, applied.tree),
    state.confirmationTag,
    suite.hash,
  );
  const secrets = await initializeEpoch(
    state.keySchedule.initSecret,
    commitSecret,
    groupContext,
    applied.pskSecret,
    suite.kdf,
  );
  const confirmationTag = await createConfirmationTag(
    secrets.keySchedule.confirmationKey,
    groupContext.confirmedTranscriptHash,
    suite.hash,
  );
  const ratchet = await openRatchet(group.ratchets, committer, suite.kdf);
  if (ratchet === null) throw new TypeError("a member has ratchets");
  const { privateMessage } = await protect(
    state.keySchedule.senderDataSecret,
    authenticatedData,
    state.groupContext,
    ratchet.secretTree,
    { ...framedContent, auth: { contentType: "commit", signature, confirmationTag } },
    leafIndex,
    state.clientConfig.paddingConfig,
    suite,
  );
  const next: ClientState = {
    ...state,
    groupContext,
    ratchetTree: tree,
    privatePath: made?.privatePath ?? state.privatePath,
    keySchedule: secrets.keySchedule,
    unappliedProposals: {},
    confirmationTag,
    groupActiveState: { kind: "active" },
  };
  const ratchets = createRatchets(leafWidth(tree.length), secrets.encryptionSecret.slice());
  const pathSecrets = made?.secrets ?? new Map<number, Uint8Array>();
  const welcome =
    added.length === 0 ? null : await createWelcome(suite, next, { secrets, pathSecrets, added });
  wipe(commitSecret, secrets.encryptionSecret, secrets.joinerSecret, secrets.welcomeSecret);
  return {
    commit: encodeMlsMessage({ version: "mls10", wireformat, privateMessage }),
    welcome:
      welcome === null ? null : encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
    next: nextGroup(group, next, { ratchets, context: plan.context ?? group.context }),
  };
}

type Added = Extract<ApplyProposalsResult["additionalResult"], { kind: "memberCommit" }>["addedLeafNodes"];

function memberCommitOf({ additionalResult }: ApplyProposalsResult) {
  if (additionalResult.kind !== "memberCommit") throw new TypeError("a commit by a member");
  return { extensions: additionalResult.extensions, added: additionalResult.addedLeafNodes };
}

/** Section 12.4.3.1: the new epoch's joiner secret and each newcomer's part of the path, to each newcomer alone. */
async function createWelcome(
  suite: GroupDeps["suite"],
  next: ClientState,
  {
    secrets,
    pathSecrets,
    added,
  }: {
    readonly secrets: EpochSecrets;
    readonly pathSecrets: ReadonlyMap<number, Uint8Array>;
    readonly added: Added;
  },
): Promise<Welcome> {
  const { groupContext, confirmationTag, ratchetTree } = next;
  const info = await createGroupInfoWithRatchetTree(
    groupContext,
    confirmationTag,
    next,
    ratchetTree,
    [],
    suite,
  );
  const encryptedGroupInfo = await encryptGroupInfo(info, secrets.welcomeSecret, suite);
  const toEach = added.map(async ([leaf, keyPackage]) => {
    const pathSecret = sharedSecret(pathSecrets, leaf);
    const sealed = await encryptGroupSecrets(
      await suite.hpke.importPublicKey(keyPackage.initKey),
      encryptedGroupInfo,
      { joinerSecret: secrets.joinerSecret, pathSecret, psks: [] },
      suite.hpke,
    );
    return {
      newMember: await makeKeyPackageRef(keyPackage, suite.hash),
      encryptedGroupSecrets: { kemOutput: sealed.enc, ciphertext: sealed.ct },
    };
  });
  return { cipherSuite: groupContext.cipherSuite, secrets: await Promise.all(toEach), encryptedGroupInfo };
}
