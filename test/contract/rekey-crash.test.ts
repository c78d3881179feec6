/** A process that gives a profile a new key is killed at many points: the profile opens with all it had, every time. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import {
  contentOf,
  filesOf,
  openTestProfile,
  PROFILE,
  phrase,
  readProfile,
  writeProfile,
} from "../support/sealed-profile.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const REKEY = join(import.meta.dirname, "..", "support", "rekey-until-killed.ts");
const POINTS = 32;
/** From the end backwards every step is a point: there the copy takes the place of the profile. */
const POINTS_AT_THE_END = 20;
const content = contentOf({ rows: 400, documents: 4, chunksPerDocument: 4 });

const folder = createTemporaryFolder();
beforeAll(cryptoReady);
afterAll(folder.discard);

function runRekey(home: string, killBefore: number, typed = "") {
  const run = spawnSync(process.execPath, ["--no-warnings", REKEY, home, String(killBefore), typed], {
    encoding: "utf8",
  });
  return { signal: run.signal, steps: Number(run.stdout), stderr: run.stderr };
}

async function fresh(name: string, typed = ""): Promise<string> {
  const origin = join(folder.path, `origin${typed === "" ? "" : "-locked"}`);
  if (!existsSync(origin)) await writeProfile(origin, content, typed === "" ? null : phrase(typed));
  const home = join(folder.path, name);
  // Copied folders get their modes from here, and a profile that others can read is refused.
  const umask = process.umask(0o077);
  cpSync(origin, home, { recursive: true });
  process.umask(umask);
  return home;
}

const keyFile = (home: string): string =>
  readFileSync(join(home, "profiles", PROFILE, "store.key")).toString("hex");

/** The profile holds everything, under one key, and nothing of the work is left over. */
async function expectWhole(home: string, typed = ""): Promise<void> {
  const { content: found, faults } = await readProfile(home, typed === "" ? null : phrase(typed), content);
  expect(faults).toEqual([]);
  expect(found).toEqual(content);
  expect(filesOf(join(home, "profiles", PROFILE)).filter((path) => path.includes("rekey-"))).toEqual([]);
}

describe("giving a profile a new key", () => {
  test("[ST56] [ST57] killed at any point, it opens with all it had", { timeout: 600_000 }, async () => {
    const whole = await fresh("whole");
    const { steps, stderr } = runRekey(whole, 0);
    expect(stderr).toBe("");
    await expectWhole(whole);
    const before = keyFile(join(folder.path, "origin"));
    const spread = Array.from({ length: POINTS }, (_, index) => 1 + Math.floor((index * steps) / POINTS));
    const last = Array.from({ length: POINTS_AT_THE_END }, (_, index) => steps - index);
    const outcomes = { kept: 0, changed: 0 };
    for (const point of new Set([...spread, ...last])) {
      const home = await fresh(`killed-${point}`);
      expect(runRekey(home, point)).toMatchObject({ signal: "SIGKILL", stderr: "" });
      await expectWhole(home);
      outcomes[keyFile(home) === before ? "kept" : "changed"] += 1;
    }
    // Both ends are reached: undone before the decision, finished after it.
    expect(outcomes.kept).toBeGreaterThan(POINTS / 2);
    expect(outcomes.changed).toBeGreaterThan(POINTS_AT_THE_END / 4);
  });

  test("[ST57] killed while it is being finished, again and again, it is finished", {
    timeout: 600_000,
  }, async () => {
    const { steps } = runRekey(await fresh("count"), 0);
    const home = await fresh("again");
    // Finishing takes fewer steps each time; each run is killed a few steps into its opening.
    expect(runRekey(home, steps - 12).signal).toBe("SIGKILL");
    for (let into = 2; into < 14; into++) expect(runRekey(home, into).signal).toBe("SIGKILL");
    await expectWhole(home);
  });

  test("[ST57] of a locked profile keeps its passphrase at every point", { timeout: 600_000 }, async () => {
    const { steps } = runRekey(await fresh("locked", "correct horse"), 0, "correct horse");
    for (const point of [2, Math.floor(steps / 2), steps - 14, steps - 9, steps - 4, steps - 1]) {
      const home = await fresh(`locked-${point}`, "correct horse");
      expect(runRekey(home, point, "correct horse")).toMatchObject({ signal: "SIGKILL", stderr: "" });
      expect(await openTestProfile(home, phrase("another"))).toEqual({
        ok: false,
        error: { type: "WrongPassphrase" },
      });
      await expectWhole(home, "correct horse");
    }
  });
});
