/** Runs the list of planted faults, each in a process of its own. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { PLANTED_FAULTS, type PlantedFault } from "./faults.ts";
import { withSharedBeginnings } from "../shared-beginnings.ts";
import type { PlantedResult } from "./play-planted.ts";

const PLANT = pathToFileURL(join(import.meta.dirname, "plant.ts")).href;
const PLAYER = join(import.meta.dirname, "play-planted.ts");
/** A world that a fault keeps busy for ever is stopped; that it did not end is how it was found. Of processor time, of which a busy machine takes none away. */
const BUSY_SECONDS_MAX = 120;
/** A machine that gives no such time at all says nothing of a fault. */
const PATIENCE_MS = 1_000_000;
/** What runs after it may take so much processor time. */
const LIMITED = ["-c", `ulimit -t ${BUSY_SECONDS_MAX} && exec "$@"`, "sh"];

/** Plays the stories with `fault` planted, or as the code is. */
export async function playPlanted(
  fault: PlantedFault | null,
  shared: NodeJS.ProcessEnv = process.env,
): Promise<PlantedResult> {
  const own = fault?.isAtBeginning === true ? { DOVETAIL_BEGINNINGS: undefined } : {};
  const env = { ...shared, ...own, ...(fault === null ? {} : { DOVETAIL_PLANTED: fault.name }) };
  try {
    const { stdout } = await promisify(execFile)(
      "sh",
      [...LIMITED, process.execPath, "--import", PLANT, PLAYER],
      {
        env,
        timeout: PATIENCE_MS,
        killSignal: "SIGKILL",
        maxBuffer: 16_777_216,
      },
    );
    const line = stdout.trim().split("\n").at(-1) ?? "";
    return JSON.parse(line);
  } catch (error) {
    if (fault === null || isKilled(error)) throw error;
    const said = error instanceof Error ? error.message : String(error);
    const isMissing = /there is no fault|its text is in/.test(said);
    if (isMissing) throw error;
    const why = /InvariantError[^\n]*/.exec(said)?.[0] ?? said.split("\n").find((line) => /Error/.test(line));
    return { caughtBy: "the process ended", says: why ?? "it did not come to an end" };
  }
}

/** Whether the machine, and not the fault, kept it from an end. */
function isKilled(error: unknown): boolean {
  return error instanceof Error && "killed" in error && error.killed === true;
}

/** Runs `faults` in `jobs` processes at a time, in worlds that began without a fault. */
export function runPlanted(
  faults: readonly PlantedFault[] = PLANTED_FAULTS,
  jobs = 2,
  onResult: (fault: PlantedFault, result: PlantedResult) => void = () => {},
): Promise<ReadonlyMap<string, PlantedResult>> {
  return withSharedBeginnings(async (env) => {
    await promisify(execFile)(process.execPath, [PLAYER, "begin"], { env });
    const results = new Map<string, PlantedResult>();
    const waiting = [...faults];
    const work = async (): Promise<void> => {
      for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
        const result = await playPlanted(fault, env);
        results.set(fault.name, result);
        onResult(fault, result);
      }
    };
    await Promise.all(Array.from({ length: jobs }, work));
    return results;
  });
}
