/**
 * PQXDH (Signal, revision 3) with X-Wing as its KEM: both sides get the first secrets of a session.
 *
 * `DH1 = DH(IK_A, SPK_B)`, `DH2 = DH(EK_A, IK_B)`, `DH3 = DH(EK_A, SPK_B)`, `DH4 = DH(EK_A, OPK_B)` when the prekey is a
 * one-time one. Secrets = HKDF-SHA-256 over `0xFF³² ‖ DH1 ‖ DH2 ‖ DH3 ‖ [DH4] ‖ KEM secret`. Rules PX1-PX5 of
 * docs/protocol/ratchet.md.
 *
 * Not protected: who holds the responder's identity and signed prekey secret keys before they are erased, and all DH
 * and KEM private halves of one start, opens what was sealed for it.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { type AccountId, type DeviceId, idBytes, type PreKeyId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { ok, type Result } from "../base/result.ts";
import {
  AGREEMENT_KEY_BYTES,
  type AgreementKeyPair,
  agree,
  agreementKeyPairFromSecret,
  type WeakPublicKey,
} from "../crypto/agreement.ts";
import { hash, labelPrefix } from "../crypto/hash.ts";
import { hkdfSha256 } from "../crypto/hkdf.ts";
import { LABEL } from "../crypto/labels.ts";
import { wipe } from "../crypto/secret.ts";
import { type BadKemInput, decapsulate, encapsulate } from "../crypto/xwing.ts";
import type { VerifiedPreKeyBundle } from "../protocol/prekey.ts";
import type { LastResortPreKeyRecord, OneTimePreKeyRecord, SignedPreKeyRecord } from "./prekey-record.ts";
import type { SessionStart } from "./session-start.ts";

/** This device, with its agreement key pair. */
export interface SelfDevice {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly agreement: AgreementKeyPair;
}

/** The other device, as its account's verified chain names it. */
export interface PeerDevice {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly agreementPk: Bytes;
}

/** What both sides hold after a start. */
export interface SessionSecrets {
  readonly rootKey: Bytes;
  /** Seals the headers of the initiator's first chain. */
  readonly initiatorHeaderKey: Bytes;
  /** Seals the headers of the responder's first chain. */
  readonly responderHeaderKey: Bytes;
  /** Not secret: authenticated with every message of the session. */
  readonly associatedData: Bytes;
}

export type PqxdhError = WeakPublicKey | BadKemInput;

/** `F` of the specification: keeps this input apart from one that begins with an encoded public key. */
const PREFIX: Bytes = new Uint8Array(32).fill(0xff);
const NO_BYTES: Bytes = new Uint8Array(0);
const KEY_BYTES = 32;

/** Everything the associated data names, as both sides see it. */
interface StartFacts {
  readonly initiator: PeerDevice;
  readonly responder: PeerDevice;
  readonly ephemeralPk: Bytes;
  readonly signedPreKeyId: PreKeyId;
  readonly signedPk: Bytes;
  readonly kemPreKeyId: PreKeyId;
  /** Null: the KEM prekey was a last-resort one, so there is no DH4. */
  readonly oneTimePk: Bytes | null;
  readonly kemPk: Bytes;
  readonly kemCiphertext: Bytes;
}

/**
 * Starts a session with the device `bundle` belongs to.
 *
 * - Fails: `WeakPublicKey` for a key of low order at any input (PX3); `BadKemInput`.
 * - Secrets: the ephemeral key is wiped; the caller owns what is returned.
 */
export function initiatePqxdh(
  random: Random,
  devices: { readonly self: SelfDevice; readonly peer: PeerDevice },
  bundle: VerifiedPreKeyBundle,
): Result<{ readonly start: SessionStart; readonly secrets: SessionSecrets }, PqxdhError> {
  const { self, peer } = devices;
  const { signed, kem } = bundle;
  const ephemeral = agreementKeyPairFromSecret(random.bytes(AGREEMENT_KEY_BYTES));
  const oneTimePk = kem.kind === "oneTime" ? kem.agreementPk : null;
  // PX1
  const exchanges: (readonly [Bytes, Bytes])[] = [
    [self.agreement.secretKey, signed.agreementPk],
    [ephemeral.secretKey, peer.agreementPk],
    [ephemeral.secretKey, signed.agreementPk],
  ];
  if (oneTimePk !== null) exchanges.push([ephemeral.secretKey, oneTimePk]);
  const agreed = agreeAll(exchanges);
  wipe(ephemeral.secretKey);
  if (!agreed.ok) return agreed;
  const encapsulated = encapsulate(random, kem.kemPk);
  if (!encapsulated.ok) {
    wipe(...agreed.value);
    return encapsulated;
  }
  const { ciphertext: kemCiphertext, sharedSecret } = encapsulated.value;
  const facts: StartFacts = {
    initiator: publicHalf(self),
    responder: peer,
    ephemeralPk: ephemeral.publicKey,
    signedPreKeyId: signed.id,
    signedPk: signed.agreementPk,
    kemPreKeyId: kem.id,
    oneTimePk,
    kemPk: kem.kemPk,
    kemCiphertext,
  };
  const start = {
    ephemeralPk: ephemeral.publicKey,
    signedPreKeyId: signed.id,
    kemPreKeyId: kem.id,
    kemCiphertext,
  };
  return ok({ start, secrets: deriveSecrets(facts, agreed.value, sharedSecret) });
}

/** The private halves a start names. */
export interface RespondingPreKeys {
  readonly signed: SignedPreKeyRecord;
  readonly kem: OneTimePreKeyRecord | LastResortPreKeyRecord;
}

/**
 * The responder's half. That the initiator is who it says is known only when its first message opens.
 *
 * - Fails: as `initiatePqxdh`.
 */
export function respondPqxdh(
  devices: { readonly self: SelfDevice; readonly peer: PeerDevice },
  preKeys: RespondingPreKeys,
  start: SessionStart,
): Result<SessionSecrets, PqxdhError> {
  const { self, peer } = devices;
  const { signed, kem } = preKeys;
  const oneTime = kem.type === "oneTime" ? kem.agreement : null;
  const exchanges: (readonly [Bytes, Bytes])[] = [
    [signed.agreement.secretKey, peer.agreementPk],
    [self.agreement.secretKey, start.ephemeralPk],
    [signed.agreement.secretKey, start.ephemeralPk],
  ];
  if (oneTime !== null) exchanges.push([oneTime.secretKey, start.ephemeralPk]);
  const agreed = agreeAll(exchanges);
  if (!agreed.ok) return agreed;
  // PX5: a ciphertext for another key gives another secret, and the first message then does not open.
  const sharedSecret = decapsulate(kem.kem, start.kemCiphertext);
  if (!sharedSecret.ok) {
    wipe(...agreed.value);
    return sharedSecret;
  }
  const facts: StartFacts = {
    initiator: peer,
    responder: publicHalf(self),
    ephemeralPk: start.ephemeralPk,
    signedPreKeyId: signed.id,
    signedPk: signed.agreement.publicKey,
    kemPreKeyId: kem.id,
    oneTimePk: oneTime?.publicKey ?? null,
    kemPk: kem.kem.publicKey,
    kemCiphertext: start.kemCiphertext,
  };
  return ok(deriveSecrets(facts, agreed.value, sharedSecret.value));
}

function publicHalf(self: SelfDevice): PeerDevice {
  return { accountId: self.accountId, deviceId: self.deviceId, agreementPk: self.agreement.publicKey };
}

/** PX3: one all-zero result refuses the whole start. */
function agreeAll(exchanges: readonly (readonly [Bytes, Bytes])[]): Result<readonly Bytes[], WeakPublicKey> {
  const agreed: Bytes[] = [];
  for (const [secretKey, publicKey] of exchanges) {
    const one = agree(secretKey, publicKey);
    if (!one.ok) {
      wipe(...agreed);
      return one;
    }
    agreed.push(one.value);
  }
  return ok(agreed);
}

/** PX2; wipes what it takes. */
function deriveSecrets(facts: StartFacts, agreed: readonly Bytes[], kemSecret: Bytes): SessionSecrets {
  const associatedData = associatedDataOf(facts);
  const input = concatBytes(PREFIX, ...agreed, kemSecret);
  const info = concatBytes(labelPrefix(LABEL.pqxdh), associatedData);
  const okm = hkdfSha256(NO_BYTES, input, info, 3 * KEY_BYTES);
  const secrets = {
    rootKey: okm.slice(0, KEY_BYTES),
    initiatorHeaderKey: okm.slice(KEY_BYTES, 2 * KEY_BYTES),
    responderHeaderKey: okm.slice(2 * KEY_BYTES),
    associatedData,
  };
  wipe(input, okm, kemSecret, ...agreed);
  return secrets;
}

/**
 * PX4: the labelled hash of everything a start is about; the framing of `hash` keeps the parts apart.
 *
 * The ephemeral key is among it because X25519 reads several encodings as one key: each would else make a session of its
 * own from one start, and its first message would open in each.
 */
function associatedDataOf(facts: StartFacts): Bytes {
  const { initiator, responder } = facts;
  return hash(
    LABEL.pqxdhData,
    idBytes(initiator.accountId),
    idBytes(initiator.deviceId),
    initiator.agreementPk,
    idBytes(responder.accountId),
    idBytes(responder.deviceId),
    responder.agreementPk,
    facts.ephemeralPk,
    idBytes(facts.signedPreKeyId),
    facts.signedPk,
    idBytes(facts.kemPreKeyId),
    facts.oneTimePk ?? NO_BYTES,
    facts.kemPk,
    hash(LABEL.kemCiphertext, facts.kemCiphertext),
  );
}
