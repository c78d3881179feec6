import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes, type SnapshotId } from "../../../core/base/ids.ts";
import {
  BLOB_BYTES_MAX,
  SNAPSHOT_DOCUMENTS_MAX,
  SNAPSHOT_PACK_DOCUMENTS_MAX,
} from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { createEndorsement } from "../../../core/log/snapshot/endorsement.ts";
import { judgeSnapshot, type SnapshotCase } from "../../../core/log/snapshot/judge-snapshot.ts";
import { type ManifestContent, openManifest, sealManifest } from "../../../core/log/snapshot/manifest.ts";
import { openParts, PART_BYTES_MAX, PARTS_MAX, sealParts } from "../../../core/log/snapshot/snapshot-blob.ts";
import { openPack, packBytes, type SavedDocument, sealPack } from "../../../core/log/snapshot/pack.ts";
import {
  documentsOf,
  encodeSnapshotIndex,
  openSnapshotIndex,
  parseSnapshotIndex,
  type SnapshotIndex,
} from "../../../core/log/snapshot/snapshot-index.ts";
import type { LogPoint } from "../../../core/protocol/entry.ts";
import {
  blobId,
  encodeSnapshotHeader,
  parseSnapshotHeader,
  type SnapshotHeader,
  snapshotId,
} from "../../../core/protocol/snapshot.ts";
import type { ChainDevice, ChainState } from "../../../core/sigchain/chain-state.ts";
import { createDeviceSeeds, deviceKeysFromSeeds } from "../../../core/sigchain/keys/device-keys.ts";
import { must } from "../../support/chain-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(cryptoReady);

function world() {
  const random = createSeededRandom("snapshot");
  const log = {
    accountId: idFromBytes("account", random.bytes(32)),
    logId: idFromBytes("log", random.bytes(32)),
  };
  const device = () => deviceKeysFromSeeds(createDeviceSeeds(random));
  const [maker, sibling] = [device(), device()];
  const secret = random.bytes(32);
  const upto: LogPoint = { incarnation: 0, seq: 9, chain: random.bytes(32) };
  const header: SnapshotHeader = {
    version: 1,
    logId: log.logId,
    epoch: 1,
    upto,
    except: [],
    previous: null,
    blobs: [idFromBytes("blob", random.bytes(32))],
  };
  const head = idFromBytes("link", random.bytes(32));
  const content: ManifestContent = {
    version: 1,
    device: maker.id,
    chainSeq: 2,
    chainHead: head,
    indexKey: random.bytes(32),
    indexParts: 1,
  };
  const keys = {
    epochSecret: (epoch: number) => (epoch === 1 ? secret : null),
    signKey: (id: string) => [maker, sibling].find((one) => one.id === id)?.sign.publicKey ?? null,
  };
  const snapshot = sealManifest(random, { log, header, epochSecret: secret, signer: maker.sign, content });
  return { random, log, maker, sibling, secret, header, content, keys, snapshot, head, device };
}

describe("the sealed part of a snapshot", () => {
  test("[SN7] opens with the epoch's secret under its own header, and says who made it", () => {
    const { log, snapshot, keys, header, content } = world();
    expect(must(openManifest(log, snapshot, keys))).toEqual({ header, content });
  });

  test("[SN7] opens under no other header, account, log or epoch", () => {
    const { log, snapshot, keys, header, random } = world();
    const other = { ...header, upto: { ...header.upto, seq: 10 } };
    const rule = (...args: Parameters<typeof openManifest>) => {
      const opened = openManifest(...args);
      return opened.ok ? null : opened.error.type;
    };
    expect(rule(log, { ...snapshot, header: encodeSnapshotHeader(other) }, keys)).toBe("DoesNotOpen");
    const accountId = idFromBytes("account", random.bytes(32));
    expect(rule({ ...log, accountId }, snapshot, keys)).toBe("DoesNotOpen");
    const logId = idFromBytes("log", random.bytes(32));
    expect(rule({ ...log, logId }, snapshot, keys)).toBe("WrongLog");
    const next = encodeSnapshotHeader({ ...header, epoch: 2 });
    expect(rule(log, { ...snapshot, header: next }, keys)).toBe("UnknownEpoch");
  });

  test("[SN7] signed by another device than it names, has no effect", () => {
    const { random, log, header, secret, sibling, content, keys } = world();
    const forged = sealManifest(random, { log, header, epochSecret: secret, signer: sibling.sign, content });
    expect(openManifest(log, forged, keys)).toEqual({ ok: false, error: { type: "BadSignature" } });
  });
});

describe("blobs", () => {
  test.each([0, 1, PART_BYTES_MAX, PART_BYTES_MAX + 1])(
    "[SN17] %i bytes come back from their parts",
    (size) => {
      const { random, log } = world();
      const [bytes, key] = [random.bytes(size), random.bytes(32)];
      const parts = sealParts(random, log, { key, bytes });
      expect(parts).toHaveLength(size > PART_BYTES_MAX ? 2 : 1);
      for (const part of parts) expect(part.length).toBeLessThanOrEqual(BLOB_BYTES_MAX);
      expect(must(openParts(log, key, parts))).toEqual(bytes);
    },
  );

  test("[SN17] parts that are missing, exchanged or of another document do not open", () => {
    const { random, log } = world();
    const [key, bytes] = [random.bytes(32), random.bytes(PART_BYTES_MAX + 9)];
    const [first, second] = sealParts(random, log, { key, bytes });
    if (first === undefined || second === undefined) throw new Error("there are two parts");
    for (const parts of [[first], [second, first], [first, first]])
      expect(openParts(log, key, parts)).toEqual({ ok: false, error: { type: "DoesNotOpen" } });
    expect(openParts(log, random.bytes(32), [first, second]).ok).toBe(false);
    for (const parts of [[], Array.from({ length: PARTS_MAX + 1 }, () => first)])
      expect(openParts(log, key, parts)).toEqual({ ok: false, error: { type: "WrongPartCount" } });
  });
});

/** Documents of a few bytes each. */
function contentsOf({ random, maker }: ReturnType<typeof world>, count: number): readonly SavedDocument[] {
  const conversationId = idFromBytes("conversation", random.bytes(32));
  return Array.from({ length: count }, (_, index) => ({
    document: {
      name: { type: "bucket", conversationId, device: maker.id, index },
      heads: [random.bytes(32)],
      newestHlc: index,
    },
    saved: random.bytes(1 + (index % 7)),
  }));
}

describe("packs", () => {
  test.each([SNAPSHOT_PACK_DOCUMENTS_MAX - 1, SNAPSHOT_PACK_DOCUMENTS_MAX, SNAPSHOT_PACK_DOCUMENTS_MAX + 1])(
    "[SN38] %i documents come back each as it was, or are too many",
    (count) => {
      const w = world();
      const contents = contentsOf(w, count);
      const sealed = sealPack(w.random, w.log, contents);
      expect(sealed === null).toBe(count > SNAPSHOT_PACK_DOCUMENTS_MAX);
      if (sealed === null) return;
      expect(sealed.pack.blobs).toEqual(sealed.blobs.map(blobId));
      expect(must(openPack(w.log, sealed.pack, sealed.blobs))).toEqual(contents.map(({ saved }) => saved));
      expect(packBytes(sealed.pack)).toBe(contents.reduce((sum, { saved }) => sum + saved.length, 0));
    },
  );

  test("[SN38] one that says less or more than is in it does not open", () => {
    const w = world();
    const sealed = sealPack(w.random, w.log, contentsOf(w, 3));
    if (sealed === null) throw new Error("three documents are not too many");
    const { pack, blobs } = sealed;
    const last = pack.documents.slice(-1);
    for (const documents of [pack.documents.slice(0, 2), [...pack.documents, ...last]])
      expect(openPack(w.log, { ...pack, documents }, blobs)).toEqual({
        ok: false,
        error: { type: "WrongPackLength" },
      });
  });
});

describe("an index", () => {
  function indexOf(w: ReturnType<typeof world>, counts: readonly number[]): SnapshotIndex {
    const { random, maker } = w;
    return {
      version: 2,
      packs: counts.map((count) => ({
        key: random.bytes(32),
        blobs: [idFromBytes("blob", random.bytes(32))],
        documents: contentsOf(w, count).map(({ document, saved }) => ({ ...document, bytes: saved.length })),
      })),
      epochFloor: 4,
      siblings: [{ device: maker.id, last: idFromBytes("entry", random.bytes(32)) }],
      inbound: [
        {
          logId: idFromBytes("log", random.bytes(32)),
          point: { incarnation: 0, seq: 5, chain: random.bytes(32) },
        },
      ],
      archived: [idFromBytes("entry", random.bytes(32))],
    };
  }

  test("[SN18] comes back as it was, and nothing else is one", () => {
    const index = indexOf(world(), [1, 3]);
    const bytes = encodeSnapshotIndex(index);
    expect(must(parseSnapshotIndex(bytes))).toEqual(index);
    expect(documentsOf(index.packs)).toHaveLength(4);
    for (const end of [0, 1, bytes.length - 1])
      expect(parseSnapshotIndex(bytes.subarray(0, end)).ok).toBe(false);
  });

  test("[SN18] has room in its blobs for as many documents as the limit, and names no more", () => {
    const w = world();
    const [one] = indexOf(w, [1]).packs;
    const [document] = one?.documents ?? [];
    if (one === undefined || document === undefined) throw new Error("there is a document in a pack");
    const whole = SNAPSHOT_DOCUMENTS_MAX / SNAPSHOT_PACK_DOCUMENTS_MAX;
    const packs = Array.from({ length: whole }, (_, number) => ({
      ...one,
      documents: Array.from({ length: SNAPSHOT_PACK_DOCUMENTS_MAX }, (_, at) => ({
        ...document,
        name: { ...document.name, index: number * SNAPSHOT_PACK_DOCUMENTS_MAX + at + 1 },
      })),
    }));
    const bytes = encodeSnapshotIndex({ ...indexOf(w, []), packs });
    expect(bytes.length).toBeLessThan(PARTS_MAX * PART_BYTES_MAX);
    expect(parseSnapshotIndex(bytes).ok).toBe(true);
    const over = encodeSnapshotIndex({ ...indexOf(w, []), packs: [...packs, one] });
    expect(parseSnapshotIndex(over)).toEqual({ ok: false, error: { type: "TooManyDocuments" } });
  });

  test("[SN18] names no document twice, in one pack or in two", () => {
    const w = world();
    const index = indexOf(w, [2, 1]);
    const [first, second] = index.packs;
    if (first === undefined || second === undefined) throw new Error("there are packs");
    const [again] = first.documents;
    if (again === undefined) throw new Error("there is a document");
    const repeated = { ...again, heads: [w.random.bytes(32)] };
    for (const packs of [
      [{ ...first, documents: [...first.documents, repeated] }, second],
      [first, { ...second, documents: [...second.documents, repeated] }],
    ])
      expect(parseSnapshotIndex(encodeSnapshotIndex({ ...index, packs }))).toEqual({
        ok: false,
        error: { type: "RepeatedDocument" },
      });
  });

  test("[SN18] has the blobs that its manifest keeps, each once, and no others", () => {
    const w = world();
    const { random, log, header, content } = w;
    const index = indexOf(w, [1, 1]);
    const bytes = encodeSnapshotIndex(index);
    const parts = sealParts(random, log, { key: content.indexKey, bytes });
    const own = parts.map(blobId);
    const packed = index.packs.flatMap(({ blobs }) => blobs);
    const open = (blobs: SnapshotHeader["blobs"]) =>
      openSnapshotIndex(log, { header: { ...header, blobs }, content }, parts);
    expect(must(open([...own, ...packed]))).toEqual(index);
    const more = idFromBytes("blob", random.bytes(32));
    for (const blobs of [
      own,
      [...own, ...packed.slice(1)],
      [...own, ...packed.slice(1), more],
      [...own, ...packed, more],
      [...own, ...packed.toReversed()],
    ])
      expect(open(blobs)).toEqual({ ok: false, error: { type: "OtherBlobs" } });
    const [blob] = index.packs;
    if (blob === undefined) throw new Error("there are packs");
    const twice = { ...index, packs: index.packs.map((pack) => ({ ...pack, blobs: blob.blobs })) };
    const sealed = sealParts(random, log, { key: content.indexKey, bytes: encodeSnapshotIndex(twice) });
    const blobs = [...sealed.map(blobId), ...blob.blobs, ...blob.blobs];
    expect(openSnapshotIndex(log, { header: { ...header, blobs }, content }, sealed)).toEqual({
      ok: false,
      error: { type: "OtherBlobs" },
    });
  });
});

describe("who may make a snapshot", () => {
  function judged(changes: {
    readonly revokedSeq?: number | null;
    readonly addedSeq?: number;
    readonly cutSeq?: number | null;
    readonly head?: boolean;
    readonly endorsers?: readonly ("maker" | "sibling" | "stranger")[];
    readonly endorsedId?: SnapshotId;
    readonly isSiblingRevoked?: boolean;
  }) {
    const w = world();
    const stranger = w.device();
    const stateOf = (keys: typeof w.maker, state: Partial<ChainDevice>): [typeof keys.id, ChainDevice] => [
      keys.id,
      { id: keys.id, signKey: keys.sign.publicKey, addedSeq: 1, revokedSeq: null, ...state } as ChainDevice,
    ];
    const chain = {
      devicesById: new Map([
        stateOf(w.maker, { revokedSeq: changes.revokedSeq ?? null, addedSeq: changes.addedSeq ?? 1 }),
        stateOf(w.sibling, { revokedSeq: changes.isSiblingRevoked === true ? 3 : null }),
      ]),
      hashes: [],
    } as unknown as ChainState;
    const id = snapshotId(w.snapshot);
    const endorsements = (changes.endorsers ?? []).map((who) => {
      const keys = { maker: w.maker, sibling: w.sibling, stranger }[who];
      return createEndorsement(keys.sign, {
        version: 1,
        accountId: w.log.accountId,
        snapshotId: changes.endorsedId ?? id,
        device: keys.id,
        chainSeq: 2,
        chainHead: w.head,
      });
    });
    const snapshot: SnapshotCase = {
      accountId: w.log.accountId,
      chain,
      cutSeqOf: () => changes.cutSeq ?? null,
      id,
      manifest: must(openManifest(w.log, w.snapshot, w.keys)),
      endorsements,
    };
    const verdict = judgeSnapshot(snapshot);
    return verdict.ok ? null : verdict.error.type;
  }

  test("[SN21] a device on the chain, since before the link it goes by", () => {
    expect(judged({})).toBeNull();
    expect(judged({ addedSeq: 3 })).toBe("DeviceNotOnChain");
  });

  test("[SN21] a revoked one only before its cut, and with the word of one that is still there", () => {
    const revoked = { revokedSeq: 5, cutSeq: 9 };
    expect(judged({ ...revoked, endorsers: ["sibling"] })).toBeNull();
    expect(judged(revoked)).toBe("DeviceWasRevoked");
    expect(judged({ ...revoked, cutSeq: 8, endorsers: ["sibling"] })).toBe("DeviceWasRevoked");
    expect(judged({ ...revoked, cutSeq: null, endorsers: ["sibling"] })).toBe("DeviceWasRevoked");
  });

  test("[SN22] an endorsement counts of another device that is on the chain, for this snapshot", () => {
    const revoked = { revokedSeq: 5, cutSeq: 9 };
    expect(judged({ ...revoked, endorsers: ["maker"] })).toBe("DeviceWasRevoked");
    expect(judged({ ...revoked, endorsers: ["stranger"] })).toBe("DeviceWasRevoked");
    expect(judged({ ...revoked, endorsers: ["sibling"], isSiblingRevoked: true })).toBe("DeviceWasRevoked");
    const endorsedId = idFromBytes("snapshot", new Uint8Array(32));
    expect(judged({ ...revoked, endorsers: ["sibling"], endorsedId })).toBe("DeviceWasRevoked");
  });

  test("the header parses as it was made", () => {
    const { header } = world();
    expect(must(parseSnapshotHeader(encodeSnapshotHeader(header)))).toEqual(header);
  });
});
