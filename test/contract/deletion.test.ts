/** Deleting an account: what is gone, what stays taken, and that the file holds nothing of it. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { idBytes } from "../../core/base/ids.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import type { StoreEvent } from "../../sync-server/store/log-store.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../support/chain-world.ts";
import { fillAccount, found, INBOUND_ENTRIES, piecesOf } from "../support/filled-account.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { genesisStep, nextStep, NOW_MS, storeEntry } from "../support/store-world.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

beforeAll(cryptoReady);

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const refused = (code: string) => ({ ok: false, error: { type: "Refused", code } });
for (const [name, open] of [
  ["memory", () => createMemoryStore()],
  ["node:sqlite", () => must(openSqliteStore(":memory:", silentLogger))],
] as const) {
  describe(`deleting an account: ${name}`, () => {
    test("[DI15] nobody finds it or anything of it, its devices are told, and others keep theirs", async () => {
      const store = open();
      cleanUps.push(() => store.close());
      const gone = await fillAccount(store, "gone", "ann");
      const stays = await fillAccount(store, "stays", "bob");
      const events: StoreEvent[] = [];
      store.onEvent((event) => void events.push(event));
      must(await store.deleteAccount(gone.accountId));
      must(await store.erased());
      expect(events).toMatchObject([{ type: "deleted", deviceIds: expect.arrayContaining([gone.deviceId]) }]);
      expect(must(await store.findAccount(gone.accountId))).toBe(null);
      expect(must(await store.readChain(gone.accountId, 0, 9, 9_999))).toBe(null);
      expect(must(await store.findDevice(gone.accountId, gone.deviceId))).toBe(null);
      expect(must(await store.findHandle("ann"))).toBe(null);
      expect(await store.claimPreKeys(gone.accountId, null, NOW_MS)).toEqual(refused("unknown-account"));
      expect(await store.appendLink(nextStep(createSeededRandom("late"), gone.second))).toEqual(
        refused("unknown-account"),
      );
      for (const { logId, writerTag } of gone.logs) {
        expect(must(await store.findLog(logId))).toBe(null);
        const late = [storeEntry(logId, writerTag, 999, new Uint8Array(9))];
        const request = {
          logId,
          appender: { type: "capability", key: new Uint8Array(32) },
          writerTag,
          entries: late,
        } as const;
        expect(await store.append(request)).toEqual(refused("unknown-log"));
      }
      expect(await store.deleteAccount(gone.accountId)).toEqual(refused("unknown-account"));
      expect(must(await store.findHandle("bob"))).toBe(stays.accountId);
      for (const { logId, kind } of stays.logs) {
        const page = must(await store.read({ logId, after: 0, entriesMax: 9_999, bytesMax: 9_999_999 }));
        expect(page.entries).toHaveLength(kind === "inbound" ? INBOUND_ENTRIES : 3);
      }
      expect(must(await store.claimPreKeys(stays.accountId, null, NOW_MS)).bundles).toHaveLength(1);
      expect(must(await store.figures())).toMatchObject({ accounts: 1, erasures: 0 });
      must(await store.reclaim({ nowMs: NOW_MS + 1, graceMs: 0, silentMs: 0 }));
    });

    test("[DI16] its id and handle stay taken, until the operator lets the handle go", async () => {
      const store = open();
      cleanUps.push(() => store.close());
      const gone = await fillAccount(store, "gone", "ann");
      must(await store.deleteAccount(gone.accountId));
      expect(must(await store.isDeleted(gone.accountId))).toBe(true);
      const other = genesisStep(createSeededRandom("other"));
      expect(must(await store.isDeleted(other.accountId))).toBe(false);
      expect(await store.register(gone.step, null)).toEqual(refused("account-deleted"));
      expect(await store.register(other, "ann")).toEqual(refused("handle-taken"));
      expect(must(await store.releaseHandle("ann"))).toBe(true);
      expect(must(await store.releaseHandle("ann"))).toBe(false);
      expect((await store.register(other, "ann")).ok).toBe(true);
    });
  });
}

describe("the file of a deleted account", () => {
  function openFile() {
    const folder = createTemporaryFolder();
    cleanUps.push(folder.discard);
    const path = join(folder.path, "server.sqlite");
    return { path, open: () => must(openSqliteStore(path, silentLogger)) };
  }

  test("[DI17] holds not a byte of it, and all of everybody else's", async () => {
    const { path, open } = openFile();
    const store = open();
    const gone = await fillAccount(store, "gone", "ann-of-the-lake");
    const stays = await fillAccount(store, "stays", "bob-of-the-hill");
    const [lost, kept] = [piecesOf(gone.own, gone.handle), piecesOf(stays.own, stays.handle)];
    expect(found(path, lost)).toBe(lost.length);
    must(await store.deleteAccount(gone.accountId));
    // What is being erased is nothing to trim or collect in.
    must(await store.reclaim({ nowMs: 0, graceMs: 0, silentMs: 0 }));
    must(await store.erased());
    expect(found(path, lost)).toBe(0);
    expect(found(path, kept)).toBe(kept.length);
    await store.close();
    expect(found(path, lost)).toBe(0);
    expect(found(path, kept)).toBe(kept.length);
  });

  test("[DI17] has no row left in any table, and no table that deletion does not know", async () => {
    const { path, open } = openFile();
    const store = open();
    const gone = await fillAccount(store, "gone", "ann-of-the-lake");
    must(await store.deleteAccount(gone.accountId));
    must(await store.erased());
    await store.close();
    const db = new DatabaseSync(path);
    const rows = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    const tables = rows.map(({ name }) => String(name)).filter((name) => !name.startsWith("sqlite_"));
    // A new table belongs here, and into store/sqlite-deletion.ts if it keeps something for an account.
    const [emptied, others] = [
      ["accounts", "acks", "added_boxes", "blobs", "boxes", "devices", "endorsements", "entries", "erasures"],
      ["deleted", "invitations", "meta", "restores"],
    ];
    emptied.push(
      "former_keys",
      "frontiers",
      "links",
      "logs",
      "prekeys",
      "snapshots",
      "tickets",
      "trimmed",
      "writers",
    );
    expect(tables).toEqual([...emptied, ...others].sort());
    const left = emptied.filter((name) => db.prepare(`SELECT 1 FROM ${name} LIMIT 1`).get() !== undefined);
    db.close();
    expect(left).toEqual([]);
  });

  test("[DI17] is erased after a restart that came in between, and the numbers of what waits are not given anew", async () => {
    const { path, open } = openFile();
    const first = open();
    const gone = await fillAccount(first, "gone", "ann-of-the-lake");
    const lost = piecesOf(gone.own, gone.handle);
    // The transaction is durable; the server ends before it has erased much.
    const deleted = first.deleteAccount(gone.accountId);
    must(await deleted);
    await first.close();
    expect(found(path, lost)).toBeGreaterThan(0);
    const second = open();
    const stays = await fillAccount(second, "stays", "bob-of-the-hill");
    must(await second.erased());
    expect(found(path, lost)).toBe(0);
    for (const { logId, kind } of stays.logs) {
      const page = must(await second.read({ logId, after: 0, entriesMax: 9_999, bytesMax: 9_999_999 }));
      expect(page.entries).toHaveLength(kind === "inbound" ? INBOUND_ENTRIES : 3);
    }
    await second.close();
  });

  test("[DI17] gets no acknowledgement that comes late", async () => {
    const { path, open } = openFile();
    const store = open();
    const gone = await fillAccount(store, "gone", "ann-of-the-lake");
    const [log] = gone.logs;
    // Acks wait a moment to be written together: this one is written after the deletion.
    const late = log === undefined ? null : store.ack(log.logId, gone.deviceId, 3);
    must(await store.deleteAccount(gone.accountId));
    must(await store.erased());
    await late;
    await store.close();
    expect(found(path, [idBytes(gone.deviceId)])).toBe(0);
  });
});
