/**
 * Runs tasks one after the other. What reads state, computes and writes it back does so alone, without locks.
 */

export interface Serial {
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Settles when every task given so far has ended. */
  idle(): Promise<void>;
}

export function createSerial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const result = last.then(task);
      last = result.catch(() => {});
      return result;
    },
    idle: async () => {
      await last;
    },
  };
}
