/** Two people and three devices with nothing but the command line: real processes, a real server, real files. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, type CommandEnd, createCliWorld } from "../support/cli-process.ts";

let world: CliWorld;
let adaWords = "";
beforeAll(async () => {
  world = await createCliWorld({ DOVETAIL_BACKUP_PASSPHRASE: "between two trees" });
});
afterAll(() => world.close());

/** What a command with `--json` printed, as its one object. In this process: a start costs more than the command. */
async function json(profile: string, ...args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const end = await runHere(world.home, profile, ["--json", ...args]);
  expect(`${end.exitCode} ${end.stderr}`).toBe("0 ");
  expect(end.stdout.split("\n")).toHaveLength(2);
  return JSON.parse(end.stdout);
}

async function failure(profile: string, ...args: readonly string[]): Promise<CommandEnd> {
  return world.run(profile, args);
}

describe("two people", { timeout: 120_000 }, () => {
  test("make accounts; a taken handle and a used profile are refused with their codes", async () => {
    const ada = await json(
      "ada",
      "account",
      "create",
      "--server",
      world.origin,
      "--name",
      "Ada",
      "--handle",
      "ada.l",
      "--device",
      "laptop",
    );
    expect(ada).toMatchObject({ account: { displayName: "Ada", handle: "ada.l" }, profile: "ada" });
    adaWords = String(ada.recoveryWords);
    expect(adaWords.split(" ")).toHaveLength(24);
    expect(await json("ada", "account", "words")).toEqual({ recoveryWords: ada.recoveryWords });
    expect(await json("ada", "account", "words", "--confirm")).toEqual({ isConfirmed: true });
    const forgotten = await failure("ada", "account", "words");
    expect(forgotten.stderr).toContain("not kept on this device");
    await json("ben", "account", "create", "--server", world.origin, "--name", "Ben", "--device", "desktop");
    const taken = await failure(
      "eve",
      "account",
      "create",
      "--server",
      world.origin,
      "--name",
      "Eve",
      "--handle",
      "ada.l",
    );
    expect(taken).toMatchObject({
      exitCode: 6,
      stdout: "",
      stderr: "error: that handle is taken\nhint: choose another, or leave it out\n",
    });
    expect(
      (await failure("ada", "account", "create", "--server", world.origin, "--name", "Ada")).exitCode,
    ).toBe(6);
  });

  test("find each other by contact link; the other accepts", async () => {
    const link = String((await json("ben", "contact", "link")).link);
    expect(link).toMatch(/^dovetail-contact:[\w-]+$/);
    const added = await json(
      "ada",
      "contact",
      "add",
      link,
      "--name",
      "Ben",
      "--greeting",
      "Hello \u001b[31mBen",
    );
    expect(added).toMatchObject({
      contact: { state: "requested", petname: "Ben" },
      sync: { server: "reached" },
    });
    expect(await json("ben", "sync")).toMatchObject({ sync: { alarms: [] } });
    const { contacts } = await json("ben", "contact", "list");
    expect(contacts).toMatchObject([{ state: "incoming", displayName: "Ada" }]);
    expect(await json("ben", "contact", "accept", "Ada")).toMatchObject({ contact: { state: "accepted" } });
    await json("ada", "sync");
    expect(await json("ada", "contact", "list")).toMatchObject({
      contacts: [{ state: "accepted", displayName: "Ben" }],
    });
    expect((await failure("ada", "contact", "add", link)).exitCode).toBe(6);
    const numbers = [
      await json("ada", "contact", "safety", "Ben"),
      await json("ben", "contact", "safety", "ada"),
    ];
    expect(numbers[0]?.safetyNumber).toMatch(/^\d{60}$/);
    expect(numbers[0]?.safetyNumber).toBe(numbers[1]?.safetyNumber);
  });

  test("write, with and without a server, and read what the other wrote without being harmed by it", async () => {
    await json("ada", "send", "Ben", "Are", "you", "there?");
    const piped = await world.run("ada", ["send", "Ben", "--offline", "--json"], "two\nlines\n");
    expect(JSON.parse(piped.stdout)).toMatchObject({
      message: { text: "two\nlines", state: "kept" },
      sync: { server: "not-asked" },
    });
    await json("ada", "sync");
    await json("ben", "sync");
    const shown = await world.run("ben", ["inbox", "show", "Ada"]);
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toContain("  Are you there?\n");
    expect(shown.stdout).toContain("  two\n  lines\n");
    expect(shown.stdout).toContain(String.raw`Hello \x1b[31mBen`);
    expect(shown.stdout).not.toContain("\u001b");
    const { messages } = await json("ben", "inbox", "show", "Ada");
    expect(messages).toMatchObject([
      { text: "Hello \u001b[31mBen" },
      { text: "Are you there?" },
      { text: "two\nlines" },
    ]);
    await world.stopServer();
    const kept = await world.run("ben", ["send", "Ada", "No", "server", "now"]);
    expect(kept).toMatchObject({
      exitCode: 0,
      stdout: "",
      stderr: "Kept here, goes out when the server answers.\n",
    });
    expect((await failure("ben", "sync")).exitCode).toBe(3);
    await world.startServer();
    await json("ben", "sync");
    await json("ada", "sync");
    expect(await json("ada", "inbox")).toMatchObject({
      conversations: [{ unreadCount: 1, lastMessage: { text: "No server now" } }],
    });
  });

  test("mark, tag and name; what is not there is not found, with a guess", async () => {
    await json("ada", "tag", "add", "clocks");
    await json("ada", "inbox", "tag", "Ben", "clocks");
    expect(await json("ada", "inbox", "untag", "Ben", "clocks")).toMatchObject({ isTagged: false });
    expect(await json("ada", "inbox", "--tag", "clocks")).toMatchObject({ conversations: [] });
    await json("ada", "tag", "set", "Ben", "clocks");
    await json("ada", "tag", "rule", "add", "Ben", "clocks");
    await json("ada", "inbox", "star", "Ben", "last");
    await json("ada", "inbox", "read", "Ben");
    expect(await json("ada", "inbox", "--tag", "clocks")).toMatchObject({
      conversations: [{ unreadCount: 0, lastMessage: { isStarred: true } }],
    });
    expect(await json("ada", "inbox", "starred")).toMatchObject({
      messages: [{ contact: { petname: "Ben" }, message: { text: "No server now" } }],
      older: null,
    });
    const listed = async (...flags: readonly string[]) =>
      JSON.stringify((await json("ada", "inbox", "list", ...flags)).conversations).length > 2;
    expect(await listed("--starred", "--tag", "clocks")).toBe(true);
    expect(await listed("--starred", "--tag", "clocks", "--unread")).toBe(false);
    await json("ada", "inbox", "archive", "Ben");
    expect(await json("ada", "inbox")).toEqual({ conversations: [], rooms: [] });
    expect(await listed("--starred")).toBe(false);
    expect(await listed("--archived", "--starred", "--tag", "clocks")).toBe(true);
    await json("ada", "inbox", "unstar", "Ben", "last");
    expect(await listed("--archived", "--starred")).toBe(false);
    await json("ada", "contact", "rename", "Ben", "Ben the clockmaker");
    const wrong = await failure("ada", "send", "Ben the clokmaker", "x");
    expect(wrong).toMatchObject({
      exitCode: 5,
      stderr:
        'error: no conversation is called "Ben the clokmaker"\nhint: did you mean Ben the clockmaker?\n',
    });
    const asJson = await failure("ada", "send", "Zoe", "x", "--json");
    expect(asJson.stdout).toBe("");
    expect(JSON.parse(asJson.stderr)).toMatchObject({
      error: { type: "NotFound", query: "Zoe", exitCode: 5 },
    });
  });

  test("take a message back, and delete one for oneself, after a yes", async () => {
    const { message } = await json("ada", "send", "Ben", "Not meant for you");
    const { id } = message as { readonly id: string };
    await json("ben", "sync");
    const unasked = await failure("ada", "inbox", "redact", "Ben", id.slice(0, 12));
    expect(unasked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--yes") });
    expect(unasked.stderr).toContain("copied or saved elsewhere stays with them");
    expect(await json("ada", "--yes", "inbox", "redact", "Ben", id.slice(0, 12))).toMatchObject({
      redacted: id,
    });
    await json("ben", "sync");
    const shown = await world.run("ben", ["inbox", "show", "Ada"]);
    expect(shown.stdout).toContain("taken back");
    expect(shown.stdout).not.toContain("Not meant for you");
    expect((await failure("ben", "--yes", "inbox", "redact", "Ada", id)).stderr).toContain("only who wrote");
    const kept = await json("ben", "inbox", "show", "Ada");
    expect(await json("ben", "--yes", "inbox", "delete", "Ada", id)).toMatchObject({ deleted: [id] });
    const left = await json("ben", "inbox", "show", "Ada");
    expect((left.messages as unknown[]).length).toBe((kept.messages as unknown[]).length - 1);
    expect((await failure("ben", "inbox", "delete", "Ada")).exitCode).toBe(2);
  });

  test("[LK39] link a second device by the code that is typed, which then holds the same", async () => {
    const host = world.start("ada", ["device", "link", "--json"]);
    const { code, typedCode } = JSON.parse(await host.line((line) => line.includes("dovetail-link:")));
    const nowhere = await failure("ada-phone", "account", "link", typedCode, "--yes");
    expect([nowhere.exitCode, nowhere.stderr]).toEqual([2, expect.stringContaining("--server")]);
    const guest = world.start("ada-phone", [
      ...["account", "link", typedCode, "--server", world.origin],
      ...["--device", "phone", "--yes", "--json"],
    ]);
    const account = JSON.parse(await guest.line((line) => line.includes("accountName")));
    expect(account).toMatchObject({ accountName: "Ada" });
    const { digits } = JSON.parse(await guest.line((line) => line.includes("digits")));
    expect(JSON.parse(await host.line((line) => line.includes("deviceName")))).toEqual({
      deviceName: "phone",
    });
    host.type(`${digits}\n`);
    expect((await host.end).exitCode).toBe(0);
    const linked = await guest.end;
    expect(`${linked.exitCode} ${linked.stderr}`).toBe("0 ");
    await json("ada", "sync");
    await json("ada-phone", "sync");
    const prints = [await json("ada", "verify"), await json("ada-phone", "verify")];
    expect(prints[0]).toEqual(prints[1]);
    expect(await json("ada-phone", "inbox", "--archived")).toMatchObject({
      conversations: [{ contact: { petname: "Ben the clockmaker" } }],
    });
    const { devices } = await json("ada-phone", "device", "list");
    expect(devices).toMatchObject([
      { name: "laptop", isThis: false },
      { name: "phone", isThis: true },
    ]);
    const again = await failure("late", "account", "link", code, "--yes");
    expect(again.exitCode).toBeGreaterThan(0);
  });

  test("a wrong code links nothing", async () => {
    const host = world.start("ben", ["device", "link", "--json"]);
    const { code } = JSON.parse(await host.line((line) => line.includes("dovetail-link:")));
    const guest = world.start("ben-phone", ["account", "link", code, "--yes", "--json"]);
    const { digits } = JSON.parse(await guest.line((line) => line.includes("digits")));
    host.type(`${digits === "000000" ? "000001" : "000000"}\n`);
    const [refused, left] = await Promise.all([host.end, guest.end]);
    expect(refused.exitCode).toBe(7);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { type: "LinkingFailed", rule: "WrongCode" } });
    expect(left.exitCode).toBe(7);
    expect(JSON.parse(left.stderr)).toMatchObject({ error: { rule: "WrongCode" } });
    expect(await json("ben", "device", "list")).toMatchObject({ devices: [{ name: "desktop" }] });
    expect((await failure("ben-phone", "account", "show")).exitCode).toBe(5);
  });

  test("watch shows what comes as it comes, holds the profile, and ends with Ctrl-C", async () => {
    const watching = world.start("ben", ["sync", "--watch", "--json"]);
    await watching.line((line) => line.includes('"online"'));
    const busy = await failure("ben", "lock", "rekey", "--yes");
    expect(busy.exitCode).toBe(6);
    expect(busy.stderr).toMatch(/profile ben is in use: process \d+, since/);
    await json("ada", "send", "Ben", "--", "--not", "an option");
    const line = JSON.parse(await watching.line((text) => text.includes("an option")));
    expect(line).toMatchObject({ event: { type: "message", message: { text: "--not an option" } } });
    watching.signal("SIGINT");
    expect((await watching.end).exitCode).toBe(0);
    expect((await world.run("ben", ["inbox", "show", "Ada", "--limit", "1"])).stdout).toContain(
      "--not an option",
    );

    const noted = join(world.home, "noted");
    const told = world.start("ben", [
      "notify",
      "--json",
      "--run",
      `echo "$DOVETAIL_FROM: $DOVETAIL_COUNT, $DOVETAIL_TEXT" >> ${noted}`,
    ]);
    await told.line((text) => text.includes('"started"'));
    await json("ada", "send", "Ben", "for nobody's screen");
    await told.line((text) => text.includes('"notified"'));
    told.signal("SIGINT");
    expect((await told.end).exitCode).toBe(0);
    expect(readFileSync(noted, "utf8")).toBe("Ada: 1, \n");

    const piped = world.start("ben", ["sync", "--watch", "--json"]);
    await piped.line((text) => text.includes('"online"'));
    piped.stopReading();
    await json("ada", "send", "Ben", "nobody reads this line");
    expect(await piped.end).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("[BK9] [BK10] back an account up, look the file through, and restore it on an empty profile", async () => {
    const path = join(world.home, "ada.backup");
    const backup = (profile: string, ...args: readonly string[]) =>
      runHere(world.home, profile, ["--json", "backup", ...args], {
        DOVETAIL_BACKUP_PASSPHRASE: "between two trees",
      });
    expect(await backup("ada", "create", path)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readdirSync(world.home).filter((name) => name.includes("ada.backup"))).toEqual(["ada.backup"]);
    expect((await backup("ada", "create", path)).stderr).toContain("--yes");
    const verified = await backup("ada", "verify", path);
    expect(JSON.parse(verified.stdout)).toMatchObject({ verified: { displayName: "Ada", handle: "ada.l" } });
    const damaged = join(world.home, "damaged.backup");
    const bytes = readFileSync(path);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 4;
    writeFileSync(damaged, bytes);
    const refused = await backup("ada", "verify", damaged);
    expect(refused).toMatchObject({ exitCode: 9, stderr: expect.stringContaining("not as it was written") });
    expect((await backup("ben", "restore", path)).stderr).toContain("another account");
    const restored = await world.run(
      "ada-again",
      ["backup", "restore", path, "--keep-devices", "--json"],
      `${adaWords}\n`,
    );
    expect(restored).toMatchObject({ exitCode: 0 });
    const [old, fresh] = [
      await json("ada", "inbox", "show", "Ben"),
      await json("ada-again", "inbox", "show", "Ben"),
    ];
    // What an own message has come to is known to the device that wrote it.
    const stateless = (messages: unknown) =>
      (messages as readonly { readonly state: string }[]).map((message) => ({ ...message, state: null }));
    expect(stateless(fresh.messages)).toEqual(stateless(old.messages));
    const alone = await world.run("ada-alone", ["backup", "restore", path], `${adaWords}\n`);
    expect(`${alone.exitCode} ${alone.stderr}`).toMatch(/^0 /);
    expect(alone.stderr).toContain("All other devices of the account are out; link them again.");
    expect((await failure("ada-again", "sync")).exitCode).toBe(8);
  });
});
