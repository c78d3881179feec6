/** What the server program's commands share: where they print, how they fail, how they reach the server. */
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "@dovetail/core/base/clock.ts";
import { silentLogger } from "@dovetail/core/base/logger.ts";
import { createPlatformRandom } from "@dovetail/core/base/random.ts";
import { cryptoReady } from "@dovetail/core/crypto/sodium.ts";
import { COLUMNS_MAX, wrap } from "../config/config-help.ts";
import type { CommandLine } from "../config/config-sources.ts";
import type { ProgramConfig } from "../config/read-config.ts";
import { createOperatorDesk } from "../operator/operator-desk.ts";
import type { OperatorAnswer, OperatorRequest } from "../operator/operator-request.ts";
import { askOperator } from "../operator/operator-socket.ts";
import type { OpenStoreError } from "../store/sqlite/sqlite-schema.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";

/** Exit codes: what the shell and a supervisor see. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

const DATABASE_NAME = "server.sqlite";

export interface CommandContext {
  readonly config: ProgramConfig;
  readonly commandLine: CommandLine;
}

export interface ServerCommand {
  /** As it is typed, one or two words. */
  readonly name: string;
  /** What follows the name. */
  readonly usage: string;
  readonly help: string;
  /** Its own options; true for those that take a value. */
  readonly options: Readonly<Record<string, boolean>>;
  /** How many words may follow. */
  readonly positionals: number;
  run(context: CommandContext): Promise<number>;
}

/** A line for people or programs. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A sentence for people. */
export function say(sentence: string): void {
  process.stdout.write(laidOut(sentence, process.stdout));
}

/** Says what went wrong and what to do; gives the exit code. */
export function fail(message: string, hint: string, code: number = EXIT.failed): number {
  const { stderr } = process;
  stderr.write(`${laidOut(`error: ${message}`, stderr)}${laidOut(`hint: ${hint}`, stderr)}`);
  return code;
}

/** How wide a page of text is. */
export function pageColumns(stream: NodeJS.WriteStream = process.stdout): number {
  return Math.min(stream.columns ?? COLUMNS_MAX, COLUMNS_MAX);
}

/** Broken between words on a terminal, one line for a program. */
function laidOut(sentence: string, stream: NodeJS.WriteStream): string {
  const lines = stream.isTTY ? wrap(sentence, pageColumns(stream)) : [sentence];
  return lines.map((line) => `${line}\n`).join("");
}

/** The database of a data folder. */
export function databasePath(folder: string): string {
  return join(folder, DATABASE_NAME);
}

/** Makes the data folder, so that only its owner may look inside. False when that cannot be done. */
export function makeDataFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return true;
  } catch {
    return false;
  }
}

/** Why a database could not be opened; gives the exit code. */
export function failToOpen(error: OpenStoreError): number {
  switch (error.type) {
    case "StoreLocked":
      return fail(`another server uses ${error.path}`, "stop it, or choose another folder with --data");
    case "StoreTooNew":
      return fail(
        `${error.path} was written by a newer server (schema ${error.version})`,
        "run that version",
      );
    case "StoreUnreadable":
      return fail(
        `cannot open ${error.path}: ${error.detail}`,
        "check the folder's permissions, or restore a backup",
      );
  }
}

/** Asks the running server, or else does it on its database. Null when neither is there; then it has been said. */
export async function askServer(
  { config }: CommandContext,
  request: OperatorRequest,
): Promise<OperatorAnswer | null> {
  const { dataFolder } = config;
  if (dataFolder === null) {
    fail("a server with --memory keeps nothing that could be asked for", "name its folder with --data");
    return null;
  }
  const asked = await askOperator(dataFolder, request);
  if (asked.ok) return asked.value;
  // An invitation may be made before the first start; everything else is about what is there.
  if (request.type !== "invite" && !existsSync(databasePath(dataFolder))) {
    fail(`there is no server's data in ${dataFolder}`, "name its folder with --data");
    return null;
  }
  if (!makeDataFolder(dataFolder)) {
    fail(`cannot make the folder ${dataFolder}`, "choose another with --data");
    return null;
  }
  await cryptoReady();
  const store = openSqliteStore(databasePath(dataFolder), silentLogger, { quotas: config.server.quotas });
  if (!store.ok) {
    if (store.error.type === "StoreLocked")
      fail(
        `a server has ${store.error.path} and cannot be asked (${asked.error.detail})`,
        "run this as the user the server runs as, or stop the server first",
      );
    else failToOpen(store.error);
    return null;
  }
  const clock = createSystemClock();
  const desk = createOperatorDesk({
    store: store.value,
    clock,
    random: createPlatformRandom(),
    logger: silentLogger,
    server: null,
  });
  const answer = await desk(request);
  await store.value.close();
  return answer;
}

/** Why the server did not do it; gives the exit code. */
export function failRefused(answer: OperatorAnswer): number {
  if (answer.type !== "refused")
    return fail("the server answered something else", "is it of another version? restart it");
  switch (answer.reason) {
    case "unknown":
      return fail("there is none by this name", "look at the list again");
    case "too-many":
      return fail("there are too many", "revoke some first");
    case "no-metrics":
      return fail("no server runs on this folder", "what it does is counted while it runs");
    case "storage":
      return fail(
        `the database refused (${answer.detail})`,
        "look at the disk's room and the server's log lines; dovetail server check tells more",
      );
  }
}

/** A typed answer, or null where there is no terminal. */
export async function askPerson(question: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const typed = await lines.question(question);
  lines.close();
  return typed.trim();
}
