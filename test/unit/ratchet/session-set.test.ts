/** All sessions of two devices: starts, replays, simultaneous starts, limits, and what a step may change. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Bytes, toHex } from "../../../core/base/bytes.ts";
import {
  CHAIN_MESSAGES_MAX,
  REMEMBERED_STARTS_MAX,
  SESSIONS_PER_DEVICE_PAIR_MAX,
} from "../../../core/base/limits.ts";
import { wipe } from "../../../core/crypto/secret.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { sessionSecretsOf } from "../../../core/ratchet/session.ts";
import {
  decryptMessage,
  encryptMessage,
  preKeyIdsNeeded,
  type SessionSet,
  startSession,
} from "../../../core/ratchet/session-set.ts";
import { encodeSessionSet } from "../../../core/ratchet/session-set-codec.ts";
import {
  type Conversation,
  createConversation,
  createEstablished,
  otherSide,
  type Side,
} from "../../support/ratchet-conversation.ts";
import { addPreKey, at, finderOf, pairOf, unwrap, verifiedBundleOf } from "../../support/ratchet-device.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("session sets");
const one = Uint8Array.of(1);
const duplicate = { ok: false, error: { type: "DuplicateMessage" } };
const doesNotOpen = { ok: false, error: { type: "DoesNotOpen" } };

beforeAll(cryptoReady);

const setOf = (conversation: Conversation, side: Side): SessionSet => {
  const set = conversation.set(side);
  if (set === null) throw new Error(`${side} has no session`);
  return set;
};
const activeId = (conversation: Conversation, side: Side) =>
  toHex(at(setOf(conversation, side).sessions, 0).id);
const isPreKeyMessage = (envelope: Bytes) => envelope[0] === 2;

describe("a prekey message", () => {
  test("[DR16] is repeated until the first reply is there, and the responder never sends one", () => {
    const conversation = createConversation(random);
    conversation.start("a");
    const envelopes = [conversation.send("a", one), conversation.send("a", one)];
    expect(envelopes.map(isPreKeyMessage)).toEqual([true, true]);
    unwrap(conversation.receive("b", at(envelopes, 1)));
    const reply = conversation.send("b", one);
    expect(isPreKeyMessage(reply)).toBe(false);
    expect(isPreKeyMessage(conversation.send("a", one))).toBe(true);
    unwrap(conversation.receive("a", reply));
    expect(isPreKeyMessage(conversation.send("a", one))).toBe(false);
    expect(unwrap(conversation.receive("b", at(envelopes, 0))).plaintext).toEqual(one);
  });
  test("[PK11] uses up its one-time prekey when it opens, and only the first does", () => {
    const conversation = createConversation(random);
    conversation.start("a");
    const { oneTime } = conversation.device.b;
    const [first, second] = [conversation.send("a", one), conversation.send("a", one)];
    expect(unwrap(conversation.receive("b", first)).consumedPreKeyId).toBe(oneTime.id);
    expect(conversation.device.b.preKeys.has(oneTime.id)).toBe(false);
    expect(unwrap(conversation.receive("b", second)).consumedPreKeyId).toBeNull();
  });
  test("[PK11] uses up nothing when it does not open", () => {
    const conversation = createConversation(random);
    conversation.start("a");
    const envelope = conversation.send("a", one);
    const forged = envelope.slice();
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
    expect(conversation.receive("b", forged)).toEqual(doesNotOpen);
    expect(conversation.set("b")).toBeNull();
    expect(conversation.receive("b", envelope).ok).toBe(true);
  });
  test.each(["oneTime", "lastResort"] as const)(
    "[DR12] with a %s prekey, come a thousand times, with reloads, opens once and makes one session",
    (kind) => {
      const conversation = createConversation(random, { isReloading: true });
      conversation.start("a", conversation.device.b[kind]);
      const envelope = conversation.send("a", one);
      unwrap(conversation.receive("b", envelope));
      const stored = encodeSessionSet(setOf(conversation, "b"));
      for (let i = 0; i < 1_000; i++) expect(conversation.receive("b", envelope)).toEqual(duplicate);
      expect(encodeSessionSet(setOf(conversation, "b"))).toEqual(stored);
      expect(setOf(conversation, "b").sessions).toHaveLength(1);
    },
  );
  test("names the prekey that is missing", () => {
    const conversation = createConversation(random);
    conversation.start("a");
    const envelope = conversation.send("a", one);
    const { b } = conversation.device;
    expect(preKeyIdsNeeded(null, envelope)).toEqual({ ok: true, value: [b.signed.id, b.oneTime.id] });
    b.preKeys.delete(b.oneTime.id);
    expect(conversation.receive("b", envelope)).toEqual({
      ok: false,
      error: { type: "PreKeyMissing", id: b.oneTime.id },
    });
    b.preKeys.delete(b.signed.id);
    expect(conversation.receive("b", envelope)).toEqual({
      ok: false,
      error: { type: "PreKeyMissing", id: b.signed.id },
    });
  });
  test("a prekey of the wrong kind counts as missing", () => {
    const conversation = createConversation(random);
    conversation.start("a");
    const envelope = conversation.send("a", one);
    const { b } = conversation.device;
    b.preKeys.set(b.signed.id, b.lastResort);
    expect(conversation.receive("b", envelope)).toEqual({
      ok: false,
      error: { type: "PreKeyMissing", id: b.signed.id },
    });
    b.preKeys.set(b.signed.id, b.signed).set(b.oneTime.id, b.signed);
    expect(conversation.receive("b", envelope)).toEqual({
      ok: false,
      error: { type: "PreKeyMissing", id: b.oneTime.id },
    });
  });
  test("sent back to its sender opens nothing", () => {
    const conversation = createConversation(random);
    conversation.start("a");
    expect(conversation.receive("a", conversation.send("a", one))).toEqual(doesNotOpen);
  });
  test("without its start, from a device with no session, opens nothing and needs no prekeys", () => {
    const conversation = createEstablished(random);
    const envelope = conversation.send("a", one);
    conversation.replaceSet("b", null);
    expect(preKeyIdsNeeded(null, envelope)).toEqual({ ok: true, value: [] });
    expect(conversation.receive("b", envelope)).toEqual(doesNotOpen);
  });
});

describe("several sessions", () => {
  function startAnother(
    conversation: Conversation,
    side: Side,
    kind: "oneTime" | "lastResort" = "oneTime",
  ): void {
    const peer = conversation.device[otherSide(side)];
    conversation.start(side, addPreKey(random, peer, kind));
  }

  test("[DR14] two that start at once agree after one has answered, and lose nothing", () => {
    const conversation = createConversation(random, { isReloading: true });
    conversation.start("a");
    conversation.start("b");
    const crossing = { a: conversation.send("a", one), b: conversation.send("b", Uint8Array.of(2)) };
    expect(unwrap(conversation.receive("b", crossing.a)).plaintext).toEqual(one);
    expect(unwrap(conversation.receive("a", crossing.b)).plaintext).toEqual(Uint8Array.of(2));
    expect([setOf(conversation, "a"), setOf(conversation, "b")].map((set) => set.sessions.length)).toEqual([
      2, 2,
    ]);
    expect(activeId(conversation, "a")).not.toBe(activeId(conversation, "b"));
    unwrap(conversation.receive("b", conversation.send("a", one)));
    expect(activeId(conversation, "a")).toBe(activeId(conversation, "b"));
    for (let i = 0; i < 4; i++) {
      const side = i % 2 === 0 ? "b" : "a";
      unwrap(conversation.receive(otherSide(side), conversation.send(side, one)));
      expect(activeId(conversation, "a")).toBe(activeId(conversation, "b"));
    }
  });
  test("[DR14] a new start becomes active on both sides, and what was under way in the old session opens", () => {
    const conversation = createEstablished(random);
    const underWay = conversation.send("b", Uint8Array.of(3));
    const before = activeId(conversation, "a");
    startAnother(conversation, "a");
    expect(activeId(conversation, "a")).not.toBe(before);
    unwrap(conversation.receive("b", conversation.send("a", one)));
    expect(activeId(conversation, "b")).toBe(activeId(conversation, "a"));
    expect(unwrap(conversation.receive("a", underWay)).plaintext).toEqual(Uint8Array.of(3));
  });
  test("[DR14] a message opened with a kept key does not bring its session back", () => {
    const conversation = createEstablished(random);
    const late = conversation.send("a", Uint8Array.of(3));
    unwrap(conversation.receive("b", conversation.send("a", one)));
    startAnother(conversation, "a");
    unwrap(conversation.receive("b", conversation.send("a", one)));
    const active = activeId(conversation, "b");
    expect(unwrap(conversation.receive("b", late)).plaintext).toEqual(Uint8Array.of(3));
    expect(activeId(conversation, "b")).toBe(active);
  });
  test("[DR15] as many as the limit are kept; one more drops the one longest without anything new", () => {
    const conversation = createEstablished(random);
    const ids = [activeId(conversation, "b")];
    const old = conversation.send("a", one);
    for (let i = 1; i < SESSIONS_PER_DEVICE_PAIR_MAX; i++) {
      startAnother(conversation, "a");
      unwrap(conversation.receive("b", conversation.send("a", one)));
      ids.push(activeId(conversation, "b"));
    }
    const kept = () => setOf(conversation, "b").sessions.map((session) => toHex(session.id));
    expect(kept()).toEqual(ids.toReversed());
    expect(conversation.receive("b", old).ok).toBe(true);
    startAnother(conversation, "a");
    unwrap(conversation.receive("b", conversation.send("a", one)));
    expect(kept()).toHaveLength(SESSIONS_PER_DEVICE_PAIR_MAX);
    // The oldest had just received: the second oldest went.
    expect(kept()).toContain(at(ids, 0));
    expect(kept()).not.toContain(at(ids, 1));
    expect(setOf(conversation, "a").sessions).toHaveLength(SESSIONS_PER_DEVICE_PAIR_MAX);
  });
  test("[DR13] a start with a last-resort prekey makes no second session after its own was dropped", () => {
    const conversation = createConversation(random, { isReloading: true });
    conversation.start("a", conversation.device.b.lastResort);
    const first = conversation.send("a", one);
    unwrap(conversation.receive("b", first));
    for (let i = 0; i < SESSIONS_PER_DEVICE_PAIR_MAX; i++) {
      conversation.start("a", conversation.device.b.lastResort);
      unwrap(conversation.receive("b", conversation.send("a", one)));
    }
    expect(setOf(conversation, "b").rememberedStarts).toHaveLength(1);
    const stored = encodeSessionSet(setOf(conversation, "b"));
    expect(conversation.receive("b", first)).toEqual(doesNotOpen);
    expect(encodeSessionSet(setOf(conversation, "b"))).toEqual(stored);
  });

  /** b with all sessions from last-resort prekeys and `count` starts remembered. */
  function createFull(count: number): Conversation {
    const conversation = createConversation(random);
    for (let i = 0; i < SESSIONS_PER_DEVICE_PAIR_MAX; i++) {
      conversation.start("a", conversation.device.b.lastResort);
      unwrap(conversation.receive("b", conversation.send("a", one)));
    }
    const lastResortId = conversation.device.b.lastResort.id;
    const rememberedStarts = Array.from({ length: count }, () => ({
      sessionId: random.bytes(16),
      lastResortId,
    }));
    conversation.replaceSet("b", { ...setOf(conversation, "b"), rememberedStarts });
    return conversation;
  }
  test.each([
    [REMEMBERED_STARTS_MAX - 2, true],
    [REMEMBERED_STARTS_MAX - 1, true],
    [REMEMBERED_STARTS_MAX, false],
  ])("[DR13] with %i starts remembered, one more is taken: %s", (count, isTaken) => {
    const conversation = createFull(count);
    const { a, b } = conversation.device;
    conversation.start("a", b.lastResort);
    const received = conversation.receive("b", conversation.send("a", one));
    if (isTaken) expect(unwrap(received).set.rememberedStarts).toHaveLength(count + 1);
    else expect(received).toEqual({ ok: false, error: { type: "TooManySessions" } });
    const facts = { set: setOf(createFull(count), "b"), bundle: verifiedBundleOf(a), nowMs: 1 };
    expect(startSession({ random }, pairOf(b, a), facts).ok).toBe(isTaken);
  });
  test("[DR13] starts whose prekey was erased are forgotten when room is needed", () => {
    const conversation = createFull(REMEMBERED_STARTS_MAX);
    const { b } = conversation.device;
    b.preKeys.delete(b.lastResort.id);
    const next = addPreKey(random, b, "lastResort");
    conversation.start("a", next);
    const envelope = conversation.send("a", one);
    const needed = unwrap(preKeyIdsNeeded(conversation.set("b"), envelope));
    expect(needed).toEqual([b.signed.id, next.id, b.lastResort.id]);
    expect(unwrap(conversation.receive("b", envelope)).set.rememberedStarts).toEqual([]);
  });
});

describe("a sending chain", () => {
  test.each([
    [CHAIN_MESSAGES_MAX - 2, true],
    [CHAIN_MESSAGES_MAX - 1, true],
    [CHAIN_MESSAGES_MAX, false],
  ])("at index %i has room for one more: %s", (nextIndex, hasRoom) => {
    const conversation = createEstablished(random);
    conversation.send("a", one);
    const set = setOf(conversation, "a");
    const session = at(set.sessions, 0);
    if (session.sending === null) throw new Error("a has sent");
    const far = { ...set, sessions: [{ ...session, sending: { ...session.sending, nextIndex } }] };
    const sent = encryptMessage({ random }, far, { context: conversation.context, plaintext: one });
    if (hasRoom) expect(encodeSessionSet(unwrap(sent).set).length).toBeGreaterThan(0);
    else expect(sent).toEqual({ ok: false, error: { type: "ChainExhausted" } });
  });
});

describe("a ratchet step", () => {
  test("[DR6] a new ratchet key is made for the first message after the peer's changed, and only then", () => {
    const conversation = createEstablished(random);
    const ratchetKey = (side: Side) => at(setOf(conversation, side).sessions, 0).ratchetKey;
    expect(ratchetKey("a")).toBeNull();
    conversation.send("a", one);
    const first = ratchetKey("a");
    const second = conversation.send("a", one);
    expect(ratchetKey("a")).toEqual(first);
    unwrap(conversation.receive("b", second));
    expect(ratchetKey("b")).toBeNull();
    unwrap(conversation.receive("a", conversation.send("b", one)));
    expect(ratchetKey("a")).toBeNull();
    conversation.send("a", one);
    expect(ratchetKey("a")).not.toEqual(first);
  });
  test("[DR6] the signed prekey's own record is not wiped with the session's first key", () => {
    const conversation = createEstablished(random);
    const { signed } = conversation.device.b;
    expect(signed.agreement.secretKey.some((byte) => byte !== 0)).toBe(true);
    conversation.start("a", addPreKey(random, conversation.device.b, "oneTime"));
    expect(conversation.receive("b", conversation.send("a", one)).ok).toBe(true);
  });
});

describe("a step", () => {
  /** Runs a step at every kind of state and gives what was before, after and obsolete. */
  function steps(): readonly {
    readonly name: string;
    readonly before: SessionSet;
    readonly after: SessionSet;
    readonly spent: readonly Bytes[];
    readonly snapshot: string;
    readonly now: () => string;
  }[] {
    const conversation = createEstablished(random);
    const { a, b } = conversation.device;
    const { context } = conversation;
    const out: ReturnType<typeof steps>[number][] = [];
    const sets: Record<Side, SessionSet> = { a: setOf(conversation, "a"), b: setOf(conversation, "b") };
    const note = (
      name: string,
      side: Side,
      run: (set: SessionSet) => { readonly set: SessionSet; readonly spent: readonly Bytes[] },
    ) => {
      const before = sets[side];
      const snapshot = toHex(encodeSessionSet(before));
      const { set, spent } = run(before);
      sets[side] = set;
      out.push({ name, before, after: set, spent, snapshot, now: () => toHex(encodeSessionSet(before)) });
    };
    const send = (name: string, side: Side): Bytes => {
      let envelope: Bytes = new Uint8Array(0);
      note(name, side, (set) => {
        const sent = unwrap(encryptMessage({ random }, set, { context, plaintext: one }));
        envelope = sent.envelope;
        return sent;
      });
      return envelope;
    };
    const receive = (name: string, side: Side, envelope: Bytes): void => {
      const [self, peer] = side === "a" ? [a, b] : [b, a];
      note(name, side, (set) =>
        unwrap(decryptMessage(set, pairOf(self, peer), { context, envelope, findPreKey: finderOf(self) })),
      );
    };
    const early = [send("send after a turn", "a"), send("send", "a"), send("send", "a")];
    receive("receive with a turn, two passed over", "b", at(early, 2));
    receive("receive a late one", "b", at(early, 0));
    receive("receive in order", "b", send("send", "a"));
    receive("receive a turn back", "a", send("send after a turn", "b"));
    const lost = send("send after a turn", "a");
    receive("receive the next but one", "b", send("send", "a"));
    receive("receive a turn back", "a", send("send after a turn", "b"));
    receive("receive a turn with an ended chain", "b", send("send after a turn", "a"));
    receive("receive a late one of an ended chain", "b", lost);
    note("start another", "a", (set) =>
      unwrap(
        startSession({ random }, pairOf(a, b), { set, bundle: verifiedBundleOf(b, b.lastResort), nowMs: 1 }),
      ),
    );
    receive("receive another start", "b", send("send a start", "a"));
    return out;
  }
  const secrets = (set: SessionSet) => new Set(set.sessions.flatMap(sessionSecretsOf));

  test("[DR17] changes nothing in the state it was given", () => {
    const seen = steps();
    expect(seen.map(({ name, now }) => [name, now()])).toEqual(
      seen.map(({ name, snapshot }) => [name, snapshot]),
    );
  });
  test("[DR17] gives out every secret the new state lost, and none it still has", () => {
    for (const { name, before, after, spent } of steps()) {
      const [had, has] = [secrets(before), secrets(after)];
      const lost = [...had].filter((secret) => !has.has(secret));
      expect(
        lost.filter((secret) => !spent.includes(secret)),
        `${name}: kept back`,
      ).toEqual([]);
      expect(
        spent.filter((secret) => has.has(secret)),
        `${name}: still in use`,
      ).toEqual([]);
    }
  });
  test("[DR17] dropped sessions are given out whole", () => {
    const conversation = createEstablished(random);
    const { a, b } = conversation.device;
    let set = setOf(conversation, "a");
    const first = at(set.sessions, 0);
    for (let i = 1; i < SESSIONS_PER_DEVICE_PAIR_MAX; i++)
      set = unwrap(
        startSession({ random }, pairOf(a, b), { set, bundle: verifiedBundleOf(b), nowMs: 1 }),
      ).set;
    const last = unwrap(
      startSession({ random }, pairOf(a, b), { set, bundle: verifiedBundleOf(b), nowMs: 1 }),
    );
    expect(last.spent).toEqual(sessionSecretsOf(first));
    wipe(...last.spent);
    expect(sessionSecretsOf(first).every((secret) => secret.every((byte) => byte === 0))).toBe(true);
  });
});

describe("the context", () => {
  test("[DR4] another one does not open, and the right one still does", () => {
    const conversation = createEstablished(random);
    const envelope = conversation.send("a", one);
    const { a, b } = conversation.device;
    for (const context of [
      random.bytes(33),
      conversation.context.slice(1),
      Uint8Array.from([...conversation.context, 0]),
    ]) {
      const received = { context, envelope, findPreKey: finderOf(b) };
      expect(decryptMessage(conversation.set("b"), pairOf(b, a), received)).toEqual(doesNotOpen);
    }
    expect(conversation.receive("b", envelope).ok).toBe(true);
  });
});
