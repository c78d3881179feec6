/** Crash at every write: each state the disks went through while people wrote to each other is opened and has to be whole. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { idFromBytes } from "../../core/base/ids.ts";
import { fromHex } from "../../core/base/bytes.ts";
import { settle } from "../support/story.ts";
import { findBroken, reopenCrashWorld } from "./crash-world.ts";

export interface Recording {
  readonly effects: number;
  /** Numbers of the effects before which a state was kept. */
  readonly kept: readonly number[];
  readonly port: number;
  readonly conversationId: string;
}

/** Lives the story in a process of its own, and keeps a state before each `every`-th effect. */
export function recordStates(folder: string, every: number): Recording {
  const program = join(import.meta.dirname, "record-states.ts");
  const run = spawnSync(process.execPath, ["--no-warnings", program, folder, String(every)], {
    encoding: "utf8",
  });
  if (run.signal !== "SIGKILL" || run.stdout === "") throw new Error(`the story ended with ${run.stderr}`);
  return JSON.parse(run.stdout);
}

/** What is broken in the state before effect `number`, after a restart of everything and some meetings. */
export async function verifyState(
  folder: string,
  { port, conversationId }: Recording,
  number: number,
): Promise<readonly string[]> {
  const state = join(folder, `state-${number}`);
  const confirmed = JSON.parse(readFileSync(join(state, "confirmed.json"), "utf8"));
  try {
    const world = await reopenCrashWorld(state, {
      port,
      conversationId: idFromBytes("conversation", fromHex(conversationId)),
    });
    try {
      await settle(world.ada, world.ben);
      return await findBroken(world, confirmed);
    } finally {
      await world.stop();
    }
  } catch (thrown) {
    return [thrown instanceof Error ? thrown.message : String(thrown)];
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}
