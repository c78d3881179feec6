/** What a test starts ends with it, also when the test's process is killed in the middle. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { ROOT } from "../support/checkout.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const STARTER = `
  import { startServer } from ${JSON.stringify(join(ROOT, "test", "support", "server-process.ts"))};
  const server = await startServer(process.argv[1], ["--memory"]);
  console.log(server.pid);
  setInterval(() => {}, 1_000);
`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a server ends when the process of its test is killed", async () => {
  const folder = createTemporaryFolder();
  const starter = spawn(process.execPath, ["--input-type=module", "-e", STARTER, folder.path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = await new Promise<number>((resolve) => {
    createInterface({ input: starter.stdout }).once("line", (line) => resolve(Number(line)));
  });
  expect(isAlive(pid)).toBe(true);
  starter.kill("SIGKILL");
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  folder.discard();
});
