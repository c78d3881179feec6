/**
 * The ratchets of one epoch (RFC 9420 section 9): a tree of secrets, opened along the path of a leaf when that leaf first writes.
 *
 * The library derives two ratchets for each of the leaves whenever the epoch changes, and all of them were stored again with each
 * message. Here an epoch begins as one secret, and what is opened lies in parts of 16 leaves, of which a message changes one, and the first of a leaf a few. A secret is
 * gone once what is below it was derived, as section 9.2 wants.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { GROUP_LEAVES_MAX } from "../base/limits.ts";
import { bytes, decode, encode, integer, list, struct } from "../codec/shape.ts";
import type { CiphersuiteImpl, SecretTree, SecretTreeNode } from "ts-mls";
import { encode as encodeTls } from "ts-mls/codec/tlsEncoder.js";
import { expandWithLabel } from "ts-mls/crypto/kdf.js";
import { decodeSecretTreeNode, secretTreeNodeEncoder } from "ts-mls/secretTree.js";
import {
  isLeaf,
  left,
  leafToNodeIndex,
  type NodeIndex,
  parent,
  right,
  root,
  toLeafIndex,
} from "ts-mls/treemath.js";

type Kdf = CiphersuiteImpl["kdf"];

/** Nodes of 16 leaves and what is above them alone: every 32nd node stands above. */
const PART_NODES = 32;
const SECRET_BYTES = 32;
/** Two ratchets with all the keys they may keep. */
const RATCHET_BYTES_MAX = 131_072;
/** The part of what is above all others. */
const TOP = 0;
const LEFT: Bytes = new Uint8Array([0x6c, 0x65, 0x66, 0x74]);
const RIGHT: Bytes = new Uint8Array([0x72, 0x69, 0x67, 0x68, 0x74]);
const NOTHING: Bytes = new Uint8Array(0);

/** What is open of a part of the tree. Each step gives new objects, so that a part that is the same object is the same. */
interface Part {
  /** Secrets of nodes nothing below which is open, by node. */
  readonly secrets: ReadonlyMap<number, Uint8Array>;
  readonly ratchets: ReadonlyMap<number, SecretTreeNode>;
}

/** The ratchets of one epoch. - Secrets: all of it. */
export interface Ratchets {
  readonly leafCount: number;
  readonly parts: ReadonlyMap<number, Part>;
}

const EMPTY: Part = { secrets: new Map(), ratchets: new Map() };

/** The ratchets an epoch begins with. Keeps `encryptionSecret`. */
export function createRatchets(leafCount: number, encryptionSecret: Uint8Array): Ratchets {
  return withSecret({ leafCount, parts: new Map() }, root(leafCount), encryptionSecret);
}

/** The ratchets of a group's first epoch, which the library has opened already: it has one leaf. */
export function foundingRatchets(secretTree: SecretTree): Ratchets {
  const [only] = secretTree;
  assert(only !== undefined && secretTree.length === 1, "a group is founded by one device");
  return withRatchet({ leafCount: 1, parts: new Map() }, leafToNodeIndex(toLeafIndex(0)), only);
}

const partOf = (node: NodeIndex): number =>
  node % PART_NODES === PART_NODES - 1 ? TOP : 1 + Math.floor(node / PART_NODES);

function withPart(ratchets: Ratchets, number: number, part: Part): Ratchets {
  return { ...ratchets, parts: new Map(ratchets.parts).set(number, part) };
}

function withSecret(ratchets: Ratchets, node: NodeIndex, secret: Uint8Array | null): Ratchets {
  const part = ratchets.parts.get(partOf(node)) ?? EMPTY;
  const secrets = new Map(part.secrets);
  if (secret === null) secrets.delete(node);
  else secrets.set(node, secret);
  return withPart(ratchets, partOf(node), { ...part, secrets });
}

function withRatchet(ratchets: Ratchets, node: NodeIndex, ratchet: SecretTreeNode): Ratchets {
  const part = ratchets.parts.get(partOf(node)) ?? EMPTY;
  return withPart(ratchets, partOf(node), { ...part, ratchets: new Map(part.ratchets).set(node, ratchet) });
}

/** A leaf's ratchets as the library takes them, and how to put back what it made of them. */
export interface OpenedRatchet {
  /** A tree with nothing but this leaf. */
  readonly secretTree: SecretTree;
  /** All ratchets, with this leaf's out of the tree the library gave back. */
  put(secretTree: SecretTree): Ratchets;
}

/** The ratchets of a leaf. Null when there is no such leaf, or nothing is left to derive them from. */
export async function openRatchet(
  ratchets: Ratchets,
  leafIndex: number,
  kdf: Kdf,
): Promise<OpenedRatchet | null> {
  if (!Number.isInteger(leafIndex) || leafIndex < 0 || leafIndex >= ratchets.leafCount) return null;
  const node = leafToNodeIndex(toLeafIndex(leafIndex));
  const opened = await opensTo(ratchets, node, kdf);
  const ratchet = opened?.parts.get(partOf(node))?.ratchets.get(node);
  if (opened === null || ratchet === undefined) return null;
  // Of its length from the start: one that grows to its last place is a table of places, slow to copy, and the library copies it.
  const secretTree: SecretTree = new Array<SecretTreeNode>(node + 1);
  secretTree[node] = ratchet;
  return {
    secretTree,
    put: (tree) => withRatchet(opened, node, tree[node] ?? ratchet),
  };
}

/** With the path to this leaf open. */
async function opensTo(ratchets: Ratchets, leaf: NodeIndex, kdf: Kdf): Promise<Ratchets | null> {
  if (ratchets.parts.get(partOf(leaf))?.ratchets.has(leaf)) return ratchets;
  const secretOf = (node: NodeIndex) => ratchets.parts.get(partOf(node))?.secrets.get(node);
  let node = leaf;
  while (secretOf(node) === undefined) {
    if (node === root(ratchets.leafCount)) return null;
    node = parent(node, ratchets.leafCount);
  }
  let secret = secretOf(node) ?? NOTHING;
  let next = withSecret(ratchets, node, null);
  while (!isLeaf(node)) {
    const isLeft = leaf < node;
    const [near, far] = isLeft ? [left(node), right(node)] : [right(node), left(node)];
    const spared = await expandWithLabel(secret, "tree", isLeft ? RIGHT : LEFT, kdf.size, kdf);
    secret = await expandWithLabel(secret, "tree", isLeft ? LEFT : RIGHT, kdf.size, kdf);
    next = withSecret(next, far, spared);
    node = near;
  }
  const begin = async (label: string) => ({
    secret: await expandWithLabel(secret, label, NOTHING, kdf.size, kdf),
    generation: 0,
    unusedGenerations: {},
  });
  return withRatchet(next, leaf, {
    application: await begin("application"),
    handshake: await begin("handshake"),
  });
}

/** The stored form of a part of an epoch's ratchets. */
export const storedRatchetsShape = struct({
  leafCount: integer(1, GROUP_LEAVES_MAX),
  secrets: list(struct({ node: integer(0), secret: bytes(SECRET_BYTES) }), GROUP_LEAVES_MAX),
  ratchets: list(struct({ node: integer(0), ratchet: bytes(1, RATCHET_BYTES_MAX) }), PART_NODES),
});
const encodeRatchet = encodeTls(secretTreeNodeEncoder);

/** The parts that are not as they were, by number. - Secrets: all. */
export function encodeRatchets(ratchets: Ratchets, before?: Ratchets): ReadonlyMap<number, Bytes> {
  const changed = [...ratchets.parts].filter(([number, part]) => before?.parts.get(number) !== part);
  return new Map(changed.map(([number, part]) => [number, encodePart(ratchets.leafCount, part)]));
}

function encodePart(leafCount: number, { secrets, ratchets }: Part): Bytes {
  return encode(storedRatchetsShape, {
    leafCount,
    secrets: [...secrets].map(([node, secret]) => ({ node, secret: new Uint8Array(secret) })),
    ratchets: [...ratchets].map(([node, ratchet]) => ({ node, ratchet: encodeRatchet(ratchet) })),
  });
}

/** The ratchets of their parts. Null when one is damaged or of another tree. */
export function decodeRatchets(stored: ReadonlyMap<number, Bytes>): Ratchets | null {
  let leafCount: number | null = null;
  const parts = new Map<number, Part>();
  for (const [number, part] of stored) {
    const decoded = decode(storedRatchetsShape, part);
    if (!decoded.ok || (leafCount !== null && decoded.value.leafCount !== leafCount)) return null;
    leafCount = decoded.value.leafCount;
    const ratchets = new Map<number, SecretTreeNode>();
    for (const { node, ratchet } of decoded.value.ratchets) {
      const found = decodeSecretTreeNode(ratchet, 0);
      if (found === undefined || found[1] !== ratchet.length) return null;
      ratchets.set(node, found[0]);
    }
    parts.set(number, {
      secrets: new Map(decoded.value.secrets.map(({ node, secret }) => [node, secret])),
      ratchets,
    });
  }
  return leafCount === null ? null : { leafCount, parts };
}
