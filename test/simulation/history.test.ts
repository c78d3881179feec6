/** Histories of a sealed log, on every store of the server, judged by a checker that knows nothing of them. */
import { describe, expect, test } from "vitest";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must } from "../support/chain-world.ts";
import { type AppendSeen, checkHistory, type ReadSeen, type SeenOperation } from "./history/check-history.ts";
import { OPERATIONS_EACH, recordHistory, WRITERS } from "./history/record-history.ts";
import { createMemoryServerDisk, createSqliteServerDisk } from "./world/server-disk.ts";

const HISTORIES = 12;

describe.each([
  ["in memory", createMemoryServerDisk, false],
  ["on a SQLite file", createSqliteServerDisk, false],
  ["on a SQLite file whose server loses its power", createSqliteServerDisk, true],
] as const)("a log %s", (_name, createDisk, isCrashing) => {
  test("has histories without a fault", async () => {
    for (let number = 0; number < HISTORIES; number++) {
      const disk = createDisk();
      const history = await recordHistory({ disk, seed: `history/${number}`, isCrashing });
      expect(checkHistory(history)).toEqual([]);
      const placed = history.filter(
        (seen) => seen.type === "append" && seen.result !== null && seen.result !== "refused",
      );
      expect(placed.length).toBeGreaterThan(isCrashing ? 50 : WRITERS * OPERATIONS_EACH * 0.7);
      disk.discard();
    }
  });
});

/** A store with a fault in it, by what the checker has to call it. */
const BENT: Readonly<Record<string, (store: ServerStore) => ServerStore>> = {
  unobserved: (store) => ({
    ...store,
    append: async (request) => {
      const placed = must(await store.append(request));
      return {
        ok: true,
        value: placed.map((one) => (one.type === "accepted" ? { ...one, seq: one.seq + 1_000 } : one)),
      };
    },
  }),
  skip: (store) => ({
    ...store,
    read: async (range) => {
      const page = must(await store.read(range));
      return { ok: true, value: { ...page, entries: page.entries.filter(({ seq }) => seq % 7 !== 3) } };
    },
  }),
  "non-monotonic": (store) => {
    let reads = 0;
    return {
      ...store,
      read: async (range) => {
        const page = must(await store.read(range));
        const seq = reads++ % 3 === 2 ? Math.floor(page.head.seq / 2) : page.head.seq;
        return { ok: true, value: { ...page, head: { ...page.head, seq } } };
      },
    };
  },
  divergent: (store) => {
    let reads = 0;
    return {
      ...store,
      read: async (range) => {
        const page = must(await store.read(range));
        const [first, second] = page.entries;
        if (reads++ % 2 === 0 || first === undefined || second === undefined)
          return { ok: true, value: page };
        const swapped = [
          { ...second, seq: first.seq },
          { ...first, seq: second.seq },
          ...page.entries.slice(2),
        ];
        return { ok: true, value: { ...page, entries: swapped } };
      },
    };
  },
  "aborted read": (store) => ({
    ...store,
    append: async (request) => {
      const placed = must(await store.append(request));
      const refused = placed.map((one) => ({
        type: "refused" as const,
        code: "quota" as const,
        writerSeq: one.type === "refused" ? one.writerSeq : 0,
      }));
      return {
        ok: true,
        value: request.entries.some(({ fields }) => fields.writerSeq % 9 === 5) ? refused : placed,
      };
    },
  }),
};

describe("the checker", () => {
  test.each(Object.entries(BENT))("names a store's fault: %s", async (fault, bend) => {
    const history = await recordHistory({
      disk: createMemoryServerDisk(),
      seed: "bent",
      isCrashing: false,
      bend,
    });
    expect(checkHistory(history).map((found) => found.fault)).toContain(fault);
  });

  test("names a write that is gone, one that is there twice, and a writer out of order", () => {
    const append = (id: string, writerSeq: number, seq: number, at: number): AppendSeen => ({
      type: "append",
      client: "w",
      writer: "w",
      id,
      writerSeq,
      atStart: at,
      atEnd: at + 1,
      result: { seq },
    });
    const read = (at: number, ids: readonly string[]): ReadSeen => ({
      type: "read",
      client: "r",
      after: 0,
      atStart: at,
      atEnd: at + 1,
      result: { headSeq: ids.length, entries: ids.map((id, index) => ({ seq: index + 1, id })) },
    });
    const faultsOf = (...history: SeenOperation[]) => checkHistory(history).map(({ fault }) => fault);
    expect(faultsOf(append("a", 1, 1, 0), append("b", 2, 2, 2), read(4, ["a", "b"]))).toEqual([]);
    expect(faultsOf(append("a", 1, 1, 0), append("b", 2, 2, 2), read(4, ["b", "b"]))).toContain("lost write");
    expect(faultsOf(append("a", 1, 1, 0), read(4, ["a", "a"]))).toContain("duplicate");
    expect(faultsOf(append("a", 2, 1, 0), append("b", 1, 2, 2), read(4, ["a", "b"]))).toContain(
      "writer order",
    );
  });
});
