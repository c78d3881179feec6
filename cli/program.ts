/** The command line as a tree of commands. */
import tab from "@bomb.sh/tab/commander";
import { Command, CommanderError, type Help } from "commander";
import { createCommandRunner, type ProgramStreams } from "./command-runner.ts";
import { addAccountCommands } from "./commands/account.ts";
import { addContactCommands } from "./commands/contact.ts";
import { addDaemonCommands } from "./commands/daemon.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addDeviceCommands } from "./commands/device.ts";
import { addDraftCommands } from "./commands/draft.ts";
import { addInboxCommands } from "./commands/inbox.ts";
import { addLockCommands } from "./commands/lock.ts";
import { addSendCommand } from "./commands/send.ts";
import { addServerCommands } from "./commands/server.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addSyncCommand } from "./commands/sync.ts";
import { addTagCommands } from "./commands/tag.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { say } from "./errors/error-words.ts";
import { EXIT } from "./errors/exit-code.ts";
import { createOutput } from "./output/output.ts";
import { plainLine } from "./output/plain-text.ts";
import { wrapText } from "./output/text-width.ts";

/** How a run ended; `isServing` when a server has taken the process over. */
export interface ProgramEnd {
  readonly exitCode: number;
  readonly isServing: boolean;
}

/** What stands under the help: sections of paragraphs, wrapped for the terminal that shows them. */
const AFTER_HELP: readonly (readonly [title: string, paragraphs: readonly string[]])[] = [
  [
    "Files",
    [
      "Profiles are in $DOVETAIL_HOME, or in the data folder of this user. At rest they are protected by file permissions, and by a passphrase where one is set: dovetail lock set",
    ],
  ],
  [
    "Exit codes",
    [
      "0 done, 1 failed, 2 wrong usage, 3 server unreachable, 4 refused by the server, 5 not found, 6 taken or in use, 7 trust alarm, 8 this device is revoked or rolled back, 9 storage, 10 locked, 130 interrupted",
    ],
  ],
  [
    "Environment",
    [
      "DOVETAIL_HOME, DOVETAIL_PROFILE, DOVETAIL_PASSPHRASE, DOVETAIL_NEW_PASSPHRASE, DOVETAIL_LOG=debug|info|warn|error, NO_COLOR, COLUMNS",
    ],
  ],
];
const HELP_WIDTH_MAX = 96;
const HELP_INDENT = "  ";
/** With less room beside its name, a description goes below it. */
const HELP_COLUMN_MIN = 24;

/** Runs the program with `args`, which are those after the program's name. */
export async function runProgram(streams: ProgramStreams, args: readonly string[]): Promise<ProgramEnd> {
  let exitCode: number = EXIT.ok;
  let isServing = false;
  const run = createCommandRunner(streams, (code) => {
    exitCode = code;
  });
  const program = createProgram(streams);
  addAccountCommands(program, run);
  addDeviceCommands(program, run);
  addContactCommands(program, run);
  addSendCommand(program, run);
  addDraftCommands(program, run);
  addInboxCommands(program, run);
  addTagCommands(program, run);
  addSyncCommand(program, run);
  addDaemonCommands(program, run);
  addStatusCommand(program, run);
  addVerifyCommand(program, run);
  addLockCommands(program, run);
  addServerCommands(program, run, () => {
    isServing = true;
  });
  addDemoCommand(program, run);
  tab(program);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (exitCode !== EXIT.ok && thrown.code !== "commander.help") failUsage(streams, args, thrown);
  }
  return { exitCode, isServing };
}

function createProgram(streams: ProgramStreams): Command {
  return new Command("dovetail")
    .description("Messages between people and among your own devices. Works without a connection.")
    .version("0.1.0")
    .option("--profile <name>", "which profile: one per device of an account (default: default)")
    .option("--json", "one JSON object on standard output; one a line for streams")
    .option("--quiet", "no messages on standard error but errors and warnings")
    .option("--no-color", "no colour")
    .option("--passphrase-fd <n>", "read the passphrase from this descriptor: its first line")
    .option("--offline", "do not ask the server")
    .option("--yes", "answer questions with yes")
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      getOutHelpWidth: () => streams.stdout.columns ?? 80,
      getErrHelpWidth: () => streams.stderr.columns ?? 80,
      // Said once, in our own form, by `failUsage`.
      outputError: () => {},
    })
    .configureHelp({ minWidthToWrap: 1, formatItem: formatHelpItem })
    .addHelpText("after", () => layOutHelpEnd(streams.stdout.columns ?? 80))
    .exitOverride();
}

/** A name and what it is, side by side or below each other. */
function formatHelpItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? HELP_WIDTH_MAX;
  const column = termWidth + 2 * HELP_INDENT.length;
  const isNarrow = width - column < HELP_COLUMN_MIN;
  const start = isNarrow ? 2 * HELP_INDENT.length : column;
  const [first = "", ...rest] = wrapText(description, width - start);
  const pad = " ".repeat(start);
  const lines = isNarrow ? [HELP_INDENT + term, pad + first] : [(HELP_INDENT + term).padEnd(start) + first];
  return [...lines, ...rest.map((line) => pad + line)].map((line) => line.trimEnd()).join("\n");
}

function layOutHelpEnd(columns: number): string {
  const width = Math.min(columns, HELP_WIDTH_MAX) - HELP_INDENT.length;
  const sections = AFTER_HELP.map(([title, paragraphs]) => {
    const lines = paragraphs.flatMap((paragraph) => wrapText(paragraph, width));
    return [`${title}:`, ...lines.map((line) => HELP_INDENT + line)].join("\n");
  });
  return `\n${sections.join("\n\n")}`;
}

/** Commander's words for wrong usage, as our `error:` and `hint:`. */
function failUsage(streams: ProgramStreams, args: readonly string[], error: CommanderError): void {
  const output = createOutput(streams, {
    isJson: args.includes("--json"),
    isQuiet: false,
    hasColor: !args.includes("--no-color"),
  });
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const guess = rest.join(" ").replace(/^\(|\)$/g, "");
  const group = args.find((arg) => /^[a-z]+$/.test(arg));
  const help = `dovetail${group === undefined || error.code === "commander.unknownCommand" ? "" : ` ${group}`} --help`;
  output.fail(
    { type: "Usage", message: first, hint: help },
    say(EXIT.usage, plainLine(first), plainLine(guess === "" ? help : guess)),
  );
}
