/** Sums over the whole file, and the write that tells whether it takes writes. */
import type { DatabaseSync } from "node:sqlite";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { LogKind } from "@dovetail/core/protocol/client-frame.ts";
import type { CommitQueue } from "../commit-queue.ts";
import type { OperatorStore, StoreFigures } from "../operator-store.ts";
import type { Refusal } from "../refusal.ts";
import { numberOf } from "./sqlite-row.ts";
import { IS_ACCOUNT, LOG_KIND_NUMBER } from "./sqlite-schema.ts";

export interface SqliteFiguresDeps {
  readonly db: DatabaseSync;
  readonly queue: CommitQueue;
  read<T>(query: () => Result<T, Refusal>): Promise<Result<T, Refusal>>;
}

/** The operator's figures and probe. */
export function createSqliteFigures(
  deps: SqliteFiguresDeps,
): Pick<OperatorStore, "figures" | "probe" | "load"> {
  const { db, queue } = deps;
  const countAccounts = db.prepare(`SELECT count(*) AS count FROM accounts WHERE ${IS_ACCOUNT}`);
  const countErasures = db.prepare("SELECT count(*) AS count FROM erasures WHERE log > 0");
  const sumKind = db.prepare(
    "SELECT count(*) AS logs, coalesce(sum(seq), 0) AS entries, coalesce(sum(bytes), 0) AS bytes FROM logs WHERE kind = ? AND owner > 0",
  );
  const sumBlobs = db.prepare(
    "SELECT coalesce(sum(blob_bytes), 0) AS bytes FROM accounts WHERE head_seq > 0",
  );
  const largest = db.prepare(
    "SELECT coalesce(max(bytes), 0) AS bytes FROM (SELECT sum(bytes) AS bytes FROM logs WHERE owner > 0 GROUP BY owner)",
  );
  const putProbe = db.prepare(
    "INSERT INTO meta (key, value) VALUES ('probed_at_ms', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );
  const pragmas = new Map(
    ["page_count", "page_size", "freelist_count"].map((name) => [name, db.prepare(`PRAGMA ${name}`)]),
  );
  const pragma = (name: string): number => numberOf(pragmas.get(name)?.get()?.[name]);
  const kinds: readonly LogKind[] = ["account", "inbound", "request", "room"];
  return {
    load: () => ({ queueDepth: queue.depth(), databaseBytes: pragma("page_count") * pragma("page_size") }),
    figures: () =>
      deps.read(() =>
        ok({
          accounts: numberOf(countAccounts.get()?.count),
          logs: kinds.map((kind): StoreFigures["logs"][number] => {
            const row = sumKind.get(LOG_KIND_NUMBER[kind]);
            return {
              kind,
              logs: numberOf(row?.logs),
              entries: numberOf(row?.entries),
              bytes: numberOf(row?.bytes),
            };
          }),
          blobBytes: numberOf(sumBlobs.get()?.bytes),
          largestAccountBytes: numberOf(largest.get()?.bytes),
          databaseBytes: pragma("page_count") * pragma("page_size"),
          freeBytes: pragma("freelist_count") * pragma("page_size"),
          erasures: numberOf(countErasures.get()?.count),
        }),
      ),
    probe: (nowMs) =>
      queue.run(() => {
        putProbe.run(nowMs);
        return ok();
      }),
  };
}
