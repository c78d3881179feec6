/** The real server program in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { ROOT } from "./checkout.ts";

export interface ServerProcess {
  readonly origin: string;
  readonly pid: number;
  /** What it has logged. */
  log(): string;
  /** Ends it without a chance to finish anything. */
  kill(): Promise<void>;
  /** Asks it to stop and gives its exit code. */
  stop(): Promise<number | null>;
}

/** The program that runs the server, and what it needs before the file's name. */
export interface Runtime {
  readonly program: string;
  readonly args: readonly string[];
}

/** Starts `sync-server/main.ts` on a free port with its data in `folder`, by default on the Node that runs this. */
export async function startServer(
  folder: string,
  args: readonly string[] = [],
  runtime: Runtime = { program: process.execPath, args: [] },
): Promise<ServerProcess> {
  const main = join(ROOT, "sync-server", "main.ts");
  const child = spawn(
    runtime.program,
    [...runtime.args, main, "--port", "0", "--data", folder, "--json", ...args],
    {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const origin = await firstOrigin(child, exited, () => log);
  return {
    origin,
    pid: child.pid ?? 0,
    log: () => log,
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

async function firstOrigin(
  child: ChildProcess,
  exited: Promise<number | null>,
  log: () => string,
): Promise<string> {
  if (child.stdout === null) throw new Error("the server's output is not piped");
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([
    new Promise<string>((resolve) => lines.once("line", resolve)),
    exited.then((code) => {
      throw new Error(`the server ended with ${code}: ${log()}`);
    }),
  ]);
  const said: { readonly origins: readonly string[] } = JSON.parse(line);
  return said.origins[0] ?? "";
}
