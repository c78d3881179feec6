/** `dovetail daemon`: the process that keeps a profile connected and serves other commands, without a terminal. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { err, ok, type Passphrase, type Result } from "@dovetail/core";
import { withClient } from "../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { count } from "../errors/error-words.ts";
import { EXIT } from "../errors/exit-code.ts";
import { type MetricsAddress, METRICS_LISTEN_HELP, metricsListenOf } from "../metrics-listen.ts";
import { localTime } from "../output/local-time.ts";
import { listenForMetrics } from "../platform/metrics-listener.ts";
import { openWhenFree } from "../open-when-free.ts";
import { profileFolder } from "../platform/profile-folder.ts";
import { lockProfile, type ProfileOwner } from "../platform/profile-lock.ts";
import { dialProfile } from "../platform/profile-socket.ts";
import { TRACE_ENDPOINT_HELP, traceEndpointOf } from "../trace-endpoint.ts";
import { addExamples } from "./examples.ts";

const PROGRAM = fileURLToPath(new URL("../main.ts", import.meta.url));
const POLL_MS = 50;
const START_WAIT_MS = 20_000;
const STOP_WAIT_MS = 20_000;
const PASSPHRASE_DESCRIPTOR = 3;
/** How long one that answers may take to reach its server; without a server it serves all the same. */
const SETTLE_WAIT_MS = 3_000;

export function addDaemonCommands(program: Command, run: RunCommand): void {
  const daemon = program
    .command("daemon")
    .description("a process that stays connected and serves other commands on this profile");
  addExamples(daemon, [
    ["dovetail daemon start", "run it in the background; a locked profile's passphrase is asked once, here"],
    ["dovetail daemon start --metrics-listen 127.0.0.1:9465", "serve /health, /ready and /metrics there"],
    ["dovetail daemon status", "whether it runs, and how it stands to the server"],
    ["dovetail daemon stop", "end it; what was acknowledged is on disk"],
  ]);
  daemon
    .command("start")
    .description("run it in the background")
    .option(
      "--log-file <file>",
      "add its operational lines to this file; --log, --log-format and --redact-logs say which",
    )
    .option("--trace-endpoint <url>", TRACE_ENDPOINT_HELP)
    .option("--metrics-listen <address>", METRICS_LISTEN_HELP)
    .action((options: StartOptions, command: Command) =>
      run(command, (context) => start(context, options, command.optsWithGlobals<LogOptions>())),
    );
  daemon
    .command("stop")
    .description("end the process that serves this profile")
    .action((_options: unknown, command: Command) => run(command, stop));
  daemon
    .command("status")
    .description("whether one runs")
    .action((_options: unknown, command: Command) => run(command, status));
}

interface StartOptions {
  readonly logFile?: string;
  readonly traceEndpoint?: string;
  readonly metricsListen?: string;
}
interface LogOptions {
  readonly log?: string;
  readonly logFormat?: string;
  readonly redactLogs?: boolean;
}

/** What is logged where nobody has said. */
const LOG_FILTER_DEFAULT = "info";

async function start(
  context: CommandContext,
  { logFile, traceEndpoint, metricsListen }: StartOptions,
  options: LogOptions,
): Promise<Result<Outcome, CliError>> {
  const { choice, passphrases } = context;
  // Said here for the same reason as a wrong passphrase.
  const traces = traceEndpointOf(traceEndpoint, context.env);
  if (!traces.ok) return traces;
  const metrics = metricsListenOf(metricsListen, context.env);
  if (!metrics.ok) return metrics;
  // Opened once here, so that a wrong passphrase is said here, where somebody reads it.
  const opened = await openWhenFree(context, { create: false, unlock: passphrases.unlock });
  if (!opened.ok) {
    const isServed = opened.error.type === "ProfileBusy" && typeof opened.error.owner?.socket === "string";
    return isServed ? status(context) : opened;
  }
  opened.value.storeKey.fill(0);
  opened.value.release();
  const free = await canListen(metrics.value);
  if (!free.ok) return free;
  const log = logFile === undefined ? ok(null) : openLogFile(logFile);
  if (!log.ok) return log;
  const exited = launch(choice.name, passphrases.used(), {
    logDescriptor: log.value,
    logging: log.value === null ? [] : logArguments(options),
    watching: [
      ...(traceEndpoint === undefined ? [] : ["--trace-endpoint", traceEndpoint]),
      ...(metricsListen === undefined ? [] : ["--metrics-listen", metricsListen]),
    ],
  });
  if (log.value !== null) closeSync(log.value);
  for (let waitedMs = 0; waitedMs < START_WAIT_MS; waitedMs += POLL_MS) {
    const end = await Promise.race([exited, delay(POLL_MS, null)]);
    if (end !== null) return err(endOf(end));
    const owner = ownerOf(context);
    if (owner?.socket !== null && owner !== null && (await answers(owner.socket)))
      return settled(context, exited);
  }
  return err({ type: "DaemonFailed", detail: "it did not answer in time" });
}

/** Tried here for a moment, so that a port that is in use is said where somebody reads it. */
async function canListen(address: MetricsAddress | null): Promise<Result<void, CliError>> {
  if (address === null) return ok();
  const listening = await listenForMetrics(address, {});
  if (!listening.ok) return listening;
  await listening.value.close();
  return ok();
}

/** A device that is revoked, or set back, hears it from the server and ends: said here, where somebody reads it. */
async function settled(
  context: CommandContext,
  exited: Promise<number | string>,
): Promise<Result<Outcome, CliError>> {
  for (let waitedMs = 0; waitedMs < SETTLE_WAIT_MS; waitedMs += POLL_MS) {
    const end = await Promise.race([exited, delay(POLL_MS, null)]);
    if (end !== null) return err(endOf(end));
    const state = await withClient(context, async (client) => ok(client.status().state));
    if (state.ok && state.value === "online") break;
  }
  return status(context);
}

function endOf(end: number | string): CliError {
  return end === EXIT.deviceLost
    ? { type: "DaemonTurnedAway" }
    : { type: "DaemonFailed", detail: `exit code ${end}` };
}

function openLogFile(path: string): Result<number, CliError> {
  try {
    return ok(openSync(path, "a", 0o600));
  } catch (thrown) {
    const detail = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "unknown";
    return err({ type: "FileRefused", path, detail });
  }
}

function logArguments({ log = LOG_FILTER_DEFAULT, logFormat, redactLogs }: LogOptions): readonly string[] {
  return [
    ...["--log", log],
    ...(logFormat === undefined ? [] : ["--log-format", logFormat]),
    ...(redactLogs === true ? ["--redact-logs"] : []),
  ];
}

/** Starts the program apart from this terminal. Resolves when it has ended. */
function launch(
  profile: string,
  passphrase: Passphrase | null,
  told: {
    /** Where its operational lines go; null for nowhere. */
    readonly logDescriptor: number | null;
    /** Options of every command, about these lines. */
    readonly logging: readonly string[];
    /** Options of `sync --watch`. */
    readonly watching: readonly string[];
  },
): Promise<number | string> {
  const { DOVETAIL_PASSPHRASE: _, ...env } = process.env;
  const args = ["--profile", profile, "--quiet", ...told.logging, "sync", "--watch", ...told.watching];
  const unlock = passphrase === null ? [] : ["--passphrase-fd", `${PASSPHRASE_DESCRIPTOR}`];
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...unlock, ...args], {
    env,
    detached: true,
    stdio: ["ignore", "ignore", told.logDescriptor ?? "ignore", "pipe"],
  });
  const pipe = child.stdio[PASSPHRASE_DESCRIPTOR];
  // A child that ended before it read says so by its exit code.
  pipe?.on("error", () => {});
  if (pipe !== null && pipe !== undefined && "end" in pipe)
    pipe.end(passphrase === null ? undefined : Buffer.concat([passphrase, Buffer.from("\n")]));
  child.unref();
  return new Promise((resolve) => {
    child.once("error", () => resolve("not started"));
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
}

async function answers(socket: string): Promise<boolean> {
  const port = await dialProfile(socket);
  if (port.ok) port.value.close();
  return port.ok;
}

async function stop(context: CommandContext): Promise<Result<Outcome, CliError>> {
  const owner = ownerOf(context);
  if (owner === null || owner.socket === null)
    return err({ type: "DaemonNotRunning", profile: context.choice.name });
  // Who holds the lock has written who it is; it is that process that is told to end, and no other.
  process.kill(owner.pid, "SIGTERM");
  for (let waitedMs = 0; waitedMs < STOP_WAIT_MS; waitedMs += POLL_MS) {
    if (ownerOf(context)?.pid !== owner.pid)
      return ok({
        json: { daemon: { isRunning: false } },
        messages: ["Stopped. What was acknowledged is on disk."],
      });
    await delay(POLL_MS);
  }
  return err({ type: "ProfileBusy", profile: context.choice.name, owner });
}

async function status(context: CommandContext): Promise<Result<Outcome, CliError>> {
  const owner = ownerOf(context);
  if (owner === null || owner.socket === null)
    return err({ type: "DaemonNotRunning", profile: context.choice.name });
  return withClient(context, async (client) => {
    const { state, sinceMs, pendingCount } = client.status();
    const { pid, startedAtMs } = owner;
    return ok({
      json: { daemon: { isRunning: true, pid, startedAtMs, state, sinceMs, pendingCount } },
      messages: [
        `Process ${pid} serves this profile since ${localTime(startedAtMs)}: ${state} since ${localTime(sinceMs)}, ${count(pendingCount, "change")} to send.`,
      ],
    });
  });
}

/** The process that holds the profile now; null when none does, or there is no such profile. */
function ownerOf({ choice }: CommandContext): ProfileOwner | null {
  const folder = profileFolder(choice);
  if (!existsSync(folder)) return null;
  const locked = lockProfile(folder, choice.name);
  if (!locked.ok) return locked.error.owner;
  locked.value.release();
  return null;
}
