/** Rooms with nothing but the command line: a real server, real files, commands in this process. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliWorld } from "../support/cli-process.ts";

let world: CliWorld;
beforeAll(async () => {
  world = await createCliWorld();
});
afterAll(() => world.close());

const run = (profile: string, ...args: readonly string[]) => runHere(world.home, profile.toLowerCase(), args);

async function json(profile: string, ...args: readonly string[]) {
  const end = await run(profile, "--json", ...args);
  expect(`${end.exitCode} ${end.stderr}`).toBe("0 ");
  return JSON.parse(end.stdout);
}

async function people(): Promise<void> {
  for (const name of ["Ada", "Ben"])
    await json(
      name,
      "account",
      "create",
      "--server",
      world.origin,
      "--name",
      name,
      "--handle",
      `${name.toLowerCase()}.r`,
    );
  await json("Ben", "sync");
  const { link } = await json("Ben", "contact", "link");
  await json("Ada", "contact", "add", link);
  expect((await run("Ben", "sync")).stderr).toContain("Ada wants to write to you: dovetail contact accept");
  await json("Ben", "contact", "accept", "Ada");
  await json("Ada", "sync");
}

test("a room from founding to leaving", { timeout: 120_000 }, async () => {
  await people();
  const made = await run("Ada", "room", "create", "Garden club");
  expect(made.stderr).toContain("room invite 'Garden club' CONTACT");
  expect((await json("Ada", "room", "invite", "Garden club", "Ben")).room.members).toHaveLength(2);
  await json("Ada", "sync");
  const asked = "Ada let you into Garden club: dovetail room accept 'Garden club'";
  expect((await run("Ben", "sync")).stderr).toContain(asked);
  expect((await run("Ben", "sync", "--verify")).stderr).toContain(asked);
  expect((await run("Ben", "inbox")).stdout).toContain("you are invited");
  const early = await run("Ben", "send", "Garden", "too early");
  expect(early).toMatchObject({ exitCode: 2 });
  expect(early.stderr).toContain("dovetail room accept");
  expect((await json("Ben", "room", "accept", "garden")).room.state).toBe("joined");
  await json("Ben", "send", "Garden club", "Good", "morning");
  await json("Ada", "sync");
  const shown = await run("Ada", "inbox", "show", "Garden club");
  expect(shown.stdout).toMatch(/Ben .*\n {2}Good morning/);
  expect((await json("Ada", "inbox", "list", "--unread")).rooms).toHaveLength(1);
  await json("Ada", "inbox", "read", "Garden club");
  expect((await json("Ada", "inbox", "list", "--unread")).rooms).toEqual([]);
  const forbidden = await run("Ben", "room", "rename", "Garden club", "Mine");
  expect(forbidden).toMatchObject({
    exitCode: 4,
    stderr:
      "error: only an admin or the owner renames a room\nhint: ask one of them: dovetail room show ROOM\n",
  });
  expect((await run("Ben", "room", "describe", "Garden club", "Mine")).stderr).toContain("describes a room");
  expect((await run("Ada", "room", "describe", "Garden club")).stderr).toContain("there is no text");
  const described = await json("Ada", "room", "describe", "Garden club", "Who waters", "when");
  expect(described.room).toMatchObject({ about: "Who waters when", pending: [] });
  expect((await run("Ben", "room", "lifetime", "Garden club", "7d")).stderr).toContain(
    "how long messages stay",
  );
  expect((await run("Ada", "room", "lifetime", "Garden club", "a week")).exitCode).toBe(2);
  expect((await run("Ada", "room", "lifetime", "Garden club", "30m")).stderr).toContain(
    "an hour to ten years",
  );
  const limited = await json("Ada", "room", "lifetime", "Garden club", "7d");
  expect(limited.room).toMatchObject({ lifetimeMs: 7 * 86_400_000, pending: [] });
  expect((await run("Ada", "room", "show", "Garden club")).stdout).toContain(
    "\nmessages go 7 days after they were written\n",
  );
  expect((await json("Ada", "room", "lifetime", "Garden club", "off")).room.lifetimeMs).toBe(null);
  await json("Ada", "room", "role", "Garden club", "Ben", "moderator");
  expect((await run("Ada", "room", "mute", "Garden club", "Ben", "2 hours")).exitCode).toBe(2);
  const muted = await json("Ada", "room", "mute", "Garden club", "Ben", "2h");
  expect(
    muted.room.members.find(({ name }: { name: string }) => name === "Ben").mutedUntilMs,
  ).toBeGreaterThan(Date.now());
  await json("Ada", "room", "unmute", "Garden club", "Ben");
  const list = await run("Ada", "room", "show", "Garden club");
  expect(list.stdout).toMatch(/Ben +moderator/);
  expect(list.stdout).toContain("\nWho waters when\n");
  expect((await json("Ada", "room", "describe", "Garden club", "--none")).room.about).toBe("");
  const offline = (profile: string, ...args: readonly string[]) =>
    json(profile, "--offline", "room", "note", ...args);
  const added = await run("Ada", "--offline", "room", "note", "add", "Garden club", "Seeds to buy", "--list");
  expect(added.stderr).toContain("room note append 'Garden club' 'Seeds to buy' TEXT");
  await offline("Ada", "append", "Garden club", "seeds to buy", "Beans");
  await offline("Ada", "append", "Garden club", "Seeds to buy", "Peas");
  await offline("Ada", "add", "Garden club", "Watering");
  await json("Ada", "room", "note", "write", "Garden club", "Watering", "Every evening");
  await json("Ben", "sync");
  const checked = await run("Ben", "--offline", "room", "note", "check", "Garden club", "Seeds to buy", "1");
  expect(checked).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("with `dovetail sync`") });
  await offline("Ben", "append", "Garden club", "Watering", "Not in the rain");
  await offline("Ada", "reword", "Garden club", "Seeds to buy", "Beans", "Runner beans");
  await offline("Ada", "drop", "Garden club", "Seeds to buy", "peas");
  await json("Ada", "room", "note", "title", "Garden club", "Watering", "When to water");
  await json("Ben", "sync");
  await json("Ada", "sync");
  const seeds = await run("Ada", "room", "note", "show", "Garden club", "Seeds to buy");
  expect(seeds.stdout).toMatch(/^Seeds to buy .*\n {2}1 \[x\] Runner beans\n$/);
  const { note } = await json("Ben", "room", "note", "show", "Garden club", "When to water");
  expect(note.text).toBe("Every evening\nNot in the rain");
  expect((await run("Ben", "room", "note", "list", "Garden club")).stdout).toContain("1 of 1 done");
  const missing = await run("Ada", "room", "note", "check", "Garden club", "Seeds to buy", "Beets");
  expect(missing).toMatchObject({ exitCode: 5, stderr: expect.stringContaining("no item is called") });
  expect((await run("Ada", "room", "note", "check", "Garden club", "When", "1")).exitCode).toBe(2);
  const refused = await run("Ben", "--yes", "room", "note", "remove", "Garden club", "Seeds");
  expect(refused.stderr).toContain("only who made a document");
  expect((await run("Ada", "room", "note", "remove", "Garden club", "Seeds")).stderr).toContain("give --yes");
  await offline("Ada", "--yes", "remove", "Garden club", "Seeds to buy");
  expect((await offline("Ada", "list", "Garden club")).notes).toHaveLength(1);
  const entry = await json("Ada", "room", "link", "Garden club", "--for", "2h", "--uses", "3");
  expect(entry.link).toMatchObject({ usesMax: 3, useCount: 0, isLive: true });
  const line = await run("Ada", "--offline", "room", "link", "Garden club");
  expect(line.stdout).toMatch(/^dovetail-room:\S+\n$/);
  expect((await run("Ada", "room", "link", "Garden club", "--for", "91d")).stderr).toContain("90 days");
  expect((await run("Ada", "room", "link", "Garden club", "--uses", "101")).exitCode).toBe(2);
  expect((await run("Ada", "room", "links", "Garden club")).stdout).toContain("0 of 3");
  expect((await run("Ben", "room", "join", entry.link.code)).stderr).toContain("in that room already");
  expect((await run("Ben", "contact", "add", entry.link.code)).stderr).toContain("dovetail room join");
  const linkId = entry.link.id.slice("link-".length, "link-".length + 8);
  const unlinked = await run("Ada", "room", "unlink", "Garden club", linkId);
  expect(unlinked.stderr).toContain("nobody in any more");
  expect((await run("Ada", "room", "unlink", "Garden club", "zz")).stderr).toContain("no such link");
  expect((await json("Ada", "room", "links", "Garden club")).links[0].isLive).toBe(false);
  expect((await run("Ada", "room", "remove", "Garden club", "Eve", "--yes")).stderr).toContain(
    "no member is called",
  );
  expect((await run("Ben", "room", "leave", "Garden club")).stderr).toContain("give --yes to leave");
  expect((await json("Ben", "--yes", "room", "leave", "Garden club")).room.state).toBe("left");
  await json("Ada", "sync");
  expect((await json("Ada", "room", "list")).rooms[0].members).toHaveLength(1);
  expect((await run("Ben", "send", "Garden club", "gone")).exitCode).toBe(6);
  expect((await run("Ada", "room", "history", "Garden club", "a week")).exitCode).toBe(2);
  expect((await run("Ada", "room", "history", "Garden club", "3651d")).stderr).toContain("1 to 3,650 days");
  expect((await json("Ada", "room", "history", "Garden club", "30d")).room.history).toEqual({ days: 30 });
  await json("Ada", "send", "Garden club", "Of", "before");
  const again = await run("Ada", "room", "invite", "Garden club", "Ben");
  expect(again.stderr).toContain("They see the last 30 days.");
  await json("Ben", "sync");
  expect((await run("Ben", "room", "show", "Garden club")).stderr).toContain(
    "You would see the last 30 days. What",
  );
  await json("Ben", "room", "accept", "Garden club");
  await json("Ada", "sync");
  await json("Ben", "sync");
  expect((await run("Ben", "inbox", "show", "Garden club")).stdout).toContain("Of before");
  expect((await run("Ben", "room", "show", "Garden club")).stdout).toContain(
    "\n1 message of before you came\n",
  );
  expect((await json("Ada", "room", "history", "Garden club", "none")).room.history).toBe(null);
  expect((await run("Ben", "room", "show", "Gardn")).stderr).toContain("did you mean");
});

test("[RM70] a conversation of two beside the one there is", { timeout: 120_000 }, async () => {
  const watching = world.start("ben", ["sync", "--watch"], true);
  const made = await run("Ada", "room", "create", "--with", "Ben");
  expect(made.stderr).toContain("Ben is asked in. Write: dovetail send 'Ben (MLS)' TEXT");
  const asked = "Ada wants to write to you over MLS too: dovetail room accept 'Ada (MLS)'";
  await watching.said((line) => line === asked);
  watching.signal("SIGINT");
  expect((await watching.end).stderr.split(asked)).toHaveLength(2);
  expect((await run("Ben", "sync")).stderr).toContain(asked);
  const offered = await run("Ben", "room", "show", "Ada (MLS)");
  expect(offered.stderr).toContain("Join: dovetail room accept 'Ada (MLS)'");
  expect(offered.stderr).not.toContain("You would see");
  await json("Ben", "room", "accept", "Ada (MLS)");
  await json("Ben", "send", "Ada (MLS)", "over", "MLS");
  await json("Ben", "send", "Ada", "over the ratchet");
  await json("Ada", "sync");
  expect((await run("Ada", "inbox", "show", "Ben (MLS)")).stdout).toMatch(/Ben .*\n {2}over MLS/);
  expect((await run("Ada", "inbox", "show", "Ben")).stdout).toContain("over the ratchet");
  const refused = await run("Ada", "room", "rename", "Ben (MLS)", "Garden");
  expect(refused).toMatchObject({ exitCode: 4 });
  expect(refused.stderr).toContain("this is a conversation of two");
  for (const wrong of [[], ["Garden", "--with", "Ben"]])
    expect(await run("Ada", "room", "create", ...wrong)).toMatchObject({ exitCode: 2 });
});
