/** The command line in Deno: the same program on the same files, and a profile goes from one runtime to the other. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { afterAll, expect, test } from "vitest";
import { ROOT } from "../support/checkout.ts";
import { runHere } from "../support/cli-here.ts";
import { DENO } from "../support/runtimes.ts";
import { useStoryServer } from "../support/story-server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const server = useStoryServer();
const home = createTemporaryFolder();
afterAll(home.discard);

/** What a command prints in Deno, as one JSON object. */
function inDeno(...args: readonly string[]): Readonly<Record<string, unknown>> {
  const main = join(ROOT, "cli", "main.ts");
  const { status, stdout, stderr } = spawnSync(
    DENO,
    ["run", "--allow-all", "--no-remote", main, "--profile", "ada", "--json", ...args],
    {
      encoding: "utf8",
      timeout: 120_000,
      env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1", DOVETAIL_HOME: home.path },
    },
  );
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

async function inNode(
  profile: string,
  ...args: readonly string[]
): Promise<Readonly<Record<string, unknown>>> {
  const { exitCode, stdout, stderr } = await runHere(home.path, profile, ["--json", ...args]);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

test("makes an account, accepts and writes; each goes on with the profile as the other left it", {
  timeout: 240_000,
}, async () => {
  inDeno("account", "create", "--server", server.origin, "--name", "Ada", "--device", "box");
  await inNode("ben", "account", "create", "--server", server.origin, "--name", "Ben", "--device", "pad");
  await inNode("ben", "contact", "add", `${(await inNode("ada", "contact", "link")).link}`, "--name", "Ada");
  await inNode("ada", "sync");
  inDeno("contact", "accept", "Ben");
  inDeno("send", "Ben", "written in Deno");
  const fetched = async () => JSON.stringify(await inNode("ben", "inbox", "show", "Ada"));
  await expect
    .poll(async () => (await inNode("ben", "sync")) && (await fetched()), { timeout: 60_000 })
    .toContain("written in Deno");
  expect(JSON.stringify(await inNode("ada", "inbox", "show", "Ben"))).toContain("written in Deno");
  expect(await inNode("ada", "verify-fs", "--offline")).toMatchObject({ isWhole: true });
});
