/** Search, drafts, export and completions on the real command line, with texts that would like to harm a terminal. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliWorld } from "../support/cli-process.ts";

const HOSTILE = "harbour \u001b[2J\u001b]0;owned\u0007 \u202egnp.exe \u009b31m\u200b end";
/** What a terminal would act on, or nobody would see. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there.
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/;

describe("the command line", { timeout: 120_000 }, () => {
  let world: CliWorld;

  const run = (profile: string, args: readonly string[]) => runHere(world.home, profile, args);

  const ok = async (profile: string, ...args: readonly string[]) => {
    const end = await run(profile, args);
    expect(end, args.join(" ")).toMatchObject({ exitCode: 0 });
    return end;
  };

  beforeAll(async () => {
    world = await createCliWorld();
    for (const [profile, name] of [
      ["ada", "Ada \u001b[31m$(touch pwned)"],
      ["ben", "Ben"],
    ] as const)
      await ok(profile, "account", "create", "--server", world.origin, "--name", name, "--handle", profile);
    const link = (await ok("ada", "contact", "link")).stdout.trim();
    await ok("ben", "contact", "add", link, "--greeting", HOSTILE);
    await ok("ada", "sync");
    await ok("ada", "contact", "accept", "Ben");
    await ok("ben", "sync");
    await ok("ben", "send", "ada", 'Lunch at the harbour: 東京 駅前 and "more"');
    await ok("ada", "sync");
  }, 120_000);
  afterAll(() => world.close());

  test("finds messages, marks what fits, and prints nothing raw", async () => {
    const found = await ok("ada", "inbox", "search", "harbour");
    expect(found.stdout).toMatch(/Lunch at the \[harbour\]/);
    expect(found.stdout).toContain("\\x1b[2J");
    expect(found.stdout).toContain("\\u{202e}");
    expect(found.stdout).not.toMatch(RAW);
    expect(found.stderr).toContain("2 messages found.");
    expect((await ok("ada", "inbox", "search", "東京 from:Ben")).stdout).toContain("[東京]");
    expect((await ok("ada", "inbox", "search", "駅前", "-lunch")).stderr).toContain("Nothing found.");
    const { stdout } = await ok("ada", "--json", "inbox", "search", "lun*");
    expect(stdout).not.toMatch(RAW);
    expect(JSON.parse(stdout)).toMatchObject({
      query: "lun*",
      hits: [
        { message: { text: 'Lunch at the harbour: 東京 駅前 and "more"' }, ranges: [{ start: 0, end: 5 }] },
      ],
      older: null,
    });
    const page = await ok("ada", "inbox", "search", "harbour", "--limit", "1");
    const cursor = / --before (\d+)/.exec(page.stderr)?.[1] ?? "";
    expect((await ok("ada", "inbox", "search", "harbour", "--before", cursor)).stdout).toContain("\\x1b");
  });

  test.each([
    ["say 'hello", 0, ""],
    ['"open', 2, "character 1"],
    ["form:Ben", 2, "did you mean from:?"],
    ["in:Bne", 5, "did you mean Ben?"],
    ["before:soon", 2, "yesterday"],
    ["tea OR harbour after:2020", 2, "(tea OR coffee) after:2026-03"],
    ["(tea OR harbour) after:2020", 0, "found"],
  ])("a search for %s ends with %i", async (query, exitCode, words) => {
    const end = await run("ada", ["inbox", "search", query]);
    expect(end.exitCode).toBe(exitCode);
    expect(end.stderr).toContain(words);
  });

  test("prints no name or text raw, wherever it prints them", async () => {
    for (const args of [
      ["inbox"],
      ["inbox", "show", "ada"],
      ["contact", "list"],
      ["inbox", "export", "--format", "text"],
    ]) {
      const { stdout, stderr } = await ok("ben", ...args);
      expect(stdout, args.join(" ")).toContain("\\x1b");
      expect(stdout + stderr, args.join(" ")).not.toMatch(RAW);
    }
  });

  test("keeps a draft, and sends it", async () => {
    await ok("ada", "draft", "set", "Ben", "About", "Sunday:");
    expect((await ok("ada", "draft", "show", "Ben")).stdout).toBe("About Sunday:\n");
    expect((await ok("ada", "draft", "list")).stdout).toContain("About Sunday:");
    await ok("ada", "send", "Ben", "--draft");
    expect((await ok("ada", "draft", "show", "Ben")).stderr).toContain("No draft for Ben.");
    expect((await ok("ada", "inbox", "show", "Ben")).stdout).toContain("About Sunday:");
    expect(await run("ada", ["send", "Ben", "--draft"])).toMatchObject({ exitCode: 2 });
    await ok("ada", "draft", "set", "Ben", "never mind");
    expect((await ok("ada", "draft", "clear", "Ben")).stdout).toBe("never mind\n");
  });

  test("exports everything in a form that says when it is cut off", async () => {
    const file = join(world.home, "messages.ndjson");
    const toFile = await ok("ada", "inbox", "export", "--output", file);
    expect(toFile.stderr).toContain("They are in clear");
    if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600);
    const written = readFileSync(file, "utf8");
    expect(written).not.toMatch(RAW);
    const toPipe = await ok("ada", "inbox", "export", "--json");
    const records = (text: string) =>
      text
        .trimEnd()
        .split("\n")
        .map((line): Record<string, unknown> => ({ ...JSON.parse(line), exportedAtMs: 0 }));
    expect(records(toPipe.stdout)).toEqual(records(written));
    expect(records(written)[0]).toMatchObject({ type: "export", version: 1 });
    expect(records(written)[1]).toMatchObject({
      type: "conversation",
      contact: { name: "Ben" },
      messages: 3,
    });
    expect(records(written)[2]).toMatchObject({
      type: "message",
      text: HOSTILE,
      isOwn: false,
      authorName: "Ben",
    });
    expect(records(written).at(-1)).toMatchObject({ type: "end", conversations: 1, messages: 3 });

    const again = await run("ada", ["inbox", "export", "--output", file]);
    expect(again).toMatchObject({ exitCode: 2 });
    expect(again.stderr).toContain("--yes");
    await ok("ada", "inbox", "export", "Ben", "--output", file, "--yes");
    const nowhere = await run("ada", ["inbox", "export", "--output", join(world.home, "none", "x")]);
    expect(nowhere).toMatchObject({ exitCode: 9 });
  });

  test("asks before a tag goes, and names the option where nobody can be asked", async () => {
    await ok("ada", "tag", "add", "work");
    const refused = await run("ada", ["tag", "remove", "work"]);
    expect(refused).toMatchObject({ exitCode: 2 });
    expect(refused.stderr).toContain("--yes");
    await ok("ada", "tag", "remove", "work", "--yes");
  });

  test("completes names, but none that a shell could run, and nothing of a locked profile", async () => {
    const offered = async (profile: string, ...words: readonly string[]): Promise<string> => {
      const { stdout } = await world.complete(["--profile", profile, ...words]);
      return stdout;
    };
    await ok("ada", "tag", "add", "work");
    await ok("ada", "tag", "add", "a b");
    expect(await offered("ada", "send", "")).toContain("Ben\t");
    expect(await offered("ada", "tag", "set", "Ben", "")).toMatch(/^work\t$/m);
    expect(await offered("ada", "tag", "set", "Ben", "")).toMatch(/^[0-9a-f]{8}\ta b$/m);
    const hostile = await offered("ben", "send", "");
    expect(hostile).toMatch(/^[0-9a-f]{8}\tAda 31mtouch pwned$/m);
    expect(hostile).not.toMatch(/[$()`;|&<>\\'"]/);
    expect(existsSync("pwned")).toBe(false);

    const lock = await world.run("ada", ["lock", "set", "--new-passphrase-fd", "0"], "correct horse\n");
    expect(lock).toMatchObject({ exitCode: 0 });
    expect(await offered("ada", "send", "")).not.toContain("Ben");
  });
});
