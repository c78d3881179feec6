/**
 * Published prekeys: the public keys a device leaves with the server, so that sessions start while it is offline.
 *
 * `PublishedPreKey = [body, signature]`, where `body` is the canonical CBOR of `[version, kind, id, agreementPk, kemPk,
 * expiresAtMs, accountId, deviceId]` and the signature covers the received bytes of `body`. Which keys a kind has:
 *
 * | kind | agreementPk (X25519) | kemPk (X-Wing) |
 * |---|---|---|
 * | `signed` | yes | null |
 * | `oneTime` | yes | yes |
 * | `lastResort` | null | yes |
 *
 * Invariant: nothing after `verifyPreKey` takes an unverified prekey. Rules PK1-PK6 of docs/protocol/ratchet.md.
 */
import type { Brand } from "../base/brand.ts";
import type { Bytes } from "../base/bytes.ts";
import { type AccountId, type DeviceId, ID_BYTES, idFromBytes, type PreKeyId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  embedded,
  id,
  integer,
  literal,
  nullable,
  oneOf,
  type Shape,
  type ShapeOf,
  struct,
} from "../codec/shape.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import { type BadSignature, SIGNATURE_BYTES, verifySignature } from "../crypto/verify.ts";
import { PREKEY_BYTES_MAX } from "./client-frame.ts";

/** Bytes of an X25519 public key. */
export const PREKEY_AGREEMENT_PK_BYTES = 32;
/** Bytes of an X-Wing public key. */
export const PREKEY_KEM_PK_BYTES = 1_216;
const BODY_BYTES_MAX = 1_400;

export type PreKeyKind = "signed" | "oneTime" | "lastResort";

/** What a device signs about one prekey. Read from a peer or the server it proves nothing: see `verifyPreKey`. */
export interface PreKeyBody {
  readonly version: 1;
  readonly kind: PreKeyKind;
  readonly id: PreKeyId;
  readonly agreementPk: Bytes | null;
  readonly kemPk: Bytes | null;
  readonly expiresAtMs: number;
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
}

/** The signed part of a published prekey. */
export const preKeyBodyShape: Shape<PreKeyBody> = struct({
  version: literal(1),
  kind: oneOf("signed", "oneTime", "lastResort"),
  id: id("preKey"),
  agreementPk: nullable(bytes(PREKEY_AGREEMENT_PK_BYTES)),
  kemPk: nullable(bytes(PREKEY_KEM_PK_BYTES)),
  expiresAtMs: integer(),
  accountId: id("account"),
  deviceId: id("device"),
});

/** A prekey as it is uploaded, stored and handed out, each time as these bytes; `body` is kept as received. */
export const publishedPreKeyShape = struct({
  body: embedded(BODY_BYTES_MAX),
  signature: bytes(SIGNATURE_BYTES),
});
export type PublishedPreKey = ShapeOf<typeof publishedPreKeyShape>;

/**
 * What the server hands out to start one session with one device: bytes of `publishedPreKeyShape`. Exactly one of the
 * last two is present (PK6).
 */
export const preKeyBundleShape = struct({
  signed: embedded(PREKEY_BYTES_MAX),
  oneTime: nullable(embedded(PREKEY_BYTES_MAX)),
  lastResort: nullable(embedded(PREKEY_BYTES_MAX)),
});
export type PreKeyBundle = ShapeOf<typeof preKeyBundleShape>;

interface PreKeyFacts {
  readonly id: PreKeyId;
  readonly expiresAtMs: number;
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
}

export type VerifiedSignedPreKey = Brand<
  PreKeyFacts & { readonly kind: "signed"; readonly agreementPk: Bytes },
  "VerifiedPreKey"
>;
export type VerifiedOneTimePreKey = Brand<
  PreKeyFacts & { readonly kind: "oneTime"; readonly agreementPk: Bytes; readonly kemPk: Bytes },
  "VerifiedPreKey"
>;
export type VerifiedLastResortPreKey = Brand<
  PreKeyFacts & { readonly kind: "lastResort"; readonly kemPk: Bytes },
  "VerifiedPreKey"
>;

/** A prekey its device signed for this purpose. That the device is on its account's chain is the caller's to know. */
export type VerifiedPreKey = VerifiedSignedPreKey | VerifiedOneTimePreKey | VerifiedLastResortPreKey;

/** The verified prekeys of one session start, all of one device. */
export interface VerifiedPreKeyBundle {
  readonly signed: VerifiedSignedPreKey;
  readonly kem: VerifiedOneTimePreKey | VerifiedLastResortPreKey;
}

/** The device a prekey must belong to, as its account's chain names it. */
export interface PreKeyOwner {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly signPk: Bytes;
}

export type PreKeyError =
  | DecodeError
  | BadSignature
  /** Signed by the right key for another account or device. */
  | { readonly type: "WrongPreKeyOwner" }
  /** The keys are not those of its kind, or its id is not the hash of its keys. */
  | { readonly type: "MalformedPreKey"; readonly why: "keys" | "id" };

export type PreKeyBundleError =
  | PreKeyError
  /** Not exactly one of one-time and last-resort, or a prekey in another kind's place. */
  | { readonly type: "MalformedPreKeyBundle" };

/** Id of a prekey: the start of the hash of its public keys, so one id never names two keys (PK3). */
export function preKeyIdOf(agreementPk: Bytes | null, kemPk: Bytes | null): PreKeyId {
  const digest = hash(LABEL.preKeyId, agreementPk ?? new Uint8Array(0), kemPk ?? new Uint8Array(0));
  return idFromBytes("preKey", digest.slice(0, ID_BYTES.preKey));
}

/**
 * Checks that `owner` signed this prekey for itself.
 *
 * Expiry is not checked here, because it depends on whose clock: the server compares `expiresAtMs` when it stores,
 * `startSession` when it uses.
 *
 * - Fails: `BadSignature`; `WrongPreKeyOwner`; `MalformedPreKey`; or what the decoder says.
 */
export function verifyPreKey(received: Bytes, owner: PreKeyOwner): Result<VerifiedPreKey, PreKeyError> {
  const published = decode(publishedPreKeyShape, received);
  if (!published.ok) return published;
  // PK1: over the received bytes, before they are read.
  const { body: signedBytes, signature } = published.value;
  const signed = verifySignature(owner.signPk, LABEL.signPreKey, signedBytes, signature);
  if (!signed.ok) return signed;
  const body = decode(preKeyBodyShape, signedBytes);
  if (!body.ok) return body;
  const { kind, agreementPk, kemPk, accountId, deviceId, expiresAtMs } = body.value;
  // PK2
  if (accountId !== owner.accountId || deviceId !== owner.deviceId) return err({ type: "WrongPreKeyOwner" });
  // PK3
  if (body.value.id !== preKeyIdOf(agreementPk, kemPk)) return err({ type: "MalformedPreKey", why: "id" });
  // PK4
  const keys = keysOfKind(kind, agreementPk, kemPk);
  if (keys === null) return err({ type: "MalformedPreKey", why: "keys" });
  return ok({ id: body.value.id, expiresAtMs, accountId, deviceId, ...keys } as VerifiedPreKey);
}

type KeysOfKind =
  | { readonly kind: "signed"; readonly agreementPk: Bytes }
  | { readonly kind: "oneTime"; readonly agreementPk: Bytes; readonly kemPk: Bytes }
  | { readonly kind: "lastResort"; readonly kemPk: Bytes };

function keysOfKind(kind: PreKeyKind, agreementPk: Bytes | null, kemPk: Bytes | null): KeysOfKind | null {
  if (kind === "signed") return agreementPk !== null && kemPk === null ? { kind, agreementPk } : null;
  if (kind === "oneTime") return agreementPk !== null && kemPk !== null ? { kind, agreementPk, kemPk } : null;
  return agreementPk === null && kemPk !== null ? { kind, kemPk } : null;
}

/** Verifies what the server handed out for one device. - Fails: as `verifyPreKey`; `MalformedPreKeyBundle`. */
export function verifyPreKeyBundle(
  bundle: PreKeyBundle,
  owner: PreKeyOwner,
): Result<VerifiedPreKeyBundle, PreKeyBundleError> {
  const malformed = err<PreKeyBundleError>({ type: "MalformedPreKeyBundle" });
  // PK6
  const published = bundle.oneTime ?? bundle.lastResort;
  if (published === null || (bundle.oneTime !== null && bundle.lastResort !== null)) return malformed;
  const signed = verifyPreKey(bundle.signed, owner);
  if (!signed.ok) return signed;
  const kem = verifyPreKey(published, owner);
  if (!kem.ok) return kem;
  if (signed.value.kind !== "signed" || kem.value.kind === "signed") return malformed;
  if ((kem.value.kind === "oneTime") !== (bundle.oneTime !== null)) return malformed;
  return ok({ signed: signed.value, kem: kem.value });
}
