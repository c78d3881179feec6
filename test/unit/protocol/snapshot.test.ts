import { beforeAll, describe, expect, test } from "vitest";
import { type BlobId, idFromBytes } from "../../../core/base/ids.ts";
import {
  BLOB_BYTES_MAX,
  BLOBS_PER_READ_MAX,
  ENTRY_IDS_PER_READ_MAX,
  FRAME_BYTES_MAX,
  SNAPSHOT_BLOBS_MAX,
  SNAPSHOT_EXCEPT_MAX,
} from "../../../core/base/limits.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { type ClientFrame, clientFrameShape } from "../../../core/protocol/client-frame.ts";
import { serverFrameShape } from "../../../core/protocol/server-frame.ts";
import {
  blobId,
  encodeSnapshotHeader,
  parseSnapshotHeader,
  SNAPSHOT_HEADER_BYTES_MAX,
  type SnapshotHeader,
  snapshotId,
  storedSnapshotShape,
} from "../../../core/protocol/snapshot.ts";

beforeAll(cryptoReady);

const blobs = (count: number): readonly BlobId[] =>
  Array.from({ length: count }, (_, index) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, index);
    return idFromBytes("blob", bytes);
  });

const header: SnapshotHeader = {
  version: 1,
  logId: idFromBytes("log", new Uint8Array(32).fill(1)),
  epoch: 3,
  upto: { incarnation: 0, seq: 5_000, chain: new Uint8Array(32).fill(2) },
  except: [],
  previous: idFromBytes("snapshot", new Uint8Array(32).fill(3)),
  blobs: blobs(1),
};

const ascending = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const fits = (request: unknown) => decode(clientFrameShape, encodeCbor(request as never)).ok;

describe("the header of a snapshot", () => {
  test.each([
    ["blobs", SNAPSHOT_BLOBS_MAX, (count: number) => ({ blobs: blobs(count) })],
    ["excepted entries", SNAPSHOT_EXCEPT_MAX, (count: number) => ({ except: ascending(count) })],
  ])("[SN1] has at most so many %s", (_what, max, fields) => {
    for (const count of [max - 1, max])
      expect(parseSnapshotHeader(encodeSnapshotHeader({ ...header, ...fields(count) })).ok).toBe(true);
    expect(parseSnapshotHeader(encodeSnapshotHeader({ ...header, ...fields(max + 1) })).ok).toBe(false);
  });

  test("[SN1] fits, and two of them fit a frame, with everything at its limit", () => {
    const full = encodeSnapshotHeader({
      ...header,
      blobs: blobs(SNAPSHOT_BLOBS_MAX),
      except: ascending(SNAPSHOT_EXCEPT_MAX),
    });
    expect(full.length).toBeLessThanOrEqual(SNAPSHOT_HEADER_BYTES_MAX);
    const stored = encode(storedSnapshotShape, {
      id: idFromBytes("snapshot", new Uint8Array(32)),
      snapshot: { header: full, sealed: new Uint8Array(65_536) },
      endorsements: Array.from({ length: 64 }, () => new Uint8Array(512)),
    });
    expect(2 * stored.length).toBeLessThan(FRAME_BYTES_MAX);
  });

  test.each([
    ["twice the same", [4, 4]],
    ["descending", [5, 4]],
    ["past the end", [4, 5_001]],
  ])("[SN1] excepts ascending seqs up to its end: not %s", (_what, except) => {
    expect(parseSnapshotHeader(encodeSnapshotHeader({ ...header, except }))).toEqual({
      ok: false,
      error: { type: "ExceptNotAscending" },
    });
  });

  test("[SN2] a snapshot's name covers header and sealed part", () => {
    const bytes = encodeSnapshotHeader(header);
    const name = snapshotId({ header: bytes, sealed: new Uint8Array(3) });
    expect(snapshotId({ header: bytes, sealed: new Uint8Array(4) })).not.toBe(name);
    expect(
      snapshotId({ header: encodeSnapshotHeader({ ...header, epoch: 4 }), sealed: new Uint8Array(3) }),
    ).not.toBe(name);
  });
});

describe("frames about blobs", () => {
  test("[SN3] a blob has 1 to so many bytes", () => {
    const put = (size: number) => [30, 1, [new Uint8Array(size)]];
    for (const size of [1, BLOB_BYTES_MAX - 1, BLOB_BYTES_MAX]) expect(fits(put(size))).toBe(true);
    for (const size of [0, BLOB_BYTES_MAX + 1]) expect(fits(put(size))).toBe(false);
  });

  test("[SN3] so many are asked for at once", () => {
    const read = (count: number) => [31, 1, blobs(count).map(() => new Uint8Array(32))];
    for (const count of [1, BLOBS_PER_READ_MAX - 1, BLOBS_PER_READ_MAX]) expect(fits(read(count))).toBe(true);
    for (const count of [0, BLOBS_PER_READ_MAX + 1]) expect(fits(read(count))).toBe(false);
  });

  test("[SN3] a blob is named by its bytes", () => {
    expect(blobId(new Uint8Array(4))).not.toBe(blobId(new Uint8Array(5)));
  });
});

test("[SN14] so many ids are asked for at once, and they fit a frame", () => {
  const read = (limit: number) => [35, 1, 1, 0, limit];
  for (const limit of [1, ENTRY_IDS_PER_READ_MAX - 1, ENTRY_IDS_PER_READ_MAX])
    expect(fits(read(limit))).toBe(true);
  for (const limit of [0, ENTRY_IDS_PER_READ_MAX + 1]) expect(fits(read(limit))).toBe(false);
  const frame = encode(serverFrameShape, {
    type: "ids",
    requestId: 1,
    ids: new Uint8Array(ENTRY_IDS_PER_READ_MAX * 32),
    kept: [],
    head: header.upto,
  });
  expect(frame.length).toBeLessThanOrEqual(FRAME_BYTES_MAX / 2 + 4_096);
});

const request: ClientFrame["type"] = "readIds";
test("the numbers above are those of the frames", () => {
  const bytes = encode(clientFrameShape, { type: request, requestId: 1, channel: 1, after: 0, limit: 1 });
  expect(bytes).toEqual(encodeCbor([35, 1, 1, 0, 1]));
});
