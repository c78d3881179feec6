/** Two devices and the envelopes between them, for tests of sessions. */
import type { Bytes } from "../../core/base/bytes.ts";
import type { Random } from "../../core/base/random.ts";
import type { Result } from "../../core/base/result.ts";
import { wipe } from "../../core/crypto/secret.ts";
import type { LastResortPreKeyRecord, OneTimePreKeyRecord } from "../../core/ratchet/prekey-record.ts";
import {
  type DecryptedMessage,
  type DecryptMessageError,
  decryptMessage,
  encryptMessage,
  preKeyIdsNeeded,
  type SessionSet,
  startSession,
} from "../../core/ratchet/session-set.ts";
import { decodeSessionSet, encodeSessionSet } from "../../core/ratchet/session-set-codec.ts";
import {
  createTestDevice,
  finderOf,
  pairOf,
  type StockedDevice,
  unwrap,
  verifiedBundleOf,
} from "./ratchet-device.ts";

export type Side = "a" | "b";

export interface ConversationOptions {
  /** Encodes, erases and decodes the state at every step, as a device does that stores and loads it. */
  readonly isReloading?: boolean;
}

export interface Conversation {
  readonly device: Readonly<Record<Side, StockedDevice>>;
  readonly context: Bytes;
  set(side: Side): SessionSet | null;
  replaceSet(side: Side, set: SessionSet | null): void;
  /** Starts a session from `side`, with the other side's one-time prekey unless another is given. */
  start(side: Side, kem?: OneTimePreKeyRecord | LastResortPreKeyRecord): void;
  /** Encrypts in the active session of `side` and stores the new state. */
  send(side: Side, plaintext: Bytes): Bytes;
  /** Decrypts at `side`; stores the new state when that went well, and deletes a prekey that was used up. */
  receive(side: Side, envelope: Bytes): Result<DecryptedMessage, DecryptMessageError>;
}

/** The other of two. */
export function otherSide(side: Side): Side {
  return side === "a" ? "b" : "a";
}

export function createConversation(random: Random, options: ConversationOptions = {}): Conversation {
  const device = { a: createTestDevice(random), b: createTestDevice(random) };
  const context = random.bytes(33);
  const sets: Record<Side, SessionSet | null> = { a: null, b: null };
  const pair = (side: Side) => pairOf(device[side], device[otherSide(side)]);

  function store(side: Side, after: { readonly set: SessionSet; readonly spent: readonly Bytes[] }): void {
    wipe(...after.spent);
    sets[side] = options.isReloading ? unwrap(decodeSessionSet(encodeSessionSet(after.set))) : after.set;
  }

  return {
    device,
    context,
    set: (side) => sets[side],
    replaceSet: (side, set) => {
      sets[side] = set;
    },
    start(side, kem) {
      const peer = device[otherSide(side)];
      const facts = { set: sets[side], bundle: verifiedBundleOf(peer, kem ?? peer.oneTime), nowMs: 1 };
      store(side, unwrap(startSession({ random }, pair(side), facts)));
    },
    send(side, plaintext) {
      const set = sets[side];
      if (set === null) throw new Error(`${side} has no session`);
      const sent = unwrap(encryptMessage({ random }, set, { context, plaintext }));
      store(side, sent);
      return sent.envelope;
    },
    receive(side, envelope) {
      const needed = preKeyIdsNeeded(sets[side], envelope);
      const find = finderOf(device[side]);
      const findPreKey: typeof find = (id) => {
        if (!needed.ok || !needed.value.includes(id)) throw new Error("asked for a prekey it did not name");
        return find(id);
      };
      const opened = decryptMessage(sets[side], pair(side), { context, envelope, findPreKey });
      if (!opened.ok) return opened;
      store(side, opened.value);
      if (opened.value.consumedPreKeyId !== null) device[side].preKeys.delete(opened.value.consumedPreKeyId);
      return opened;
    },
  };
}

/** A conversation in which both sides have heard from each other. */
export function createEstablished(random: Random, options: ConversationOptions = {}): Conversation {
  const conversation = createConversation(random, options);
  conversation.start("a");
  unwrap(conversation.receive("b", conversation.send("a", Uint8Array.of(1))));
  unwrap(conversation.receive("a", conversation.send("b", Uint8Array.of(2))));
  return conversation;
}
