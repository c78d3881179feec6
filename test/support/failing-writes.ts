/**
 * A server's store on SQLite of which every write fails once: each operation is asked for with its first write refused by the medium,
 * then with its second, until it comes through whole.
 *
 * Statements of the platform are wrapped, so that the code under test knows nothing of it.
 */
import { DatabaseSync, StatementSync } from "node:sqlite";
import { ok, type Result } from "../../core/base/result.ts";
import type { Refusal } from "../../sync-server/store/refusal.ts";
import type { Reclaimed } from "../../sync-server/store/snapshot-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";

/** What SQLite throws, and what the store makes of it. */
const FAULTS = [
  ["disk I/O error", "internal"],
  ["database or disk is full", "storage-full"],
] as const;
const WRITES = /^\s*(?:BEGIN|COMMIT|INSERT|UPDATE|DELETE|REPLACE)/i;

export interface FailingWrites {
  /** As `store`, over a medium that fails as this says. */
  failing(store: ServerStore): ServerStore;
  /** Fails what `isRefused` says, whoever asks for it; null for nothing more. */
  refuse(isRefused: ((sql: string) => boolean) | null): void;
  /** How many writes failed so far, by the method that asked for them. */
  readonly failuresByMethod: ReadonlyMap<string, number>;
  /** Lets all writes through from now on. */
  end(): void;
}

/** From here on statements of this process can be made to fail. */
export function watchWrites(): FailingWrites {
  const failuresByMethod = new Map<string, number>();
  /** Writes until one fails; zero for never. */
  let left = 0;
  let fault: (typeof FAULTS)[number] = FAULTS[0];
  let refused: ((sql: string) => boolean) | null = null;
  const pass = (sql: string): void => {
    if (refused?.(sql) === true) throw new Error(FAULTS[0][0]);
    if (!WRITES.test(sql) || left === 0) return;
    left--;
    if (left === 0) throw new Error(fault[0]);
  };
  /** Entries. */
  const removed = { committed: 0, uncommitted: 0 };
  const count = (sql: string): void => {
    if (/^\s*BEGIN/i.test(sql)) removed.uncommitted = 0;
    if (/^\s*DELETE FROM entries/i.test(sql)) removed.uncommitted++;
    if (!/^\s*COMMIT/i.test(sql)) return;
    removed.committed += removed.uncommitted;
    removed.uncommitted = 0;
  };
  const beforeStatement = (sql: string): void => {
    pass(sql);
    count(sql);
  };
  const undo = [
    wrap(DatabaseSync.prototype, "exec", (_, [sql]) => beforeStatement(String(sql))),
    wrap(StatementSync.prototype, "run", (self) =>
      beforeStatement(self instanceof StatementSync ? self.sourceSQL : ""),
    ),
  ];

  /** Asks until no write of it fails. What was refused has changed nothing, so that it can be asked for again. */
  async function askUntilWhole<T>(method: string, ask: () => Promise<T>): Promise<T> {
    for (let write = 1; ; write++) {
      fault = FAULTS[write % FAULTS.length] ?? FAULTS[0];
      left = write;
      const answer = await ask();
      const hasFailed = left === 0;
      left = 0;
      if (!hasFailed || !isRefusedWith(answer, fault[1])) return answer;
      failuresByMethod.set(method, (failuresByMethod.get(method) ?? 0) + 1);
    }
  }

  /** A round of reclaiming is many transactions, and one that fails tells nothing of what those before it gave up. */
  async function withAllRemoved<T>(ask: () => Promise<T>): Promise<unknown> {
    const before = removed.committed;
    const answer = (await ask()) as Result<Reclaimed, Refusal>;
    return answer.ok ? ok({ ...answer.value, entries: removed.committed - before }) : answer;
  }

  return {
    failuresByMethod,
    refuse: (isRefused) => {
      refused = isRefused;
    },
    failing: (store) =>
      new Proxy(store, {
        get(target, name) {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== "function" || typeof name !== "string" || SYNCHRONOUS.has(name))
            return method;
          return (...args: unknown[]) => {
            const ask = (): Promise<unknown> =>
              askUntilWhole(name, () => Reflect.apply(method, target, args));
            return name === "reclaim" ? withAllRemoved(ask) : ask();
          };
        },
      }),
    end() {
      for (const restore of undo) restore();
    },
  };
}

const SYNCHRONOUS = new Set(["onEvent", "close"]);

function isRefusedWith(answer: unknown, code: string): boolean {
  const result = answer as Result<unknown, Refusal>;
  return !result.ok && result.error.code === code;
}

/** Calls `before` ahead of each call of a method of the platform; the result undoes that. */
export function wrap(
  owner: object,
  name: string,
  before: (self: unknown, args: readonly unknown[]) => void,
): () => void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") throw new Error(`${name} is a function`);
  Reflect.set(owner, name, function (this: unknown, ...args: unknown[]): unknown {
    before(this, args);
    return Reflect.apply(original, this, args);
  });
  return () => Reflect.set(owner, name, original);
}
