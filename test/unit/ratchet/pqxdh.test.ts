/** PQXDH: both sides agree exactly when they mean the same devices and prekeys. */
import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes, type PreKeyId } from "../../../core/base/ids.ts";
import { kemKeyPairFromSeed, XWING_CIPHERTEXT_BYTES } from "../../../core/crypto/xwing.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { decodeEnvelope, encodeEnvelope } from "../../../core/ratchet/envelope.ts";
import { initiatePqxdh, respondPqxdh } from "../../../core/ratchet/pqxdh.ts";
import type { PreKeyRecord } from "../../../core/ratchet/prekey-record.ts";
import { type DevicePair, decryptMessage, startSession } from "../../../core/ratchet/session-set.ts";
import {
  encodeSessionStart,
  readSessionStart,
  SESSION_START_BYTES,
  type SessionStart,
} from "../../../core/ratchet/session-start.ts";
import { type Conversation, createConversation } from "../../support/ratchet-conversation.ts";
import {
  addPreKey,
  createTestDevice,
  finderOf,
  pairOf,
  peerOf,
  unwrap,
  verifiedBundleOf,
} from "../../support/ratchet-device.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("pqxdh");

beforeAll(cryptoReady);

/** What b gets when the first envelope, the pair or the prekeys are not what a meant. */
function receiveWith(
  conversation: Conversation,
  envelope: Uint8Array,
  changes: {
    readonly pair?: Partial<DevicePair>;
    readonly start?: Partial<SessionStart>;
    readonly findPreKey?: (id: PreKeyId) => PreKeyRecord | null;
  },
) {
  const { a, b } = conversation.device;
  const parts = unwrap(decodeEnvelope(envelope));
  if (parts.start === null) throw new Error("the first envelope has a start");
  const start = encodeSessionStart({ ...readSessionStart(parts.start), ...changes.start });
  return decryptMessage(
    null,
    { ...pairOf(b, a), ...changes.pair },
    {
      context: conversation.context,
      envelope: encodeEnvelope({ ...parts, start }),
      findPreKey: changes.findPreKey ?? finderOf(b),
    },
  );
}

function createFirst(kind: "oneTime" | "lastResort" = "oneTime") {
  const conversation = createConversation(random);
  conversation.start("a", conversation.device.b[kind]);
  return { conversation, ...conversation.device, envelope: conversation.send("a", random.bytes(40)) };
}

const doesNotOpen = { ok: false, error: { type: "DoesNotOpen" } };

describe("a start", () => {
  test.each(["oneTime", "lastResort"] as const)(
    "[PX1] opens with a %s prekey when nothing was changed",
    (kind) => {
      const { conversation, envelope, b } = createFirst(kind);
      const opened = unwrap(receiveWith(conversation, envelope, {}));
      expect(opened.plaintext).toHaveLength(40);
      expect(opened.consumedPreKeyId).toBe(kind === "oneTime" ? b.oneTime.id : null);
      expect(opened.usedLastResortId).toBe(kind === "lastResort" ? b.lastResort.id : null);
    },
  );
  test("[PX4] does not open when either side means another identity key", () => {
    const { conversation, envelope, a, b } = createFirst();
    const other = createTestDevice(random);
    const withKey = { ...peerOf(a), agreementPk: other.agreement.publicKey };
    expect(receiveWith(conversation, envelope, { pair: { peer: withKey } })).toEqual(doesNotOpen);
    const self = { ...b, agreement: other.agreement };
    expect(receiveWith(conversation, envelope, { pair: { self } })).toEqual(doesNotOpen);
  });
  test("[PX4] does not open when either side means another account or device with the same keys", () => {
    const { conversation, envelope, a, b } = createFirst();
    const other = createTestDevice(random);
    for (const name of ["accountId", "deviceId"] as const) {
      const peer = { ...peerOf(a), [name]: other[name] };
      expect(receiveWith(conversation, envelope, { pair: { peer } }), `peer ${name}`).toEqual(doesNotOpen);
      const self = { ...b, [name]: other[name] };
      expect(receiveWith(conversation, envelope, { pair: { self } }), `self ${name}`).toEqual(doesNotOpen);
    }
    expect(
      receiveWith(conversation, envelope, {
        pair: { self: { ...b, accountId: a.accountId }, peer: { ...peerOf(a), accountId: b.accountId } },
      }),
    ).toEqual(doesNotOpen);
  });
  test("[PX4] does not open when a prekey id names another prekey of the same device", () => {
    const { conversation, envelope, b } = createFirst();
    const ids = {
      signed: addPreKey(random, b, "signed").id,
      oneTime: addPreKey(random, b, "oneTime").id,
    };
    expect(receiveWith(conversation, envelope, { start: { signedPreKeyId: ids.signed } })).toEqual(
      doesNotOpen,
    );
    expect(receiveWith(conversation, envelope, { start: { kemPreKeyId: ids.oneTime } })).toEqual(doesNotOpen);
    expect(receiveWith(conversation, envelope, { start: { kemPreKeyId: b.lastResort.id } })).toEqual(
      doesNotOpen,
    );
  });
  test("[PX4] does not open when an id stands for another record with the same keys", () => {
    const { conversation, envelope, b } = createFirst();
    const id = idFromBytes("preKey", random.bytes(8));
    const renamed: PreKeyRecord = { ...b.signed, id };
    const findPreKey = (asked: PreKeyId) => (asked === id ? renamed : finderOf(b)(asked));
    expect(receiveWith(conversation, envelope, { start: { signedPreKeyId: id }, findPreKey })).toEqual(
      doesNotOpen,
    );
  });
  test("[PX4] does not open when the KEM public key was swapped and the secret is the same (re-encapsulation)", () => {
    const { conversation, envelope, b } = createFirst();
    const kem = { ...b.oneTime.kem, publicKey: kemKeyPairFromSeed(random.bytes(32)).publicKey };
    const swapped: PreKeyRecord = { ...b.oneTime, kem };
    const findPreKey = (asked: PreKeyId) => (asked === b.oneTime.id ? swapped : finderOf(b)(asked));
    expect(receiveWith(conversation, envelope, { findPreKey })).toEqual(doesNotOpen);
  });
  test("[PX4] a one-time prekey passed off as last-resort, without DH4, does not open", () => {
    const { conversation, envelope, b } = createFirst();
    const { kem, id, createdAtMs, expiresAtMs, retiredAtMs } = b.oneTime;
    const bare: PreKeyRecord = {
      type: "lastResort",
      id,
      kem,
      createdAtMs,
      expiresAtMs,
      retiredAtMs,
      isUsed: false,
    };
    const findPreKey = (asked: PreKeyId) => (asked === id ? bare : finderOf(b)(asked));
    expect(receiveWith(conversation, envelope, { findPreKey })).toEqual(doesNotOpen);
  });
  test("[PX5] does not open when a byte of the KEM ciphertext or ephemeral key was changed", () => {
    const { conversation, envelope } = createFirst();
    for (const place of [0, 500, XWING_CIPHERTEXT_BYTES - 1]) {
      const { kemCiphertext } = readSessionStart(unwrap(decodeEnvelope(envelope)).start ?? new Uint8Array(0));
      kemCiphertext[place] = (kemCiphertext[place] ?? 0) ^ 1;
      expect(receiveWith(conversation, envelope, { start: { kemCiphertext } }), `byte ${place}`).toEqual(
        doesNotOpen,
      );
    }
    const ephemeralPk = createTestDevice(random).agreement.publicKey;
    expect(receiveWith(conversation, envelope, { start: { ephemeralPk } })).toEqual(doesNotOpen);
  });
  test("[PX5] a KEM key or ciphertext of the wrong length is refused", () => {
    const { a, b } = createFirst();
    const bundle = verifiedBundleOf(b);
    const short = { ...bundle, kem: { ...bundle.kem, kemPk: bundle.kem.kemPk.slice(1) } };
    expect(initiatePqxdh(random, pairOf(a, b), short)).toEqual({ ok: false, error: { type: "BadKemInput" } });
    const { start } = unwrap(initiatePqxdh(random, pairOf(a, b), bundle));
    const cut = { ...start, kemCiphertext: start.kemCiphertext.slice(1) };
    const preKeys = { signed: b.signed, kem: b.oneTime };
    expect(respondPqxdh(pairOf(b, a), preKeys, cut)).toEqual({ ok: false, error: { type: "BadKemInput" } });
  });
  test("[PX5] an X-Wing public key that is no ML-KEM key is refused", () => {
    const { a, b } = createFirst();
    const bundle = verifiedBundleOf(b);
    const kem = { ...bundle.kem, kemPk: new Uint8Array(bundle.kem.kemPk.length).fill(0xff) };
    expect(initiatePqxdh(random, pairOf(a, b), { ...bundle, kem })).toEqual({
      ok: false,
      error: { type: "BadKemInput" },
    });
  });
  test("[PX4] [DR12] the same ephemeral key written another way makes no second session of a start", () => {
    // X25519 ignores the top bit, so every agreement is the same; only the associated data tells them apart.
    const { conversation, envelope, b } = createFirst("lastResort");
    expect(unwrap(receiveWith(conversation, envelope, {})).usedLastResortId).toBe(b.lastResort.id);
    const { ephemeralPk } = readSessionStart(unwrap(decodeEnvelope(envelope)).start ?? new Uint8Array(0));
    ephemeralPk[31] = (ephemeralPk[31] ?? 0) ^ 0x80;
    expect(receiveWith(conversation, envelope, { start: { ephemeralPk } })).toEqual(doesNotOpen);
  });
  test("[PX6] is read as it was written, and has one length", () => {
    const { envelope } = createFirst();
    const { start } = unwrap(decodeEnvelope(envelope));
    expect(start).toHaveLength(SESSION_START_BYTES);
    expect(encodeSessionStart(readSessionStart(start ?? new Uint8Array(0)))).toEqual(start);
  });
});

describe("startSession", () => {
  test("[PK10] an expired prekey is not used, one a millisecond before is", () => {
    const { a, b } = createFirst();
    const bundle = verifiedBundleOf(b);
    const start = (nowMs: number) => startSession({ random }, pairOf(a, b), { set: null, bundle, nowMs });
    const { id, expiresAtMs } = b.signed;
    expect(start(expiresAtMs)).toEqual({ ok: false, error: { type: "PreKeyExpired", id, expiresAtMs } });
    expect(start(expiresAtMs - 1).ok).toBe(true);
    const older = { ...bundle, kem: { ...bundle.kem, expiresAtMs: 5 } };
    expect(startSession({ random }, pairOf(a, b), { set: null, bundle: older, nowMs: 5 })).toMatchObject({
      error: { type: "PreKeyExpired", id: b.oneTime.id },
    });
  });
  test("[PK2] prekeys of another device than the peer are not used", () => {
    const { a, b } = createFirst();
    const other = createTestDevice(random);
    const facts = { set: null, bundle: verifiedBundleOf(other), nowMs: 1 };
    expect(startSession({ random }, pairOf(a, b), facts)).toEqual({
      ok: false,
      error: { type: "WrongPreKeyOwner" },
    });
  });
});
