/**
 * Runs tasks one after the other. What reads state, computes and writes it back does so alone, without locks.
 *
 * What somebody waits for goes ahead of what only has to be done some time: while a message is sent or shown, it waits for
 * the one task that runs and not for all the bookkeeping of the messages before it.
 */

/** So many tasks may go ahead of one that waits behind them. */
const AHEAD_MAX = 16;
/** So many that somebody waits for may go before one of the others: finding out what is to be sent, and sealing it. */
const AWAITED_IN_A_ROW_MAX = 2;

type Task = () => Promise<void>;

export interface Serial {
  run<T>(task: () => Promise<T>): Promise<T>;
  /** As `run`, before those of `run` that wait, a few at a time: none of them waits for long. */
  runNext<T>(task: () => Promise<T>): Promise<T>;
  /** As `run`, when no task of `run` waits, or enough of them have gone ahead. In order among themselves. */
  runBehind<T>(task: () => Promise<T>): Promise<T>;
  /** Settles when every task given so far has ended. */
  idle(): Promise<void>;
}

export function createSerial(): Serial {
  const awaited: Task[] = [];
  const first: Task[] = [];
  const behind: Task[] = [];
  let isRunning = false;
  /** Tasks that went ahead of those of `run` without one of these in between. */
  let inARow = 0;
  /** Tasks that went ahead of the one that waits behind. */
  let ahead = 0;

  function next(): Task | undefined {
    const isBehinds = behind.length > 0 && (awaited.length + first.length === 0 || ahead >= AHEAD_MAX);
    ahead = isBehinds || behind.length === 0 ? 0 : ahead + 1;
    if (isBehinds) return behind.shift();
    const isAwaiteds = awaited.length > 0 && (first.length === 0 || inARow < AWAITED_IN_A_ROW_MAX);
    inARow = isAwaiteds ? inARow + 1 : 0;
    return isAwaiteds ? awaited.shift() : first.shift();
  }

  async function work(): Promise<void> {
    isRunning = true;
    // Whoever gives a task goes on before it begins.
    await Promise.resolve();
    for (let task = next(); task !== undefined; task = next()) await task();
    isRunning = false;
  }

  function enqueue<T>(queue: Task[], task: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    queue.push(async () => {
      try {
        resolve(await task());
      } catch (thrown) {
        reject(thrown);
      }
    });
    if (!isRunning) void work();
    return promise;
  }

  const nothing = async (): Promise<void> => {};
  return {
    run: (task) => enqueue(first, task),
    runNext: (task) => enqueue(awaited, task),
    runBehind: (task) => enqueue(behind, task),
    idle: async () => {
      await Promise.all([awaited, first, behind].map((queue) => enqueue(queue, nothing)));
    },
  };
}
