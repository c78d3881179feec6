/** What gives space back, empties the write-ahead log or copies the database is refused by the medium: nothing is lost, it is told, and done later. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Bytes } from "../../core/base/bytes.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import type { Logger } from "../../core/base/logger.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { backupCommand } from "../../sync-server/commands/backup.ts";
import { readConfig } from "../../sync-server/config/read-config.ts";
import { FIRST_SCHEMA } from "../../sync-server/store/sqlite/sqlite-schema.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../support/chain-world.ts";
import { ROOT } from "../support/checkout.ts";
import { wrap } from "../support/failing-writes.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { NOW_MS, registerAccount } from "../support/store-world.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const FAULTS = [
  ["disk I/O error", "internal"],
  ["database or disk is full", "storage-full"],
] as const;
const RULES = { nowMs: NOW_MS, graceMs: 0, silentMs: 0 };

let refused: { readonly sql: RegExp; readonly fault: string } | null = null;
const refuse = (sql: string): void => {
  if (refused?.sql.test(sql)) throw new Error(refused.fault);
};
const sqlOf = (self: unknown): string => (self instanceof StatementSync ? self.sourceSQL : "");
const undo = [
  wrap(DatabaseSync.prototype, "exec", (_, [sql]) => refuse(String(sql))),
  wrap(StatementSync.prototype, "get", (self) => refuse(sqlOf(self))),
  wrap(StatementSync.prototype, "all", (self) => refuse(sqlOf(self))),
];

beforeAll(cryptoReady);
afterAll(() => {
  for (const restore of undo) restore();
});

let folder = createTemporaryFolder();
let path = "";
let told: string[] = [];
const logger: Logger = {
  log: (_, event, fields) => void told.push(`${event} ${String(fields?.code ?? "")}`.trim()),
};
beforeEach(() => {
  folder = createTemporaryFolder();
  path = join(folder.path, "server.sqlite");
  told = [];
});
afterEach(() => {
  refused = null;
  folder.discard();
});

const open = () => must(openSqliteStore(path, logger));
const sizeBytes = (): number =>
  [path, `${path}-wal`].filter(existsSync).reduce((sum, file) => sum + statSync(file).size, 0);
const isStored = (piece: Bytes): boolean =>
  [path, `${path}-wal`].filter(existsSync).some((file) => readFileSync(file).includes(Buffer.from(piece)));

async function filled(store: ReturnType<typeof open>) {
  const random = createSeededRandom("space");
  const { accountId } = await registerAccount(store, random);
  const logId = idFromBytes("log", random.bytes(32));
  must(await store.createLog({ logId, ownerId: accountId, kind: "account", appendKey: null }));
  const blobs = Array.from({ length: 20 }, () => random.bytes(100_000));
  for (const blob of blobs) must(await store.putBlobs(accountId, [blob], NOW_MS));
  return { accountId, last: blobs.at(-1)?.subarray(0, 16) ?? new Uint8Array() };
}

test.each(FAULTS)(
  "[SN16] what goes leaves the file with a later round, where the first is refused: %s",
  async (fault, code) => {
    const store = open();
    const { accountId } = await filled(store);
    const fullBytes = sizeBytes();
    for (const sql of [/incremental_vacuum/, /wal_checkpoint/]) {
      refused = { sql, fault };
      must(await store.reclaim(RULES));
      expect(told.splice(0)).toEqual([`store-space-failed ${code}`]);
      expect(sizeBytes()).toBeGreaterThan(fullBytes / 2);
    }
    refused = null;
    expect(must(await store.findAccount(accountId))?.headSeq).toBe(1);
    must(await store.reclaim(RULES));
    expect(sizeBytes()).toBeLessThan(fullBytes / 5);
    expect(told).toEqual([]);
    await store.close();
  },
);

test.each(FAULTS)(
  "a round that cannot read what there is to give up is told, and the next one does it: %s",
  async (fault) => {
    const store = open();
    await filled(store);
    refused = { sql: /FROM logs WHERE id >/, fault };
    expect(await store.reclaim(RULES)).toMatchObject({ ok: false, error: { code: "internal" } });
    expect(told.splice(0)).toEqual(["store-read-failed"]);
    refused = null;
    expect(must(await store.reclaim(RULES)).blobs).toBe(20);
    await store.close();
  },
);

test.each(FAULTS)(
  "[DI17] an erasure whose write-ahead log was not emptied says so, and the next round empties it: %s",
  async (fault, code) => {
    const store = open();
    const { accountId, last } = await filled(store);
    refused = { sql: /wal_checkpoint/, fault };
    must(await store.deleteAccount(accountId));
    expect(await store.erased()).toMatchObject({ ok: false, error: { code } });
    expect(new Set(told.splice(0))).toEqual(new Set([`store-space-failed ${code}`]));
    expect(isStored(last)).toBe(true);
    refused = null;
    must(await store.reclaim(RULES));
    expect(isStored(last)).toBe(false);
    expect(told).toEqual([]);
    await store.close();
  },
);

test("a write-ahead log that has nothing free behind it is emptied with the next round all the same", async () => {
  const store = open();
  const { accountId, last } = await filled(store);
  must(await store.deleteAccount(accountId));
  refused = { sql: /wal_checkpoint/, fault: "disk I/O error" };
  expect((await store.erased()).ok).toBe(false);
  for (let round = 0; round < 2; round++) must(await store.reclaim(RULES));
  refused = null;
  must(await store.reclaim(RULES));
  expect(isStored(last)).toBe(false);
  expect(statSync(`${path}-wal`).size).toBe(0);
  await store.close();
});

test.each(FAULTS)(
  "a file of the first schema that has no room to be rewritten serves, and is rewritten at a later start: %s",
  async (fault, code) => {
    const db = new DatabaseSync(path);
    for (const statement of FIRST_SCHEMA) db.exec(statement);
    db.close();
    const mode = () => {
      const opened = new DatabaseSync(path);
      const row = opened.prepare("PRAGMA auto_vacuum").get();
      opened.close();
      return row;
    };
    refused = { sql: /VACUUM$/, fault };
    const store = open();
    expect(told.splice(0)).toEqual([`store-space-failed ${code}`]);
    const { accountId } = await filled(store);
    await store.close();
    expect(mode()).toEqual({ auto_vacuum: 0 });
    refused = null;
    const again = open();
    expect(must(await again.findAccount(accountId))?.headSeq).toBe(1);
    await again.close();
    expect(mode()).toEqual({ auto_vacuum: 2 });
    expect(told).toEqual([]);
  },
);

async function fillData(): Promise<string> {
  const data = join(folder.path, "data");
  mkdirSync(data);
  path = join(data, "server.sqlite");
  const store = open();
  await filled(store);
  await store.close();
  return data;
}

test("a backup of which a step after the copy is refused says so, and leaves nothing behind", async () => {
  const data = await fillData();
  const read = readConfig([join(folder.path, "copy"), "--data", data], {}, backupCommand.options);
  if (!read.ok || read.value === "help") throw new Error("the command line is right");
  refused = { sql: /journal_mode=DELETE/, fault: "disk I/O error" };
  expect(await backupCommand.run(read.value)).toBe(1);
  expect(readdirSync(folder.path)).toEqual(["data"]);
});

test.skipIf(process.platform === "win32")(
  "a backup that no file has room for says so, and leaves nothing behind",
  async () => {
    const data = await fillData();
    const args = [join(ROOT, "sync-server", "main.ts"), "backup", join(folder.path, "copy"), "--data", data];
    // Of 512 or 1,024 bytes, as shells have it: less than half of what there is to copy.
    const script = 'ulimit -f 800; exec "$@"';
    const run = spawnSync("sh", ["-c", script, "sh", process.execPath, "--no-warnings", ...args], {
      encoding: "utf8",
    });
    expect(run).toMatchObject({ status: 1, stderr: expect.stringContaining("the database refused") });
    expect(readdirSync(folder.path)).toEqual(["data"]);
  },
);
