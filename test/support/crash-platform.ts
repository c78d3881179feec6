/** A device whose power can be cut at any write: what reached its store and its documents stays, and nothing else happens. */
import type { Clock } from "../../core/base/clock.ts";
import type { DocumentStorage } from "../../core/document/storage/repo-storage.ts";
import { createMemoryStorageAdapter } from "../../core/document/storage/memory-storage-adapter.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import type { TxStore } from "../../core/store/tx-store.ts";
import type { FrameSocket, ServerConnector } from "../../core/transport/server-connector.ts";
import { createSystemClock, type Platform } from "@dovetail/core";
import { memoryPlatform } from "./client-world.ts";

/**
 * When the power goes: before a write reaches the medium, or after it and before the answer. `late` is a program that is
 * killed while its write is under way: the medium has it before anything the next program asks for, and not earlier.
 */
export type CutMoment = "before" | "after" | "late";

export interface CrashDevice {
  /** Ports for the next start; those of the last one are dead. */
  boot(): Platform;
  /** Cuts the power at the `count`-th write of the store from now. */
  cutAt(count: number, moment: CutMoment): void;
  cutNow(): void;
  /** Refuses the `count`-th write of the store from now, as a full disk does, and takes those after it. */
  refuseAt(count: number): void;
  hasRefused(): boolean;
  isDead(): boolean;
  /** Resolves when the power is cut. */
  readonly whenDead: Promise<void>;
  /** Writes of the store so far. */
  writeCount(): number;
}

const never = new Promise<never>(() => {});

/** A device with an empty disk. */
export function createCrashDevice(): CrashDevice {
  const disk = createMemoryTxStore();
  const chunks = createMemoryStorageAdapter();
  const base = memoryPlatform();
  let writes = 0;
  let cut: { readonly at: number; readonly moment: CutMoment } | null = null;
  let refusedAt = 0;
  let landLate = async (): Promise<void> => {};
  let kill = (): void => {};
  let dead = Promise.withResolvers<void>();
  let isDead = true;

  function boot(): Platform {
    kill();
    dead = Promise.withResolvers<void>();
    isDead = false;
    cut = null;
    const power = { isOn: true, sockets: new Set<FrameSocket>() };
    kill = () => {
      power.isOn = false;
      isDead = true;
      for (const socket of power.sockets) socket.close();
      dead.resolve();
    };
    return {
      ...base,
      clock: clockOf(power),
      connector: connectorOf(power, base.connector),
      store: storeOf(power),
      documentStorage: storageOf(power),
    };
  }

  function storeOf(power: Power): TxStore {
    const read = async <R>(request: () => Promise<R>): Promise<R> => {
      if (!power.isOn) return never;
      await landLate();
      return request();
    };
    return {
      get: (key) => read(() => disk.get(key)),
      scan: (range) => read(() => disk.scan(range)),
      async batch(ops, expect) {
        if (!power.isOn) return never;
        await landLate();
        writes++;
        if (writes === refusedAt)
          return { ok: false, error: { type: "StoreUnavailable", detail: "the disk is full" } };
        const isLast = cut !== null && writes >= cut.at;
        if (isLast && cut?.moment === "before") {
          kill();
          return never;
        }
        if (isLast && cut?.moment === "late") {
          const landing = Promise.withResolvers<void>();
          let isLanding = false;
          landLate = () => {
            if (!isLanding) void disk.batch(ops, expect).then(() => landing.resolve());
            isLanding = true;
            return landing.promise;
          };
          kill();
          return never;
        }
        const written = await disk.batch(ops, expect);
        if (isLast) kill();
        return power.isOn ? written : never;
      },
      close: async () => {},
    };
  }

  function storageOf(power: Power): DocumentStorage {
    const gated =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> =>
        power.isOn ? call(...args) : never;
    return {
      load: gated(chunks.load.bind(chunks)),
      save: gated(chunks.save.bind(chunks)),
      remove: gated(chunks.remove.bind(chunks)),
      loadRange: gated(chunks.loadRange.bind(chunks)),
      removeRange: gated(chunks.removeRange.bind(chunks)),
      setAside: gated(chunks.setAside.bind(chunks)),
    };
  }

  return {
    boot,
    cutAt: (count, moment) => {
      cut = { at: writes + count, moment };
    },
    cutNow: () => kill(),
    refuseAt: (count) => {
      refusedAt = writes + count;
    },
    hasRefused: () => writes >= refusedAt,
    isDead: () => isDead,
    get whenDead() {
      return dead.promise;
    },
    writeCount: () => writes,
  };
}

interface Power {
  isOn: boolean;
  readonly sockets: Set<FrameSocket>;
}

function clockOf(power: Power): Clock {
  const clock = createSystemClock();
  return {
    ...clock,
    schedule: (delayMs, task) => clock.schedule(delayMs, () => (power.isOn ? task() : undefined)),
  };
}

function connectorOf(power: Power, inner: ServerConnector): ServerConnector {
  return {
    async connect(origin, handlers) {
      if (!power.isOn) return never;
      const opened = await inner.connect(origin, {
        onFrame: (frame) => (power.isOn ? handlers.onFrame(frame) : undefined),
        onClose: () => (power.isOn ? handlers.onClose() : undefined),
      });
      if (opened.ok && power.isOn) power.sockets.add(opened.value);
      else if (opened.ok) opened.value.close();
      return power.isOn ? opened : never;
    },
    async request(origin, request) {
      if (!power.isOn) return never;
      const response = await inner.request(origin, request);
      return power.isOn ? response : never;
    },
  };
}
