/**
 * Messages between the two ends of a service. Plain structured-clonable objects, checked when they arrive.
 *
 * The caller speaks first (`hello`); the owner answers `welcome` or `refused`, and from then on answers calls by their
 * `id` and sends numbered events, which the caller confirms (`seen`).
 */
import { err, ok, type Result } from "../../base/result.ts";

export type ToOwner =
  | { readonly type: "hello"; readonly fingerprint: string }
  /** `handle` is null for a method of the service itself. */
  | {
      readonly type: "call";
      readonly id: number;
      readonly handle: number | null;
      readonly method: string;
      readonly args: readonly unknown[];
    }
  /** Everything up to event `number` has been handled. */
  | { readonly type: "seen"; readonly number: number };

export type ToCaller =
  /** `state` is what the service tells at the beginning. */
  | { readonly type: "welcome"; readonly state: unknown }
  | { readonly type: "refused"; readonly why: "version" }
  /** `handle` numbers the object that `value` was before its methods and promises were left out. */
  | { readonly type: "result"; readonly id: number; readonly value: unknown; readonly handle: number | null }
  /** The call did not run (`arguments`, `handle`), or the owner made a mistake of its own (`fault`). */
  | { readonly type: "failed"; readonly id: number; readonly why: "arguments" | "handle" | "fault" }
  /** A promise of a handle has settled. */
  | { readonly type: "settled"; readonly handle: number; readonly name: string; readonly value: unknown }
  | { readonly type: "event"; readonly number: number; readonly event: unknown };

export interface MalformedMessage {
  readonly type: "MalformedMessage";
}

const MALFORMED: Result<never, MalformedMessage> = err({ type: "MalformedMessage" });

/** A message that reached the owner. */
export function parseToOwner(message: unknown): Result<ToOwner, MalformedMessage> {
  const fields = fieldsOf(message);
  const { type, fingerprint, id, handle, method, args, number } = fields;
  if (type === "hello" && typeof fingerprint === "string") return ok({ type, fingerprint });
  if (type === "seen" && isCount(number)) return ok({ type, number });
  const isCall = type === "call" && isCount(id) && (handle === null || isCount(handle));
  return isCall && typeof method === "string" && Array.isArray(args)
    ? ok({ type: "call", id, handle, method, args })
    : MALFORMED;
}

/** A message that reached the caller. */
export function parseToCaller(message: unknown): Result<ToCaller, MalformedMessage> {
  const { type, state, why, id, value, handle, name, number, event } = fieldsOf(message);
  switch (type) {
    case "welcome":
      return ok({ type, state });
    case "refused":
      return why === "version" ? ok({ type, why }) : MALFORMED;
    case "result":
      return isCount(id) && (handle === null || isCount(handle))
        ? ok({ type, id, value, handle })
        : MALFORMED;
    case "failed":
      return isCount(id) && (why === "arguments" || why === "handle" || why === "fault")
        ? ok({ type, id, why })
        : MALFORMED;
    case "settled":
      return isCount(handle) && typeof name === "string" ? ok({ type, handle, name, value }) : MALFORMED;
    case "event":
      return isCount(number) ? ok({ type, number, event }) : MALFORMED;
    default:
      return MALFORMED;
  }
}

function fieldsOf(message: unknown): Readonly<Record<string, unknown>> {
  return typeof message === "object" && message !== null ? { ...message } : {};
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
