/** `check`: whether a server can run here and run safely. Changes nothing, and asks nobody outside. */
import { existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { CONFIG_FILE_NAME } from "../config/settings.ts";
import { isLoopback, type ProgramConfig } from "../config/read-config.ts";
import { explainTlsFault, readTlsPair, type TlsPaths } from "../http/tls-files.ts";
import { askOperator } from "../operator/operator-socket.ts";
import { checkDatabase, explainDatabaseFault } from "../store/sqlite/check-database.ts";
import { databasePath, EXIT, print, type ServerCommand } from "./command.ts";
import { showTime } from "./show-time.ts";
import { roundSize } from "./stats.ts";

/** One thing that was looked at; `hint` says what to do when it is not as it should be. */
export interface Finding {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail";
  readonly text: string;
  readonly hint: string | null;
}

const DAY_MS = 86_400_000;
const CERTIFICATE_DAYS_MIN = 14;
const DISK_BYTES_MIN = 134_217_728;
const DISK_BYTES_LOW = 1_073_741_824;
/** The clock may differ from what the database saw by this much before it is called wrong. */
const CLOCK_SLACK_MS = 300_000;
/** No server ran before this was written: a clock that says so is wrong. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);

const ok = (name: string, text: string): Finding => ({ name, state: "ok", text, hint: null });
const warn = (name: string, text: string, hint: string): Finding => ({ name, state: "warn", text, hint });
const bad = (name: string, text: string, hint: string): Finding => ({ name, state: "fail", text, hint });

export const checkCommand: ServerCommand = {
  name: "check",
  usage: "",
  help: "look at settings, permissions, room on disk, certificate, database and clock",
  options: {},
  positionals: 0,
  async run({ config }) {
    const nowMs = Date.now();
    const findings = [
      ok("settings", "no mistakes"),
      ...checkReach(config),
      ...(config.dataFolder === null ? [] : await checkFolder(config.dataFolder, nowMs)),
      ...(config.server.tls === null ? [] : checkCertificate(config.server.tls, config, nowMs)),
      nowMs < EARLIEST_MS
        ? bad("clock", `it says ${showTime(nowMs)}`, "set it: holds and expiries count by it")
        : ok("clock", `it says ${showTime(nowMs)}`),
    ];
    const isBad = findings.some(({ state }) => state === "fail");
    if (config.isJson) print(JSON.stringify({ isReady: !isBad, findings }));
    else
      for (const { name, state, text, hint } of findings) {
        print(`${state.padEnd(5)} ${name.padEnd(12)} ${text}`);
        if (hint !== null) print(`${" ".repeat(19)}${hint}`);
      }
    return isBad ? EXIT.failed : EXIT.ok;
  },
};

function isClearElsewhere(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint);
  return protocol === "http:" && !isLoopback(hostname.replace(/^\[|\]$/g, ""));
}

function checkReach({ server, dataFolder, traceEndpoint }: ProgramConfig): readonly Finding[] {
  const { metricsListen, origins, host } = server;
  const isPublic = origins.length > 0 || !isLoopback(host);
  return [
    ...(server.isRegistrationOpen && isPublic
      ? [
          warn(
            "registration",
            "anybody may make an account",
            "--registration closed, and dovetail server invite",
          ),
        ]
      : [
          ok(
            "registration",
            server.isRegistrationOpen ? "open, and only this machine reaches it" : "by invitation",
          ),
        ]),
    ...(metricsListen !== null && !isLoopback(metricsListen.host)
      ? [
          warn(
            "metrics",
            `served in clear on ${metricsListen.host}`,
            "only in a private network: figures tell when people are active",
          ),
        ]
      : []),
    ...(traceEndpoint !== null && isClearElsewhere(traceEndpoint)
      ? [
          warn(
            "spans",
            `sent in clear to ${traceEndpoint}`,
            "use https, or only a private network: when and how long tells when people are active",
          ),
        ]
      : []),
    ...(dataFolder === null
      ? [warn("data", "kept in memory: gone when it stops", "--data DIR keeps it")]
      : []),
  ];
}

async function checkFolder(folder: string, nowMs: number): Promise<readonly Finding[]> {
  const path = databasePath(folder);
  const findings = [checkRoom(folder)];
  if (!existsSync(folder)) return [...findings, ok("data", `${folder} is made at the first start`)];
  findings.push(
    ...checkMode("data", folder, 0o077, "chmod 700"),
    ...checkMode("database", path, 0o077, "chmod 600"),
    ...checkMode("settings", resolve(folder, CONFIG_FILE_NAME), 0o022, "chmod 600"),
  );
  const asked = await askOperator(folder, { type: "figures" });
  if (asked.ok && asked.value.type === "figures") {
    const { accounts, connections } = asked.value.figures;
    return [
      ...findings,
      ok("server", `runs and answers; accounts: ${accounts}, connections: ${connections ?? 0}`),
      ok("database", "in use; it is read through only while the server is stopped"),
    ];
  }
  return existsSync(path) ? [...findings, ...checkFile(path, nowMs)] : findings;
}

function checkFile(path: string, nowMs: number): readonly Finding[] {
  const checked = checkDatabase(path);
  if (!checked.ok) {
    const { text, hint } = explainDatabaseFault(checked.error);
    return [bad("database", text, hint)];
  }
  const { accounts, logs, entries, probedAtMs } = checked.value;
  const whole = ok("database", `whole: ${accounts} accounts, ${logs} logs, ${entries} entries`);
  if (probedAtMs <= nowMs + CLOCK_SLACK_MS) return [whole];
  return [
    whole,
    bad(
      "clock",
      `the database was written at ${showTime(probedAtMs)}, which is yet to come`,
      "set the clock: it goes wrong, or it did",
    ),
  ];
}

function checkMode(name: string, path: string, forbidden: number, command: string): readonly Finding[] {
  if (process.platform === "win32" || !existsSync(path)) return [];
  const mode = statSync(path).mode & 0o777;
  if ((mode & forbidden) === 0) return [ok(name, `${path} is its owner's only`)];
  return [bad(name, `${path} can be used by others (${mode.toString(8)})`, `${command} ${path}`)];
}

/** Room where the folder is, or will be. */
function checkRoom(folder: string): Finding {
  let place = resolve(folder);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const text = `${roundSize(free)} free`;
  if (free < DISK_BYTES_MIN) return bad("disk", text, "make room: appends are refused when it is full");
  return free < DISK_BYTES_LOW ? warn("disk", text, "make room soon") : ok("disk", text);
}

function checkCertificate(
  paths: TlsPaths,
  { acme, server: { origins } }: ProgramConfig,
  nowMs: number,
): readonly Finding[] {
  if (acme !== null && !existsSync(paths.certPath))
    return [ok("certificate", `is asked for at the first start, of ${new URL(acme.directoryUrl).host}`)];
  const pair = readTlsPair(paths);
  if (!pair.ok) return [bad("certificate", explainTlsFault(pair.error), "--cert and --key name the files")];
  const { validFromMs, validToMs } = pair.value;
  const daysLeft = Math.floor((validToMs - nowMs) / DAY_MS);
  const until = `until ${showTime(validToMs)}`;
  const renew =
    acme === null
      ? "renew it; the server takes the new one by itself"
      : "it should have been renewed before: the log says why not, at certificate-not-issued";
  // An authority's may last for days only, and the server has it renewed when a third is left.
  const leftMsMin = acme === null ? CERTIFICATE_DAYS_MIN * DAY_MS : (validToMs - validFromMs) / 4;
  const certificate = new X509Certificate(readFileSync(paths.certPath));
  const hosts = origins.map((origin) => new URL(origin).hostname.replace(/^\[|\]$/g, ""));
  const unnamed = hosts.filter(
    (host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) === undefined,
  );
  return [
    ...checkMode("key", paths.keyPath, 0o077, "chmod 600"),
    validFromMs > nowMs
      ? bad("certificate", `valid only from ${showTime(validFromMs)}`, "compare the clock, or use another")
      : validToMs <= nowMs
        ? bad("certificate", `valid ${until}: it has ended`, renew)
        : validToMs - nowMs < leftMsMin
          ? warn("certificate", `valid ${until}: ${daysLeft} days`, renew)
          : ok("certificate", `valid ${until}`),
    ...unnamed.map((host) =>
      bad("certificate", `it is not for ${host}`, "clients refuse it: have one made for every --origin"),
    ),
  ];
}
