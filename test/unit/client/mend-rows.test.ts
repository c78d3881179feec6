/** Rows of every sort, each damaged: what is left opens, and what is to be done is written down. */
import { beforeAll, expect, test } from "vitest";
import { toHex } from "../../../core/base/bytes.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { mendRows } from "../../../core/client/mend/mend-rows.ts";
import { CURE_BY_TABLE, cureOf } from "../../../core/client/mend/row-cures.ts";
import { COUNTER_UNKNOWN, createTables } from "../../../core/client/tables.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../../core/store/memory-tx-store.ts";
import { rowKey } from "../../../core/store/row-key.ts";
import { sealTxStore } from "../../../core/store/sealing-tx-store.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { good } from "../../support/client-world.ts";

const id = (n: number) => toHex(new Uint8Array(32).fill(n));
const short = (n: number) => toHex(new Uint8Array(16).fill(n));
const conversationId = idFromBytes("conversation", new Uint8Array(32).fill(1));
const opId = idFromBytes("op", new Uint8Array(32).fill(2));

/** Parts of a key that names something real; one number for all others. */
const PARTS: Readonly<Record<string, readonly (string | number)[]>> = {
  chain: [id(3), 2],
  reader: [id(4)],
  writer: [id(4)],
  aside: [id(4), 9],
  op: [id(1), 77, short(5), id(2)],
  feed: [id(1), short(5)],
  tally: [id(1)],
  outbox: [id(1), 77, id(2)],
  archive: [id(6)],
  refused: [12],
  archived: [id(7)],
  shared: [id(1), id(9), id(2)],
  sharedvoid: [id(1), id(2)],
};

async function damagedWorld(tables: readonly string[]) {
  const random = createSeededRandom("mend");
  const inner = createMemoryTxStore();
  const store = sealTxStore(inner, { random, storeKey: random.bytes(32) });
  const value = Uint8Array.of(1, 2, 3, 4);
  const keys = tables.map((table) => rowKey(table, ...(PARTS[table] ?? [1])));
  good(await inner.batch(keys.map((key) => ({ type: "put", key, value }))));
  return { inner, store, keys };
}

beforeAll(cryptoReady);

test("[ST60] [ST61] [ST63] damage to every sort of row leaves rows that open, and a plan of what is to be done", async () => {
  const names = Object.keys(CURE_BY_TABLE).filter((name) => cureOf(name) !== "none");
  const { inner, store, keys } = await damagedWorld([...names, "qutbox"]);
  expect(good(await mendRows({ inner, store }))).toBe(keys.length);
  const tables = createTables(store);
  for (const row of good(await inner.scan({ prefix: "" }))) expect((await store.get(row.key)).ok).toBe(true);
  expect(good(await tables.mend.get())).toEqual({
    conversations: [conversationId],
    unsent: [{ conversationId, hlc: 77, id: opId }],
    rows: keys.length,
  });
  expect(good(await tables.writer.get(id(4)))?.writerSeq).toBe(COUNTER_UNKNOWN);
  expect(good(await tables.archived.get(id(7)))).toEqual({});
  expect(good(await tables.damage.get())).toBeNull();
  // Once more: nothing is damaged, and the plan stays until it is carried out.
  expect(good(await mendRows({ inner, store }))).toBe(0);
  expect(good(await tables.mend.get())?.rows).toBe(keys.length);
});

test("[ST61] what is read again from its start is counted from there", async () => {
  const { inner, store } = await damagedWorld(["sibling"]);
  const tables = createTables(store);
  good(await store.batch([tables.tail.put([], { bytes: 9 })]));
  good(await mendRows({ inner, store }));
  expect(good(await tables.tail.get())).toBeNull();
});

test("[ST61] links of a chain before the damaged one stay, those after it go", async () => {
  const { inner, store } = await damagedWorld(["chain"]);
  const tables = createTables(store);
  const link = Uint8Array.of(9);
  good(await store.batch([1, 3, 4].map((seq) => tables.chain.put([id(3), seq], { link }))));
  good(await store.batch([tables.chain.put([id(8), 3], { link })]));
  good(await mendRows({ inner, store }));
  const left = good(await tables.chain.scan()).map(({ key }) => key);
  expect(left).toEqual([rowKey("chain", id(3), 1), rowKey("chain", id(8), 3)]);
});

test("[ST62] where a row that nothing else keeps is damaged, nothing is changed", async () => {
  const { inner, store } = await damagedWorld(["profile", "op", "heads"]);
  const before = good(await inner.scan({ prefix: "" }));
  expect(await mendRows({ inner, store })).toMatchObject({ ok: false, error: { type: "StoreCorrupt" } });
  expect(good(await inner.scan({ prefix: "" }))).toEqual(before);
});
