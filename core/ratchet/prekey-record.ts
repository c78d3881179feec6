/**
 * Prekeys of this device: the private halves it keeps, and what it publishes of them.
 *
 * A record is everything there is to one prekey; the published form is made from it and is the same bytes each time, so
 * an upload that was cut off is repeated, not replaced. Rules PK1-PK5 of docs/protocol/ratchet.md.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { AccountId, DeviceId, PreKeyId } from "../base/ids.ts";
import { PREKEY_LIFETIME_MS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Result } from "../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  flag,
  id,
  integer,
  nullable,
  type Shape,
  struct,
  variants,
} from "../codec/shape.ts";
import {
  AGREEMENT_KEY_BYTES,
  type AgreementKeyPair,
  agreementKeyPairFromSecret,
} from "../crypto/agreement.ts";
import { LABEL } from "../crypto/labels.ts";
import { type SignKeyPair, sign } from "../crypto/sign.ts";
import {
  type KemKeyPair,
  kemKeyPairFromSeed,
  XWING_PUBLIC_KEY_BYTES,
  XWING_SECRET_KEY_BYTES,
} from "../crypto/xwing.ts";
import { type PreKeyKind, preKeyBodyShape, preKeyIdOf, publishedPreKeyShape } from "../protocol/prekey.ts";

interface PreKeyTimes {
  readonly id: PreKeyId;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** When it stopped being handed out, if it has; what was sealed for it before may still arrive. Counted time. */
  readonly retiredAtMs: number | null;
}

export interface SignedPreKeyRecord extends PreKeyTimes {
  readonly type: "signed";
  readonly agreement: AgreementKeyPair;
}

export interface OneTimePreKeyRecord extends PreKeyTimes {
  readonly type: "oneTime";
  readonly agreement: AgreementKeyPair;
  readonly kem: KemKeyPair;
}

export interface LastResortPreKeyRecord extends PreKeyTimes {
  readonly type: "lastResort";
  readonly kem: KemKeyPair;
  /** A session was started with it, so it is to be replaced. */
  readonly isUsed: boolean;
}

/** One prekey with its private halves. Lives in the device's own store only. */
export type PreKeyRecord = SignedPreKeyRecord | OneTimePreKeyRecord | LastResortPreKeyRecord;

const agreementShape = struct({
  publicKey: bytes(AGREEMENT_KEY_BYTES),
  secretKey: bytes(AGREEMENT_KEY_BYTES),
});
const kemShape = struct({
  publicKey: bytes(XWING_PUBLIC_KEY_BYTES),
  secretKey: bytes(XWING_SECRET_KEY_BYTES),
});
const times = {
  id: id("preKey"),
  createdAtMs: integer(),
  expiresAtMs: integer(),
  retiredAtMs: nullable(integer()),
};

/** The stored form of a prekey. */
export const preKeyRecordShape: Shape<PreKeyRecord> = variants({
  signed: [1, { ...times, agreement: agreementShape }],
  oneTime: [2, { ...times, agreement: agreementShape, kem: kemShape }],
  lastResort: [3, { ...times, kem: kemShape, isUsed: flag }],
});

/** Bytes for the device's own store. */
export function encodePreKeyRecord(record: PreKeyRecord): Bytes {
  return encode(preKeyRecordShape, record);
}

/** Reads `encodePreKeyRecord`'s output. */
export function decodePreKeyRecord(stored: Bytes): Result<PreKeyRecord, DecodeError> {
  return decode(preKeyRecordShape, stored);
}

/** The two times prekeys go by: counted time for their age, and the time of who hands them out for their end. PK12 */
export interface PreKeyNow {
  readonly steadyMs: number;
  readonly likelyMs: number;
}

/** Makes a prekey of one kind. The caller stores it durably before it uploads the public half. */
export function createPreKey(random: Random, kind: PreKeyKind, now: PreKeyNow): PreKeyRecord {
  const agreement =
    kind === "lastResort" ? null : agreementKeyPairFromSecret(random.bytes(AGREEMENT_KEY_BYTES));
  const kem = kind === "signed" ? null : kemKeyPairFromSeed(random.bytes(XWING_SECRET_KEY_BYTES));
  const facts = {
    id: preKeyIdOf(agreement?.publicKey ?? null, kem?.publicKey ?? null),
    createdAtMs: now.steadyMs,
    expiresAtMs: now.likelyMs + PREKEY_LIFETIME_MS,
    retiredAtMs: null,
  };
  if (kem === null) {
    assert(agreement !== null, "a signed prekey has an X25519 key");
    return { type: "signed", ...facts, agreement };
  }
  if (agreement === null) return { type: "lastResort", ...facts, kem, isUsed: false };
  return { type: "oneTime", ...facts, agreement, kem };
}

/** The device whose prekeys are published. */
export interface PreKeyPublisher {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly sign: SignKeyPair;
}

/** Signs the public half of a prekey: bytes of `publishedPreKeyShape`. The same record gives the same bytes (PK5). */
export function publishPreKey(record: PreKeyRecord, publisher: PreKeyPublisher): Bytes {
  const body = encode(preKeyBodyShape, {
    version: 1,
    kind: record.type,
    id: record.id,
    agreementPk: record.type === "lastResort" ? null : record.agreement.publicKey,
    kemPk: record.type === "signed" ? null : record.kem.publicKey,
    expiresAtMs: record.expiresAtMs,
    accountId: publisher.accountId,
    deviceId: publisher.deviceId,
  });
  return encode(publishedPreKeyShape, { body, signature: sign(publisher.sign, LABEL.signPreKey, body) });
}
