/** What an operator's commands do with a server's files: a backup made, and put in the place of a database. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { idFromBytes } from "../../../core/base/ids.ts";
import { silentLogger } from "../../../core/base/logger.ts";
import { backupCommand } from "../../../sync-server/commands/backup.ts";
import type { ServerCommand } from "../../../sync-server/commands/command.ts";
import { hashFile, hashPath, readHash } from "../../../sync-server/commands/file-hash.ts";
import { restoreCommand } from "../../../sync-server/commands/restore.ts";
import { readConfig } from "../../../sync-server/config/read-config.ts";
import type { ServerStore } from "../../../sync-server/store/server-store.ts";
import { checkDatabase } from "../../../sync-server/store/sqlite/check-database.ts";
import { openSqliteStore } from "../../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../../support/chain-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { byDevice, registerAccount, storeEntry } from "../../support/store-world.ts";
import type { ServerPath } from "./kill-each-write.ts";

const DATA = "data";
const DATABASE = join(DATA, "server.sqlite");
const BACKUP = "dovetail.backup";
/** What a restore moves aside, whenever that was. */
const ASIDE = /^server\.sqlite\.replaced-[^.]+$/;

/** Registers `name` with a log of so many entries. */
async function fill(store: ServerStore, name: string, count: number): Promise<void> {
  const random = createSeededRandom(name);
  const { accountId, deviceId } = await registerAccount(store, random, name);
  const logId = idFromBytes("log", random.bytes(32));
  must(await store.createLog({ logId, ownerId: accountId, kind: "account", appendKey: null }));
  const writerTag = idFromBytes("writerTag", random.bytes(16));
  const entries = Array.from({ length: count }, (_, at) =>
    storeEntry(logId, writerTag, at + 1, random.bytes(400)),
  );
  must(await store.append({ logId, appender: byDevice(accountId, deviceId), writerTag, entries }));
}

/** A server's data in which `names` are, as a process left it that was killed: with a log that is not in the file yet. */
async function makeData(folder: string, names: readonly string[]): Promise<void> {
  const [data, running] = [join(folder, DATA), join(folder, "running")];
  mkdirSync(running);
  const store = must(openSqliteStore(join(running, "server.sqlite"), silentLogger));
  for (const name of names) await fill(store, name, 30);
  cpSync(running, data, { recursive: true });
  await store.close();
  rmSync(running, { recursive: true });
}

/** Who is in the database at `path` and what it holds. */
async function holds(path: string): Promise<unknown> {
  const store = must(openSqliteStore(path, silentLogger));
  try {
    const { accounts, logs } = must(await store.figures());
    const ann = must(await store.findHandle("ann"));
    const bob = must(await store.findHandle("bob"));
    return { accounts, entries: logs.reduce((sum, log) => sum + log.entries, 0), ann, bob };
  } finally {
    await store.close();
  }
}

/** Runs a command in this process, without a word on the terminal. */
async function run(command: ServerCommand, args: readonly string[]): Promise<{ code: number; said: string }> {
  const read = readConfig(args, {}, command.options);
  if (!read.ok || read.value === "help") throw new Error("the command line is right");
  const streams = [process.stdout, process.stderr] as const;
  const writes = streams.map((stream) => stream.write);
  let said = "";
  for (const stream of streams)
    stream.write = (text: string | Uint8Array) => {
      said += String(text);
      return true;
    };
  try {
    return { code: await command.run(read.value), said };
  } finally {
    for (const [at, stream] of streams.entries()) if (writes[at] !== undefined) stream.write = writes[at];
  }
}

async function comesThrough(command: ServerCommand, args: readonly string[]): Promise<void> {
  const { code, said } = await run(command, args);
  if (code !== 0) throw new Error(`${command.name} ended with ${code}: ${said}`);
}

/** A backup of ann's server, beside it. */
async function makeBackup(folder: string): Promise<void> {
  await makeData(folder, ["ann"]);
  await comesThrough(backupCommand, [join(folder, BACKUP), "--data", join(folder, DATA)]);
  rmSync(join(folder, DATA), { recursive: true });
}

function restore(isReplacing: boolean): ServerPath {
  const args = (folder: string): readonly string[] => [
    join(folder, BACKUP),
    "--data",
    join(folder, DATA),
    ...(isReplacing ? ["--replace"] : []),
  ];
  const isThere = (folder: string): boolean => existsSync(join(folder, DATABASE));
  return {
    name: isReplacing ? "a backup is put in the place of a database" : "a backup is put into an empty folder",
    databases: [DATABASE],
    async prepare(folder) {
      await makeBackup(folder);
      if (isReplacing) await makeData(folder, ["bob"]);
    },
    async act(folder, onAnswer) {
      // Without --replace it is refused where it is there, also by an own restore that was killed.
      if (isReplacing || !isThere(folder)) await comesThrough(restoreCommand, args(folder));
      onAnswer();
    },
    // Where nothing is, a server begins with nothing.
    shown: async (folder) => {
      mkdirSync(join(folder, DATA), { recursive: true });
      return holds(join(folder, DATABASE));
    },
    left(folder) {
      const found = readdirSync(join(folder, DATA)).filter((file) => file !== "server.sqlite");
      const broken = found.filter((file) => !ASIDE.test(file));
      const isKept = found.some((file) => {
        const checked = ASIDE.test(file) ? checkDatabase(join(folder, DATA, file)) : null;
        return checked?.ok === true && checked.value.entries === 30;
      });
      return isReplacing && !isKept ? [...broken, "what was there before is lost"] : broken;
    },
  };
}

function backup(): ServerPath {
  const isWhole = async (folder: string): Promise<boolean> => {
    const path = join(folder, BACKUP);
    return existsSync(path) && readHash(path) === (await hashFile(path)) && checkDatabase(path).ok;
  };
  return {
    name: "a backup is made",
    databases: [DATABASE],
    prepare: (folder) => makeData(folder, ["ann", "bob"]),
    async act(folder, onAnswer) {
      const path = join(folder, BACKUP);
      if (existsSync(path)) {
        if (!(await isWhole(folder))) throw new Error("what bears a backup's name is none");
        onAnswer();
        return;
      }
      const args = [path, "--data", join(folder, DATA)];
      const partial = `${path}.partial`;
      if (existsSync(partial)) {
        const { code, said } = await run(backupCommand, args);
        if (code === 0 || !said.includes("cut short") || !said.includes(partial)) throw new Error(said);
        // As it says.
        rmSync(partial);
      }
      await comesThrough(backupCommand, args);
      onAnswer();
    },
    shown: async (folder) => [await holds(join(folder, DATABASE)), await isWhole(folder)],
    left(folder) {
      const files = [BACKUP, hashPath(BACKUP), DATA];
      return readdirSync(folder).filter((file) => !files.includes(file));
    },
  };
}

/** Each made anew for each time it is played. */
export const COMMAND_PATHS: readonly (() => ServerPath)[] = [
  () => restore(true),
  () => restore(false),
  backup,
];
