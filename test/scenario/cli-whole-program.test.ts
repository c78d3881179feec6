/** The command line as one file, as `npm run setup` makes it: it does what the sources do. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildCli } from "../../tools/build-cli.ts";
import { ROOT } from "../support/checkout.ts";
import { useStoryServer } from "../support/story-server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const server = useStoryServer();
/** Where the real one lies, because of what it finds beside itself, but another file. */
const PROGRAM = join(ROOT, "cli", "dist", `test-${process.pid}.js`);
const home = createTemporaryFolder();

beforeAll(() => buildCli(PROGRAM));
afterAll(() => {
  rmSync(PROGRAM, { force: true });
  home.discard();
});

async function run(program: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, DOVETAIL_HOME: home.path, NO_COLOR: "1" };
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { env });
  return stdout;
}

test("what few processes need is beside it, and not in it", () => {
  const program = readFileSync(PROGRAM, "utf8");
  const libraries = new Set(program.match(/node_modules\/(@[a-z-]+|[a-z-]+)\//g));
  expect(libraries).toContain("node_modules/commander/");
  for (const library of ["prom-client", "tdigest", "@opentelemetry"])
    expect(libraries).not.toContain(`node_modules/${library}/`);
  expect(program.includes('import("prom-client")')).toBe(true);
  // The question alone loads all of `fetch`.
  expect(program.match(/typeof Re(quest|sponse)\b.*/)).toBeNull();
});

test("it helps as the sources do, and works on a profile of files with a server", async () => {
  const sources = join(ROOT, "cli", "main.ts");
  expect(await run(PROGRAM, "help", "inbox")).toBe(await run(sources, "help", "inbox"));
  const account = ["--json", "--profile", "ada", "account"] as const;
  await run(
    PROGRAM,
    ...account,
    "create",
    "--server",
    server.origin,
    "--handle",
    "ada.whole",
    "--name",
    "Ada",
  );
  const shown: unknown = JSON.parse(await run(PROGRAM, ...account, "show"));
  expect(shown).toEqual(JSON.parse(await run(sources, ...account, "show")));
  expect(JSON.stringify(shown)).toContain("ada.whole");
  // The server's program is beside it, and not in it.
  const checked = await run(PROGRAM, "--json", "ops", "check", "--data", join(home.path, "none"));
  expect(JSON.parse(checked)).toMatchObject({ isReady: true });
});
