/** A queue for each id: what is asked of one thing happens in its order, what is asked of two does not wait. */

export interface TaskQueues<K> {
  /** Runs `task` after all that was added for `id` before, however that ended. */
  add<T>(id: K, task: () => Promise<T>): Promise<T>;
  /** Whether nothing runs or waits for `id`. */
  isIdle(id: K): boolean;
  /** Resolves when everything added so far has ended. */
  settled(): Promise<void>;
}

/** Empty queues. */
export function createTaskQueues<K>(): TaskQueues<K> {
  const tailById = new Map<K, Promise<void>>();
  return {
    add(id, task) {
      const result = (tailById.get(id) ?? Promise.resolve()).then(task);
      const forget = (): void => {
        if (tailById.get(id) === tail) tailById.delete(id);
      };
      const tail: Promise<void> = result.then(forget, forget);
      tailById.set(id, tail);
      return result;
    },
    isIdle: (id) => !tailById.has(id),
    async settled() {
      await Promise.all(tailById.values());
    },
  };
}
