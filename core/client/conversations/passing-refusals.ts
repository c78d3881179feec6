/** Which refusals of an append pass by themselves. */
import type { FailureCode } from "../../protocol/failure.ts";

/** Refusals after which the same bytes may be accepted later. */
export const PASSING: ReadonlySet<FailureCode> = new Set([
  "quota",
  "rate-limited",
  "overloaded",
  "storage-full",
  "internal",
  "not-admitted",
]);
