/** A profile behind a passphrase, with nothing but the command line: what its files give away, and every way in. */
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needlesOf } from "../../cli/demo/find-plaintext.ts";
import { searchCanFail, searchFiles } from "../../cli/demo/inspect-files.ts";
import { ROOT } from "../support/checkout.ts";
import { type CliWorld, createCliWorld } from "../support/cli-process.ts";
import { runHere } from "../support/cli-here.ts";
import { filesOf } from "../support/sealed-profile.ts";

const FIRST = "correct horse battery";
const SECOND = "staple for the second time";
const TEXT = "the canary sings at midnight behind the old mill";
const NAMES = {
  name: "Canarina Feather",
  handle: "canary.handle",
  petname: "Goldfinch of the north",
  tag: "plumage-things",
  device: "canary laptop",
};

let world: CliWorld;
let folder = "";
beforeAll(async () => {
  world = await createCliWorld();
  folder = join(world.home, "profiles", "ada");
});
afterAll(() => world.close());

interface Unlocking {
  readonly DOVETAIL_PASSPHRASE?: string;
  readonly DOVETAIL_NEW_PASSPHRASE?: string;
}

const run = (env: Unlocking, profile: string, ...args: readonly string[]) =>
  runHere(world.home, profile, args, { ...env });

async function json(
  env: Unlocking,
  profile: string,
  ...args: readonly string[]
): Promise<Readonly<Record<string, unknown>>> {
  const end = await run(env, profile, "--json", ...args);
  expect(`${end.exitCode} ${end.stderr}`).toBe("0 ");
  return JSON.parse(end.stdout);
}

const first = { DOVETAIL_PASSPHRASE: FIRST };
const second = { DOVETAIL_PASSPHRASE: SECOND };

const chunkBytes = (): ReadonlyMap<string, string> =>
  new Map(
    filesOf(join(folder, "documents")).map((path) => [
      relative(folder, path),
      readFileSync(path).toString("hex"),
    ]),
  );

describe("a locked profile", { timeout: 120_000 }, () => {
  test("[ST50] is made locked, and its files hold no text, name, handle or passphrase", async () => {
    const { name, handle, petname, tag, device } = NAMES;
    await json(
      first,
      "ada",
      "account",
      "create",
      "--lock",
      "--server",
      world.origin,
      "--name",
      name,
      "--handle",
      handle,
      "--device",
      device,
    );
    await json(
      {},
      "ben",
      "account",
      "create",
      "--server",
      world.origin,
      "--name",
      "Ben",
      "--handle",
      "ben.b",
    );
    await json({}, "ben", "contact", "add", handle, "--greeting", "hello");
    await json(first, "ada", "sync");
    await json(first, "ada", "contact", "accept", "Ben");
    await json(first, "ada", "contact", "rename", "Ben", petname);
    await json(first, "ada", "tag", "add", tag);
    await json(first, "ada", "tag", "set", petname, tag);
    await json(first, "ada", "send", petname, TEXT);
    expect(JSON.stringify(await json(first, "ada", "inbox", "show", petname))).toContain(TEXT);
    const needles = [TEXT, FIRST, ...Object.values(NAMES)].flatMap((text) => needlesOf(text, text));
    const search = searchFiles([folder], needles);
    expect(search.findings).toEqual([]);
    expect(search.files).toBeGreaterThan(5);
    const canary = searchCanFail(join(folder, "store.db"), needlesOf("canary", TEXT));
    expect(canary.found).toBe(canary.planted);
  });

  test("[ST59] without a passphrase and without a terminal names the three ways, and says nothing else", async () => {
    for (const command of [
      ["inbox"],
      ["status"],
      ["account", "show"],
      ["lock", "set"],
      ["lock", "rekey"],
      ["lock", "remove"],
    ]) {
      const { exitCode, stdout, stderr } = await run({}, "ada", "--offline", ...command);
      expect([exitCode, stdout]).toEqual([10, ""]);
      for (const way of ["terminal", "--passphrase-fd N", "DOVETAIL_PASSPHRASE"])
        expect(stderr).toContain(way);
    }
  });

  test("[ST59] does not open with another passphrase, and says so", async () => {
    const { exitCode, stdout, stderr } = await run(
      { DOVETAIL_PASSPHRASE: `${FIRST} ` },
      "ada",
      "--offline",
      "inbox",
    );
    expect([exitCode, stdout]).toEqual([10, ""]);
    expect(stderr).toContain("that is not the passphrase of profile ada");
  });

  test("[ST59] opens by a descriptor, of which only the first line is taken", () => {
    const file = join(world.home, "secret");
    writeFileSync(file, `${FIRST}\nmore\n`, { mode: 0o600 });
    const args = [join(ROOT, "cli", "main.ts"), "--profile", "ada", "--offline", "--json", "--passphrase-fd"];
    const options = { encoding: "utf8" as const, env: { ...process.env, DOVETAIL_HOME: world.home } };
    const shell = (fd: string) =>
      spawnSync(
        "/bin/sh",
        ["-c", `exec "$0" "$@" ${fd}<"$SECRET"`, process.execPath, ...args, fd, "account", "show"],
        { ...options, env: { ...options.env, SECRET: file } },
      );
    for (const fd of ["0", "3"])
      expect(JSON.parse(shell(fd).stdout)).toMatchObject({ account: { displayName: NAMES.name } });
    const piped = spawnSync(process.execPath, [...args, "0", "account", "show"], {
      ...options,
      input: `${FIRST}\r\nmore`,
    });
    expect(JSON.parse(piped.stdout)).toMatchObject({ account: { displayName: NAMES.name } });
    const closed = spawnSync(process.execPath, [...args, "9", "account", "show"], options);
    expect([closed.status, closed.stdout]).toEqual([2, ""]);
    expect(closed.stderr).toContain("PassphraseUnreadable");
  });

  test("[ST55] a changed passphrase wraps the same key again and touches nothing else", async () => {
    const before = chunkBytes();
    copyFileSync(join(folder, "store.key"), join(world.home, "old.key"));
    const set = await json({ ...first, DOVETAIL_NEW_PASSPHRASE: SECOND }, "ada", "lock", "set");
    expect(set).toEqual({ profile: "ada", protection: "passphrase", wasLocked: true });
    expect(chunkBytes()).toEqual(before);
    expect((await run(first, "ada", "--offline", "inbox")).exitCode).toBe(10);
    expect(JSON.stringify(await json(second, "ada", "--offline", "inbox", "show", NAMES.petname))).toContain(
      TEXT,
    );
  });

  test("[ST56] a new key seals everything anew, and the old one opens nothing of it", async () => {
    const before = chunkBytes();
    const rekeyed = await json(second, "ada", "lock", "rekey");
    expect(rekeyed).toMatchObject({ protection: "passphrase", chunks: before.size });
    const after = chunkBytes();
    expect(after.size).toBe(before.size);
    for (const [path, bytes] of after) {
      expect(before.has(path)).toBe(false);
      expect([...before.values()]).not.toContain(bytes);
    }
    expect(JSON.stringify(await json(second, "ada", "inbox", "show", NAMES.petname))).toContain(TEXT);
    // Whoever kept the old key file and the old passphrase has the old key, and it is worth nothing now.
    copyFileSync(join(folder, "store.key"), join(world.home, "new.key"));
    copyFileSync(join(world.home, "old.key"), join(folder, "store.key"));
    const { exitCode, stdout } = await run(first, "ada", "--offline", "inbox", "show", NAMES.petname);
    expect([exitCode, stdout]).toEqual([9, ""]);
    copyFileSync(join(world.home, "new.key"), join(folder, "store.key"));
  });

  test("goes on sending and receiving after a new key", async () => {
    await json(second, "ada", "send", NAMES.petname, "after the new key");
    await json({}, "ben", "sync");
    expect(JSON.stringify(await json({}, "ben", "inbox", "show", NAMES.name))).toContain("after the new key");
  });

  test("[ST55] a removed passphrase is asked for no more, and removing asks first", async () => {
    expect((await run(second, "ada", "lock", "remove")).exitCode).toBe(2);
    expect(await json({}, "ada", "lock", "status")).toMatchObject({
      protection: "passphrase",
      cost: { passes: 3 },
    });
    await json(second, "ada", "--yes", "lock", "remove");
    expect(await json({}, "ada", "lock", "status")).toMatchObject({ protection: "permissions", cost: null });
    expect(await json({}, "ada", "--offline", "status")).toMatchObject({ protection: "permissions" });
    expect(JSON.stringify(await json({}, "ada", "--offline", "inbox", "show", NAMES.petname))).toContain(
      TEXT,
    );
  });

  test("[ST55] a first passphrase locks a profile that had none", async () => {
    const set = await json({ DOVETAIL_NEW_PASSPHRASE: SECOND }, "ben", "lock", "set");
    expect(set).toEqual({ profile: "ben", protection: "passphrase", wasLocked: false });
    expect((await run({}, "ben", "--offline", "inbox")).exitCode).toBe(10);
    await json(second, "ben", "--offline", "inbox");
  });
});
