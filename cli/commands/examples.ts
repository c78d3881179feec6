/** Examples under a command's help: what people copy first. */
import type { Command } from "commander";

/** Adds a list of whole command lines, each with what it does. */
export function addExamples(
  command: Command,
  examples: readonly (readonly [line: string, what: string])[],
): Command {
  const lines = examples.flatMap(([line, what]) => [`  # ${what}`, `  $ ${line}`]);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
