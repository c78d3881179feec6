/**
 * The numbered semantic checks of RFC 9420, in the numbering of OpenMLS: commits. In each message one thing is wrong; all else holds, as
 * the sound ones show that are made in the same way and taken.
 */
import { describe, test } from "vitest";
import type { CiphersuiteImpl, Extension, Proposal, UpdatePath } from "ts-mls";
import { contextExtension } from "../../../core/group/group.ts";
import { FIRST, present } from "../../support/group-world.ts";
import { createRefusalWorld } from "../../support/refusal-world.ts";

const NOTHING = new Uint8Array(0);
const refusal = await createRefusalWorld();
const { world, ada, dora, doras, packageOf, leafOf, forge, expectTaken, refuses } = refusal;
const { add, remove, update } = refusal.propose;
const { suite } = world;

const context = (...extensions: readonly Extension[]): Proposal => ({
  proposalType: "group_context_extensions",
  groupContextExtensions: { extensions: [...extensions] },
});

/** Keys of a path: the one of the leaf first, then upwards. */
function withKey(at: number, key: Uint8Array): CiphersuiteImpl {
  let count = 0;
  const deriveKeyPair = async (from: Uint8Array) => {
    const pair = await suite.hpke.deriveKeyPair(from);
    return count++ === at ? { ...pair, publicKey: await suite.hpke.importPublicKey(key) } : pair;
  };
  return { ...suite, hpke: { ...suite.hpke, deriveKeyPair } };
}

/** A suite that signs what is not asked for. */
function unsigned(): CiphersuiteImpl {
  const sign = async () => new Uint8Array(64);
  return { ...suite, signature: { ...suite.signature, sign } };
}

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
