/** A folder that the processes of one run share: beginnings of worlds, played once for all of them, and what Node makes of the sources. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `work` with the environment its processes get. */
export async function withSharedBeginnings<T>(work: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "dovetail-worlds-"));
  try {
    return await work({
      ...process.env,
      DOVETAIL_BEGINNINGS: folder,
      NODE_COMPILE_CACHE: join(folder, "compiled"),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
