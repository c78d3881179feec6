/** Where settings come from: flags, the environment, a file. Each gives texts by name, and its mistakes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { spanEndpointOf } from "@dovetail/core/base/span-endpoint.ts";
import { CONFIG_FILE_NAME, SETTINGS, SHORTHANDS } from "./settings.ts";
import { parseListenAddress, variableOf } from "./setting.ts";

/** Texts by the name of their setting. */
export type SettingTexts = ReadonlyMap<string, readonly string[]>;

export interface ConfigSource {
  /** As people see it: `flag`, `environment`, or the file's path. */
  readonly name: string;
  readonly texts: SettingTexts;
}

export interface CommandLine {
  readonly texts: Map<string, readonly string[]>;
  /** Options of the command itself, by name. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const CONFIG_FILE_BYTES_MAX = 65_536;
/** Not in a file: it would name itself, or is a wish of one run. */
const NOT_IN_FILE = new Set(["config", "help"]);

interface Known {
  readonly isSwitch: boolean;
  readonly isList: boolean;
}

const KNOWN: ReadonlyMap<string, Known> = new Map([
  ...Object.values(SETTINGS).map(({ name, placeholder, isList }): [string, Known] => [
    name,
    { isSwitch: placeholder === "", isList },
  ]),
  ...Object.entries(SHORTHANDS).map(([name, { placeholder }]): [string, Known] => [
    name,
    { isSwitch: placeholder === "", isList: false },
  ]),
]);

/**
 * Reads flags; `ownOptions` are those of the command, true for those that take a value.
 *
 * Not by Node's `parseArgs`: that takes each letter after one dash for an option, and time with the square of their number.
 */
export function readFlags(
  args: readonly string[],
  ownOptions: Readonly<Record<string, boolean>>,
  mistakes: string[],
): CommandLine {
  const takesValueByFlag = new Map([...KNOWN].map(([name, { isSwitch }]) => [`--${name}`, !isSwitch]));
  for (const [name, takes] of Object.entries(ownOptions)) takesValueByFlag.set(`--${name}`, takes);
  const texts = new Map<string, string[]>();
  const own = new Map<string, string[]>();
  const positionals: string[] = [];
  const words = args.values();
  for (const word of words) {
    if (word === "--") for (const rest of words) positionals.push(rest);
    else if (word === "-" || !word.startsWith("-")) positionals.push(word);
    else {
      const { flag, given } = splitFlag(word);
      const takesValue = takesValueByFlag.get(flag);
      const value = takesValue === true ? (given ?? words.next().value) : given;
      if (takesValue === undefined) mistakes.push(`there is no option ${flag}`);
      else if (takesValue && value === undefined) mistakes.push(`${flag} needs a value`);
      else if (!takesValue && value !== undefined) mistakes.push(`${flag} takes no value`);
      else addTo(Object.hasOwn(ownOptions, flag.slice(2)) ? own : texts, flag.slice(2), value ?? "true");
    }
  }
  return { texts, own, positionals };
}

/** `--flag=given`, or without the latter. */
function splitFlag(word: string): { readonly flag: string; readonly given: string | undefined } {
  const end = word.indexOf("=", "--x".length);
  return end < 0
    ? { flag: word, given: undefined }
    : { flag: word.slice(0, end), given: word.slice(end + 1) };
}

function addTo(texts: Map<string, string[]>, name: string, text: string): void {
  const known = texts.get(name);
  if (known === undefined) texts.set(name, [text]);
  else known.push(text);
}

/** Reads variables. Lists are separated by commas. */
export function readEnvironment(env: Environment): Map<string, readonly string[]> {
  const texts = new Map<string, readonly string[]>();
  for (const [name, { isList }] of KNOWN) {
    if (SHORTHANDS[name]?.isFlagOnly === true && name !== "config") continue;
    const given = env[variableOf(name)];
    if (given === undefined) continue;
    texts.set(name, isList ? given.split(",").map((each) => each.trim()) : [given]);
  }
  return texts;
}

/** What OpenTelemetry's own variables say of our settings: at most one source. */
export function readSpanVariables(env: Environment, mistakes: string[]): readonly ConfigSource[] {
  const asked = spanEndpointOf(env);
  if (!asked.ok) mistakes.push(asked.error.why);
  if (!asked.ok || asked.value === null) return [];
  const { variable, url } = asked.value;
  return [{ name: variable, texts: new Map([[SETTINGS.traceEndpoint.name, [url]]]) }];
}

/** Reads the file at `path`, or `CONFIG_FILE_NAME` in `dataFolder` when there is one. Null for no file. */
export function readConfigFile(
  path: string | undefined,
  dataFolder: string | null,
  mistakes: string[],
): ConfigSource | null {
  const file = path ?? (dataFolder === null ? null : join(dataFolder, CONFIG_FILE_NAME));
  if (file === null) return null;
  const content = readText(file);
  if (content === null) {
    if (path !== undefined) mistakes.push(`cannot read the configuration file ${file}`);
    return null;
  }
  const texts = new Map<string, readonly string[]>();
  const parsed = parseObject(content);
  if (parsed === null) {
    mistakes.push(`${file} is not a JSON object of settings, such as {"port": 8787}`);
    return { name: file, texts };
  }
  for (const [name, value] of Object.entries(parsed)) {
    const known = KNOWN.get(name);
    const given = textsOf(value);
    if (known === undefined || NOT_IN_FILE.has(name))
      mistakes.push(`${file}: there is no setting ${JSON.stringify(name)}`);
    else if (name === "data" && path === undefined)
      mistakes.push(`${file} is in the data folder and cannot name another with "data"; use --config FILE`);
    else if (given === null)
      mistakes.push(`${file}: "${name}" is text, a number, true, false, or a list of texts`);
    else texts.set(name, given);
  }
  return { name: file, texts };
}

/** Null when there is none; what is too long is cut and so is not JSON. */
function readText(file: string): string | null {
  try {
    return readFileSync(file).subarray(0, CONFIG_FILE_BYTES_MAX).toString("utf8");
  } catch {
    return null;
  }
}

function parseObject(content: string): object | null {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function textsOf(value: unknown): readonly string[] | null {
  if (typeof value === "string") return [value];
  if (typeof value === "number" || typeof value === "boolean") return [String(value)];
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  return null;
}

/** Puts the settings in place of what stands for them. */
export function expandShorthands(
  texts: Map<string, readonly string[]>,
  prefix: string,
  mistakes: string[],
): void {
  const listen = texts.get("listen");
  if (listen !== undefined) {
    const address = listen.length === 1 ? parseListenAddress(listen[0] ?? "") : null;
    if (address === null) mistakes.push(`${prefix}listen is HOST:PORT, as 0.0.0.0:443 or [::]:443`);
    else if (texts.has("host") || texts.has("port"))
      mistakes.push(`${prefix}listen and ${prefix}host or ${prefix}port exclude each other`);
    else texts.set("host", [address.host]).set("port", [String(address.port)]);
  }
  const registrations = ["open", "closed"].filter((name) => texts.has(name));
  if (registrations.length + (texts.has("registration") ? 1 : 0) > 1)
    mistakes.push("--open, --closed and --registration exclude each other");
  else for (const name of registrations) texts.set("registration", [name]);
}
