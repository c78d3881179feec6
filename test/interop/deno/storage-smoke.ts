/** Stores rows, chunks and documents in files, kills nothing, and prints what it finds after opening them again. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DurableNodeFsAdapter } from "../../../cli/platform/durable-nodefs-adapter.ts";
import { openSqliteTxStore } from "../../../cli/platform/sqlite-tx-store.ts";
import { createSystemClock } from "../../../core/base/clock.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { automergeReady } from "../../../core/document/automerge.ts";
import { createDocuments } from "../../../core/document/documents.ts";
import { createSealingStorageAdapter } from "../../../core/document/storage/sealing-storage-adapter.ts";
import { sealTxStore } from "../../../core/store/sealing-tx-store.ts";

await cryptoReady();
await automergeReady();

const folder = mkdtempSync(join(tmpdir(), "dovetail-"));
const path = join(folder, "store.db");
const ref = { id: idFromBytes("document", new Uint8Array(16).fill(1)), kind: "bucket" } as const;
let drawn = 0;
const random = {
  bytes: (length: number) =>
    Uint8Array.from({ length }, () => {
      drawn += 1;
      return (drawn * 31) & 0xff;
    }),
};

/** Opens everything over the same files. */
function openAll() {
  const opened = openSqliteTxStore(path);
  if (!opened.ok) throw new Error(opened.error.type);
  const storeKey = new Uint8Array(32).fill(7);
  const rows = sealTxStore(opened.value, { random, storeKey });
  const storage = createSealingStorageAdapter(new DurableNodeFsAdapter(join(folder, "documents")), {
    random,
    storeKey,
    onFault: () => {},
  });
  return {
    rows,
    documents: createDocuments({ storage, rows, clock: createSystemClock(), random, onFault: () => {} }),
  };
}

const first = openAll();
await first.rows.batch([{ type: "put", key: "a/1", value: new Uint8Array([1]) }]);
const conflict = await first.rows.batch(
  [{ type: "put", key: "a/2", value: new Uint8Array([2]) }],
  [{ key: "a/1", value: null }],
);
const put = await first.documents.putOps(ref, [
  [idFromBytes("op", new Uint8Array(32).fill(2)), new Uint8Array([3])],
]);
const flushed = await first.documents.flush([ref]);
await first.documents.close();
await first.rows.close();
const second = openAll();
const row = await second.rows.get("a/1");
const ops = await second.documents.scanOps(ref);
await second.documents.close();
const other = new DatabaseSync(path);
other.exec("BEGIN IMMEDIATE");
const busy = await second.rows.batch([{ type: "put", key: "b", value: new Uint8Array() }]);
other.exec("ROLLBACK");
other.close();
await second.rows.close();
writeFileSync(join(folder, "text.db"), "no database ".repeat(100));
const damaged = openSqliteTxStore(join(folder, "text.db"));
const mode = (statSync(path).mode & 0o777).toString(8);
rmSync(folder, { recursive: true });
console.log(
  JSON.stringify({
    conflict,
    heads: put.ok && put.value.heads,
    flushed,
    row: row.ok && [...(row.value ?? [])],
    ops: ops.ok && ops.value.map(([id, bytes]) => [id, [...bytes]]),
    busy,
    damaged,
    mode,
  }),
);
