/** Every TxStore behaves as a sorted map in which whole batches happen one after another. */
import fc from "fast-check";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openSqliteTxStore } from "../../cli/platform/sqlite-tx-store.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import { sealTxStore } from "../../core/store/sealing-tx-store.ts";
import type { ScanRange, TxStore } from "../../core/store/tx-store.ts";
import { drop, put, when } from "../contract/tx-store.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

beforeAll(cryptoReady);

const KEYS = ["a", "a/", "a/0", "a/1", "a/~", "a0", "b", "b/1"];
const PREFIXES = ["", "a", "a/", "a/0", "b/", "c", "~"];

const value = fc.constantFrom("", "1", "2", "3");
const key = fc.constantFrom(...KEYS);
const write = fc.oneof(
  fc.record({ type: fc.constant("put" as const), key, value }),
  fc.record({ type: fc.constant("delete" as const), key }),
);
/** An expectation that holds, by looking the value up when the time comes, or one that may not. */
const expectation = fc.oneof(
  fc.record({ type: fc.constant("as it is" as const), key }),
  fc.record({ type: fc.constant("given" as const), key, value: fc.option(value, { nil: null }) }),
);
const batch = fc.record({
  ops: fc.array(write, { maxLength: 5 }),
  expect: fc.array(expectation, { maxLength: 2 }),
});
const range = fc.record(
  {
    prefix: fc.constantFrom(...PREFIXES),
    after: fc.constantFrom(...KEYS, "A", "zz"),
    limit: fc.nat({ max: 5 }),
    reverse: fc.boolean(),
  },
  { requiredKeys: ["prefix"] },
);
/** Batches of one turn are requested at once. */
const turn = fc.record({
  batches: fc.array(batch, { minLength: 1, maxLength: 5 }),
  scans: fc.array(range, { maxLength: 3 }),
  isReopened: fc.boolean(),
});

interface Medium {
  open(): TxStore;
  readonly isLasting: boolean;
  discard(): void;
}

const MEDIA: Readonly<Record<string, () => Medium>> = {
  memory: () => ({ open: createMemoryTxStore, isLasting: false, discard: () => {} }),
  "node:sqlite": sqliteMedium,
  "sealing over memory": () => sealed({ open: createMemoryTxStore, isLasting: false, discard: () => {} }),
  "sealing over node:sqlite": () => sealed(sqliteMedium()),
};

test.each(Object.entries(MEDIA))(
  "[ST3] [ST4] [ST5] [ST6] random batches on %s do what they do to a sorted map",
  { timeout: 120_000 },
  async (name, createMedium) => {
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 12 }), async (turns) => {
        const medium = createMedium();
        let store = medium.open();
        const model = new Map<string, string>();
        try {
          for (const { batches, scans, isReopened } of turns) {
            const outcomes: unknown[] = [];
            const results = batches.map(({ ops, expect: expected }) => {
              const conditions = expected.map((one) =>
                when(one.key, one.type === "given" ? one.value : (model.get(one.key) ?? null)),
              );
              const failed = expected.find(
                (one) => one.type === "given" && (model.get(one.key) ?? null) !== one.value,
              );
              outcomes.push(
                failed === undefined
                  ? { ok: true, value: undefined }
                  : { ok: false, error: { type: "StoreConflict", key: failed.key } },
              );
              if (failed === undefined) {
                for (const op of ops) {
                  if (op.type === "put") model.set(op.key, op.value);
                  else model.delete(op.key);
                }
              }
              return store.batch(
                ops.map((op) => (op.type === "put" ? put(op.key, op.value) : drop(op.key))),
                conditions,
              );
            });
            expect(await Promise.all(results)).toEqual(outcomes);
            if (isReopened && medium.isLasting) {
              await store.close();
              store = medium.open();
            }
            for (const one of scans) expect(await scanned(store, one)).toEqual(scanModel(model, one));
            expect(await scanned(store, { prefix: "" })).toEqual(scanModel(model, { prefix: "" }));
          }
        } finally {
          await store.close();
          medium.discard();
        }
      }),
      { numRuns: name.includes("sqlite") ? 40 : 150 },
    );
  },
);

async function scanned(store: TxStore, one: ScanRange): Promise<readonly (readonly [string, string])[]> {
  const rows = await store.scan(one);
  if (!rows.ok) throw new Error(rows.error.type);
  return rows.value.map((row) => [row.key, new TextDecoder().decode(row.value)]);
}

function scanModel(
  model: ReadonlyMap<string, string>,
  { prefix, after, limit, reverse = false }: ScanRange,
): readonly (readonly [string, string])[] {
  const rows = [...model].filter(([k]) => k.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (reverse) rows.reverse();
  const from = after === undefined ? rows : rows.filter(([k]) => (reverse ? k < after : k > after));
  return from.slice(0, limit);
}

function sqliteMedium(): Medium {
  const folder = createTemporaryFolder();
  return {
    open() {
      const opened = openSqliteTxStore(join(folder.path, "store.db"));
      if (!opened.ok) throw new Error(opened.error.type);
      return opened.value;
    },
    isLasting: true,
    discard: folder.discard,
  };
}

function sealed(inner: Medium): Medium {
  const random = createSeededRandom("sealed model");
  const storeKey = random.bytes(32);
  return { ...inner, open: () => sealTxStore(inner.open(), { random, storeKey }) };
}
