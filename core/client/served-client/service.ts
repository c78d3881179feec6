/**
 * What of an object can be called over a message port: a table of methods with the kinds of their arguments.
 *
 * A method that is not in the table does not exist for the other side. The table is typed by the object it serves, so
 * that one of them cannot change without the other.
 */
import type { ArgumentParser, ArgumentParsers } from "./parse-argument.ts";

type Method = (...args: never[]) => Promise<unknown>;

/** Names of the methods of `T` that answer later: only those can be called from afar. */
export type MethodName<T> = {
  [K in keyof T]-?: T[K] extends Method ? K : never;
}[keyof T] &
  string;

type PromiseName<T> = { [K in keyof T]-?: T[K] extends Promise<unknown> ? K : never }[keyof T] & string;

type ParametersOf<F> = F extends (...args: infer A) => Promise<unknown> ? A : never;

/** The methods of `T` as seen from afar. */
export type Callable<T> = Pick<T, MethodName<T>>;

export type MethodTable<T> = { readonly [M in MethodName<T>]: ArgumentParsers<ParametersOf<T[M]>> };

/**
 * An object with methods that a call answers with, inside `ok(…)`. It lives on the serving side.
 *
 * Its `cancel` is called there when the other side is gone before one of the methods `ends` has been called.
 */
export interface HandleRule {
  readonly methods: Readonly<Record<string, readonly ArgumentParser<unknown>[]>>;
  readonly promises: readonly string[];
  readonly ends: readonly string[];
  /** Keeps rules of different handles apart and their tables complete; see `handleRule`. */
  readonly cancel: string;
}

/** The rule of handles of type `H`: each method and each promise has to be named. */
export function handleRule<H>(rule: {
  readonly methods: MethodTable<H>;
  readonly promises: readonly PromiseName<H>[];
  readonly ends: readonly MethodName<H>[];
  readonly cancel: MethodName<H>;
}): HandleRule {
  return rule;
}

export interface Service<T> {
  /** A fixed word: two ends that mean different services are told so. */
  readonly name: string;
  /** Raised when what calls mean changes while their names stay. */
  readonly version: number;
  readonly methods: MethodTable<T>;
  /** For methods that answer with a handle. */
  readonly handles: { readonly [M in MethodName<T>]?: HandleRule };
}

/**
 * What both ends must have in common: service, version, and every method's name and number of arguments.
 *
 * They are parts of one program, or of two versions of it after an update; between those nothing is served.
 */
export function serviceFingerprint(service: Service<never>): string {
  const methods: Readonly<Record<string, readonly unknown[]>> = service.methods;
  const names = Object.entries(methods).map(([name, parsers]) => `${name}/${parsers.length}`);
  return `${service.name} ${service.version} ${names.sort().join(" ")}`;
}
