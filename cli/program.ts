/** The command line as a tree of commands. */
import type { RootCommand } from "@bomb.sh/tab";
import tab from "@bomb.sh/tab/commander";
import { Command, CommanderError, Help, Option } from "commander";
import { createCommandRunner, type ProgramStreams, type RunCommand } from "./command-runner.ts";
import { addAccountCommands, defaultDeviceName } from "./commands/account/account.ts";
import { addAlarmCommands } from "./commands/devices/alarm.ts";
import { addBackupCommands } from "./commands/account/backup.ts";
import { addContactCommands } from "./commands/contacts/contact.ts";
import { addDaemonCommands } from "./commands/daemon.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addDeviceCommands } from "./commands/devices/device.ts";
import { addDraftCommands } from "./commands/inbox/draft.ts";
import { addExamples } from "./commands/examples.ts";
import { addHelpCommands } from "./commands/help.ts";
import { addInboxCommands } from "./commands/inbox/inbox.ts";
import { addLockCommands } from "./commands/account/lock.ts";
import { addRoomCommands } from "./commands/rooms/room.ts";
import { addNotifyCommand } from "./commands/notify.ts";
import { addPrivacyCommand } from "./commands/account/privacy.ts";
import { addProfileCommands } from "./commands/account/profile.ts";
import { addSendCommand } from "./commands/inbox/send.ts";
import { addServerCommands } from "./commands/server.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addSyncCommand } from "./commands/devices/sync.ts";
import { addTagCommands } from "./commands/inbox/tag.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { addVerifyFilesCommand } from "./commands/verify-files.ts";
import { addNameCompletions } from "./complete-names.ts";
import { EXIT } from "./errors/exit-code.ts";
import { BASH_COMPLETION } from "./help/bash-completion.ts";
import { completeHelp } from "./help/complete-help.ts";
import { HELP_TOPICS } from "./help/help-topics.ts";
import { HELP_WIDTH_MAX, type HelpPage, layOutRow, layOutSection } from "./help/lay-out-help.ts";
import { byOwnName, usageFailure, usageText } from "./help/usage-failure.ts";
import { createOutput } from "./output/output.ts";
import { createPaint } from "./output/paint.ts";
import { wrapText } from "./output/text-width.ts";

/** How a run ended; `isServing` when a server has taken the process over. */
export interface ProgramEnd {
  readonly exitCode: number;
  readonly isServing: boolean;
}

const VERSION = "0.1.0";
const HELP_COLUMNS_DEFAULT = 80;
const HELP_COLUMNS_MIN = 20;
/** What stands before a usage line: `Usage: `. */
const USAGE_INDENT = 7;

/** Runs the program with `args`, which are those after the program's name. */
export async function runProgram(streams: ProgramStreams, args: readonly string[]): Promise<ProgramEnd> {
  let exitCode: number = EXIT.ok;
  let isServing = false;
  const run = createCommandRunner(streams, (code) => {
    exitCode = code;
  });
  const { program, completions } = addCommands(streams, args, run, () => {
    isServing = true;
  });
  try {
    // What a shell asks on the tab key, with what stands on its line.
    let line = args;
    if (completions !== null && args[0] === "complete" && args[1] === "--") {
      const words = byOwnName(program, args.slice(2));
      await addNameCompletions(program, completions, streams, words);
      line = ["complete", "--", ...words];
    }
    if (isAskingForBash(args)) streams.stdout.write(BASH_COMPLETION);
    else await program.parseAsync([...line], { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (exitCode !== EXIT.ok && thrown.code !== "commander.help") {
      // What is close may be any command.
      const failure = usageFailure(createProgramTree(streams), args, thrown);
      const isJson = args.includes("--json");
      createOutput(streams, { isJson, isQuiet: false, hasColor: !args.includes("--no-color") }).fail(
        failure,
        usageText(failure),
      );
    }
  }
  return { exitCode, isServing };
}

function addCommands(
  streams: ProgramStreams,
  args: readonly string[],
  run: RunCommand,
  onServing: () => void,
): { readonly program: Command; readonly completions: RootCommand | null } {
  const pageOf = helpPageOf(streams, args);
  const program = createProgram(streams, pageOf);
  const groups: readonly CommandGroup[] = [
    ["Messages:", "inbox", () => addInboxCommands(program, run)],
    ["Messages:", "send", () => addSendCommand(program, run)],
    ["Messages:", "draft", () => addDraftCommands(program, run)],
    ["Messages:", "room", () => addRoomCommands(program, run)],
    ["Messages:", "contact", () => addContactCommands(program, run)],
    ["Messages:", "tag", () => addTagCommands(program, run)],
    ["Messages:", "sync", () => addSyncCommand(program, run)],
    ["Messages:", "notify", () => addNotifyCommand(program, run)],
    ["Account and devices:", "account", () => addAccountCommands(program, run)],
    ["Account and devices:", "device", () => addDeviceCommands(program, run)],
    ["Account and devices:", "status", () => addStatusCommand(program, run)],
    ["Account and devices:", "alarm", () => addAlarmCommands(program, run)],
    ["Account and devices:", "verify", () => addVerifyCommand(program, run)],
    ["Account and devices:", "verify-fs", () => addVerifyFilesCommand(program, run)],
    ["Account and devices:", "backup", () => addBackupCommands(program, run, defaultDeviceName())],
    ["Account and devices:", "lock", () => addLockCommands(program, run)],
    ["Account and devices:", "profile", () => addProfileCommands(program, run)],
    ["Account and devices:", "privacy", () => addPrivacyCommand(program, run)],
    ["Account and devices:", "daemon", () => addDaemonCommands(program, run)],
    ["More:", "server", () => addServerCommands(program, run, onServing)],
    ["More:", "demo", () => addDemoCommand(program, run)],
    ["More:", "help", () => addHelpCommands(program, run, { pageOf, version: VERSION })],
  ];
  const only = groups.filter(([, name]) => name === onlyWord(program, args));
  const isWhole = only.length === 0 || only[0]?.[1] === "help";
  for (const [heading, , add] of isWhole ? groups : only) {
    program.commandsGroup(heading);
    add();
  }
  const completions = isWhole ? tab(program) : null;
  describeCompletions(program);
  completeHelp(program, pageOf);
  return { program, completions };
}

/** Under which heading of the help, the word on the line, and what makes it with all below it. */
type CommandGroup = readonly [heading: string, name: string, add: () => void];

/**
 * The first word of a line of which nothing but its own command can be wanted. All others take 20 ms to make. Null for
 * whatever may need them: help, or an option that is not known before the word.
 */
function onlyWord(program: Command, args: readonly string[]): string | null {
  if (args.includes("--help") || args.includes("-h")) return null;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (!arg.startsWith("-")) return arg;
    const option = program.options.find(({ long }) => long === arg);
    if (option === undefined) return null;
    if (option.required) at += 1;
  }
  return null;
}

/** The tree of commands, for who looks at them without running one. */
export function createProgramTree(streams: ProgramStreams): Command {
  return addCommands(
    streams,
    [],
    async () => {},
    () => {},
  ).program;
}

function createProgram(streams: ProgramStreams, pageOf: () => HelpPage): Command {
  return new Command("dovetail")
    .description("Messages between people and among your own devices. Works without a connection.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "explain a command, with examples")
    .option("--profile <name>", "which profile: one per device of an account (default: default)")
    .option("--json", "one JSON object on standard output; one a line for streams")
    .option("--quiet", "no messages on standard error but errors and warnings")
    .option("--no-color", "no colour")
    .option("--passphrase-fd <n>", "read the passphrase from this descriptor: its first line")
    .option("--offline", "do not ask the server")
    .option("--log <filter>", "operational lines on standard error, as info or warn,room=debug")
    .addOption(new Option("--log-format <form>", "text, or json: an object a line").choices(["text", "json"]))
    .option("--redact-logs", "say in them which events there were, by the minute, and nothing about them")
    .option("--yes", "answer questions with yes")
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      getOutHelpWidth: () => pageOf().width,
      getErrHelpWidth: () => pageOf().width,
      getOutHasColors: () => true,
      getErrHasColors: () => true,
      // Said once, in our own form, by `usageFailure`.
      outputError: () => {},
    })
    .configureHelp({
      minWidthToWrap: 1,
      subcommandTerm: (command) => command.name(),
      styleTitle: (title) => pageOf().paint(title, "strong"),
      commandUsage: (command) =>
        wrapText(new Help().commandUsage(command), pageOf().width - USAGE_INDENT).join(
          `\n${" ".repeat(USAGE_INDENT)}`,
        ),
      formatItem: (term, termWidth, description, helper) =>
        layOutRow(term, termWidth, description, helper.helpWidth ?? HELP_WIDTH_MAX).join("\n"),
    })
    .addHelpText("after", () => `\n${layOutTopics(pageOf()).join("\n")}`)
    .exitOverride();
}

/** The page help is written on. It is asked for late: a terminal may have changed its width. */
function helpPageOf({ stdout, env }: ProgramStreams, args: readonly string[]): () => HelpPage {
  return () => {
    const named = Number(env.COLUMNS);
    const columns = Number.isInteger(named) && named > 0 ? named : stdout.columns || HELP_COLUMNS_DEFAULT;
    const paint = createPaint(stdout, env, !args.includes("--no-color"));
    return { width: Math.max(HELP_COLUMNS_MIN, columns), paint };
  };
}

function layOutTopics(page: HelpPage): readonly string[] {
  const rows = Object.entries(HELP_TOPICS).map(([name, { title }]) => [name, title] as const);
  return layOutSection({ title: "Topics, for dovetail help TOPIC", rows }, page);
}

function isAskingForBash(args: readonly string[]): boolean {
  const [command, shell, ...rest] = args.filter((arg) => arg !== "--no-color");
  return command === "complete" && shell === "bash" && rest.length === 0;
}

/** The library that makes the completions has added this command, in its own words. */
function describeCompletions(program: Command): void {
  const complete = program.commands.find((one) => one.name() === "complete");
  if (complete === undefined) return;
  complete.description("completions for your shell: commands, options, names of contacts and tags");
  for (const argument of complete.registeredArguments) argument.description = "bash, zsh, fish or powershell";
  addExamples(complete, [
    ['eval "$(dovetail complete bash)"', "in ~/.bashrc"],
    ["source <(dovetail complete zsh)", "in ~/.zshrc, after compinit"],
    ["dovetail complete fish | source", "in ~/.config/fish/config.fish"],
    ["dovetail complete powershell | Out-String | Invoke-Expression", "in $PROFILE"],
  ]);
}
