/** A server process for all the stories of a file: everything on loopback, nothing kept, no limit in a story's way. */
import { afterAll, beforeAll } from "vitest";
import { engineReady } from "./client-world.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

/** Requests of a whole file in a minute, and work that costs nothing. */
export const STORY_ARGS: readonly string[] = ["--rate-factor", "1000", "--work-bits", "4"];

/** Starts the server before the first test of the file that calls it, and stops it after the last. */
export function useStoryServer(): { readonly origin: string } {
  const folder = createTemporaryFolder();
  let server: ServerProcess | null = null;
  beforeAll(async () => {
    await engineReady();
    server = await startServer(folder.path, [...STORY_ARGS, "--memory"]);
  });
  afterAll(async () => {
    await server?.stop();
    folder.discard();
  });
  return {
    get origin() {
      if (server === null) throw new Error("the server starts before the first test");
      return server.origin;
    },
  };
}
