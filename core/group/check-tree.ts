/**
 * Checks of a ratchet tree that somebody else made (RFC 9420 sections 7.3, 7.9.2 and 12.4.3.1), for who joins by it.
 *
 * Done here and not by the library, whose check takes time with the square of the leaves and refuses sound trees: it wants all
 * nodes above a leaf to have the same unmerged leaves.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { GROUP_LEAVES_MAX } from "../base/limits.ts";
import { isAgreementPublicKey } from "../crypto/verify.ts";
import type { CiphersuiteImpl, LeafNode, RatchetTree } from "ts-mls";
import { verifyLeafNodeSignature, verifyLeafNodeSignatureKeyPackage } from "ts-mls/leafNode.js";
import { extensionsSupportedByCapabilities } from "ts-mls/extension.js";
import { getHpkePublicKey, resolution } from "ts-mls/ratchetTree.js";
import { left, leafToNodeIndex, type NodeIndex, right, toLeafIndex, toNodeIndex } from "ts-mls/treemath.js";
import { memberOf } from "./group-member.ts";
import type { VerifiedKeyPackage } from "./key-package.ts";
import { isUnder, parentHash, rootHash } from "./tree-hashes.ts";

type NodeParent = Extract<RatchetTree[number], { readonly nodeType: "parent" }>;

/** What the tree has to agree with. */
export interface TreeClaim {
  readonly groupId: Uint8Array;
  readonly treeHash: Uint8Array;
}

/** Whether the tree is sound as a whole. That its leaves are devices of accounts is compared elsewhere. */
export async function isTreeSound(
  tree: RatchetTree,
  { groupId, treeHash }: TreeClaim,
  signature: CiphersuiteImpl["signature"],
): Promise<boolean> {
  if (!isShaped(tree) || !areKeysUnique(tree) || !areUnmergedSound(tree)) return false;
  if (!equalBytes(rootHash(tree), treeHash as Bytes)) return false;
  for (const [index, node] of tree.entries()) {
    if (node?.nodeType === "parent" && !isParentSound(tree, toNodeIndex(index), node)) return false;
    if (node?.nodeType === "leaf" && !(await isLeafSound(node.leaf, index / 2, groupId, signature)))
      return false;
  }
  return true;
}

/** Leaves at even places, parents at odd ones, and as many as a full tree has: what is larger is looked at no further. */
function isShaped(tree: RatchetTree): boolean {
  const isFull = Number.isInteger(Math.log2(tree.length + 1));
  return (
    isFull &&
    tree.length < 2 * GROUP_LEAVES_MAX &&
    tree.every((node, index) => node === undefined || (node.nodeType === "leaf") === (index % 2 === 0))
  );
}

/** Whether a node of the tree has one of these keys. */
export function hasKey(tree: RatchetTree, keys: readonly Uint8Array[]): boolean {
  const texts = new Set(keys.map(keyText));
  return tree.some((node) => node !== undefined && texts.has(keyText(getHpkePublicKey(node))));
}

/**
 * Those of `wanted` that can come into the tree beside its other leaves and each other: with a key somebody else has, which anybody can
 * publish as theirs, no commit holds. Of two with one key the first. A device that comes again may have its own.
 */
export function withOwnKeys(
  tree: RatchetTree,
  wanted: readonly VerifiedKeyPackage[],
): readonly VerifiedKeyPackage[] {
  const owners = new Map<string, string>();
  for (const [index, node] of tree.entries()) {
    if (node === undefined) continue;
    const member = node.nodeType === "leaf" ? memberOf(node.leaf.credential) : null;
    const owner = member?.deviceId ?? String(index);
    owners.set(keyText(getHpkePublicKey(node)), owner);
    if (node.nodeType === "leaf") owners.set(keyText(node.leaf.signaturePublicKey), owner);
  }
  return wanted.filter(({ member, keyPackage: { initKey, leafNode } }) => {
    const keys = [leafNode.hpkePublicKey, leafNode.signaturePublicKey, initKey].map(keyText);
    if (keys.some((key) => (owners.get(key) ?? member.deviceId) !== member.deviceId)) return false;
    for (const key of keys) owners.set(key, member.deviceId);
    return true;
  });
}

/** Section 12.2: no init key is of two key packages that come together. */
export function areInitKeysUnique(added: readonly VerifiedKeyPackage[]): boolean {
  return new Set(added.map(({ keyPackage }) => keyText(keyPackage.initKey))).size === added.length;
}

/** Section 12.4.3.1: no key stands for two nodes. */
export function areKeysUnique(tree: RatchetTree): boolean {
  const encryption = new Set<string>();
  const signing = new Set<string>();
  let nodes = 0;
  let leaves = 0;
  for (const node of tree) {
    if (node === undefined) continue;
    nodes++;
    encryption.add(keyText(getHpkePublicKey(node)));
    if (node.nodeType !== "leaf") continue;
    leaves++;
    signing.add(keyText(node.leaf.signaturePublicKey));
  }
  return encryption.size === nodes && signing.size === leaves;
}

function keyText(key: Uint8Array): string {
  return String.fromCharCode(...key.subarray(0, 64));
}

/** Unmerged leaves are below their node, there, named once, and by every node between. */
function areUnmergedSound(tree: RatchetTree): boolean {
  return tree.every((node, at) => {
    if (node?.nodeType !== "parent") return true;
    const { unmergedLeaves } = node.parent;
    if (new Set(unmergedLeaves).size !== unmergedLeaves.length) return false;
    return unmergedLeaves.every((leaf) => isUnmergedUnder(tree, toNodeIndex(at), leaf));
  });
}

function isUnmergedUnder(tree: RatchetTree, top: NodeIndex, leaf: number): boolean {
  const target = leafToNodeIndex(toLeafIndex(leaf));
  if (target >= tree.length || !isUnder(target, top) || tree[target] === undefined) return false;
  for (let at = top; at !== target; at = target < at ? left(at) : right(at)) {
    const node = tree[at];
    if (node?.nodeType === "parent" && !node.parent.unmergedLeaves.includes(toLeafIndex(leaf))) return false;
  }
  return true;
}

function isParentSound(tree: RatchetTree, at: NodeIndex, { parent }: NodeParent): boolean {
  return isAgreementPublicKey(parent.hpkePublicKey as Bytes) && isParentHashValid(tree, at);
}

/** Section 7.9.2: some node below was made in the same act, and nobody but its unmerged leaves came between. */
function isParentHashValid(tree: RatchetTree, top: NodeIndex): boolean {
  return [left(top), right(top)].some((child) => isMadeWith(tree, top, child));
}

function isMadeWith(tree: RatchetTree, top: NodeIndex, child: NodeIndex): boolean {
  const node = tree[top];
  if (node?.nodeType !== "parent") return false;
  const below = resolution(tree, child);
  const unmerged = new Set<number>(
    node.parent.unmergedLeaves
      .map((leaf) => leafToNodeIndex(toLeafIndex(leaf)))
      .filter((leaf) => isUnder(leaf, child)),
  );
  // All of what stands for this side is the one node that was made then, and who came since.
  const made = below.filter((index) => !unmerged.has(index));
  const [only] = made;
  if (only === undefined || made.length !== 1 || below.length !== unmerged.size + 1) return false;
  const named = parentHashOfNode(tree, only);
  return named !== null && equalBytes(named as Bytes, parentHash(tree, top, child));
}

function parentHashOfNode(tree: RatchetTree, index: NodeIndex): Uint8Array | null {
  const node = tree[index];
  if (node?.nodeType === "parent") return node.parent.parentHash;
  return node?.leaf.leafNodeSource === "commit" ? node.leaf.parentHash : null;
}

/** Section 7.3, but for whose device it is. */
async function isLeafSound(
  leaf: LeafNode,
  leafIndex: number,
  groupId: Uint8Array,
  signature: CiphersuiteImpl["signature"],
): Promise<boolean> {
  const { capabilities, extensions, credential, hpkePublicKey } = leaf;
  if (!capabilities.credentials.includes("basic") || credential.credentialType !== "basic") return false;
  if (!extensionsSupportedByCapabilities(extensions, capabilities)) return false;
  if (!isAgreementPublicKey(hpkePublicKey as Bytes)) return false;
  return leaf.leafNodeSource === "key_package"
    ? verifyLeafNodeSignatureKeyPackage({ ...leaf, leafNodeSource: "key_package" }, signature)
    : verifyLeafNodeSignature(leaf, groupId, leafIndex, signature);
}
