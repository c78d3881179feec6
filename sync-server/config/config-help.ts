/** The help of the server program, made from the table of settings. */
import type { Setting } from "./setting.ts";
import { SETTINGS, SHORTHANDS } from "./settings.ts";

const FLAG_WIDTH = 30;
const INDENT = 6;
/** A line that is longer is hard to read. */
export const COLUMNS_MAX = 96;
/** Narrower than this, an explanation stands below its flag. */
const COLUMNS_BESIDE_MIN = 70;

/** All settings with their flags, variables and first values, on a page of so many columns. */
export function settingsHelp(columns = COLUMNS_MAX): string {
  const row = (name: string, placeholder: string, help: string): string =>
    layOutRow({ name, placeholder, help }, Math.min(columns, COLUMNS_MAX));
  const settings: readonly Setting<unknown>[] = Object.values(SETTINGS);
  const lines = [
    ...Object.entries(SHORTHANDS).map(([name, { placeholder, help }]) => row(name, placeholder, help)),
    ...settings.map((setting) =>
      row(setting.name, setting.placeholder, `${setting.help}${firstOf(setting)}`),
    ),
  ];
  return [
    ...wrap(
      "Settings, as flags; each is also a variable (--work-bits is DOVETAIL_WORK_BITS) and a key of the file:",
      Math.min(columns, COLUMNS_MAX),
    ),
    "",
    ...lines,
  ].join("\n");
}

function firstOf<T>(setting: Setting<T>): string {
  if (setting.placeholder === "" || setting.first === null) return "";
  return ` (${setting.show(setting.first)})`;
}

function layOutRow(
  { name, placeholder, help }: { readonly name: string; readonly placeholder: string; readonly help: string },
  columns: number,
): string {
  const flag = `  --${name}${placeholder === "" ? "" : ` ${placeholder}`}`;
  const indent = columns < COLUMNS_BESIDE_MIN ? INDENT : FLAG_WIDTH;
  const lines = wrap(help, columns - indent);
  const isBeside = flag.length < indent;
  const first = isBeside ? `${flag.padEnd(indent)}${lines[0] ?? ""}` : flag;
  const rest = isBeside ? lines.slice(1) : lines;
  return [first, ...rest.map((line) => `${" ".repeat(indent)}${line}`)].join("\n");
}

/** Lines of at most so many columns, as far as words allow. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const part of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + part.length > columns) lines.push(part);
    else lines[lines.length - 1] = `${last} ${part}`;
  }
  return lines;
}
