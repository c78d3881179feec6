/** Joining a group by the Welcome of the commit that added this device (RFC 9420 section 12.4.3.1). */
import type { Bytes } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import { GROUP_ADDS_PER_COMMIT_MAX, GROUP_EPOCH_MAX, GROUP_LEAVES_MAX } from "../base/limits.ts";
import { wipe } from "../crypto/secret.ts";
import {
  type ClientState,
  decodeMlsMessage,
  type KeyPackage,
  type LeafIndex,
  type PrivateKeyPackage,
  type RatchetTree,
  type Welcome,
} from "ts-mls";
import {
  ratchetTreeFromExtension,
  verifyGroupInfoConfirmationTag,
  verifyGroupInfoSignature,
} from "ts-mls/groupInfo.js";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { deriveKeySchedule } from "ts-mls/keySchedule.js";
import { mergePrivateKeyPaths } from "ts-mls/privateKeyPath.js";
import { findLeafIndex } from "ts-mls/ratchetTree.js";
import { leafToNodeIndex, leafWidth, type NodeIndex, toLeafIndex } from "ts-mls/treemath.js";
import { firstCommonAncestor } from "ts-mls/updatePath.js";
import { decryptGroupInfo, decryptGroupSecrets } from "ts-mls/welcome.js";
import { isTreeSound } from "./check-tree.ts";
import { GROUP_CIPHER_SUITE } from "./crypto-provider.ts";
import { type Group, type GroupDeps, groupConfig, isContextOf, leafAt, leavesOf } from "./group.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { areDistinct, type Authenticate, type GroupMember } from "./group-member.ts";
import { isLeafCapable, type KeyPackagePair, openKeyPackagePair } from "./key-package.ts";
import { createRatchets } from "./ratchets.ts";
import { keysFrom } from "./update-path.ts";

/** A group this device came into, and who has let it in. */
export interface WelcomedGroup extends Group {
  /** Who has made the Welcome. */
  readonly welcomedBy: GroupMember;
}

/** Bytes of the hash of a key package. */
const REF_BYTES = 32;

/**
 * Which key packages a Welcome is for, by their hashes. None for what is no Welcome, and for one of a commit that adds more than it
 * may, or which names what is no hash: anybody in the room could write that, and every device looks each of them up.
 */
export async function welcomedKeyPackages(welcome: Bytes): Promise<readonly Bytes[]> {
  const message = await libraryCall("Malformed", async () => decodeMlsMessage(welcome, 0));
  const content = message.ok ? message.value?.[0] : undefined;
  if (content?.wireformat !== "mls_welcome") return [];
  const names = content.welcome.secrets.map((secret) => secret.newMember as Bytes);
  return names.length <= GROUP_ADDS_PER_COMMIT_MAX && names.every(({ length }) => length === REF_BYTES)
    ? names
    : [];
}

/**
 * Joins, with the context that came beside the commit. That the group is the one this device was invited to is the caller's to
 * compare, by its id and context.
 *
 * - Fails: `GroupRefused`; nothing is used up.
 */
export async function joinGroup(
  deps: GroupDeps,
  welcome: Bytes,
  own: Pick<KeyPackagePair, "published" | "secret">,
  context: Bytes,
): Promise<Result<WelcomedGroup, GroupRefused>> {
  const pair = await openKeyPackagePair(own);
  if (!pair.ok) return pair;
  const message = await libraryCall("Malformed", async () => decodeMlsMessage(welcome, 0));
  if (!message.ok) return message;
  if (message.value === undefined || message.value[1] !== welcome.length) return refused("Malformed");
  const [content] = message.value;
  if (content.wireformat !== "mls_welcome") return refused("WrongKind");
  if (content.welcome.cipherSuite !== GROUP_CIPHER_SUITE) return refused("WrongCipherSuite");
  const { keyPackage, secrets } = pair.value;
  const joined = await libraryCall("Inauthentic", () => join(deps, content.welcome, keyPackage, secrets));
  if (!joined.ok) return joined;
  const group = { ...joined.value, context };
  if (!isContextOf(group.state.groupContext.extensions, context)) return refused("BadContext");
  const leaves = leavesOf(group);
  if (!leaves.ok) return leaves;
  if (leaves.value.length > GROUP_LEAVES_MAX) return refused("TooManyLeaves");
  return areDistinct(leaves.value.map(({ member }) => member)) ? ok(group) : refused("DuplicateDevice");
}

/** Whether every leaf is of a device on its account's chain. Chains are looked up once it is known whose they are. */
export function areLeavesAuthentic(
  { state: { ratchetTree } }: Pick<Group, "state">,
  authenticate: Authenticate,
): boolean {
  return ratchetTree.every((node, index) => {
    if (node?.nodeType !== "leaf") return true;
    const leaf = leafAt(ratchetTree, index / 2);
    return leaf !== null && authenticate(leaf.member, node.leaf.signaturePublicKey as Bytes);
  });
}

/**
 * Section 12.4.3.1. The library's own takes time with the square of the leaves, and refuses trees in which people came at different
 * times. Throws for what does not hold.
 */
async function join(
  deps: GroupDeps,
  welcome: Welcome,
  keyPackage: KeyPackage,
  own: PrivateKeyPackage,
): Promise<Omit<WelcomedGroup, "context">> {
  const { suite } = deps;
  const ref = await makeKeyPackageRef(keyPackage, suite.hash);
  const opener = await suite.hpke.importPrivateKey(own.initPrivateKey);
  const groupSecrets = await decryptGroupSecrets(opener, ref, welcome, suite.hpke);
  if (groupSecrets === undefined || groupSecrets.psks.length > 0)
    throw new TypeError("a Welcome brings secrets");
  const noPsk = new Uint8Array(suite.kdf.size);
  const { joinerSecret, pathSecret } = groupSecrets;
  const info = await decryptGroupInfo(welcome, joinerSecret, noPsk, suite);
  const tree = info && ratchetTreeFromExtension(info);
  if (info === undefined || tree === undefined) throw new TypeError("a Welcome brings the tree");
  const { groupContext, signer, confirmationTag, extensions } = info;
  // What would let outsiders in by themselves is nowhere published.
  if (extensions.length !== 1 || groupContext.cipherSuite !== keyPackage.cipherSuite)
    throw new TypeError("a Welcome brings the tree and nothing else, in the suite of the key package");
  if (groupContext.epoch > BigInt(GROUP_EPOCH_MAX)) throw new TypeError("an epoch has a number");
  const signed = tree[leafToNodeIndex(toLeafIndex(signer))];
  if (signed?.nodeType !== "leaf") throw new TypeError("a Welcome is signed by a member");
  const isSigned = await verifyGroupInfoSignature(info, signed.leaf.signaturePublicKey, suite.signature);
  if (!isSigned || !(await isTreeSound(tree, groupContext, suite.signature)))
    throw new TypeError("a Welcome holds");
  // No member takes another.
  if (tree.some((node) => node?.nodeType === "leaf" && !isLeafCapable(node.leaf)))
    throw new TypeError("a leaf can do what all can");
  const leafIndex = findLeafIndex(tree, keyPackage.leafNode);
  if (leafIndex === undefined) throw new TypeError("who is welcomed has a leaf");
  const leafOnly = {
    leafIndex,
    privateKeys: { [leafToNodeIndex(leafIndex)]: own.hpkePrivateKey },
  };
  const above =
    pathSecret && (await keysFrom(suite, tree, sharedNode(tree, leafIndex, signer), pathSecret, leafIndex));
  const privatePath = above === undefined ? leafOnly : mergePrivateKeyPaths(above, leafOnly);
  const [keySchedule, encryptionSecret] = await deriveKeySchedule(
    joinerSecret,
    noPsk,
    groupContext,
    suite.kdf,
  );
  if (!(await verifyGroupInfoConfirmationTag(info, joinerSecret, noPsk, suite)))
    throw new TypeError("a Welcome confirms the epoch");
  const ratchets = createRatchets(leafWidth(tree.length), encryptionSecret.slice());
  wipe(encryptionSecret as Bytes, joinerSecret as Bytes);
  const state: ClientState = {
    groupContext,
    ratchetTree: tree,
    privatePath,
    signaturePrivateKey: own.signaturePrivateKey,
    confirmationTag,
    unappliedProposals: {},
    keySchedule,
    secretTree: [],
    historicalReceiverData: new Map(),
    groupActiveState: { kind: "active" },
    clientConfig: groupConfig(deps),
  };
  // The signer's device is judged by the chains, as all are.
  if (!areLeavesAuthentic({ state }, deps.authenticate)) throw new TypeError("a leaf is a device");
  const by = leafAt(tree, signer);
  if (by === null) throw new TypeError("a Welcome is signed by a device");
  return { state, ratchets, past: new Map(), welcomedBy: by.member };
}

/** The lowest node above both leaves that the signer's path has. */
function sharedNode(tree: RatchetTree, leafIndex: LeafIndex, signer: number): NodeIndex {
  return firstCommonAncestor(tree, leafIndex, toLeafIndex(signer));
}
