/** Laws of sessions under any delivery: a message opens once, in whatever order, and what is corrupted changes nothing. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Bytes, toHex } from "../../core/base/bytes.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { encodeSessionSet } from "../../core/ratchet/session-set-codec.ts";
import {
  type Conversation,
  type ConversationOptions,
  createConversation,
  otherSide,
  type Side,
} from "../support/ratchet-conversation.ts";
import { addPreKey } from "../support/ratchet-device.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";

beforeAll(cryptoReady);

interface Parcel {
  readonly to: Side;
  readonly envelope: Bytes;
  readonly number: number;
}

interface Weather {
  readonly lossPercent: number;
  readonly repeatPercent: number;
  readonly corruptPercent: number;
  /** A side starts a further session, though there is one. */
  readonly restartPercent: number;
  readonly underWayMax: number;
}

/** What came of a run: numbers opened by each side, in order, and how many were delivered at least once. */
interface Outcome {
  readonly opened: Readonly<Record<Side, readonly number[]>>;
  readonly delivered: Readonly<Record<Side, ReadonlySet<number>>>;
  readonly refusals: ReadonlyMap<string, number>;
}

function textOf(number: number): Bytes {
  return Uint8Array.of(number & 0xff, number >> 8);
}

/** Sends `count` messages either way through `weather` and delivers all that is left. */
function run(
  random: SeededRandom,
  count: number,
  weather: Weather,
  options: ConversationOptions = {},
): Outcome {
  const conversation = createConversation(random, options);
  const opened: Record<Side, number[]> = { a: [], b: [] };
  const delivered: Record<Side, Set<number>> = { a: new Set(), b: new Set() };
  const refusals = new Map<string, number>();
  let underWay: Parcel[] = [];

  function deliver(parcel: Parcel): void {
    if (random.chance(weather.corruptPercent)) deliverCorrupted(random, conversation, parcel);
    const received = conversation.receive(parcel.to, parcel.envelope);
    const isFirst = !delivered[parcel.to].has(parcel.number);
    delivered[parcel.to].add(parcel.number);
    if (received.ok) {
      expect(toHex(received.value.plaintext)).toBe(toHex(textOf(parcel.number)));
      opened[parcel.to].push(parcel.number);
    } else {
      const key = `${isFirst ? "first" : "repeated"}: ${received.error.type}`;
      refusals.set(key, (refusals.get(key) ?? 0) + 1);
    }
  }
  function deliverAny(): void {
    const [parcel] = underWay.splice(random.below(underWay.length), 1);
    if (parcel === undefined) return;
    if (random.chance(weather.lossPercent)) return;
    if (random.chance(weather.repeatPercent)) underWay = [...underWay, parcel];
    deliver(parcel);
  }

  for (let number = 0; number < count; number++) {
    const side: Side = random.chance(50) ? "a" : "b";
    const peer = conversation.device[otherSide(side)];
    if (conversation.set(side) === null || random.chance(weather.restartPercent)) {
      const kem = random.chance(30) ? peer.lastResort : addPreKey(random, peer, "oneTime");
      conversation.start(side, kem);
    }
    underWay.push({ to: otherSide(side), envelope: conversation.send(side, textOf(number)), number });
    while (underWay.length > weather.underWayMax || (underWay.length > 0 && random.chance(50))) deliverAny();
  }
  while (underWay.length > 0) deliverAny();
  return { opened, delivered, refusals };
}

/** Changes, cuts or lengthens an envelope and shows that the state stays as it was, byte for byte. */
function deliverCorrupted(random: SeededRandom, conversation: Conversation, { to, envelope }: Parcel): void {
  const before = conversation.set(to);
  const stored = before === null ? null : toHex(encodeSessionSet(before));
  const preKeys = conversation.device[to].preKeys.size;
  expect(conversation.receive(to, corrupt(random, envelope)).ok).toBe(false);
  expect(conversation.set(to)).toBe(before);
  expect(before === null ? null : toHex(encodeSessionSet(before))).toBe(stored);
  expect(conversation.device[to].preKeys.size).toBe(preKeys);
}

function corrupt(random: SeededRandom, envelope: Bytes): Bytes {
  const way = random.below(10);
  if (way === 0) return envelope.slice(0, random.below(envelope.length));
  if (way === 1) return Uint8Array.from([...envelope, random.below(256)]);
  const changed = envelope.slice();
  // The start of a prekey message is behind the first byte and is only looked at when its session is not there yet.
  const from = envelope[0] === 2 && random.chance(70) ? 1 + 1168 : 1;
  const place = from + random.below(envelope.length - from);
  changed[place] = (changed[place] ?? 0) ^ (1 << random.below(8));
  return changed;
}

function expectOnce({ opened, delivered }: Outcome): void {
  for (const side of ["a", "b"] as const) {
    expect(opened[side].toSorted((x, y) => x - y)).toEqual([...delivered[side]].toSorted((x, y) => x - y));
  }
}

describe("two devices in any weather", () => {
  const weather: Weather = {
    lossPercent: 10,
    repeatPercent: 20,
    corruptPercent: 15,
    restartPercent: 0,
    underWayMax: 12,
  };

  test("[DR7] [DR17] what arrives opens exactly once, and what is corrupted changes nothing", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        expectOnce(run(createSeededRandom(seed), 120, weather));
      }),
      { numRuns: 30 },
    );
  });
  test("[DR12] [DR14] further starts at any moment lose nothing and repeat nothing", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        // Few under way, so that no session is dropped with messages of its own still to come.
        expectOnce(
          run(createSeededRandom(`restart ${seed}`), 80, { ...weather, restartPercent: 4, underWayMax: 5 }),
        );
      }),
      { numRuns: 30 },
    );
  });
  test("[DR18] 1,000 messages, the state stored and loaded at every step on both sides: each opens once", () => {
    const outcome = run(
      createSeededRandom("reload"),
      1_000,
      { ...weather, corruptPercent: 5 },
      { isReloading: true },
    );
    expectOnce(outcome);
    const count = outcome.opened.a.length + outcome.opened.b.length;
    expect(count).toBeGreaterThan(850);
    expect([...outcome.refusals.keys()].filter((key) => key.startsWith("first"))).toEqual([]);
    expect(outcome.refusals.get("repeated: DuplicateMessage")).toBeGreaterThan(100);
  });
});
