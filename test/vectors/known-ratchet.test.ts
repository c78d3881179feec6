/** Prekeys, PQXDH and ratchet against known answers of a second implementation, which shares nothing with `core`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../core/base/bytes.ts";
import { type Id, type IdKind, idFromBytes } from "../../core/base/ids.ts";
import { aeadEncrypt } from "../../core/crypto/aead.ts";
import { type AgreementKeyPair, agreementKeyPairFromSecret } from "../../core/crypto/agreement.ts";
import { signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { type KemKeyPair, kemKeyPairFromSeed } from "../../core/crypto/xwing.ts";
import { preKeyIdOf, verifyPreKey, verifyPreKeyBundle } from "../../core/protocol/prekey.ts";
import { messageAad } from "../../core/ratchet/encrypt-in-session.ts";
import { decodeEnvelope, encodeEnvelope } from "../../core/ratchet/envelope.ts";
import { openHeader, sealHeader } from "../../core/ratchet/message-header.ts";
import { initiatePqxdh, respondPqxdh, type SessionSecrets } from "../../core/ratchet/pqxdh.ts";
import { type PreKeyRecord, publishPreKey } from "../../core/ratchet/prekey-record.ts";
import { messageKeyOf, nextChainKey, stepRoot } from "../../core/ratchet/ratchet-kdf.ts";
import {
  decryptMessage,
  type EncryptedMessage,
  encryptMessage,
  type SessionSet,
  startSession,
} from "../../core/ratchet/session-set.ts";
import { encodeSessionStart, sessionIdOf } from "../../core/ratchet/session-start.ts";
import { at, unwrap } from "../support/ratchet-device.ts";
import { scriptedRandom } from "../support/scripted-random.ts";
import { type KnownRatchet, knownRatchet } from "../support/second/known-answers.ts";

const text = readFileSync(join(import.meta.dirname, "known/ratchet.json"), "utf8");
const known: KnownRatchet = JSON.parse(text);
type KnownStart = KnownRatchet["pqxdh"][number];

beforeAll(cryptoReady);

const idOf = <K extends IdKind>(kind: K, hex: string): Id<K> => idFromBytes(kind, fromHex(hex));
const times = { createdAtMs: 0, expiresAtMs: 1_800_000_000_000, retiredAtMs: null };

function agreementOf(pair: { readonly secret: string; readonly public: string }): AgreementKeyPair {
  const made = agreementKeyPairFromSecret(fromHex(pair.secret));
  expect(toHex(made.publicKey)).toBe(pair.public);
  return made;
}

function kemOf(pair: { readonly secret: string; readonly public: string }): KemKeyPair {
  const made = kemKeyPairFromSeed(fromHex(pair.secret));
  expect(toHex(made.publicKey)).toBe(pair.public);
  return made;
}

test("the file is what the second implementation gives", () => {
  expect(known).toEqual(knownRatchet());
});

describe("prekeys", () => {
  test.each(known.preKeys)("[PK1] [PK3] the published bytes of kind $kind", (one) => {
    const owner = { accountId: idOf("account", one.accountId), deviceId: idOf("device", one.deviceId) };
    const sign = signKeyPairFromSeed(fromHex(one.signSeed));
    const agreement = one.agreement === null ? null : agreementOf(one.agreement);
    const kem = one.kem === null ? null : kemOf(one.kem);
    const facts = { ...times, expiresAtMs: one.expiresAtMs, id: idOf("preKey", one.id) };
    expect(preKeyIdOf(agreement?.publicKey ?? null, kem?.publicKey ?? null)).toBe(one.id);
    const record = recordOf(facts, agreement, kem);
    expect(record.type).toBe(one.kind);
    expect(toHex(publishPreKey(record, { ...owner, sign }))).toBe(one.published);
    const verified = unwrap(verifyPreKey(fromHex(one.published), { ...owner, signPk: sign.publicKey }));
    expect([verified.kind, verified.id, verified.expiresAtMs]).toEqual([one.kind, one.id, one.expiresAtMs]);
  });
});

type Facts = Pick<PreKeyRecord, "id" | "createdAtMs" | "expiresAtMs" | "retiredAtMs">;

function recordOf(facts: Facts, agreement: AgreementKeyPair | null, kem: KemKeyPair | null): PreKeyRecord {
  if (agreement !== null && kem !== null) return { type: "oneTime", ...facts, agreement, kem };
  if (agreement !== null) return { type: "signed", ...facts, agreement };
  if (kem !== null) return { type: "lastResort", ...facts, kem, isUsed: false };
  throw new Error("a prekey has a key");
}

/** The devices and prekeys of one known start, in our types. */
function startFacts(one: KnownStart) {
  const device = (side: KnownStart["a"]) => ({
    accountId: idOf("account", side.accountId),
    deviceId: idOf("device", side.deviceId),
    agreement: agreementOf(side.identity),
    sign: signKeyPairFromSeed(fromHex(side.identity.secret)),
  });
  const [a, b] = [device(one.a), device(one.b)];
  const peerOf = (side: typeof a) => ({ ...side, agreementPk: side.agreement.publicKey });
  const [signedPair, kemPair] = [agreementOf(one.signed), kemOf(one.kem)];
  const oneTime = one.oneTime === null ? null : agreementOf(one.oneTime);
  const signed = recordOf({ ...times, id: preKeyIdOf(signedPair.publicKey, null) }, signedPair, null);
  const kem = recordOf(
    { ...times, id: preKeyIdOf(oneTime?.publicKey ?? null, kemPair.publicKey) },
    oneTime,
    kemPair,
  );
  if (signed.type !== "signed" || kem.type === "signed") throw new Error("the kinds are fixed");
  const published = publishPreKey(kem, b);
  const bundle = {
    signed: publishPreKey(signed, b),
    oneTime: oneTime === null ? null : published,
    lastResort: oneTime === null ? published : null,
  };
  return {
    ab: { self: a, peer: peerOf(b) },
    ba: { self: b, peer: peerOf(a) },
    signed,
    kem,
    bundle: unwrap(verifyPreKeyBundle(bundle, { ...b, signPk: b.sign.publicKey })),
  };
}

function expectSecrets(secrets: SessionSecrets, one: KnownStart): void {
  expect(toHex(secrets.associatedData)).toBe(one.ad);
  expect(toHex(secrets.rootKey)).toBe(one.rootKey);
  expect(toHex(secrets.initiatorHeaderKey)).toBe(one.initiatorHeaderKey);
  expect(toHex(secrets.responderHeaderKey)).toBe(one.responderHeaderKey);
}

describe("PQXDH", () => {
  test.each([
    ["with a one-time prekey", 0],
    ["with a last-resort prekey", 1],
  ])("[PX1] [PX2] [PX4] [PX6] keys, associated data and start %s", (_name, place) => {
    const one = at(known.pqxdh, place);
    const { ab, ba, bundle, signed, kem } = startFacts(one);
    const initiated = unwrap(initiatePqxdh(scriptedRandom(one.ephemeralSecret, one.kemSeed), ab, bundle));
    const start = encodeSessionStart(initiated.start);
    expect(toHex(start)).toBe(one.start);
    expect(toHex(sessionIdOf(start))).toBe(one.sessionId);
    expectSecrets(initiated.secrets, one);
    expectSecrets(unwrap(respondPqxdh(ba, { signed, kem }, initiated.start)), one);
  });
});

describe("the ratchet", () => {
  test.each(known.rootSteps)("[DR1] the root step from $rootKey", ({ rootKey, dh, next }) => {
    const step = stepRoot(fromHex(rootKey), fromHex(dh));
    expect({
      rootKey: toHex(step.rootKey),
      chainKey: toHex(step.chainKey),
      nextHeaderKey: toHex(step.nextHeaderKey),
    }).toEqual(next);
  });
  test.each(known.chainSteps)(
    "[DR2] the chain step from $chainKey",
    ({ chainKey, messageKey, nextChainKey: next }) => {
      expect(toHex(messageKeyOf(fromHex(chainKey)))).toBe(messageKey);
      expect(toHex(nextChainKey(fromHex(chainKey)))).toBe(next);
    },
  );
  test.each(known.headers)("[DR3] the header of index $index", ({ headerKey, nonce, sealed, ...header }) => {
    const facts = { ...header, ratchetPk: fromHex(header.ratchetPk) };
    expect(toHex(sealHeader(fromHex(headerKey), fromHex(nonce), facts))).toBe(sealed);
    expect(openHeader(fromHex(headerKey), fromHex(nonce), fromHex(sealed))).toEqual(facts);
  });
  test.each(known.bodies)("[DR4] [DR5] the body and envelope of '$plaintext'", (one) => {
    const [nonce, sealedHeader] = [fromHex(one.nonce), fromHex(one.sealedHeader)];
    const aad = messageAad(fromHex(one.ad), nonce, sealedHeader, fromHex(one.context));
    const body = aeadEncrypt(fromHex(one.messageKey), nonce, aad, fromHex(one.plaintext));
    expect(toHex(body)).toBe(one.body);
    expect(toHex(encodeEnvelope({ start: null, nonce, sealedHeader, body }))).toBe(one.envelope);
    expect(unwrap(decodeEnvelope(fromHex(one.envelope)))).toEqual({ start: null, nonce, sealedHeader, body });
  });
  test("[DR6] [DR16] a whole conversation, byte for byte, from both sides", () => {
    const start = at(known.pqxdh, 0);
    const { ab, ba, bundle, signed, kem } = startFacts(start);
    const context = fromHex(known.transcript.context);
    const findPreKey = (id: string): PreKeyRecord | null =>
      [signed, kem].find((one) => one.id === id) ?? null;
    const random = scriptedRandom(start.ephemeralSecret, start.kemSeed);
    let a: SessionSet | null = unwrap(startSession({ random }, ab, { set: null, bundle, nowMs: 1 })).set;
    let b: SessionSet | null = null;
    const receive = (to: "a" | "b", envelope: Uint8Array): string => {
      const received = { context, envelope, findPreKey };
      const opened = unwrap(to === "a" ? decryptMessage(a, ab, received) : decryptMessage(b, ba, received));
      if (to === "a") a = opened.set;
      else b = opened.set;
      return toHex(opened.plaintext);
    };
    const late: (() => void)[] = [];
    for (const one of known.transcript.messages) {
      const set: SessionSet | null = one.from === "a" ? a : b;
      if (set === null) throw new Error("the script begins with a");
      const message = { context, plaintext: fromHex(one.plaintext) };
      const sent: EncryptedMessage = unwrap(
        encryptMessage({ random: scriptedRandom(...one.draws) }, set, message),
      );
      if (one.from === "a") a = sent.set;
      else b = sent.set;
      expect(toHex(sent.envelope)).toBe(one.envelope);
      const arrive = (): void =>
        expect(receive(one.from === "a" ? "b" : "a", sent.envelope)).toBe(one.plaintext);
      if (one.isLate) late.push(arrive);
      else arrive();
    }
    for (const arrive of late) arrive();
  });
});
