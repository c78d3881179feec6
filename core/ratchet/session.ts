/**
 * State of one session: Double Ratchet with header encryption (Signal, revision 4, section 4), and its stored form.
 *
 * The step that makes a new ratchet key is put off until there is something to send (section 9.2 of the specification):
 * then `sending` is null, and receiving needs no random bytes. A state is never changed; each step gives a new one that
 * shares what did not change.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { PreKeyId } from "../base/ids.ts";
import { CHAIN_MESSAGES_MAX, RECEIVING_CHAINS_MAX, SKIPPED_KEYS_PER_CHAIN_MAX } from "../base/limits.ts";
import { err, ok } from "../base/result.ts";
import { bytes, id, integer, list, nullable, type Shape, struct } from "../codec/shape.ts";
import { AGREEMENT_KEY_BYTES, type AgreementKeyPair } from "../crypto/agreement.ts";
import { readU32, writeU32 } from "./message-header.ts";
import type { SessionSecrets } from "./pqxdh.ts";
import type { SignedPreKeyRecord } from "./prekey-record.ts";
import { RATCHET_KEY_BYTES } from "./ratchet-kdf.ts";
import type { ReceivingChain, SkippedMessageKey } from "./receiving-chain.ts";
import { SESSION_ID_BYTES, SESSION_START_BYTES } from "./session-start.ts";

export interface SendingChain {
  readonly headerKey: Bytes;
  readonly chainKey: Bytes;
  /** Index of the next message (`Ns`). */
  readonly nextIndex: number;
}

export interface Session {
  readonly id: Bytes;
  /** Not secret: authenticated with every message. */
  readonly associatedData: Bytes;
  /** What each message repeats until the first reply; null on the responder's side and after that reply. */
  readonly start: Bytes | null;
  /** The last-resort prekey of ours it was started with, if it was. */
  readonly lastResortId: PreKeyId | null;
  readonly rootKey: Bytes;
  /** Our ratchet key the peer answers to; null between a ratchet step of the peer and our next message. */
  readonly ratchetKey: AgreementKeyPair | null;
  readonly peerRatchetPk: Bytes;
  readonly sending: SendingChain | null;
  readonly nextSendingHeaderKey: Bytes;
  /** Length of our sending chain before the present one (`PN`). */
  readonly previousLength: number;
  readonly receiving: ReceivingChain | null;
  readonly nextReceivingHeaderKey: Bytes;
  /** Chains the peer has left, oldest first. */
  readonly endedChains: readonly ReceivingChain[];
}

/** First state of the side that starts: it sends first. */
export function createInitiatorSession(facts: {
  readonly id: Bytes;
  readonly start: Bytes;
  readonly secrets: SessionSecrets;
  readonly signedPreKeyPk: Bytes;
}): Session {
  return {
    id: facts.id,
    associatedData: facts.secrets.associatedData,
    start: facts.start,
    lastResortId: null,
    rootKey: facts.secrets.rootKey,
    ratchetKey: null,
    peerRatchetPk: facts.signedPreKeyPk,
    sending: null,
    nextSendingHeaderKey: facts.secrets.initiatorHeaderKey,
    previousLength: 0,
    receiving: null,
    nextReceivingHeaderKey: facts.secrets.responderHeaderKey,
    endedChains: [],
  };
}

/**
 * State of the responder before it has opened the first message; only what opens one is ever kept.
 *
 * Its first ratchet key is the signed prekey, copied: the session wipes its own keys, the record goes on.
 */
export function createResponderSession(facts: {
  readonly id: Bytes;
  readonly secrets: SessionSecrets;
  readonly signedPreKey: SignedPreKeyRecord;
  readonly lastResortId: PreKeyId | null;
}): Session {
  const { publicKey, secretKey } = facts.signedPreKey.agreement;
  return {
    id: facts.id,
    associatedData: facts.secrets.associatedData,
    start: null,
    lastResortId: facts.lastResortId,
    rootKey: facts.secrets.rootKey,
    ratchetKey: { publicKey, secretKey: secretKey.slice() },
    peerRatchetPk: publicKey,
    sending: null,
    nextSendingHeaderKey: facts.secrets.responderHeaderKey,
    previousLength: 0,
    receiving: null,
    nextReceivingHeaderKey: facts.secrets.initiatorHeaderKey,
    endedChains: [],
  };
}

/** Every secret a session holds, for wiping it whole. */
export function sessionSecretsOf(session: Session): readonly Bytes[] {
  const { sending, ratchetKey, receiving, endedChains } = session;
  const secrets = [session.rootKey, session.nextSendingHeaderKey, session.nextReceivingHeaderKey];
  if (ratchetKey !== null) secrets.push(ratchetKey.secretKey);
  if (sending !== null) secrets.push(sending.headerKey, sending.chainKey);
  for (const chain of receiving === null ? endedChains : [...endedChains, receiving]) {
    secrets.push(chain.headerKey, ...chain.skipped.map((one) => one.key));
    if (chain.chainKey !== null) secrets.push(chain.chainKey);
  }
  return secrets;
}

const SKIPPED_ENTRY_BYTES = 4 + RATCHET_KEY_BYTES;

/** Kept keys as one byte string of `index (u32) ‖ key (32)`, ascending: a state may hold two thousand. */
const skippedShape: Shape<readonly SkippedMessageKey[]> = {
  print: `skipped(index:u32|key:${RATCHET_KEY_BYTES}){0..${SKIPPED_KEYS_PER_CHAIN_MAX}}`,
  toCbor(skipped) {
    assert(skipped.length <= SKIPPED_KEYS_PER_CHAIN_MAX, "a chain keeps no more keys than its limit");
    const packed = new Uint8Array(skipped.length * SKIPPED_ENTRY_BYTES);
    let offset = 0;
    for (const { index, key } of skipped) {
      writeU32(packed, offset, index);
      packed.set(key, offset + 4);
      offset += SKIPPED_ENTRY_BYTES;
    }
    return packed;
  },
  fromCbor(packed) {
    const malformed = err({ type: "MalformedShape", path: "", expected: "packed skipped keys" } as const);
    if (!(packed instanceof Uint8Array) || packed.length % SKIPPED_ENTRY_BYTES !== 0) return malformed;
    if (packed.length > SKIPPED_KEYS_PER_CHAIN_MAX * SKIPPED_ENTRY_BYTES) return malformed;
    const skipped: SkippedMessageKey[] = [];
    let last = -1;
    for (let offset = 0; offset < packed.length; offset += SKIPPED_ENTRY_BYTES) {
      const index = readU32(packed, offset);
      if (index <= last) return malformed;
      skipped.push({ index, key: packed.slice(offset + 4, offset + SKIPPED_ENTRY_BYTES) });
      last = index;
    }
    return ok(skipped);
  },
};

const key = bytes(RATCHET_KEY_BYTES);
const counter = integer(0, CHAIN_MESSAGES_MAX);

const receivingChainShape: Shape<ReceivingChain> = struct({
  headerKey: key,
  chainKey: nullable(key),
  nextIndex: counter,
  keptFrom: counter,
  skipped: skippedShape,
});

/** The stored form of a session. */
export const sessionShape: Shape<Session> = struct({
  id: bytes(SESSION_ID_BYTES),
  associatedData: bytes(32),
  start: nullable(bytes(SESSION_START_BYTES)),
  lastResortId: nullable(id("preKey")),
  rootKey: key,
  ratchetKey: nullable(
    struct({ publicKey: bytes(AGREEMENT_KEY_BYTES), secretKey: bytes(AGREEMENT_KEY_BYTES) }),
  ),
  peerRatchetPk: bytes(AGREEMENT_KEY_BYTES),
  sending: nullable(struct({ headerKey: key, chainKey: key, nextIndex: counter })),
  nextSendingHeaderKey: key,
  previousLength: counter,
  receiving: nullable(receivingChainShape),
  nextReceivingHeaderKey: key,
  endedChains: list(receivingChainShape, RECEIVING_CHAINS_MAX),
});
