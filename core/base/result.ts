/**
 * Success or a typed failure as a plain value.
 *
 * What a peer, a user, a disk or a server can cause is returned, never thrown; see docs/ARCHITECTURE.md, "Errors".
 */

export interface Ok<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Err<E> {
  readonly ok: false;
  readonly error: E;
}

/** Either the value or the reason there is none. */
export type Result<T, E> = Ok<T> | Err<E>;

/** Wraps a value that was obtained. */
export function ok(): Ok<void>;
export function ok<T>(value: T): Ok<T>;
export function ok<T>(value?: T): Ok<T | undefined> {
  return { ok: true, value };
}

/** Wraps the reason why there is no value. */
export function err<E>(error: E): Err<E> {
  return { ok: false, error };
}
