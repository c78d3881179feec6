/**
 * What a profile keeps on disk is frozen: the shapes of all rows, and of what lies in them as bytes, in one hash.
 *
 * When this fails, rows that are written differ from those that earlier versions wrote. If this version still reads those (a table
 * more, a bound raised), write the new hash; otherwise raise `PROFILE_LAYOUT` too, and a device of before is linked anew.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PROFILE_LAYOUT } from "../../core/client/profile-layout.ts";
import { createTables } from "../../core/client/tables.ts";
import { chunkShape } from "../../core/document/storage/chunk-seal.ts";
import { durableHeadsShape } from "../../core/document/storage/document-rows.ts";
import { storedEpochShape, storedPastShape } from "../../core/group/group-codec.ts";
import { storedKeyPackageShape } from "../../core/group/key-package.ts";
import { storedRatchetsShape } from "../../core/group/ratchets.ts";
import { preKeyRecordShape } from "../../core/ratchet/prekey-record.ts";
import { sessionShape } from "../../core/ratchet/session.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import { ROOT } from "../support/checkout.ts";

const PINNED = { layout: 1, hash: "600687c5aa76840fd80e7d9234c22bc28480ff0faf7b5faf6afbe64def174500" };

/** Stored as bytes in rows, or beside them. */
const NESTED = {
  chunk: chunkShape,
  heads: durableHeadsShape,
  epoch: storedEpochShape,
  past: storedPastShape,
  keyPackage: storedKeyPackageShape,
  ratchets: storedRatchetsShape,
  preKey: preKeyRecordShape,
  session: sessionShape,
};

/** The lines of the table in `tables.ts` that say what keys are made of. */
function keyParts(): readonly string[] {
  const source = readFileSync(join(ROOT, "core/client/tables.ts"), "utf8");
  return [...source.matchAll(/^ \* \| (\w+) \| ([^|]*)\|/gm)].map(([, name = "", parts = ""]) =>
    `${name}: ${parts}`.trim(),
  );
}

function layoutLines(): readonly string[] {
  const tables = Object.values(createTables(createMemoryTxStore())).map(({ print }) => print);
  const nested = Object.entries(NESTED).map(([name, { print }]) => `bytes ${name} = ${print}`);
  return [...tables, ...nested, ...keyParts().filter((line) => !line.startsWith("table:"))].sort();
}

function hashOf(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("hex");
}

test("[ST65] the rows of a profile are as its layout's number says", () => {
  expect({ layout: PROFILE_LAYOUT, hash: hashOf(layoutLines()) }).toEqual(PINNED);
});

test("a changed row, key or nested structure changes the hash", () => {
  const lines = layoutLines();
  for (const [from, to] of [
    ["messageCount:", "messages:"],
    ["op: conversation, hlc", "op: hlc, conversation"],
    ["chainKey:", "chain:"],
  ] as const) {
    const changed = lines.map((line) => line.replace(from, to));
    expect(changed).not.toEqual(lines);
    expect(hashOf(changed)).not.toBe(hashOf(lines));
  }
});

test("every table says what its keys are made of", () => {
  const said = keyParts().map((line) => line.split(":")[0]);
  const names = Object.keys(createTables(createMemoryTxStore()));
  expect(names.filter((name) => !said.includes(name))).toEqual(["vouched"]);
});

test("a structure that is stored by a file of its own is in the hash", () => {
  const hidden = readdirSync(join(ROOT, "core"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && /^(?:client|document|group)\//.test(file))
    .filter((file) =>
      /^const \w+(?:Shape|SHAPE)\b.*= struct\(/m.test(readFileSync(join(ROOT, "core", file), "utf8")),
    );
  // Fields of documents, which siblings read too, and what stands in certificates.
  expect(hidden.sort()).toEqual([
    "document/schema/contacts.ts",
    "document/schema/tags.ts",
    "group/group-member.ts",
  ]);
});
