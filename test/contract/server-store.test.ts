import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { silentLogger } from "../../core/base/logger.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { createMemoryStore } from "../../sync-server/store/memory-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { SCHEMA_VERSION } from "../../sync-server/store/sqlite-schema.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite-store.ts";
import { must, refusal } from "../support/chain-world.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { describeDirectoryStore } from "./directory-store.ts";
import { describeLogStore, type ServerStoreMedium } from "./log-store.ts";

beforeAll(cryptoReady);

for (const [name, medium] of [
  ["memory", memoryMedium],
  ["node:sqlite", sqliteMedium],
] as const) {
  describeLogStore(name, medium);
  describeDirectoryStore(name, medium);
}

function memoryMedium(): ServerStoreMedium {
  return { open: createMemoryStore, isLasting: false };
}

function sqliteMedium(): ServerStoreMedium {
  const folder = createTemporaryFolder();
  const open = (): ServerStore => must(openSqliteStore(join(folder.path, "server.sqlite"), silentLogger));
  return { open, isLasting: true, discard: folder.discard };
}

describe("the SQLite file", () => {
  test("belongs to one server at a time", async () => {
    const folder = createTemporaryFolder();
    const path = join(folder.path, "server.sqlite");
    const store = must(openSqliteStore(path, silentLogger));
    expect(refusal(openSqliteStore(path, silentLogger))).toEqual({ type: "StoreLocked", path });
    await store.close();
    await must(openSqliteStore(path, silentLogger)).close();
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
