import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { commandPath, examplesOf } from "../../../cli/commands/examples.ts";
import { allCommands } from "../../../cli/help/complete-help.ts";
import { HELP_TOPICS } from "../../../cli/help/help-topics.ts";
import { manPage } from "../../../cli/help/man-page.ts";
import { byOwnName, deepestCommand } from "../../../cli/help/usage-failure.ts";
import { createProgramTree } from "../../../cli/program.ts";
import { createCommandStreams } from "../../support/command-streams.ts";

const program = createProgramTree(createCommandStreams({}, 80).streams);
const commands = allCommands(program);
const paths = commands.map((command) => [commandPath(command), command] as const);

describe("every command", () => {
  test.each(paths)("%s says what it does, and of each argument and option", (_path, command) => {
    expect(command.description()).not.toBe("");
    for (const argument of command.registeredArguments)
      expect(argument.description, argument.name()).not.toBe("");
    for (const option of command.options) expect(option.description, option.flags).not.toBe("");
  });

  test.each(paths.filter(([, command]) => command.commands.length === 0))(
    "%s has an example",
    (_path, command) => {
      expect(examplesOf(command)).not.toEqual([]);
    },
  );

  test("of each example is there, and with options that it has", () => {
    for (const [, command] of paths) {
      for (const [line] of examplesOf(command)) {
        const dovetail = line.split(/[|;]|&&/).find((part) => part.trim().startsWith("dovetail "));
        if (dovetail === undefined) continue;
        const words = dovetail.trim().split(/\s+/).slice(1);
        const found = deepestCommand(program, words);
        expect(commandPath(found.command), line).not.toBe("dovetail");
        const known = [...program.options, ...found.command.options].map(({ long }) => long);
        const isPassedOn = commandPath(found.command).startsWith("dovetail server ");
        for (const word of isPassedOn ? [] : words.filter((one) => one.startsWith("--") && one !== "--"))
          expect([...known, "--help"], line).toContain(word.split("=")[0]);
      }
    }
  });

  test("that has another name is completed as itself", () => {
    expect(byOwnName(program, ["ops", "ch"])).toEqual(["server", "ch"]);
    for (const words of [["sync", "ops"], ["nothing"], [""]])
      expect(byOwnName(program, words)).toEqual(words);
    const names = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
    expect(new Set(names).size).toBe(names.length);
  });

  test("has a name that no topic has", () => {
    for (const command of program.commands) expect(Object.keys(HELP_TOPICS)).not.toContain(command.name());
  });
});

describe("a manual page", () => {
  const hasGroff = spawnSync("groff", ["--version"]).status === 0;

  test.each(paths)("of %s has its sections, and nothing of it is a request", (path, command) => {
    const page = manPage(command, "0.1.0");
    expect(page).toMatch(/^\.TH "/);
    expect(page).toContain('.SH "NAME"\n');
    expect(page).toContain('.SH "EXIT CODES"\n');
    for (const line of page.split("\n"))
      expect(line).toMatch(/^(\.(TH|SH|TP|PP|RS|RE|nf|fi|B)( |$)|[^.']|$)/);
    if (!hasGroff) return;
    const shown = spawnSync("groff", ["-man", "-Tutf8", "-ww"], { input: page, encoding: "utf8" });
    expect(shown.stderr).toBe("");
    expect(shown.stdout).toContain(path.replaceAll(" ", "-").toUpperCase());
  });
});
