/** Runs a file of the checkout on another runtime and gives what it printed. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, ROOT } from "../../tools/workspace.mjs";

/** What a finished program left. */
export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const DENO_FOLDER = join(ROOT, "test", "tools", "deno");
/** The program of the Deno that `ensureDeno` installs. */
export const DENO = join(
  DENO_FOLDER,
  "node_modules",
  "deno",
  process.platform === "win32" ? "deno.exe" : "deno",
);

/** Installs Deno when it is missing. It lives apart from the workspace: see the description in its package.json. */
export function ensureDeno(): void {
  ensureInstalled(DENO_FOLDER);
}

/** Runs `deno <args>` in the root of the checkout, without downloads of Deno's own. */
export function runDeno(args: readonly string[], timeoutMs = 120_000): Finished {
  return run(DENO, args, timeoutMs);
}

/** Runs a file on the Node that runs this test. */
export function runNode(args: readonly string[], timeoutMs = 120_000): Finished {
  return run(process.execPath, args, timeoutMs);
}

function run(program: string, args: readonly string[], timeoutMs: number): Finished {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: "utf8",
    timeout: timeoutMs,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
  });
  return {
    status,
    stdout: stdout ?? "",
    stderr: `${stderr ?? ""}${error === undefined ? "" : error.message}`,
  };
}
