/**
 * The numbered semantic checks of RFC 9420, in the numbering of OpenMLS: external commits. In each message one thing is wrong; all else holds, as
 * the sound ones show that are made in the same way and taken.
 */
import { describe, test } from "vitest";
import { encodeMlsMessage, type Proposal, type UpdatePath } from "ts-mls";
import { createRefusalWorld } from "../../support/refusal-world.ts";

const NOTHING = new Uint8Array(0);
const { ada, doras, forge, expectRefused, refuses, propose } = await createRefusalWorld();
const { add, remove, externalInit } = propose;

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
