/** Prekeys and PQXDH of docs/protocol/ratchet.md, PK1-PK4 and PX1-PX6, a second time. */
import {
  cbor,
  hash,
  hkdf,
  join,
  type KeyPair,
  labelled,
  sign,
  x25519,
  xwingDecapsulate,
  xwingEncapsulate,
} from "./primitives.ts";

type Bytes = Uint8Array;
const NONE = new Uint8Array(0);

export interface SecondDevice {
  readonly accountId: Bytes;
  readonly deviceId: Bytes;
  readonly identity: KeyPair;
}

export type SecondPublicDevice = Omit<SecondDevice, "identity"> & {
  readonly identity: { readonly public: Bytes };
};

export interface SecondPreKeys {
  readonly signed: KeyPair;
  /** Null for a last-resort prekey. */
  readonly oneTime: KeyPair | null;
  readonly kem: KeyPair;
}

export type SecondPublicPreKeys = {
  readonly [K in keyof SecondPreKeys]: SecondPreKeys[K] extends KeyPair
    ? { readonly public: Bytes }
    : { readonly public: Bytes } | null;
};

export interface SecondSecrets {
  readonly ad: Bytes;
  readonly rootKey: Bytes;
  readonly initiatorHeaderKey: Bytes;
  readonly responderHeaderKey: Bytes;
}

export interface SecondStart extends SecondSecrets {
  readonly start: Bytes;
  readonly sessionId: Bytes;
}

/** PK3. */
export function preKeyId(agreementPk: Bytes | null, kemPk: Bytes | null): Bytes {
  return hash("dovetail/1/prekey-id", agreementPk ?? NONE, kemPk ?? NONE).slice(0, 8);
}

/** PK1 and PK4: the published bytes. */
export function publish(facts: {
  readonly kind: "signed" | "oneTime" | "lastResort";
  readonly agreementPk: Bytes | null;
  readonly kemPk: Bytes | null;
  readonly expiresAtMs: number;
  readonly accountId: Bytes;
  readonly deviceId: Bytes;
  readonly signSeed: Bytes;
}): Bytes {
  const { kind, agreementPk, kemPk, expiresAtMs, accountId, deviceId } = facts;
  const id = preKeyId(agreementPk, kemPk);
  const body = cbor([1, kind, id, agreementPk, kemPk, expiresAtMs, accountId, deviceId]);
  return cbor([body, sign(facts.signSeed, "dovetail/1/sign/prekey", body)]);
}

/** PX1, PX2, PX4, PX6: A's side, with its random bytes given. */
export function initiate(
  a: SecondDevice,
  b: SecondPublicDevice,
  preKeys: SecondPublicPreKeys,
  drawn: { readonly ephemeral: KeyPair; readonly kemSeed: Bytes },
): SecondStart {
  const { ephemeral, kemSeed } = drawn;
  const { ciphertext, secret } = xwingEncapsulate(preKeys.kem.public, kemSeed);
  const dh = [
    x25519(a.identity.secret, preKeys.signed.public),
    x25519(ephemeral.secret, b.identity.public),
    x25519(ephemeral.secret, preKeys.signed.public),
  ];
  if (preKeys.oneTime !== null) dh.push(x25519(ephemeral.secret, preKeys.oneTime.public));
  const start = join(
    ephemeral.public,
    preKeyId(preKeys.signed.public, null),
    preKeyId(preKeys.oneTime?.public ?? null, preKeys.kem.public),
    ciphertext,
  );
  return finish(associatedData(a, b, preKeys, start), dh, secret, start);
}

/** The same from B's side, from the bytes of the start. */
export function respond(
  a: SecondPublicDevice,
  b: SecondDevice,
  preKeys: SecondPreKeys,
  start: Bytes,
): SecondStart {
  const ephemeralPk = start.slice(0, 32);
  const ciphertext = start.slice(48);
  const dh = [
    x25519(preKeys.signed.secret, a.identity.public),
    x25519(b.identity.secret, ephemeralPk),
    x25519(preKeys.signed.secret, ephemeralPk),
  ];
  if (preKeys.oneTime !== null) dh.push(x25519(preKeys.oneTime.secret, ephemeralPk));
  const secret = xwingDecapsulate(preKeys.kem.secret, ciphertext);
  return finish(associatedData(a, b, preKeys, start), dh, secret, start);
}

function associatedData(
  a: SecondPublicDevice,
  b: SecondPublicDevice,
  preKeys: SecondPublicPreKeys,
  start: Bytes,
): Bytes {
  return hash(
    "dovetail/1/pqxdh-data",
    ...[a.accountId, a.deviceId, a.identity.public],
    ...[b.accountId, b.deviceId, b.identity.public],
    start.slice(0, 32),
    ...[preKeyId(preKeys.signed.public, null), preKeys.signed.public],
    ...[preKeyId(preKeys.oneTime?.public ?? null, preKeys.kem.public), preKeys.oneTime?.public ?? NONE],
    preKeys.kem.public,
    hash("dovetail/1/kem-ciphertext", start.slice(48)),
  );
}

function finish(ad: Bytes, dh: readonly Bytes[], secret: Bytes, start: Bytes): SecondStart {
  const input = join(new Uint8Array(32).fill(0xff), ...dh, secret);
  const out = hkdf(NONE, input, join(labelled("dovetail/1/kdf/pqxdh"), ad), 96);
  return {
    ad,
    rootKey: out.slice(0, 32),
    initiatorHeaderKey: out.slice(32, 64),
    responderHeaderKey: out.slice(64, 96),
    start,
    sessionId: hash("dovetail/1/session-id", start).slice(0, 16),
  };
}
