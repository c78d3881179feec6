/** Logs that a contact had before, found by their id and by what the chain stored here tells of. */
import { describe, expect, test } from "vitest";
import { present } from "../../../../core/base/assert.ts";
import { createContactLogs, REVOCATIONS_SEARCHED } from "../../../../core/client/contacts/contact-logs.ts";
import type { EngineContext } from "../../../../core/client/engine-context.ts";
import { inboundKeys } from "../../../../core/messenger/inbound-keys.ts";
import type { ChainState } from "../../../../core/sigchain/chain-state.ts";
import { good } from "../../../support/client-world.ts";
import { accountOf } from "../../../support/messages.ts";

const secret = new Uint8Array(32).fill(3);
const contact = accountOf(1);
const origin = "https://theirs.example";

/** The logs of a contact that has revoked so many devices, of which the chain stored here tells of `stored`. */
function logsAfter(revocations: number, stored = revocations) {
  const all = Array.from({ length: revocations }, (_, index) => ({ seq: index + 2 }));
  const cuts = all.slice(0, stored);
  const context = {
    epochSecret: () => secret,
    chain: () => ({ cuts: [] }) as unknown as ChainState,
    storedChain: async () => ({ ok: true, value: { cuts } as unknown as ChainState }),
  } as unknown as EngineContext;
  const place = { epoch: 1, theirCutSeq: all.at(-1)?.seq ?? 0, turn: 0 };
  const own = { ...place, ...inboundKeys(secret, contact, place) };
  return { logs: createContactLogs(context), known: { accountId: contact, origin, own }, cuts, all };
}

const first = inboundKeys(secret, contact);

describe("[DM5] the log of an entry that waited for a chain", () => {
  test.each([0, 1, 3, 4, REVOCATIONS_SEARCHED - 1])(
    "is found when the chain has come with %i revocations",
    async (revocations) => {
      const { logs, known } = logsAfter(revocations);
      expect(present(good(await logs.find(known, first.logId)), "the log")).toMatchObject(first);
    },
  );

  test(`is gone after ${REVOCATIONS_SEARCHED}`, async () => {
    const { logs, known } = logsAfter(REVOCATIONS_SEARCHED);
    expect(good(await logs.find(known, first.logId))).toBeNull();
    expect(good(await logs.earlier(known)), "as few are followed as ever").toHaveLength(3);
  });
});

describe("[DM17] a device whose stored chain of a contact is behind what a sibling has noted", () => {
  test.each([0, 1, 2])("wants the chain that has %i of three revocations", async (stored) => {
    const { logs, known, cuts, all } = logsAfter(3, stored);
    expect(good(await logs.earlier(known))).toHaveLength(stored + 1);
    expect([...logs.chainsBehind()]).toEqual([[contact, origin]]);
    cuts.push(...all.slice(stored));
    logs.chainFetched(contact);
    expect(good(await logs.earlier(known))).toHaveLength(3);
    expect(logs.chainsBehind().size).toBe(0);
  });

  test("goes on without one that a server does not show, and looks again the next time", async () => {
    const { logs, known } = logsAfter(3, 1);
    good(await logs.earlier(known));
    logs.chainFetched(contact);
    expect(logs.chainsBehind().size).toBe(0);
    good(await logs.earlier(known));
    expect(logs.chainsBehind().size).toBe(1);
  });

  test("wants none that has them all", async () => {
    const { logs, known } = logsAfter(3);
    good(await logs.earlier(known));
    expect(logs.chainsBehind().size).toBe(0);
  });
});
