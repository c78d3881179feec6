/** Reads the files of C2SP/wycheproof: groups of cases whose fields are hexadecimal. */
import { fromHex } from "../../core/base/bytes.ts";
import type { VectorSet } from "./vector-set.ts";

/** What a correct implementation does with a case. "acceptable" leaves it open. */
export type Verdict = "valid" | "invalid" | "acceptable";

export interface WycheproofCase {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: Verdict;
  /** Bytes of a field of the case, or of its group. Throws when the file has no such field. */
  hex(field: string): Uint8Array;
  number(field: string): number;
}

/** Every case of `file`, with the number of cases the file itself states checked. */
export function readWycheproof(set: VectorSet, file: string): readonly WycheproofCase[] {
  const content = record(set.json(file), file);
  const cases = array(content.testGroups, "testGroups").flatMap((value) => {
    const group = record(value, "group");
    return array(group.tests, "tests").map((test) => toCase(record(test, "test"), group));
  });
  if (cases.length !== content.numberOfTests)
    throw new Error(`${file} says it has ${content.numberOfTests} cases`);
  return cases;
}

type Fields = Readonly<Record<string, unknown>>;

function toCase(test: Fields, group: Fields): WycheproofCase {
  const { tcId, result } = test;
  if (typeof tcId !== "number") throw new Error("a case has no number");
  if (result !== "valid" && result !== "invalid" && result !== "acceptable")
    throw new Error(`case ${tcId}: ${result}`);
  const publicKey = typeof group.publicKey === "object" && group.publicKey !== null ? group.publicKey : {};
  const fields: Fields = { ...group, ...publicKey, ...test };
  return {
    tcId,
    result,
    comment: typeof test.comment === "string" ? test.comment : "",
    flags: array(test.flags, "flags").map(String),
    hex(field) {
      const text = fields[field];
      if (typeof text !== "string" || !/^([0-9a-f]{2})*$/.test(text))
        throw new Error(`case ${tcId}: no bytes ${field}`);
      return fromHex(text);
    },
    number(field) {
      const value = fields[field];
      if (typeof value !== "number") throw new Error(`case ${tcId}: no number ${field}`);
      return value;
    },
  };
}

function record(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null) throw new Error(`${what} is not an object`);
  return value as Fields;
}

function array(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not an array`);
  return value;
}
