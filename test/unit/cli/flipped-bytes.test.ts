/** One byte of a profile's files is flipped: what is read is right, or there is an error; it is never another text. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  contentOf,
  filesOf,
  PROFILE,
  type ProfileReading,
  readProfile,
  writeProfile,
} from "../../support/sealed-profile.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

const BLOCK_BYTES = 64;
const content = contentOf({ rows: 24, documents: 2, chunksPerDocument: 2 });
const folder = createTemporaryFolder();
const home = join(folder.path, "whole");
const damagedHome = join(folder.path, "damaged");
/** Files that hold something; the others are the lock of a running process. */
const holds = (path: string): boolean => !["lock", "owner"].includes(basename(path));

beforeAll(async () => {
  await cryptoReady();
  await writeProfile(home, content, null);
});
afterAll(folder.discard);

type Outcome = "right" | "error" | "silent loss" | "wrong";

function judge({ content: found, faults }: ProfileReading): Outcome {
  const pairs = [
    [found.rows, content.rows],
    [found.chunks, content.chunks],
  ] as const;
  for (const [got, expected] of pairs)
    for (const [name, text] of got) if (expected.get(name) !== text) return "wrong";
  if (faults.length > 0) return "error";
  return pairs.every(([got, expected]) => got.size === expected.size) ? "right" : "silent loss";
}

/** A fresh copy of the profile with one byte of one file changed. */
function flip(path: string, offset: number, mask: number): void {
  rmSync(damagedHome, { recursive: true, force: true });
  const umask = process.umask(0o077);
  cpSync(home, damagedHome, { recursive: true });
  process.umask(umask);
  const target = path.replace(home, damagedHome);
  const bytes = readFileSync(target);
  bytes[offset] = (bytes[offset] ?? 0) ^ mask;
  writeFileSync(target, bytes);
}

async function outcomesOf(path: string): Promise<ReadonlyMap<Outcome, readonly number[]>> {
  const offsets = new Map<Outcome, number[]>();
  const length = readFileSync(path).length;
  for (let block = 0; block < length; block += BLOCK_BYTES) {
    // Another place in every block, and another bit.
    const offset = Math.min(length - 1, block + (((block / BLOCK_BYTES) * 29 + 7) % BLOCK_BYTES));
    flip(path, offset, 1 << ((block / BLOCK_BYTES) % 8));
    const outcome = judge(await readProfile(damagedHome, null, content));
    offsets.set(outcome, [...(offsets.get(outcome) ?? []), offset]);
  }
  return offsets;
}

describe("a flipped byte", () => {
  test("[ST52] of the key file is an error, always", async () => {
    const outcomes = await outcomesOf(join(home, "profiles", PROFILE, "store.key"));
    expect([...outcomes.keys()]).toEqual(["error"]);
  });

  test("[ST32] of a chunk is an error, always", async () => {
    const chunks = filesOf(join(home, "profiles", PROFILE, "documents"));
    expect(chunks).toHaveLength(content.chunks.size);
    for (const path of chunks) expect([...(await outcomesOf(path)).keys()]).toEqual(["error"]);
  });

  test("[ST11] of the rows' database is an error or changes nothing; nothing is lost in silence", {
    timeout: 120_000,
  }, async () => {
    const outcomes = await outcomesOf(join(home, "profiles", PROFILE, "store.db"));
    expect(outcomes.get("wrong") ?? []).toEqual([]);
    expect(outcomes.get("silent loss") ?? []).toEqual([]);
    expect(outcomes.get("error")?.length).toBeGreaterThan(20);
  });

  test("[ST27] that makes SQLite see no rows where there are some is found when the store is opened", async () => {
    const path = join(home, "profiles", PROFILE, "store.db");
    const pageBytes = readFileSync(path).readUInt16BE(16);
    const typeOfRootPage = readFileSync(path)[pageBytes];
    // The table's first page becomes one that only points to others, and it points to none.
    expect([0x0a, 0x02]).toContain(typeOfRootPage);
    flip(path, pageBytes, 0x08);
    expect(await readProfile(damagedHome, null, content)).toMatchObject({ faults: ["StoreDamaged"] });
  });

  test("is looked for in every file there is", () => {
    const names = filesOf(home)
      .filter(holds)
      .map((path) => basename(path))
      .filter((name) => !/^[0-9a-f]{32}$/.test(name));
    expect(names).toEqual(["store.db", "store.key"]);
    expect(existsSync(damagedHome)).toBe(true);
  });
});
