/**
 * One thing an operator may set: its name, how its text is read, its first value.
 *
 * A flag is `--name`, the environment's variable `DOVETAIL_NAME`, the file's key `"name"`. All three give text, and one
 * function reads it, so no source can say what another cannot.
 */
import { isIP } from "node:net";
import { parseServerOrigin } from "@dovetail/core/base/server-origin.ts";
import { NO_SPANS, parseSpanEndpoint, SPAN_ENDPOINT_WANTS } from "@dovetail/core/base/span-endpoint.ts";

export interface Setting<T> {
  readonly name: string;
  /** What stands after the flag in the help; empty for a switch. */
  readonly placeholder: string;
  readonly help: string;
  readonly first: T;
  /** Several texts make one value. */
  readonly isList: boolean;
  /** What a text has to be, for the mistake that names it. */
  readonly wants: string;
  /** Null when the texts are not what is wanted. */
  parse(texts: readonly string[]): T | null;
  show(value: T): string;
}

interface Described<T> {
  readonly name: string;
  readonly help: string;
  readonly first: T;
}

/** Name of the variable that sets `name`. */
export function variableOf(name: string): string {
  return `DOVETAIL_${name.replaceAll("-", "_").toUpperCase()}`;
}

/** A whole number. */
export function number(
  options: Described<number> & { readonly min: number; readonly max: number },
): Setting<number> {
  const { min, max } = options;
  return single(options, "N", `a number from ${min} to ${max}`, String, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : null;
  });
}

const SIZE_BY_UNIT: Readonly<Record<string, number>> = {
  "": 1,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
  TiB: 1_099_511_627_776,
};

/** A number of bytes, as `512MiB`. */
export function size(options: Described<number>): Setting<number> {
  return single(options, "SIZE", "a size as 4096, 512MiB or 4GiB", showSize, (text) => {
    const [, digits = "", unit = ""] = /^(\d{1,6}|\d+(?=$))(|KiB|MiB|GiB|TiB)$/.exec(text) ?? [];
    const value = Number(digits) * (SIZE_BY_UNIT[unit] ?? Number.NaN);
    return digits !== "" && Number.isSafeInteger(value) ? value : null;
  });
}

/** Bytes in the largest unit that leaves a whole number. */
export function showSize(bytes: number): string {
  const units = Object.entries(SIZE_BY_UNIT).reverse();
  const [unit = "", factor = 1] = units.find(([, each]) => bytes >= each && bytes % each === 0) ?? [];
  return `${bytes / factor}${unit}`;
}

/** One of a few words. */
export function word<const W extends string>(options: Described<W>, ...words: readonly W[]): Setting<W> {
  return single(
    options,
    words.join("|"),
    words.join(" or "),
    (value) => value,
    (text) => words.find((each) => each === text) ?? null,
  );
}

/** On or off. */
export function toggle(options: Described<boolean>): Setting<boolean> {
  return single(
    options,
    "",
    "true or false",
    (value) => (value ? "on" : "off"),
    (text) => (["true", "1"].includes(text) ? true : ["false", "0"].includes(text) ? false : null),
  );
}

/** Any text, such as a path; null when it is not set. */
export function text(options: Described<string | null>, placeholder: string): Setting<string | null> {
  return single(
    options,
    placeholder,
    "a text",
    (value) => value ?? "none",
    (given) => (given === "" ? null : given),
  );
}

/** A text that always has a value. */
export function path(options: Described<string>, placeholder: string): Setting<string> {
  return single(
    options,
    placeholder,
    "a path",
    (value) => value,
    (given) => (given === "" ? null : given),
  );
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, an IPv6 address in brackets. Null when it is not one. */
export function parseListenAddress(given: string): ListenAddress | null {
  const [, host = "", port = ""] = /^(.+):(\d{1,5})$/.exec(given) ?? [];
  const plain = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  if (plain === "" || Number(port) > 65_535 || (plain.includes(":") && isIP(plain) !== 6)) return null;
  return { host: plain, port: Number(port) };
}

/** An address to listen on, or none. */
export function listenAddress(options: Described<ListenAddress | null>): Setting<ListenAddress | null> {
  return single(
    options,
    "HOST:PORT",
    "HOST:PORT, as 127.0.0.1:9464 or [::1]:9464",
    (value) => (value === null ? "none" : `${value.host}:${value.port}`),
    parseListenAddress,
  );
}

/** The address of a collector of spans, or `NO_SPANS`. */
export function spanEndpoint(options: Described<string>): Setting<string> {
  return single(
    options,
    "URL",
    SPAN_ENDPOINT_WANTS,
    (value) => value,
    (given) => (given === NO_SPANS ? given : parseSpanEndpoint(given)),
  );
}

const DIRECTORY_BY_NAME: Readonly<Record<string, string>> = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
};

/** The ACME directory of an authority, by name or address; null for none. */
export function acmeDirectory(options: Described<string | null>): Setting<string | null> {
  return single(
    options,
    "AUTHORITY",
    `${Object.keys(DIRECTORY_BY_NAME).join(", ")} or the https address of an ACME directory`,
    (value) => value ?? "none",
    (given) => DIRECTORY_BY_NAME[given] ?? (isHttps(given) ? given : null),
  );
}

function isHttps(given: string): boolean {
  return URL.parse(given)?.protocol === "https:";
}

/** Addresses that clients dial. */
export function origins(options: Described<readonly string[]>): Setting<readonly string[]> {
  return {
    ...options,
    placeholder: "URL",
    isList: true,
    wants: "of the form https://host[:port], lower case, without a path and without the default port",
    parse: (texts) => (texts.every((each) => parseServerOrigin(each).ok) ? texts : null),
    show: (value) => (value.length === 0 ? "the loopback forms of the port" : value.join(", ")),
  };
}

/** Sites in whose pages the server may be shown; none at first. WB40 */
export function siteOrigins(options: Described<readonly string[]>): Setting<readonly string[]> {
  return {
    ...options,
    placeholder: "URL",
    isList: true,
    wants:
      "of the form https://host[:port], or http:// on loopback, lower case, by name or IPv4 address, without a wildcard, a path or the default port",
    parse: (texts) => (texts.every(isSiteOrigin) ? [...new Set(texts)] : null),
    show: (value) => (value.length === 0 ? "none" : value.join(", ")),
  };
}

/** What stands in a policy word for word: a policy cannot name IPv6 addresses, and loopback alone may do without TLS. */
function isSiteOrigin(given: string): boolean {
  if (!parseServerOrigin(given).ok || given.includes("[")) return false;
  return (
    given.startsWith("https://") ||
    /^http:\/\/(([a-z0-9-]+\.)*localhost|127(\.\d{1,3}){3})(:\d+)?$/.test(given)
  );
}

/** A setting that is one text. */
export function single<T>(
  described: Described<T>,
  placeholder: string,
  wants: string,
  show: (value: T) => string,
  parse: (given: string) => T | null,
): Setting<T> {
  return {
    ...described,
    placeholder,
    isList: false,
    wants,
    show,
    parse: ([only, ...more]) => (only === undefined || more.length > 0 ? null : parse(only)),
  };
}
