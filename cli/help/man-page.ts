/** Manual pages in roff, from the same definitions as the help. */
import type { Command } from "commander";
import { commandPath, examplesOf } from "../commands/examples.ts";
import { ENVIRONMENT_SECTION, EXIT_SECTION, FILES_SECTION, type HelpSection } from "./help-topics.ts";

/** The page of a command: `man` shows what is written to a file `dovetail-inbox-show.1`. */
export function manPage(command: Command, version: string): string {
  const path = commandPath(command);
  const help = command.createHelp();
  const options = help.visibleOptions(command);
  const isRoot = command.parent === null;
  const global = isRoot ? [] : [["Options of every command are in dovetail(1)."]];
  const parts: string[][] = [
    [
      `.TH ${quoted(path.replaceAll(" ", "-").toUpperCase())} 1 "" ${quoted(`dovetail ${version}`)} "Dovetail"`,
    ],
    section("NAME", [`${text(path.replaceAll(" ", "-"))} \\- ${text(command.description())}`]),
    section("SYNOPSIS", [`.B ${text(path)}`, text(help.commandUsage(command).slice(path.length).trim())]),
    ...when(command.registeredArguments.length > 0, () =>
      section("ARGUMENTS", rows(command.registeredArguments.map((one) => [one.name(), one.description]))),
    ),
    ...when(options.length > 0, () =>
      section("OPTIONS", [
        ...rows(options.map((one) => [help.optionTerm(one), help.optionDescription(one)])),
        ...global.flatMap((lines) => [".PP", ...lines.map(text)]),
      ]),
    ),
    ...when(help.visibleCommands(command).length > 0, () =>
      section(
        "COMMANDS",
        rows(help.visibleCommands(command).map((one) => [help.subcommandTerm(one), one.description()])),
      ),
    ),
    ...when(examplesOf(command).length > 0, () =>
      section(
        "EXAMPLES",
        examplesOf(command).flatMap(([line, what]) => [
          ".PP",
          text(what),
          ".PP",
          ".RS 4",
          ".nf",
          text(line),
          ".fi",
          ".RE",
        ]),
      ),
    ),
    helpSection(EXIT_SECTION),
    ...when(isRoot, () => helpSection(ENVIRONMENT_SECTION)),
    ...when(isRoot, () => helpSection(FILES_SECTION)),
  ];
  return `${parts.flat().join("\n")}\n`;
}

function when(condition: boolean, make: () => string[]): string[][] {
  return condition ? [make()] : [];
}

function section(title: string, lines: readonly string[]): string[] {
  return [`.SH ${quoted(title)}`, ...lines];
}

function helpSection({ title, paragraphs = [], rows: all = [] }: HelpSection): string[] {
  return section(title.toUpperCase(), [
    ...rows(all),
    ...paragraphs.flatMap((paragraph, index) => [...(index === 0 ? [] : [".PP"]), text(paragraph)]),
  ]);
}

function rows(all: readonly (readonly [term: string, meaning: string])[]): string[] {
  return all.flatMap(([term, meaning]) => [".TP", `.B ${text(term)}`, text(meaning)]);
}

/** Plain text as roff: nothing in it is a request or an escape. */
function text(plain: string): string {
  const escaped = plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replaceAll("\n", " ")
    .replace(
      /[^\x20-\x7e]/gu,
      (char) => `\\[u${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
    );
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** An argument of a request. */
function quoted(plain: string): string {
  return `"${text(plain).replaceAll('"', "\\(dq")}"`;
}
