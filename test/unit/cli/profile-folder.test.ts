import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  dovetailHome,
  listProfiles,
  openProfile,
  type Profile,
} from "../../../cli/platform/profile-folder.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "dovetail-test-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function open(name = "default"): Promise<Profile> {
  const profile = await openProfile({ home, name }, { create: true });
  if (!profile.ok) throw new Error(profile.error.type);
  return profile.value;
}

/** Tries to open the profile in a process of its own. */
function openElsewhere(name = "default"): unknown {
  const program = join(import.meta.dirname, "..", "..", "support", "open-profile.ts");
  const run = spawnSync(process.execPath, [program, home, name], { encoding: "utf8" });
  return JSON.parse(run.stdout);
}

describe("a profile's folder", () => {
  test("is for its owner alone, whatever the umask", async () => {
    const before = process.umask(0);
    const profile = await open();
    process.umask(before);
    const modes = ["", "documents", "store.key", "lock", "owner"].map(
      (name) => statSync(join(profile.folder, name)).mode & 0o777,
    );
    profile.release();
    expect(modes.map((mode) => mode.toString(8))).toEqual(["700", "700", "600", "600", "600"]);
  });

  test("keeps one random key of 32 bytes", async () => {
    const first = await open();
    first.release();
    const again = await open();
    again.release();
    const other = await open("other");
    other.release();
    expect(first.storeKey).toHaveLength(32);
    expect(again.storeKey).toEqual(first.storeKey);
    expect(other.storeKey).not.toEqual(first.storeKey);
    expect(listProfiles(home)).toEqual(["default", "other"]);
  });

  test.each(["store.key", "documents", ""])(
    "is refused when others can read %s, and stays as it is",
    async (name) => {
      const profile = await open();
      profile.release();
      const path = join(profile.folder, name);
      const mode = name === "store.key" ? 0o640 : 0o755;
      chmodSync(path, mode);
      expect(await openProfile({ home, name: "default" }, { create: true })).toMatchObject({
        error: { type: "ProfileExposed", mode },
      });
      expect(statSync(path).mode & 0o777).toBe(mode);
    },
  );

  test("never gets a new key over a store that has one", async () => {
    const profile = await open();
    profile.release();
    writeFileSync(profile.storePath, "rows", { mode: 0o600 });
    rmSync(join(profile.folder, "store.key"));
    expect(await openProfile({ home, name: "default" }, { create: true })).toMatchObject({
      error: { type: "StoreKeyMissing" },
    });
    expect(existsSync(join(profile.folder, "store.key"))).toBe(false);
    writeFileSync(join(profile.folder, "store.key"), "short", { mode: 0o600 });
    expect(await openProfile({ home, name: "default" }, { create: true })).toMatchObject({
      error: { type: "StoreKeyDamaged" },
    });
    expect(readFileSync(join(profile.folder, "store.key"), "utf8")).toBe("short");
  });

  test("is not made by looking", async () => {
    expect(await openProfile({ home, name: "default" }, { create: false })).toMatchObject({
      error: { type: "NoProfile" },
    });
    expect(listProfiles(home)).toEqual([]);
  });

  test.each(["", ".", "..", "../x", "a/b", "Ada", "-x", "x".repeat(65), "a\0b"])(
    "is not called %j",
    async (name) => {
      expect(await openProfile({ home, name }, { create: true })).toMatchObject({
        error: { type: "BadProfileName" },
      });
    },
  );
});

describe("the lock of a profile", () => {
  test("refuses a second process and names the first", async () => {
    const profile = await open();
    expect(openElsewhere()).toMatchObject({
      ok: false,
      error: { type: "ProfileBusy", owner: { pid: process.pid } },
    });
    profile.release();
    expect(openElsewhere()).toMatchObject({ ok: true });
  });

  test("refuses the same process too", async () => {
    const profile = await open();
    expect(await openProfile({ home, name: "default" }, { create: true })).toMatchObject({
      error: { type: "ProfileBusy" },
    });
    profile.release();
  });

  test("of a process that was killed is free at once", async () => {
    // It opens the profile, says so, and dies without releasing anything.
    expect(openElsewhere()).toMatchObject({ ok: true });
    expect(existsSync(join(home, "profiles", "default", "owner"))).toBe(true);
    const profile = await open();
    profile.release();
    expect(existsSync(join(home, "profiles", "default", "owner"))).toBe(false);
  });

  test("holds one profile and not its neighbour", async () => {
    const profile = await open();
    expect(openElsewhere("other")).toMatchObject({ ok: true });
    profile.release();
  });
});

describe("where profiles are", () => {
  test("DOVETAIL_HOME wins, then the data folder of the user", async () => {
    expect(dovetailHome({ DOVETAIL_HOME: "x", XDG_DATA_HOME: "y" })).toBe("x");
    if (process.platform !== "win32") {
      expect(dovetailHome({ XDG_DATA_HOME: "y" })).toBe(join("y", "dovetail"));
      expect(dovetailHome({ DOVETAIL_HOME: "" })).toMatch(/\.local.share.dovetail$/);
    }
  });
});
