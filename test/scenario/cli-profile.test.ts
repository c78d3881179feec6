/** What a profile is on its disk, on the command line: which there are, what they give away, and whether all of it opens. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { useStoryServer } from "../support/story-server.ts";

describe("a profile", { timeout: 120_000 }, () => {
  const server = useStoryServer();
  const home = mkdtempSync(join(tmpdir(), "dovetail-profile-"));
  const run = (profile: string, ...args: readonly string[]) => runHere(home, profile, args);
  const folderOf = (profile: string): string => join(home, "profiles", profile);

  beforeAll(async () => {
    const made = await run("ada", "account", "create", "--server", server.origin, "--name", "Ada");
    expect(made.exitCode).toBe(0);
    expect((await run("ada", "tag", "add", "work")).exitCode).toBe(0);
    expect((await run("ada", "sync")).exitCode).toBe(0);
  }, 120_000);
  afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

  /** The first file below `folder`, by its path. */
  function findFile(folder: string): string {
    const found = readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    const [first] = found;
    if (first === undefined) throw new Error("there is a file");
    return first;
  }

  test("is read whole; a changed byte in a chunk and in a row is found, told, and mended from the server", async () => {
    expect(await run("ada", "verify-fs")).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^Everything opens: \d+ rows and \d+ chunks\.\n$/),
    });
    const chunk = findFile(join(folderOf("ada"), "documents"));
    const bytes = readFileSync(chunk);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(chunk, bytes);
    const db = new DatabaseSync(join(folderOf("ada"), "store.db"));
    const row = db.prepare("SELECT key, value FROM row WHERE key LIKE 'mark%' OR key LIKE 'calendar%'").get();
    if (!(row?.value instanceof Uint8Array)) throw new Error("there is a row");
    row.value[30] = (row.value[30] ?? 0) ^ 1;
    db.prepare("UPDATE row SET value = ? WHERE key = ?").run(row.value, row.key ?? null);
    db.close();

    const looked = await run("ada", "--offline", "verify-fs", "--json");
    expect(looked.exitCode).toBe(9);
    expect(JSON.parse(looked.stdout)).toMatchObject({
      isWhole: false,
      files: { found: { damagedRows: 1, damagedChunks: 1 } },
    });
    const mended = await run("ada", "verify-fs");
    expect(mended.exitCode).toBe(0);
    expect(mended.stderr).toMatch(/1 chunk were damaged\. What they held came back\.\nEverything opens: /);
    expect(await run("ada", "verify-fs")).toMatchObject({ exitCode: 0 });
    expect((await run("ada", "tag", "list")).stdout).toContain("work");
  });

  test("whose account was refused is told of as unfinished until it has one", async () => {
    const create = (handle: string) =>
      run("ben", "account", "create", "--server", server.origin, "--name", "Ben", "--handle", handle);
    const list = async () => {
      const { stdout, stderr } = await run("ada", "profile", "list");
      return { ben: /^ben .*/m.exec(stdout)?.[0] ?? "", ada: /^ada .*/m.exec(stdout)?.[0] ?? "", stderr };
    };
    expect(await create("Not a Handle")).not.toMatchObject({ exitCode: 0 });
    const unfinished = await list();
    expect(unfinished.ben).toContain("no account yet");
    expect(unfinished.ada).not.toContain("no account yet");
    expect(unfinished.stderr).toMatch(
      /^ben has no account yet: go on with dovetail --profile ben account create,/m,
    );
    expect(unfinished.stderr).toContain("dovetail profile remove ben");
    const removed = await run("none", "--yes", "profile", "remove", "ben");
    expect(`${removed.stdout}${removed.stderr}`).toMatch(/^ben is deleted\.$/m);
    expect(await create("ben.finished")).toMatchObject({ exitCode: 0 });
    const finished = await list();
    expect(finished.ben).not.toContain("no account yet");
    expect(finished.stderr).toBe("");
    expect((await run("none", "--yes", "profile", "remove", "ben")).stderr).toContain("device revoke");
  });

  test("tells what its server and its disk give away as it is set, and what would be less", async () => {
    const told = await run("ada", "privacy");
    expect(told.exitCode).toBe(0);
    expect(told.stdout).toContain("no handle: nobody finds this account by a name");
    expect(told.stdout).toContain("who can read the files can read everything");
    expect(told.stdout).toContain("by sizes that are rounded up");
    expect(told.stdout).toContain("asked by a request of its own");
    expect(told.stdout).toContain("dovetail lock set");
    const env = {
      DOVETAIL_NEW_PASSPHRASE: "one that is long enough",
      DOVETAIL_PASSPHRASE: "one that is long enough",
    };
    expect((await runHere(home, "ada", ["lock", "set"], env)).exitCode).toBe(0);
    const locked = await runHere(home, "ada", ["privacy"], env);
    expect(locked.stdout).toContain("locked by a passphrase");
    expect(locked.stdout).not.toMatch(/who can read the files|dovetail lock set/);
  });

  test("is listed, shown, called something else, and deleted after a yes", async () => {
    expect((await run("none", "profile", "list")).stdout).toMatch(
      /^ada +[\d.]+ KiB +locked by a passphrase/m,
    );
    expect((await run("none", "profile", "show", "ada")).stdout).toContain(folderOf("ada"));
    expect((await run("none", "profile", "rename", "ada", "Ada")).exitCode).toBe(2);
    expect((await run("none", "profile", "rename", "ada", "work")).exitCode).toBe(0);
    expect((await run("none", "profile", "rename", "ada", "more")).exitCode).toBe(5);
    expect(existsSync(folderOf("ada"))).toBe(false);
    expect(await run("none", "profile", "remove", "work")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--yes"),
    });
    expect(existsSync(join(folderOf("work"), "store.db"))).toBe(true);
    expect((await run("none", "--yes", "profile", "remove", "work")).exitCode).toBe(0);
    expect(existsSync(folderOf("work"))).toBe(false);
    expect((await run("none", "profile", "list")).stderr).toContain("No profiles yet");
  });

  test("keeps what is done while the server refuses it, and says so before why", async () => {
    expect(
      (await run("gone", "account", "create", "--server", server.origin, "--name", "Gone")).exitCode,
    ).toBe(0);
    expect((await run("gone", "account", "delete", "--yes")).exitCode).toBe(0);
    const { exitCode, stderr } = await run("gone", "tag", "add", "later");
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/^Kept here\. It has not gone out:\nerror: /);
    expect((await run("gone", "tag", "list", "--json")).stdout).toContain("later");
  });
});
