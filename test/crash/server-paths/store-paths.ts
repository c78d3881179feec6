/** What a server's store does in many writes or transactions: a log begun anew, an account put back or deleted, trimming, a room's keys. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { idFromBytes, type LogId } from "../../../core/base/ids.ts";
import { silentLogger } from "../../../core/base/logger.ts";
import { chainStart } from "../../../core/protocol/entry.ts";
import { blobId, encodeSnapshotHeader, snapshotId } from "../../../core/protocol/snapshot.ts";
import { FORMER_KEYS_PER_LOG_MAX, RESTORE_LAPSE_MS, TRIM_ENTRIES_MAX } from "../../../sync-server/limits.ts";
import type { ChainStep } from "../../../sync-server/store/directory-store.ts";
import type { LogRecord, NewLog } from "../../../sync-server/store/log-store.ts";
import type { ServerStore } from "../../../sync-server/store/server-store.ts";
import { openSqliteStore } from "../../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../../support/chain-world.ts";
import { fillAccount, found, piecesOf } from "../../support/filled-account.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import {
  byDevice,
  firstDevice,
  genesisStep,
  named,
  nextStep,
  NOW_MS,
  registerAccount,
  storeEntry,
} from "../../support/store-world.ts";
import type { ServerPath } from "./kill-each-write.ts";

const FILE = "server.sqlite";
const ALL = { after: 0, entriesMax: 9_999, bytesMax: 9_999_999 };
const HOUR_MS = 3_600_000;
const RULES = { nowMs: NOW_MS + 2 * HOUR_MS, graceMs: HOUR_MS, silentMs: 720 * HOUR_MS };

/** A path of one store: as `ServerPath`, with the store open. */
interface StorePath {
  readonly name: string;
  prepare(store: ServerStore): Promise<void>;
  act(store: ServerStore, onAnswer: () => void): Promise<void>;
  shown(store: ServerStore): Promise<unknown>;
  /** Bytes that stand in no file of the database once it came through, while the server runs on. */
  gone?(): readonly Uint8Array[];
}

function ofStore({ name, prepare, act, shown, gone }: StorePath): ServerPath {
  async function opened<T>(folder: string, use: (store: ServerStore) => Promise<T>): Promise<T> {
    const store = must(openSqliteStore(join(folder, FILE), silentLogger));
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }
  return {
    name,
    databases: [FILE],
    prepare: (folder) => opened(folder, prepare),
    act: (folder, onAnswer) =>
      opened(folder, async (store) => {
        await act(store, onAnswer);
        const count = found(join(folder, FILE), gone?.() ?? []);
        if (count > 0) throw new Error(`${count} pieces of what was to go are in the file`);
      }),
    shown: (folder) => opened(folder, shown),
    left: (folder) => [
      ...readdirSync(folder).filter((file) => file !== FILE),
      ...orphans(join(folder, FILE)),
    ],
  };
}

/** Tables in which a row is of a log or an account that is not there: it would be the next one's that gets the number. */
function orphans(path: string): readonly string[] {
  const db = new DatabaseSync(path);
  const columns = db.prepare(
    "SELECT m.name AS name, c.name AS owner FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name IN ('log', 'account') AND m.name <> 'erasures'",
  );
  const left = columns.all().filter(({ name, owner }) => {
    const sql = `SELECT 1 FROM ${String(name)} WHERE ${String(owner)} NOT IN (SELECT id FROM ${String(owner)}s) LIMIT 1`;
    return db.prepare(sql).get() !== undefined;
  });
  db.close();
  return left.map(({ name, owner }) => `rows of ${String(name)} are of no ${String(owner)}`);
}

/** What the store tells of a log, with all its entries that are there. */
async function shownLog(store: ServerStore, logId: LogId): Promise<unknown> {
  const log = must(await store.findLog(logId));
  if (log === null) return null;
  const { ids } = must(await store.readIds({ logId, after: 0, idsMax: 9_999, bytesMax: 9_999_999 }));
  return { ...log, trimmedUpto: 0, bytes: 0, head: named(log.head.chain), ids: named(ids) };
}

async function shownAccount(
  store: ServerStore,
  { accountId, logs, handle }: Awaited<ReturnType<typeof fillAccount>>,
): Promise<unknown> {
  return {
    account: must(await store.findAccount(accountId)),
    links: must(await store.readChain(accountId, 0, 99, 99_999))?.links.map(named),
    handle: must(await store.findHandle(handle)),
    isDeleted: must(await store.isDeleted(accountId)),
    logs: await Promise.all(logs.map(({ logId }) => shownLog(store, logId))),
  };
}

/** What was answered is erased without anybody asking for it, and leaves the file with the next round. */
async function erasedByItself(store: ServerStore): Promise<void> {
  while (must(await store.figures()).erasures > 0) await new Promise((resolve) => setImmediate(resolve));
  must(await store.reclaim(RULES));
}

type Filled = Awaited<ReturnType<typeof fillAccount>>;

function deletion(): ServerPath {
  let gone: Filled | null = null;
  let stays: Filled | null = null;
  const both = (): readonly [Filled, Filled] => {
    if (gone === null || stays === null) throw new Error("it was prepared");
    return [gone, stays];
  };
  return ofStore({
    name: "[DI15] [DI17] an account is deleted",
    async prepare(store) {
      gone = await fillAccount(store, "gone", "ann-of-the-lake");
      stays = await fillAccount(store, "stays", "bob-of-the-hill");
    },
    async act(store, onAnswer) {
      const [{ accountId }] = both();
      if (!must(await store.isDeleted(accountId))) must(await store.deleteAccount(accountId));
      onAnswer();
      await erasedByItself(store);
    },
    shown: async (store) => Promise.all(both().map((account) => shownAccount(store, account))),
    gone: () => piecesOf(both()[0].own, both()[0].handle),
  });
}

/** A log with entries, whose owner has read further than the server knows; for a room, with keys changed on it. */
function begunAnew(kind: "account" | "room"): ServerPath {
  const random = createSeededRandom(`begun anew ${kind}`);
  const logId = idFromBytes("log", random.bytes(32));
  const other = idFromBytes("log", random.bytes(32));
  const keys = Array.from({ length: 3 }, () => random.bytes(32));
  const reseed = random.bytes(100);
  const after = { incarnation: 0, seq: 999, chain: random.bytes(32) };
  const sealed = Array.from({ length: 40 }, () => random.bytes(200));
  let log: NewLog | null = null;
  return ofStore({
    name: kind === "room" ? "[IN4] [LG21] a room's log is begun anew" : "[IN4] a log is begun anew",
    async prepare(store) {
      const { accountId, deviceId } = await registerAccount(store, random);
      const tag = idFromBytes("writerTag", random.bytes(16));
      log = { logId, ownerId: accountId, kind, appendKey: kind === "room" ? (keys[0] ?? null) : null };
      const next = { ...log, logId: other, kind: "inbound" as const, appendKey: random.bytes(32) };
      for (const each of [log, next]) {
        must(await store.createLog(each));
        const entries = sealed.map((bytes, at) => storeEntry(each.logId, tag, at + 1, bytes));
        const appender = byDevice(accountId, deviceId);
        if (each === log) must(await store.append({ logId, appender, writerTag: tag, entries }));
        must(await store.ack(each.logId, deviceId, each === log ? 30 : 0));
      }
      if (kind === "room") for (const key of keys.slice(1)) must(await store.setLogKey(logId, key));
    },
    async act(store, onAnswer) {
      if (log === null) throw new Error("it was prepared");
      const there: LogRecord | null = must(await store.findLog(logId));
      if (there?.head.incarnation === 0)
        must(
          await store.reseedLog({ ...log, appendKey: keys.at(-1) ?? null, incarnation: 1, after, reseed }),
        );
      onAnswer();
      await erasedByItself(store);
    },
    shown: async (store) => [
      await shownLog(store, logId),
      await shownLog(store, other),
      must(await store.figures()).logs.map(({ logs }) => logs),
    ],
    gone: () => [...sealed, ...(kind === "room" ? keys.slice(0, 2) : [])],
  });
}

function putBack(): ServerPath {
  const random = createSeededRandom("put back");
  const chain: [ChainStep, ...ChainStep[]] = [genesisStep(random)];
  for (let i = 0; i < 4; i++) chain.push(nextStep(random, chain.at(-1) as ChainStep));
  const [genesis, ...later] = chain;
  const head = (chain.at(-1) as ChainStep).hash;
  const hash = random.bytes(32);
  const admission = { type: "invitation", hash, nowMs: NOW_MS } as const;
  return ofStore({
    name: "[IN6] an account is put back",
    async prepare(store) {
      must(
        await store.addInvitation({ hash, usesMax: 2, createdAtMs: NOW_MS, expiresAtMs: NOW_MS + HOUR_MS }),
      );
    },
    async act(store, onAnswer) {
      must(await store.beginRestore(genesis, { head, handle: "ann", admission }, NOW_MS));
      onAnswer();
      const name = { accountId: genesis.accountId, head };
      const staged = async (): Promise<number> =>
        must(await store.findAccount(genesis.accountId))?.headSeq ??
        must(await store.findRestore(name))?.headSeq ??
        0;
      for (const step of later) {
        if ((await staged()) < step.seq) must(await store.stageLink(step, head, NOW_MS));
        onAnswer();
      }
    },
    shown: async (store) => ({
      account: must(await store.findAccount(genesis.accountId)),
      links: must(await store.readChain(genesis.accountId, 0, 99, 99_999))?.links.map(named),
      device: must(await store.findDevice(genesis.accountId, firstDevice(genesis))),
      handle: must(await store.findHandle("ann")),
      uses: must(await store.listInvitations(NOW_MS)).map(({ usesLeft }) => usesLeft),
    }),
  });
}

function lapsed(): ServerPath {
  const random = createSeededRandom("lapsed");
  const chains = Array.from({ length: 3 }, () => {
    const genesis = genesisStep(random);
    return [genesis, nextStep(random, genesis), nextStep(random, genesis)] as const;
  });
  return ofStore({
    name: "[IN6] chains that wait for a link lapse",
    async prepare(store) {
      for (const [genesis, second, last] of chains) {
        const begun = { head: last.hash, handle: null, admission: { type: "open" } as const };
        must(await store.beginRestore(genesis, begun, NOW_MS));
        must(await store.stageLink(second, last.hash, NOW_MS));
      }
    },
    act: async (store) => must(await store.lapseRestores(NOW_MS + RESTORE_LAPSE_MS)),
    shown: async (store) => must(await store.figures()).accounts,
  });
}

function trimming(): ServerPath {
  const random = createSeededRandom("trimmed");
  const logId = idFromBytes("log", random.bytes(32));
  const count = TRIM_ENTRIES_MAX + 200;
  const sealed = Array.from({ length: count }, () => random.bytes(120));
  const [old, fresh] = [random.bytes(60_000), random.bytes(500)];
  const endorsement = random.bytes(10);
  const except = [7, 900];
  const upto = { incarnation: 0, seq: count - 50, chain: chainStart(logId) };
  const fields = {
    version: 1 as const,
    logId,
    epoch: 1,
    upto,
    except,
    previous: null,
    blobs: [blobId(fresh)],
  };
  const snapshot = { header: encodeSnapshotHeader(fields), sealed: random.bytes(40) };
  let by: Awaited<ReturnType<typeof registerAccount>> | null = null;
  const second = idFromBytes("device", random.bytes(16));
  const maker = () => {
    if (by === null) throw new Error("it was prepared");
    return by;
  };
  return ofStore({
    name: "[SN9] [SN16] a log is trimmed and its space given back",
    async prepare(store) {
      by = await registerAccount(store, random);
      const { accountId, deviceId, step } = by;
      const added = [{ deviceId: second, signKey: random.bytes(32) }];
      must(await store.appendLink(nextStep(random, step, { addedDevices: added })));
      must(await store.createLog({ logId, ownerId: accountId, kind: "account", appendKey: null }));
      const writerTag = idFromBytes("writerTag", random.bytes(16));
      const entries = sealed.map((bytes, at) => storeEntry(logId, writerTag, at + 1, bytes));
      const appender = byDevice(accountId, deviceId);
      must(await store.append({ logId, appender, writerTag, entries }));
      for (const each of [deviceId, second]) must(await store.ack(logId, each, count));
      must(await store.putBlobs(accountId, [old], NOW_MS - HOUR_MS));
    },
    async act(store, onAnswer) {
      const { accountId, deviceId } = maker();
      const id = snapshotId(snapshot);
      const made = { accountId, deviceId, id, fields, snapshot, nowMs: NOW_MS };
      must(await store.putBlobs(accountId, [fresh], NOW_MS));
      onAnswer();
      must(await store.putSnapshot(made));
      onAnswer();
      const by = { accountId, deviceId: second };
      must(await store.endorse({ ...by, logId, snapshotId: id, endorsement }));
      onAnswer();
      // The round after the last gives back what that one left.
      for (let left = 2; left > 0; ) if (must(await store.reclaim(RULES)).entries === 0) left--;
    },
    async shown(store) {
      const { accountId } = maker();
      const snapshots = must(await store.readSnapshots(logId));
      const [, kept] = must(await store.readBlobs(accountId, [blobId(old), blobId(fresh)], 999_999));
      const page = must(await store.readIds({ logId, after: 0, idsMax: 9_999, bytesMax: 9_999_999 }));
      // What is trimmed before the last answer and what after it, nobody promises.
      const { trimmedUpto = 0 } = must(await store.findLog(logId)) ?? {};
      const rest = must(await store.read({ ...ALL, logId, after: Math.max(trimmedUpto, upto.seq) }));
      return {
        log: await shownLog(store, logId),
        snapshots: snapshots.map(({ endorsements }) => endorsements.map(named)),
        blob: kept === null || kept === undefined ? null : named(kept),
        excepted: except.filter((at) => at > trimmedUpto || page.kept.some(({ seq }) => seq === at)),
        rest: rest.entries.map(({ sealed }) => named(sealed)),
      };
    },
    gone: () => [
      ...sealed.slice(0, upto.seq).filter((_, at) => !except.includes(at + 1)),
      old.subarray(0, 64),
      old.subarray(-64),
    ],
  });
}

function roomKeys(): ServerPath {
  const random = createSeededRandom("room keys");
  const logId = idFromBytes("log", random.bytes(32));
  const tag = idFromBytes("writerTag", random.bytes(16));
  const keys = Array.from({ length: FORMER_KEYS_PER_LOG_MAX + 4 }, () => random.bytes(32));
  const keyAt = (at: number): Uint8Array => keys.at(at) ?? new Uint8Array();
  const entry = storeEntry(logId, tag, 1, random.bytes(300), { epoch: null });
  return ofStore({
    name: "[LG21] a room's log gets other keys and is closed",
    async prepare(store) {
      const { accountId } = await registerAccount(store, random);
      must(await store.createLog({ logId, ownerId: accountId, kind: "room", appendKey: keyAt(0) }));
      await Promise.all(keys.slice(1, -2).map((key) => store.setLogKey(logId, key)));
    },
    async act(store, onAnswer) {
      const [present, next, last] = [keyAt(-3), keyAt(-2), keyAt(-1)];
      const isAt = async (key: Uint8Array): Promise<boolean> =>
        named(must(await store.findLog(logId))?.appendKey ?? new Uint8Array()) === named(key);
      const appender = { type: "capability", key: present } as const;
      const request = { logId, appender, writerTag: tag, entries: [entry], rekey: next };
      if (await isAt(present)) must(await store.append(request));
      onAnswer();
      if (await isAt(next)) must(await store.setLogKey(logId, last));
      onAnswer();
      must(await store.closeLog(logId));
      onAnswer();
    },
    async shown(store) {
      const places = [];
      for (const key of [keyAt(0), keyAt(1), keyAt(2), keyAt(-4), keyAt(-3), keyAt(-2), keyAt(-1)])
        places.push(must(await store.formerKey(logId, key))?.seq ?? null);
      const log = must(await store.findLog(logId));
      return { log: await shownLog(store, logId), key: named(log?.appendKey ?? new Uint8Array()), places };
    },
    gone: () => [],
  });
}

/** Each made anew for each time it is played. */
export const STORE_PATHS: readonly (() => ServerPath)[] = [
  deletion,
  () => begunAnew("account"),
  () => begunAnew("room"),
  putBack,
  lapsed,
  trimming,
  roomKeys,
];
