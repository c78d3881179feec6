/**
 * The contract of `TxStore`, run on every adapter. What a store promises stands here and nowhere else.
 */
import { afterEach, describe, expect, test } from "vitest";
import { type Bytes, toUtf8 } from "../../core/base/bytes.ts";
import { STORE_BATCH_ROWS_MAX, STORE_KEY_CHARS_MAX } from "../../core/base/limits.ts";
import type { Expectation, TxStore, WriteOp } from "../../core/store/tx-store.ts";

/** One medium, such as a file: `open` again gives a store over what the last one left. */
export interface StoreMedium {
  open(): TxStore | Promise<TxStore>;
  /** The longest value this store takes. */
  readonly valueBytesMax: number;
  /** Whether what is written outlives `close`. */
  readonly isLasting: boolean;
  discard?(): void;
}

export const put = (key: string, value: Bytes | string): WriteOp => ({
  type: "put",
  key,
  value: typeof value === "string" ? toUtf8(value) : value,
});
export const drop = (key: string): WriteOp => ({ type: "delete", key });
export const when = (key: string, value: Bytes | string | null): Expectation => ({
  key,
  value: typeof value === "string" ? toUtf8(value) : value,
});

const OK = { ok: true, value: undefined };
const conflict = (key: string) => ({ ok: false, error: { type: "StoreConflict", key } });
const unavailable = { ok: false, error: { type: "StoreUnavailable", detail: "closed" } };

/** Declares the tests of the contract for one adapter. */
export function describeTxStore(name: string, createMedium: () => StoreMedium): void {
  describe(`TxStore: ${name}`, () => {
    const media: StoreMedium[] = [];
    const stores: TxStore[] = [];
    const medium = (): StoreMedium => {
      const made = createMedium();
      media.push(made);
      return made;
    };
    const openStore = async (on = medium()): Promise<TxStore> => {
      const store = await on.open();
      stores.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of stores.splice(0)) await store.close();
      for (const made of media.splice(0)) made.discard?.();
    });

    test("an empty store has no rows", async () => {
      const store = await openStore();
      expect(await store.get("a")).toEqual({ ok: true, value: null });
      expect(await keysOf(store, "")).toEqual([]);
    });

    test("a row holds what was put last, and nothing after a delete", async () => {
      const store = await openStore();
      expect(await store.batch([put("a", "1"), put("b", new Uint8Array())])).toEqual(OK);
      expect(await store.get("a")).toEqual({ ok: true, value: toUtf8("1") });
      expect(await store.get("b")).toEqual({ ok: true, value: new Uint8Array() });
      expect(await store.batch([put("a", "2"), put("a", "3"), drop("b"), drop("never")])).toEqual(OK);
      expect(await store.get("a")).toEqual({ ok: true, value: toUtf8("3") });
      expect(await store.get("b")).toEqual({ ok: true, value: null });
      expect(await store.batch([])).toEqual(OK);
    });

    test("[ST1] keys are 1 to 512 printable ASCII characters", async () => {
      const store = await openStore();
      const longest = "k".repeat(STORE_KEY_CHARS_MAX);
      expect(await store.batch([put(longest, "1"), put(longest.slice(1), "2")])).toEqual(OK);
      expect(await store.get(longest)).toEqual({ ok: true, value: toUtf8("1") });
      for (const key of [`${longest}k`, "", "ä", "a\u0000", "a\u007f", "\ud83d\ude00"]) {
        await expect(store.batch([put(key, "1")])).rejects.toThrow("row key");
        await expect(store.batch([], [when(key, null)])).rejects.toThrow("row key");
        await expect(store.get(key)).rejects.toThrow("row key");
      }
      await expect(store.scan({ prefix: "ä" })).rejects.toThrow("prefix");
      await expect(store.scan({ prefix: "", limit: -1 })).rejects.toThrow("limit");
    });

    test("a value may be as long as the limit and no longer", async () => {
      const on = medium();
      const store = await openStore(on);
      const longest = new Uint8Array(on.valueBytesMax).fill(7);
      expect(await store.batch([put("a", longest)])).toEqual(OK);
      const read = await store.get("a");
      expect(read.ok && read.value?.length).toBe(on.valueBytesMax);
      await expect(
        store.batch([put("b", "1"), put("a", new Uint8Array(on.valueBytesMax + 1))]),
      ).rejects.toThrow("value");
      expect(await store.get("b")).toEqual({ ok: true, value: null });
    });

    test("a batch may name as many rows as the limit and no more", async () => {
      const store = await openStore();
      const rows = Array.from({ length: STORE_BATCH_ROWS_MAX }, (_, i) => put(`k/${i}`, "v"));
      expect(await store.batch(rows)).toEqual(OK);
      expect((await keysOf(store, "k/")).length).toBe(STORE_BATCH_ROWS_MAX);
      await expect(store.batch([...rows, put("one-more", "v")])).rejects.toThrow("batch");
      await expect(store.batch(rows, [when("a", null)])).rejects.toThrow("batch");
      expect(await store.get("one-more")).toEqual({ ok: true, value: null });
    });

    test("[ST6] a scan gives the rows of a prefix in key order, either way, after a key, up to a limit", async () => {
      const store = await openStore();
      const keys = ["a", "a/", "a/ ", "a/1", "a/10", "a/2", "a/A", "a/a", "a/~", "a/~~", "a0", "b/1", "~"];
      expect(await store.batch([...keys].reverse().map((key) => put(key, key)))).toEqual(OK);
      const inA = keys.filter((key) => key.startsWith("a/"));
      expect(await keysOf(store, "")).toEqual([...keys].sort());
      expect(await keysOf(store, "a/")).toEqual(inA);
      expect(await keysOf(store, "a/~")).toEqual(["a/~", "a/~~"]);
      expect(await keysOf(store, "~")).toEqual(["~"]);
      expect(await keysOf(store, "c")).toEqual([]);
      expect(await keysOf(store, "a/", { reverse: true })).toEqual([...inA].reverse());
      expect(await keysOf(store, "a/", { after: "a/10" })).toEqual(inA.slice(inA.indexOf("a/10") + 1));
      expect(await keysOf(store, "a/", { after: "a/15" })).toEqual(inA.slice(inA.indexOf("a/10") + 1));
      expect(await keysOf(store, "a/", { after: "a/10", reverse: true })).toEqual(
        inA.slice(0, inA.indexOf("a/10")).reverse(),
      );
      expect(await keysOf(store, "a/", { after: "Z" })).toEqual(inA);
      expect(await keysOf(store, "a/", { after: "b" })).toEqual([]);
      expect(await keysOf(store, "a/", { after: "b", reverse: true })).toEqual([...inA].reverse());
      expect(await keysOf(store, "a/", { limit: 2 })).toEqual(inA.slice(0, 2));
      expect(await keysOf(store, "a/", { limit: 2, reverse: true, after: "a/~" })).toEqual(["a/a", "a/A"]);
      expect(await keysOf(store, "a/", { limit: 1, reverse: true })).toEqual(["a/~~"]);
      expect(await keysOf(store, "a/", { limit: inA.length, reverse: true })).toEqual([...inA].reverse());
      expect(await keysOf(store, "a/", { limit: 100, reverse: true })).toEqual([...inA].reverse());
      expect(await keysOf(store, "c", { limit: 3, reverse: true })).toEqual([]);
      expect(await keysOf(store, "a/", { limit: 0 })).toEqual([]);
      const rows = await store.scan({ prefix: "b" });
      expect(rows).toEqual({ ok: true, value: [{ key: "b/1", value: toUtf8("b/1") }] });
    });

    test("[ST4] a batch whose expectation fails writes nothing and names the row", async () => {
      const store = await openStore();
      await store.batch([put("a", "1")]);
      const ops = [put("a", "2"), put("b", "2"), drop("a")];
      expect(await store.batch(ops, [when("a", "1"), when("b", "x")])).toEqual(conflict("b"));
      expect(await store.batch(ops, [when("a", null)])).toEqual(conflict("a"));
      expect(await store.batch(ops, [when("a", "10")])).toEqual(conflict("a"));
      expect(await store.batch(ops, [when("a", "")])).toEqual(conflict("a"));
      expect(await store.get("a")).toEqual({ ok: true, value: toUtf8("1") });
      expect(await keysOf(store, "")).toEqual(["a"]);
      expect(await store.batch([put("b", "2")], [when("a", "1"), when("b", null), when("a", "1")])).toEqual(
        OK,
      );
      expect(await store.batch([], [when("b", "2")])).toEqual(OK);
      expect(await store.batch([], [when("b", "3")])).toEqual(conflict("b"));
    });

    test("[ST5] batches requested at once apply in the order they were requested", async () => {
      const store = await openStore();
      const results = await Promise.all([
        store.batch([put("a", "1")]),
        store.batch([put("a", "2")], [when("a", "1")]),
        store.batch([put("a", "3"), put("lost", "x")], [when("a", "1")]),
        store.batch([put("a", "4")], [when("a", "2"), when("lost", null)]),
        store.batch([drop("a")], [when("a", "4")]),
        store.batch([put("b", "5")], [when("a", null)]),
        store.batch([put("a", "6")]),
      ]);
      expect(results).toEqual([OK, OK, conflict("a"), OK, OK, OK, OK]);
      expect(await store.get("a")).toEqual({ ok: true, value: toUtf8("6") });
      expect(await store.get("b")).toEqual({ ok: true, value: toUtf8("5") });
      expect(await store.get("lost")).toEqual({ ok: true, value: null });
    });

    test("[ST5] of many writers that count up by compare-and-swap none loses a step", async () => {
      const store = await openStore();
      await store.batch([put("n", "0")]);
      const countUp = async (): Promise<void> => {
        for (;;) {
          const read = await store.get("n");
          if (!read.ok || read.value === null) throw new Error("the counter is there");
          const next = String(Number(new TextDecoder().decode(read.value)) + 1);
          const written = await store.batch([put("n", next)], [when("n", read.value)]);
          if (written.ok) return;
          expect(written).toEqual(conflict("n"));
        }
      };
      await Promise.all(Array.from({ length: 25 }, countUp));
      expect(await store.get("n")).toEqual({ ok: true, value: toUtf8("25") });
    });

    test("[ST7] the store shares no bytes with its caller", async () => {
      const store = await openStore();
      const given = toUtf8("given");
      const expected = toUtf8("given");
      const writing = store.batch([put("a", given)]);
      given.fill(0);
      await writing;
      const swapping = store.batch([put("b", "2")], [{ key: "a", value: expected }]);
      expected.fill(0);
      expect(await swapping).toEqual(OK);
      const first = await store.get("a");
      if (first.ok) first.value?.fill(0);
      const scanned = await store.scan({ prefix: "a" });
      if (scanned.ok) for (const row of scanned.value) row.value.fill(0);
      expect(await store.get("a")).toEqual({ ok: true, value: toUtf8("given") });
    });

    test("[ST3] what was acknowledged is there when the store is opened again", async () => {
      const on = medium();
      if (!on.isLasting) return;
      const store = await openStore(on);
      const last = store.batch([put("last", "1")]);
      await store.batch([put("a", "1"), put("b", "2")]);
      await store.batch([drop("b")], [when("a", "1")]);
      await store.close();
      expect(await last).toEqual(OK);
      const again = await openStore(on);
      expect(await keysOf(again, "")).toEqual(["a", "last"]);
      expect(await again.get("a")).toEqual({ ok: true, value: toUtf8("1") });
    });

    test("a closed store refuses, and closing twice is no fault", async () => {
      const store = await openStore();
      await store.close();
      await store.close();
      expect(await store.get("a")).toEqual(unavailable);
      expect(await store.scan({ prefix: "" })).toEqual(unavailable);
      expect(await store.batch([put("a", "1")])).toEqual(unavailable);
    });
  });
}

async function keysOf(
  store: TxStore,
  prefix: string,
  range: { after?: string; limit?: number; reverse?: boolean } = {},
): Promise<readonly string[]> {
  const rows = await store.scan({ prefix, ...range });
  if (!rows.ok) throw new Error(rows.error.type);
  return rows.value.map((row) => row.key);
}
