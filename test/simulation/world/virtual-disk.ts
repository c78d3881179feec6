/**
 * The disk of a simulated device: rows and chunks that survive its process, and the ways a disk fails.
 *
 * A batch is one transaction: it is durable when it answers, and a power cut falls before it or after it. A chunk is
 * whole or absent, as fsync and rename make it.
 */
import { createMemoryStorageAdapter } from "../../../core/document/storage/memory-storage-adapter.ts";
import type { DocumentStorage } from "../../../core/document/storage/repo-storage.ts";
import { createMemoryTxStore } from "../../../core/store/memory-tx-store.ts";
import type { TxStore, WriteOp } from "../../../core/store/tx-store.ts";
import { good } from "../../support/client-world.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Everything a disk held at one moment. */
export interface DiskImage {
  readonly rows: readonly WriteOp[];
  readonly chunks: readonly { readonly key: string[]; readonly data: Uint8Array }[];
}

/** Power of one process over a disk: what it asks after the cut never answers. */
export interface Power {
  isOn: boolean;
}

export interface VirtualDisk {
  /** Refuses every write while true. */
  isFull: boolean;
  /** How long a write takes, at most. */
  latencyMaxMs: number;
  /** Called at each write with its number; true cuts the power there, before it or after it. */
  onWrite: ((write: number) => "before" | "after" | null) | null;
  store(power: Power, cut: () => void): TxStore;
  storage(power: Power): DocumentStorage;
  image(): Promise<DiskImage>;
  /** Puts back what an image holds, and nothing else. */
  restore(image: DiskImage): Promise<void>;
  writeCount(): number;
}

const RESTORE_ROWS_MAX = 500;
const never = new Promise<never>(() => {});

/** An empty disk. */
export function createVirtualDisk(time: VirtualTime, random: SeededRandom): VirtualDisk {
  let rows = createMemoryTxStore();
  let chunks = createMemoryStorageAdapter();
  let writes = 0;
  let lastAtMs = 0;

  /** Writes end in the order they began, as transactions of one database do. */
  const written = (): Promise<void> =>
    new Promise((resolve) => {
      const spent = disk.latencyMaxMs === 0 ? 0 : random.below(disk.latencyMaxMs * 8) / 8;
      lastAtMs = Math.max(time.exactMs() + spent, lastAtMs);
      time.schedule(lastAtMs - time.exactMs(), resolve);
    });

  const disk: VirtualDisk = {
    isFull: false,
    latencyMaxMs: 2,
    onWrite: null,
    writeCount: () => writes,
    store: (power, cut) => ({
      get: async (key) => (power.isOn ? rows.get(key) : never),
      scan: async (range) => (power.isOn ? rows.scan(range) : never),
      async batch(ops, expect) {
        if (!power.isOn) return never;
        const moment = disk.onWrite?.(++writes) ?? null;
        if (moment === "before") {
          cut();
          return never;
        }
        await written();
        if (!power.isOn) return never;
        if (disk.isFull) return { ok: false, error: { type: "StoreUnavailable", detail: "disk full" } };
        const result = await rows.batch(ops, expect);
        if (moment === "after") cut();
        return power.isOn ? result : never;
      },
      close: async () => {},
    }),
    storage(power) {
      const reading =
        <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> =>
          power.isOn ? call(...args) : never;
      const writing =
        <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> => {
          if (!power.isOn) return never;
          await written();
          if (!power.isOn) return never;
          if (disk.isFull) throw Object.assign(new Error("disk full"), { code: "ENOSPC" });
          const result = await call(...args);
          return power.isOn ? result : never;
        };
      return {
        load: reading((key) => chunks.load(key)),
        loadRange: reading((prefix) => chunks.loadRange(prefix)),
        save: writing((key, data) => chunks.save(key, data)),
        remove: writing((key) => chunks.remove(key)),
        removeRange: writing((prefix) => chunks.removeRange(prefix)),
        setAside: writing((prefix) => chunks.setAside(prefix)),
      };
    },
    async image() {
      const held = good(await rows.scan({ prefix: "" }));
      const stored = await chunks.loadRange([]);
      return {
        rows: held.map(({ key, value }) => ({ type: "put", key, value })),
        chunks: stored.flatMap(({ key, data }) => (data === undefined ? [] : [{ key, data }])),
      };
    },
    async restore(image) {
      rows = createMemoryTxStore();
      chunks = createMemoryStorageAdapter();
      for (let from = 0; from < image.rows.length; from += RESTORE_ROWS_MAX)
        good(await rows.batch(image.rows.slice(from, from + RESTORE_ROWS_MAX)));
      for (const { key, data } of image.chunks) await chunks.save(key, data);
    },
  };
  return disk;
}
