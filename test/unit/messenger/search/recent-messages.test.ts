/** What the small table of newest messages may leave out, and what it must hold. */
import { describe, expect, test } from "vitest";
import type { Fts5Table } from "../../../../core/messenger/search/fts5-table.ts";
import {
  createRecentMessages,
  RECENT_MESSAGES,
  type RecentMessages,
} from "../../../../core/messenger/search/recent-messages.ts";

/** Holds rowids, and knows nothing of words. */
function createRowids(): { readonly table: Fts5Table; readonly rowids: Set<bigint> } {
  const rowids = new Set<bigint>();
  const none = () => [];
  const table: Fts5Table = {
    insert: ({ rowid }) => rowids.add(rowid),
    erase: (rowid) => rowids.delete(rowid),
    newest: none,
    nth: () => null,
    ranked: none,
    trim(count) {
      const from = [...rowids].sort((a, b) => (a < b ? 1 : -1))[count - 1] ?? null;
      for (const rowid of rowids) if (from !== null && rowid < from) rowids.delete(rowid);
      return from;
    },
  };
  return { table, rowids };
}

function createWorld() {
  const { table, rowids } = createRowids();
  const recent = createRecentMessages(table);
  const alive = new Set<bigint>();
  return {
    recent,
    rowids,
    put(from: number, count: number): void {
      for (let i = from; i < from + count; i++) {
        alive.add(BigInt(i));
        recent.insert({ rowid: BigInt(i), body: "", scope: "" });
      }
    },
    erase(rowid: number): void {
      alive.delete(BigInt(rowid));
      recent.erase(BigInt(rowid));
    },
    /** How many of the newest are missing, or there although they are gone. */
    wrong(): number {
      const from = fromOf(recent);
      const missing = [...alive].filter((rowid) => rowid >= from && !rowids.has(rowid));
      return missing.length + [...rowids].filter((rowid) => !alive.has(rowid)).length;
    },
  };
}

function fromOf(recent: RecentMessages): bigint {
  const from = recent.from();
  if (from === null) throw new Error("it is held");
  return from;
}

describe("the newest messages", () => {
  test("are all of them while they are few, and never more than twice as many as are wanted", () => {
    const world = createWorld();
    world.put(0, 2 * RECENT_MESSAGES);
    expect(fromOf(world.recent)).toBe(0n);
    world.put(2 * RECENT_MESSAGES, 1);
    expect(fromOf(world.recent)).toBe(BigInt(RECENT_MESSAGES + 1));
    expect(world.rowids.size).toBe(RECENT_MESSAGES);
    // One that comes late is none of them.
    world.put(3, 1);
    expect(world.rowids.has(3n)).toBe(false);
    expect(world.wrong()).toBe(0);
  });

  test("of many that come at once are the last ones, in whichever order, less what was taken back", () => {
    const world = createWorld();
    world.recent.hold();
    expect(world.recent.from()).toBeNull();
    world.put(RECENT_MESSAGES, 2 * RECENT_MESSAGES);
    world.put(0, RECENT_MESSAGES);
    world.erase(3 * RECENT_MESSAGES - 1);
    world.recent.release();
    expect(world.wrong()).toBe(0);
    expect(world.rowids.size).toBeGreaterThanOrEqual(RECENT_MESSAGES - 1);
  });

  test("leave nothing out behind what was there before many came, and that twice", () => {
    const world = createWorld();
    world.put(0, RECENT_MESSAGES + 8_000);
    for (const start of [100_000, 200_000]) {
      world.recent.hold();
      world.put(start, 2 * RECENT_MESSAGES + 1);
      world.recent.release();
      expect(world.wrong()).toBe(0);
    }
    expect(world.rowids.size).toBeLessThanOrEqual(2 * RECENT_MESSAGES);
  });

  test("are not fewer after a few came while held", () => {
    const world = createWorld();
    world.put(0, 10);
    world.recent.hold();
    world.put(10, 10);
    world.recent.release();
    expect(fromOf(world.recent)).toBe(0n);
    expect(world.rowids.size).toBe(20);
    world.erase(4);
    world.erase(15);
    expect(world.rowids.size).toBe(18);
  });
});
