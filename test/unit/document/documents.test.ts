import { beforeAll, describe, expect, test, vi } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { DOCUMENTS_LIVE_MAX } from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { Automerge, automergeReady, withChanges } from "../../../core/document/automerge.ts";
import { appSchema } from "../../../core/document/schema/document-schema.ts";
import { genesisChange } from "../../../core/document/schema/genesis.ts";
import { createDocumentDisk, documentRef, opIdOf, setKey, unwrap } from "../../support/document-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const random = createSeededRandom("documents");
const plain = appSchema((value) => ({ value, faults: [] }));

test("[DC2] documents made apart on two devices have one root", async () => {
  const ref = documentRef(random, "bucket");
  const [a, b] = [createDocumentDisk("a").open(), createDocumentDisk("b").open()];
  const [opA, opB] = [opIdOf(random), opIdOf(random)];
  const fromA = unwrap(await a.putOps(ref, [[opA, new Uint8Array([1])]]));
  const fromB = unwrap(await b.putOps(ref, [[opB, new Uint8Array([2])]]));
  unwrap(await a.apply(ref, fromB.changes));
  unwrap(await b.apply(ref, fromA.changes));
  const opsOfA = unwrap(await a.scanOps(ref)).map(([id]) => id);
  expect(opsOfA.toSorted()).toEqual([opA, opB].toSorted());
  expect(unwrap(await a.heads(ref)).toSorted()).toEqual(unwrap(await b.heads(ref)).toSorted());
});

test("a change gives what a sibling needs and nothing else; an edit that changes nothing gives nothing", async () => {
  const ref = documentRef(random, "app");
  const documents = createDocumentDisk("one change").open();
  const first = unwrap(
    await documents.change(ref, (draft) => Object.assign(draft, { a: 1, list: [1, { b: "x" }] })),
  );
  expect(first.changes.length).toBe(1);
  expect(unwrap(await documents.change(ref, () => {}))).toEqual({ changes: [], heads: first.heads });
  expect(unwrap(await documents.read(ref, plain))).toEqual({ a: 1, list: [1, { b: "x" }] });
  const sibling = createDocumentDisk("sibling").open();
  expect(unwrap(await sibling.apply(ref, first.changes))).toEqual({
    heads: first.heads,
    missing: 0,
    changed: true,
  });
  expect(unwrap(await sibling.read(ref, plain))).toEqual({ a: 1, list: [1, { b: "x" }] });
});

test("a draft leaves the document as it is, and is what the edit would have made; once taken over, edits go on from it", async () => {
  const ref = documentRef(random, "app");
  const documents = createDocumentDisk("draft").open();
  const first = unwrap(await documents.change(ref, (draft) => Object.assign(draft, { a: 1 })));
  unwrap(await documents.draft(ref, (draft) => Object.assign(draft, { a: 3, dropped: true })));
  const drafted = unwrap(await documents.draft(ref, (draft) => Object.assign(draft, { a: 2 })));
  expect(unwrap(await documents.read(ref, plain))).toEqual({ a: 1 });
  expect(unwrap(await documents.heads(ref))).toEqual(first.heads);
  expect(unwrap(await documents.apply(ref, drafted.changes)).heads).toEqual(drafted.heads);
  const last = unwrap(await documents.change(ref, (draft) => Object.assign(draft, { b: 1 })));
  const sibling = createDocumentDisk("draft's sibling").open();
  unwrap(await sibling.apply(ref, [...first.changes, ...drafted.changes, ...last.changes]));
  for (const each of [documents, sibling]) {
    expect(unwrap(await each.heads(ref))).toEqual(last.heads);
    expect(unwrap(await each.read(ref, plain))).toEqual({ a: 2, b: 1 });
  }
  const refused = await documents.draft(ref, (draft) => Object.assign(draft, { f: () => 1 }));
  expect(refused).toEqual({ ok: false, error: { type: "EditRefused", id: ref.id } });
});

test("[DC3] every load has an actor of its own, from the random port", async () => {
  const ref = documentRef(random, "app");
  const disk = createDocumentDisk("actors");
  const actors = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const documents = disk.open();
    const edited = unwrap(await documents.change(ref, (draft) => Object.assign(draft, { n: i })));
    for (const change of edited.changes) actors.add(Automerge.decodeChange(change).actor);
    await documents.evict(ref);
    const again = unwrap(await documents.change(ref, (draft) => Object.assign(draft, { m: i })));
    for (const change of again.changes) actors.add(Automerge.decodeChange(change).actor);
    unwrap(await documents.close());
  }
  expect(actors.size).toBe(6);
  const replayed = createDocumentDisk("actors").open();
  const same = unwrap(await replayed.change(ref, (draft) => Object.assign(draft, { n: 0 })));
  expect(same.changes.map((change) => Automerge.decodeChange(change).actor)).toEqual([[...actors][0]]);
});

test("[DC4] a change carries no time and no message", async () => {
  const ref = documentRef(random, "app");
  const documents = createDocumentDisk("time").open();
  const { changes } = unwrap(await documents.change(ref, (draft) => Object.assign(draft, { a: 1 })));
  expect(
    changes.map((change) => Automerge.decodeChange(change)).map(({ time, message }) => ({ time, message })),
  ).toEqual([{ time: 0, message: null }]);
});

test("[DC5] malformed and contradicting changes are refused whole, and the document is as it was", async () => {
  const ref = documentRef(random, "bucket");
  const documents = createDocumentDisk("malformed").open();
  unwrap(await documents.putOps(ref, [[opIdOf(random), new Uint8Array([1])]]));
  const before = { heads: unwrap(await documents.heads(ref)), ops: unwrap(await documents.scanOps(ref)) };
  const good = changeOfActor("aa", setKey(opIdOf(random), new Uint8Array([2])));
  const [one, other] = [1, 2].map((n) => changeOfActor("bb", setKey(opIdOf(random), new Uint8Array([n]))));
  if (one === undefined || other === undefined) throw new Error("two changes");
  const refused = { ok: false, error: { type: "MalformedChanges", id: ref.id } };
  expect(await documents.apply(ref, [good, new Uint8Array([1, 2, 3])])).toEqual(refused);
  expect(await documents.apply(ref, [good, new Uint8Array()])).toEqual(refused);
  expect(await documents.apply(ref, [good, good.with(good.length - 1, 255)])).toEqual(refused);
  expect(await documents.apply(ref, [good, one, other])).toEqual(refused);
  expect({ heads: unwrap(await documents.heads(ref)), ops: unwrap(await documents.scanOps(ref)) }).toEqual(
    before,
  );
  expect(unwrap(await documents.apply(ref, [good]))).toMatchObject({ changed: true, missing: 0 });
  expect(unwrap(await documents.scanOps(ref)).length).toBe(2);
});

test("[DC6] a key like __proto__ is refused, and so is what Automerge cannot hold; the document is as it was", async () => {
  const ref = documentRef(random, "app");
  const documents = createDocumentDisk("keys").open();
  unwrap(await documents.change(ref, (draft) => Object.assign(draft, { a: {} })));
  const refused = { ok: false, error: { type: "EditRefused", id: ref.id } };
  const named = (key: string) => (draft: { [key: string]: unknown }) => {
    draft.before = true;
    Object.defineProperty(draft, key, { value: 1, enumerable: true, configurable: true, writable: true });
    draft[key] = { isAdmin: true };
  };
  expect(await documents.change(ref, named("__proto__"))).toEqual(refused);
  expect(await documents.change(ref, (draft) => Object.assign(draft, { f: () => 1 }))).toEqual(refused);
  expect(unwrap(await documents.read(ref, plain))).toEqual({ a: {} });
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
});

test("what an edit itself throws is thrown on, an async edit is our own mistake, and neither changes the document", async () => {
  const ref = documentRef(random, "app");
  const documents = createDocumentDisk("throws").open();
  const failing = documents.change(ref, (draft) => {
    draft.a = 1;
    throw new TypeError("mine");
  });
  await expect(failing).rejects.toThrow("mine");
  const asyncEdit = (draft: { [key: string]: unknown }) => {
    draft.a = 1;
    return Promise.resolve() as unknown as undefined;
  };
  await expect(documents.change(ref, asyncEdit)).rejects.toThrow("not async");
  expect(unwrap(await documents.read(ref, plain))).toEqual({});
  expect(unwrap(await documents.change(ref, setKey("a", 2))).changes.length).toBe(1);
});

test("[DC7] a change that waits for another is counted, not shown, and appears with it", async () => {
  const ref = documentRef(random, "app");
  const [writer, reader] = [createDocumentDisk("w").open(), createDocumentDisk("r").open()];
  const first = unwrap(await writer.change(ref, setKey("a", 1)));
  const second = unwrap(await writer.change(ref, setKey("b", 2)));
  const early = unwrap(await reader.apply(ref, second.changes));
  expect(early).toMatchObject({ missing: 1, changed: false });
  expect(unwrap(await reader.read(ref, plain))).toEqual({});
  expect(unwrap(await reader.apply(ref, [...second.changes, ...first.changes]))).toEqual({
    heads: second.heads,
    missing: 0,
    changed: true,
  });
  expect(unwrap(await reader.apply(ref, [...first.changes, ...second.changes]))).toEqual({
    heads: second.heads,
    missing: 0,
    changed: false,
  });
  expect(unwrap(await reader.read(ref, plain))).toEqual({ a: 1, b: 2 });
});

test.each([
  ["b8", "9e"],
  ["9e", "b8"],
])(
  "[DC7] changes that come together show what they leave: a value that one set and another took out (%s, %s)",
  (ada, ben) => {
    type Root = { state: { [key: string]: string } };
    const begun = Automerge.change(Automerge.init<Root>("00"), { time: 0 }, (draft) => {
      draft.state = {};
    });
    const put = (document: Automerge.Doc<Root>, value: string) =>
      Automerge.change(document, { time: 0 }, (draft) => {
        draft.state.k = value;
      });
    const set = put(Automerge.clone(begun, ada), "incoming");
    const beside = put(Automerge.clone(begun, ben), "requested");
    const taken = Automerge.change(set, { time: 0 }, (draft) => {
      delete draft.state.k;
    });
    const [first, later] = Automerge.getChangesSince(taken, Automerge.getHeads(begun));
    const [other] = Automerge.getChangesSince(beside, Automerge.getHeads(begun));
    if (first === undefined || later === undefined || other === undefined) throw new Error("three changes");
    const orders: readonly (readonly (readonly Uint8Array[])[])[] = [
      [[first], [other, later]],
      [[first], [later, other]],
      [[first, other, later]],
      // The last one lets in what waits for it.
      [[later], [other], [first]],
      [[later, other], [first]],
    ];
    for (const order of orders) {
      const shown = order.reduce(
        (document, changes) => withChanges(document, changes),
        Automerge.clone(begun, "cc"),
      );
      expect(shown.state).toEqual({ k: "requested" });
      expect(Automerge.load(Automerge.save(shown))).toEqual(shown);
    }
  },
);

test("[DC15] at most a given number of documents are loaded, however many are asked for at once", async () => {
  const disk = createDocumentDisk("live");
  const documents = disk.open(4);
  const refs = Array.from({ length: 24 }, () => documentRef(random, "bucket"));
  let peak = 0;
  const use = async (ref: (typeof refs)[number]): Promise<void> => {
    unwrap(await documents.putOps(ref, [[opIdOf(random), new Uint8Array([1])]]));
    peak = Math.max(peak, documents.liveCount());
    unwrap(await documents.putOps(ref, [[opIdOf(random), new Uint8Array([2])]]));
    peak = Math.max(peak, documents.liveCount());
  };
  await Promise.all([...refs, ...refs].map(use));
  await Promise.all(refs.map((ref) => documents.evict(ref).then(() => use(ref))));
  expect(peak).toBe(4);
  const counts = await Promise.all(refs.map(async (ref) => unwrap(await documents.scanOps(ref)).length));
  expect(counts).toEqual(refs.map(() => 6));
  unwrap(await documents.close());
  expect(DOCUMENTS_LIVE_MAX).toBe(64);
});

test("[DC15] the document used longest ago is unloaded first", async () => {
  const documents = createDocumentDisk("lru").open(2);
  const [a, b, c] = [documentRef(random, "app"), documentRef(random, "app"), documentRef(random, "app")];
  for (const ref of [a, b]) unwrap(await documents.change(ref, setKey("x", 1)));
  unwrap(await documents.heads(a));
  unwrap(await documents.heads(c));
  // The actor tells whether a document was loaded anew.
  const actorOf = async (ref: typeof a) =>
    Automerge.decodeChange(
      unwrap(await documents.change(ref, setKey("x", random.below(1e9)))).changes[0] ?? new Uint8Array(),
    ).actor;
  const first = Automerge.decodeChange(
    unwrap(await documents.changesSince(a, [])).at(-1) ?? new Uint8Array(),
  ).actor;
  expect(await actorOf(a)).toBe(first);
});

test("[DC17] changes since unknown heads are all changes, since known ones what came after", async () => {
  const ref = documentRef(random, "app");
  const documents = createDocumentDisk("since").open();
  const first = unwrap(await documents.change(ref, setKey("a", 1)));
  const second = unwrap(await documents.change(ref, setKey("b", 2)));
  const genesis = genesisChange("app");
  expect(unwrap(await documents.changesSince(ref, first.heads))).toEqual(second.changes);
  expect(unwrap(await documents.changesSince(ref, second.heads))).toEqual([]);
  expect(unwrap(await documents.changesSince(ref, ["ab".repeat(32)]))).toEqual([
    genesis,
    ...first.changes,
    ...second.changes,
  ]);
  expect(unwrap(await documents.changesSince(ref, [...first.heads, "ab".repeat(32)]))).toEqual(
    second.changes,
  );
  expect(unwrap(await documents.hasHeads(ref, first.heads))).toBe(true);
  expect(unwrap(await documents.hasHeads(ref, [...first.heads, "ab".repeat(32)]))).toBe(false);
});

test("[DC18] a saved document merges into another device's; damaged bytes leave it as it was", async () => {
  const ref = documentRef(random, "app");
  const [a, b] = [createDocumentDisk("save").open(), createDocumentDisk("merge").open()];
  for (let i = 0; i < 20; i++) unwrap(await a.change(ref, setKey(`k${i}`, `value ${i}`)));
  unwrap(await b.change(ref, setKey("mine", true)));
  const saved = unwrap(await a.save(ref));
  expect(saved.heads).toEqual(unwrap(await a.heads(ref)));
  const before = unwrap(await b.heads(ref));
  const refused = { ok: false, error: { type: "MalformedChanges", id: ref.id } };
  for (const damaged of [
    saved.bytes.subarray(0, saved.bytes.length - 1),
    saved.bytes.subarray(1),
    new Uint8Array([...saved.bytes, 1, 2, 3, 4]),
    new Uint8Array(),
    saved.bytes.with(20, (saved.bytes[20] ?? 0) ^ 1),
  ]) {
    expect(await b.merge(ref, damaged)).toEqual(refused);
  }
  expect(unwrap(await b.heads(ref))).toEqual(before);
  expect(unwrap(await b.merge(ref, saved.bytes))).toMatchObject({ changed: true, missing: 0 });
  expect(unwrap(await b.merge(ref, saved.bytes))).toMatchObject({ changed: false });
  expect(unwrap(await b.read(ref, plain))).toMatchObject({ mine: true, k0: "value 0", k19: "value 19" });
});

describe("[DC22] a saved document taken over", () => {
  async function savedBucket(seed: string) {
    const ref = documentRef(random, "bucket");
    const ops = [1, 2, 3].map((n) => [opIdOf(random), new Uint8Array([n])] as const);
    const documents = createDocumentDisk(`${seed} there`).open();
    unwrap(await documents.putOps(ref, ops.slice(0, 2)));
    unwrap(await documents.putOps(ref, ops.slice(2)));
    return { ref, ops, documents, saved: unwrap(await documents.save(ref)) };
  }

  test("is durable at once where there is nothing of it, as it came and unloaded", async () => {
    const { ref, ops, saved } = await savedBucket("fresh");
    const disk = createDocumentDisk("fresh");
    const documents = disk.open();
    const taken = unwrap(await documents.takeOver(ref, saved.bytes));
    expect([taken.heads, taken.missing, new Set(taken.ops)]).toEqual([saved.heads, 0, new Set(ops)]);
    expect([documents.liveCount(), (await disk.listChunks()).length]).toEqual([0, 1]);
    // As after a crash: nothing was flushed.
    const again = disk.open();
    expect(unwrap(await again.heads(ref))).toEqual(saved.heads);
    expect(new Set(unwrap(await again.scanOps(ref)))).toEqual(new Set(ops));
    const [mine] = unwrap(await again.putOps(ref, [[opIdOf(random), new Uint8Array([4])]])).changes;
    expect(mine).toBeDefined();
    unwrap(await again.close());
    expect(unwrap(await disk.open().scanOps(ref))).toHaveLength(4);
  });

  test("is merged where something of it is, loaded or stored, and where the medium refuses", async () => {
    const { ref, ops, saved } = await savedBucket("there");
    const mine = [opIdOf(random), new Uint8Array([9])] as const;
    const all = new Set([...ops, mine]);
    for (const isStored of [false, true]) {
      const disk = createDocumentDisk(`merged ${isStored}`);
      const before = disk.open();
      unwrap(await before.putOps(ref, [mine]));
      if (isStored) unwrap(await before.close());
      const documents = isStored ? disk.open() : before;
      expect(unwrap(await documents.takeOver(ref, saved.bytes))).toMatchObject({ missing: 0, ops: null });
      expect(new Set(unwrap(await documents.scanOps(ref)))).toEqual(all);
      unwrap(await documents.close());
      expect(new Set(unwrap(await disk.open().scanOps(ref)))).toEqual(all);
    }
    const disk = createDocumentDisk("refused");
    disk.refusal = "ENOSPC";
    const documents = disk.open();
    expect(unwrap(await documents.takeOver(ref, saved.bytes))).toMatchObject({ ops: null });
    expect(await documents.flush([ref])).toMatchObject({ error: { detail: "ENOSPC" } });
    disk.refusal = null;
    await vi.waitFor(async () => unwrap(await documents.flush([ref])), 10_000);
    expect(new Set(unwrap(await disk.open().scanOps(ref)))).toEqual(new Set(ops));
  });

  test("is merged where it lacks a change, and refused where it is damaged", async () => {
    const { ref, ops, documents: maker, saved } = await savedBucket("lacking");
    const changes = unwrap(await maker.changesSince(ref, []));
    const lacking = createDocumentDisk("lacking half").open();
    expect(unwrap(await lacking.apply(ref, changes.slice(-1)))).toMatchObject({ missing: 1 });
    const disk = createDocumentDisk("lacking");
    const documents = disk.open();
    const half = unwrap(await lacking.save(ref)).bytes;
    expect(unwrap(await documents.takeOver(ref, half))).toMatchObject({ missing: 1, ops: null });
    unwrap(await documents.apply(ref, changes));
    expect(new Set(unwrap(await documents.scanOps(ref)))).toEqual(new Set(ops));
    for (const damaged of [saved.bytes.subarray(1), saved.bytes.subarray(0, -1), new Uint8Array()]) {
      const none = createDocumentDisk("damaged");
      expect(await none.open().takeOver(ref, damaged)).toEqual({
        ok: false,
        error: { type: "MalformedChanges", id: ref.id },
      });
      expect(await none.listChunks()).toEqual([]);
    }
  });
});

test("[DC20] an op two devices put is one op, and putting it again is no change", async () => {
  const ref = documentRef(random, "bucket");
  const [a, b] = [createDocumentDisk("dup a").open(), createDocumentDisk("dup b").open()];
  const op = [opIdOf(random), new Uint8Array([1, 2, 3])] as const;
  const fromA = unwrap(await a.putOps(ref, [op, op]));
  const fromB = unwrap(await b.putOps(ref, [op]));
  unwrap(await a.apply(ref, fromB.changes));
  unwrap(await b.apply(ref, fromA.changes));
  for (const documents of [a, b]) {
    expect(unwrap(await documents.scanOps(ref))).toEqual([op]);
    expect(unwrap(await documents.putOps(ref, [op])).changes).toEqual([]);
    expect(unwrap(await documents.missingOps(ref, [op[0], idFromBytes("op", new Uint8Array(32))]))).toEqual([
      "00".repeat(32),
    ]);
  }
});

test("[DC21] what is no op in a bucket is left out, and left alone", async () => {
  const ref = documentRef(random, "bucket");
  const documents = createDocumentDisk("no op").open();
  const op = opIdOf(random);
  const strange = changeOfActor("cc", (ops) =>
    Object.assign(ops, {
      "not-an-id": new Uint8Array([1]),
      [opIdOf(random)]: { nested: true },
      [opIdOf(random)]: 5,
    }),
  );
  unwrap(await documents.apply(ref, [strange]));
  unwrap(await documents.putOps(ref, [[op, new Uint8Array([9])]]));
  expect(unwrap(await documents.scanOps(ref))).toEqual([[op, new Uint8Array([9])]]);
  const bytes = unwrap(await documents.scanOps(ref))[0]?.[1];
  bytes?.fill(0);
  expect(unwrap(await documents.scanOps(ref))).toEqual([[op, new Uint8Array([9])]]);
});

test("a closed set of documents refuses every request", async () => {
  const ref = documentRef(random, "app");
  const documents = createDocumentDisk("closed").open();
  unwrap(await documents.change(ref, setKey("a", 1)));
  unwrap(await documents.close());
  const closed = { ok: false, error: { type: "DocumentsClosed" } };
  expect(await documents.change(ref, () => {})).toEqual(closed);
  expect(await documents.heads(ref)).toEqual(closed);
  expect(await documents.repair(ref, { changes: [], isLossAccepted: false })).toEqual(closed);
  expect(await documents.remove(ref)).toEqual(closed);
  expect(documents.liveCount()).toBe(0);
});

/** A change to a bucket's map by an actor of two repeated digits, with seq 1. */
function changeOfActor(digits: string, edit: (ops: { [key: string]: unknown }) => void): Uint8Array {
  const [base] = Automerge.applyChanges(
    Automerge.init<{ ops: { [key: string]: unknown } }>({ actor: digits.repeat(16) }),
    [genesisChange("bucket")],
  );
  const change = Automerge.getLastLocalChange(
    Automerge.change(base, { time: 0 }, (draft) => edit(draft.ops)),
  );
  if (change === undefined) throw new Error("the edit changed something");
  return change;
}
