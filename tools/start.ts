/**
 * `npm start`: the server with the web app at one address. Builds the app first when its sources have changed.
 *
 * The server itself knows nothing of the app: it hands out a folder.
 */
import process from "node:process";

const args = process.argv.slice(2);
// Only the server is to be run with these; they say something and end.
const [command = "start"] = args.filter((arg) => !arg.startsWith("-"));
const isQuestion = args.includes("--help") || (command !== "start" && args[0] === command);
if (!isQuestion) await buildWhenStale();
await import("../sync-server/main.ts");

async function buildWhenStale(): Promise<void> {
  try {
    const { APP_DIST, buildApp, isAppBuilt } = await import("./app-build.ts");
    if (isAppBuilt(APP_DIST)) return;
    process.stderr.write("Building the web app …\n");
    await buildApp({ outFolder: APP_DIST });
  } catch (thrown) {
    // A server without its page is still a server.
    process.stderr.write(
      `warning: the web app could not be built, so it is not served or is an older one\n${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
  }
}
