/** The checks of RFC 9420 section 12.4.3.1, for who joins: in each Welcome one thing is wrong, and all else holds. */
import { afterEach, beforeAll, expect, test } from "vitest";
import type { KeyPackage, LeafNode, RatchetTree } from "ts-mls";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { optionalEncoder } from "ts-mls/codec/optional.js";
import { varLenTypeEncoder } from "ts-mls/codec/variableLength.js";
import { signLeafNodeKeyPackage } from "ts-mls/leafNode.js";
import { encodeRatchetTree, nodeEncoder } from "ts-mls/ratchetTree.js";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import type { Group } from "../../../core/group/group.ts";
import { joinGroup } from "../../../core/group/join-group.ts";
import {
  type GroupDevice,
  type KeyPackagePair,
  openKeyPackagePair,
} from "../../../core/group/key-package.ts";
import { rootHash } from "../../../core/group/tree-hashes.ts";
import { bad, good } from "../../support/client-world.ts";
import { type Forgery, forgeCommit } from "../../support/commit-forge.ts";
import { createGroupWorld, FIRST, present } from "../../support/group-world.ts";

const world = createGroupWorld("validation checks of who joins");
const { suite, deps } = world;

/** Ada's group, in which Erin came after the last keys above her were made. */
let ada: Group;
let erin: GroupDevice;
let pair: KeyPackagePair;
let others: KeyPackagePair;
let keyPackage: KeyPackage;

beforeAll(async () => {
  await cryptoReady();
  const names = ["ada", "ben", "carl", "dave"];
  const [founder] = await world.groupOf(...names.map((name) => world.device(name, "one")));
  const { next } = await world.commit(present(founder), { removeLeaves: [3] });
  erin = world.device("erin", "one");
  others = await world.keyPackage(erin);
  ada = (await world.commit(next, { add: [await world.verified(others)] })).next;
  pair = await world.keyPackage(world.device("dora", "one"));
  keyPackage = good(await openKeyPackagePair(pair)).keyPackage;
});

async function welcomeOf(forgery: Forgery = {}, tree: RatchetTree = ada.state.ratchetTree) {
  const group = { ...ada, state: { ...ada.state, ratchetTree: tree } };
  const proposals = [{ proposalType: "add" as const, add: { keyPackage } }];
  return (await forgeCommit(suite, group, { proposals, hasPath: false, ...forgery })).welcome;
}

async function expectRefused(forgery: Forgery, tree?: RatchetTree): Promise<void> {
  const welcome = await welcomeOf(forgery, tree);
  expect(bad(await joinGroup(deps, welcome, pair, FIRST)).rule).toBe("Inauthentic");
}

// Nothing is used up: the sound Welcomes are taken after each that is not.
afterEach(async () => {
  for (const hasPath of [false, true])
    expect((await joinGroup(deps, await welcomeOf({ hasPath }), pair, FIRST)).ok).toBe(true);
});

const nodeAt = <K extends "leaf" | "parent">(at: number, kind: K) => {
  const node = ada.state.ratchetTree[at];
  if (node?.nodeType !== kind) throw new Error("it is there");
  return node as Extract<typeof node, { nodeType: K }>;
};
const ERIN = 6;
const ROOT = 3;

/** The tree with Erin's leaf changed and signed by her again. */
async function withErin(leaf: Partial<LeafNode>): Promise<RatchetTree> {
  const claim = { ...nodeAt(ERIN, "leaf").leaf, ...leaf } as Parameters<typeof signLeafNodeKeyPackage>[0];
  const signed = await signLeafNodeKeyPackage(claim, erin.signSeed, suite.signature);
  return ada.state.ratchetTree.with(ERIN, { nodeType: "leaf", leaf: signed });
}

const withParent = (at: number, parent: object): RatchetTree =>
  ada.state.ratchetTree.with(at, {
    nodeType: "parent",
    parent: { ...nodeAt(at, "parent").parent, ...parent },
  });

const treeExtension = (extensionData: Uint8Array) => ({
  extensionType: "ratchet_tree" as const,
  extensionData,
});

test("[ValSem300] the tree does not end with blank nodes", async () => {
  const whole = encode(varLenTypeEncoder(optionalEncoder(nodeEncoder)));
  await expectRefused({
    bendInfo: (info) => ({
      ...info,
      extensions: [treeExtension(whole([...ada.state.ratchetTree, undefined, undefined]))],
    }),
  });
});

test("[§12.4.3.1 group info signature] the group's info is signed", async () => {
  const bendInfoSignature = (signature: Uint8Array) => signature.with(0, present(signature[0]) ^ 1);
  await expectRefused({ bendInfoSignature });
});

test("[§12.4.3.1 signer] the group's info is signed by a member", async () => {
  await expectRefused({ bendInfo: (info) => ({ ...info, signer: 60 }) });
});

test("[§12.4.3.1 confirmation tag] the tag is of the epoch", async () => {
  const confirmationTag = new Uint8Array(32);
  await expectRefused({ bendInfo: (info) => ({ ...info, confirmationTag }) });
});

test("[§12.4.3.1 ratchet tree] the tree is there", async () => {
  await expectRefused({ bendInfo: (info) => ({ ...info, extensions: [] }) });
});

test("[§12.4.3.1 own leaf] who is welcomed has a leaf in the tree", async () => {
  const tree = ada.state.ratchetTree;
  const treeHash = rootHash(tree);
  await expectRefused({
    bendInfo: (info) => ({
      ...info,
      groupContext: { ...info.groupContext, treeHash },
      extensions: [treeExtension(encodeRatchetTree(tree))],
    }),
  });
});

test("[§12.4.3.1 tree hash] the tree is the one the group's info names", async () => {
  const treeHash = new Uint8Array(32);
  await expectRefused({
    bendInfo: (info) => ({ ...info, groupContext: { ...info.groupContext, treeHash } }),
  });
});

test("[§12.4.3.1 cipher suite] the group is of the suite of the key package", async () => {
  const cipherSuite = "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519";
  await expectRefused({
    bendInfo: (info) => ({ ...info, groupContext: { ...info.groupContext, cipherSuite } }),
  });
});

test("[§12.4.3.1 parent hash] each node names the one above it", async () => {
  const hpkePublicKey = keyPackage.initKey;
  for (const at of [1, ROOT]) await expectRefused({}, withParent(at, { hpkePublicKey }));
});

test("[§12.4.3.1 unmerged leaves] they are there, below their node, and named once", async () => {
  expect(nodeAt(ROOT, "parent").parent.unmergedLeaves).toEqual([ERIN / 2]);
  for (const unmergedLeaves of [[], [3, 3], [3, 60]])
    await expectRefused({}, withParent(ROOT, { unmergedLeaves }));
});

test("[§12.4.3.1 unique encryption keys] no key is of two nodes", async () => {
  const { hpkePublicKey } = nodeAt(2, "leaf").leaf;
  await expectRefused({}, await withErin({ hpkePublicKey }));
});

test("[§7.3 leaf signature] each leaf of the tree is signed", async () => {
  const { signature } = nodeAt(0, "leaf").leaf;
  const leaf = { ...nodeAt(ERIN, "leaf").leaf, signature };
  await expectRefused({}, ada.state.ratchetTree.with(ERIN, { nodeType: "leaf", leaf }));
});

test("[§7.3 required capabilities] each leaf of the tree can do what the group needs", async () => {
  const capabilities = { ...nodeAt(ERIN, "leaf").leaf.capabilities, extensions: [] };
  await expectRefused({}, await withErin({ capabilities }));
});

test("[§12.4.3.1 path secret] the secret of the path gives the keys of the tree", async () => {
  const bendPathSecret = () => new Uint8Array(32).fill(5);
  await expectRefused({ hasPath: true, bendPathSecret });
});

test("[§12.4.3.1 key package] the Welcome opens with the init key it was made for", async () => {
  const welcome = await welcomeOf();
  const { secret } = others;
  expect(bad(await joinGroup(deps, welcome, { published: pair.published, secret }, FIRST)).rule).toBe(
    "Inauthentic",
  );
  expect(bad(await joinGroup(deps, welcome, others, FIRST)).rule).toBe("Inauthentic");
});

test("[§5.3.1 credentials] each leaf is of a device that its account names", async () => {
  const welcome = await welcomeOf();
  const strict: typeof deps = {
    ...deps,
    authenticate: (member, key) => member.deviceId !== erin.member.deviceId && deps.authenticate(member, key),
  };
  expect(bad(await joinGroup(strict, welcome, pair, FIRST)).rule).toBe("Inauthentic");
});
