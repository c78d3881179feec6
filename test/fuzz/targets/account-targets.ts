/** What accounts are made of and what is scanned or typed: codes, chains, epochs, prekeys, linking. */
import { present } from "../../../core/base/assert.ts";
import { type Bytes, toUtf8 } from "../../../core/base/bytes.ts";
import { LINK_BYTES_MAX } from "../../../core/base/limits.ts";
import { parseServerOrigin } from "../../../core/base/server-origin.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { parsePassphrase } from "../../../core/crypto/passphrase.ts";
import { sign } from "../../../core/crypto/sign.ts";
import {
  preKeyBundleShape,
  publishedPreKeyShape,
  verifyPreKey,
  verifyPreKeyBundle,
} from "../../../core/protocol/prekey.ts";
import {
  decodePreKeyRecord,
  encodePreKeyRecord,
  publishPreKey,
} from "../../../core/ratchet/prekey-record.ts";
import { currentEpoch } from "../../../core/sigchain/chain-state.ts";
import { decodeChainState, encodeChainState } from "../../../core/sigchain/chain-state-codec.ts";
import { formatContactLink, parseContactLink } from "../../../core/sigchain/contact/contact-link.ts";
import { cutCommitment, openCut, sealCut } from "../../../core/sigchain/epoch/cut.ts";
import { openAddedBox, openEpoch, walkBack } from "../../../core/sigchain/epoch/open-epoch.ts";
import { boxesHash } from "../../../core/sigchain/epoch-box.ts";
import { parseRecoveryWords, recoveryWords } from "../../../core/sigchain/keys/recovery-key.ts";
import { parseLink } from "../../../core/sigchain/link.ts";
import { parseLinkCode } from "../../../core/sigchain/linking/link-code.ts";
import { acceptOffer } from "../../../core/sigchain/linking/offer.ts";
import { meetingOf, parseTypedCode } from "../../../core/sigchain/linking/typed-code.ts";
import { stepExisting } from "../../../core/sigchain/linking/step-existing.ts";
import { stepNew } from "../../../core/sigchain/linking/step-new.ts";
import { reduceLink } from "../../../core/sigchain/reduce-link.ts";
import { verifyChain } from "../../../core/sigchain/verify-chain.ts";
import {
  addDevice,
  boxesOf,
  type ChainWorld,
  createWorld,
  currentSecret,
  forge,
  must,
  rotate,
  someCut,
  stateOf,
  worldOfEveryType,
} from "../../support/chain-world.ts";
import { createLinkingWorld, join } from "../../support/linking-world.ts";
import { bundleOf, createTestDevice, ownerOf } from "../../support/ratchet-device.ts";
import { type FuzzSeed, type FuzzTarget, TAKEN, textOf, type Verdict, verdictOf } from "../fuzz-target.ts";

/** What the structure around a signed prekey has room for. */
const PREKEY_BODY_BYTES_MAX = 1_400;

const codes: FuzzTarget = {
  name: "codes",
  about:
    "what is scanned, pasted or typed: linking codes, contact links, addresses, recovery words, passphrases",
  words: [
    "dovetail-link:",
    "dovetail-contact:",
    "https://",
    "http://",
    "[::1]",
    ":443",
    " ",
    "zoo",
    "abandon",
  ],
  prepare(random) {
    const origin = must(parseServerOrigin("https://dove.example:8443"));
    const world = createLinkingWorld("fuzz codes");
    const { accountId } = stateOf(world.chain);
    const seed = (text: string, parse: (text: string) => unknown): FuzzSeed => ({
      bytes: toUtf8(text),
      form: "text",
      feed: (input) => verdictOf(parse(textOf(input))),
    });
    return {
      seeds: [
        seed(world.existing.text, parseLinkCode),
        seed(world.existing.typed, parseTypedCode),
        seed(formatContactLink({ accountId, origin, ticket: null }), parseContactLink),
        seed(formatContactLink({ accountId, origin, ticket: random.bytes(16) }), parseContactLink),
        seed(origin, parseServerOrigin),
        seed("http://[::1]:8787", parseServerOrigin),
        seed(recoveryWords(random.bytes(32)).join(" "), parseRecoveryWords),
        seed("correct horse battery staple", parsePassphrase),
      ],
    };
  },
};

const chains: FuzzTarget = {
  name: "chains",
  about: "links as received, links with any body that a device of the account has signed, stored chains",
  prepare() {
    const world = worldOfEveryType("fuzz chains");
    const { accountId } = stateOf(world);
    const seeds = world.links.flatMap((link, index) => seedsOfLink(world, link, index));
    const whole: FuzzSeed[] = [
      {
        bytes: present(world.links[0], "a genesis"),
        form: "cbor",
        feed: (input) => verdictOf(verifyChain([[input], world.links.slice(1)], { accountId })),
      },
      {
        bytes: encodeChainState(stateOf(world)),
        form: "cbor",
        feed: (input) => verdictOf(decodeChainState(input)),
      },
    ];
    return { seeds: [...seeds, ...whole] };
  },
};

/** A link as it is, and its body with the signatures of those who signed it, whatever it says by then. */
function seedsOfLink(world: ChainWorld, link: Bytes, index: number): readonly FuzzSeed[] {
  const before = world.states[index - 1] ?? null;
  const { bodyBytes, signatures } = must(parseLink(link));
  const keys = [...world.keysById.values(), ...world.recoveries];
  const signers = signatures.map(({ signerId }) =>
    present(
      keys.find((one) => one.signerId === signerId),
      "the world has every signer",
    ),
  );
  return [
    { bytes: link, form: "cbor", feed: (input) => verdictOf(reduceLink(before, input)) },
    {
      bytes: bodyBytes,
      form: "cbor",
      feed: (body) => verdictOf(reduceLink(before, forge(fitting(body, LINK_BYTES_MAX), ...signers))),
    },
  ];
}

/** What an honest encoder takes around bytes of an attacker. */
export function fitting(bytes: Bytes, bytesMax: number): Bytes {
  return bytes.length === 0 ? new Uint8Array(1) : bytes.subarray(0, bytesMax);
}

const epochs: FuzzTarget = {
  name: "epochs",
  about: "boxes of an epoch whose hash is on the chain, of a device that was added, openings of a cut",
  prepare(random) {
    const world = createWorld("fuzz epochs");
    const device = addDevice(world);
    const added = present(world.addedBoxes.get(device.id), "a box came with the device");
    const stateThen = stateOf(world);
    rotate(world);
    const state = stateOf(world);
    const secret = currentSecret(world);
    const cut = someCut(world);
    const committed = (boxes: Bytes) => {
      const epoch = { ...currentEpoch(state), boxesHash: boxesHash(boxes) };
      return { ...state, epochs: state.epochs.with(epoch.number - 1, epoch) };
    };
    return {
      seeds: [
        {
          bytes: boxesOf(world, secret.number),
          form: "cbor",
          feed: (input) => verdictOf(openEpoch(committed(input), secret.number, input, device)),
        },
        {
          bytes: boxesOf(world, secret.number),
          form: "cbor",
          feed: (input) => verdictOf(walkBack(committed(input), secret, input)),
        },
        { bytes: added, form: "cbor", feed: (input) => verdictOf(openAddedBox(stateThen, input, device)) },
        {
          bytes: sealCut(random, secret.secret, cut),
          form: "bytes",
          feed: (input) => verdictOf(openCut(secret.secret, cutCommitment(cut), input)),
        },
      ],
    };
  },
};

const prekeys: FuzzTarget = {
  name: "prekeys",
  about: "bundles a server hands out, prekeys with any body that the device has signed, stored prekeys",
  prepare(random) {
    const device = createTestDevice(random);
    const owner = ownerOf(device);
    const records = [device.signed, device.oneTime, device.lastResort];
    const bundles = [bundleOf(device), bundleOf(device, device.lastResort)];
    const signed = (body: Bytes): Bytes =>
      encode(publishedPreKeyShape, { body, signature: sign(device.sign, LABEL.signPreKey, body) });
    return {
      seeds: [
        ...bundles.map((bundle) => ({
          bytes: encode(preKeyBundleShape, bundle),
          form: "cbor" as const,
          feed(input: Bytes) {
            const decoded = decode(preKeyBundleShape, input);
            return verdictOf(decoded.ok ? verifyPreKeyBundle(decoded.value, owner) : decoded);
          },
        })),
        ...records.map((record) => ({
          bytes: must(decode(publishedPreKeyShape, publishPreKey(record, device))).body,
          form: "cbor" as const,
          feed: (input: Bytes) =>
            verdictOf(verifyPreKey(signed(fitting(input, PREKEY_BODY_BYTES_MAX)), owner)),
        })),
        ...records.map((record) => ({
          bytes: encodePreKeyRecord(record),
          form: "cbor" as const,
          feed: (input: Bytes) => verdictOf(decodePreKeyRecord(input)),
        })),
      ],
    };
  },
};

const linking: FuzzTarget = {
  name: "linking",
  about: "what lies in the slot while two devices link: both sides go on or end with a reason",
  prepare() {
    const world = createLinkingWorld("fuzz linking");
    const { nowMs } = world.server;
    const shown = world.existing.state;
    const offer = present(must(world.server.get(world.existing.rendezvousId, 0)).message, "an offer");
    const meeting = meetingOf(must(parseTypedCode(world.existing.typed)));
    const party = join(world);
    const hello = must(world.server.get(world.existing.rendezvousId, 0));
    const answered = stepExisting(world.chain, shown, {
      type: "received",
      version: hello.version,
      message: present(hello.message, "the new device has said hello"),
      nowMs,
    });
    const account = answered.effects.find((effect) => effect.type === "put");
    if (account?.type !== "put") throw new Error("the existing device answers");
    const existing = (message: Bytes): Verdict => {
      const { state } = stepExisting(world.chain, shown, {
        type: "received",
        version: hello.version,
        message,
        nowMs,
      });
      return state.stage === "ended" ? state.outcome.type : state.stage === "showing" ? "ignored" : TAKEN;
    };
    const joining = (message: Bytes): Verdict => {
      const version = account.expectedVersion + 1;
      const { state } = stepNew(world.chain, party.state, { type: "received", version, message, nowMs });
      return state.stage === "ended" ? state.outcome.type : state.stage === "joining" ? "ignored" : TAKEN;
    };
    return {
      seeds: [
        { bytes: present(hello.message, "a hello"), form: "cbor", feed: existing },
        { bytes: account.message, form: "cbor", feed: joining },
        { bytes: offer, form: "cbor", feed: (message) => verdictOf(acceptOffer(meeting, message)) },
      ],
    };
  },
};

export const ACCOUNT_TARGETS: readonly FuzzTarget[] = [codes, chains, epochs, prekeys, linking];
