/**
 * The numbered semantic checks of RFC 9420, in the numbering of OpenMLS: framing. In each message one thing is wrong; all else holds, as
 * the sound ones show that are made in the same way and taken.
 */
import { describe, expect, test } from "vitest";
import { type CiphersuiteImpl, createCommit as createLibraryCommit, encodeMlsMessage } from "ts-mls";
import type { Group } from "../../../core/group/group.ts";
import type { GroupRule } from "../../../core/group/group-fault.ts";
import { openGroupMessage, sealGroupMessage } from "../../../core/group/group-message.ts";
import { bad, good } from "../../support/client-world.ts";
import { forgeCommit } from "../../support/commit-forge.ts";
import { bytesOf, present } from "../../support/group-world.ts";
import { createRefusalWorld } from "../../support/refusal-world.ts";

const NOTHING = new Uint8Array(0);
const { world, ada, ben, forge, expectRefused, expectTaken, refuses } = await createRefusalWorld();
const { suite, deps } = world;

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
