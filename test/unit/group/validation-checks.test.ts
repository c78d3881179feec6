/**
 * The numbered semantic checks of RFC 9420, in the numbering of OpenMLS: framing, proposals and commits. In each message one thing is
 * wrong; all else holds, as the sound ones show that are made in the same way and taken.
 */
import { beforeAll, describe, expect, test } from "vitest";
import {
  type CiphersuiteImpl,
  createProposal,
  createCommit as createLibraryCommit,
  encodeMlsMessage,
  type Extension,
  type KeyPackage,
  type LeafNode,
  type Proposal,
  type UpdatePath,
} from "ts-mls";
import { signKeyPackage } from "ts-mls/keyPackage.js";
import { signLeafNodeCommit, signLeafNodeKeyPackage } from "ts-mls/leafNode.js";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { contextExtension, epochAuthenticator, type Group } from "../../../core/group/group.ts";
import type { GroupRule } from "../../../core/group/group-fault.ts";
import { openGroupMessage, sealGroupMessage } from "../../../core/group/group-message.ts";
import {
  type GroupDevice,
  type KeyPackagePair,
  openKeyPackagePair,
  verifyPublishedKeyPackage,
} from "../../../core/group/key-package.ts";
import { receiveCommit } from "../../../core/group/receive-commit.ts";
import { bad, good } from "../../support/client-world.ts";
import { type Forgery, forgeCommit } from "../../support/commit-forge.ts";
import { bytesOf, createGroupWorld, FIRST, NOW_MS } from "../../support/group-world.ts";

const NOTHING = new Uint8Array(0);
const world = createGroupWorld("validation checks");
const { suite, deps } = world;
const judge = { ...world.judge, context: FIRST };

function present<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error("it is there");
  return value;
}

let ada: Group;
let two: Group;
let ben: Group;
let sound: Awaited<ReturnType<typeof world.commit>>;
let dora: GroupDevice;
let erin: GroupDevice;
let doras: KeyPackage;
let erins: KeyPackage;

beforeAll(async () => {
  await cryptoReady();
  const devices = [world.device("ada", "one"), world.device("ada", "two"), world.device("ben", "one")];
  const groups = await world.groupOf(...devices, world.device("carl", "one"));
  // With keys above the leaves.
  const first = await world.commit(present(groups[0]), {});
  ada = first.next;
  two = (await world.receive(present(groups[1]), first.commit)).next;
  ben = (await world.receive(present(groups[2]), first.commit)).next;
  sound = await world.commit(ada, {});
  dora = world.device("dora", "one");
  erin = world.device("erin", "one");
  doras = await packageOf(await world.keyPackage(dora));
  erins = await packageOf(await world.keyPackage(erin));
});

const packageOf = async (pair: KeyPackagePair) => good(await openKeyPackagePair(pair)).keyPackage;
const forge = async (forgery: Forgery) => forgeCommit(suite, ada, forgery);

/** The members refuse it, for this and nothing else, and follow the next good commit. */
async function expectRefused(commit: Uint8Array, rule: GroupRule): Promise<void> {
  for (const group of [two, ben]) {
    expect(bad(await receiveCommit(deps, group, commit, judge)).rule).toBe(rule);
    const followed = await world.receive(group, sound.commit);
    expect(epochAuthenticator(followed.next)).toEqual(epochAuthenticator(sound.next));
  }
}

async function expectTaken(forgery: Forgery): Promise<void> {
  const made = await forge(forgery);
  for (const group of [two, ben]) {
    const { next } = good(await receiveCommit(deps, group, made.commit, judge));
    expect(epochAuthenticator(next)).toEqual(made.epochAuthenticator);
  }
}

const refuses = async (forgery: Forgery, rule: GroupRule) =>
  expectRefused((await forge(forgery)).commit, rule);

const add = (keyPackage: KeyPackage): Proposal => ({ proposalType: "add", add: { keyPackage } });
const remove = (removed: number): Proposal => ({ proposalType: "remove", remove: { removed } });
const context = (...extensions: readonly Extension[]): Proposal => ({
  proposalType: "group_context_extensions",
  groupContextExtensions: { extensions: [...extensions] },
});
const update = (): Proposal => ({ proposalType: "update", update: { leafNode: ownLeaf() as never } });
const psk = (pskNonce: Uint8Array): Proposal => ({
  proposalType: "psk",
  psk: { preSharedKeyId: { psktype: "external", pskId: bytesOf("psk"), pskNonce } },
});
const externalInit = (): Proposal => ({
  proposalType: "external_init",
  externalInit: { kemOutput: world.random.bytes(32) },
});

function leafOf(index: number): LeafNode {
  const node = ada.state.ratchetTree[2 * index];
  if (node?.nodeType !== "leaf") throw new Error("it is there");
  return node.leaf;
}
const ownLeaf = (): LeafNode => ({ ...leafOf(0), leafNodeSource: "update" }) as LeafNode;

/** A key package that its device signed again with something else in it. */
async function bent(
  device: GroupDevice,
  from: KeyPackage,
  leaf: Partial<LeafNode>,
  others: Partial<KeyPackage> = {},
): Promise<KeyPackage> {
  const claim = { ...from.leafNode, ...leaf } as Parameters<typeof signLeafNodeKeyPackage>[0];
  const leafNode = await signLeafNodeKeyPackage(claim, device.signSeed, suite.signature);
  return signKeyPackage({ ...from, leafNode, ...others } as KeyPackage, device.signSeed, suite.signature);
}

const fetched = (keyPackage: KeyPackage) =>
  verifyPublishedKeyPackage(
    suite,
    encodeMlsMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage }),
    { ...deps, nowMs: NOW_MS },
  );

/** A suite that seals something else. */
function sealing(bend: (plain: Uint8Array) => Uint8Array): CiphersuiteImpl {
  const { encryptAead } = suite.hpke;
  const hpke: CiphersuiteImpl["hpke"] = {
    ...suite.hpke,
    encryptAead: (key, nonce, aad, plain) => encryptAead(key, nonce, aad, bend(plain)),
  };
  return { ...suite, hpke };
}
const SENDER_DATA_BYTES = 12;

/** Keys of a path: the one of the leaf first, then upwards. */
function withKey(at: number, key: Uint8Array): CiphersuiteImpl {
  let count = 0;
  const deriveKeyPair = async (from: Uint8Array) => {
    const pair = await suite.hpke.deriveKeyPair(from);
    return count++ === at ? { ...pair, publicKey: await suite.hpke.importPublicKey(key) } : pair;
  };
  return { ...suite, hpke: { ...suite.hpke, deriveKeyPair } };
}

const message = async (group = ada, sealSuite = suite) =>
  good(
    await sealGroupMessage({ ...deps, suite: sealSuite }, group, {
      plaintext: bytesOf("hello"),
      authenticatedData: NOTHING,
    }),
  ).sealed;

async function expectUnread(sealed: Uint8Array, rule: GroupRule): Promise<void> {
  expect(bad(await openGroupMessage(deps, ben, sealed)).rule).toBe(rule);
  expect(good(await openGroupMessage(deps, ben, await message())).plaintext).toEqual(bytesOf("hello"));
}

const withContext = (changed: Partial<Group["state"]["groupContext"]>): Group => ({
  ...ada,
  state: { ...ada.state, groupContext: { ...ada.state.groupContext, ...changed } },
});

describe("framing", () => {
  test("[ValSem002] a message names its group", async () => {
    const other = withContext({ groupId: world.random.bytes(16) });
    await expectUnread(await message(other), "WrongGroup");
    await expectRefused((await forgeCommit(suite, other, {})).commit, "WrongGroup");
  });

  test("[ValSem003] a message is of an epoch that is known, a commit of this one", async () => {
    const { epoch } = ada.state.groupContext;
    for (const other of [epoch + 1n, 0n])
      await expectUnread(await message(withContext({ epoch: other })), "WrongEpoch");
    for (const other of [epoch - 1n, epoch + 1n])
      await expectRefused((await forgeCommit(suite, withContext({ epoch: other }), {})).commit, "WrongEpoch");
  });

  test("[ValSem004] the sender is a leaf that is there", async () => {
    for (const leaf of [4, 200]) {
      const from = sealing((plain) => (plain.length === SENDER_DATA_BYTES ? plain.with(3, leaf) : plain));
      await expectUnread(await message(ada, from), "UnknownLeaf");
      await refuses({ sealSuite: from }, "UnknownLeaf");
    }
  });

  test("[ValSem005] an application message is no public one", async () => {
    const content = {
      contentType: "application",
      applicationData: bytesOf("hello"),
      groupId: ada.state.groupContext.groupId,
      epoch: ada.state.groupContext.epoch,
      sender: { senderType: "member", leafIndex: 0 },
      authenticatedData: NOTHING,
    } as const;
    const auth = { contentType: "application", signature: new Uint8Array(64) } as const;
    const publicMessage = { content, auth, senderType: "member", membershipTag: new Uint8Array(32) } as const;
    const open = { version: "mls10", wireformat: "mls_public_message", publicMessage } as const;
    await expectUnread(encodeMlsMessage(open), "WrongKind");
  });

  test("[ValSem006] a message opens", async () => {
    const sealed = await message();
    await expectUnread(sealed.with(-1, present(sealed.at(-1)) ^ 1), "Inauthentic");
    const { commit } = await forge({});
    await expectRefused(commit.with(-1, present(commit.at(-1)) ^ 1), "Inauthentic");
  });

  const asPublic = async () => {
    const state = await world.libraryState(ada);
    const made = await createLibraryCommit({ state, cipherSuite: suite }, { wireAsPublicMessage: true });
    if (made.commit.wireformat !== "mls_public_message") throw new Error("it is public");
    return made.commit;
  };

  test("[ValSem007] a public message has a membership tag: none is taken, with or without", async () => {
    const made = await asPublic();
    await expectRefused(encodeMlsMessage(made), "WrongKind");
    const publicMessage = { ...made.publicMessage, membershipTag: NOTHING } as typeof made.publicMessage;
    await expectRefused(encodeMlsMessage({ ...made, publicMessage }), "WrongKind");
  });

  test("[ValSem008] the membership tag of a public message holds: none is taken, with the right one or a wrong one", async () => {
    const made = await asPublic();
    await expectRefused(encodeMlsMessage(made), "WrongKind");
    const wrong = { ...made.publicMessage, membershipTag: new Uint8Array(32) } as typeof made.publicMessage;
    await expectRefused(encodeMlsMessage({ ...made, publicMessage: wrong }), "WrongKind");
  });

  test("[ValSem009] a commit has a confirmation tag", async () => {
    await refuses({ bendTag: () => NOTHING }, "Inauthentic");
    await expectTaken({});
  });

  test("[ValSem010] a message is signed by its sender", async () => {
    const wrong = (signature: Uint8Array) => signature.with(0, present(signature[0]) ^ 1);
    await refuses({ bendSignature: wrong }, "Inauthentic");
    const signaturePrivateKey = world.random.bytes(32);
    const other = { ...ada, state: { ...ada.state, signaturePrivateKey } };
    await expectUnread(await message(other), "Inauthentic");
  });

  test("[ValSem011] padding is zeros", async () => {
    const padded = sealing((plain) => (plain.length > SENDER_DATA_BYTES ? plain.with(-1, 1) : plain));
    await expectUnread(await message(ada, padded), "Inauthentic");
    const longer = (end: number) =>
      sealing((plain) => (plain.length > SENDER_DATA_BYTES ? Uint8Array.from([...plain, end]) : plain));
    await refuses({ sealSuite: longer(1) }, "Inauthentic");
    await expectTaken({ sealSuite: longer(0) });
  });
});

describe("proposals", () => {
  test("[ValSem101] a signature key is of one leaf", async () => {
    await expectTaken({ proposals: [add(doras), add(erins)], hasPath: false });
    // Another device says it has the same key, and a chain that says so too.
    const { credential } = erins.leafNode;
    const second = await bent(dora, await packageOf(await world.keyPackage(dora)), { credential });
    const lenient = { ...judge, readEvidence: async () => ({ nowMs: NOW_MS, authenticate: () => true }) };
    const { commit } = await forge({ proposals: [add(doras), add(second)], hasPath: false });
    expect(bad(await receiveCommit(deps, ben, commit, lenient)).rule).toBe("Inauthentic");
    const { signaturePrivateKey } = ada.state;
    const adas = { ...dora, signSeed: signaturePrivateKey };
    const { signaturePublicKey } = leafOf(0);
    const member = await bent(adas, doras, { signaturePublicKey });
    const beside = await forge({ proposals: [add(member)], hasPath: false });
    expect(bad(await receiveCommit(deps, ben, beside.commit, lenient)).rule).toBe("Inauthentic");
  });

  test("[ValSem102] an init key is of one key package", async () => {
    const second = await bent(erin, erins, {}, { initKey: doras.initKey });
    await refuses({ proposals: [add(doras), add(second)], hasPath: false }, "Malformed");
    await expectTaken({ proposals: [add(second)], hasPath: false });
  });

  test("[ValSem103] an encryption key is of one node", async () => {
    const { hpkePublicKey } = leafOf(2);
    const taken = await bent(dora, doras, { hpkePublicKey });
    await refuses({ proposals: [add(taken)], hasPath: false }, "Inauthentic");
    const second = await bent(erin, erins, { hpkePublicKey: doras.leafNode.hpkePublicKey });
    await refuses({ proposals: [add(doras), add(second)], hasPath: false }, "Inauthentic");
  });

  test("[ValSem104] init key and encryption key of a key package differ, where it is fetched too", async () => {
    const same = await bent(dora, doras, {}, { initKey: doras.leafNode.hpkePublicKey });
    expect(bad(await fetched(same)).rule).toBe("Malformed");
    await refuses({ proposals: [add(same)], hasPath: false }, "Malformed");
    expect((await fetched(await bent(dora, doras, {}))).ok).toBe(true);
  });

  test("[ValSem105] a key package is of the group's suite and version", async () => {
    const cipherSuite = "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519";
    const other = await bent(dora, doras, {}, { cipherSuite });
    expect(bad(await fetched(other)).rule).toBe("WrongCipherSuite");
    await refuses({ proposals: [add(other)], hasPath: false }, "WrongCipherSuite");
    const bytes = encodeMlsMessage({
      version: "mls10",
      wireformat: "mls_key_package",
      keyPackage: doras,
    });
    // The second version is that of the key package, after the message's own and the kind of message.
    const by = { ...deps, nowMs: NOW_MS };
    expect(bad(await verifyPublishedKeyPackage(suite, bytes.with(5, 2), by)).rule).toBe("Malformed");
  });

  test("[ValSem106] who is added can do what the group needs", async () => {
    const capabilities = { ...doras.leafNode.capabilities, extensions: [] };
    const unable = await bent(dora, doras, { capabilities });
    expect(bad(await fetched(unable)).rule).toBe("Malformed");
    await refuses({ proposals: [add(unable)], hasPath: false }, "Malformed");
  });

  test("[ValSem107] a leaf is removed once", async () => {
    await refuses({ proposals: [remove(3), remove(3)] }, "UnknownLeaf");
    await expectTaken({ proposals: [remove(3)] });
  });

  test("[ValSem108] who is removed is there", async () => {
    for (const leaf of [4, 4_000]) await refuses({ proposals: [remove(leaf)] }, "UnknownLeaf");
  });

  test("[ValSem109] an update can do what the group needs: none is taken", async () => {
    await refuses({ proposals: [update()] }, "ForbiddenProposal");
  });

  test("[ValSem110] an update's encryption key is new: none is taken", async () => {
    await refuses({ proposals: [update(), remove(3)] }, "ForbiddenProposal");
  });

  test("[ValSem111] a commit has no update of its own author", async () => {
    await refuses({ proposals: [update()] }, "ForbiddenProposal");
    await refuses({ references: [world.random.bytes(32)] }, "ForbiddenProposal");
  });

  test("[ValSem112] a proposal by itself is of a member: none is taken", async () => {
    for (const asPublic of [false, true]) {
      const state = await world.libraryState(ada);
      const { message: proposed } = await createProposal(state, asPublic, remove(3), suite);
      await expectRefused(encodeMlsMessage(proposed), "WrongKind");
    }
  });

  test("[ValSem401] the nonce of a pre-shared key is as long as a hash: none is taken", async () => {
    for (const length of [31, 32])
      await refuses({ proposals: [psk(new Uint8Array(length))] }, "ForbiddenProposal");
  });

  test("[ValSem402] a pre-shared key of another start or branch is in no commit", async () => {
    for (const usage of ["reinit", "branch", "application"] as const) {
      const preSharedKeyId = {
        psktype: "resumption" as const,
        usage,
        pskGroupId: ada.state.groupContext.groupId,
        pskEpoch: 0n,
        pskNonce: new Uint8Array(32),
      };
      await refuses({ proposals: [{ proposalType: "psk", psk: { preSharedKeyId } }] }, "ForbiddenProposal");
    }
  });

  test("[ValSem403] a pre-shared key is in a commit once: none is taken", async () => {
    const one = psk(new Uint8Array(32));
    await refuses({ proposals: [one, one] }, "ForbiddenProposal");
  });

  test("[§12.2 re-init beside others] a new start is in no commit", async () => {
    const { groupId, cipherSuite } = ada.state.groupContext;
    const reinit: Proposal = {
      proposalType: "reinit",
      reinit: { groupId, version: "mls10", cipherSuite, extensions: [] },
    };
    await refuses({ proposals: [reinit, remove(3)] }, "ForbiddenProposal");
    await refuses({ proposals: [reinit] }, "ForbiddenProposal");
  });

  test("[§10.1 key package signature] a key package is signed, where it is fetched too", async () => {
    const { signature } = erins;
    expect(bad(await fetched({ ...doras, signature })).rule).toBe("Inauthentic");
    await refuses({ proposals: [add({ ...doras, signature })], hasPath: false }, "Inauthentic");
  });

  test("[§7.3 signature] the leaf of a key package is signed, where it is fetched too", async () => {
    const leafNode = { ...doras.leafNode, signature: erins.leafNode.signature };
    const unsigned = await signKeyPackage({ ...doras, leafNode }, dora.signSeed, suite.signature);
    expect(bad(await fetched(unsigned)).rule).toBe("Inauthentic");
    await refuses({ proposals: [add(unsigned)], hasPath: false }, "Inauthentic");
  });

  test("[§7.3 lifetime] a key package is valid now", async () => {
    const seconds = BigInt(NOW_MS / 1_000);
    const times = [
      { notBefore: seconds + 1n, notAfter: seconds + 9n },
      { notBefore: seconds - 9n, notAfter: seconds - 1n },
    ];
    for (const lifetime of times) {
      const early = await bent(dora, doras, { lifetime } as Partial<LeafNode>);
      expect(bad(await fetched(early)).rule).toBe("BadLifetime");
      await refuses({ proposals: [add(early)], hasPath: false }, "BadLifetime");
    }
  });

  test("[§7.3 credential type] a leaf can read the credentials of all", async () => {
    const capabilities = { ...doras.leafNode.capabilities, credentials: [] };
    expect(bad(await fetched(await bent(dora, doras, { capabilities }))).rule).toBe("Malformed");
  });

  test("[§7.3 extensions in capabilities] a leaf can do what it has", async () => {
    const extensions = [{ extensionType: 0xf0d1, extensionData: NOTHING }];
    expect(bad(await fetched(await bent(dora, doras, { extensions }))).rule).toBe("Malformed");
    const capabilities = { ...doras.leafNode.capabilities, extensions: [0xf0d0, 0xf0d1] };
    expect((await fetched(await bent(dora, doras, { extensions, capabilities }))).ok).toBe(true);
  });

  test("[§7.3 source] the leaf of a key package is of no commit, where it is fetched too", async () => {
    const { groupId } = ada.state.groupContext;
    const { lifetime: _, ...leaf } = doras.leafNode as LeafNode & { lifetime: unknown };
    const place = { groupId, leafIndex: 4, info: { leafNodeSource: "commit" } } as const;
    const claim = { ...leaf, ...place, leafNodeSource: "commit", parentHash: NOTHING };
    const leafNode = await signLeafNodeCommit(
      claim as unknown as Parameters<typeof signLeafNodeCommit>[0],
      dora.signSeed,
      suite.signature,
    );
    const strange = { ...doras, leafNode } as unknown as KeyPackage;
    const signed = await signKeyPackage(strange, dora.signSeed, suite.signature);
    expect(bad(await fetched(signed)).rule).toBe("Malformed");
    await refuses({ proposals: [add(signed)], hasPath: false }, "Inauthentic");
  });

  test("[§12.2 one device] a commit adds no device that stays", async () => {
    const again = await bent(dora, doras, { hpkePublicKey: erins.leafNode.hpkePublicKey });
    await refuses({ proposals: [add(doras), add(again)], hasPath: false }, "DuplicateDevice");
  });
});

describe("commits", () => {
  test("[ValSem200] a commit does not remove its author", async () => {
    await refuses({ proposals: [remove(0)] }, "SelfRemoval");
  });

  test("[ValSem201] a path is there where one is needed", async () => {
    const needing = [[], [remove(3)], [context(contextExtension(FIRST))], [add(doras), remove(3)]];
    for (const proposals of needing) {
      await refuses({ proposals, hasPath: false }, "MissingPath");
      await expectTaken({ proposals });
    }
    await refuses({ proposals: [update()], hasPath: false }, "MissingPath");
  });

  test("[ValSem202] a path has a node for each step, not one too few or too many", async () => {
    const few = (path: UpdatePath) => ({ ...path, nodes: path.nodes.slice(0, -1) });
    const many = (path: UpdatePath) => ({ ...path, nodes: [...path.nodes, present(path.nodes[0])] });
    for (const bendPath of [few, many]) await refuses({ bendPath }, "Inauthentic");
    await expectTaken({ bendPath: (path) => path });
  });

  test("[ValSem203] the secret of a path opens", async () => {
    const bendPath = (path: UpdatePath) => ({
      ...path,
      nodes: path.nodes.map((node) => ({
        ...node,
        encryptedPathSecret: node.encryptedPathSecret.map((sealed) => ({
          ...sealed,
          ciphertext: sealed.ciphertext.with(0, present(sealed.ciphertext[0]) ^ 1),
        })),
      })),
    });
    await refuses({ bendPath }, "Inauthentic");
  });

  test("[ValSem204] the keys of a path are those its secret gives", async () => {
    const key = (await packageOf(await world.keyPackage(dora))).initKey;
    // The root's, which all derive.
    await refuses({ pathSuite: withKey(2, key) }, "Inauthentic");
  });

  test("[ValSem205] the confirmation tag is of the epoch the commit makes", async () => {
    const bendTag = (tag: Uint8Array) => tag.with(0, present(tag[0]) ^ 1);
    await refuses({ bendTag }, "Inauthentic");
  });

  test("[ValSem206] the encryption key of a path's leaf is new", async () => {
    for (const leaf of [0, 2]) {
      const pathSuite = withKey(0, leafOf(leaf).hpkePublicKey);
      await refuses({ pathSuite }, "Inauthentic");
    }
  });

  test("[ValSem207] the keys of a path are new, and no two are the same", async () => {
    const root = ada.state.ratchetTree[3];
    if (root?.nodeType !== "parent") throw new Error("it is there");
    for (const key of [root.parent.hpkePublicKey, leafOf(3).hpkePublicKey])
      await refuses({ pathSuite: withKey(1, key) }, "Inauthentic");
    const rng = { randomBytes: (length: number) => new Uint8Array(length).fill(9) };
    const secret: Uint8Array[] = [];
    await forge({
      pathSuite: { ...suite, rng },
      bendPath: (path) => {
        secret.push(path.leafNode.hpkePublicKey);
        return path;
      },
    });
    const twice = { ...withKey(1, present(secret[0])), rng };
    await refuses({ pathSuite: twice }, "Inauthentic");
  });

  test("[ValSem208] the context changes once in a commit", async () => {
    const one = context(contextExtension(FIRST));
    await refuses({ proposals: [one, one] }, "BadContext");
    await expectTaken({ proposals: [one] });
  });

  test("[ValSem209] the context has no extension that a member cannot read", async () => {
    const strange = { extensionType: 0xf0d1, extensionData: NOTHING };
    await refuses({ proposals: [context(strange)] }, "BadContext");
    await refuses({ proposals: [context(contextExtension(FIRST), strange)] }, "BadContext");
  });

  test("[§12.4.2 leaf signature] the leaf of a path is signed for its place", async () => {
    await refuses({ pathSuite: unsigned() }, "Inauthentic");
  });

  test("[§7.9.2 parent hash] the leaf of a path names the node above", async () => {
    const bendPath = (path: UpdatePath) => ({
      ...path,
      leafNode: { ...path.leafNode, parentHash: new Uint8Array(32) },
    });
    await refuses({ bendPath }, "Inauthentic");
  });

  test("[§7.6 receivers] a path has one secret for each who is to have it", async () => {
    const bendPath = (path: UpdatePath) => ({
      ...path,
      nodes: path.nodes.map((node) => ({
        ...node,
        encryptedPathSecret: [...node.encryptedPathSecret, present(node.encryptedPathSecret[0])],
      })),
    });
    await refuses({ bendPath }, "Inauthentic");
  });

  test("[§7.3 credential] a leaf stays that of its device", async () => {
    const { credential } = leafOf(1);
    const bendPath = (path: UpdatePath) => ({ ...path, leafNode: { ...path.leafNode, credential } });
    await refuses({ bendPath }, "Inauthentic");
  });
});

/** A suite that signs what is not asked for. */
function unsigned(): CiphersuiteImpl {
  const sign = async () => new Uint8Array(64);
  return { ...suite, signature: { ...suite.signature, sign } };
}

describe("external commits, of which none is taken", () => {
  const sent = async (
    proposals: readonly Proposal[],
    changed: { hasPath?: boolean; reference?: boolean } = {},
  ) => {
    let path: UpdatePath | undefined;
    await forge({ bendPath: (one) => (path = one) });
    const { groupId, epoch } = ada.state.groupContext;
    const byValue = proposals.map((proposal) => ({ proposalOrRefType: "proposal" as const, proposal }));
    const byReference = { proposalOrRefType: "reference" as const, reference: new Uint8Array(32) };
    const content = {
      contentType: "commit",
      commit: {
        proposals: changed.reference === true ? [...byValue, byReference] : byValue,
        path: changed.hasPath === false ? undefined : path,
      },
      groupId,
      epoch,
      sender: { senderType: "new_member_commit" },
      authenticatedData: NOTHING,
    } as const;
    const auth = {
      contentType: "commit",
      signature: new Uint8Array(64),
      confirmationTag: new Uint8Array(32),
    } as const;
    const publicMessage = { content, auth, senderType: "new_member_commit" } as const;
    return encodeMlsMessage({ version: "mls10", wireformat: "mls_public_message", publicMessage });
  };
  test("[ValSem240] with no external init", async () => {
    await expectRefused(await sent([]), "WrongKind");
  });
  test("[ValSem241] with two external inits", async () => {
    await expectRefused(await sent([externalInit(), externalInit()]), "WrongKind");
  });
  test("[ValSem242] with proposals of other kinds", async () => {
    await expectRefused(await sent([externalInit(), add(doras)]), "WrongKind");
  });
  test("[ValSem243] with the removal of another", async () => {
    await expectRefused(await sent([externalInit(), remove(2)]), "WrongKind");
  });
  test("[ValSem244] with a proposal by reference", async () => {
    await expectRefused(await sent([externalInit()], { reference: true }), "WrongKind");
  });
  test("[ValSem245] without a path", async () => {
    await expectRefused(await sent([externalInit()], { hasPath: false }), "WrongKind");
  });
  test("[ValSem246] signed with another key than that of its leaf, and from within", async () => {
    await expectRefused(await sent([externalInit()]), "WrongKind");
    await refuses({ proposals: [externalInit()] }, "ForbiddenProposal");
  });
});
