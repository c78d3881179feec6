/**
 * The one place that finds the data shared beside the checkout: vectors of other authorities, which are not ours to
 * ship. `DOVETAIL_SHARED` names the folder; by default it is `../shared` from the root of the checkout.
 *
 * Without a set its tests are skipped with a printed line. With `CI` set they fail, so a run that proves less than it
 * seems cannot pass for a full one.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ROOT } from "./checkout.ts";

/** The vector sets by name: each is a folder of `vectors`. */
export const VECTOR_SETS = [
  "argon2",
  "bip39",
  "blns",
  "cbor",
  "keybase",
  "merkle",
  "mls",
  "wycheproof",
] as const;

export type VectorSetName = (typeof VECTOR_SETS)[number];

/** A set that is there. File names are given without `.gz`. */
export interface VectorSet {
  readonly name: VectorSetName;
  /** Names of the files, sorted. */
  files(): readonly string[];
  bytes(file: string): Uint8Array;
  text(file: string): string;
  /** What the file holds, to be checked by whoever reads it. */
  json(file: string): unknown;
}

/** A file the workers of one run write the names of the sets they read to; `report-vectors.ts` makes it. */
export const VECTOR_RECORD_VARIABLE = "DOVETAIL_VECTOR_RECORD";

/** The folder of shared data, whether it exists or not. */
export function sharedFolder(): string {
  const named = process.env.DOVETAIL_SHARED;
  return named === undefined || named === "" ? join(ROOT, "..", "shared") : named;
}

/** The set called `name`, or undefined when it is not on this machine. */
export function vectorSet(name: VectorSetName): VectorSet | undefined {
  const folder = join(sharedFolder(), "vectors", name);
  if (!existsSync(folder)) return undefined;
  const bytes = (file: string): Uint8Array => {
    const plain = join(folder, file);
    return existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(`${plain}.gz`));
  };
  const text = (file: string): string => new TextDecoder().decode(bytes(file));
  return {
    name,
    files: () =>
      readdirSync(folder)
        .map((file) => (file.endsWith(".gz") ? basename(file, ".gz") : file))
        .sort(),
    bytes,
    text,
    json: (file): unknown => JSON.parse(text(file)),
  };
}

/**
 * Groups the tests of one file of a set; `define` runs only when it is there.
 *
 * `file` is for the line that says what ran.
 */
export function describeVectors(name: VectorSetName, file: string, define: (set: VectorSet) => void): void {
  const set = vectorSet(name);
  describe(`vectors ${name}/${file}`, () => {
    if (set !== undefined) {
      record(`${name}/${file}`);
      define(set);
    } else if (isRequired()) {
      test("are on this machine", () => {
        expect.fail(`the vector set ${name} is missing; DOVETAIL_SHARED must name the folder that has it`);
      });
    } else {
      console.log(`note: skipped vectors ${name}/${file}: the set is not on this machine`);
      test.skip("are on this machine", () => {});
    }
  });
}

function isRequired(): boolean {
  const ci = process.env.CI;
  return ci !== undefined && ci !== "" && ci !== "false" && ci !== "0";
}

function record(what: string): void {
  const file = process.env[VECTOR_RECORD_VARIABLE];
  if (file !== undefined) appendFileSync(file, `${what}\n`);
}
