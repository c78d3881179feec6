/**
 * Fresh keys along the path of a committer (RFC 9420 sections 7.5, 7.6 and 7.9), made and followed.
 *
 * The rules are the library's; here each sub-tree is hashed once, the group's context is encoded once and not for every receiver, and
 * the keys somebody is sent are compared with those in the tree.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import type { CiphersuiteImpl, GroupContext, RatchetTree } from "ts-mls";
import { decryptWithLabel, encryptWithLabel } from "ts-mls/crypto/hpke.js";
import { deriveSecret } from "ts-mls/crypto/kdf.js";
import { encodeGroupContext } from "ts-mls/groupContext.js";
import { signLeafNodeCommit } from "ts-mls/leafNode.js";
import { encodeParentHashInput } from "ts-mls/parentHash.js";
import { pathToRoot } from "ts-mls/pathSecrets.js";
import {
  mergePrivateKeyPaths,
  type PrivateKeyPath,
  toPrivateKeyPath,
  updateLeafKey,
} from "ts-mls/privateKeyPath.js";
import { filteredDirectPathAndCopathResolution, getHpkePublicKey } from "ts-mls/ratchetTree.js";
import {
  directPath,
  left,
  leafToNodeIndex,
  leafWidth,
  type NodeIndex,
  right,
  root,
  toLeafIndex,
  toNodeIndex,
} from "ts-mls/treemath.js";
import type { UpdatePath } from "ts-mls/updatePath.js";
import { agreementKeyPairFromSecret } from "../crypto/agreement.ts";
import { isAgreementPublicKey } from "../crypto/verify.ts";
import { sha256 } from "../crypto/sha256.ts";
import { hasKey } from "./check-tree.ts";
import { isUnder, rootHash, treeHashes } from "./tree-hashes.ts";

/** Where a path goes: after the proposals, before the path. */
export interface PathPlace {
  readonly tree: RatchetTree;
  readonly committer: number;
  /** Leaves that the same commit adds: they learn of it by the Welcome. */
  readonly added: readonly number[];
  /** Of the next epoch, but for the hash of the tree. */
  readonly context: GroupContext;
}

/** The tree with the path in it, and what follows for one member. */
export interface Path {
  readonly tree: RatchetTree;
  readonly privatePath: PrivateKeyPath;
  readonly commitSecret: Uint8Array;
}

/** A path of one's own. `secrets` by node are for those who are added. */
export interface MadePath extends Path {
  readonly path: UpdatePath;
  readonly secrets: ReadonlyMap<number, Uint8Array>;
}

type Step = { readonly nodeIndex: NodeIndex; readonly resolution: readonly NodeIndex[] };

const stepsOf = ({ tree, committer }: PathPlace): readonly Step[] =>
  filteredDirectPathAndCopathResolution(toLeafIndex(committer), tree);

/** Fresh keys from a fresh secret, each sealed to those below who are to have it. */
export async function createPath(
  suite: CiphersuiteImpl,
  place: PathPlace,
  own: { readonly privatePath: PrivateKeyPath; readonly signSeed: Uint8Array },
): Promise<MadePath> {
  const { tree, committer, added, context } = place;
  const leafNode = tree[leafToNodeIndex(toLeafIndex(committer))];
  if (leafNode?.nodeType !== "leaf") throw new TypeError("a committer has a leaf");
  const steps = stepsOf(place);
  const begin = suite.rng.randomBytes(suite.kdf.size);
  const leafKeys = await suite.hpke.deriveKeyPair(await deriveSecret(begin, "node", suite.kdf));
  const secrets = new Map<number, Uint8Array>();
  const keys: Uint8Array[] = [];
  let secret = begin;
  for (const { nodeIndex } of steps) {
    secret = await deriveSecret(secret, "path", suite.kdf);
    secrets.set(nodeIndex, secret);
    const pair = await suite.hpke.deriveKeyPair(await deriveSecret(secret, "node", suite.kdf));
    keys.push(await suite.hpke.exportPublicKey(pair.publicKey));
  }
  const [copy, parentHash] = withPathNodes(place, steps, keys);
  const { extensions, capabilities, credential, signaturePublicKey } = leafNode.leaf;
  const leaf = await signLeafNodeCommit(
    {
      leafNodeSource: "commit",
      hpkePublicKey: await suite.hpke.exportPublicKey(leafKeys.publicKey),
      extensions,
      capabilities,
      credential,
      signaturePublicKey,
      parentHash,
      groupId: context.groupId,
      leafIndex: committer,
    },
    own.signSeed,
    suite.signature,
  );
  copy[leafToNodeIndex(toLeafIndex(committer))] = { nodeType: "leaf", leaf };
  const info = encodeGroupContext({ ...context, treeHash: rootHash(copy, tree) });
  const newcomers = new Set<number>(added.map((one) => leafToNodeIndex(toLeafIndex(one))));
  const nodes = [];
  for (const [level, { nodeIndex, resolution }] of steps.entries()) {
    const encryptedPathSecret = [];
    for (const receiver of resolution) {
      const node = tree[receiver];
      if (newcomers.has(receiver) || node === undefined) continue;
      const key = await suite.hpke.importPublicKey(getHpkePublicKey(node));
      const plain = secrets.get(nodeIndex) ?? begin;
      const { ct, enc } = await encryptWithLabel(key, "UpdatePathNode", info, plain, suite.hpke);
      encryptedPathSecret.push({ ciphertext: ct, kemOutput: enc });
    }
    nodes.push({ hpkePublicKey: keys[level] ?? begin, encryptedPathSecret });
  }
  const renewed = updateLeafKey(own.privatePath, await suite.hpke.exportPrivateKey(leafKeys.privateKey));
  const privatePath = mergePrivateKeyPaths(
    renewed,
    await toPrivateKeyPath(Object.fromEntries(secrets), committer, suite),
  );
  const top = steps.at(-1);
  // Who is alone has no node above, and a secret all the same (section 12.4.1): those who went know everything but this one.
  const commitSecret =
    top === undefined
      ? await deriveSecret(begin, "path", suite.kdf)
      : await secretOf(suite, copy, top.nodeIndex, secret);
  return { tree: copy, path: { leafNode: leaf, nodes }, privatePath, commitSecret, secrets };
}

/** A path whose open part holds. */
export interface PlacedPath {
  readonly place: PathPlace;
  readonly path: UpdatePath;
  /** With the path in it. */
  readonly tree: RatchetTree;
  readonly steps: readonly Step[];
}

/**
 * Compares all of somebody else's path that everybody can read, also who is not sent a secret of it; that its leaf is signed and theirs is
 * compared elsewhere. Throws for what does not hold.
 */
export function placePath(place: PathPlace, path: UpdatePath): PlacedPath {
  const { tree, committer } = place;
  const steps = stepsOf(place);
  if (path.nodes.length !== steps.length) throw new TypeError("a path has a node for each step");
  const keys = path.nodes.map((node) => node.hpkePublicKey);
  // Section 12.4.2, and that those above whom this device is not can be sealed to, which only those below would find out.
  if (hasKey(tree, [path.leafNode.hpkePublicKey, ...keys])) throw new TypeError("keys of a path are fresh");
  if (!keys.every((key) => isAgreementPublicKey(key as Bytes))) throw new TypeError("a key can be sealed to");
  const [copy, parentHash] = withPathNodes(place, steps, keys);
  if (!equalBytes(parentHash, path.leafNode.parentHash as Bytes))
    throw new TypeError("a leaf names its parent");
  copy[leafToNodeIndex(toLeafIndex(committer))] = { nodeType: "leaf", leaf: path.leafNode };
  // Of all of them, so that a commit is refused by all or by none. Section 7.6.
  const isEachSent = steps.every(
    (one, at) => path.nodes[at]?.encryptedPathSecret.length === receiversOf(place, one).length,
  );
  if (!isEachSent) throw new TypeError("each receiver has a secret");
  return { place, path, tree: copy, steps };
}

/** Who is sent the secret of a step: not those who learn of it by the Welcome. */
function receiversOf({ added }: PathPlace, { resolution }: Step): readonly NodeIndex[] {
  const newcomers = new Set<number>(added.map((one) => leafToNodeIndex(toLeafIndex(one))));
  return resolution.filter((node) => !newcomers.has(node));
}

/** Follows the path of somebody else with the secret it sends. Throws for what does not hold. */
export async function followPath(
  suite: CiphersuiteImpl,
  { place, path, tree, steps }: PlacedPath,
  privatePath: PrivateKeyPath,
): Promise<Path> {
  const own = leafToNodeIndex(toLeafIndex(privatePath.leafIndex));
  const level = steps.findIndex(({ nodeIndex }) => isUnder(own, nodeIndex));
  const [step, sent] = [steps[level], path.nodes[level]];
  if (step === undefined || sent === undefined) throw new TypeError("two leaves have an ancestor in common");
  const receivers = receiversOf(place, step);
  const at = receivers.findIndex((node) => privatePath.privateKeys[node] !== undefined);
  const [sealed, key] = [sent.encryptedPathSecret[at], privatePath.privateKeys[receivers[at] ?? -1]];
  if (sealed === undefined || key === undefined) throw new TypeError("a member can open their secret");
  const info = encodeGroupContext({ ...place.context, treeHash: rootHash(tree, place.tree) });
  const opener = await suite.hpke.importPrivateKey(key);
  const secret = await decryptWithLabel(
    opener,
    "UpdatePathNode",
    info,
    sealed.kemOutput,
    sealed.ciphertext,
    suite.hpke,
  );
  const renewed = await keysFrom(suite, tree, step.nodeIndex, secret, privatePath.leafIndex);
  return {
    tree,
    privatePath: mergePrivateKeyPaths(privatePath, renewed),
    commitSecret: await secretOf(suite, tree, step.nodeIndex, secret),
  };
}

/** The private keys from a node up. Throws when the tree has others: section 12.4.2 and 12.4.3.1 want them compared. */
export async function keysFrom(
  suite: CiphersuiteImpl,
  tree: RatchetTree,
  from: NodeIndex,
  secret: Uint8Array,
  leafIndex: number,
): Promise<PrivateKeyPath> {
  const keys = await toPrivateKeyPath(await pathToRoot(tree, from, secret, suite.kdf), leafIndex, suite);
  for (const [index, key] of Object.entries(keys.privateKeys)) {
    const node = tree[Number(index)];
    if (node === undefined) continue;
    const isSame = equalBytes(
      agreementKeyPairFromSecret(key as Bytes).publicKey,
      getHpkePublicKey(node) as Bytes,
    );
    if (!isSame) throw new TypeError("a secret gives the keys of the tree");
  }
  return keys;
}

async function secretOf(
  suite: CiphersuiteImpl,
  tree: RatchetTree,
  from: NodeIndex,
  secret: Uint8Array,
): Promise<Uint8Array> {
  const atRoot = (await pathToRoot(tree, from, secret, suite.kdf))[root(leafWidth(tree.length))];
  if (atRoot === undefined) throw new TypeError("a path ends at the root");
  return deriveSecret(atRoot, "path", suite.kdf);
}

/** A copy of the tree with these keys on the way up, each naming the one above; and what the leaf names. */
function withPathNodes(
  { tree, committer }: PathPlace,
  steps: readonly Step[],
  keys: readonly Uint8Array[],
): [RatchetTree, Bytes] {
  const leaf = leafToNodeIndex(toLeafIndex(committer));
  const hashes = treeHashes(tree);
  const copy = tree.slice();
  for (const index of directPath(leaf, leafWidth(tree.length))) copy[index] = undefined;
  let parentHash: Bytes = new Uint8Array(0);
  for (const [level, { nodeIndex }] of [...steps.entries()].reverse()) {
    const hpkePublicKey = keys[level];
    const originalSiblingTreeHash = hashes[leaf < nodeIndex ? right(nodeIndex) : left(nodeIndex)];
    if (hpkePublicKey === undefined || originalSiblingTreeHash === undefined)
      throw new TypeError("a path fits its tree");
    copy[nodeIndex] = { nodeType: "parent", parent: { hpkePublicKey, parentHash, unmergedLeaves: [] } };
    parentHash = sha256(
      encodeParentHashInput({ encryptionKey: hpkePublicKey, parentHash, originalSiblingTreeHash }),
    );
  }
  return [copy, parentHash];
}

/** What a leaf that is added learns of a path: the secret of the lowest node above it. */
export function sharedSecret(secrets: MadePath["secrets"], leafIndex: number): Uint8Array | undefined {
  const leaf = leafToNodeIndex(toLeafIndex(leafIndex));
  return [...secrets].find(([node]) => isUnder(leaf, toNodeIndex(node)))?.[1];
}
