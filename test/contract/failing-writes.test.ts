/** The contracts of the server's store hold on a medium that refuses each write of each operation once. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLogger } from "../../core/base/logger.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../support/chain-world.ts";
import { watchWrites } from "../support/failing-writes.ts";
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

test("each operation that writes has failed", () => {
  expect([...writes.failuresByMethod.keys()].sort()).toEqual([
    ...["ack", "addInvitation", "append", "appendLink", "beginRestore", "claimKeyPackages", "claimPreKeys"],
    ...["closeLog", "createLog", "deleteAccount", "endorse", "erased", "lapseRestores", "listInvitations"],
    ...["noteSeen", "probe", "publishPreKeys", "putBlobs", "putFrontier", "putSnapshot", "reclaim"],
    ...["register", "reseedLog", "revokeInvitation", "setLogKey", "setTickets", "stageLink"],
  ]);
});
