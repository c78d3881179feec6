/** What the command line says before there is an account, and when it is used wrongly. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createCommandStreams } from "../support/command-streams.ts";
import { EXIT } from "../../cli/errors/exit-code.ts";
import { HELP_TOPICS } from "../../cli/help/help-topics.ts";
import { runProgram } from "../../cli/program.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "dovetail-test-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function run(args: readonly string[], columns = 80) {
  const { streams, written } = createCommandStreams({ DOVETAIL_HOME: home }, columns);
  const { exitCode } = await runProgram(streams, args);
  return { exitCode, ...written() };
}

const GROUPS = [
  "notify",
  "privacy",
  "profile",
  "verify-fs",
  "account",
  "device",
  "contact",
  "send",
  "inbox",
  "draft",
  "tag",
  "sync",
  "help",
  "man",
  "status",
  "verify",
  "lock",
  "server",
  "demo",
];

describe("help", () => {
  test("lists every command and topic", async () => {
    const { exitCode, stdout } = await run(["--help"]);
    expect(exitCode).toBe(0);
    for (const group of GROUPS) expect(stdout).toMatch(new RegExp(`^  ${group} `, "m"));
    for (const topic of Object.keys(HELP_TOPICS)) expect(stdout).toMatch(new RegExp(`^  ${topic} `, "m"));
  });

  test.each(GROUPS.filter((group) => group !== "status"))(
    "of %s has examples or says what it does",
    async (group) => {
      const { exitCode, stdout } = await run([group, "--help"]);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/Examples:|Options:/);
    },
  );

  test.each(Object.entries(HELP_TOPICS))("explains the topic %s", async (name, { sections }) => {
    for (const columns of [80, 40]) {
      const { exitCode, stdout } = await run(["help", name], columns);
      expect(exitCode).toBe(0);
      for (const { title } of sections) expect(stdout).toContain(`${title}:`);
      expect(stdout.split("\n").filter((line) => line.length > columns)).toEqual([]);
    }
  });

  test("tells every exit code", async () => {
    const { stdout } = await run(["help", "exit-codes"]);
    const told = [...stdout.matchAll(/^ {2}(\d+) /gm)].map(([, code]) => Number(code));
    expect(told).toEqual(Object.values(EXIT).sort((a, b) => a - b));
  });

  test("of a command is the same by both ways", async () => {
    expect(await run(["help", "inbox", "show"])).toEqual(await run(["inbox", "show", "--help"]));
  });

  test.each([80, 40])("fits %i columns, but for command lines to copy", async (columns) => {
    const groups = GROUPS.filter((group) => group !== "server");
    for (const args of [[], ...groups.map((group) => [group])]) {
      const { stdout } = await run([...args, "--help"], columns);
      const isCopied = (line: string): boolean => /^ {2}[$#] /.test(line) || line.startsWith("Usage: ");
      const long = stdout.split("\n").filter((line) => line.length > columns);
      const tooLong = long.filter((line) => !isCopied(line));
      expect(tooLong).toEqual([]);
    }
  });
});

test("a command is found by its other name too, in help and manual pages", async () => {
  for (const words of [["help"], ["man"]]) {
    const byOther = await run([...words, "ops", "check"]);
    expect(byOther.exitCode).toBe(0);
    expect(byOther.stdout).toMatch(/permissions, room on disk, certificate, database/);
    expect(byOther).toEqual(await run([...words, "server", "check"]));
  }
  expect((await run(["help", "ops"])).stdout).toContain("dovetail server|ops");
});

describe("wrong usage", () => {
  test.each([
    [["accuont"], "unknown command 'accuont'", "did you mean account?"],
    [["ops", "chek"], "unknown command 'chek'", "did you mean check?"],
    [["contact", "ad"], "unknown command 'ad'", "did you mean add?"],
    [["send"], "missing required argument 'contact'", "dovetail send --help"],
    [["inbox", "show", "Ben", "--limit", "0"], "whole number from 1", "dovetail inbox show --help"],
    [["sync", "--wacht"], "unknown option '--wacht'", "did you mean --watch?"],
    [["inbox", "shw"], "unknown command 'shw'", "did you mean show?"],
    [["help", "serch"], 'no command or topic "serch"', "did you mean search?"],
    [["help", "inbox", "serch"], 'no command or topic "serch"', "did you mean search?"],
    [["tag", "rule", "ad"], "unknown command 'ad'", "did you mean add?"],
    [["inbox", "search", "x", "--limt", "3"], "unknown option --limt", "dovetail inbox search --help"],
    [["demo", "--messages", "3"], "whole number from 20", "dovetail demo --help"],
  ])("%j ends with 2 and a way on", async (args, error, hint) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error: .*\nhint: .*\n$/);
    expect(stderr).toContain(error);
    expect(stderr).toContain(hint);
  });

  test("is one JSON object on standard error with --json", async () => {
    const { exitCode, stdout, stderr } = await run(["send", "--json"]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(JSON.parse(stderr)).toMatchObject({ error: { type: "Usage", exitCode: 2 } });
  });

  test("a hostile argument is not repeated raw", async () => {
    const { stderr } = await run(["\u001b[2Jboo"]);
    expect(stderr).not.toContain("\u001b");
  });
});

describe("without an account", () => {
  test.each([["status"], ["inbox"], ["sync"], ["verify"], ["contact list"], ["device list"], ["tag list"]])(
    "%s says so and makes nothing",
    async (line) => {
      const { exitCode, stderr } = await run(line.split(" "));
      expect(exitCode).toBe(5);
      expect(stderr).toContain("dovetail account create");
      expect(await run(["status"])).toMatchObject({ exitCode: 5 });
    },
  );

  test("creating needs a name when nobody can be asked", async () => {
    const { exitCode, stderr } = await run(["account", "create", "--server", "http://127.0.0.1:1"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("--name NAME is needed");
  });

  test("an address beyond this machine without TLS is not dialled", async () => {
    const { exitCode, stderr } = await run([
      "account",
      "create",
      "--server",
      "http://chat.example.org",
      "--name",
      "Ada",
    ]);
    expect(exitCode).toBe(3);
    expect(stderr).toContain("begins with https://");
  });

  test("joining needs a yes when nobody can be asked, and a real code", async () => {
    const { exitCode, stderr } = await run(["account", "link", "dovetail-contact:abc", "--yes"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("somebody's contact link; it links no device");
  });
});
