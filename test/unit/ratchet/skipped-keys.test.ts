/** Messages that come late, twice, or never: which keys are kept, and how many. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  RECEIVING_CHAINS_MAX,
  SKIPPED_KEYS_PER_CHAIN_MAX,
  SKIPPED_KEYS_PER_SESSION_MAX,
} from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { createReceivingChain, skipTo, trimChains } from "../../../core/ratchet/receiving-chain.ts";
import { type Conversation, createEstablished, type Side } from "../../support/ratchet-conversation.ts";
import { at, unwrap } from "../../support/ratchet-device.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("skipped");
const duplicate = { ok: false, error: { type: "DuplicateMessage" } };
const doesNotOpen = { ok: false, error: { type: "DoesNotOpen" } };
const tooLarge = (gap: number) => ({
  ok: false,
  error: { type: "GapTooLarge", gap, gapMax: SKIPPED_KEYS_PER_CHAIN_MAX },
});

beforeAll(cryptoReady);

function sendMany(conversation: Conversation, side: Side, count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) => conversation.send(side, Uint8Array.of(i, i >> 8)));
}

/** One message each way, so that the next of `a` are on a new chain. */
function turn(conversation: Conversation): void {
  unwrap(conversation.receive("a", conversation.send("b", Uint8Array.of(9))));
}

const keptKeys = (conversation: Conversation): number => {
  const session = conversation.set("b")?.sessions[0];
  if (session === undefined || session.receiving === null) throw new Error("b has received");
  return [...session.endedChains, session.receiving].reduce((sum, chain) => sum + chain.skipped.length, 0);
};

describe("late messages", () => {
  test("[DR7] open in any order, each once", () => {
    const conversation = createEstablished(random);
    const envelopes = sendMany(conversation, "a", 20);
    for (const index of [19, 3, 0, 18, 7]) {
      expect(unwrap(conversation.receive("b", at(envelopes, index))).plaintext[0]).toBe(index);
      expect(conversation.receive("b", at(envelopes, index))).toEqual(duplicate);
    }
    expect(keptKeys(conversation)).toBe(15);
  });
  test("[DR7] open after the peer has gone on to other chains, each once", () => {
    const conversation = createEstablished(random);
    const late = at(sendMany(conversation, "a", 2), 0);
    for (let i = 0; i < 3; i++) {
      unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(i))));
      turn(conversation);
    }
    expect(unwrap(conversation.receive("b", late)).plaintext).toEqual(Uint8Array.of(0, 0));
    expect(conversation.receive("b", late)).toEqual(duplicate);
  });
  test("[DR11] a repeated message of an ended chain is a duplicate too", () => {
    const conversation = createEstablished(random);
    const first = conversation.send("a", Uint8Array.of(1));
    unwrap(conversation.receive("b", first));
    turn(conversation);
    unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(2))));
    expect(conversation.receive("b", first)).toEqual(duplicate);
  });
});

describe("a gap", () => {
  test("[DR8] in the present chain: at the limit opens, over it is refused and changes nothing", () => {
    const conversation = createEstablished(random);
    unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(1))));
    const envelopes = sendMany(conversation, "a", SKIPPED_KEYS_PER_CHAIN_MAX + 2);
    const over = at(envelopes, SKIPPED_KEYS_PER_CHAIN_MAX + 1);
    expect(conversation.receive("b", over)).toEqual(tooLarge(SKIPPED_KEYS_PER_CHAIN_MAX + 1));
    expect(conversation.receive("b", at(envelopes, SKIPPED_KEYS_PER_CHAIN_MAX)).ok).toBe(true);
    expect(keptKeys(conversation)).toBe(SKIPPED_KEYS_PER_CHAIN_MAX);
    expect(conversation.receive("b", over).ok).toBe(true);
    expect(conversation.receive("b", at(envelopes, 0)).ok).toBe(true);
  });
  test.each([
    ["under", SKIPPED_KEYS_PER_CHAIN_MAX - 1],
    ["at", SKIPPED_KEYS_PER_CHAIN_MAX],
    ["over", SKIPPED_KEYS_PER_CHAIN_MAX + 1],
  ])("[DR8] at the start of a new chain, %s the limit", (name, gap) => {
    const conversation = createEstablished(random);
    unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(1))));
    turn(conversation);
    const last = at(sendMany(conversation, "a", gap + 1), gap);
    const received = conversation.receive("b", last);
    if (name === "over") expect(received).toEqual(tooLarge(gap));
    else expect(received.ok).toBe(true);
  });
  test.each([
    ["under", SKIPPED_KEYS_PER_CHAIN_MAX - 1],
    ["at", SKIPPED_KEYS_PER_CHAIN_MAX],
    ["over", SKIPPED_KEYS_PER_CHAIN_MAX + 1],
  ])("[DR8] at the end of the chain the peer has left, %s the limit", (name, gap) => {
    const conversation = createEstablished(random);
    unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(1))));
    const lost = sendMany(conversation, "a", gap);
    turn(conversation);
    const received = conversation.receive("b", conversation.send("a", Uint8Array.of(1)));
    if (name === "over") {
      expect(received).toEqual(tooLarge(gap));
      return;
    }
    expect(received.ok).toBe(true);
    expect(conversation.receive("b", at(lost, 0)).ok).toBe(true);
    expect(conversation.receive("b", at(lost, gap - 1)).ok).toBe(true);
  });
  test("[DR8] is refused before any key is derived: a jump of four thousand million costs no more than one of none", () => {
    const chain = createReceivingChain(random.bytes(32), random.bytes(32));
    expect(skipTo(chain, 0)).toBe(chain);
    const conversation = createEstablished(random);
    unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(1))));
    const set = conversation.set("a");
    const session = set?.sessions[0];
    if (set === null || session === undefined || session.sending === null) throw new Error("a has sent");
    const far = { ...session, sending: { ...session.sending, nextIndex: 4_294_967_000 } };
    conversation.replaceSet("a", { ...set, sessions: [far] });
    expect(conversation.receive("b", conversation.send("a", Uint8Array.of(1)))).toEqual(
      tooLarge(4_294_967_000 - 1),
    );
  });
});

describe("the limits of kept keys", () => {
  test("[DR9] over those of a chain, its lowest indices go, and are not taken for repeated messages", () => {
    const conversation = createEstablished(random);
    const envelopes = sendMany(conversation, "a", SKIPPED_KEYS_PER_CHAIN_MAX + 502);
    unwrap(conversation.receive("b", at(envelopes, SKIPPED_KEYS_PER_CHAIN_MAX)));
    unwrap(conversation.receive("b", at(envelopes, SKIPPED_KEYS_PER_CHAIN_MAX + 501)));
    expect(keptKeys(conversation)).toBe(SKIPPED_KEYS_PER_CHAIN_MAX);
    expect(conversation.receive("b", at(envelopes, 499))).toEqual(doesNotOpen);
    expect(conversation.receive("b", at(envelopes, 500)).ok).toBe(true);
    expect(conversation.receive("b", at(envelopes, 500))).toEqual(duplicate);
  });
  test("[DR9] over those of a session, the keys of the oldest chain go", () => {
    const conversation = createEstablished(random);
    const lost: (readonly Uint8Array[])[] = [];
    for (let chain = 0; chain < 3; chain++) {
      const envelopes = sendMany(conversation, "a", SKIPPED_KEYS_PER_CHAIN_MAX);
      lost.push(envelopes);
      unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(1))));
      expect(keptKeys(conversation)).toBe(
        Math.min((chain + 1) * SKIPPED_KEYS_PER_CHAIN_MAX, SKIPPED_KEYS_PER_SESSION_MAX),
      );
      turn(conversation);
    }
    expect(conversation.receive("b", at(at(lost, 0), SKIPPED_KEYS_PER_CHAIN_MAX - 1))).toEqual(doesNotOpen);
    expect(conversation.receive("b", at(at(lost, 1), 0)).ok).toBe(true);
    expect(conversation.receive("b", at(at(lost, 2), 0)).ok).toBe(true);
  });
  test.each([-1, 0, 1])(
    "[DR9] %i over the limit of a session drops as many, and gives them out to be wiped",
    (over) => {
      const chainOf = (count: number) =>
        skipTo(createReceivingChain(random.bytes(32), random.bytes(32)), count);
      const rest = SKIPPED_KEYS_PER_SESSION_MAX - SKIPPED_KEYS_PER_CHAIN_MAX;
      const chains = [chainOf(rest + over - 1), chainOf(SKIPPED_KEYS_PER_CHAIN_MAX), chainOf(1)];
      const trimmed = trimChains(chains);
      expect(trimmed.dropped).toEqual(chains[0]?.skipped.slice(0, Math.max(0, over)).map(({ key }) => key));
      expect(trimmed.chains[0]?.keptFrom).toBe(Math.max(0, over));
    },
  );
  test.each([-1, 0, 1])(
    "[DR10] %i over the number of chains, without kept keys, drops the oldest",
    (over) => {
      const chains = Array.from({ length: RECEIVING_CHAINS_MAX + over }, () =>
        createReceivingChain(random.bytes(32), random.bytes(32)),
      );
      expect(trimChains(chains).chains).toEqual(chains.slice(Math.max(0, over)));
    },
  );
  test("[DR10] a chain without kept keys goes before one that has some, and the present one never", () => {
    const chains = Array.from({ length: RECEIVING_CHAINS_MAX + 1 }, (_, i) => {
      const chain = createReceivingChain(random.bytes(32), random.bytes(32));
      return i === 5 || i === RECEIVING_CHAINS_MAX ? chain : skipTo(chain, 1);
    });
    expect(trimChains(chains).chains).toEqual(chains.toSpliced(5, 1));
    const allKept = chains.map((chain, i) => (i === 5 ? skipTo(chain, 1) : chain));
    expect(trimChains(allKept).chains).toEqual(allKept.slice(1));
  });
  test("[DR10] a message late by as many chains as are kept opens, by one more does not", () => {
    const lateBy = (turns: number) => {
      const conversation = createEstablished(random);
      const late = conversation.send("a", Uint8Array.of(7));
      for (let i = 0; i < turns; i++) {
        sendMany(conversation, "a", 1);
        unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(i))));
        turn(conversation);
      }
      return conversation.receive("b", late);
    };
    expect(lateBy(RECEIVING_CHAINS_MAX).ok).toBe(true);
    expect(lateBy(RECEIVING_CHAINS_MAX + 1)).toEqual(doesNotOpen);
  });
});
