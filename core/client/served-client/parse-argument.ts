/**
 * Arguments of calls that came over a message port, checked before they reach the one who is called.
 *
 * Total and strict: unknown fields, missing arguments and wrong kinds are refused. What a value means (a known contact,
 * a text that is not too long) is for the called one to say, as in a direct call.
 */
import type { Bytes } from "../../base/bytes.ts";
import { type Id, type IdKind, parseId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";

export interface BadArgument {
  readonly type: "BadArgument";
}

export type ArgumentParser<T> = (value: unknown) => Result<T, BadArgument>;

/** One parser an argument, in their order. */
export type ArgumentParsers<A extends readonly unknown[]> = {
  readonly [I in keyof A]-?: ArgumentParser<A[I]>;
};

const BAD: Result<never, BadArgument> = err({ type: "BadArgument" });

export const textArgument: ArgumentParser<string> = (value) => (typeof value === "string" ? ok(value) : BAD);

export const booleanArgument: ArgumentParser<boolean> = (value) =>
  typeof value === "boolean" ? ok(value) : BAD;

export const integerArgument: ArgumentParser<number> = (value) =>
  typeof value === "number" && Number.isSafeInteger(value) ? ok(value) : BAD;

export const bytesArgument: ArgumentParser<Bytes> = (value) =>
  value instanceof Uint8Array ? ok(value) : BAD;

/** An id in its text form. */
export function idArgument<K extends IdKind>(kind: K): ArgumentParser<Id<K>> {
  return (value) => {
    const parsed = typeof value === "string" ? parseId(kind, value) : BAD;
    return parsed.ok ? parsed : BAD;
  };
}

/** One of some fixed words. */
export function wordArgument<W extends string>(words: readonly W[]): ArgumentParser<W> {
  return (value) => {
    const found = words.find((word) => word === value);
    return found === undefined ? BAD : ok(found);
  };
}

/** The argument, or none. */
export function optionalArgument<T>(parse: ArgumentParser<T>): ArgumentParser<T | undefined> {
  return (value) => (value === undefined ? ok(value) : parse(value));
}

/** The argument, or null. */
export function nullableArgument<T>(parse: ArgumentParser<T>): ArgumentParser<T | null> {
  return (value) => (value === null ? ok(value) : parse(value));
}

/** Whichever of these it is. */
export function oneOfArguments<T>(parsers: readonly ArgumentParser<T>[]): ArgumentParser<T> {
  return (value) => {
    for (const parse of parsers) {
      const parsed = parse(value);
      if (parsed.ok) return parsed;
    }
    return BAD;
  };
}

/** A list of at most `itemsMax`. */
export function listArgument<T>(parse: ArgumentParser<T>, itemsMax: number): ArgumentParser<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > itemsMax) return BAD;
    const items: T[] = [];
    for (const item of value) {
      const parsed = parse(item);
      if (!parsed.ok) return parsed;
      items.push(parsed.value);
    }
    return ok(items);
  };
}

type RequiredKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];
type OptionalKeys<T> = Exclude<keyof T, RequiredKeys<T>>;

export interface RecordFields<T> {
  readonly required: { readonly [K in RequiredKeys<T>]-?: ArgumentParser<T[K]> };
  readonly optional: { readonly [K in OptionalKeys<T>]-?: ArgumentParser<Exclude<T[K], undefined>> };
}

/** A plain object with these fields and no others. Optional fields that are undefined count as absent. */
export function recordArgument<T extends object>(fields: RecordFields<T>): ArgumentParser<T> {
  const required: ReadonlyMap<string, ArgumentParser<unknown>> = new Map(Object.entries(fields.required));
  const optional: ReadonlyMap<string, ArgumentParser<unknown>> = new Map(Object.entries(fields.optional));
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return BAD;
    const given = new Map(Object.entries(value).filter(([, field]) => field !== undefined));
    if ([...required.keys()].some((name) => !given.has(name))) return BAD;
    const record: { [name: string]: unknown } = {};
    for (const [name, field] of given) {
      const parsed = (required.get(name) ?? optional.get(name))?.(field) ?? BAD;
      if (!parsed.ok) return parsed;
      record[name] = parsed.value;
    }
    // Each field has passed the parser that its type in `RecordFields` asks for.
    return ok(record as T);
  };
}

/** All arguments of one call; missing ones at the end count as undefined. */
export function parseArguments(
  parsers: readonly ArgumentParser<unknown>[],
  values: readonly unknown[],
): Result<readonly unknown[], BadArgument> {
  if (values.length > parsers.length) return BAD;
  const parsed: unknown[] = [];
  for (const [index, parse] of parsers.entries()) {
    const argument = parse(values[index]);
    if (!argument.ok) return argument;
    parsed.push(argument.value);
  }
  return ok(parsed);
}
