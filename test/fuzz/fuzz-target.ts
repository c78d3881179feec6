/** What is fuzzed: a parser, valid inputs for it, and what it may answer. */
import type { Bytes } from "../../core/base/bytes.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import type { InputForm } from "./mutate.ts";

/** `"taken"`, or the name of the typed error. */
export type Verdict = string;
export const TAKEN = "taken";

/** A valid input, and the parser that takes it. */
export interface FuzzSeed {
  readonly bytes: Bytes;
  readonly form: InputForm;
  /** What the valid input is answered; by default it is taken. */
  readonly answer?: Verdict;
  /** Throws what breaks a promise. */
  feed(input: Bytes): Verdict | Promise<Verdict>;
}

export interface FuzzTarget {
  readonly name: string;
  /** What a person reads of it. */
  readonly about: string;
  /** Words that mean something to the parser, for inputs that are text. */
  readonly words?: readonly string[];
  prepare(random: SeededRandom): Promise<PreparedTarget> | PreparedTarget;
}

export interface PreparedTarget {
  readonly seeds: readonly FuzzSeed[];
  close?(): Promise<void>;
}

/** A promise that a parser broke. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

/** The verdict of a Result; an error without a name of its own breaks the promise that errors are typed. */
export function verdictOf(result: unknown): Verdict {
  if (typeof result !== "object" || result === null) throw new BrokenPromise("the answer is no Result");
  if (Reflect.get(result, "ok") === true) return TAKEN;
  const error: unknown = Reflect.get(result, "error");
  const name: unknown =
    typeof error === "object" && error !== null
      ? (Reflect.get(error, "type") ?? Reflect.get(error, "code"))
      : error;
  if (typeof name !== "string" || name === "") throw new BrokenPromise("the error has no name");
  return name;
}

/** The verdict of a parser that gives its value or null. */
export function verdictOfNullable(value: unknown): Verdict {
  return value === null ? "nothing" : TAKEN;
}

/** The text of an input, as a terminal, a file or a camera hands it over. */
export function textOf(input: Bytes): string {
  return Buffer.from(input).toString("utf8");
}

/** More than a person types; Linux hands over no argument of more bytes, and no more than two million of all. */
const ARGUMENTS_MAX = 10_000;
const ARGUMENT_BYTES_MAX = 131_071;

/** The arguments of a command line, as a program is given them. */
export function argumentsOf(line: string): readonly string[] {
  return line
    .split(" ", ARGUMENTS_MAX)
    .filter((one) => one.length <= ARGUMENT_BYTES_MAX && Buffer.byteLength(one) <= ARGUMENT_BYTES_MAX);
}
