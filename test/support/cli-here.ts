/** Commands in the test's own process: a start costs more than what most of them do. */
import { runProgram } from "../../cli/program.ts";
import type { CommandEnd } from "./cli-process.ts";
import { createCommandStreams } from "./command-streams.ts";

const COLUMNS = 80;

/** Runs one command on a profile of `home`, without a terminal; `env` is all it sees of an environment. */
export async function runHere(
  home: string,
  profile: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandEnd> {
  const { streams, written } = createCommandStreams({ DOVETAIL_HOME: home, ...env }, COLUMNS);
  const { exitCode } = await runProgram(streams, ["--profile", profile, ...args]);
  return { exitCode, ...written() };
}
