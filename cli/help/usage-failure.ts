/** Commander's words for wrong usage, as our `error:` and `hint:`. */
import type { Command, CommanderError } from "commander";
import { similarWords } from "@dovetail/core";
import { commandPath } from "../commands/examples.ts";
import { type ErrorText, joinWords, say } from "../errors/error-words.ts";
import { EXIT } from "../errors/exit-code.ts";
import { plainLine } from "../output/plain-text.ts";

export interface UsageFailure {
  readonly type: "Usage";
  readonly message: string;
  readonly hint: string;
}

/** What `error` means for who typed `args`: what is wrong, then the word they may have meant, or the help to read. */
export function usageFailure(program: Command, args: readonly string[], error: CommanderError): UsageFailure {
  const { command, rest } = deepestCommand(program, args);
  const help = `${commandPath(command)} --help`;
  const unknown = rest.find((word) => !word.startsWith("-"));
  // A group that does something by itself takes the name of a command it does not have for an argument.
  if (error.code === "commander.excessArguments" && command.commands.length > 0 && unknown !== undefined) {
    const names = command.commands.map((one) => one.name());
    return failure(`unknown command '${unknown}'`, guess(similarWords(names, unknown)) ?? help);
  }
  const [first = "", ...more] = error.message.replace(/^error: /, "").split("\n");
  const found = /Did you mean (?:one of )?(.*)\?/.exec(more.join(" "))?.[1]?.split(", ");
  return failure(first.replace(/\.$/, ""), guess(found ?? []) ?? help);
}

/** The failure in words. */
export function usageText({ message, hint }: UsageFailure): ErrorText {
  return say(EXIT.usage, message, hint);
}

function failure(message: string, hint: string): UsageFailure {
  return { type: "Usage", message: plainLine(message), hint: plainLine(hint) };
}

function guess(words: readonly string[]): string | null {
  return words.length === 0 ? null : `did you mean ${joinWords(words, "or")}?`;
}

/** The command of a group that `word` names, by its name or another of its names. */
export function subcommand(group: Command, word: string): Command | undefined {
  return group.commands.find((one) => one.name() === word || one.aliases().includes(word));
}

/** `words` with the first one by its own name, where it is another name of a command. */
export function byOwnName(program: Command, words: readonly string[]): readonly string[] {
  const [first = "", ...rest] = words;
  return [subcommand(program, first)?.name() ?? first, ...rest];
}

/** The command whose words stand in `args`, and what follows them. Values of options before it are passed over. */
export function deepestCommand(
  program: Command,
  args: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } {
  let command = program;
  let at = 0;
  for (let i = 0; i < args.length; i++) {
    const next = subcommand(command, args[i] ?? "");
    if (next !== undefined) {
      command = next;
      at = i + 1;
    } else if (command.registeredArguments.length > 0) break;
  }
  return { command, rest: args.slice(at) };
}
