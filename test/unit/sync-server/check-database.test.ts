/** A database whose stored bytes are other than they were: the check finds it where their names can tell. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { silentLogger } from "../../../core/base/logger.ts";
import { checkDatabase } from "../../../sync-server/store/sqlite/check-database.ts";
import { openSqliteStore } from "../../../sync-server/store/sqlite/sqlite-store.ts";
import { flipBits } from "../../crash/flip-bits.ts";
import { must, refusal } from "../../support/chain-world.ts";
import {
  appendOne,
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
} from "../../support/raw-client.ts";
import { createAccountLog, registerWorld } from "../../support/server-account.ts";
import { startLocalServer } from "../../support/server-in-process.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { genesisStep, NOW_MS } from "../../support/store-world.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const path = join(folder.path, "server.sqlite");

beforeAll(async () => {
  const server = await startLocalServer({}, must(openSqliteStore(path, silentLogger)));
  const world = await registerWorld(server.origin, "checked");
  const client = await connectSignedIn(server.origin, world);
  const logId = await createAccountLog(client, world);
  const writer = createWriter(logId, world.random.bytes(32));
  expectFrame(await client.call(openRequest(client, 1, logId, { writer })), "opened");
  for (let i = 0; i < 3; i++)
    await appendOne(client, 1, nextEntry(writer, world.random.bytes(90), { epoch: 1 }));
  expectFrame(await client.call({ type: "putBlobs", blobs: [world.random.bytes(50)] }), "done");
  client.close();
  await server.close();
});
afterAll(folder.discard);

/** The fault of a copy after `sql`. */
function faultAfter(sql: string): unknown {
  const copy = join(folder.path, "copy.sqlite");
  cpSync(path, copy);
  const db = new DatabaseSync(copy);
  db.exec(sql);
  db.close();
  return refusal(checkDatabase(copy));
}

test("a database that is as it was is whole", () => {
  expect(must(checkDatabase(path))).toMatchObject({ accounts: 1, logs: 1, entries: 3 });
});

test("[IN6] a chain that is being put back is no account yet", async () => {
  const copy = join(folder.path, "restoring.sqlite");
  cpSync(path, copy);
  const store = must(openSqliteStore(copy, silentLogger));
  const random = createSeededRandom("restoring");
  const head = idFromBytes("link", random.bytes(32));
  const restoration = { head, handle: null, admission: { type: "open" } } as const;
  must(await store.beginRestore(genesisStep(random), restoration, NOW_MS));
  await store.close();
  expect(must(checkDatabase(copy))).toMatchObject({ accounts: 1 });
});

test.each([
  ["UPDATE entries SET sealed = x'00' WHERE writer_seq = 2", "an entry is not what its name says"],
  ["UPDATE entries SET id = zeroblob(32) WHERE writer_seq = 2", "an entry is not what its name says"],
  ["DELETE FROM entries WHERE writer_seq = 2", "a log has a gap"],
  ["DELETE FROM entries WHERE writer_seq = 3", "a log does not end where its head says"],
  ["UPDATE logs SET chain = zeroblob(32)", "a log does not lead to its head"],
  ["UPDATE links SET link = x'80'", "a link is malformed"],
  ["UPDATE accounts SET head_hash = zeroblob(32)", "a chain does not lead to its head"],
  ["UPDATE accounts SET account_id = zeroblob(32)", "an account is not its first link's"],
  ["UPDATE blobs SET bytes = x'00'", "a blob is not what its name says"],
])("after %s: %s", (sql, detail) => {
  expect(faultAfter(sql)).toEqual({ type: "DatabaseDamaged", detail });
});

/** What names, hashes and heads repeat; the rest is checked by whoever reads it, or is only the server's. */
const COVERED = [
  ...["entries.sealed", "entries.header", "entries.id", "entries.place", "entries: rows"],
  ...["logs.seq", "logs.chain", "blobs.bytes", "blobs.id", "accounts.account_id", "accounts.head_hash"],
];

test("a bit in one of the blocks of the file is found, or changes nothing that has a name", () => {
  const { blocks, found, unnoticed } = flipBits(path, 29);
  expect(blocks).toBeGreaterThan(30);
  expect(found).toBeGreaterThan(0);
  expect(COVERED.filter((column) => unnoticed.has(column))).toEqual([]);
});
