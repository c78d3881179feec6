/** Flags and environment of the server program. A flag wins over its variable. */
import { parseArgs } from "node:util";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { parseServerOrigin } from "@dovetail/core/base/server-origin.ts";
import { DEFAULT_CONFIG, type ServerConfig } from "./server.ts";

export interface ProgramConfig {
  readonly server: ServerConfig;
  /** Folder of the database, or null to keep everything in memory. */
  readonly dataFolder: string | null;
  readonly isJson: boolean;
}

export interface UsageError {
  readonly type: "UsageError";
  readonly message: string;
}

export const HELP = `Dovetail server: keeps ciphertext in order and can read none of it.

Usage: npm start -- [options]        or: node sync-server/main.ts [options]

  --port N                 port to listen on, 0 for a free one       (8787)      DOVETAIL_PORT
  --host ADDRESS           address to listen on                      (127.0.0.1) DOVETAIL_HOST
  --data DIR               folder of the database                    (./data)        DOVETAIL_DATA
  --memory                 keep everything in memory, for trials
  --origin URL             what clients dial, as https://host[:port]; may be given several times,
                           the first is shown to people              (loopback)  DOVETAIL_ORIGIN (comma-separated)
  --open | --closed        whether anybody may register              (--open)    DOVETAIL_REGISTRATION=open|closed
  --trust-proxy            believe X-Forwarded-For; only behind a proxy that sets it  DOVETAIL_TRUST_PROXY=1
  --sockets-per-address N  connections of one address                (1024)      DOVETAIL_SOCKETS_PER_ADDRESS
  --rate-factor N          multiplies the rates per address          (1)         DOVETAIL_RATE_FACTOR
  --work-bits N            work of a first contact without a ticket  (18)        DOVETAIL_WORK_BITS
  --json                   log lines as JSON                                     DOVETAIL_JSON=1
  --help

The first line on standard output tells the address once the server takes connections.
Stop it with SIGINT or SIGTERM: it ends connections, then closes the database.
`;

const PORT_MAX = 65_535;
const ORIGINS_MAX = 16;

/** Configuration of a run, `"help"` when it was asked for. - Fails: `UsageError` with what to change. */
export function parseConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<ProgramConfig | "help", UsageError> {
  const flags = parseFlags(args);
  if (!flags.ok) return flags;
  const { values } = flags.value;
  if (values.help) return ok("help");
  if (values.open && values.closed) return usage("--open and --closed exclude each other");
  const registration = values.open
    ? "open"
    : values.closed
      ? "closed"
      : (env.DOVETAIL_REGISTRATION ?? "open");
  if (registration !== "open" && registration !== "closed")
    return usage("DOVETAIL_REGISTRATION is open or closed");
  const origins = (values.origin ?? env.DOVETAIL_ORIGIN?.split(",") ?? []).map((origin) => origin.trim());
  const badOrigin = origins.find((origin) => !parseServerOrigin(origin).ok);
  if (badOrigin !== undefined)
    return usage(`--origin ${badOrigin} is not of the form https://host[:port], lower case, without a path`);
  if (origins.length > ORIGINS_MAX) return usage(`at most ${ORIGINS_MAX} origins`);
  const port = numberOf("--port", values.port ?? env.DOVETAIL_PORT, DEFAULT_CONFIG.port, 0, PORT_MAX);
  const perAddress = values["sockets-per-address"] ?? env.DOVETAIL_SOCKETS_PER_ADDRESS;
  const sockets = numberOf(
    "--sockets-per-address",
    perAddress,
    DEFAULT_CONFIG.socketsPerAddressMax,
    1,
    1_000_000,
  );
  const factor = numberOf(
    "--rate-factor",
    values["rate-factor"] ?? env.DOVETAIL_RATE_FACTOR,
    DEFAULT_CONFIG.rateFactor,
    1,
    1_000_000,
  );
  const workBits = numberOf(
    "--work-bits",
    values["work-bits"] ?? env.DOVETAIL_WORK_BITS,
    DEFAULT_CONFIG.admissionWorkBits,
    0,
    40,
  );
  for (const number of [port, sockets, factor, workBits]) if (!number.ok) return number;
  if (!port.ok || !sockets.ok || !factor.ok || !workBits.ok) return usage("a number is malformed");
  return ok({
    server: {
      ...DEFAULT_CONFIG,
      port: port.value,
      host: values.host ?? env.DOVETAIL_HOST ?? DEFAULT_CONFIG.host,
      origins,
      isRegistrationOpen: registration === "open",
      trustsProxy: values["trust-proxy"] ?? env.DOVETAIL_TRUST_PROXY === "1",
      socketsPerAddressMax: sockets.value,
      rateFactor: factor.value,
      admissionWorkBits: workBits.value,
    },
    dataFolder: values.memory ? null : (values.data ?? env.DOVETAIL_DATA ?? "data"),
    isJson: values.json ?? env.DOVETAIL_JSON === "1",
  });
}

function parseFlags(args: readonly string[]) {
  try {
    return ok(
      parseArgs({
        args: [...args],
        options: {
          port: { type: "string" },
          host: { type: "string" },
          data: { type: "string" },
          memory: { type: "boolean" },
          origin: { type: "string", multiple: true },
          open: { type: "boolean" },
          closed: { type: "boolean" },
          "trust-proxy": { type: "boolean" },
          "sockets-per-address": { type: "string" },
          "rate-factor": { type: "string" },
          "work-bits": { type: "string" },
          json: { type: "boolean" },
          help: { type: "boolean" },
        },
      }),
    );
  } catch (error) {
    return usage(error instanceof Error ? error.message : "the options are malformed");
  }
}

function numberOf(
  name: string,
  text: string | undefined,
  first: number,
  min: number,
  max: number,
): Result<number, UsageError> {
  if (text === undefined) return ok(first);
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max
    ? ok(value)
    : usage(`${name} is a number from ${min} to ${max}, not ${text}`);
}

function usage(message: string): Result<never, UsageError> {
  return err({ type: "UsageError", message });
}
