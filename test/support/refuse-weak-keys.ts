/** Puts a public key into every DH input of a session and collects where it was not refused. */
import { toHex } from "../../core/base/bytes.ts";
import { sealHeader } from "../../core/ratchet/message-header.ts";
import { initiatePqxdh, respondPqxdh } from "../../core/ratchet/pqxdh.ts";
import { encryptMessage, decryptMessage } from "../../core/ratchet/session-set.ts";
import { encodeEnvelope } from "../../core/ratchet/envelope.ts";
import type { Conversation } from "./ratchet-conversation.ts";
import { at, finderOf, pairOf, peerOf, unwrap, verifiedBundleOf } from "./ratchet-device.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** Names of the inputs at which `publicKey` passed. `conversation` is one that was answered; nothing in it changes. */
export function findWeakInputs(
  random: SeededRandom,
  conversation: Conversation,
  publicKey: Uint8Array,
): readonly string[] {
  const { a, b } = conversation.device;
  const pair = pairOf(a, b);
  const bundle = verifiedBundleOf(b);
  if (bundle.kem.kind !== "oneTime") throw new Error("the bundle has a one-time prekey");
  const start = unwrap(initiatePqxdh(random, pair, bundle)).start;
  const preKeys = { signed: b.signed, kem: b.oneTime };
  const weakSigned = { ...bundle, signed: { ...bundle.signed, agreementPk: publicKey } };
  const weakOneTime = { ...bundle, kem: { ...bundle.kem, agreementPk: publicKey } };
  const weakPeer = { ...peerOf(b), agreementPk: publicKey };
  const outcomes = {
    "initiator: signed prekey": initiatePqxdh(random, pair, weakSigned),
    "initiator: identity key": initiatePqxdh(random, { self: a, peer: weakPeer }, bundle),
    "initiator: one-time prekey": initiatePqxdh(random, pair, weakOneTime),
    "responder: identity key": respondPqxdh(
      { self: b, peer: { ...peerOf(a), agreementPk: publicKey } },
      preKeys,
      start,
    ),
    "responder: ephemeral key": respondPqxdh(pairOf(b, a), preKeys, { ...start, ephemeralPk: publicKey }),
    "ratchet: received key": receiveRatchetKey(random, conversation, publicKey),
    "ratchet: stored key": sendWith(random, conversation, publicKey),
  };
  return Object.entries(outcomes)
    .filter(([, outcome]) => outcome.ok || outcome.error.type !== "WeakPublicKey")
    .map(([name]) => `${name} ${toHex(publicKey)}`);
}

/** A message whose header is genuine but for its ratchet key: what only the peer itself could send. */
function receiveRatchetKey(random: SeededRandom, conversation: Conversation, ratchetPk: Uint8Array) {
  const sender = conversation.set("a")?.sessions[0];
  if (sender === undefined) throw new Error("a has a session");
  const nonce = random.bytes(24);
  const sealedHeader = sealHeader(sender.nextSendingHeaderKey, nonce, {
    ratchetPk,
    previousLength: 1,
    index: 0,
  });
  const envelope = encodeEnvelope({ start: null, nonce, sealedHeader, body: random.bytes(50) });
  const { a, b } = conversation.device;
  const received = { context: conversation.context, envelope, findPreKey: finderOf(b) };
  return decryptMessage(conversation.set("b"), pairOf(b, a), received);
}

function sendWith(random: SeededRandom, conversation: Conversation, peerRatchetPk: Uint8Array) {
  const set = conversation.set("a");
  if (set === null) throw new Error("a has a session");
  const session = { ...at(set.sessions, 0), sending: null, ratchetKey: null, peerRatchetPk };
  return encryptMessage(
    { random },
    { ...set, sessions: [session] },
    { context: conversation.context, plaintext: random.bytes(1) },
  );
}
