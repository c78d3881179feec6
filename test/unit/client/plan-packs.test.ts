/** What is packed anew, and what stays. */
import { describe, expect, test } from "vitest";
import { toHex } from "../../../core/base/bytes.ts";
import { type DocumentId, idFromBytes } from "../../../core/base/ids.ts";
import { SNAPSHOT_BLOBS_MAX } from "../../../core/base/limits.ts";
import { type PackPlan, planPacks, type PresentDocument } from "../../../core/client/snapshot/plan-packs.ts";
import {
  PACK_BYTES_MIN,
  PACKS_AIMED_AT,
  SMALL_PACKS_MAX,
} from "../../../core/client/snapshot/snapshot-policy.ts";
import { encode } from "../../../core/codec/shape.ts";
import { type BucketName, documentNameShape } from "../../../core/log/document-name.ts";
import type { Pack, PackedDocument } from "../../../core/log/snapshot/pack.ts";
import { PART_BYTES_MAX } from "../../../core/log/snapshot/snapshot-blob.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("packs");
const conversationId = idFromBytes("conversation", random.bytes(32));
const device = idFromBytes("device", random.bytes(16));
const bucket = (index: number): BucketName => ({ type: "bucket", conversationId, device, index });
const [before, after] = [random.bytes(32), random.bytes(32)];

const idOf = (name: PackedDocument["name"]): DocumentId =>
  idFromBytes("document", encode(documentNameShape, name).slice(-16));
const of = {
  id: ({ name }: PackedDocument) => idOf(name),
  heads: (one: PackedDocument) => one.heads.map(toHex).join(),
};

/** Documents `from` to `upto` in one pack, each of `bytes`. */
function packOf(from: number, upto: number, bytes = 100): Pack {
  return {
    key: random.bytes(32),
    blobs: [idFromBytes("blob", random.bytes(32))],
    documents: Array.from({ length: upto - from }, (_, at) => ({
      name: bucket(from + at),
      heads: [before],
      bytes,
      newestHlc: from + at,
    })),
  };
}

/** The account's buckets 0 to `count`, those of `changed` with other heads, without those of `gone`. */
function account(count: number, changes: { changed?: readonly number[]; gone?: readonly number[] } = {}) {
  return Array.from({ length: count }, (_, index) => index)
    .filter((index) => changes.gone?.includes(index) !== true)
    .map((index): PresentDocument => {
      const heads = toHex(changes.changed?.includes(index) === true ? after : before);
      return { id: idOf(bucket(index)), name: bucket(index), heads };
    });
}

const indexesOf = ({ groups }: PackPlan) =>
  groups.map((names) => names.map((name) => ("index" in name ? name.index : -1)));

const full = PACK_BYTES_MIN / 10;

describe("the packs of a snapshot", () => {
  test("[SN31] stay as they are when nothing of them changed", () => {
    const packs = [packOf(0, 10, full), packOf(10, 20, full)];
    const plan = planPacks(account(20), packs, of);
    expect(new Set(plan.kept)).toEqual(new Set(packs));
    expect(plan.groups.flat()).toEqual([]);
  });

  test("[SN31] are made anew where something changed, what changed apart from what rests", () => {
    const packs = [packOf(0, 10, full), packOf(10, 20, full)];
    const plan = planPacks(account(22, { changed: [3] }), packs, of);
    expect(plan.kept).toEqual(packs.slice(1));
    expect(indexesOf(plan)).toEqual([[], [21, 20, 3], [], [9, 8, 7, 6, 5, 4, 2, 1, 0]]);
  });

  test("[SN38] keep nothing of a document that is not there any more", () => {
    const packs = [packOf(0, 10, full), packOf(10, 20, full)];
    const plan = planPacks(account(20, { gone: [12] }), packs, of);
    expect(plan.kept).toEqual(packs.slice(0, 1));
    expect(indexesOf(plan).at(-1)).toEqual([19, 18, 17, 16, 15, 14, 13, 11, 10]);
  });

  test("[SN33] after one that was never installed, hold no document twice", () => {
    const old = [packOf(0, 5, full), packOf(5, 10, full)];
    const joined = packOf(0, 10, full);
    const plan = planPacks(account(10), [...old, joined], of);
    expect(plan.kept).toEqual([joined]);
    expect(plan.groups.flat()).toEqual([]);
  });

  test.each([SMALL_PACKS_MAX - 1, SMALL_PACKS_MAX, SMALL_PACKS_MAX + 1])(
    "[SN39] of which %i are small are joined when those are too many",
    (count) => {
      const packs = [
        packOf(0, 10, full),
        ...Array.from({ length: count }, (_, at) => packOf(10 + at, 11 + at, full)),
      ];
      const plan = planPacks(account(10 + count), packs, of);
      expect(plan.kept).toHaveLength(count > SMALL_PACKS_MAX ? 1 : 1 + count);
      expect(plan.groups.flat()).toHaveLength(count > SMALL_PACKS_MAX ? count : 0);
    },
  );

  test("[SN39] are as large as they must be for a snapshot to name them", () => {
    const most = PACKS_AIMED_AT * PACK_BYTES_MIN;
    const sizeFor = (bytes: number) =>
      planPacks(account(64), [packOf(0, 64, Math.floor(bytes / 64))], of).packBytes;
    expect([sizeFor(64), sizeFor(most)]).toEqual([PACK_BYTES_MIN, PACK_BYTES_MIN]);
    expect(sizeFor(2 * most)).toBe(2 * PACK_BYTES_MIN);
    expect(sizeFor(2 ** 40)).toBe(PART_BYTES_MAX);
    // With all of them half full, a GiB and a half.
    expect((SNAPSHOT_BLOBS_MAX * PART_BYTES_MAX) / 2).toBeGreaterThan(1.5 * 2 ** 30);
  });
});
