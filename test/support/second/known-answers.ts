/**
 * Known answers, from the second implementation alone. `test/vectors/known/regenerate.ts` writes them to files; a test
 * compares the files with what this gives and with what `core` gives.
 */
import { createHash } from "node:crypto";
import { initiate, preKeyId, publish, respond, type SecondDevice, type SecondPreKeys } from "./pqxdh.ts";
import {
  cbor,
  ed25519Pair,
  hash,
  hex,
  hkdf,
  hmac,
  type Item,
  join,
  kdf,
  type KeyPair,
  sign,
  utf8,
  x25519,
  x25519Pair,
  xwingEncapsulate,
  xwingPair,
} from "./primitives.ts";
import { chainStep, rootStep, SecondSession, sealBody, sealHeader } from "./ratchet.ts";
import { pad, padme, seal } from "./seal.ts";

type Bytes = Uint8Array;

/** Bytes that a name stands for, so that the files can be made again. */
function fixed(name: string, length = 32): Bytes {
  const blocks: Bytes[] = [];
  for (let i = 0; i * 32 < length; i++) blocks.push(createHash("sha256").update(`${name}/${i}`).digest());
  return join(...blocks).slice(0, length);
}

/** Answers for docs/protocol/crypto.md. All bytes are hexadecimal. */
export function knownCrypto() {
  return {
    hash: [[], [""], ["", ""], ["a"], ["a", "b"], ["ab", ""], ["", "ab"]].map((parts) => ({
      label: "dovetail/1/op-id",
      parts: parts.map((part) => hex(utf8(part))),
      digest: hex(hash("dovetail/1/op-id", ...parts.map(utf8))),
    })),
    deriveKey: [16, 32, 64].map((length) => {
      const key = fixed("kdf key", length);
      const context = [fixed("kdf context", 5), fixed("kdf other context", 300)];
      return {
        key: hex(key),
        label: "dovetail/1/kdf/account-entry",
        context: context.map(hex),
        derived: hex(kdf(key, "dovetail/1/kdf/account-entry", ...context)),
      };
    }),
    hkdf: [0, 1, 32, 64, 65, 100].map((saltLength, i) => {
      const [salt, input, info] = [fixed("salt", saltLength), fixed("input", 22 + i), fixed("info", 10 * i)];
      const length = 32 * i + 1;
      return {
        salt: hex(salt),
        input: hex(input),
        info: hex(info),
        length,
        okm: hex(hkdf(salt, input, info, length)),
      };
    }),
    hmac: [0, 1, 64, 1000].map((length) => {
      const [key, message] = [fixed("hmac key"), fixed("hmac message", length)];
      return { key: hex(key), message: hex(message), tag: hex(hmac(key, message)) };
    }),
    sign: [0, 1, 1000].map((length) => {
      const [seed, message] = [fixed("sign seed"), fixed("signed message", length)];
      const signature = hex(sign(seed, "dovetail/1/sign/link", message));
      return {
        seed: hex(seed),
        publicKey: hex(ed25519Pair(seed).public),
        label: "dovetail/1/sign/link",
        message: hex(message),
        signature,
      };
    }),
    seal: [0, 1, 100, 5000].map((length) => {
      const input = {
        key: fixed("seal key"),
        label: "dovetail/1/seal/body",
        aad: fixed("seal aad", length % 300),
      };
      const [nonce, plaintext] = [fixed("seal nonce", 24), fixed("seal plaintext", length)];
      const sealed = hex(seal(input, nonce, plaintext));
      return {
        key: hex(input.key),
        label: input.label,
        aad: hex(input.aad),
        nonce: hex(nonce),
        plaintext: hex(plaintext),
        sealed,
      };
    }),
    padding: [0, 1, 100, 255, 256, 257, 700].map((length) => {
      const data = fixed("padded data", length);
      return { data: hex(data), padded: hex(pad(data)) };
    }),
    padmeLengths: [2, 3, 8, 9, 255, 256, 257, 1000, 4097, 65_535, 65_537, 262_144, 262_145, 1_000_000].map(
      (length) => [length, padme(length)] as const,
    ),
    cbor: knownCbor(),
    xwing: [0, 1].map((i) => {
      const [seed, encapsulationSeed] = [fixed(`xwing ${i}`), fixed(`encapsulation ${i}`, 64)];
      const pair = xwingPair(seed);
      const { ciphertext, secret } = xwingEncapsulate(pair.public, encapsulationSeed);
      return {
        seed: hex(seed),
        publicKey: hex(pair.public),
        encapsulationSeed: hex(encapsulationSeed),
        ciphertext: hex(ciphertext),
        sharedSecret: hex(secret),
      };
    }),
  };
}

/** `value` is as JSON has it, except that `{ "bytes": … }` is a byte string. */
function knownCbor() {
  const numbers = [
    0,
    23,
    24,
    255,
    256,
    65_535,
    65_536,
    4_294_967_295,
    4_294_967_296,
    Number.MAX_SAFE_INTEGER,
  ];
  const items: Item[] = [
    ...numbers,
    ...numbers.map((value) => -1 - value).filter(Number.isSafeInteger),
    "",
    "ü €",
    null,
    [],
    [1, [2, [3, []]], "text"],
    fixed("bytes", 24),
    [fixed("more bytes", 300), null, -1],
  ];
  const toJson = (item: Item): unknown =>
    item instanceof Uint8Array ? { bytes: hex(item) } : Array.isArray(item) ? item.map(toJson) : item;
  return items.map((item) => ({ value: toJson(item), encoded: hex(cbor(item)) }));
}

function device(name: string): SecondDevice {
  return {
    accountId: fixed(`${name} account`),
    deviceId: fixed(`${name} device`, 16),
    identity: x25519Pair(fixed(`${name} identity`)),
  };
}

function preKeysOf(name: string, hasOneTime: boolean): SecondPreKeys {
  return {
    signed: x25519Pair(fixed(`${name} signed`)),
    oneTime: hasOneTime ? x25519Pair(fixed(`${name} one-time`)) : null,
    kem: xwingPair(fixed(`${name} kem ${hasOneTime}`)),
  };
}

const hexPair = (pair: KeyPair) => ({ secret: hex(pair.secret), public: hex(pair.public) });

/** Answers for docs/protocol/ratchet.md. */
export function knownRatchet() {
  return {
    preKeys: knownPreKeys(),
    pqxdh: [true, false].map(knownStart),
    rootSteps: [0, 1].map((i) => {
      const [rootKey, secret] = [fixed(`root ${i}`), fixed(`ratchet secret ${i}`)];
      const dh = x25519(secret, x25519Pair(fixed(`peer secret ${i}`)).public);
      const step = rootStep(rootKey, dh);
      return {
        rootKey: hex(rootKey),
        dh: hex(dh),
        next: {
          rootKey: hex(step.rootKey),
          chainKey: hex(step.chainKey),
          nextHeaderKey: hex(step.nextHeaderKey),
        },
      };
    }),
    chainSteps: [0, 1].map((i) => {
      const chainKey = fixed(`chain ${i}`);
      const step = chainStep(chainKey);
      return { chainKey: hex(chainKey), messageKey: hex(step.messageKey), nextChainKey: hex(step.chainKey) };
    }),
    headers: [
      [0, 0],
      [1, 258],
      [4_294_967_295, 4_294_967_294],
    ].map(([previousLength = 0, index = 0]) => {
      const [headerKey, nonce, ratchetPk] = [
        fixed("header key"),
        fixed("header nonce", 24),
        fixed("ratchet pk"),
      ];
      const sealed = hex(sealHeader(headerKey, nonce, { ratchetPk, previousLength, index }));
      return {
        headerKey: hex(headerKey),
        nonce: hex(nonce),
        ratchetPk: hex(ratchetPk),
        previousLength,
        index,
        sealed,
      };
    }),
    bodies: [0, 100].map((length) => {
      const parts = {
        ad: fixed("ad"),
        nonce: fixed("body nonce", 24),
        header: fixed("sealed header", 56),
        context: fixed("context", length),
      };
      const [messageKey, plaintext] = [fixed("message key"), fixed("body", length)];
      return {
        messageKey: hex(messageKey),
        ad: hex(parts.ad),
        nonce: hex(parts.nonce),
        sealedHeader: hex(parts.header),
        context: hex(parts.context),
        plaintext: hex(plaintext),
        body: hex(sealBody(messageKey, parts, plaintext)),
        envelope: hex(
          join(Uint8Array.of(1), parts.nonce, parts.header, sealBody(messageKey, parts, plaintext)),
        ),
      };
    }),
    transcript: knownTranscript(),
  };
}

function knownPreKeys() {
  const owner = {
    accountId: fixed("owner account"),
    deviceId: fixed("owner device", 16),
    signSeed: fixed("owner sign"),
  };
  const { signed, oneTime, kem } = preKeysOf("owner", true);
  const kinds = [
    { kind: "signed", agreement: signed, kem: null },
    { kind: "oneTime", agreement: oneTime, kem },
    { kind: "lastResort", agreement: null, kem },
  ] as const;
  return kinds.map((one) => {
    const [agreementPk, kemPk] = [one.agreement?.public ?? null, one.kem?.public ?? null];
    const facts = { ...owner, kind: one.kind, agreementPk, kemPk, expiresAtMs: 1_800_000_000_000 };
    return {
      kind: one.kind,
      agreement: one.agreement === null ? null : hexPair(one.agreement),
      kem: one.kem === null ? null : hexPair(one.kem),
      expiresAtMs: facts.expiresAtMs,
      accountId: hex(owner.accountId),
      deviceId: hex(owner.deviceId),
      signSeed: hex(owner.signSeed),
      id: hex(preKeyId(agreementPk, kemPk)),
      published: hex(publish(facts)),
    };
  });
}

function knownStart(hasOneTime: boolean) {
  const [a, b, preKeys] = [device("a"), device("b"), preKeysOf("b", hasOneTime)];
  const ephemeral = x25519Pair(fixed("ephemeral"));
  const kemSeed = fixed("kem seed", 64);
  const made = initiate(a, b, preKeys, { ephemeral, kemSeed });
  const answered = respond(a, b, preKeys, made.start);
  if (hex(made.rootKey) !== hex(answered.rootKey))
    throw new Error("the second implementation disagrees with itself");
  const hexDevice = (one: SecondDevice) => ({
    accountId: hex(one.accountId),
    deviceId: hex(one.deviceId),
    identity: hexPair(one.identity),
  });
  return {
    a: hexDevice(a),
    b: hexDevice(b),
    signed: hexPair(preKeys.signed),
    oneTime: preKeys.oneTime === null ? null : hexPair(preKeys.oneTime),
    kem: hexPair(preKeys.kem),
    ephemeralSecret: hex(ephemeral.secret),
    kemSeed: hex(kemSeed),
    ad: hex(made.ad),
    rootKey: hex(made.rootKey),
    initiatorHeaderKey: hex(made.initiatorHeaderKey),
    responderHeaderKey: hex(made.responderHeaderKey),
    start: hex(made.start),
    sessionId: hex(made.sessionId),
  };
}

/** Who sends, in order; a capital letter is sent and arrives at once, a small one arrives at the end. */
const SCRIPT = "AABBaAbABBBaBA";

/** A conversation after the start of `knownStart(true)`: the bytes drawn for each message, and its envelope. */
function knownTranscript() {
  const { a, b } = { a: device("a"), b: device("b") };
  const preKeys = preKeysOf("b", true);
  const drawn = { ephemeral: x25519Pair(fixed("ephemeral")), kemSeed: fixed("kem seed", 64) };
  const start = initiate(a, b, preKeys, drawn);
  const sides = {
    a: SecondSession.initiator(start, preKeys.signed.public),
    b: SecondSession.responder(respond(a, b, preKeys, start.start), preKeys.signed),
  };
  const context = fixed("transcript context", 33);
  const late: (() => void)[] = [];
  const messages = [...SCRIPT].map((letter, i) => {
    const from = letter.toLowerCase() === "a" ? "a" : "b";
    const draws: string[] = [];
    const random = (length: number): Bytes => {
      const bytes = fixed(`draw ${i} ${draws.length}`, length);
      draws.push(hex(bytes));
      return bytes;
    };
    const plaintext = fixed(`transcript ${i}`, 7 * i);
    const envelope = sides[from].encrypt(random, context, plaintext);
    const arrive = (): void => {
      const opened = sides[from === "a" ? "b" : "a"].decrypt(context, envelope);
      if (hex(opened) !== hex(plaintext)) throw new Error("the second implementation disagrees with itself");
    };
    const isLate = letter === letter.toLowerCase();
    if (isLate) late.push(arrive);
    else arrive();
    return { from, isLate, draws, plaintext: hex(plaintext), envelope: hex(envelope) };
  });
  for (const arrive of late) arrive();
  return { context: hex(context), messages };
}

export type KnownCrypto = ReturnType<typeof knownCrypto>;
export type KnownRatchet = ReturnType<typeof knownRatchet>;
