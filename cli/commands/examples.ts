/** Examples under a command's help: what people copy first. */
import type { Command } from "commander";

/** A whole command line, and what it does. */
export type Example = readonly [line: string, what: string];

const examplesByCommand = new WeakMap<Command, readonly Example[]>();

/** Adds a list of whole command lines, each with what it does. */
export function addExamples(command: Command, examples: readonly Example[]): Command {
  examplesByCommand.set(command, [...(examplesByCommand.get(command) ?? []), ...examples]);
  return command;
}

/** The examples of a command; one without its own has those of the commands above that show it. */
export function examplesOf(command: Command): readonly Example[] {
  const own = examplesByCommand.get(command);
  if (own !== undefined) return own;
  const path = commandPath(command);
  for (let above = command.parent; above !== null; above = above.parent) {
    const shown = (examplesByCommand.get(above) ?? []).filter(([line]) => holdsPath(line, path));
    if (shown.length > 0) return shown;
  }
  return command.commands.length === 0 ? [sampleOf(command)] : [];
}

/** What stands for an argument in an example. */
const SAMPLE_BY_ARGUMENT: Readonly<Record<string, string>> = {
  contact: "Ben",
  device: "laptop",
  tag: "work",
  name: "Ada",
  petname: "Benny",
  message: "last",
  file: "messages.ndjson",
};

/** A command in its simplest form. */
function sampleOf(command: Command): Example {
  const values = command.registeredArguments
    .filter((argument) => argument.required || SAMPLE_BY_ARGUMENT[argument.name()] !== undefined)
    .map((argument) => SAMPLE_BY_ARGUMENT[argument.name()] ?? argument.name().toUpperCase());
  return [[commandPath(command), ...values].join(" "), command.description()];
}

/** `dovetail inbox show`. */
export function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}

/** Whether a line runs the command at `path`, with whatever options between its words. */
function holdsPath(line: string, path: string): boolean {
  const words = path.split(" ");
  const wanted = words.slice(1).join(" ");
  return line.startsWith("dovetail ") && ` ${line} `.includes(` ${wanted} `);
}
