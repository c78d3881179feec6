/**
 * Hashes of a ratchet tree (RFC 9420 sections 7.8 and 7.9), each computed once.
 *
 * The library hashes a sub-tree again for every leaf that looks at it, and all of the tree for every commit. Nodes are never
 * changed in place, so what is the same object has the same hash: a tree costs its nodes once, and one that was made from it only
 * the paths that differ.
 */
import type { Bytes } from "../base/bytes.ts";
import { sha256 } from "../crypto/sha256.ts";
import type { RatchetTree } from "ts-mls";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { encodeParentHashInput } from "ts-mls/parentHash.js";
import { leafNodeHashInputEncoder, parentNodeHashInputEncoder } from "ts-mls/treeHash.js";
import {
  isLeaf,
  left,
  leafToNodeIndex,
  type NodeIndex,
  right,
  toLeafIndex,
  toNodeIndex,
} from "ts-mls/treemath.js";

const encodeLeaf = encode(leafNodeHashInputEncoder);
const encodeParent = encode(parentNodeHashInputEncoder);

/** What was computed for a tree, by node. */
const hashesByTree = new WeakMap<RatchetTree, readonly Bytes[]>();

/** The hash of every sub-tree, by its root's index. `from` is a tree this one was made from, whose hashes are known. */
export function treeHashes(tree: RatchetTree, from?: RatchetTree): readonly Bytes[] {
  const known = hashesByTree.get(tree);
  if (known !== undefined) return known;
  const earlier = from === undefined ? undefined : hashesByTree.get(from);
  const hashes = new Array<Bytes>(tree.length);
  const isSame = new Uint8Array(tree.length);
  for (const index of bottomUp(tree.length)) {
    const old = from !== undefined && from[index] === tree[index] ? earlier?.[index] : undefined;
    const isKept =
      old !== undefined && (isLeaf(index) || (isSame[left(index)] === 1 && isSame[right(index)] === 1));
    if (isKept) isSame[index] = 1;
    hashes[index] = isKept ? old : nodeHash(tree, index, hashes);
  }
  hashesByTree.set(tree, hashes);
  return hashes;
}

/** The hash of the whole tree. */
export function rootHash(tree: RatchetTree, from?: RatchetTree): Bytes {
  const hash = treeHashes(tree, from)[rootIndex(tree.length)];
  if (hash === undefined) throw new TypeError("a tree has a root");
  return hash;
}

/** Index of the root of a tree of so many nodes. */
export function rootIndex(nodeCount: number): NodeIndex {
  return toNodeIndex(2 ** Math.floor(Math.log2(nodeCount)) - 1);
}

function* bottomUp(nodeCount: number): Iterable<NodeIndex> {
  for (let step = 1; step <= nodeCount; step *= 2)
    for (let index = step - 1; index < nodeCount; index += 2 * step) yield toNodeIndex(index);
}

function nodeHash(tree: RatchetTree, index: NodeIndex, hashes: readonly Bytes[]): Bytes {
  return isLeaf(index)
    ? leafHash(tree, index)
    : parentHashOf(tree, index, { left: hashes[left(index)], right: hashes[right(index)] }, []);
}

function leafHash(tree: RatchetTree, index: NodeIndex): Bytes {
  const node = tree[index];
  if (node?.nodeType === "parent") throw new TypeError("a parent where a leaf belongs");
  return sha256(encodeLeaf({ nodeType: "leaf", leafIndex: index / 2, leafNode: node?.leaf }));
}

function parentHashOf(
  tree: RatchetTree,
  index: NodeIndex,
  {
    left: leftHash,
    right: rightHash,
  }: { readonly left: Bytes | undefined; readonly right: Bytes | undefined },
  without: readonly number[],
): Bytes {
  const node = tree[index];
  if (node?.nodeType === "leaf") throw new TypeError("a leaf where a parent belongs");
  if (leftHash === undefined || rightHash === undefined) throw new TypeError("a tree is full");
  const parentNode = node && {
    ...node.parent,
    unmergedLeaves: node.parent.unmergedLeaves.filter((leaf) => !without.includes(leaf)),
  };
  return sha256(encodeParent({ nodeType: "parent", parentNode, leftHash, rightHash }));
}

/** The hash of a sub-tree as it was before these leaves of it came. Section 7.9: the original sibling tree hash. */
function hashWithout(tree: RatchetTree, index: NodeIndex, without: readonly number[]): Bytes {
  const here = without.filter((leaf) => isUnder(leafToNodeIndex(toLeafIndex(leaf)), index));
  const whole = treeHashes(tree)[index];
  if (whole === undefined) throw new TypeError("a tree is full");
  if (here.length === 0) return whole;
  if (isLeaf(index))
    return sha256(encodeLeaf({ nodeType: "leaf", leafIndex: index / 2, leafNode: undefined }));
  const halves = { left: hashWithout(tree, left(index), here), right: hashWithout(tree, right(index), here) };
  return parentHashOf(tree, index, halves, here);
}

/** Whether a node is in the sub-tree below another, or is it. */
export function isUnder(node: NodeIndex, ancestor: NodeIndex): boolean {
  const width = (ancestor ^ (ancestor + 1)) >> 1;
  return node >= ancestor - width && node <= ancestor + width;
}

/**
 * What the children of the parent node at `index` on the side of `child` name it by. Lists of unmerged leaves are to be sound:
 * each names leaves below its node only.
 */
export function parentHash(tree: RatchetTree, index: NodeIndex, child: NodeIndex): Bytes {
  const node = tree[index];
  if (node?.nodeType !== "parent") throw new TypeError("a parent node is blank");
  const sibling = child < index ? right(index) : left(index);
  const originalSiblingTreeHash = hashWithout(tree, sibling, node.parent.unmergedLeaves);
  return sha256(
    encodeParentHashInput({
      encryptionKey: node.parent.hpkePublicKey,
      parentHash: node.parent.parentHash,
      originalSiblingTreeHash,
    }),
  );
}
