/**
 * The numbered semantic checks of RFC 9420, in the numbering of OpenMLS: proposals. In each message one thing is wrong; all else holds, as
 * the sound ones show that are made in the same way and taken.
 */
import { describe, expect, test } from "vitest";
import { createProposal, encodeMlsMessage, type KeyPackage, type LeafNode, type Proposal } from "ts-mls";
import { signKeyPackage } from "ts-mls/keyPackage.js";
import { signLeafNodeCommit, signLeafNodeKeyPackage } from "ts-mls/leafNode.js";
import { type GroupDevice, verifyPublishedKeyPackage } from "../../../core/group/key-package.ts";
import { receiveCommit } from "../../../core/group/receive-commit.ts";
import { bad } from "../../support/client-world.ts";
import { bytesOf, NOW_MS } from "../../support/group-world.ts";
import { createRefusalWorld } from "../../support/refusal-world.ts";

const NOTHING = new Uint8Array(0);
const refusal = await createRefusalWorld();
const { world, judge, ada, ben, dora, erin, doras, erins } = refusal;
const { packageOf, leafOf, forge, expectRefused, expectTaken, refuses } = refusal;
const { add, remove, update } = refusal.propose;
const { suite, deps } = world;

const psk = (pskNonce: Uint8Array): Proposal => ({
  proposalType: "psk",
  psk: { preSharedKeyId: { psktype: "external", pskId: bytesOf("psk"), pskNonce } },
});

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
