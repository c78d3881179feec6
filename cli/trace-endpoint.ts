/** Where a process that stays connected sends its spans: the option, our variable, then OpenTelemetry's own. */
import {
  err,
  NO_SPANS,
  ok,
  parseSpanEndpoint,
  type Result,
  SPAN_ENDPOINT_WANTS,
  spanEndpointOf,
} from "@dovetail/core";
import type { CliError } from "./errors/command-error.ts";

/** Of the option, wherever a command has it. */
export const TRACE_ENDPOINT_HELP =
  "send spans of sending and receiving, which name nobody, to this OTLP/HTTP collector; none for none";

const VARIABLE = "DOVETAIL_TRACE_ENDPOINT";

/** The collector's URL, or null for none. - Fails: `Usage` when what asks for one is not understood. */
export function traceEndpointOf(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Result<string | null, CliError> {
  // A variable that is empty says nothing; an option that is was meant to say something.
  const said = env[VARIABLE];
  const given = option ?? (said === "" ? undefined : said);
  if (given === NO_SPANS) return ok(null);
  if (given !== undefined) {
    const url = parseSpanEndpoint(given);
    return url === null
      ? unclear(`${option === undefined ? VARIABLE : "--trace-endpoint"} is ${SPAN_ENDPOINT_WANTS}`)
      : ok(url);
  }
  const asked = spanEndpointOf(env);
  return asked.ok ? ok(asked.value?.url ?? null) : unclear(asked.error.why);
}

function unclear(message: string): Result<never, CliError> {
  return err({ type: "Usage", message, hint: "--trace-endpoint none sends none" });
}
