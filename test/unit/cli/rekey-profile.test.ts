/** A new key for a profile, the older form of its key file, and what stands in the way. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseStoreKey } from "@dovetail/core";
import { type RekeyProgress, rekeyProfile } from "../../../cli/platform/rekey-profile.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { must } from "../../support/chain-world.ts";
import { ROOT } from "../../support/checkout.ts";
import {
  contentOf,
  filesOf,
  openTestProfile,
  PROFILE,
  readProfile,
  writeProfile,
} from "../../support/sealed-profile.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

const content = contentOf({ rows: 150, documents: 2, chunksPerDocument: 2 });
const folder = createTemporaryFolder();
let home = "";
let count = 0;

beforeAll(cryptoReady);
beforeEach(async () => {
  count += 1;
  home = join(folder.path, String(count));
  await writeProfile(home, content, null);
});
afterAll(folder.discard);

const profilePath = (...parts: readonly string[]): string => join(home, "profiles", PROFILE, ...parts);
const whole = { content, faults: [] };

async function rekey(signal = new AbortController().signal) {
  const profile = must(await openTestProfile(home));
  const progress: RekeyProgress[] = [];
  const result = await rekeyProfile(profile, {
    passphrase: null,
    onProgress: (step) => progress.push(step),
    signal,
  });
  profile.release();
  return { result, progress, oldKey: profile.storeKey };
}

function flipLastByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

describe("a new key", () => {
  test("[ST56] is another one, and all content is there under it", async () => {
    const { result, progress, oldKey } = await rekey();
    expect(result).toEqual({ ok: true, value: { rows: 150, chunks: 4 } });
    const profile = must(await openTestProfile(home));
    expect(profile.storeKey).not.toEqual(oldKey);
    profile.release();
    expect(await readProfile(home, null, content)).toEqual(whole);
    expect(progress.at(-1)).toEqual({ done: { rows: 150, chunks: 4 }, total: { rows: 150, chunks: 4 } });
    expect(filesOf(profilePath()).filter((path) => path.includes("rekey"))).toEqual([]);
  });

  test("[ST58] is refused over a chunk that does not open, and nothing changes", async () => {
    const [chunk = ""] = filesOf(profilePath("documents"));
    flipLastByte(chunk);
    const before = filesOf(profilePath()).map((path) => [path, readFileSync(path).toString("hex")]);
    expect((await rekey()).result).toEqual({ ok: false, error: { type: "ProfileDamaged", chunks: 1 } });
    expect(filesOf(profilePath()).map((path) => [path, readFileSync(path).toString("hex")])).toEqual(before);
  });

  test("[ST58] is refused over a row that does not open, and the profile keeps its key", async () => {
    const database = new DatabaseSync(profilePath("store.db"));
    database.exec("UPDATE row SET value = zeroblob(100) WHERE key = 'canary/000077'");
    database.close();
    const before = readFileSync(profilePath("store.key"));
    expect((await rekey()).result).toEqual({
      ok: false,
      error: { type: "StoreCorrupt", key: "canary/000077" },
    });
    expect(readFileSync(profilePath("store.key"))).toEqual(before);
    expect(filesOf(profilePath()).filter((path) => path.includes("rekey"))).toEqual([]);
  });

  test("[ST58] carries over what was set aside earlier, as it is", async () => {
    const aside = ["documents", "da", "maged", "00".repeat(16), "11".repeat(16)];
    mkdirSync(profilePath(...aside.slice(0, -1)), { recursive: true, mode: 0o700 });
    writeFileSync(profilePath(...aside), "bytes that open with no key", { mode: 0o600 });
    expect((await rekey()).result).toMatchObject({ ok: true, value: { chunks: 5 } });
    expect(readFileSync(profilePath(...aside), "utf8")).toBe("bytes that open with no key");
    expect(await readProfile(home, null, content)).toEqual(whole);
  });

  test("[ST57] that is interrupted leaves the profile as it was", async () => {
    const controller = new AbortController();
    controller.abort();
    const before = readFileSync(profilePath("store.key"));
    expect((await rekey(controller.signal)).result).toEqual({ ok: false, error: { type: "Interrupted" } });
    expect(readFileSync(profilePath("store.key"))).toEqual(before);
    expect(existsSync(profilePath("rekey-unfinished"))).toBe(false);
    expect(await readProfile(home, null, content)).toEqual(whole);
  });
});

describe("the older form of the key file", () => {
  test("[ST54] opens with everything, and is replaced by the present form", async () => {
    const stored = parseStoreKey(new Uint8Array(readFileSync(profilePath("store.key"))));
    if (!stored.ok || stored.value.type !== "open") throw new Error("the profile has no passphrase");
    writeFileSync(profilePath("store.key"), stored.value.key);
    expect(await readProfile(home, null, content)).toEqual(whole);
    expect(readFileSync(profilePath("store.key")).length).toBeGreaterThan(32);
    expect(await readProfile(home, null, content)).toEqual(whole);
  });
});

test("a process of its own tells how the profile is protected, and asks for nothing", () => {
  const run = spawnSync(process.execPath, [join(ROOT, "cli", "main.ts"), "--json", "lock", "status"], {
    encoding: "utf8",
    env: { ...process.env, DOVETAIL_HOME: home },
  });
  expect(JSON.parse(run.stdout)).toEqual({ profile: PROFILE, protection: "permissions", cost: null });
});
