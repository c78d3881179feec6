/** Published prekeys: what is accepted as a device's own, and what is not. */
import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { AGREEMENT_KEY_BYTES } from "../../../core/crypto/agreement.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { sign } from "../../../core/crypto/sign.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { XWING_PUBLIC_KEY_BYTES } from "../../../core/crypto/xwing.ts";
import { PREKEY_BYTES_MAX } from "../../../core/protocol/client-frame.ts";
import {
  PREKEY_AGREEMENT_PK_BYTES,
  PREKEY_KEM_PK_BYTES,
  type PreKeyBody,
  preKeyBodyShape,
  preKeyBundleShape,
  preKeyIdOf,
  publishedPreKeyShape,
  verifyPreKey,
  verifyPreKeyBundle,
} from "../../../core/protocol/prekey.ts";
import { publishPreKey } from "../../../core/ratchet/prekey-record.ts";
import {
  bundleOf,
  createTestDevice,
  ownerOf,
  type StockedDevice,
  unwrap,
} from "../../support/ratchet-device.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("prekeys");
let device: StockedDevice;
let other: StockedDevice;

beforeAll(async () => {
  await cryptoReady();
  device = createTestDevice(random);
  other = createTestDevice(random);
});

/** A body of the device's signed prekey with some fields replaced, signed by `by`. */
function publishBody(changes: Partial<PreKeyBody>, by: StockedDevice = device): Uint8Array {
  const published = unwrap(decode(publishedPreKeyShape, publishPreKey(device.signed, device)));
  const body = encode(preKeyBodyShape, { ...unwrap(decode(preKeyBodyShape, published.body)), ...changes });
  return encode(publishedPreKeyShape, { body, signature: sign(by.sign, LABEL.signPreKey, body) });
}

test("the sizes of the server's half are those of the keys", () => {
  expect([PREKEY_AGREEMENT_PK_BYTES, PREKEY_KEM_PK_BYTES]).toEqual([
    AGREEMENT_KEY_BYTES,
    XWING_PUBLIC_KEY_BYTES,
  ]);
});

describe("verifyPreKey", () => {
  test("[PK1] accepts what the device signed, of each kind", () => {
    for (const record of [device.signed, device.oneTime, device.lastResort]) {
      const published = publishPreKey(record, device);
      expect(published.length).toBeLessThanOrEqual(PREKEY_BYTES_MAX);
      expect(unwrap(verifyPreKey(published, ownerOf(device)))).toMatchObject({
        kind: record.type,
        id: record.id,
        accountId: device.accountId,
        deviceId: device.deviceId,
      });
    }
  });
  test("[PK1] refuses every single changed byte", () => {
    const published = publishPreKey(device.signed, device);
    for (let i = 0; i < published.length; i++) {
      const changed = published.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(verifyPreKey(changed, ownerOf(device)).ok, `byte ${i}`).toBe(false);
    }
  });
  test("[PK1] refuses another signer, and a signature for another purpose", () => {
    const badSignature = { ok: false, error: { type: "BadSignature" } };
    expect(verifyPreKey(publishBody({}, other), ownerOf(device))).toEqual(badSignature);
    const { body } = unwrap(decode(publishedPreKeyShape, publishPreKey(device.signed, device)));
    const signature = sign(device.sign, LABEL.signLink, body);
    expect(verifyPreKey(encode(publishedPreKeyShape, { body, signature }), ownerOf(device))).toEqual(
      badSignature,
    );
  });
  test("[PK1] the signature is over the bytes as received: what follows them is refused though it is signed", () => {
    const { body } = unwrap(decode(publishedPreKeyShape, publishPreKey(device.signed, device)));
    const longer = Uint8Array.from([...body, 0]);
    const published = encode(publishedPreKeyShape, {
      body: longer,
      signature: sign(device.sign, LABEL.signPreKey, longer),
    });
    expect(verifyPreKey(published, ownerOf(device))).toMatchObject({
      error: { type: "MalformedCbor", why: "trailing" },
    });
  });
  test("[PK2] refuses a prekey that names another account or device, though the key that signed is right", () => {
    const wrong = { ok: false, error: { type: "WrongPreKeyOwner" } };
    expect(verifyPreKey(publishBody({ accountId: other.accountId }), ownerOf(device))).toEqual(wrong);
    expect(verifyPreKey(publishBody({ deviceId: other.deviceId }), ownerOf(device))).toEqual(wrong);
  });
  test("[PK3] refuses an id that is not the hash of the keys", () => {
    const body = { id: idFromBytes("preKey", random.bytes(8)) };
    const refused = { ok: false, error: { type: "MalformedPreKey", why: "id" } };
    expect(verifyPreKey(publishBody(body), ownerOf(device))).toEqual(refused);
  });
  test("[PK4] refuses keys that are not those of the kind", () => {
    const keys = {
      none: [null, null],
      agreement: [device.signed.agreement.publicKey, null],
      kem: [null, device.lastResort.kem.publicKey],
      both: [device.oneTime.agreement.publicKey, device.oneTime.kem.publicKey],
    } as const;
    const accepted: string[] = [];
    for (const kind of ["signed", "oneTime", "lastResort"] as const) {
      for (const [name, [agreementPk, kemPk]] of Object.entries(keys)) {
        const body = { kind, agreementPk, kemPk, id: preKeyIdOf(agreementPk, kemPk) };
        const verified = verifyPreKey(publishBody(body), ownerOf(device));
        if (verified.ok) accepted.push(`${kind}: ${name}`);
        else expect(verified.error).toEqual({ type: "MalformedPreKey", why: "keys" });
      }
    }
    expect(accepted).toEqual(["signed: agreement", "oneTime: both", "lastResort: kem"]);
  });
  test("never throws on any bytes", () => {
    for (let i = 0; i < 300; i++) {
      expect(verifyPreKey(random.bytes(random.below(200)), ownerOf(device)).ok).toBe(false);
    }
  });
});

describe("verifyPreKeyBundle", () => {
  const refused = { ok: false, error: { type: "MalformedPreKeyBundle" } };

  test("[PK6] accepts signed with one-time, and signed with last-resort", () => {
    const kinds = [device.oneTime, device.lastResort].map((kem) => {
      const bundle = bundleOf(device, kem);
      const travelled = unwrap(decode(preKeyBundleShape, encode(preKeyBundleShape, bundle)));
      expect(verifyPreKeyBundle(travelled, ownerOf(device))).toEqual(
        verifyPreKeyBundle(bundle, ownerOf(device)),
      );
      const verified = unwrap(verifyPreKeyBundle(bundle, ownerOf(device)));
      return [verified.signed.id, verified.kem.kind, verified.kem.id];
    });
    expect(kinds).toEqual([
      [device.signed.id, "oneTime", device.oneTime.id],
      [device.signed.id, "lastResort", device.lastResort.id],
    ]);
  });
  test("[PK6] refuses none, both, and prekeys in another kind's place", () => {
    const [signed, oneTime, lastResort] = [device.signed, device.oneTime, device.lastResort].map((record) =>
      publishPreKey(record, device),
    ) as [Uint8Array, Uint8Array, Uint8Array];
    for (const bundle of [
      { signed, oneTime: null, lastResort: null },
      { signed, oneTime, lastResort },
      { signed: lastResort, oneTime, lastResort: null },
      { signed, oneTime: lastResort, lastResort: null },
      { signed, oneTime: null, lastResort: oneTime },
      { signed, oneTime: signed, lastResort: null },
    ])
      expect(verifyPreKeyBundle(bundle, ownerOf(device))).toEqual(refused);
  });
  test("[PK6] refuses a bundle with a prekey of another device", () => {
    const mixed = { ...bundleOf(device), signed: publishPreKey(other.signed, other) };
    expect(verifyPreKeyBundle(mixed, ownerOf(device))).toEqual({
      ok: false,
      error: { type: "BadSignature" },
    });
    const mixedKem = { ...bundleOf(device), oneTime: publishPreKey(other.oneTime, other) };
    expect(verifyPreKeyBundle(mixedKem, ownerOf(device))).toEqual({
      ok: false,
      error: { type: "BadSignature" },
    });
  });
});
