import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPlaintextSearch, NEEDLE_BYTES_MIN, needlesOf } from "../../../cli/demo/find-plaintext.ts";
import { measureTables, searchCanFail, searchFiles } from "../../../cli/demo/inspect-files.ts";

const TEXT = "Add .rst suffix to documentation files so that github auto-formats them";
const search = createPlaintextSearch(needlesOf("text", TEXT));

/** Bytes without a pattern, the same in every run. */
function noise(length: number): Buffer {
  let state = 42;
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}

function around(planted: Uint8Array | string): Buffer {
  return Buffer.concat([noise(1001), Buffer.from(planted), noise(999)]);
}

describe("the search for plaintext", () => {
  test("finds nothing in noise", () => {
    expect(search(noise(1_000_000))).toEqual([]);
    expect(search(new Uint8Array())).toEqual([]);
  });

  test.each([
    ["as it is", Buffer.from(TEXT)],
    ["hexadecimal", Buffer.from(TEXT).toString("hex")],
    ["HEXADECIMAL", Buffer.from(TEXT).toString("hex").toUpperCase()],
    ["UTF-16", Buffer.from(TEXT, "utf16le")],
    ["base64", Buffer.from(TEXT).toString("base64")],
    ["base64", Buffer.from(`x${TEXT}y`).toString("base64")],
    ["base64", Buffer.from(`xx${TEXT}`).toString("base64")],
    ["base64url", Buffer.from(`{"a":"${TEXT}"}`).toString("base64url")],
    ["part 1", TEXT.slice(0, 30)],
    ["part 2", TEXT.slice(20, 55)],
    ["part 3", TEXT.slice(-30)],
  ])("finds it %s", (form, planted) => {
    expect(search(around(planted)).map((finding) => finding.form)).toContain(form);
  });

  test("finds it at the very beginning and at the very end", () => {
    expect(search(Buffer.from(TEXT))[0]).toEqual({ what: "text", form: "as it is", offset: 0 });
    expect(search(Buffer.concat([noise(10), Buffer.from(TEXT)])).some(({ offset }) => offset === 10)).toBe(
      true,
    );
  });

  test("finds a text of JSON with its escapes", () => {
    const quoted = createPlaintextSearch(needlesOf("quote", 'she said "no"\nand left'));
    expect(
      quoted(around(JSON.stringify({ text: 'she said "no"\nand left' }))).map(({ form }) => form),
    ).toContain("JSON");
  });

  test("does not search for what would be found by chance", () => {
    expect(needlesOf("short", "a".repeat(NEEDLE_BYTES_MIN - 1))).toEqual([]);
    expect(needlesOf("long enough", "a".repeat(NEEDLE_BYTES_MIN)).length).toBeGreaterThan(0);
  });
});

describe("files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dovetail-test-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("a row of a real database is found in its write-ahead log already", () => {
    const path = join(folder, "server.sqlite");
    const database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode=WAL; CREATE TABLE entries (sealed BLOB)");
    database.prepare("INSERT INTO entries VALUES (?)").run(Buffer.from(TEXT));
    const { findings } = searchFiles([folder], needlesOf("text", TEXT));
    expect(findings.map(({ file }) => file)).toContainEqual(expect.stringContaining("server.sqlite-wal"));
    database.close();
    expect(measureTables(path)).toEqual([{ table: "entries", rows: 1, bytes: 4096 }]);
  });

  test("the canary finds every form it plants", () => {
    const path = join(folder, "server.sqlite");
    writeFileSync(path, noise(50_000));
    const needles = needlesOf("canary", TEXT);
    expect(needles.length).toBeGreaterThan(10);
    expect(searchCanFail(path, needles)).toEqual({ planted: needles.length, found: needles.length });
    expect(searchFiles([folder], needles).findings).toEqual([]);
  });
});
