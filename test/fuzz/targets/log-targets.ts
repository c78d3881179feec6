/** What stands in logs and beside them: entries, frontiers, snapshots, reseeds. Whoever writes them has the account's keys. */
import type { Bytes } from "../../../core/base/bytes.ts";
import { idBytes, idFromBytes } from "../../../core/base/ids.ts";
import { ENTRY_BYTES_MAX, FRONTIER_BYTES_MAX, RESEED_BYTES_MAX } from "../../../core/base/limits.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { deriveKey } from "../../../core/crypto/kdf.ts";
import { LABEL, type Label } from "../../../core/crypto/labels.ts";
import { pad } from "../../../core/crypto/padding.ts";
import { type SealContext, seal } from "../../../core/crypto/seal.ts";
import { sign } from "../../../core/crypto/sign.ts";
import {
  accountEntryContentShape,
  accountEntryKey,
  accountEntryShape,
  openAccountEntry,
} from "../../../core/log/account-entry.ts";
import {
  frontierContentShape,
  frontierShape,
  openFrontier,
  signedFrontierShape,
} from "../../../core/log/frontier.ts";
import { createEndorsement, openEndorsement } from "../../../core/log/snapshot/endorsement.ts";
import { manifestContentShape, manifestShape, openManifest } from "../../../core/log/snapshot/manifest.ts";
import { openParts, sealParts } from "../../../core/log/snapshot/snapshot-blob.ts";
import { encodeSnapshotIndex, parseSnapshotIndex } from "../../../core/log/snapshot/snapshot-index.ts";
import { encodeEntryHeader, ENTRY_KIND, entryShape, parseEntryHeader } from "../../../core/protocol/entry.ts";
import { openReseed, reseedContentShape, reseedShape } from "../../../core/protocol/reseed.ts";
import { encodeSnapshotHeader, snapshotShape } from "../../../core/protocol/snapshot.ts";
import { createDeviceSeeds, deviceKeysFromSeeds } from "../../../core/sigchain/keys/device-keys.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import { type FuzzSeed, type FuzzTarget, verdictOf } from "../fuzz-target.ts";
import { fitting } from "./account-targets.ts";

/** A device, a log and the keys that go with them. */
function createLogWorld(random: SeededRandom) {
  const accountId = idFromBytes("account", random.bytes(32));
  const log = { accountId, logId: idFromBytes("log", random.bytes(32)) };
  const device = deviceKeysFromSeeds(createDeviceSeeds(random));
  const secret = random.bytes(32);
  const keys = {
    epochSecret: (epoch: number) => (epoch === 1 ? secret : null),
    signKey: (id: string) => (id === device.id ? device.sign.publicKey : null),
  };
  const point = { incarnation: 0, seq: 9, chain: random.bytes(32) };
  const head = idFromBytes("link", random.bytes(32));
  const said = { version: 1 as const, device: device.id, chainSeq: 2, chainHead: head };
  const signedInput = (aad: Bytes, content: Bytes): Bytes => {
    const bound = hash(LABEL.sealAad, aad);
    return Uint8Array.from([...bound, ...content]);
  };
  const signed = (label: Label, aad: Bytes, content: Bytes) => ({
    content,
    signature: sign(device.sign, label, signedInput(aad, content)),
  });
  return { random, accountId, log, device, secret, keys, point, said, signed };
}

const entries: FuzzTarget = {
  name: "entries",
  about: "entries of the account log: as received, and with any content that a sibling has signed and sealed",
  prepare(random) {
    const { log, secret, keys, point, said, signed } = createLogWorld(random);
    const header = encodeEntryHeader({
      version: 1,
      kind: ENTRY_KIND.accountBatch,
      writerTag: idFromBytes("writerTag", random.bytes(16)),
      writerSeq: 1,
      epoch: 1,
      expect: null,
    });
    const label = LABEL.sealAccountEntry;
    const aad = encodeCbor([label, idBytes(log.accountId), idBytes(log.logId), header]);
    const context: SealContext = { key: accountEntryKey(secret, log.logId), label, aad };
    const content = encode(accountEntryContentShape, {
      ...said,
      previous: null,
      seen: point,
      batch: [
        { type: "changes", document: { type: "inbox" }, changes: [random.bytes(90)] },
        { type: "inboundSeen", logId: log.logId, point },
      ],
    });
    const wrapped = (inner: Bytes): Bytes =>
      encode(accountEntryShape, signed(LABEL.signAccountEntry, aad, fitting(inner, ENTRY_BYTES_MAX)));
    const open = (sealed: Bytes) => verdictOf(openAccountEntry(log, { header, sealed }, keys));
    return {
      seeds: [
        { bytes: header, form: "cbor", feed: (input) => verdictOf(parseEntryHeader(input)) },
        {
          bytes: encode(entryShape, { header, sealed: seal(random, context, pad(wrapped(content))) }),
          form: "cbor",
          feed(input) {
            const entry = decode(entryShape, input);
            return verdictOf(entry.ok ? openAccountEntry(log, entry.value, keys) : entry);
          },
        },
        { bytes: content, form: "cbor", feed: (input) => open(seal(random, context, pad(wrapped(input)))) },
        { bytes: wrapped(content), form: "cbor", feed: (input) => open(seal(random, context, pad(input))) },
        { bytes: pad(wrapped(content)), form: "bytes", feed: (input) => open(seal(random, context, input)) },
      ],
    };
  },
};

const frontiers: FuzzTarget = {
  name: "frontiers",
  about: "what a device says of itself: as received, and with any content that it has signed and sealed",
  prepare(random) {
    const { log, device, secret, keys, point, said, signed } = createLogWorld(random);
    const label = LABEL.sealFrontier;
    const aad = encodeCbor([label, idBytes(log.accountId), idBytes(log.logId), idBytes(device.id), 1]);
    const context = { key: deriveKey(secret, LABEL.frontierKey, idBytes(log.logId)), label, aad };
    const content = encode(frontierContentShape, {
      ...said,
      number: 3,
      point,
      reachedAtMs: 10,
      toldAtMs: 20,
      documents: random.bytes(32),
      unopened: 0,
      unloaded: 0,
      unsent: 0,
      inbound: [{ logId: log.logId, point }],
    });
    const inner = (bytes: Bytes): Bytes =>
      encode(signedFrontierShape, signed(LABEL.signFrontier, aad, fitting(bytes, FRONTIER_BYTES_MAX)));
    const sealed = (plain: Bytes): Bytes => fitting(seal(random, context, pad(plain)), FRONTIER_BYTES_MAX);
    const whole = (plain: Bytes): Bytes =>
      encode(frontierShape, { version: 1, epoch: 1, sealed: sealed(plain) });
    const open = (frontier: Bytes) => verdictOf(openFrontier(log, device.id, frontier, keys));
    return {
      seeds: [
        { bytes: whole(inner(content)), form: "cbor", feed: open },
        { bytes: content, form: "cbor", feed: (input) => open(whole(inner(input))) },
        { bytes: inner(content), form: "cbor", feed: (input) => open(whole(input)) },
      ],
    };
  },
};

const snapshots: FuzzTarget = {
  name: "snapshots",
  about: "manifests, indexes, blobs, endorsements and reseeds: as received, and with any signed content",
  prepare(random) {
    const world = createLogWorld(random);
    const { log, secret, keys, point, said } = world;
    const header = encodeSnapshotHeader({
      version: 1,
      logId: log.logId,
      epoch: 1,
      upto: point,
      except: [],
      previous: null,
      blobs: [idFromBytes("blob", random.bytes(32))],
    });
    const label = LABEL.sealSnapshot;
    const aad = encodeCbor([label, idBytes(log.accountId), idBytes(log.logId), header]);
    const context = { key: deriveKey(secret, LABEL.snapshotKey, idBytes(log.logId)), label, aad };
    const content = encode(manifestContentShape, { ...said, indexKey: random.bytes(32), indexParts: 1 });
    const inner = (bytes: Bytes): Bytes =>
      encode(manifestShape, world.signed(LABEL.signSnapshot, aad, fitting(bytes, 300)));
    const sealed = (plain: Bytes): Bytes => seal(random, context, plain);
    const index = encodeSnapshotIndex({
      version: 2,
      packs: [
        {
          key: random.bytes(32),
          blobs: [idFromBytes("blob", random.bytes(32))],
          documents: [{ name: { type: "inbox" }, heads: [random.bytes(32)], bytes: 200, newestHlc: 0 }],
        },
      ],
      epochFloor: 1,
      siblings: [{ device: said.device, last: idFromBytes("entry", random.bytes(32)) }],
      inbound: [{ logId: log.logId, point }],
      archived: [],
    });
    const blobKey = random.bytes(32);
    return {
      seeds: [
        {
          bytes: encode(snapshotShape, { header, sealed: sealed(inner(content)) }),
          form: "cbor",
          feed(input) {
            const snapshot = decode(snapshotShape, input);
            return verdictOf(snapshot.ok ? openManifest(log, snapshot.value, keys) : snapshot);
          },
        },
        {
          bytes: content,
          form: "cbor",
          feed: (input) => verdictOf(openManifest(log, { header, sealed: sealed(inner(input)) }, keys)),
        },
        {
          bytes: inner(content),
          form: "cbor",
          feed: (input) => verdictOf(openManifest(log, { header, sealed: sealed(input) }, keys)),
        },
        { bytes: index, form: "cbor", feed: (input) => verdictOf(parseSnapshotIndex(input)) },
        {
          bytes: sealParts(random, log, { key: blobKey, bytes: random.bytes(200) })[0] ?? new Uint8Array(0),
          form: "bytes",
          feed: (input) => verdictOf(openParts(log, blobKey, [input])),
        },
        ...signedBeside(world),
      ],
    };
  },
};

/** What is signed and stands in clear. */
function signedBeside({
  random,
  log,
  device,
  keys,
  point,
  said,
}: ReturnType<typeof createLogWorld>): readonly FuzzSeed[] {
  const { accountId, logId } = log;
  const endorsement = createEndorsement(device.sign, {
    ...said,
    accountId,
    snapshotId: idFromBytes("snapshot", random.bytes(32)),
  });
  const content = encode(reseedContentShape, {
    version: 1,
    accountId,
    logId,
    incarnation: 1,
    after: point,
    device: device.id,
    chainSeq: 2,
    chainHead: said.chainHead,
  });
  const reseed = (bytes: Bytes): Bytes =>
    encode(reseedShape, { content: bytes, signature: sign(device.sign, LABEL.signReseed, bytes) });
  return [
    { bytes: endorsement, form: "cbor", feed: (input) => verdictOf(openEndorsement(input, keys.signKey)) },
    { bytes: reseed(content), form: "cbor", feed: (input) => verdictOf(openReseed(input, keys.signKey)) },
    {
      bytes: content,
      form: "cbor",
      feed: (input) => verdictOf(openReseed(reseed(fitting(input, RESEED_BYTES_MAX)), keys.signKey)),
    },
  ];
}

export const LOG_TARGETS: readonly FuzzTarget[] = [entries, frontiers, snapshots];
