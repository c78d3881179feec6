import { beforeAll, expect, test, vi } from "vitest";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  automergeReady,
  interpretAsDocumentId,
  openChunkStore,
  Repo,
} from "../../../core/document/automerge.ts";
import { appSchema } from "../../../core/document/schema/document-schema.ts";
import {
  createDocumentDisk,
  type DocumentDisk,
  documentRef,
  opIdOf,
  setKey,
  unwrap,
} from "../../support/document-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const random = createSeededRandom("durability");
const plain = appSchema((value) => ({ value, faults: [] }));

test("[DC10] what is in storage is found by whatever comes first: an edit, a change of a sibling, a read", async () => {
  const firsts: readonly ((disk: DocumentDisk, ref: ReturnType<typeof documentRef>) => Promise<unknown>)[] = [
    (disk, ref) => disk.open().change(ref, setKey("b", 2)),
    async (disk, ref) => {
      const sibling = createDocumentDisk("first sibling").open();
      const edited = unwrap(await sibling.change(ref, setKey("b", 2)));
      return disk.open().apply(ref, edited.changes);
    },
    (disk, ref) => disk.open().read(ref, plain),
  ];
  for (const first of firsts) {
    const disk = createDocumentDisk("found");
    const ref = documentRef(random, "app");
    const documents = disk.open();
    const edited = unwrap(await documents.change(ref, setKey("a", 1)));
    unwrap(await documents.close());
    await first(disk, ref);
    const again = disk.open();
    expect(unwrap(await again.hasHeads(ref, edited.heads))).toBe(true);
    expect(unwrap(await again.read(ref, plain))).toMatchObject({ a: 1 });
  }
});

test("[DC10] a load that failed is tried anew at the next request", async () => {
  const disk = createDocumentDisk("retry load");
  const ref = documentRef(random, "app");
  unwrap(
    await disk
      .open()
      .change(ref, setKey("a", 1))
      .then((edited) => edited),
  );
  const documents = disk.open();
  unwrap(await documents.change(ref, setKey("b", 1)));
  unwrap(await documents.close());
  const loadRange = vi
    .spyOn(disk.chunks, "loadRange")
    .mockRejectedValueOnce(Object.assign(new Error("no"), { code: "EIO" }));
  const again = disk.open();
  expect(await again.read(ref, plain)).toEqual({
    ok: false,
    error: { type: "DocumentStorageUnavailable", id: ref.id, detail: "EIO" },
  });
  loadRange.mockRestore();
  expect(unwrap(await again.read(ref, plain))).toEqual({ b: 1 });
});

test("[DC10] a document the library fails on is damaged, and can be asked for again at once", async () => {
  const disk = createDocumentDisk("library fails");
  const ref = documentRef(random, "app");
  const documents = disk.open();
  unwrap(await documents.change(ref, setKey("a", 1)));
  unwrap(await documents.close());
  const library = Object.getPrototypeOf(openChunkStore(disk.storage)) as ReturnType<typeof openChunkStore>;
  vi.spyOn(library, "loadDoc").mockImplementationOnce(() => {
    throw new WebAssembly.RuntimeError("unreachable");
  });
  const again = disk.open();
  expect(await again.read(ref, plain)).toEqual({
    ok: false,
    error: { type: "DocumentDamaged", id: ref.id, chunks: 1 },
  });
  expect(unwrap(await again.read(ref, plain))).toEqual({ a: 1 });
});

test("[DC11] a document whose chunks are gone is incomplete, not empty, and nothing is written over it", async () => {
  const disk = createDocumentDisk("gone");
  const ref = documentRef(random, "bucket");
  const documents = disk.open();
  unwrap(await documents.putOps(ref, [[opIdOf(random), new Uint8Array([1])]]));
  unwrap(await documents.close());
  for (const { key } of await disk.listChunks()) await disk.chunks.remove(key);
  const again = disk.open();
  const incomplete = { ok: false, error: { type: "DocumentIncomplete", id: ref.id, missingHeads: 1 } };
  expect(await again.scanOps(ref)).toEqual(incomplete);
  expect(await again.putOps(ref, [[opIdOf(random), new Uint8Array([2])]])).toEqual(incomplete);
  unwrap(await again.close());
  expect(await disk.listChunks()).toEqual([]);
});

test("[DC11] a document that lost one of its chunks, or has an old one in its place, is incomplete", async () => {
  const disk = createDocumentDisk("older");
  const ref = documentRef(random, "app");
  const documents = disk.open();
  unwrap(await documents.change(ref, setKey("noise", random.bytes(3_000))));
  unwrap(await documents.flush([ref]));
  unwrap(await documents.change(ref, setKey("a", 1)));
  unwrap(await documents.flush([ref]));
  unwrap(await documents.change(ref, setKey("b", 2)));
  unwrap(await documents.close());
  const chunks = await disk.listChunks();
  expect(chunks.length).toBeGreaterThan(1);
  for (const lost of chunks) {
    await disk.chunks.remove(lost.key);
    expect(await disk.open().read(ref, plain)).toMatchObject({
      ok: false,
      error: { type: "DocumentIncomplete" },
    });
    await disk.chunks.save(lost.key, lost.data);
  }
  expect(unwrap(await disk.open().read(ref, plain))).toMatchObject({ a: 1, b: 2 });
});

test("[ST33] a chunk that does not open makes its document damaged, and it stays where it is", async () => {
  const disk = createDocumentDisk("damaged");
  const ref = documentRef(random, "app");
  const other = documentRef(random, "app");
  const documents = disk.open();
  unwrap(await documents.change(other, setKey("a", 1)));
  unwrap(await documents.flush([other]));
  const keysOfOther = new Set((await disk.listChunks()).map(({ key }) => key.join()));
  unwrap(await documents.change(ref, setKey("a", 1)));
  unwrap(await documents.close());
  const mine = (await disk.listChunks()).filter(({ key }) => !keysOfOther.has(key.join()));
  for (const { key, data } of mine)
    await disk.chunks.save(key, data.with(data.length - 1, (data.at(-1) ?? 0) ^ 1));
  const again = disk.open();
  const damaged = { ok: false, error: { type: "DocumentDamaged", id: ref.id, chunks: mine.length } };
  expect(await again.read(ref, plain)).toEqual(damaged);
  expect(await again.change(ref, setKey("b", 2))).toEqual(damaged);
  expect(disk.faults).toContainEqual({ type: "ChunkDamaged", place: mine[0]?.key });
  expect(unwrap(await again.read(other, plain))).toEqual({ a: 1 });
  expect((await disk.listChunks()).length).toBe(mine.length + keysOfOther.size);
});

test("[DC16] a damaged document comes back from the changes of a sibling; what was damaged is kept aside", async () => {
  const disk = createDocumentDisk("repair");
  const ref = documentRef(random, "app");
  const sibling = createDocumentDisk("repair sibling").open();
  const documents = disk.open();
  const first = unwrap(await documents.change(ref, setKey("a", 1)));
  unwrap(await sibling.apply(ref, first.changes));
  unwrap(await documents.close());
  const [chunk] = await disk.listChunks();
  if (chunk === undefined) throw new Error("a chunk was stored");
  await disk.chunks.save(chunk.key, new Uint8Array(100));
  const again = disk.open();
  expect(await again.repair(ref, { changes: [], isLossAccepted: false })).toEqual({
    ok: false,
    error: { type: "DocumentIncomplete", id: ref.id, missingHeads: 1 },
  });
  expect(disk.faults).toContainEqual({ type: "ChunkSetAside", place: ["damaged", ...chunk.key] });
  expect(await again.read(ref, plain)).toMatchObject({ ok: false });
  expect(await again.repair(ref, { changes: [new Uint8Array([1])], isLossAccepted: false })).toMatchObject({
    ok: false,
    error: { type: "MalformedChanges" },
  });
  unwrap(
    await again.repair(ref, { changes: unwrap(await sibling.changesSince(ref, [])), isLossAccepted: false }),
  );
  expect(unwrap(await again.read(ref, plain))).toEqual({ a: 1 });
  const kept = (await disk.listChunks()).find(({ key }) => key[0] === "damaged");
  expect(kept?.data).toEqual(new Uint8Array(100));
  unwrap(await again.close());
  expect(unwrap(await disk.open().read(ref, plain))).toEqual({ a: 1 });
});

test("[DC16] what nobody has any more is given up only on request, and the document can merge afterwards", async () => {
  const disk = createDocumentDisk("loss");
  const ref = documentRef(random, "app");
  const sibling = createDocumentDisk("loss sibling").open();
  const documents = disk.open();
  unwrap(await sibling.apply(ref, unwrap(await documents.change(ref, setKey("a", 1))).changes));
  unwrap(await documents.change(ref, setKey("lost", 2)));
  unwrap(await documents.close());
  for (const { key } of await disk.listChunks()) await disk.chunks.remove(key);
  const again = disk.open();
  const changes = unwrap(await sibling.changesSince(ref, []));
  expect(await again.repair(ref, { changes, isLossAccepted: false })).toMatchObject({
    ok: false,
    error: { type: "DocumentIncomplete" },
  });
  unwrap(await again.repair(ref, { changes, isLossAccepted: true }));
  const edited = unwrap(await again.change(ref, setKey("b", 3)));
  unwrap(await sibling.apply(ref, edited.changes));
  expect(unwrap(await sibling.read(ref, plain))).toEqual({ a: 1, b: 3 });
  unwrap(await again.close());
  expect(unwrap(await disk.open().read(ref, plain))).toEqual({ a: 1, b: 3 });
});

test("[DC12] a save that fails is reported, makes flush an error, and is tried until it succeeds", async () => {
  const disk = createDocumentDisk("full");
  const ref = documentRef(random, "app");
  const documents = disk.open();
  disk.refusal = "ENOSPC";
  unwrap(await documents.change(ref, setKey("a", 1)));
  const refused = { ok: false, error: { type: "DocumentStorageUnavailable", id: ref.id, detail: "ENOSPC" } };
  expect(await documents.flush([ref])).toEqual(refused);
  expect(await documents.evict(ref)).toEqual(refused);
  unwrap(await documents.change(ref, setKey("b", 2)));
  expect(disk.faults).toContainEqual({ type: "SaveFailed", id: ref.id, attempts: 1, detail: "ENOSPC" });
  expect(disk.faults).toContainEqual({ type: "ChunkNotSaved", detail: "ENOSPC" });
  expect(await disk.listChunks()).toEqual([]);
  disk.refusal = null;
  await vi.waitFor(
    () => expect(disk.faults).toContainEqual(expect.objectContaining({ type: "SaveRecovered", id: ref.id })),
    5_000,
  );
  unwrap(await documents.flush([ref]));
  expect(unwrap(await disk.open().read(ref, plain))).toEqual({ a: 1, b: 2 });
});

test("[DC12] other documents go on while one cannot be saved, and closing tells that it was not", async () => {
  const disk = createDocumentDisk("closing");
  const ref = documentRef(random, "app");
  const documents = disk.open(2);
  disk.refusal = "EIO";
  unwrap(await documents.change(ref, setKey("a", 1)));
  expect(await documents.flush([ref])).toMatchObject({ ok: false });
  for (let i = 0; i < 4; i++)
    expect(unwrap(await documents.read(documentRef(random, "app"), plain))).toEqual({});
  expect(await documents.close()).toMatchObject({ ok: false, error: { id: ref.id, detail: "EIO" } });
});

test("[DC12] rows that cannot be written make flush an error too", async () => {
  const disk = createDocumentDisk("rows");
  const ref = documentRef(random, "app");
  const documents = disk.open();
  unwrap(await documents.change(ref, setKey("a", 1)));
  const refused: Awaited<ReturnType<typeof disk.rows.batch>> = {
    ok: false,
    error: { type: "StoreUnavailable", detail: "full" },
  };
  const batch = vi.spyOn(disk.rows, "batch").mockResolvedValue(refused);
  expect(await documents.flush([ref])).toEqual({
    ok: false,
    error: { type: "DocumentStorageUnavailable", id: ref.id, detail: "StoreUnavailable" },
  });
  batch.mockRestore();
  unwrap(await documents.flush([ref]));
  expect(await disk.rows.get(`document-heads/${ref.id}`)).toMatchObject({
    ok: true,
    value: expect.any(Uint8Array),
  });
});

test("[DC13] flush covers every change before it, also those made while a save is under way", async () => {
  const disk = createDocumentDisk("flush");
  const ref = documentRef(random, "app");
  const documents = disk.open();
  let openGate: () => void = () => {};
  disk.gate = new Promise((resolve) => {
    openGate = resolve;
  });
  unwrap(await documents.change(ref, setKey("a", 1)));
  const first = documents.flush([ref]);
  unwrap(await documents.change(ref, setKey("b", 2)));
  let isSecondDone = false;
  const second = documents.flush([ref, ref]).then((result) => {
    isSecondDone = true;
    return result;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isSecondDone).toBe(false);
  openGate();
  unwrap(await first);
  unwrap(await second);
  expect(unwrap(await disk.open().read(ref, plain))).toEqual({ a: 1, b: 2 });
  expect(await documents.flush([documentRef(random, "app")])).toEqual({ ok: true, value: undefined });
});

test("[DC13] a change is saved without being asked, soon", async () => {
  const disk = createDocumentDisk("background");
  const ref = documentRef(random, "app");
  unwrap(await disk.open().change(ref, setKey("a", 1)));
  expect(await disk.listChunks()).toEqual([]);
  await vi.waitFor(async () => expect((await disk.listChunks()).length).toBe(1), 30_000);
  await vi.waitFor(async () => expect(unwrap(await disk.open().read(ref, plain))).toEqual({ a: 1 }), 30_000);
});

test("[DC14] unloading saves first, and writes nothing afterwards: small documents stay", async () => {
  const disk = createDocumentDisk("evict");
  const documents = disk.open();
  const refs = Array.from({ length: 8 }, () => documentRef(random, "app"));
  for (const ref of refs) {
    unwrap(await documents.change(ref, setKey("a", 1)));
    unwrap(await documents.evict(ref));
    disk.calls.length = 0;
    unwrap(await documents.evict(ref));
  }
  // The library's own debounced save, had it been left, runs 100 ms after the last change.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(disk.calls).toEqual([]);
  for (const ref of refs) expect(unwrap(await disk.open().read(ref, plain))).toEqual({ a: 1 });
});

test("[DC14] the library as it comes erases a small document that is unloaded at once; the sealing storage refuses that", async () => {
  const disk = createDocumentDisk("as it comes");
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const repo = new Repo({ storage: disk.storage, network: [] });
  const repoId = interpretAsDocumentId(repo.create({ a: 1 }).url);
  await repo.flush([repoId]);
  const stored = await disk.storage.loadRange([repoId, "snapshot"]);
  await repo.removeFromCache(repoId);
  await vi.waitFor(() => expect(unhandled).toHaveBeenCalled(), 30_000);
  process.off("unhandledRejection", unhandled);
  expect(unhandled.mock.calls[0]?.[0]).toMatchObject({ reason: { type: "EmptyOverFull" } });
  expect(await disk.storage.loadRange([repoId, "snapshot"])).toEqual(stored);
});

test("[DC19] a removed document leaves nothing, and its id begins anew", async () => {
  const disk = createDocumentDisk("remove");
  const ref = documentRef(random, "app");
  const documents = disk.open();
  const edited = unwrap(await documents.change(ref, setKey("a", 1)));
  unwrap(await documents.flush([ref]));
  unwrap(await documents.remove(ref));
  expect(await disk.storage.loadRange([interpretAsDocumentId(Buffer.from(ref.id, "hex") as never)])).toEqual(
    [],
  );
  expect(unwrap(await documents.read(ref, plain))).toEqual({});
  unwrap(await documents.change(ref, setKey("b", 2)));
  unwrap(await documents.apply(ref, edited.changes));
  expect(unwrap(await documents.read(ref, plain))).toEqual({ a: 1, b: 2 });
});
