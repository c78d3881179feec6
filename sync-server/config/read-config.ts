/**
 * The configuration of a run: file, environment and flags, each above the one before, and the rules between settings.
 *
 * Every mistake is found before anything starts, and all of them are named at once.
 */
import { isIP } from "node:net";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { NO_SPANS } from "@dovetail/core/base/span-endpoint.ts";
import type { LogLineOptions } from "@dovetail/core/base/log-lines.ts";
import { acmeCertificatePath } from "../acme/certificate-keeper.ts";
import { bucketAddress } from "../client-address.ts";
import { EMBED_ORIGINS_MAX } from "../limits.ts";
import { DEFAULT_CONFIG, type ServerConfig } from "../server.ts";
import {
  type CommandLine,
  type ConfigSource,
  type Environment,
  expandShorthands,
  readConfigFile,
  readEnvironment,
  readFlags,
  readSpanVariables,
} from "./config-sources.ts";
import { type ListenAddress, type Setting, variableOf } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

export interface ProgramConfig {
  readonly server: ServerConfig;
  /** Folder of the database, or null to keep everything in memory. */
  readonly dataFolder: string | null;
  /** The first line on standard output is JSON. */
  readonly isJson: boolean;
  readonly log: LogLineOptions;
  /** Null when the certificate is the operator's own, or there is none. */
  readonly acme: AcmeConfig | null;
  /** The collector that gets spans, or null for none. */
  readonly traceEndpoint: string | null;
  /** Every setting as it is in force, in the order of the table. */
  readonly rows: readonly ConfigRow[];
}

/** How a server has certificates made for it. */
export interface AcmeConfig {
  readonly directoryUrl: string;
  /** Where the authority's questions arrive. */
  readonly listen: ListenAddress;
  /** DNS names of the origins. */
  readonly names: readonly string[];
  /** File of certificate and key. */
  readonly path: string;
}

export interface ConfigRow {
  readonly name: string;
  readonly value: string;
  /** `flag`, the variable's name, the file's path, or `first value`. */
  readonly source: string;
}

/** Sentences, each with what to change. */
export interface ConfigMistakes {
  readonly type: "ConfigMistakes";
  readonly mistakes: readonly string[];
}

export interface ReadConfig {
  readonly config: ProgramConfig;
  readonly commandLine: CommandLine;
}

const ORIGINS_MAX = 16;
export const FIRST_VALUE = "first value";

/** Configuration of a run, `"help"` when it was asked for. `ownOptions` are those of the command. */
export function readConfig(
  args: readonly string[],
  env: Environment,
  ownOptions: Readonly<Record<string, boolean>> = {},
): Result<ReadConfig | "help", ConfigMistakes> {
  const mistakes: string[] = [];
  const commandLine = readFlags(args, ownOptions, mistakes);
  if (commandLine.texts.has("help")) return ok("help");
  const sources = readSources(commandLine, env, mistakes);
  const config = combine(sources, mistakes);
  return mistakes.length === 0 ? ok({ config, commandLine }) : err({ type: "ConfigMistakes", mistakes });
}

function readSources({ texts }: CommandLine, env: Environment, mistakes: string[]): readonly ConfigSource[] {
  const environment = readEnvironment(env);
  expandShorthands(texts, "--", mistakes);
  expandShorthands(environment, "DOVETAIL_", mistakes);
  const last = (name: string): string | undefined => (texts.get(name) ?? environment.get(name))?.at(-1);
  const isMemory = ["1", "true"].includes(last("memory") ?? "");
  const folder = isMemory ? null : (last("data") ?? SETTINGS.data.first);
  const file = readConfigFile(last("config"), folder, mistakes);
  const named: readonly ConfigSource[] = [
    { name: "flag", texts },
    { name: "environment", texts: environment },
    // Whoever has said it in our own words has said it.
    ...(last(SETTINGS.traceEndpoint.name) === undefined ? readSpanVariables(env, mistakes) : []),
  ];
  if (file === null) return named;
  const expanded = new Map(file.texts);
  expandShorthands(expanded, `${file.name}: `, mistakes);
  return [...named, { ...file, texts: expanded }];
}

/** Reads settings from the first source that has them, and notes where each came from. */
function createReader(sources: readonly ConfigSource[], mistakes: string[]) {
  const rows: ConfigRow[] = [];
  return {
    rows,
    read<T>(setting: Setting<T>, first: T = setting.first, why = FIRST_VALUE): T {
      const source = sources.find(({ texts }) => texts.has(setting.name));
      const texts = source?.texts.get(setting.name);
      const value = texts === undefined ? first : setting.parse(texts);
      if (value === null && texts !== undefined) {
        const given = source?.name === "environment" ? variableOf(setting.name) : `--${setting.name}`;
        const place =
          source?.name === "flag" || source?.name === "environment"
            ? given
            : `${source?.name}: "${setting.name}"`;
        mistakes.push(
          `${place} is ${setting.wants}, not ${texts.map((each) => JSON.stringify(each)).join(", ")}`,
        );
        return first;
      }
      const used = value ?? first;
      const from =
        source === undefined ? why : source.name === "environment" ? variableOf(setting.name) : source.name;
      rows.push({ name: setting.name, value: setting.show(used), source: from });
      return used;
    },
  };
}

function combine(sources: readonly ConfigSource[], mistakes: string[]): ProgramConfig {
  const { read, rows } = createReader(sources, mistakes);
  const host = read(SETTINGS.host);
  const port = read(SETTINGS.port);
  const trustsProxy = read(SETTINGS.trustProxy);
  const origins = read(SETTINGS.origin);
  const embedOrigins = read(SETTINGS.embedOrigin);
  if (embedOrigins.length > EMBED_ORIGINS_MAX)
    mistakes.push(`--embed-origin names at most ${EMBED_ORIGINS_MAX} sites`);
  const isMemory = read(SETTINGS.memory);
  const data = read(SETTINGS.data);
  const { tls, acme } = readTls(read, { host, origins, dataFolder: isMemory ? null : data }, mistakes);
  const isPrivate = isLoopback(host) && origins.length === 0;
  const registration = isPrivate
    ? read(SETTINGS.registration, "open", "only this machine reaches it")
    : read(SETTINGS.registration);
  checkReach({ host, origins, trustsProxy, isTls: tls !== null }, mistakes);
  const traceEndpoint = read(SETTINGS.traceEndpoint);
  const isJson = read(SETTINGS.json);
  const server: ServerConfig = {
    ...DEFAULT_CONFIG,
    host,
    port,
    tls,
    trustsProxy,
    origins,
    embedOrigins,
    isRegistrationOpen: registration === "open",
    socketsPerAddressMax: read(SETTINGS.socketsPerAddress),
    rateFactor: read(SETTINGS.rateFactor),
    rates: read(SETTINGS.rate),
    admissionWorkBits: read(SETTINGS.workBits),
    quotas: {
      accountBytesMax: read(SETTINGS.quotaTotal),
      blobBytesMax: read(SETTINGS.quotaBlobs),
      byKind: {
        account: { bytesMax: read(SETTINGS.quotaAccount), entriesMax: read(SETTINGS.entriesAccount) },
        inbound: { bytesMax: read(SETTINGS.quotaInbound), entriesMax: read(SETTINGS.entriesInbound) },
        room: { bytesMax: read(SETTINGS.quotaRoom), entriesMax: read(SETTINGS.entriesRoom) },
        request: { bytesMax: read(SETTINGS.quotaRequest), entriesMax: read(SETTINGS.entriesRequest) },
      },
    },
    snapshotGraceMs: read(SETTINGS.retentionGrace),
    deviceSilentMs: read(SETTINGS.retentionSilent),
    metricsListen: read(SETTINGS.metricsListen),
    webAppFolder: read(SETTINGS.webApp),
  };
  return {
    server,
    dataFolder: isMemory ? null : data,
    isJson,
    acme,
    traceEndpoint: traceEndpoint === NO_SPANS ? null : traceEndpoint,
    log: {
      format: isJson ? read(SETTINGS.logFormat, "json", "--json") : read(SETTINGS.logFormat),
      filter: read(SETTINGS.logLevel),
      isRedacted: read(SETTINGS.redactLogs),
    },
    rows,
  };
}

type Read = ReturnType<typeof createReader>["read"];

interface TlsPlace {
  readonly host: string;
  readonly origins: readonly string[];
  readonly dataFolder: string | null;
}

interface TlsConfig {
  readonly tls: ServerConfig["tls"];
  readonly acme: AcmeConfig | null;
}

const NO_TLS: TlsConfig = { tls: null, acme: null };

function readTls(read: Read, place: TlsPlace, mistakes: string[]): TlsConfig {
  const isTls = read(SETTINGS.tls);
  const certPath = read(SETTINGS.cert);
  const keyPath = read(SETTINGS.key);
  const directoryUrl = read(SETTINGS.acme);
  const listen = read(SETTINGS.acmeListen, { host: place.host, port: 80 }, "port 80 of --host");
  const hasFiles = certPath !== null || keyPath !== null;
  if (!isTls) {
    if (hasFiles) mistakes.push("--cert and --key are for --tls: add it, or take them away");
    if (directoryUrl !== null) mistakes.push("--acme is for --tls: add it, or take it away");
    return NO_TLS;
  }
  if (directoryUrl !== null) {
    if (hasFiles)
      mistakes.push("--acme has a certificate made, --cert and --key name one: take one of them away");
    return readAcme(directoryUrl, listen, place, mistakes);
  }
  if (certPath !== null && keyPath !== null) return { tls: { certPath, keyPath }, acme: null };
  mistakes.push(
    "--tls needs --cert FILE and --key FILE, or --acme letsencrypt; behind a proxy that does TLS, use --trust-proxy instead",
  );
  return NO_TLS;
}

function readAcme(
  directoryUrl: string,
  listen: ListenAddress | null,
  { origins, dataFolder }: TlsPlace,
  mistakes: string[],
): TlsConfig {
  const names = [...new Set(origins.map((origin) => new URL(origin).hostname))];
  const address = names.find((name) => isIP(name.replace(/^\[|\]$/g, "")) !== 0);
  if (names.length === 0)
    mistakes.push("--acme needs --origin https://NAME: the certificate is for that name");
  if (address !== undefined)
    mistakes.push(`--acme has certificates made for names, and ${address} is an address: name it in DNS`);
  if (dataFolder === null)
    mistakes.push("--acme keeps its certificate in the data folder: take --memory away");
  if (listen === null || dataFolder === null) return NO_TLS;
  const path = acmeCertificatePath(dataFolder);
  return { tls: { certPath: path, keyPath: path }, acme: { directoryUrl, listen, names, path } };
}

interface Reach {
  readonly host: string;
  readonly origins: readonly string[];
  readonly trustsProxy: boolean;
  readonly isTls: boolean;
}

/** Rules about who can reach the server, and how. */
function checkReach({ host, origins, trustsProxy, isTls }: Reach, mistakes: string[]): void {
  if (origins.length > ORIGINS_MAX) mistakes.push(`at most ${ORIGINS_MAX} origins`);
  // Whoever is on the way could take over sign-ins and read who asks for whom.
  if (!isLoopback(host) && !isTls && !trustsProxy)
    mistakes.push(
      `--host ${host} can be reached from other machines, and without TLS whoever is on the way sees who uses it: add --tls with --cert FILE --key FILE or --acme letsencrypt, or --trust-proxy if a proxy in front does TLS`,
    );
  if ((!isLoopback(host) || trustsProxy) && origins.length === 0)
    mistakes.push("--origin https://HOST is needed: sign-ins name the address that clients dial");
  const clear = origins.find((origin) => origin.startsWith("http://"));
  if (isTls && clear !== undefined)
    mistakes.push(`--origin ${clear} is dialled without TLS, and this server speaks only TLS: say https://`);
}

/** Tells whether only this machine reaches what listens on `host`. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) !== 0 && bucketAddress(host).startsWith("127.");
}
