/** Commits, key packages and trees as only a modified client makes them, which RFC 9420 refuses: they would be in all others' way. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  type CiphersuiteImpl,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  type LeafNode,
} from "ts-mls";
import { applyProposals } from "ts-mls/clientState.js";
import { initializeEpoch } from "ts-mls/keySchedule.js";
import { toLeafIndex } from "ts-mls/treemath.js";
import { GROUP_ADDS_PER_COMMIT_MAX, GROUP_EPOCH_MAX, GROUP_LEAVES_MAX } from "../../../core/base/limits.ts";
import { signKeyPairFromSeed } from "../../../core/crypto/sign.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { createCommit } from "../../../core/group/create-commit.ts";
import { epochAuthenticator, type Group, isActive } from "../../../core/group/group.ts";
import { GROUP_CIPHER_SUITE } from "../../../core/group/crypto-provider.ts";
import { credentialOf } from "../../../core/group/group-member.ts";
import { joinGroup, welcomedKeyPackages } from "../../../core/group/join-group.ts";
import {
  createKeyPackage,
  GROUP_CAPABILITIES,
  verifyPublishedKeyPackage,
} from "../../../core/group/key-package.ts";
import { receiveCommit } from "../../../core/group/receive-commit.ts";
import { createPath, followPath, type PathPlace, placePath } from "../../../core/group/update-path.ts";
import { bad, good } from "../../support/client-world.ts";
import { createGroupWorld, FIRST, LIFETIME, NOW_MS, present } from "../../support/group-world.ts";
import { LOW_ORDER_POINTS } from "../../support/low-order-points.ts";

beforeAll(cryptoReady);

/** Ada, with two devices beside each other, and Ben. */
async function createWorld(seed: string) {
  const world = createGroupWorld(seed);
  const devices = [world.device("ada", "one"), world.device("ada", "two"), world.device("ben", "one")];
  const [ada, two, ben] = await world.groupOf(...devices);
  return { ...world, ada: present(ada), two: present(two), ben: present(ben) };
}

/** The group with another leaf of its own, as a modified client would say it is. */
function withOwnLeaf(group: Group, leaf: Partial<LeafNode>): Group {
  const at = 2 * group.state.privatePath.leafIndex;
  const node = group.state.ratchetTree[at];
  if (node?.nodeType !== "leaf") throw new Error("it is there");
  const ratchetTree = group.state.ratchetTree.with(at, {
    nodeType: "leaf",
    leaf: { ...node.leaf, ...leaf } as LeafNode,
  });
  return { ...group, state: { ...group.state, ratchetTree } };
}

/** A suite whose key pairs have another public half, where `keyAt` gives one. */
function withKeys(
  suite: CiphersuiteImpl,
  keyAt: (count: number) => Uint8Array | null,
): { readonly suite: CiphersuiteImpl } {
  let count = 0;
  const bent = async (made: ReturnType<CiphersuiteImpl["hpke"]["generateKeyPair"]>) => {
    const pair = await made;
    const key = keyAt(count++);
    return key === null ? pair : { ...pair, publicKey: await suite.hpke.importPublicKey(key) };
  };
  const hpke: CiphersuiteImpl["hpke"] = {
    ...suite.hpke,
    deriveKeyPair: (from) => bent(suite.hpke.deriveKeyPair(from)),
    generateKeyPair: () => bent(suite.hpke.generateKeyPair()),
  };
  return { suite: { ...suite, hpke } };
}

const WEAK = present(LOW_ORDER_POINTS[0]);

describe("a commit", () => {
  test("that leaves its author alone has a secret those who went do not know", async () => {
    const { deps, suite, groupOf, device, commit } = createGroupWorld("alone");
    const [ada, ben] = await groupOf(device("ada", "one"), device("ben", "one"));
    const { next } = await commit(present(ada), { removeLeaves: [1] });
    expect(next.state.ratchetTree).toHaveLength(1);
    // What Ben knows: all of the epoch he was in, and what the commit says, in the clear to him.
    const zero = new Uint8Array(suite.kdf.size);
    const { initSecret } = present(ben).state.keySchedule;
    const guessed = await initializeEpoch(initSecret, zero, next.state.groupContext, zero, deps.suite.kdf);
    expect(guessed.keySchedule.epochAuthenticator).not.toEqual(epochAuthenticator(next));
  });

  test("whose keys are those of the path before is refused", async () => {
    const { deps, suite, ada, ben, receive, judge } = await createWorld("stale keys");
    const rng = { randomBytes: (length: number) => new Uint8Array(length).fill(7) };
    const stuck = { ...deps, suite: { ...suite, rng } };
    const first = good(await createCommit(stuck, ada, {}));
    const followed = (await receive(ben, first.commit)).next;
    const second = good(await createCommit(stuck, first.next, {}));
    expect(bad(await receiveCommit(deps, followed, second.commit, judge)).rule).toBe("Inauthentic");
  });

  test("whose leaf cannot do what all can, or is larger than a key package, is refused", async () => {
    const { deps, ada, ben, receive, judge } = await createWorld("incapable");
    const { capabilities } = present(
      ada.state.ratchetTree[0]?.nodeType === "leaf" ? ada.state.ratchetTree[0] : null,
    ).leaf;
    const leaves: readonly Partial<LeafNode>[] = [
      { capabilities: { ...capabilities, credentials: [] } },
      { capabilities: { ...capabilities, extensions: [] } },
      { capabilities: { ...capabilities, versions: [] } },
      { capabilities: { ...capabilities, ciphersuites: [] } },
      { extensions: [{ extensionType: "application_id", extensionData: new Uint8Array(4_096) }] },
    ];
    for (const leaf of leaves) {
      const made = good(await createCommit(deps, withOwnLeaf(ada, leaf), {}));
      expect(bad(await receiveCommit(deps, ben, made.commit, judge)).rule).toBe("Inauthentic");
    }
    const sound = good(await createCommit(deps, withOwnLeaf(ada, { extensions: [] }), {}));
    expect(epochAuthenticator((await receive(ben, sound.commit)).next)).toEqual(
      epochAuthenticator(sound.next),
    );
  });

  test("of this device's own is known by its leaf, whoever brings it", async () => {
    const { deps, ada, ben, judge, receive } = await createWorld("own");
    const { commit } = good(await createCommit(deps, ada, {}));
    expect(bad(await receiveCommit(deps, ada, commit, judge)).rule).toBe("OwnCommit");
    expect(isActive((await receive(ben, commit)).next)).toBe(true);
  });

  test("that the others refuse takes nobody out, whom it is said to remove least of all", async () => {
    const { deps, suite, ada, two, ben, judge } = await createWorld("removed by nothing");
    for (const weak of [0, 1]) {
      const bent = { ...deps, ...withKeys(suite, (count) => (count === weak ? WEAK : null)) };
      const made = good(await createCommit(bent, ada, { removeLeaves: [2] }));
      for (const group of [two, ben])
        expect(bad(await receiveCommit(deps, group, made.commit, judge)).rule).toBe("Inauthentic");
    }
    const sound = good(await createCommit(deps, ada, { removeLeaves: [2] }));
    expect(isActive(good(await receiveCommit(deps, two, sound.commit, judge)).next)).toBe(true);
    expect(isActive(good(await receiveCommit(deps, ben, sound.commit, judge)).next)).toBe(false);
  });

  test("with a key nothing can be sealed to is refused, also by those who are not below it", async () => {
    const { deps, suite, ada, ben, judge } = await createWorld("weak path");
    // Of the leaf, and of the node above Ada's two devices alone.
    for (const weak of [0, 1]) {
      const bent = { ...deps, ...withKeys(suite, (count) => (count === weak ? WEAK : null)) };
      const made = good(await createCommit(bent, ada, {}));
      expect(bad(await receiveCommit(deps, ben, made.commit, judge)).rule).toBe("Inauthentic");
    }
  });

  test("that sends a secret too many or too few is refused by all, not only where it is missing", async () => {
    const { suite, ada, ben } = await createWorld("counts");
    const { state } = ada;
    const applied = await applyProposals(state, [], toLeafIndex(0), emptyPskIndex, false, suite);
    const context = { ...state.groupContext, epoch: state.groupContext.epoch + 1n };
    const place: PathPlace = { tree: applied.tree, committer: 0, added: [], context };
    const own = { privatePath: state.privatePath, signSeed: state.signaturePrivateKey };
    const { path, commitSecret } = await createPath(suite, place, own);
    const follow = async (nodes: typeof path.nodes) =>
      followPath(suite, placePath(place, { ...path, nodes }), ben.state.privatePath);
    expect((await follow(path.nodes)).commitSecret).toEqual(commitSecret);
    const [below, above] = [present(path.nodes[0]), present(path.nodes[1])];
    const [sent] = below.encryptedPathSecret;
    for (const encryptedPathSecret of [[], [present(sent), present(sent)]])
      await expect(follow([{ ...below, encryptedPathSecret }, above])).rejects.toThrow("each receiver");
  });
});

describe("a key package", () => {
  test("that cannot do what all can, or that nothing can be sealed to, is refused where it is fetched and in a commit", async () => {
    const { deps, suite, ada, ben, device, judge } = await createWorld("bent package");
    const carl = device("carl", "one");
    for (const weak of [0, 1]) {
      const bent = withKeys(suite, (count) => (count === weak ? WEAK : null));
      const { published } = await createKeyPackage(bent.suite, carl, LIFETIME);
      expect(bad(await verifyPublishedKeyPackage(suite, published, { ...deps, nowMs: NOW_MS })).rule).toBe(
        "Malformed",
      );
    }
    const { publicPackage } = await generateKeyPackageWithKey(
      credentialOf(carl.member),
      { ...GROUP_CAPABILITIES, credentials: [] },
      { notBefore: 0n, notAfter: BigInt(NOW_MS) },
      [],
      { signKey: carl.signSeed, publicKey: signKeyPairFromSeed(carl.signSeed).publicKey },
      suite,
    );
    const add = [{ member: carl.member, keyPackage: publicPackage }];
    const made = good(await createCommit(deps, ada, { add }));
    const by = { ...judge, context: made.next.context };
    expect(bad(await receiveCommit(deps, ben, made.commit, by)).rule).toBe("Malformed");
  });
});

describe("a Welcome", () => {
  test("names key packages by their hashes, as many as a commit adds, or none", async () => {
    const named = async (count: number, bytes: number) => {
      const encryptedGroupSecrets = { kemOutput: new Uint8Array(32), ciphertext: new Uint8Array(32) };
      const secret = { newMember: new Uint8Array(bytes), encryptedGroupSecrets };
      const welcome = {
        cipherSuite: GROUP_CIPHER_SUITE,
        secrets: Array.from({ length: count }, () => secret),
        encryptedGroupInfo: new Uint8Array(32),
      } as const;
      const message = { version: "mls10", wireformat: "mls_welcome", welcome } as const;
      return (await welcomedKeyPackages(encodeMlsMessage(message))).length;
    };
    expect(await named(GROUP_ADDS_PER_COMMIT_MAX, 32)).toBe(GROUP_ADDS_PER_COMMIT_MAX);
    expect(await named(GROUP_ADDS_PER_COMMIT_MAX + 1, 32)).toBe(0);
    for (const bytes of [0, 31, 33, 4_000]) expect(await named(1, bytes)).toBe(0);
  });

  test(`to a tree wider than ${GROUP_LEAVES_MAX} leaves is refused, however few are in it`, async () => {
    const { deps, found, device, keyPackage, verified, commit } = createGroupWorld("wide");
    const founded = await found(device("ada", "one"));
    const far = await verified(await keyPackage(device("ada", "two")));
    const carl = await keyPackage(device("carl", "one"));
    const join = async (leaves: number) => {
      const ratchetTree = new Array(2 * leaves - 1).fill(undefined);
      ratchetTree[0] = founded.state.ratchetTree[0];
      ratchetTree[2 * (leaves - 1)] = { nodeType: "leaf", leaf: far.keyPackage.leafNode };
      const wide: Group = { ...founded, state: { ...founded.state, ratchetTree } };
      const { welcome } = await commit(wide, { add: [await verified(carl)] });
      return joinGroup(deps, present(welcome), carl, FIRST);
    };
    expect((await join(GROUP_LEAVES_MAX)).ok).toBe(true);
    expect(bad(await join(2 * GROUP_LEAVES_MAX)).rule).toBe("Inauthentic");
  });

  test("to an epoch whose number cannot be held is refused", async () => {
    const { deps, found, device, keyPackage, verified, commit } = createGroupWorld("far epoch");
    const founded = await found(device("ada", "one"));
    const carl = await keyPackage(device("carl", "one"));
    const join = async (epoch: bigint) => {
      const groupContext = { ...founded.state.groupContext, epoch: epoch - 1n };
      const late: Group = { ...founded, state: { ...founded.state, groupContext } };
      const { welcome } = await commit(late, { add: [await verified(carl)] });
      return joinGroup(deps, present(welcome), carl, FIRST);
    };
    const max = BigInt(GROUP_EPOCH_MAX);
    expect((await join(max)).ok).toBe(true);
    expect(bad(await join(max + 1n)).rule).toBe("Inauthentic");
  });
});
