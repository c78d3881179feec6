/** Whatever comes into a bucket, in whatever order: what is told of its ops is what stands in the document. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Bytes, toHex } from "../../core/base/bytes.ts";
import { idFromBytes, type OpId } from "../../core/base/ids.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { automergeReady } from "../../core/document/automerge.ts";
import type { Documents, DocumentRoot } from "../../core/document/documents.ts";
import type { DocumentRef } from "../../core/document/schema/document-kind.ts";
import { createDocumentDisk, documentRef, unwrap } from "../support/document-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const DEVICES = 3;
const on = fc.nat({ max: DEVICES - 1 });
const opId = fc.integer({ min: 1, max: 5 }).map((fill) => idFromBytes("op", new Uint8Array(32).fill(fill)));

const opsIn = (draft: DocumentRoot): { [opId: string]: unknown } => draft.ops as { [opId: string]: unknown };
/** What no device of ours does, and a sibling with another program may. */
const strange: readonly ((draft: DocumentRoot, id: OpId) => void)[] = [
  (draft, id) => {
    delete opsIn(draft)[id];
  },
  (draft, id) => {
    opsIn(draft)[id] = "text";
  },
  (draft, id) => {
    opsIn(draft)[id] = { nested: true };
  },
  (draft, id) => {
    opsIn(draft)[id] = new Uint8Array([99]);
  },
  (draft) => {
    opsIn(draft).short = new Uint8Array([1]);
  },
  (draft) => {
    draft.other = { ops: {} };
  },
  (draft) => {
    draft.ops = {};
  },
];

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("put" as const),
      on,
      ids: fc.array(opId, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("deliver" as const),
      on,
      picks: fc.array(fc.nat(), { maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("strange" as const),
      on,
      id: opId,
      how: fc.nat({ max: strange.length - 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("merge" as const), on, from: on }) },
);

test("[DC7] [DC20] [DC21] the ops of a bucket are those of its document", { timeout: 120_000 }, async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 40, size: "max" }), async (steps) => {
      runs += 1;
      const ref = documentRef(createSeededRandom(`bucket ${runs}`), "bucket");
      const devices = Array.from({ length: DEVICES }, (_, i) =>
        createDocumentDisk(`bucket ${runs} ${i}`).open(),
      );
      const made: Bytes[] = [];
      for (const one of steps) {
        const documents = at(devices, one.on);
        if (one.type === "put") {
          const ops = one.ids.map((id) => [id, new Uint8Array([runs % 256, one.on])] as const);
          made.push(...unwrap(await documents.putOps(ref, ops)).changes);
          expect(unwrap(await documents.missingOps(ref, one.ids))).toEqual(
            await strangeAmong(documents, ref, one.ids),
          );
        } else if (one.type === "strange") {
          const change = at(strange, one.how);
          made.push(...unwrap(await documents.change(ref, (draft) => change(draft, one.id))).changes);
        } else if (one.type === "merge") {
          unwrap(await documents.merge(ref, unwrap(await at(devices, one.from).save(ref)).bytes));
        } else if (made.length > 0) {
          unwrap(
            await documents.apply(
              ref,
              one.picks.map((pick) => at(made, pick % made.length)),
            ),
          );
        }
        await isAsInDocument(documents, ref);
      }
      for (const documents of devices) {
        unwrap(await documents.apply(ref, made));
        await isAsInDocument(documents, ref);
        unwrap(await documents.close());
      }
    }),
    { numRuns: 60 },
  );
});

/** What was put and is not there: where something else stands at its place that is no bytes. */
async function strangeAmong(
  documents: Documents,
  ref: DocumentRef,
  ids: readonly OpId[],
): Promise<readonly OpId[]> {
  const held = new Set((await loaded(documents, ref)).map(([id]) => id));
  return ids.filter((id) => !held.has(id));
}

async function isAsInDocument(documents: Documents, ref: DocumentRef): Promise<void> {
  const inDocument = await loaded(documents, ref);
  const told = unwrap(await documents.scanOps(ref));
  expect(sorted(told)).toEqual(sorted(inDocument));
  const [first] = told;
  if (first === undefined) return;
  expect(sorted(unwrap(await documents.scanOps(ref, new Set([first[0]]))))).toEqual(sorted(told.slice(1)));
}

/** The ops of the document as it loads from its own bytes. */
async function loaded(documents: Documents, ref: DocumentRef) {
  return unwrap(documents.inspect(ref, unwrap(await documents.save(ref)).bytes)).ops;
}

const sorted = (ops: readonly (readonly [OpId, Bytes])[]): readonly string[] =>
  ops.map(([id, bytes]) => `${id} ${toHex(bytes)}`).sort();

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error("the index is in range");
  return item;
}
