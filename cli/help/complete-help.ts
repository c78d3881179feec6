/** Finishes the help of all commands at once: what arguments are, examples, where to read on. */
import type { Argument, Command } from "commander";
import { examplesOf } from "../commands/examples.ts";
import { wrapText } from "../output/text-width.ts";
import type { HelpPage } from "./lay-out-help.ts";

/** What an argument is that says nothing of itself, by its name. */
const MEANING_BY_ARGUMENT: Readonly<Record<string, string>> = {
  contact: "name, handle, or the start of the id",
  device: "its name, or the start of its id",
  tag: "its name, or the start of its id",
  profile: "as dovetail profile list shows it",
  name: "the name",
};

const FOOTER =
  "Options of every command: dovetail --help. What a command ends with: dovetail help exit-codes.";

/** Goes through the tree below `program`. `pageOf` tells the page when the help is asked for. */
export function completeHelp(program: Command, pageOf: () => HelpPage): void {
  for (const command of allCommands(program)) {
    for (const argument of command.registeredArguments) describeArgument(argument);
    command.addHelpText("after", () => layOutExamples(command, pageOf()).join("\n"));
    if (command !== program)
      command.addHelpText("after", () => ["", ...wrapText(FOOTER, pageOf().width)].join("\n"));
  }
}

/** The command and all below it, in the order of the help. */
export function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap((below) => allCommands(below))];
}

function describeArgument(argument: Argument): void {
  if (argument.description === "") argument.description = MEANING_BY_ARGUMENT[argument.name()] ?? "";
}

/** Command lines are never broken: they are there to be copied. */
function layOutExamples(command: Command, { paint, width }: HelpPage): readonly string[] {
  const examples = examplesOf(command);
  if (examples.length === 0) return [];
  const lines = examples.flatMap(([line, what]) => [
    ...wrapText(what, width - 4).map((part) => paint(`  # ${part}`, "faint")),
    `  $ ${line}`,
  ]);
  return ["", paint("Examples:", "strong"), ...lines];
}
