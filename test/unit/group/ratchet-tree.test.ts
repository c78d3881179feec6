/** Trees, paths and ratchets of groups that are large, or in which people came and went at different times. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  createCommit as createLibraryCommit,
  emptyPskIndex,
  encodeMlsMessage,
  processPrivateMessage,
} from "ts-mls";
import { deriveTreeSecret } from "ts-mls/crypto/kdf.js";
import { treeHashRoot } from "ts-mls/treeHash.js";
import { verifyParentHashes } from "ts-mls/parentHash.js";
import { GROUP_ADDS_PER_COMMIT_MAX, GROUP_LEAVES_MAX } from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { areKeysUnique, isTreeSound } from "../../../core/group/check-tree.ts";
import { createCommit } from "../../../core/group/create-commit.ts";
import { epochAuthenticator, type Group, leavesOf } from "../../../core/group/group.ts";
import { decodeGroup, encodeGroup } from "../../../core/group/group-codec.ts";
import { openGroupMessage, sealGroupMessage } from "../../../core/group/group-message.ts";
import { joinGroup } from "../../../core/group/join-group.ts";
import { createRatchets, decodeRatchets, encodeRatchets, openRatchet } from "../../../core/group/ratchets.ts";
import { parsePrivateMessage } from "../../../core/group/receive-commit.ts";
import { parentHash, rootHash } from "../../../core/group/tree-hashes.ts";
import { toNodeIndex } from "ts-mls/treemath.js";
import { bad, good } from "../../support/client-world.ts";
import { bytesOf, createGroupWorld, FIRST, present } from "../../support/group-world.ts";

beforeAll(cryptoReady);

const NOTHING = new Uint8Array(0);

/** A group in which devices are added, removed and renewed by any member, drawn from the seed. Every member follows. */
async function grown(seed: string, steps: number) {
  const world = createGroupWorld(seed);
  const members: Group[] = [await world.found(world.device("first", "one"))];
  const below = (count: number): number => (world.random.bytes(4)[0] ?? 0) % count;
  for (let step = 0; step < steps; step++) {
    const at = below(members.length);
    const committer = present(members[at]);
    const own = committer.state.privatePath.leafIndex;
    const others = good(leavesOf(committer)).filter(({ leafIndex }) => leafIndex !== own);
    const gone = members.length > 6 && below(3) === 0 ? others[below(others.length)] : undefined;
    const comes = below(3) > 0 ? await world.keyPackage(world.device(`who ${step}`, "one")) : null;
    const made = await world.commit(committer, {
      add: comes === null ? [] : [await world.verified(comes)],
      removeLeaves: gone === undefined ? [] : [gone.leafIndex],
    });
    const staying = members.filter(({ state }) => state.privatePath.leafIndex !== gone?.leafIndex);
    const next = await Promise.all(
      staying.map(async (group) =>
        group === committer ? made.next : (await world.receive(group, made.commit)).next,
      ),
    );
    if (comes !== null) next.push(good(await joinGroup(world.deps, present(made.welcome), comes, FIRST)));
    members.splice(0, members.length, ...next);
    for (const group of next) expect(epochAuthenticator(group)).toEqual(epochAuthenticator(made.next));
  }
  return { world, members };
}

describe("a ratchet tree", () => {
  test("in which people came, went and renewed their keys hashes as the library says, is sound, and lets people join", async () => {
    for (const seed of ["one", "two"]) {
      const { world, members } = await grown(seed, 32);
      for (const { state } of members.slice(0, 3)) {
        const tree = state.ratchetTree;
        expect(rootHash(tree)).toEqual(await treeHashRoot(tree, world.suite.hash));
        expect(await verifyParentHashes(tree, world.suite.hash)).toBe(true);
        expect(await isTreeSound(tree, state.groupContext, world.suite.signature)).toBe(true);
      }
    }
  });

  test("with one thing wrong is not sound", async () => {
    const { world, members } = await grown("wrong", 40);
    const { ratchetTree: tree, groupContext } = present(members[0]).state;
    const isSound = (bent: typeof tree) =>
      isTreeSound(bent, { ...groupContext, treeHash: rootHash(bent) }, world.suite.signature);
    expect(await isSound(tree.slice())).toBe(true);
    const leaves = tree.flatMap((node, at) => (node?.nodeType === "leaf" ? [{ at, leaf: node.leaf }] : []));
    const parents = tree.flatMap((node, at) =>
      node?.nodeType === "parent" ? [{ at, parent: node.parent }] : [],
    );
    const [first, second] = [present(leaves[0]), present(leaves[1])];
    const top = present(parents.find(({ at }) => at === tree.length >> 1));
    const unmerged = present(parents.find(({ parent }) => parent.unmergedLeaves.length > 0));
    const leafWith = (at: number, leaf: object) =>
      tree.with(at, { nodeType: "leaf", leaf: { ...first.leaf, ...leaf } });
    const parentWith = (at: number, parent: object) =>
      tree.with(at, {
        nodeType: "parent",
        parent: { ...present(parents.find((one) => one.at === at)).parent, ...parent },
      });
    expect(
      await isTreeSound(tree, { ...groupContext, treeHash: new Uint8Array(32) }, world.suite.signature),
    ).toBe(false);
    // A key twice, a leaf in another's place, a signature of something else.
    expect(await isSound(tree.with(second.at, tree[first.at]))).toBe(false);
    expect(await isSound(leafWith(first.at, { hpkePublicKey: top.parent.hpkePublicKey }))).toBe(false);
    expect(await isSound(leafWith(first.at, { signature: second.leaf.signature }))).toBe(false);
    expect(await isSound(parentWith(top.at, { hpkePublicKey: first.leaf.hpkePublicKey }))).toBe(false);
    // Leaves that are said to have come later, and those that are not said to.
    expect(await isSound(parentWith(unmerged.at, { unmergedLeaves: [] }))).toBe(false);
    expect(await isSound(parentWith(top.at, { unmergedLeaves: [first.at / 2, second.at / 2] }))).toBe(false);
    expect(
      await isSound(
        parentWith(unmerged.at, {
          unmergedLeaves: [...unmerged.parent.unmergedLeaves, unmerged.parent.unmergedLeaves[0]],
        }),
      ),
    ).toBe(false);
    expect(await isSound(parentWith(unmerged.at, { unmergedLeaves: [4_000] }))).toBe(false);
    // Nodes where they do not belong.
    expect(await isTreeSound(tree.slice(0, -1), groupContext, world.suite.signature)).toBe(false);
    expect(await isTreeSound(tree.with(1, tree[0]), groupContext, world.suite.signature)).toBe(false);
    expect(await isTreeSound(tree.with(0, present(tree[top.at])), groupContext, world.suite.signature)).toBe(
      false,
    );
  });

  test("names what a leaf's path was made with: another sibling gives another hash", async () => {
    const { members } = await grown("siblings", 24);
    const tree = present(members[0]).state.ratchetTree;
    const top = toNodeIndex(tree.length >> 1);
    if (tree[top] === undefined) throw new Error("the root is there");
    const [left, right] = [toNodeIndex(0), toNodeIndex(tree.length - 1)];
    expect(parentHash(tree, top, left)).not.toEqual(parentHash(tree, top, right));
  });

  test("is followed by the library alone as by us, and the other way round", async () => {
    const { world, members } = await grown("library", 24);
    const [ada, ben] = [present(members[0]), present(members[1])];
    const ours = await world.commit(ada, {});
    const message = good(await parsePrivateMessage(ben, ours.commit, "commit"));
    const theirs = await processPrivateMessage(
      await world.libraryState(ben),
      message,
      emptyPskIndex,
      world.suite,
    );
    expect(theirs.kind === "newState" && theirs.newState.keySchedule.epochAuthenticator).toEqual(
      epochAuthenticator(ours.next),
    );
    const made = await createLibraryCommit(
      { state: await world.libraryState(ada), cipherSuite: world.suite },
      {},
    );
    const followed = await world.receive(ben, encodeMlsMessage(made.commit));
    expect(epochAuthenticator(followed.next)).toEqual(made.newState.keySchedule.epochAuthenticator);
  });

  test("takes no key that stands for another node already", async () => {
    const world = createGroupWorld("twin keys");
    const [ada] = await world.groupOf(world.device("ada", "one"), world.device("ben", "one"));
    const pair = await world.keyPackage(world.device("carl", "one"));
    const package_ = await world.verified(pair);
    // A changed program adds one package under two devices' names; the library would take it.
    const { ratchetTree } = present(ada).state;
    expect(areKeysUnique(ratchetTree)).toBe(true);
    expect(areKeysUnique([...ratchetTree, undefined, ratchetTree[0]])).toBe(false);
    expect(bad(await createCommit(world.deps, present(ada), { add: [package_, package_] })).rule).toBe(
      "DuplicateDevice",
    );
  });
});

describe("ratchets", () => {
  test("[RM16] of which one is used are stored in part, and open after that as before; a secret above what is open is gone", async () => {
    const { suite } = createGroupWorld("parts");
    const fresh = createRatchets(128, new Uint8Array(32).fill(7));
    expect(encodeRatchets(fresh).size).toBe(1);
    const opened = present(await openRatchet(fresh, 50, suite.kdf));
    const once = opened.put(opened.secretTree);
    // What is above the parts, the part of leaves 48 to 63, and the one beside it, whose secret was derived with it.
    expect([...encodeRatchets(once, fresh).keys()].sort()).toEqual([0, 3, 4]);
    const near = present(await openRatchet(once, 51, suite.kdf));
    expect([...encodeRatchets(near.put(near.secretTree), once).keys()]).toEqual([4]);
    const stored = present(decodeRatchets(encodeRatchets(once)));
    for (const leaf of [0, 49, 50, 51, 127])
      expect((await openRatchet(stored, leaf, suite.kdf))?.secretTree).toEqual(
        (await openRatchet(fresh, leaf, suite.kdf))?.secretTree,
      );
    const root = 127;
    expect(fresh.parts.get(0)?.secrets.has(root)).toBe(true);
    expect(once.parts.get(0)?.secrets.has(root)).toBe(false);
  });

  test("keep of a message that was passed nothing that opens another", async () => {
    const world = createGroupWorld("passed");
    const [ada, ben] = await world.groupOf(world.device("ada", "one"), world.device("ben", "one"));
    let writer = present(ada);
    const letters: Uint8Array[] = [];
    for (let at = 0; at < 3; at++) {
      const plaintext = bytesOf(`letter ${at}`);
      const made = good(
        await sealGroupMessage(world.deps, writer, { plaintext, authenticatedData: NOTHING }),
      );
      letters.push(made.sealed);
      writer = made.next;
    }
    const ahead = good(await openGroupMessage(world.deps, present(ben), present(letters[2]))).next;
    const { kdf } = world.suite;
    const { application } = present((await openRatchet(ahead.ratchets, 0, kdf))?.secretTree[0]);
    expect(Object.keys(application.unusedGenerations)).toEqual(["0", "1"]);
    for (const [from, kept] of Object.entries(application.unusedGenerations)) {
      let secret: Uint8Array = kept.slice(0, kdf.size);
      for (let at = Number(from); at < application.generation; at++)
        secret = await deriveTreeSecret(secret, "secret", at, kdf.size, kdf);
      expect(secret).not.toEqual(application.secret);
    }
    const behind = good(await openGroupMessage(world.deps, await world.stored(ahead), present(letters[0])));
    expect(behind.plaintext).toEqual(bytesOf("letter 0"));
    expect((await openGroupMessage(world.deps, behind.next, present(letters[0]))).ok).toBe(false);
    expect((await openGroupMessage(world.deps, behind.next, present(letters[1]))).ok).toBe(true);
  });

  test("that lost a part open what the others hold and nothing else; of two trees they are refused", async () => {
    const { suite } = createGroupWorld("lost");
    const opened = present(await openRatchet(createRatchets(64, new Uint8Array(32).fill(7)), 3, suite.kdf));
    const parts = new Map(encodeRatchets(opened.put(opened.secretTree)));
    parts.delete(0);
    const left = present(decodeRatchets(parts));
    expect(await openRatchet(left, 3, suite.kdf)).not.toBeNull();
    expect(await openRatchet(left, 40, suite.kdf)).toBeNull();
    const other = encodeRatchets(createRatchets(128, new Uint8Array(32)));
    expect(decodeRatchets(new Map([...parts, ...other]))).toBeNull();
    for (const leaf of [-1, 64, 0.5]) expect(await openRatchet(left, leaf, suite.kdf)).toBeNull();
  });
});

describe("a group of many", () => {
  test("of 200 devices, each joined by one Welcome after others had renewed their keys, is one group", async () => {
    const world = createGroupWorld("many");
    let ada = await world.found(world.device("ada", "one"));
    const watchers: Group[] = [];
    for (let added = 1; added < 200; added += GROUP_ADDS_PER_COMMIT_MAX) {
      const pairs = await Promise.all(
        Array.from({ length: Math.min(GROUP_ADDS_PER_COMMIT_MAX, 200 - added) }, (_, at) =>
          world.keyPackage(world.device(`member ${added + at}`, "one")),
        ),
      );
      const made = await world.commit(ada, { add: await Promise.all(pairs.map(world.verified)) });
      for (const [at, group] of watchers.entries())
        watchers[at] = (await world.receive(group, made.commit)).next;
      watchers.push(good(await joinGroup(world.deps, present(made.welcome), present(pairs[0]), FIRST)));
      ada = made.next;
      const [renewer] = watchers;
      const renewed = await world.commit(present(renewer), {});
      for (const [at, group] of watchers.entries())
        watchers[at] = at === 0 ? renewed.next : (await world.receive(group, renewed.commit)).next;
      ada = (await world.receive(ada, renewed.commit)).next;
    }
    for (const group of watchers) expect(epochAuthenticator(group)).toEqual(epochAuthenticator(ada));
    const reader = present(watchers.at(-1));
    const stored = good(await decodeGroup(world.deps, encodeGroup(reader)));
    const { sealed } = good(
      await sealGroupMessage(world.deps, ada, { plaintext: bytesOf("to all"), authenticatedData: NOTHING }),
    );
    expect(good(await openGroupMessage(world.deps, stored, sealed)).plaintext).toEqual(bytesOf("to all"));
  });

  test(`holds ${GROUP_LEAVES_MAX} leaves and not one more`, async () => {
    const world = createGroupWorld("full");
    const founded = await world.found(world.device("ada", "one"));
    const [leaf] = founded.state.ratchetTree;
    /** As many leaves, without their keys: what is refused is refused before anybody looks. */
    const withLeaves = (count: number): Group => {
      const ratchetTree = Array.from({ length: 2 * count - 1 }, (_, at) => (at % 2 === 0 ? leaf : undefined));
      return { ...founded, state: { ...founded.state, ratchetTree } };
    };
    const add = [await world.verified(await world.keyPackage(world.device("ben", "one")))];
    const ruleOf = async (count: number) =>
      bad(await createCommit(world.deps, withLeaves(count), { add })).rule;
    expect(await ruleOf(GROUP_LEAVES_MAX)).toBe("TooManyLeaves");
    // Under it the next thing is what is wrong: one device's leaf so many times.
    expect(await ruleOf(GROUP_LEAVES_MAX - 1)).toBe("DuplicateDevice");
  });
});
