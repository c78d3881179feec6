/** Everything an operator may set. The help, `server config` and docs/OPERATING.md follow this table. */
import { parseLogFilter, showLogFilter } from "@dovetail/core/base/log-lines.ts";
import { NO_SPANS } from "@dovetail/core/base/span-endpoint.ts";
import {
  ADMISSION_WORK_BITS,
  BLOBS_PER_ACCOUNT_BYTES_MAX,
  DEVICE_SILENT_MS,
  SNAPSHOT_GRACE_MS,
  ENTRIES_MAX_BY_KIND,
  LOG_BYTES_MAX_BY_KIND,
  ACCOUNT_BYTES_MAX,
  SOCKETS_PER_ADDRESS_MAX,
} from "../limits.ts";
import { DEFAULT_CONFIG } from "../server.ts";
import { rateList } from "./rate-setting.ts";
import { duration } from "./duration.ts";
import {
  acmeDirectory,
  listenAddress,
  number,
  origins,
  path,
  single,
  siteOrigins,
  size,
  spanEndpoint,
  text,
  toggle,
  word,
} from "./setting.ts";

/** What is not set is in a file beside the database; only flag and environment can name another. */
export const CONFIG_FILE_NAME = "server.json";

const ENTRIES = { min: 1, max: 60_000_000 };

export const SETTINGS = {
  port: number({
    name: "port",
    help: "port to listen on, 0 for a free one",
    first: 8787,
    min: 0,
    max: 65_535,
  }),
  host: path({ name: "host", help: "address to listen on", first: "127.0.0.1" }, "ADDRESS"),
  origin: origins({
    name: "origin",
    help: "what clients dial, https://host[:port]; may be given several times, the first is shown to people",
    first: [],
  }),
  tls: toggle({ name: "tls", help: "speak TLS, with --cert and --key, or with --acme", first: false }),
  cert: text(
    { name: "cert", help: "certificate chain, PEM; read again when it changes", first: null },
    "FILE",
  ),
  key: text({ name: "key", help: "its private key, PEM", first: null }, "FILE"),
  acme: acmeDirectory({
    name: "acme",
    help: "with --tls: have a certificate made and renewed for the names of --origin: letsencrypt, letsencrypt-staging or the https address of an ACME directory; to name one is to agree to its terms",
    first: null,
  }),
  acmeListen: listenAddress({
    name: "acme-listen",
    help: "where the authority's question arrives; it dials port 80 of each name. Others are sent on to --origin. First: port 80 of --host",
    first: null,
  }),
  webApp: path(
    { name: "web-app", help: "folder of the built web app", first: DEFAULT_CONFIG.webAppFolder },
    "DIR",
  ),
  embedOrigin: siteOrigins({
    name: "embed-origin",
    help: "site whose pages may show a chat of this server in a frame, https://host[:port]; may be given several times",
    first: [],
  }),
  trustProxy: toggle({
    name: "trust-proxy",
    help: "a proxy in front does TLS and sets X-Forwarded-For; never without one",
    first: false,
  }),
  registration: word(
    { name: "registration", help: "who may make an account; closed: by invitation", first: "closed" },
    "open",
    "closed",
  ),
  data: path({ name: "data", help: "folder of the database", first: "data" }, "DIR"),
  memory: toggle({ name: "memory", help: "keep everything in memory, for trials", first: false }),
  socketsPerAddress: number({
    name: "sockets-per-address",
    help: "connections of one address",
    first: SOCKETS_PER_ADDRESS_MAX,
    min: 1,
    max: 1_000_000,
  }),
  rateFactor: number({
    name: "rate-factor",
    help: "multiplies the rates per address",
    first: 1,
    min: 1,
    max: 1_000_000,
  }),
  rate: rateList({ name: "rate", help: "one rate per address, as register=5/60000", first: new Map() }),
  workBits: number({
    name: "work-bits",
    help: "work of a first contact without a ticket; each bit doubles it",
    first: ADMISSION_WORK_BITS,
    min: 0,
    max: 40,
  }),
  quotaTotal: size({
    name: "quota-total",
    help: "bytes of all logs of an account",
    first: ACCOUNT_BYTES_MAX,
  }),
  quotaBlobs: size({
    name: "quota-blobs",
    help: "bytes of an account's blobs, which its snapshots name",
    first: BLOBS_PER_ACCOUNT_BYTES_MAX,
  }),
  quotaAccount: size({
    name: "quota-account",
    help: "bytes of an account's own log",
    first: LOG_BYTES_MAX_BY_KIND.account,
  }),
  quotaInbound: size({
    name: "quota-inbound",
    help: "bytes of the log for one contact",
    first: LOG_BYTES_MAX_BY_KIND.inbound,
  }),
  quotaRequest: size({
    name: "quota-request",
    help: "bytes of the log for first contacts; half of it without a ticket",
    first: LOG_BYTES_MAX_BY_KIND.request,
  }),
  quotaRoom: size({
    name: "quota-room",
    help: "bytes of the log of one room, counted for its founder",
    first: LOG_BYTES_MAX_BY_KIND.room,
  }),
  entriesAccount: number({
    name: "entries-account",
    help: "entries of an account's own log",
    first: ENTRIES_MAX_BY_KIND.account,
    ...ENTRIES,
  }),
  entriesInbound: number({
    name: "entries-inbound",
    help: "entries of the log for one contact",
    first: ENTRIES_MAX_BY_KIND.inbound,
    ...ENTRIES,
  }),
  entriesRequest: number({
    name: "entries-request",
    help: "entries of the log for first contacts",
    first: ENTRIES_MAX_BY_KIND.request,
    ...ENTRIES,
  }),
  entriesRoom: number({
    name: "entries-room",
    help: "entries of the log of one room",
    first: ENTRIES_MAX_BY_KIND.room,
    ...ENTRIES,
  }),
  retentionGrace: duration({
    name: "retention-grace",
    help: "how long a snapshot stands before entries it covers are let go",
    first: SNAPSHOT_GRACE_MS,
    min: 60_000,
    max: 31_622_400_000,
  }),
  retentionSilent: duration({
    name: "retention-silent",
    help: "a device away for this long holds no entries back",
    first: DEVICE_SILENT_MS,
    min: 86_400_000,
    max: 316_224_000_000,
  }),
  metricsListen: listenAddress({
    name: "metrics-listen",
    help: "serve /metrics there, over plain HTTP",
    first: null,
  }),
  traceEndpoint: spanEndpoint({
    name: "trace-endpoint",
    help: "collector that gets spans of appends and deliveries, over OTLP/HTTP; else OTEL_EXPORTER_OTLP_ENDPOINT; none for none",
    first: NO_SPANS,
  }),
  logFormat: word({ name: "log-format", help: "form of log lines", first: "text" }, "text", "json"),
  logLevel: single(
    {
      name: "log-level",
      help: "least important line to log: debug, info, warn or error; and of parts, as warn,store=debug",
      first: { least: "info", leastByPart: new Map() },
    },
    "FILTER",
    "a level as info, or levels of parts too, as warn,store=debug",
    showLogFilter,
    parseLogFilter,
  ),
  redactLogs: toggle({
    name: "redact-logs",
    help: "log which events there were, by the minute, and nothing about them",
    first: false,
  }),
  json: toggle({ name: "json", help: "first line and log lines as JSON", first: false }),
} as const;

/** Flags that stand for settings, so that the usual cases are short. */
export const SHORTHANDS: Readonly<
  Record<string, { readonly placeholder: string; readonly help: string; readonly isFlagOnly: boolean }>
> = {
  listen: { placeholder: "HOST:PORT", help: "--host and --port in one", isFlagOnly: false },
  open: { placeholder: "", help: "--registration open", isFlagOnly: true },
  closed: { placeholder: "", help: "--registration closed", isFlagOnly: true },
  config: {
    placeholder: "FILE",
    help: `settings as JSON, {"port": 8787, …}; else ${CONFIG_FILE_NAME} in the data folder, if it is there`,
    isFlagOnly: true,
  },
  help: { placeholder: "", help: "this text", isFlagOnly: true },
};
