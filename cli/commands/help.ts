/** `dovetail help` and `dovetail man`: what commands do, and what belongs to none of them. */
import type { Command } from "commander";
import { err, ok, type Result, similarWords } from "@dovetail/core";
import type { Outcome, RunCommand } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { joinWords, quote } from "../errors/error-words.ts";
import { HELP_TOPICS } from "../help/help-topics.ts";
import { type HelpPage, layOutSection } from "../help/lay-out-help.ts";
import { manPage } from "../help/man-page.ts";
import { subcommand } from "../help/usage-failure.ts";
import { addExamples } from "./examples.ts";

/** `version` is the program's, for the manual pages. */
export function addHelpCommands(
  program: Command,
  run: RunCommand,
  { pageOf, version }: { readonly pageOf: () => HelpPage; readonly version: string },
): void {
  program.helpCommand(false);
  const help = program
    .command("help")
    .description("explain a command or a topic")
    .argument("[words...]", "a command, as inbox show, or a topic")
    .action((words: readonly string[], _options: unknown, command: Command) => {
      const topic = words.length === 1 ? HELP_TOPICS[words[0] ?? ""] : undefined;
      const found = topic === undefined ? findCommand(program, words) : ok(null);
      if (found.ok && found.value !== null) {
        found.value.outputHelp();
        return;
      }
      return run(command, async () => {
        if (!found.ok) return found;
        const page = pageOf();
        const sections = topic?.sections.map((section) => layOutSection(section, page).join("\n")) ?? [];
        const lines = sections.join("\n\n").split("\n");
        return ok({ json: { topics: Object.keys(HELP_TOPICS), lines }, text: () => lines });
      });
    });
  addExamples(help, [
    ["dovetail help inbox show", "a command"],
    ["dovetail help search", "a topic"],
  ]);

  const man = program
    .command("man")
    .description("print a manual page, for man(1)")
    .argument("[words...]", "a command, as inbox show; without it, the whole program")
    .action((words: readonly string[], _options: unknown, command: Command) =>
      run(command, async (): Promise<Result<Outcome, CliError>> => {
        const found = findCommand(program, words);
        if (!found.ok) return found;
        const page = manPage(found.value, version);
        return ok({ json: { roff: page }, text: () => page.trimEnd().split("\n") });
      }),
    );
  addExamples(man, [
    ["dovetail man inbox search | man -l -", "read a page"],
    ["dovetail man > ~/.local/share/man/man1/dovetail.1", "keep it where man finds it"],
  ]);
}

function findCommand(program: Command, words: readonly string[]): Result<Command, CliError> {
  let found = program;
  for (const word of words) {
    const next = subcommand(found, word);
    if (next === undefined) {
      const names = [
        ...found.commands.map((one) => one.name()),
        ...(found === program ? Object.keys(HELP_TOPICS) : []),
      ];
      const similar = similarWords(names, word);
      return err({
        type: "Usage",
        message: `there is no command or topic ${quote(word)}`,
        hint: similar.length > 0 ? `did you mean ${joinWords(similar, "or")}?` : "dovetail help lists them",
      });
    }
    found = next;
  }
  return ok(found);
}
