/**
 * Row keys in their order, for the store in memory. They are kept in runs of a bounded length: in one list each key that comes in moves
 * all behind it.
 */
import type { ScanRange } from "./tx-store.ts";

/** A run of more is made two. */
export const RUN_KEYS_MAX = 512;

export interface SortedKeys {
  /** Puts in a key that is not there. */
  add(key: string): void;
  /** Takes out a key that is there. */
  remove(key: string): void;
  /** The keys of a range, in the order it asks for. */
  select(range: ScanRange): readonly string[];
}

/** A place between keys: before `runs[run][index]`, or behind all. */
interface Place {
  readonly run: number;
  readonly index: number;
}

/** No keys. */
export function createSortedKeys(): SortedKeys {
  /** None is empty. */
  const runs: string[][] = [];

  /** Where keys begin for which `isBehind` holds, as it does for all after the first. */
  function placeOf(isBehind: (key: string) => boolean): Place {
    const run = firstIndex(runs, (keys) => isBehind(keys.at(-1) as string));
    return { run, index: firstIndex(runs[run] ?? [], isBehind) };
  }

  function forwards(from: Place, to: Place, limit: number): string[] {
    const keys: string[] = [];
    for (let { run, index } = from; run <= to.run && keys.length < limit; run++, index = 0) {
      const end = Math.min(run === to.run ? to.index : Infinity, index + limit - keys.length);
      keys.push(...(runs[run] ?? []).slice(index, end));
    }
    return keys;
  }

  function backwards(from: Place, to: Place, limit: number): string[] {
    const keys: string[] = [];
    for (let { run, index } = to; run >= from.run && keys.length < limit; run--, index = Infinity) {
      const all = (runs[run] ?? []).slice(run === from.run ? from.index : 0, index);
      keys.push(...all.reverse().slice(0, limit - keys.length));
    }
    return keys;
  }

  return {
    add(key) {
      const place = placeOf((other) => other >= key);
      const run = Math.min(place.run, runs.length - 1);
      const keys = runs[run];
      if (keys === undefined) return void runs.push([key]);
      keys.splice(run === place.run ? place.index : keys.length, 0, key);
      if (keys.length > RUN_KEYS_MAX) runs.splice(run + 1, 0, keys.splice(RUN_KEYS_MAX >>> 1));
    },
    remove(key) {
      const { run, index } = placeOf((other) => other >= key);
      runs[run]?.splice(index, 1);
      if (runs[run]?.length === 0) runs.splice(run, 1);
    },
    select({ prefix, after, limit = Infinity, reverse = false }) {
      const isPast = (key: string) => after !== undefined && (reverse ? key >= after : key > after);
      const from = placeOf((key) => key >= prefix && (reverse || after === undefined || isPast(key)));
      const to = placeOf((key) => (key >= prefix && !key.startsWith(prefix)) || (reverse && isPast(key)));
      return reverse ? backwards(from, to, limit) : forwards(from, to, limit);
    },
  };
}

function firstIndex<Item>(items: readonly Item[], isBehind: (item: Item) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBehind(items[middle] as Item)) high = middle;
    else low = middle + 1;
  }
  return low;
}
