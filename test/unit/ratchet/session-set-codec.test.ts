/** The stored form of sessions. */
import { beforeAll, expect, test } from "vitest";
import { toHex } from "../../../core/base/bytes.ts";
import { encode } from "../../../core/codec/shape.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { sessionSecretsOf } from "../../../core/ratchet/session.ts";
import type { SessionSet } from "../../../core/ratchet/session-set.ts";
import {
  decodeSessionSet,
  encodeSessionSet,
  sessionSetShape,
} from "../../../core/ratchet/session-set-codec.ts";
import {
  type Conversation,
  createConversation,
  createEstablished,
} from "../../support/ratchet-conversation.ts";
import { at, unwrap } from "../../support/ratchet-device.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("codec");

beforeAll(cryptoReady);

/** Sets of every form: with and without a start to repeat, chains, kept keys, several sessions. */
function variety(): readonly SessionSet[] {
  const sets: (SessionSet | null)[] = [];
  const note = (conversation: Conversation): void => {
    sets.push(conversation.set("a"), conversation.set("b"));
  };
  const conversation = createConversation(random);
  conversation.start("a");
  note(conversation);
  const lost = conversation.send("a", Uint8Array.of(1));
  note(conversation);
  unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(2))));
  note(conversation);
  unwrap(conversation.receive("a", conversation.send("b", Uint8Array.of(3))));
  unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(4))));
  note(conversation);
  conversation.start("b", conversation.device.a.lastResort);
  unwrap(conversation.receive("a", conversation.send("b", Uint8Array.of(5))));
  note(conversation);
  unwrap(conversation.receive("b", lost));
  note(conversation);
  const lastResortId = conversation.device.a.lastResort.id;
  const remembered = conversation.set("a");
  if (remembered !== null)
    sets.push({ ...remembered, rememberedStarts: [{ sessionId: random.bytes(16), lastResortId }] });
  return sets.filter((set) => set !== null);
}

test("[DR18] every state is read as it was written", () => {
  const sets = variety();
  expect(sets.length).toBeGreaterThan(10);
  for (const set of sets) {
    const stored = encodeSessionSet(set);
    const read = unwrap(decodeSessionSet(stored));
    expect(read).toEqual(set);
    expect(toHex(encodeSessionSet(read))).toBe(toHex(stored));
  }
});

test("[DR18] a state read from a row owns its bytes: wiping it leaves the row", () => {
  const stored = encodeSessionSet(unwrap(decodeSessionSet(encodeSessionSet(at(variety(), 8)))));
  const row = toHex(stored);
  for (const session of unwrap(decodeSessionSet(stored)).sessions)
    for (const secret of sessionSecretsOf(session)) secret.fill(0);
  expect(toHex(stored)).toBe(row);
});

test("[DR18] no shortened, lengthened or changed row throws; what is cut is refused", () => {
  const stored = encodeSessionSet(at(variety(), 9));
  for (let length = 0; length < stored.length; length += 7)
    expect(decodeSessionSet(stored.subarray(0, length)).ok).toBe(false);
  expect(decodeSessionSet(Uint8Array.from([...stored, 0])).ok).toBe(false);
  for (let i = 0; i < stored.length; i++) {
    const changed = Uint8Array.from(stored);
    changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8));
    const read = decodeSessionSet(changed);
    if (read.ok) expect(toHex(encodeSessionSet(read.value))).toBe(toHex(changed));
  }
});

test("[DR18] an empty set, and kept keys out of order, are refused", () => {
  const conversation = createEstablished(random);
  conversation.send("a", Uint8Array.of(1));
  conversation.send("a", Uint8Array.of(1));
  unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(2))));
  const set = conversation.set("b");
  const session = set?.sessions[0];
  if (set === null || session === undefined || session.receiving === null) throw new Error("b has received");
  const store = (sessions: SessionSet["sessions"]) =>
    encode(sessionSetShape, { version: 1, sessions, rememberedStarts: [] });
  expect(decodeSessionSet(store([session])).ok).toBe(true);
  expect(decodeSessionSet(store([])).ok).toBe(false);
  const skipped = session.receiving.skipped.toReversed();
  expect(skipped).toHaveLength(2);
  expect(decodeSessionSet(store([{ ...session, receiving: { ...session.receiving, skipped } }])).ok).toBe(
    false,
  );
});
