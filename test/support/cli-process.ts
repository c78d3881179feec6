/** The real command line and the real server as processes, on profiles in a folder that goes away. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "./checkout.ts";
import { startProgram } from "./start-program.ts";

/** What people start. */
const CLI = join(ROOT, "cli", "bin", "dovetail.js");
const RUN_TIMEOUT_MS = 45_000;

/** What a command left. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs: lines can be waited for, and answers given. */
export interface RunningCommand {
  /** Resolves with the first line of standard output that `accepts` takes. */
  line(accepts: (line: string) => boolean): Promise<string>;
  /** The same of standard error, where people are told things. */
  said(accepts: (line: string) => boolean): Promise<string>;
  type(text: string): void;
  signal(name: "SIGINT" | "SIGTERM"): void;
  /** Closes its standard output from this side, as `| head` does. */
  stopReading(): void;
  readonly end: Promise<CommandEnd>;
}

export interface CliWorld {
  readonly home: string;
  /** `http://127.0.0.1:port` of the server. */
  readonly origin: string;
  run(profile: string, args: readonly string[], input?: string): Promise<CommandEnd>;
  /** What the tab key would offer after `words`, as a shell asks for it. */
  complete(words: readonly string[]): Promise<CommandEnd>;
  /** Ended after a while by force; with `isLasting` only by `close`. */
  start(profile: string, args: readonly string[], isLasting?: boolean): RunningCommand;
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  /** Ends what still runs, and removes everything. */
  close(): Promise<void>;
}

/** A world with a server that was started by `dovetail server start`; its processes have `extraEnv` too. */
export async function createCliWorld(extraEnv: Readonly<Record<string, string>> = {}): Promise<CliWorld> {
  const world = createCliHome(extraEnv);
  await world.startServer();
  return world;
}

/** A world whose server is not started: its profiles are those of another one. */
export function createCliHome(extraEnv: Readonly<Record<string, string>> = {}): CliWorld {
  const home = mkdtempSync(join(tmpdir(), "dovetail-test-"));
  const running = new Set<ChildProcess>();
  let server: RunningCommand | null = null;
  let origin = "";
  let port = "0";

  const start = (
    profile: string | null,
    args: readonly string[],
    timeoutMs: number | null = RUN_TIMEOUT_MS,
  ): RunningCommand => {
    const chosen = profile === null ? [] : ["--profile", profile];
    const { FORCE_COLOR: _, ...env } = process.env;
    const child = startProgram(CLI, [...chosen, ...args], {
      env: { ...env, ...extraEnv, DOVETAIL_HOME: home, NO_COLOR: "1" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.add(child);
    child.once("exit", () => running.delete(child));
    return watch(child, timeoutMs);
  };

  return {
    home,
    get origin() {
      return origin;
    },
    start: (profile, args, isLasting = false) => start(profile, args, isLasting ? null : RUN_TIMEOUT_MS),
    async run(profile, args, input = "") {
      const command = start(profile, args);
      command.type(input);
      return command.end;
    },
    async complete(words) {
      const command = start(null, ["complete", "--", ...words]);
      command.type("");
      return command.end;
    },
    async startServer() {
      server = start(
        "none",
        ["server", "start", "--port", port, "--data", join(home, "server"), "--json"],
        null,
      );
      const line = await server.line((text) => text.includes("listening"));
      origin = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "";
      port = origin.split(":").at(-1) ?? "0";
    },
    async stopServer() {
      server?.signal("SIGTERM");
      await server?.end;
    },
    async close() {
      const ends = [...running].map((child) => new Promise((resolve) => child.once("exit", resolve)));
      for (const child of running) child.kill("SIGKILL");
      await Promise.all(ends);
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function watch(child: ChildProcess, timeoutMs: number | null): RunningCommand {
  let stdout = "";
  let stderr = "";
  let hasEnded = false;
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  child.stderr?.on("data", (part: Buffer) => {
    stderr += part.toString("utf8");
    for (const look of waiting) look();
  });
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      stdout += `${line}\n`;
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  const timer = timeoutMs === null ? undefined : setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const end = new Promise<CommandEnd>((resolve) => {
    child.once("close", (exitCode) => {
      clearTimeout(timer);
      hasEnded = true;
      for (const look of waiting) look();
      resolve({ exitCode, stdout, stderr });
    });
  });
  const first = (of: () => readonly string[], accepts: (line: string) => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = of().find(accepts);
        if (found !== undefined) resolve(found);
        else if (hasEnded) reject(new Error(`ended with ${child.exitCode}: ${stderr}`));
        else return;
        waiting.delete(look);
      };
      waiting.add(look);
      look();
    });
  return {
    line: (accepts) => first(() => lines, accepts),
    said: (accepts) => first(() => stderr.split("\n"), accepts),
    type: (text) => void child.stdin?.end(text),
    signal: (name) => void child.kill(name),
    stopReading: () => void child.stdout?.destroy(),
    end,
  };
}
