import { beforeAll, expect, test, vi } from "vitest";
import type { Bytes } from "../../../../core/base/bytes.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { Automerge, automergeReady, type StorageKey } from "../../../../core/document/automerge.ts";
import { createMemoryStorageAdapter } from "../../../../core/document/storage/memory-storage-adapter.ts";
import type { DocumentStorage } from "../../../../core/document/storage/repo-storage.ts";
import {
  type ChunkFault,
  createSealingStorageAdapter,
} from "../../../../core/document/storage/sealing-storage-adapter.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const DATA = new TextEncoder().encode("what the person wrote, in full length so that it is found");

interface Sealed {
  readonly inner: DocumentStorage;
  readonly adapter: DocumentStorage;
  readonly faults: ChunkFault[];
  readonly places: StorageKey[];
}

function setUp(keySeed = "store key", inner = createMemoryStorageAdapter()): Sealed {
  const faults: ChunkFault[] = [];
  const places: StorageKey[] = [];
  const save = inner.save.bind(inner);
  vi.spyOn(inner, "save").mockImplementation((key, data) => {
    places.push(key);
    return save(key, data);
  });
  const storeKey = createSeededRandom(keySeed).bytes(32);
  const adapter = createSealingStorageAdapter(inner, {
    random: createSeededRandom("nonces"),
    storeKey,
    onFault: (fault) => faults.push(fault),
  });
  return { inner, adapter, faults, places };
}

const damaged = (chunks: number) =>
  expect.objectContaining({ name: "StorageFault", reason: { type: "ChunkDamaged", chunks } });

test("[ST30] names are blinded part by part, each under the parts before it, as lower-case hex", async () => {
  const { adapter, places } = setUp();
  for (const key of [
    ["docA", "snapshot", "h1"],
    ["docA", "snapshot", "h2"],
    ["docA", "incremental", "h1"],
    ["docB", "snapshot", "h1"],
  ])
    await adapter.save(key, DATA);
  const [a1, a2, aInc, b1] = places.map((place) => [...place]);
  for (const part of places.flat()) expect(part).toMatch(/^[0-9a-f]{32}$/);
  expect(a1?.slice(0, 2)).toEqual(a2?.slice(0, 2));
  expect(a1?.[2]).not.toBe(a2?.[2]);
  expect(a1?.[0]).toBe(aInc?.[0]);
  expect([a1?.[1], a1?.[2]]).not.toEqual([aInc?.[1], aInc?.[2]]);
  expect(a1?.[2]).not.toBe(aInc?.[2]);
  expect(a1?.[1]).not.toBe(b1?.[1]);
  expect(a1?.[2]).not.toBe(b1?.[2]);
  const elsewhere = setUp("another store key");
  await elsewhere.adapter.save(["docA", "snapshot", "h1"], DATA);
  expect(elsewhere.places[0]?.[0]).not.toBe(a1?.[0]);
});

test("[ST31] the inner storage holds neither the bytes nor the names", async () => {
  const { inner, adapter, places } = setUp();
  await adapter.save(["document-name", "snapshot", "hash-of-heads"], DATA);
  await adapter.save(["document-name", "snapshot", "other-heads"], DATA);
  const stored = await Promise.all(places.map((place) => inner.load(place)));
  for (const bytes of stored) {
    const text = Buffer.from(bytes ?? new Uint8Array()).toString("latin1");
    expect(text.length).toBeGreaterThan(DATA.length);
    for (const word of ["wrote", "document-name", "snapshot", "hash-of-heads"])
      expect(text).not.toContain(word);
  }
  expect(stored[0]).not.toEqual(stored[1]);
});

test("[ST32] a chunk that was changed, cut, moved to another name or sealed by another key is damaged", async () => {
  const { inner, adapter, places, faults } = setUp();
  await adapter.save(["docA", "snapshot", "h1"], DATA);
  await adapter.save(["docA", "snapshot", "h2"], DATA);
  const [first, second] = places;
  if (first === undefined || second === undefined) throw new Error("two chunks were saved");
  const sealed = (await inner.load(first)) ?? new Uint8Array();
  const put = async (place: StorageKey, bytes: Bytes): Promise<void> => inner.save(place, bytes);
  for (const bytes of [
    sealed.with(30, (sealed[30] ?? 0) ^ 1),
    sealed.subarray(0, -1),
    new Uint8Array(),
    (await inner.load(second)) ?? sealed,
  ]) {
    await put(first, bytes);
    await expect(adapter.load(["docA", "snapshot", "h1"])).rejects.toEqual(damaged(1));
    await expect(adapter.loadRange(["docA"])).rejects.toEqual(damaged(1));
  }
  expect(faults.length).toBe(8);
  expect(faults[0]).toEqual({ type: "ChunkDamaged", place: first });
  await put(first, sealed);
  expect((await adapter.loadRange(["docA"])).length).toBe(2);
  const stranger = setUp("another store key", inner);
  expect(await stranger.adapter.loadRange(["docA"])).toEqual([]);
});

test("[ST33] one damaged chunk stops every load of its range, none beside it, and is neither removed nor moved", async () => {
  const { inner, adapter, places } = setUp();
  await adapter.save(["docA", "snapshot", "h1"], DATA);
  await adapter.save(["docA", "incremental", "h2"], DATA);
  await adapter.save(["docB", "snapshot", "h1"], DATA);
  const [place] = places;
  if (place === undefined) throw new Error("a chunk was saved");
  const broken = new Uint8Array(90).fill(1);
  await inner.save(place, broken);
  await expect(adapter.loadRange(["docA", "snapshot"])).rejects.toEqual(damaged(1));
  await expect(adapter.loadRange(["docA"])).rejects.toEqual(damaged(1));
  expect((await adapter.loadRange(["docA", "incremental"])).length).toBe(1);
  expect((await adapter.loadRange(["docB"])).length).toBe(1);
  expect(await inner.load(place)).toEqual(broken);
});

test("[ST36] setting damaged chunks aside keeps their bytes where no load finds them", async () => {
  const { inner, adapter, places, faults } = setUp();
  await adapter.save(["docA", "snapshot", "h1"], DATA);
  await adapter.save(["docA", "snapshot", "h2"], DATA);
  const [place] = places;
  if (place === undefined) throw new Error("a chunk was saved");
  const broken = new Uint8Array(90).fill(1);
  await inner.save(place, broken);
  expect(await adapter.setAside(["docB"])).toBe(0);
  expect(await adapter.setAside(["docA"])).toBe(1);
  expect(await adapter.setAside(["docA"])).toBe(0);
  expect((await adapter.loadRange(["docA"])).map(({ key }) => key)).toEqual([["docA", "snapshot", "h2"]]);
  expect(await inner.load(["damaged", ...place])).toEqual(broken);
  expect(faults.at(-1)).toEqual({ type: "ChunkSetAside", place: ["damaged", ...place] });
});

test("[ST36] a chunk that cannot be kept is not removed", async () => {
  const { inner, adapter, places } = setUp();
  await adapter.save(["docA", "snapshot", "h1"], DATA);
  const [place] = places;
  if (place === undefined) throw new Error("a chunk was saved");
  await inner.save(place, new Uint8Array(90));
  vi.spyOn(inner, "save").mockRejectedValueOnce(Object.assign(new Error("no"), { code: "ENOSPC" }));
  await expect(adapter.setAside(["docA"])).rejects.toMatchObject({
    reason: { type: "MediumRefused", detail: "ENOSPC" },
  });
  expect(await inner.load(place)).toEqual(new Uint8Array(90));
});

test("[ST34] an empty document is not stored where a full one is", async () => {
  const { adapter } = setUp();
  const empty = Automerge.save(Automerge.init());
  const full = Automerge.save(Automerge.from({ a: 1 }));
  await adapter.save(["docA", "snapshot", "none"], empty);
  await adapter.save(["docB", "snapshot", "heads"], full);
  await adapter.save(["docC", "incremental", "heads"], full);
  const refused = expect.objectContaining({ name: "StorageFault", reason: { type: "EmptyOverFull" } });
  await expect(adapter.save(["docB", "snapshot", "none"], empty)).rejects.toEqual(refused);
  await expect(adapter.save(["docC", "snapshot", "none"], empty)).rejects.toEqual(refused);
  expect((await adapter.loadRange(["docB"])).map(({ data }) => data)).toEqual([full]);
});

test("[ST35] a failing medium is reported and thrown with its own code and no message, which may quote a path", async () => {
  const { inner, adapter, faults } = setUp();
  const refusal = () => Object.assign(new Error("EIO: ./profiles/ada"), { code: "EIO" });
  vi.spyOn(inner, "save").mockRejectedValueOnce(refusal());
  vi.spyOn(inner, "load").mockRejectedValueOnce(refusal());
  vi.spyOn(inner, "loadRange").mockRejectedValueOnce(new TypeError("odd"));
  vi.spyOn(inner, "remove").mockRejectedValueOnce(refusal());
  vi.spyOn(inner, "removeRange").mockRejectedValueOnce(refusal());
  const key = ["docA", "snapshot", "h1"];
  const refused = expect.objectContaining({
    message: "MediumRefused",
    reason: { type: "MediumRefused", detail: "EIO" },
  });
  await expect(adapter.save(key, DATA)).rejects.toEqual(refused);
  expect(faults).toEqual([{ type: "ChunkNotSaved", detail: "EIO" }]);
  await expect(adapter.load(key)).rejects.toEqual(refused);
  await expect(adapter.loadRange(key)).rejects.toMatchObject({ reason: { detail: "TypeError" } });
  await expect(adapter.remove(key)).rejects.toEqual(refused);
  await expect(adapter.removeRange(key)).rejects.toEqual(refused);
});
