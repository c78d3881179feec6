/** Commits and Welcomes of a modified client: signed, sealed and confirmed as the standard says, around whatever it puts in. */
import { encodeMlsMessage, type Proposal, type UpdatePath } from "ts-mls";
import { nextEpochContext } from "ts-mls/clientState.js";
import { createConfirmationTag, createContentCommitSignature } from "ts-mls/framedContent.js";
import { type GroupInfo, signGroupInfo } from "ts-mls/groupInfo.js";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { initializeEpoch } from "ts-mls/keySchedule.js";
import { signLeafNodeCommit } from "ts-mls/leafNode.js";
import { protect } from "ts-mls/messageProtection.js";
import { addLeafNode, encodeRatchetTree, removeLeafNode } from "ts-mls/ratchetTree.js";
import { toLeafIndex } from "ts-mls/treemath.js";
import { encryptGroupInfo, encryptGroupSecrets } from "ts-mls/welcome.js";
import type { Group, GroupDeps } from "../../core/group/group.ts";
import { openRatchet } from "../../core/group/ratchets.ts";
import { rootHash } from "../../core/group/tree-hashes.ts";
import { createPath, sharedSecret } from "../../core/group/update-path.ts";

type Suite = GroupDeps["suite"];
type Add = Extract<Proposal, { proposalType: "add" }>["add"]["keyPackage"];

/** What is put in, and what is bent. All else holds. */
export interface Forgery {
  readonly proposals?: readonly Proposal[];
  /** Hashes of proposals that were sent before, which nobody has. */
  readonly references?: readonly Uint8Array[];
  readonly hasPath?: boolean;
  /** Makes the keys and secrets of the path. */
  readonly pathSuite?: Suite;
  /** Changed before it is signed; the leaf of it is signed anew. */
  readonly bendPath?: (path: UpdatePath) => UpdatePath;
  readonly bendTag?: (tag: Uint8Array) => Uint8Array;
  readonly bendSignature?: (signature: Uint8Array) => Uint8Array;
  /** Seals the message. */
  readonly sealSuite?: Suite;
  /** The group's info in the Welcome, before it is signed, and after. */
  readonly bendInfo?: (info: Omit<GroupInfo, "signature">) => Omit<GroupInfo, "signature">;
  readonly bendInfoSignature?: (signature: Uint8Array) => Uint8Array;
  readonly bendPathSecret?: (secret: Uint8Array | undefined) => Uint8Array | undefined;
}

/** The commit, and the Welcome for those it adds. Proposals are applied as they are, without being looked at. */
export async function forgeCommit(suite: Suite, { state, ratchets }: Group, forgery: Forgery) {
  const { proposals = [], references = [], hasPath = true } = forgery;
  const committer = toLeafIndex(state.privatePath.leafIndex);
  const added: (readonly [number, Add])[] = [];
  let tree = state.ratchetTree;
  let { extensions } = state.groupContext;
  for (const one of proposals) {
    if (one.proposalType === "group_context_extensions" && "groupContextExtensions" in one)
      extensions = one.groupContextExtensions.extensions;
    if (!("remove" in one)) continue;
    const { removed } = one.remove;
    if (removed !== committer && tree[2 * removed] !== undefined)
      tree = removeLeafNode(tree, toLeafIndex(removed));
  }
  for (const one of proposals) {
    if (!("add" in one)) continue;
    const [with_, node] = addLeafNode(tree, one.add.keyPackage.leafNode);
    tree = with_;
    added.push([node / 2, one.add.keyPackage]);
  }
  const provisional = { ...state.groupContext, extensions };
  const place = {
    tree,
    committer,
    added: added.map(([leaf]) => leaf),
    context: { ...provisional, epoch: provisional.epoch + 1n },
  };
  const own = { privatePath: state.privatePath, signSeed: state.signaturePrivateKey };
  const made = hasPath ? await createPath(forgery.pathSuite ?? suite, place, own) : null;
  let path = made?.path;
  if (path !== undefined && forgery.bendPath !== undefined) {
    path = forgery.bendPath(path);
    const { groupId } = state.groupContext;
    const claim = { ...path.leafNode, groupId, leafIndex: committer };
    path = { ...path, leafNode: await signLeafNodeCommit(claim, own.signSeed, suite.signature) };
  }
  const wireformat = "mls_private_message";
  const signed = await createContentCommitSignature(
    state.groupContext,
    wireformat,
    {
      proposals: [
        ...proposals.map((proposal) => ({ proposalOrRefType: "proposal" as const, proposal })),
        ...references.map((reference) => ({ proposalOrRefType: "reference" as const, reference })),
      ],
      path,
    },
    { senderType: "member", leafIndex: committer },
    new Uint8Array(0),
    state.signaturePrivateKey,
    suite.signature,
  );
  const signature = forgery.bendSignature?.(signed.signature) ?? signed.signature;
  const groupContext = await nextEpochContext(
    provisional,
    wireformat,
    signed.framedContent,
    signature,
    rootHash(made?.tree ?? tree),
    state.confirmationTag,
    suite.hash,
  );
  const zero = new Uint8Array(suite.kdf.size);
  const { initSecret } = state.keySchedule;
  const secrets = await initializeEpoch(
    initSecret,
    made?.commitSecret ?? zero,
    groupContext,
    zero,
    suite.kdf,
  );
  const { confirmedTranscriptHash } = groupContext;
  const { confirmationKey } = secrets.keySchedule;
  const tag = await createConfirmationTag(confirmationKey, confirmedTranscriptHash, suite.hash);
  const confirmationTag = forgery.bendTag?.(tag) ?? tag;
  const ratchet = await openRatchet(ratchets, committer, suite.kdf);
  if (ratchet === null) throw new Error("a member has ratchets");
  const { privateMessage } = await protect(
    state.keySchedule.senderDataSecret,
    new Uint8Array(0),
    state.groupContext,
    ratchet.secretTree,
    { ...signed.framedContent, auth: { contentType: "commit", signature, confirmationTag } },
    committer,
    state.clientConfig.paddingConfig,
    forgery.sealSuite ?? suite,
  );
  const extensionData = encodeRatchetTree(made?.tree ?? tree);
  const claim: Omit<GroupInfo, "signature"> = {
    groupContext,
    extensions: [{ extensionType: "ratchet_tree", extensionData }],
    confirmationTag,
    signer: committer,
  };
  const bent = forgery.bendInfo?.(claim) ?? claim;
  const info = await signGroupInfo(bent, state.signaturePrivateKey, suite.signature);
  const sealedInfo = { ...info, signature: forgery.bendInfoSignature?.(info.signature) ?? info.signature };
  const encryptedGroupInfo = await encryptGroupInfo(sealedInfo, secrets.welcomeSecret, suite);
  const newcomers = added.map(async ([leaf, keyPackage]) => {
    const shared = sharedSecret(made?.secrets ?? new Map(), leaf);
    const pathSecret = forgery.bendPathSecret === undefined ? shared : forgery.bendPathSecret(shared);
    const key = await suite.hpke.importPublicKey(keyPackage.initKey);
    const plain = { joinerSecret: secrets.joinerSecret, pathSecret, psks: [] };
    const { enc, ct } = await encryptGroupSecrets(key, encryptedGroupInfo, plain, suite.hpke);
    const newMember = await makeKeyPackageRef(keyPackage, suite.hash);
    return { newMember, encryptedGroupSecrets: { kemOutput: enc, ciphertext: ct } };
  });
  const { cipherSuite } = groupContext;
  const welcome = { cipherSuite, secrets: await Promise.all(newcomers), encryptedGroupInfo };
  return {
    commit: encodeMlsMessage({ version: "mls10", wireformat, privateMessage }),
    welcome: encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
    epochAuthenticator: secrets.keySchedule.epochAuthenticator,
  };
}
