/** `restore FILE`: the database of a backup in the place of a server's. The server must be stopped. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import { askOperator } from "../operator/operator-socket.ts";
import { checkDatabase, type DatabaseReport, explainDatabaseFault } from "../store/sqlite/check-database.ts";
import { databasePath, EXIT, fail, makeDataFolder, print, say, type ServerCommand } from "./command.ts";
import { hashFile, readHash, syncToDisk } from "./file-hash.ts";

const BESIDE = ["-wal", "-shm"];
const ASIDE = ".replaced-";

export const restoreCommand: ServerCommand = {
  name: "restore",
  usage: "FILE [--verify] [--replace]",
  help: "put a backup in place; --verify only checks it, --replace moves the present database aside",
  options: { verify: false, replace: false },
  positionals: 1,
  async run({ commandLine, config }) {
    const [given] = commandLine.positionals;
    if (given === undefined)
      return fail("which backup?", "dovetail server restore dovetail.backup --verify", EXIT.usage);
    const path = resolve(given);
    const report = await verify(path);
    if (typeof report === "number") return report;
    const found = { path, accounts: report.accounts, logs: report.logs, entries: report.entries };
    if (commandLine.own.has("verify")) {
      print(
        config.isJson
          ? JSON.stringify({ verified: found })
          : `${path} is whole: ${report.accounts} accounts, ${report.logs} logs, ${report.entries} entries.`,
      );
      return EXIT.ok;
    }
    const { dataFolder } = config;
    if (dataFolder === null)
      return fail("--memory keeps no database", "name a folder with --data", EXIT.usage);
    const put = await putInPlace(path, dataFolder, commandLine.own.has("replace"));
    if (put !== EXIT.ok) return put;
    if (config.isJson) print(JSON.stringify({ restored: found }));
    else {
      print(`Restored ${report.accounts} accounts and ${report.entries} entries into ${dataFolder}.`);
      say(
        "Devices that saw entries this backup does not have will say that the server went back, and keep what they have: tell the people who use it.",
      );
    }
    return EXIT.ok;
  },
};

/** What is in the backup, or the exit code after saying why it is not good. */
async function verify(path: string): Promise<DatabaseReport | number> {
  if (!existsSync(path)) return fail(`there is no ${path}`, "name the file that dovetail server backup made");
  const hash = readHash(path);
  if (hash === null)
    process.stderr.write(`warning: there is no ${path}.sha256, so the file is checked by itself only\n`);
  else if (hash !== (await hashFile(path)))
    return fail(
      `${path} is not what was backed up: its SHA-256 is another`,
      "use another backup, or fetch it again",
    );
  const checked = checkDatabase(path);
  if (checked.ok) return checked.value;
  const { text, hint } = explainDatabaseFault(checked.error);
  return fail(`${path} cannot be restored: ${text}`, hint);
}

async function putInPlace(path: string, folder: string, isReplacing: boolean): Promise<number> {
  const target = databasePath(folder);
  const isServing = (await askOperator(folder, { type: "figures" })).ok;
  // Opening it also brings what is in the log beside it into the file.
  const present = existsSync(target) ? checkDatabase(target) : null;
  const isInUse = present !== null && !present.ok && present.error.type === "DatabaseInUse";
  if (isServing || isInUse)
    return fail(`a server runs on ${folder}`, "stop it first: it would not see the restored data");
  if (present !== null && !isReplacing)
    return fail(
      `${target} is there already`,
      "give --replace to move it aside, or another folder with --data",
    );
  if (!makeDataFolder(folder)) return fail(`cannot make the folder ${folder}`, "choose another with --data");
  const restoring = `${target}.restoring`;
  try {
    copyFileSync(path, restoring);
    chmodSync(restoring, 0o600);
    syncToDisk(restoring);
    if (existsSync(target)) moveAside(target, folder);
    renameSync(restoring, target);
    syncToDisk(folder);
    return EXIT.ok;
  } catch (error) {
    rmSync(restoring, { force: true });
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return fail(`cannot write in ${folder} (${code})`, "look at its permissions and at the disk's room");
  }
}

/**
 * Gives the present database a second name: the restored one takes the first over in one act, so that at every moment a server which starts
 * finds one of the two. Without a database it would begin with an empty one.
 */
function moveAside(target: string, folder: string): void {
  const { ino, dev } = statSync(target, { bigint: true });
  const isSame = (path: string): boolean => {
    const other = statSync(path, { bigint: true });
    return other.ino === ino && other.dev === dev;
  };
  const name = `${basename(target)}${ASIDE}`;
  // A restore that was cut short has left one.
  for (const file of readdirSync(folder))
    if (file.startsWith(name) && isSame(join(folder, file))) rmSync(join(folder, file));
  const aside = `${target}${ASIDE}${new Date().toISOString().replace(/[:.]/g, "-")}`;
  try {
    linkSync(target, aside);
  } catch {
    // Not every file system has second names.
    copyFileSync(target, aside);
    syncToDisk(aside);
  }
  // What the check could not bring into a damaged file stays with it: beside another it would be taken for that one's.
  for (const beside of BESIDE)
    if (existsSync(`${target}${beside}`)) renameSync(`${target}${beside}`, `${aside}${beside}`);
  syncToDisk(folder);
}
