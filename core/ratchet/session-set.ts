/**
 * All sessions between one device of ours and one of a peer, and the three things done with them.
 *
 * Two devices may start at the same time, or one may start again; so there can be several sessions, and the one that
 * last received something new is used for sending. A prekey message may come twice, or a thousand times; it makes one
 * session. Everything here is a function of its arguments. Rules DR12-DR17 of docs/protocol/ratchet.md.
 *
 * Each step gives `set`, the new state, and `spent`, secrets that only the state before it has: store the first, then
 * `wipe` the second. Until it is stored the state before it is whole.
 */
import { assert, present } from "../base/assert.ts";
import { type Bytes, equalBytes } from "../base/bytes.ts";
import type { PreKeyId } from "../base/ids.ts";
import {
  ENVELOPE_PLAINTEXT_BYTES_MAX,
  REMEMBERED_STARTS_MAX,
  SESSIONS_PER_DEVICE_PAIR_MAX,
} from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { WeakPublicKey } from "../crypto/agreement.ts";
import { wipe } from "../crypto/secret.ts";
import type { VerifiedPreKeyBundle } from "../protocol/prekey.ts";
import { type DecryptInSessionError, decryptInSession, openInSession } from "./decrypt-in-session.ts";
import { type ChainExhausted, encryptInSession } from "./encrypt-in-session.ts";
import { decodeEnvelope, type Envelope, type MalformedEnvelope } from "./envelope.ts";
import { initiatePqxdh, type PeerDevice, type PqxdhError, respondPqxdh, type SelfDevice } from "./pqxdh.ts";
import type { PreKeyRecord } from "./prekey-record.ts";
import { createInitiatorSession, createResponderSession, type Session, sessionSecretsOf } from "./session.ts";
import { encodeSessionStart, readSessionStart, sessionIdOf } from "./session-start.ts";

/** A start with a last-resort prekey whose session was dropped; without it a repeated prekey message would make another. */
export interface RememberedStart {
  readonly sessionId: Bytes;
  readonly lastResortId: PreKeyId;
}

export interface SessionSet {
  /** The active one first, then by when something new was last received on them or they were started. Never empty. */
  readonly sessions: readonly Session[];
  readonly rememberedStarts: readonly RememberedStart[];
}

/** The two ends of a session set. */
export interface DevicePair {
  readonly self: SelfDevice;
  readonly peer: PeerDevice;
}

/** The set can drop no session without forgetting a start that could be repeated. Only the peer can bring this about. */
export interface TooManySessions {
  readonly type: "TooManySessions";
}

/** A new state, and the secrets it makes obsolete. */
export interface NewSessionSet {
  readonly set: SessionSet;
  readonly spent: readonly Bytes[];
}

export type StartSessionError =
  | PqxdhError
  | TooManySessions
  | { readonly type: "WrongPreKeyOwner" }
  | { readonly type: "PreKeyExpired"; readonly id: PreKeyId; readonly expiresAtMs: number };

/**
 * Starts a session with the device the prekeys are of; the first message to it carries what it needs.
 *
 * `set`: the sessions there already are; they are kept for what is under way, and the new one becomes the active one.
 *
 * - Fails: `PreKeyExpired`; `WrongPreKeyOwner`; `WeakPublicKey` or `BadKemInput` for keys nobody honest makes;
 *   `TooManySessions`.
 */
export function startSession(
  deps: { readonly random: Random },
  pair: DevicePair,
  facts: { readonly set: SessionSet | null; readonly bundle: VerifiedPreKeyBundle; readonly nowMs: number },
): Result<NewSessionSet, StartSessionError> {
  const { signed, kem } = facts.bundle;
  for (const preKey of [signed, kem]) {
    if (preKey.accountId !== pair.peer.accountId || preKey.deviceId !== pair.peer.deviceId)
      return err({ type: "WrongPreKeyOwner" });
    // PK10
    if (facts.nowMs >= preKey.expiresAtMs)
      return err({ type: "PreKeyExpired", id: preKey.id, expiresAtMs: preKey.expiresAtMs });
  }
  const initiated = initiatePqxdh(deps.random, pair, facts.bundle);
  if (!initiated.ok) return initiated;
  const start = encodeSessionStart(initiated.value.start);
  const session = createInitiatorSession({
    id: sessionIdOf(start),
    start,
    secrets: initiated.value.secrets,
    signedPreKeyPk: signed.agreementPk,
  });
  return addSession(facts.set, session, () => true);
}

export type EncryptMessageError =
  | ChainExhausted
  | WeakPublicKey
  | { readonly type: "PlaintextTooLarge"; readonly bytes: number; readonly bytesMax: number };

export interface EncryptedMessage extends NewSessionSet {
  readonly envelope: Bytes;
}

/**
 * Encrypts one message in the active session.
 *
 * The envelope leaves only after `set` is stored, and a retry sends the same envelope: a second message must never be
 * made from the same state.
 *
 * - `message.context`: authenticated, not sent; the receiver must give the same. - Limits: `ENVELOPE_PLAINTEXT_BYTES_MAX`.
 */
export function encryptMessage(
  deps: { readonly random: Random },
  set: SessionSet,
  message: { readonly context: Bytes; readonly plaintext: Bytes },
): Result<EncryptedMessage, EncryptMessageError> {
  const bytes = message.plaintext.length;
  if (bytes > ENVELOPE_PLAINTEXT_BYTES_MAX)
    return err({ type: "PlaintextTooLarge", bytes, bytesMax: ENVELOPE_PLAINTEXT_BYTES_MAX });
  const active = present(set.sessions[0], "a session set is never empty");
  const encrypted = encryptInSession(deps.random, active, message);
  if (!encrypted.ok) return encrypted;
  const { session, envelope, spent } = encrypted.value;
  return ok({ set: { ...set, sessions: set.sessions.with(0, session) }, envelope, spent });
}

export type DecryptMessageError =
  | DecryptInSessionError
  | PqxdhError
  | MalformedEnvelope
  | TooManySessions
  /** A prekey message names a prekey this device does not have: used up, erased, or never its own. */
  | { readonly type: "PreKeyMissing"; readonly id: PreKeyId };

export interface DecryptedMessage extends NewSessionSet {
  readonly plaintext: Bytes;
  /** A one-time prekey this message used up: delete it in the transaction that stores `set`. */
  readonly consumedPreKeyId: PreKeyId | null;
  /** A last-resort prekey this message used: mark its record `isUsed`, so that it is replaced. */
  readonly usedLastResortId: PreKeyId | null;
}

/** What `decryptMessage` is given besides the sessions. */
export interface ReceivedMessage {
  /** What the sender gave to `encryptMessage`. */
  readonly context: Bytes;
  readonly envelope: Bytes;
  /** The record of a prekey of ours, or null; asked for those of `preKeyIdsNeeded` only. */
  readonly findPreKey: (id: PreKeyId) => PreKeyRecord | null;
}

/**
 * Decrypts one message from the peer; `set` is null when there is no session yet. Whatever fails, nothing has changed.
 *
 * - Fails: `DuplicateMessage` for a message opened before; `DoesNotOpen` for one no session knows; the others by name.
 */
export function decryptMessage(
  set: SessionSet | null,
  pair: DevicePair,
  message: ReceivedMessage,
): Result<DecryptedMessage, DecryptMessageError> {
  const envelope = decodeEnvelope(message.envelope);
  if (!envelope.ok) return envelope;
  const sessions = set?.sessions ?? [];
  const start = envelope.value.start;
  if (start === null) return decryptWithKnown(set, sessions, envelope.value, message.context);
  // DR12: the same start is the same session.
  const id = sessionIdOf(start);
  const known = sessions.find((session) => equalBytes(session.id, id));
  if (known !== undefined) return decryptWithKnown(set, [known], envelope.value, message.context);
  // DR13: its session was dropped, and which of its messages were opened went with it.
  if (set?.rememberedStarts.some((one) => equalBytes(one.sessionId, id))) return err({ type: "DoesNotOpen" });
  return decryptFirst(set, pair, message, { envelope: envelope.value, start, id });
}

/** Ids of the prekeys `decryptMessage` may ask for, so that they can be loaded before. Empty for most messages. */
export function preKeyIdsNeeded(
  set: SessionSet | null,
  envelope: Bytes,
): Result<readonly PreKeyId[], MalformedEnvelope> {
  const decoded = decodeEnvelope(envelope);
  if (!decoded.ok) return decoded;
  const startBytes = decoded.value.start;
  if (startBytes === null) return ok([]);
  const id = sessionIdOf(startBytes);
  if (set?.sessions.some((session) => equalBytes(session.id, id))) return ok([]);
  const start = readSessionStart(startBytes);
  const remembered = set?.rememberedStarts ?? [];
  const isFull = remembered.length >= REMEMBERED_STARTS_MAX;
  const ids = [
    start.signedPreKeyId,
    start.kemPreKeyId,
    ...(isFull ? remembered.map((one) => one.lastResortId) : []),
  ];
  return ok([...new Set(ids)]);
}

function decryptWithKnown(
  set: SessionSet | null,
  candidates: readonly Session[],
  envelope: Envelope,
  context: Bytes,
): Result<DecryptedMessage, DecryptMessageError> {
  for (const session of candidates) {
    const opened = openInSession(session, envelope);
    if (opened === null || set === null) continue;
    const decrypted = decryptInSession(session, opened, { envelope, context });
    if (!decrypted.ok) return decrypted;
    const { session: after, plaintext, isLate, spent } = decrypted.value;
    const sessions = replaceSession(set.sessions, session, after, isLate);
    return ok({
      set: { ...set, sessions },
      spent,
      plaintext,
      consumedPreKeyId: null,
      usedLastResortId: null,
    });
  }
  return err({ type: "DoesNotOpen" });
}

/** DR14: the session that received something new becomes the active one; a late message changes no order. */
function replaceSession(
  sessions: readonly Session[],
  before: Session,
  after: Session,
  isLate: boolean,
): readonly Session[] {
  const place = sessions.indexOf(before);
  assert(place >= 0, "the session is one of the set");
  if (isLate || place === 0) return sessions.with(place, after);
  return [after, ...sessions.toSpliced(place, 1)];
}

/** A prekey message of a session we do not have. */
function decryptFirst(
  set: SessionSet | null,
  pair: DevicePair,
  message: ReceivedMessage,
  received: { readonly envelope: Envelope; readonly start: Bytes; readonly id: Bytes },
): Result<DecryptedMessage, DecryptMessageError> {
  const start = readSessionStart(received.start);
  const signed = message.findPreKey(start.signedPreKeyId);
  if (signed?.type !== "signed") return err({ type: "PreKeyMissing", id: start.signedPreKeyId });
  const kem = message.findPreKey(start.kemPreKeyId);
  if (kem === null || kem.type === "signed") return err({ type: "PreKeyMissing", id: start.kemPreKeyId });
  const secrets = respondPqxdh(pair, { signed, kem }, start);
  if (!secrets.ok) return secrets;
  const lastResortId = kem.type === "lastResort" ? kem.id : null;
  const session = createResponderSession({
    id: received.id,
    secrets: secrets.value,
    signedPreKey: signed,
    lastResortId,
  });
  const { envelope } = received;
  const opened = openInSession(session, envelope);
  const decrypted =
    opened === null
      ? err({ type: "DoesNotOpen" } as const)
      : decryptInSession(session, opened, { envelope, context: message.context });
  if (!decrypted.ok) {
    wipe(...sessionSecretsOf(session));
    return decrypted;
  }
  const added = addSession(set, decrypted.value.session, (id) => message.findPreKey(id) !== null);
  if (!added.ok) return added;
  return ok({
    set: added.value.set,
    spent: [...added.value.spent, ...decrypted.value.spent],
    plaintext: decrypted.value.plaintext,
    consumedPreKeyId: kem.type === "oneTime" ? kem.id : null,
    usedLastResortId: lastResortId,
  });
}

/** DR15: puts `session` first and drops the last one over the limit, remembering its start if it could be repeated. */
function addSession(
  set: SessionSet | null,
  session: Session,
  isPreKeyKept: (id: PreKeyId) => boolean,
): Result<NewSessionSet, TooManySessions> {
  const before = set ?? { sessions: [], rememberedStarts: [] };
  const sessions = [session, ...before.sessions];
  const dropped = sessions.slice(SESSIONS_PER_DEVICE_PAIR_MAX);
  const forgotten: RememberedStart[] = [];
  for (const { id, lastResortId } of dropped)
    if (lastResortId !== null) forgotten.push({ sessionId: id, lastResortId });
  let rememberedStarts: readonly RememberedStart[] = [...before.rememberedStarts, ...forgotten];
  // DR13: one whose prekey is erased can no longer be repeated.
  if (rememberedStarts.length > REMEMBERED_STARTS_MAX)
    rememberedStarts = rememberedStarts.filter((one) => isPreKeyKept(one.lastResortId));
  if (rememberedStarts.length > REMEMBERED_STARTS_MAX) return err({ type: "TooManySessions" });
  return ok({
    set: { sessions: sessions.slice(0, SESSIONS_PER_DEVICE_PAIR_MAX), rememberedStarts },
    spent: dropped.flatMap(sessionSecretsOf),
  });
}
