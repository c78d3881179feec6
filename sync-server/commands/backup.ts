/** `backup FILE`: a whole, checked copy of the database, while the server runs or not. */
import { closeSync, existsSync, openSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { checkDatabase, explainDatabaseFault } from "../store/sqlite/check-database.ts";
import {
  askServer,
  EXIT,
  fail,
  failRefused,
  print,
  type CommandContext,
  type ServerCommand,
} from "./command.ts";
import { hashFile, hashLine, hashPath, syncToDisk } from "./file-hash.ts";
import { roundSize } from "./stats.ts";

export const backupCommand: ServerCommand = {
  name: "backup",
  usage: "FILE",
  help: "copy the database into FILE, checked, with its SHA-256 beside it; the server may run",
  options: {},
  positionals: 1,
  async run(context) {
    const [given] = context.commandLine.positionals;
    if (given === undefined)
      return fail("the backup needs a file", "dovetail server backup dovetail.backup", EXIT.usage);
    const path = resolve(given);
    if (existsSync(path)) return fail(`${path} exists`, "choose another name: backups are not overwritten");
    const partial = `${path}.partial`;
    try {
      // Its owner's only, from the first byte; and whether it can be written is known before anything is copied.
      closeSync(openSync(partial, "wx", 0o600));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
      return fail(
        `cannot write ${partial} (${code})`,
        "choose a folder that is there, or remove a backup that was cut short",
      );
    }
    try {
      return await copy(context, path, partial);
    } catch (error) {
      rmSync(hashPath(path), { force: true });
      return fail(
        `cannot write ${partial} (${error instanceof Error ? error.message : "unknown"})`,
        "make room and begin again; nothing of this copy is left",
      );
    } finally {
      for (const left of [partial, `${partial}-journal`, `${partial}-wal`, `${partial}-shm`])
        rmSync(left, { force: true });
    }
  },
};

async function copy(context: CommandContext, path: string, partial: string): Promise<number> {
  const answer = await askServer(context, { type: "backup", path: partial });
  if (answer === null) return EXIT.failed;
  if (answer.type !== "done") return failRefused(answer);
  makeOneFile(partial);
  const checked = checkDatabase(partial);
  if (!checked.ok) {
    const { text, hint } = explainDatabaseFault(checked.error);
    return fail(`the copy is not good: ${text}`, hint);
  }
  const sha256 = await hashFile(partial);
  syncToDisk(partial);
  writeFileSync(hashPath(path), hashLine(path, sha256), { mode: 0o600 });
  renameSync(partial, path);
  syncToDisk(dirname(path));
  const { size } = statSync(path);
  const { accounts, entries } = checked.value;
  print(
    context.config.isJson
      ? JSON.stringify({ path, sha256, bytes: size, accounts, entries })
      : `Backed up ${accounts} accounts and ${entries} entries to ${path} (${roundSize(size)}).`,
  );
  return EXIT.ok;
}

/** Out of the mode that keeps a log beside the file: a backup is one file, and reading it changes nothing. */
function makeOneFile(path: string): void {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode=DELETE");
  db.close();
}
