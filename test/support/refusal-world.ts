/** A group in which one thing at a time is wrong: its members refuse that for the named rule, and follow the next good commit. */
import { expect } from "vitest";
import type { KeyPackage, LeafNode, Proposal } from "ts-mls";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { epochAuthenticator } from "../../core/group/group.ts";
import type { GroupRule } from "../../core/group/group-fault.ts";
import { type KeyPackagePair, openKeyPackagePair } from "../../core/group/key-package.ts";
import { receiveCommit } from "../../core/group/receive-commit.ts";
import { bad, good } from "./client-world.ts";
import { type Forgery, forgeCommit } from "./commit-forge.ts";
import { createGroupWorld, FIRST, present } from "./group-world.ts";

/** Ada's group with her second device, Ben and Carl; Dora and Erin are outside. */
export async function createRefusalWorld() {
  await cryptoReady();
  const world = createGroupWorld("validation checks");
  const { suite, deps } = world;
  const judge = { ...world.judge, context: FIRST };
  const packageOf = async (pair: KeyPackagePair) => good(await openKeyPackagePair(pair)).keyPackage;

  const devices = [world.device("ada", "one"), world.device("ada", "two"), world.device("ben", "one")];
  const groups = await world.groupOf(...devices, world.device("carl", "one"));
  // With keys above the leaves.
  const first = await world.commit(present(groups[0]), {});
  const ada = first.next;
  const two = (await world.receive(present(groups[1]), first.commit)).next;
  const ben = (await world.receive(present(groups[2]), first.commit)).next;
  const sound = await world.commit(ada, {});
  const dora = world.device("dora", "one");
  const erin = world.device("erin", "one");
  const doras = await packageOf(await world.keyPackage(dora));
  const erins = await packageOf(await world.keyPackage(erin));

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

  function leafOf(index: number): LeafNode {
    const node = ada.state.ratchetTree[2 * index];
    if (node?.nodeType !== "leaf") throw new Error("it is there");
    return node.leaf;
  }

  const add = (keyPackage: KeyPackage): Proposal => ({ proposalType: "add", add: { keyPackage } });
  const remove = (removed: number): Proposal => ({ proposalType: "remove", remove: { removed } });
  const update = (): Proposal => ({
    proposalType: "update",
    update: { leafNode: { ...leafOf(0), leafNodeSource: "update" } as never },
  });
  const externalInit = (): Proposal => ({
    proposalType: "external_init",
    externalInit: { kemOutput: world.random.bytes(32) },
  });

  return {
    ...{ world, judge, ada, ben, dora, erin, doras, erins },
    ...{ packageOf, leafOf, forge, expectRefused, expectTaken, refuses },
    propose: { add, remove, update, externalInit },
  };
}
