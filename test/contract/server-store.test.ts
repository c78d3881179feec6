import { DatabaseSync } from "node:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes, type LogId, type WriterTag } from "../../core/base/ids.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { BLOB_COST_BYTES } from "../../sync-server/limits.ts";
import { entryCost } from "../../sync-server/store/decide-append.ts";
import { FIRST_QUOTAS, type Quotas } from "../../sync-server/store/quotas.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { FIRST_SCHEMA, SCHEMA_VERSION } from "../../sync-server/store/sqlite/sqlite-schema.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { must, refusal } from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { NOW_MS, registerAccount, storeEntry } from "../support/store-world.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { describeDirectoryStore } from "./directory-store.ts";
import { describeFrontierStore } from "./frontier-store.ts";
import { describeLogStore, type ServerStoreMedium } from "./log-store.ts";
import { describeReseededLog } from "./reseeded-log.ts";
import { describeRestoreStore } from "./restore-store.ts";
import { describeSnapshotStore } from "./snapshot-store.ts";

beforeAll(cryptoReady);

for (const [name, medium] of [
  ["memory", memoryMedium],
  ["node:sqlite", sqliteMedium],
] as const) {
  describeLogStore(name, medium);
  describeDirectoryStore(name, medium);
  describeSnapshotStore(name, medium);
  describeRestoreStore(name, medium);
  describeFrontierStore(name, medium);
  describeReseededLog(name, medium);
}

function memoryMedium(): ServerStoreMedium {
  return { open: createMemoryStore, isLasting: false };
}

function sqliteMedium(): ServerStoreMedium {
  const folder = createTemporaryFolder();
  const open = (): ServerStore => must(openSqliteStore(join(folder.path, "server.sqlite"), silentLogger));
  return { open, isLasting: true, discard: folder.discard };
}

describe.each([
  ["memory", (quotas: Quotas) => createMemoryStore(quotas)],
  ["node:sqlite", (quotas: Quotas) => must(openSqliteStore(":memory:", silentLogger, { quotas }))],
] as const)("quotas: %s", (_name, open) => {
  test("[LG11] count all logs of an account together, and each operator has their own", async () => {
    const random = createSeededRandom("quotas");
    const entry = (logId: LogId, tag: WriterTag, seq: number) =>
      storeEntry(logId, tag, seq, random.bytes(100));
    const cost = entryCost(
      entry(idFromBytes("log", new Uint8Array(32)), idFromBytes("writerTag", new Uint8Array(16)), 1),
    );
    const store = open({ ...FIRST_QUOTAS, accountBytesMax: 3 * cost, blobBytesMax: 1_000 });
    const { accountId } = await registerAccount(store, random);
    const logs: { readonly logId: LogId; readonly writerTag: WriterTag; readonly key: Uint8Array }[] = [];
    for (let i = 0; i < 2; i++) {
      const logId = idFromBytes("log", random.bytes(32));
      const key = random.bytes(32);
      must(await store.createLog({ logId, ownerId: accountId, kind: "inbound", appendKey: key }));
      logs.push({ logId, writerTag: idFromBytes("writerTag", random.bytes(16)), key });
    }
    const append = ({ logId, writerTag, key }: (typeof logs)[number], seq: number) =>
      store.append({
        logId,
        writerTag,
        appender: { type: "capability", key },
        entries: [entry(logId, writerTag, seq)],
      });
    const [a, b] = logs;
    if (a === undefined || b === undefined) throw new Error("two logs");
    // Two of one turn share a transaction, and see each other.
    const first = await Promise.all([append(a, 1), append(b, 1)]);
    expect(first.map((result) => must(result)[0]?.type)).toEqual(["accepted", "accepted"]);
    const next = await Promise.all([append(a, 2), append(b, 2)]);
    expect(next.map((result) => must(result)[0])).toMatchObject([
      { type: "accepted" },
      { type: "refused", code: "quota", writerSeq: 1 },
    ]);
    expect(must(await store.putBlobs(accountId, [random.bytes(1_000 - BLOB_COST_BYTES)], NOW_MS))).toBe(
      undefined,
    );
    expect(refusal(await store.putBlobs(accountId, [random.bytes(1)], NOW_MS)).code).toBe("quota");
    expect(must(await store.figures())).toMatchObject({ blobBytes: 1_000, largestAccountBytes: 3 * cost });
    await store.close();
  });
});

describe("the SQLite file", () => {
  test("[SN16] gets smaller when what it held is gone", async () => {
    const folder = createTemporaryFolder();
    const path = join(folder.path, "server.sqlite");
    const store = must(openSqliteStore(path, silentLogger));
    const random = createSeededRandom("shrink");
    const { accountId } = await registerAccount(store, random);
    const logId = idFromBytes("log", random.bytes(32));
    must(await store.createLog({ logId, ownerId: accountId, kind: "account", appendKey: null }));
    for (let i = 0; i < 40; i++) must(await store.putBlobs(accountId, [random.bytes(100_000)], NOW_MS));
    const rules = { graceMs: 0, silentMs: 0 };
    must(await store.reclaim({ ...rules, nowMs: NOW_MS - 1 }));
    const fullBytes = statSync(path).size + statSync(`${path}-wal`).size;
    expect(fullBytes).toBeGreaterThan(4_000_000);
    expect(must(await store.reclaim({ ...rules, nowMs: NOW_MS })).blobs).toBe(40);
    expect(statSync(path).size + statSync(`${path}-wal`).size).toBeLessThan(fullBytes / 10);
    await store.close();
    folder.discard();
  });

  test("of the first schema is taken over, and can shrink from then on", async () => {
    const folder = createTemporaryFolder();
    const path = join(folder.path, "server.sqlite");
    const db = new DatabaseSync(path);
    for (const statement of FIRST_SCHEMA) db.exec(statement);
    db.close();
    const store = must(openSqliteStore(path, silentLogger));
    const { accountId } = await registerAccount(store, createSeededRandom("taken over"));
    must(await store.putBlobs(accountId, [new Uint8Array(9)], NOW_MS));
    await store.close();
    const opened = new DatabaseSync(path);
    expect(opened.prepare("PRAGMA auto_vacuum").get()).toEqual({ auto_vacuum: 2 });
    expect(opened.prepare("SELECT value FROM meta").get()).toEqual({ value: SCHEMA_VERSION });
    opened.close();
    folder.discard();
  });

  test("belongs to one server at a time", async () => {
    const folder = createTemporaryFolder();
    const path = join(folder.path, "server.sqlite");
    const store = must(openSqliteStore(path, silentLogger));
    expect(refusal(openSqliteStore(path, silentLogger))).toEqual({ type: "StoreLocked", path });
    await store.close();
    await must(openSqliteStore(path, silentLogger)).close();
    folder.discard();
  });

  test("of an earlier version is brought up to date with all it holds", async () => {
    const folder = createTemporaryFolder();
    const path = join(folder.path, "server.sqlite");
    const before = must(openSqliteStore(path, silentLogger));
    const { accountId } = await registerAccount(before, createSeededRandom("old"));
    await before.close();
    const db = new DatabaseSync(path);
    db.exec(
      "DROP INDEX logs_by_owner; DROP TABLE invitations; DROP TABLE deleted; DROP TABLE erasures; DROP TABLE frontiers; DROP TABLE former_keys; DROP TABLE restores; ALTER TABLE logs DROP COLUMN reseed",
    );
    db.exec("UPDATE meta SET value = 2 WHERE key = 'schema_version'");
    db.close();
    const after = must(openSqliteStore(path, silentLogger));
    expect(must(await after.findAccount(accountId))?.headSeq).toBe(1);
    expect(must(await after.listInvitations(0))).toEqual([]);
    await after.close();
    folder.discard();
  });

  test("of a newer server, or of something else, is left alone", async () => {
    const folder = createTemporaryFolder();
    const path = join(folder.path, "server.sqlite");
    await must(openSqliteStore(path, silentLogger)).close();
    const db = new DatabaseSync(path);
    db.exec(`UPDATE meta SET value = ${SCHEMA_VERSION + 1}`);
    db.close();
    expect(refusal(openSqliteStore(path, silentLogger))).toEqual({
      type: "StoreTooNew",
      path,
      version: SCHEMA_VERSION + 1,
    });
    expect(refusal(openSqliteStore(folder.path, silentLogger))).toMatchObject({ type: "StoreUnreadable" });
    folder.discard();
  });
});
