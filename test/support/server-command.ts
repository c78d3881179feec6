/** One run of the server program as a process: an operator's command, or a start that is to fail. */
import { join } from "node:path";
import { ROOT } from "./checkout.ts";
import { startProgram } from "./start-program.ts";

export interface ServerCommandEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `sync-server/main.ts` with `args` to its end. */
export function runServerCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ServerCommandEnd> {
  const child = startProgram(join(ROOT, "sync-server", "main.ts"), args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}
