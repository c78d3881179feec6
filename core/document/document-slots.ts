/**
 * How many documents may be loaded at once: one takes a slot before it is loaded and gives it back when it is not.
 *
 * Nobody waits in a circle: who waits for a slot holds none, and a document is unloaded for it only when nothing else
 * waits in that document's queue, or at the end of a task there. Rule DC15.
 */
import { err, ok, type Result } from "../base/result.ts";

export interface DocumentSlots<E> {
  /** Reserves a slot, for which other documents may be unloaded. - Fails: when those that could be failed to be saved. */
  take(): Promise<Result<void, E>>;
  /** The reserved slot is filled by a loaded document, or is free again. */
  settle(isFilled: boolean): void;
  /** At the end of every task of a document: `unload` is run if somebody waits for a slot; null when it is not loaded. */
  offer(unload: (() => Promise<Result<void, E>>) | null): Promise<void>;
  /** Ends all waiting. */
  close(error: E): void;
}

/** A loaded document with an empty queue. */
export interface IdleDocument<E> {
  readonly id: string;
  unload(): Promise<Result<void, E>>;
}

export interface SlotsDeps<E> {
  readonly slotsMax: number;
  readonly loadedCount: () => number;
  /** The one used longest ago first. */
  readonly listIdle: () => readonly IdleDocument<E>[];
}

/** `slotsMax` free slots. */
export function createDocumentSlots<E>(deps: SlotsDeps<E>): DocumentSlots<E> {
  const waiters: ((freed: Result<void, E>) => void)[] = [];
  let reserved = 0;

  const isFree = (): boolean => deps.loadedCount() + reserved < deps.slotsMax;
  const pass = (): void => {
    const waiter = isFree() ? waiters.shift() : undefined;
    if (waiter === undefined) return;
    reserved += 1;
    waiter(ok());
  };

  return {
    async take() {
      const failedIds = new Set<string>();
      let refusal: Result<void, E> = ok();
      while (!isFree()) {
        const idle = deps.listIdle().find(({ id }) => !failedIds.has(id));
        if (idle === undefined) {
          // When all are idle and failed to be saved, nobody will ever offer a slot.
          if (failedIds.size >= deps.loadedCount() + reserved) return refusal;
          return new Promise((resolve) => {
            waiters.push(resolve);
          });
        }
        const unloaded = await idle.unload();
        if (unloaded.ok) continue;
        failedIds.add(idle.id);
        refusal = unloaded;
      }
      reserved += 1;
      return ok();
    },
    settle(isFilled) {
      reserved -= 1;
      if (!isFilled) pass();
    },
    async offer(unload) {
      if (waiters.length === 0) return;
      const unloaded = unload === null ? ok() : await unload();
      if (unloaded.ok) pass();
      else waiters.shift()?.(unloaded);
    },
    close(error) {
      for (const waiter of waiters.splice(0)) waiter(err(error));
    },
  };
}
