/** The contracts of the server's store hold on a medium that refuses each write of each operation once. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../core/base/ids.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import type { NewLog } from "../../sync-server/store/log-store.ts";
import { refuse } from "../../sync-server/store/refusal.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../support/chain-world.ts";
import { watchWrites } from "../support/failing-writes.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { genesisStep } from "../support/store-world.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { describeDirectoryStore } from "./directory-store.ts";
import { describeFrontierStore } from "./frontier-store.ts";
import { describeLogStore, type ServerStoreMedium } from "./log-store.ts";
import { describeReseededLog } from "./reseeded-log.ts";
import { describeRestoreStore } from "./restore-store.ts";
import { describeSnapshotStore } from "./snapshot-store.ts";

beforeAll(cryptoReady);
const writes = watchWrites();
afterAll(writes.end);

const NAME = "node:sqlite of which every write fails once";
describeLogStore(NAME, failingMedium);
describeDirectoryStore(NAME, failingMedium);
describeSnapshotStore(NAME, failingMedium);
describeRestoreStore(NAME, failingMedium);
describeFrontierStore(NAME, failingMedium);
describeReseededLog(NAME, failingMedium);

function failingMedium(): ServerStoreMedium {
  const folder = createTemporaryFolder();
  const path = join(folder.path, "server.sqlite");
  const open = () => writes.failing(must(openSqliteStore(path, silentLogger)));
  return { open, isLasting: true, discard: folder.discard };
}

test("what a transaction knew that was undone is forgotten: the account after it gets nothing of the one that never was", async () => {
  const folder = createTemporaryFolder();
  const store = must(openSqliteStore(join(folder.path, "server.sqlite"), silentLogger));
  const random = createSeededRandom("never was");
  const [never, after] = [genesisStep(random), genesisStep(random)];
  const logOf = (ownerId: AccountId): NewLog => {
    const logId = idFromBytes("log", random.bytes(32));
    return { logId, ownerId, kind: "inbound", appendKey: random.bytes(32) };
  };
  // They are in one transaction, which is undone; then each is tried alone, and the account's rows are refused again.
  let commits = 0;
  writes.refuse((sql) => {
    if (!sql.startsWith("COMMIT")) return commits > 0 && sql.startsWith("INSERT INTO accounts");
    commits += 1;
    return commits === 1;
  });
  const both = await Promise.all([store.register(never, null), store.createLog(logOf(never.accountId))]);
  writes.refuse(null);
  expect(both[0].ok).toBe(false);
  expect(both[1]).toEqual(refuse("unknown-account"));
  must(await store.register(after, null));
  expect((await store.createLog(logOf(never.accountId))).ok).toBe(false);
  const own = logOf(after.accountId);
  must(await store.createLog(own));
  expect(must(await store.findLog(own.logId))?.ownerId).toBe(after.accountId);
  await store.close();
  folder.discard();
});

test("each operation that writes has failed", () => {
  expect([...writes.failuresByMethod.keys()].sort()).toEqual([
    ...["ack", "addInvitation", "append", "appendLink", "beginRestore", "claimKeyPackages", "claimPreKeys"],
    ...["closeLog", "createLog", "deleteAccount", "endorse", "erased", "lapseRestores", "listInvitations"],
    ...["noteSeen", "probe", "publishPreKeys", "putBlobs", "putFrontier", "putSnapshot", "reclaim"],
    ...["register", "reseedLog", "revokeInvitation", "setLogKey", "setTickets", "stageLink"],
  ]);
});
