/** What the command line says where the server has lost the account: what is here, what is wrong, and the way out. */
import { afterAll, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { startLosableServer } from "../support/losable-server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const cleanUps: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

test("[IN6] status shows what is here, what is wrong and what to do, also to a program, until the account is put back", async () => {
  const server = await startLosableServer((cleanUp) => void cleanUps.push(cleanUp));
  const home = createTemporaryFolder();
  cleanUps.push(home.discard);
  const run = (...args: readonly string[]) => runHere(home.path, "ada", args);
  const made = await run("account", "create", "--server", server.origin, "--name", "Ada", "--json");
  expect(made.exitCode).toBe(0);
  expect(JSON.parse((await run("status", "--json")).stdout)).toMatchObject({
    server: "reached",
    problem: null,
  });

  await server.lose();
  const lost = await run("status");
  expect(lost).toMatchObject({ exitCode: 5, stderr: "" });
  expect(lost.stdout).toMatch(/^you +Ada$/m);
  expect(lost.stdout).toMatch(/^devices +1 active, 0 revoked$/m);
  expect(lost.stdout).toMatch(/^wrong +the server does not know this account$/m);
  expect(lost.stdout.replace(/\s+/g, " ")).toContain("put your account back: dovetail server reseed");
  const told = await run("status", "--json");
  expect(told.exitCode).toBe(5);
  expect(JSON.parse(told.stdout)).toMatchObject({
    account: { displayName: "Ada" },
    devices: { active: 1, revoked: 0 },
    server: "failed",
    problem: {
      type: "Refused",
      code: "unknown-account",
      message: "the server does not know this account",
      hint: expect.stringContaining("dovetail server reseed"),
    },
  });

  expect((await run("server", "reseed", "--yes")).exitCode).toBe(0);
  const back = await run("status");
  expect(back.exitCode).toBe(0);
  expect(back.stdout).toMatch(/^server .*\(answers\)$/m);
  expect(back.stdout).not.toMatch(/^wrong/m);
});
