/**
 * The server program: a command and settings in, a running server or an answer out. `--help` says how.
 *
 * Exit codes: 0 when it was done, 1 when it could not be or broke, 2 for wrong usage.
 */
import process from "node:process";
import { cryptoReady } from "@dovetail/core/crypto/sodium.ts";
import { deleteAccountCommand, releaseHandleCommand } from "./commands/accounts.ts";
import { backupCommand } from "./commands/backup.ts";
import { restoreCommand } from "./commands/restore.ts";
import { checkCommand } from "./commands/check.ts";
import { EXIT, fail, pageColumns, print, type ServerCommand } from "./commands/command.ts";
import { inviteCommand, listInvitationsCommand, revokeInvitationCommand } from "./commands/invite.ts";
import { configCommand } from "./commands/show-config.ts";
import { startCommand } from "./commands/start.ts";
import { metricsCommand, statsCommand } from "./commands/stats.ts";
import { settingsHelp, wrap } from "./config/config-help.ts";
import { readConfig } from "./config/read-config.ts";

/** Those of two words come before those they begin with. */
const COMMANDS: readonly ServerCommand[] = [
  startCommand,
  configCommand,
  checkCommand,
  listInvitationsCommand,
  revokeInvitationCommand,
  inviteCommand,
  statsCommand,
  metricsCommand,
  backupCommand,
  restoreCommand,
  deleteAccountCommand,
  releaseHandleCommand,
];

await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  const named = COMMANDS.find(({ name }) => name.split(" ").every((word, index) => args[index] === word));
  const [group = ""] = args;
  const below = COMMANDS.filter(({ name }) => name.startsWith(`${group} `));
  if (named === undefined && below.length > 0) {
    const usages = below.map(({ name, usage }) => `dovetail server ${name} ${usage}`.trimEnd());
    process.exitCode = fail(`${group} does nothing by itself`, usages.join(", or "), EXIT.usage);
    return;
  }
  const command = named ?? startCommand;
  const rest = args.slice(named === undefined ? 0 : named.name.split(" ").length);
  const read = readConfig(rest, process.env, command.options);
  if (read.ok && read.value === "help")
    return print(named === undefined ? programHelp() : commandHelp(command));
  const stray =
    read.ok && read.value !== "help" ? read.value.commandLine.positionals.slice(command.positionals) : [];
  const mistakes = [
    ...(read.ok ? [] : read.error.mistakes),
    ...stray.map((word) => `there is no command or argument ${JSON.stringify(word)} here`),
  ];
  if (mistakes.length > 0 || !read.ok || read.value === "help") {
    const lines = mistakes.map((mistake) => `error: ${mistake}\n`).join("");
    process.stderr.write(`${lines}hint: dovetail server ${command.name} --help\n`);
    process.exitCode = EXIT.usage;
    return;
  }
  // Whatever reads the database compares hashes.
  await cryptoReady();
  process.exitCode = await command.run(read.value);
}

function commandHelp({ name, usage, help }: ServerCommand): string {
  const columns = pageColumns();
  return [
    ...wrap(`dovetail server ${name} ${usage}`.trimEnd(), columns),
    "",
    ...wrap(help, columns - 2).map((line) => `  ${line}`),
    "",
    settingsHelp(columns),
  ].join("\n");
}

function programHelp(): string {
  const columns = pageColumns();
  return [
    ...wrap("Dovetail server: keeps ciphertext in order and can read none of it.", columns),
    "",
    ...wrap(
      "Usage: dovetail server [command] [settings], or: node sync-server/main.ts [command] [settings]",
      columns,
    ),
    "",
    ...COMMANDS.flatMap(({ name, usage, help }) => [
      `  ${name} ${usage}`.trimEnd(),
      ...wrap(help, columns - 6).map((line) => `      ${line}`),
    ]),
    "",
    settingsHelp(columns),
    "",
    ...wrap(
      "The first line on standard output tells the address once the server takes connections.",
      columns,
    ),
    ...wrap(
      "Stop it with SIGINT or SIGTERM: it ends connections, then closes the database; a second signal ends it at once.",
      columns,
    ),
  ].join("\n");
}
