/** A session between `core/ratchet` and the second implementation of docs/protocol/ratchet.md, in both roles. */
import { beforeAll, expect, test } from "vitest";
import { idBytes } from "../../core/base/ids.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import {
  decryptMessage,
  encryptMessage,
  type SessionSet,
  startSession,
} from "../../core/ratchet/session-set.ts";
import {
  createTestDevice,
  finderOf,
  pairOf,
  type StockedDevice,
  unwrap,
  verifiedBundleOf,
} from "../support/ratchet-device.ts";
import { initiate, respond, type SecondDevice, type SecondPreKeys } from "../support/second/pqxdh.ts";
import { type KeyPair, x25519Pair, xwingPair } from "../support/second/primitives.ts";
import { SecondSession } from "../support/second/ratchet.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";

const MESSAGES = 200;

beforeAll(cryptoReady);

interface End {
  send(plaintext: Uint8Array): Uint8Array;
  receive(envelope: Uint8Array): Uint8Array;
}

const context = Uint8Array.from({ length: 33 }, (_, i) => i);

function toSecond(device: StockedDevice): { readonly device: SecondDevice; readonly preKeys: SecondPreKeys } {
  const pairOfSecret = (secret: Uint8Array): KeyPair => x25519Pair(secret);
  return {
    device: {
      accountId: idBytes(device.accountId),
      deviceId: idBytes(device.deviceId),
      identity: pairOfSecret(device.agreement.secretKey),
    },
    preKeys: {
      signed: pairOfSecret(device.signed.agreement.secretKey),
      oneTime: pairOfSecret(device.oneTime.agreement.secretKey),
      kem: xwingPair(device.oneTime.kem.secretKey),
    },
  };
}

function firstEnd(
  random: SeededRandom,
  self: StockedDevice,
  peer: StockedDevice,
  initial: SessionSet | null,
): End {
  let set = initial;
  return {
    send(plaintext) {
      if (set === null) throw new Error("no session yet");
      const sent = unwrap(encryptMessage({ random }, set, { context, plaintext }));
      set = sent.set;
      return sent.envelope;
    },
    receive(envelope) {
      const opened = unwrap(
        decryptMessage(set, pairOf(self, peer), { context, envelope, findPreKey: finderOf(self) }),
      );
      set = opened.set;
      return opened.plaintext;
    },
  };
}

/** The second implementation as responder: it makes its session from the first envelope. */
function secondResponder(random: SeededRandom, self: StockedDevice, peer: StockedDevice): End {
  const [own, other] = [toSecond(self), toSecond(peer)];
  let session: SecondSession | null = null;
  return {
    send: (plaintext) => session?.encrypt(random.bytes, context, plaintext) ?? new Uint8Array(0),
    receive(envelope) {
      if (session === null) {
        const start = respond(other.device, own.device, own.preKeys, envelope.slice(1, 1169));
        session = SecondSession.responder(start, own.preKeys.signed);
      }
      return session.decrypt(context, envelope);
    },
  };
}

function secondInitiator(random: SeededRandom, self: StockedDevice, peer: StockedDevice): End {
  const [own, other] = [toSecond(self), toSecond(peer)];
  const drawn = { ephemeral: x25519Pair(random.bytes(32)), kemSeed: random.bytes(64) };
  const start = initiate(own.device, other.device, other.preKeys, drawn);
  const session = SecondSession.initiator(start, other.preKeys.signed.public);
  return {
    send: (plaintext) => session.encrypt(random.bytes, context, plaintext),
    receive: (envelope) => session.decrypt(context, envelope),
  };
}

function createEnds(
  random: SeededRandom,
  initiator: "first" | "second",
): { readonly a: End; readonly b: End } {
  const [a, b] = [createTestDevice(random), createTestDevice(random)];
  if (initiator === "second") return { a: secondInitiator(random, a, b), b: firstEnd(random, b, a, null) };
  const facts = { set: null, bundle: verifiedBundleOf(b), nowMs: 1 };
  const started = unwrap(startSession({ random }, pairOf(a, b), facts)).set;
  return { a: firstEnd(random, a, b, started), b: secondResponder(random, b, a) };
}

test.each(["first", "second"] as const)(
  "200 reordered messages, started by the %s implementation",
  (initiator) => {
    const random = createSeededRandom(`interop ${initiator}`);
    const ends = createEnds(random, initiator);
    const text = (i: number) => Uint8Array.from([i, ...random.bytes(i)]);
    const first = text(0);
    expect(ends.b.receive(ends.a.send(first))).toEqual(first);
    const underWay: { readonly to: End; readonly envelope: Uint8Array; readonly plaintext: Uint8Array }[] =
      [];
    let opened = 0;
    const deliverOne = (): void => {
      const [message] = underWay.splice(random.below(underWay.length), 1);
      if (message === undefined) return;
      expect(message.to.receive(message.envelope)).toEqual(message.plaintext);
      opened += 1;
    };
    for (let i = 1; i < MESSAGES; i++) {
      const isFromA = random.chance(50);
      const plaintext = text(i);
      const envelope = (isFromA ? ends.a : ends.b).send(plaintext);
      underWay.push({ to: isFromA ? ends.b : ends.a, envelope, plaintext });
      while (underWay.length > 6 || (underWay.length > 0 && random.chance(45))) deliverOne();
    }
    while (underWay.length > 0) deliverOne();
    expect(opened).toBe(MESSAGES - 1);
  },
);
