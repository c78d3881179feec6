/** Programs that a test starts: each ends with the test's process at the latest, also when that is killed. */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./checkout.ts";

const PRELOAD = join(ROOT, "test", "support", "end-with-test.ts");
const children = new Set<ChildProcess>();

/** The program that runs a file, and what it needs before the file's name. */
export interface Runtime {
  readonly program: string;
  readonly args: readonly string[];
  /** What starts the program somewhere else than here, with its arguments; nothing, to start it here. */
  readonly within?: readonly string[];
}

/** The Node that runs this. */
export const THIS_NODE: Runtime = { program: process.execPath, args: [] };

process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Runs `file` with `args`. */
export function startProgram(
  file: string,
  args: readonly string[],
  options: SpawnOptions & { readonly runtime?: Runtime } = {},
): ChildProcess {
  const { runtime = THIS_NODE, env = process.env, ...rest } = options;
  const preload = runtime.program === process.execPath ? "--import" : "--preload";
  const loaded = preload === "--import" ? pathToFileURL(PRELOAD).href : PRELOAD;
  const [program = "", ...words] = [...(runtime.within ?? []), runtime.program, ...runtime.args];
  const child = spawn(program, [...words, preload, loaded, file, ...args], {
    ...rest,
    env: { ...env, DOVETAIL_TEST_PID: `${process.pid}` },
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}
