/**
 * Tests over the data shared beside the checkout. Without a set its tests are skipped with a printed line. With `CI` set they
 * fail, so a run that proves less than it seems cannot pass for a full one.
 */
import { appendFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type VectorSet, type VectorSetName, vectorSet } from "./vector-set.ts";

/** A file the workers of one run write the names of the sets they read to; `report-vectors.ts` makes it. */
export const VECTOR_RECORD_VARIABLE = "DOVETAIL_VECTOR_RECORD";

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
