/** People on the command line: asked, accepted, declined, named, verified, noted, blocked, taken along in a file. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { useStoryServer } from "../support/story-server.ts";

describe("people, on the command line", { timeout: 120_000 }, () => {
  const server = useStoryServer();
  const home = mkdtempSync(join(tmpdir(), "dovetail-people-"));

  const run = (profile: string, ...args: readonly string[]) => runHere(home, profile, args);

  /** What is said to a person by a command that succeeds. */
  async function said(profile: string, ...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(profile, ...args);
    expect(`${args.join(" ")}: ${exitCode} ${exitCode === 0 ? "" : stderr}`).toBe(`${args.join(" ")}: 0 `);
    return stdout + stderr;
  }

  async function json(profile: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
    const { exitCode, stdout, stderr } = await run(profile, "--json", ...args);
    expect(`${exitCode} ${stderr}`).toBe("0 ");
    return JSON.parse(stdout);
  }

  async function failure(profile: string, ...args: readonly string[]) {
    const { exitCode, stdout, stderr } = await run(profile, ...args);
    expect(stdout).toBe("");
    return `${exitCode} ${stderr}`;
  }

  const linkOf = async (profile: string) => String((await json(profile, "contact", "link")).link);
  const digitsOf = async (profile: string, other: string) =>
    String((await json(profile, "contact", "safety", other)).safetyNumber);

  beforeAll(async () => {
    for (const name of ["Ada", "Ben", "Eve"])
      await said(name.toLowerCase(), "account", "create", "--server", server.origin, "--name", name);
  }, 120_000);
  afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

  test("ask, decline, and are answered all the same when they are asked back", async () => {
    await said("eve", "contact", "add", await linkOf("ada"), "--greeting", "Buy my clocks");
    expect((await said("ada", "sync")).match(/wants to write to you.*/g)).toEqual([
      expect.stringMatching(/^wants to write to you: dovetail contact accept [0-9a-f]{8}$/),
    ]);
    expect(await said("ada", "inbox")).toContain("Buy my clocks");
    expect(await failure("ada", "send", "Eve", "no")).toBe(
      "2 error: Eve is not accepted: nothing was sent\nhint: dovetail contact accept NAME lets you both write\n",
    );
    expect(await said("ada", "contact", "decline", "Eve")).toBe("Declined. Eve is not told.\n");
    expect(await said("ada", "inbox")).not.toContain("clocks");
    expect(await json("ada", "status")).toMatchObject({ unread: 0 });
    expect(await failure("ada", "contact", "decline", "Eve")).toMatch(/^\d error: .*\nhint: /);
    await said("eve", "sync");
    expect(await said("eve", "contact", "list")).toContain("waits for them");

    await said("ada", "contact", "add", await linkOf("ben"), "--name", "Uncle Ben", "--greeting", "Hello");
    await said("ben", "sync");
    expect(await said("ben", "contact", "accept", "ada")).toBe(
      "You and Ada can write to each other now. Not verified: compare numbers when you meet.\n",
    );
    expect(await failure("ben", "contact", "accept", "Ada")).toMatch(/^\d error: /);
    await said("ada", "sync");
    expect(await said("ada", "contact", "list")).toMatch(/Uncle Ben +accepted +no /);
  });

  test("have the names and notes they are given here, and the other side never sees them", async () => {
    expect(await said("ada", "contact", "rename", "Uncle Ben", "Benno B")).toBe(
      "Shown as Benno B on your devices.\n",
    );
    expect(await failure("ada", "contact", "show", "Uncle Ben")).toContain("5 error: no contact is called");
    await said("ada", "contact", "note", "Benno B", "met in Porto, owes me a clock");
    const shown = await said("ada", "contact", "show", "benno b");
    expect(shown).toMatch(/name +Benno B/);
    expect(shown).toMatch(/calls themselves +Ben\n/);
    expect(shown).toMatch(/verified +no: compare numbers when you meet/);
    expect(shown).toMatch(/heard of +within a day/);
    expect(shown).toContain("met in Porto, owes me a clock");
    expect(await failure("ada", "contact", "note", "Benno B", "x".repeat(4_097))).toMatch(/^2 error: /);
    await said("ben", "sync");
    expect(await said("ben", "contact", "show", "Ada")).not.toMatch(/Porto|Benno/);
    expect(await said("ada", "contact", "note", "Benno B")).toBe("Nothing is noted about Benno B.\n");
    expect(await said("ada", "contact", "show", "Benno B")).not.toContain("Porto");
    expect(await said("ada", "contact", "rename", "Benno B")).toContain("by their own name again");
  });

  test("are verified by the digits or the link the other shows, and by nothing else", async () => {
    const digits = await digitsOf("ben", "Ada");
    expect(await digitsOf("ada", "Ben")).toBe(digits);
    const wrong = digits.replace(/.$/, (last) => String((Number(last) + 1) % 10));
    const refused = await failure("ada", "contact", "verify", "Ben", wrong);
    expect(refused).toMatch(/^7 error: /);
    expect(await failure("ada", "contact", "verify", "Ben", digits.slice(1))).toMatch(/^2 error: /);
    expect(await failure("ada", "contact", "verify", "Ben", await linkOf("eve"))).toMatch(/^7 error: /);
    expect(await failure("ada", "contact", "verify", "Ben")).toMatch(
      /^2 error: .*needs the number they show/,
    );
    expect(await said("ada", "contact", "list")).toMatch(/Ben +accepted +no /);

    const groups = digits.match(/.{5}/g) ?? [];
    expect(await said("ada", "contact", "verify", "Ben", ...groups)).toBe(
      "The same. Ben is verified, on all your devices.\n",
    );
    expect(await said("ada", "contact", "list")).toMatch(/Ben +accepted +\d{4}-\d\d-\d\d/);
    expect(await said("ada", "contact", "verify", "Ben", "--forget")).toBe("Ben is not verified any more.\n");
    await said("ada", "contact", "verify", "Ben", await linkOf("ben"));
    expect(await said("ada", "contact", "show", "Ben")).toMatch(/verified +on \d{4}/);
  });

  test("are blocked: nothing comes and nothing goes, they read that it is closed; and let in again", async () => {
    expect(await said("ben", "contact", "block", "Ada")).toBe(
      "Ada is blocked, on all your devices. Undo: dovetail contact unblock Ada\n",
    );
    await said("ada", "send", "Ben", "are you there?");
    await said("ben", "sync");
    expect(await said("ben", "inbox", "show", "Ada")).not.toContain("are you there?");
    expect(await said("ben", "inbox")).toMatch(/Ada .*Hello/);
    expect(await failure("ben", "send", "Ada", "x")).toMatch(/^2 error: Ada is blocked: nothing was sent\n/);
    await said("ada", "sync");
    expect(await said("ada", "inbox", "show", "Ben")).toContain(
      "not sent: the other side closed this conversation",
    );
    expect(await said("ben", "contact", "unblock", "Ada")).toBe(
      "Ada can write to you again. What was written meanwhile does not come.\n",
    );
    expect(await failure("ben", "contact", "unblock", "Ada")).toMatch(/^\d error: .*\nhint: /);
    await said("ada", "sync");
    await said("ada", "send", "Ben", "and now?");
    await said("ben", "sync");
    const newest = await said("ben", "inbox", "show", "Ada", "--limit", "1");
    const [older = ""] = /(?<=--before )[0-9a-f]{8}$/m.exec(newest) ?? [];
    const before = await said("ben", "inbox", "show", "Ada", "--limit", "1", "--before", older);
    expect(before).toMatch(/ [0-9a-f]{8}\n/);
    expect(before).not.toContain(older);
    const shown = await said("ben", "inbox", "show", "Ada");
    expect(shown).toContain("and now?");
    expect(shown).not.toContain("are you there?");
  });

  test("are taken along in a file; what is wrong with one is named by its line, and then nothing is done", async () => {
    await said("ada", "contact", "rename", "Ben", "Benno");
    const file = join(home, "contacts.ndjson");
    expect(await said("ada", "contact", "export", "--output", file)).toContain("2 contacts in ");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await failure("ada", "contact", "export", "--output", file)).toMatch(/^2 error: .*needs a yes/);
    expect((await run("ada", "contact", "export", "--json")).stdout.split("\n")).toHaveLength(5);

    await said("zoe", "account", "create", "--server", server.origin, "--name", "Zoe");
    const planned = await said("zoe", "contact", "import", file, "--dry-run");
    expect(planned).toMatch(/Benno +new, not asked yet +petname/);
    expect(planned).toContain("This would be done: 2 new, 0 completed, 0 as before. Nothing was changed.");
    expect(planned).toContain("1 contact verified by the file's word alone: not verified here.");
    expect(await said("zoe", "contact", "list")).toContain("Nobody here yet");

    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace('"state":"accepted"', '"state":"friend"'));
    expect(await failure("zoe", "contact", "import", file)).toMatch(
      /^2 error: line \d, field state, is none of the words that can stand there; nothing was taken over\nhint: /,
    );
    expect(await said("zoe", "contact", "list")).toContain("Nobody here yet");
    expect(await failure("zoe", "contact", "import", `${file}.gone`)).toMatch(/^5 error: .*ENOENT/);
    writeFileSync(file, text);
    expect(await said("zoe", "contact", "import", file)).toContain("Taken over: 2 new");
    expect(await said("zoe", "contact", "import", file)).toContain(
      "Taken over: 0 new, 0 completed, 2 as before.",
    );
    expect(await failure("zoe", "send", "Benno", "hi")).toMatch(/^2 error: Benno is not asked yet/);
    expect(await said("zoe", "contact", "ask", "Benno", "--greeting", "Hi")).toContain("Benno is asked");
    await said("ben", "sync");
    expect(await said("ben", "contact", "list")).toMatch(/Zoe +wants to write to you/);
  });

  test("come back with their messages from an export of the same account, and from no other", async () => {
    const file = join(home, "messages.ndjson");
    await said("ada", "inbox", "export", "--output", file);
    expect(await said("ada", "inbox", "import", file, "--dry-run")).toMatch(
      /^0 messages would be brought back/,
    );
    expect(await json("ada", "inbox", "import", file)).toMatchObject({ added: 0, strangers: 0, unproven: 0 });
    expect(await failure("ben", "inbox", "import", file)).toMatch(
      /^7 error: line \d+: it is the export of another account; nothing was taken over\n/,
    );
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll("and now?", "and never"));
    expect(await failure("ada", "inbox", "import", file)).toMatch(
      /^2 error: line \d+, field text, says something else than the message itself; nothing was taken over\n/,
    );
    writeFileSync(file, text.slice(0, -30));
    expect(await failure("ada", "inbox", "import", file)).toMatch(/^2 error: line \d+ is no JSON/);
  });
});
