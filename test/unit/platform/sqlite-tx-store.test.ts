import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openSqliteTxStore } from "../../../cli/platform/sqlite-tx-store.ts";
import { toUtf8 } from "../../../core/base/bytes.ts";
import type { TxStore } from "../../../core/store/tx-store.ts";
import { drop, put, when } from "../../contract/tx-store.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

let folder: ReturnType<typeof createTemporaryFolder>;
let path: string;

beforeEach(() => {
  folder = createTemporaryFolder();
  path = join(folder.path, "store.db");
});
afterEach(() => folder.discard());

function openStore(): TxStore {
  const opened = openSqliteTxStore(path);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  return opened.value;
}

test("[ST20] rows are kept in one table without row ids, and the file says whose it is", async () => {
  await openStore().close();
  const database = new DatabaseSync(path);
  expect(database.prepare("PRAGMA application_id").get()).toEqual({ application_id: 0x646f7665 });
  expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  expect(
    database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE sql LIKE '%WITHOUT ROWID%'").get(),
  ).toEqual({ n: 1 });
  expect(database.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  database.close();
});

test("[ST21] the connection syncs its log at every commit", async () => {
  const exec = vi.spyOn(DatabaseSync.prototype, "exec");
  const store = openStore();
  const statements = exec.mock.calls.map(([sql]) => sql).join(" ");
  exec.mockRestore();
  expect(statements).toContain("journal_mode=WAL");
  expect(statements).toContain("synchronous=FULL");
  await store.close();
});

test("[ST22] batches requested in one turn share one transaction, later ones do not", async () => {
  const store = openStore();
  const exec = vi.spyOn(DatabaseSync.prototype, "exec");
  const commits = () => exec.mock.calls.filter(([sql]) => sql === "COMMIT").length;
  await Promise.all(Array.from({ length: 50 }, (_, i) => store.batch([put(`k/${i}`, "v")])));
  expect(commits()).toBe(1);
  await store.batch([put("a", "1")]);
  await store.batch([put("a", "2")]);
  expect(commits()).toBe(3);
  exec.mockRestore();
  await store.close();
});

test("[ST23] in a shared transaction a batch that does not hold is undone alone", async () => {
  const store = openStore();
  const results = await Promise.all([
    store.batch([put("a", "1"), put("b", "1")]),
    store.batch([put("a", "2"), put("c", "1")], [when("b", null)]),
    store.batch([put("d", "1")]),
  ]);
  expect(results.map((result) => result.ok)).toEqual([true, false, true]);
  const rows = await store.scan({ prefix: "" });
  expect(rows.ok && rows.value.map((row) => row.key)).toEqual(["a", "b", "d"]);
  expect(await store.get("a")).toEqual({ ok: true, value: toUtf8("1") });
  await store.close();
});

test("[ST23] a row the medium refuses undoes its batch and no other", async () => {
  const store = openStore();
  const other = new DatabaseSync(path);
  other.exec(
    "CREATE TRIGGER refuse BEFORE INSERT ON row WHEN NEW.key = 'refused' BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  other.close();
  const [first, second, third] = await Promise.all([
    store.batch([put("a", "1")]),
    store.batch([put("b", "1"), put("refused", "1"), put("c", "1")]),
    store.batch([put("d", "1")], [when("b", null)]),
  ]);
  expect([first?.ok, third?.ok]).toEqual([true, true]);
  expect(second).toEqual({ ok: false, error: { type: "StoreUnavailable", detail: "sqlite-19" } });
  const rows = await store.scan({ prefix: "" });
  expect(rows.ok && rows.value.map((row) => row.key)).toEqual(["a", "d"]);
  await store.close();
});

test("[ST23] a full disk fails every batch of the group and loses none acknowledged before", async () => {
  const store = openStore();
  expect(await store.batch([put("kept", "1")])).toEqual({ ok: true, value: undefined });
  const failOn = failOnCommit(DatabaseSync.prototype.exec);
  const failing = vi.spyOn(DatabaseSync.prototype, "exec").mockImplementation(failOn);
  const results = await Promise.all([store.batch([put("a", "1")]), store.batch([put("b", "1")])]);
  failing.mockRestore();
  const full = { ok: false, error: { type: "StoreUnavailable", detail: "sqlite-13" } };
  expect(results).toEqual([full, full]);
  const rows = await store.scan({ prefix: "" });
  expect(rows.ok && rows.value.map((row) => row.key)).toEqual(["kept"]);
  expect(await store.batch([put("a", "1")])).toEqual({ ok: true, value: undefined });
  await store.close();
});

test.skipIf(process.platform === "win32")(
  "[ST24] only the owner may read the files, whatever the file was before",
  async () => {
    writeFileSync(path, "");
    chmodSync(path, 0o644);
    const store = openStore();
    await store.batch([put("a", "1")]);
    const modes = readdirSync(folder.path).map((name) => statSync(join(folder.path, name)).mode & 0o777);
    expect(modes.length).toBeGreaterThan(1);
    expect(new Set(modes)).toEqual(new Set([0o600]));
    await store.close();
  },
);

test("[ST25] a database of another program, a newer one, a damaged one and no database are told apart and left alone", () => {
  const write = (sql: string): Buffer => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
    return readFileSync(path);
  };
  const foreign = write("PRAGMA application_id=77; CREATE TABLE theirs (x)");
  expect(openSqliteTxStore(path)).toEqual({ ok: false, error: { type: "StoreForeign", applicationId: 77 } });
  expect(readFileSync(path).equals(foreign)).toBe(true);
  path = join(folder.path, "unnamed.db");
  write("CREATE TABLE theirs (x)");
  expect(openSqliteTxStore(path)).toEqual({ ok: false, error: { type: "StoreForeign", applicationId: 0 } });
  path = join(folder.path, "newer.db");
  write(`PRAGMA application_id=${0x646f7665}; PRAGMA user_version=2; CREATE TABLE row (x)`);
  expect(openSqliteTxStore(path)).toEqual({
    ok: false,
    error: { type: "StoreTooNew", schemaVersion: 2, schemaVersionMax: 1 },
  });
  path = join(folder.path, "text.db");
  writeFileSync(path, "no database ".repeat(100));
  expect(openSqliteTxStore(path)).toEqual({
    ok: false,
    error: { type: "StoreDamaged", detail: "sqlite-26" },
  });
  expect(readFileSync(path, "utf8")).toBe("no database ".repeat(100));
  path = join(folder.path, "folder.db");
  mkdirSync(path);
  expect(openSqliteTxStore(path)).toMatchObject({
    ok: false,
    error: { type: "StoreUnavailable", detail: "EISDIR" },
  });
  expect(openSqliteTxStore(join(folder.path, "none", "x.db"))).toMatchObject({
    ok: false,
    error: { type: "StoreUnavailable", detail: "ENOENT" },
  });
});

test("[ST25] damage inside the file is an error and never an absent row", async () => {
  const store = openStore();
  await store.batch(
    Array.from({ length: 500 }, (_, i) =>
      put(`k/${String(i).padStart(4, "0")}`, new Uint8Array(500).fill(7)),
    ),
  );
  await store.close();
  const bytes = readFileSync(path);
  bytes.fill(0xff, 4096, bytes.length);
  writeFileSync(path, bytes);
  const opened = openSqliteTxStore(path);
  if (!opened.ok) return expect(opened.error.type).toBe("StoreDamaged");
  expect(await opened.value.get("k/0001")).toEqual({
    ok: false,
    error: { type: "StoreCorrupt", key: "k/0001" },
  });
  expect(await opened.value.scan({ prefix: "k/" })).toEqual({
    ok: false,
    error: { type: "StoreCorrupt", key: "k/" },
  });
  await opened.value.close();
});

test("[ST25] a database that another process writes to is busy, and nothing of the batch is written", async () => {
  const store = openStore();
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  expect(await store.batch([put("a", "1")])).toEqual({
    ok: false,
    error: { type: "StoreUnavailable", detail: "sqlite-5" },
  });
  expect(await store.get("a")).toEqual({ ok: true, value: null });
  other.exec("ROLLBACK");
  expect(await store.batch([put("a", "1")])).toEqual({ ok: true, value: undefined });
  await store.close();
  other.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE; CREATE TABLE x (y)");
  expect(openSqliteTxStore(path)).toEqual({ ok: false, error: { type: "StoreBusy" } });
  other.close();
});

test("[ST26] a deleted value is gone from the files soon after", async () => {
  const store = openStore();
  const marker = "MARKER-OF-WHAT-WAS-DELETED";
  const isOnDisk = () =>
    readdirSync(folder.path).some((name) => readFileSync(join(folder.path, name)).includes(marker));
  await store.batch([put("a", marker.repeat(20)), put("b", "stays")]);
  expect(isOnDisk()).toBe(true);
  await store.batch([drop("a")]);
  await vi.waitFor(() => expect(isOnDisk()).toBe(false), 30_000);
  expect(await store.get("b")).toEqual({ ok: true, value: toUtf8("stays") });
  await store.close();
});

function failOnCommit(exec: DatabaseSync["exec"]): (this: DatabaseSync, sql: string) => void {
  return function (sql) {
    if (sql === "COMMIT") throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    exec.call(this, sql);
  };
}
