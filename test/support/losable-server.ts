/** A real server process that loses its data, or gets it back from a backup. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type ServerProcess, startServer } from "./server-process.ts";
import { STORY_ARGS } from "./story-server.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

/** A server whose data can be taken away; it comes back on the same port. `onEnd` takes what is to be done after the test. */
export async function startLosableServer(onEnd: (cleanUp: () => unknown) => void) {
  const folder = createTemporaryFolder();
  onEnd(folder.discard);
  const data = join(folder.path, "data");
  let server: ServerProcess = await startServer(data, STORY_ARGS);
  onEnd(() => server.stop());
  const port = new URL(server.origin).port;
  const again = async (between: () => void): Promise<void> => {
    await server.stop();
    between();
    server = await startServer(data, [...STORY_ARGS, "--port", port]);
  };
  return {
    get origin() {
      return server.origin;
    },
    stop: () => server.stop(),
    lose: () => again(() => rmSync(data, { recursive: true })),
    backUp: () => again(() => cpSync(data, join(folder.path, "backup"), { recursive: true })),
    restore: () =>
      again(() => {
        rmSync(data, { recursive: true });
        cpSync(join(folder.path, "backup"), data, { recursive: true });
      }),
  };
}
