/** The help of the server program, made from the table of settings. */
import type { Setting } from "./setting.ts";
import { SETTINGS, SHORTHANDS } from "./settings.ts";

const FLAG_WIDTH = 30;
const HELP_WIDTH = 66;

/** All settings with their flags, variables and first values. */
export function settingsHelp(): string {
  const settings: readonly Setting<unknown>[] = Object.values(SETTINGS);
  const lines = [
    ...Object.entries(SHORTHANDS).map(([name, { placeholder, help }]) => row(name, placeholder, help)),
    ...settings.map((setting) =>
      row(setting.name, setting.placeholder, `${setting.help}${firstOf(setting)}`),
    ),
  ];
  return [
    "Settings, as flags; each is also a variable (--work-bits is DOVETAIL_WORK_BITS) and a key of the file:",
    "",
    ...lines,
  ].join("\n");
}

function firstOf<T>(setting: Setting<T>): string {
  if (setting.placeholder === "" || setting.first === null) return "";
  return ` (${setting.show(setting.first)})`;
}

function row(name: string, placeholder: string, help: string): string {
  const flag = `  --${name}${placeholder === "" ? "" : ` ${placeholder}`}`;
  const lines = wrap(help);
  const first = flag.length < FLAG_WIDTH ? `${flag.padEnd(FLAG_WIDTH)}${lines[0] ?? ""}` : flag;
  const rest = flag.length < FLAG_WIDTH ? lines.slice(1) : lines;
  return [first, ...rest.map((line) => `${" ".repeat(FLAG_WIDTH)}${line}`)].join("\n");
}

function wrap(help: string): readonly string[] {
  const lines: string[] = [];
  for (const part of help.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + part.length >= HELP_WIDTH) lines.push(part);
    else lines[lines.length - 1] = `${last} ${part}`;
  }
  return lines;
}
