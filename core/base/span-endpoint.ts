/** Where spans go: the address of a collector, as a setting of ours or OpenTelemetry's own variables name it. */
import { SPAN_ENDPOINT_CHARS_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/** What a setting of ours has to be. */
export const SPAN_ENDPOINT_WANTS =
  "none or the address of a collector, as http://127.0.0.1:4318; a name or password for it goes into OTEL_EXPORTER_OTLP_HEADERS";

/** The word that turns spans off. */
export const NO_SPANS = "none";

/** What collectors listen on for spans when nothing else is said. */
const TRACES_PATH = "v1/traces";

type Environment = Readonly<Record<string, string | undefined>>;

/** A variable asks for what there is not; `why` is a sentence that names it. */
export interface SpanVariableFault {
  readonly type: "SpanVariableFault";
  readonly why: string;
}

/** The whole URL of a collector from `text`; without a path it gets the usual one. Null when it is none. */
export function parseSpanEndpoint(text: string): string | null {
  if (text.length > SPAN_ENDPOINT_CHARS_MAX || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  // A setting is shown and logged; what is secret has a variable of its own.
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return null;
  return url.pathname === "/" ? `${url.origin}/${TRACES_PATH}` : url.href;
}

/** What OpenTelemetry's variables ask for, and which of them; null when they ask for nothing. */
export function spanEndpointOf(
  env: Environment,
): Result<{ readonly variable: string; readonly url: string } | null, SpanVariableFault> {
  const isOff = env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === NO_SPANS;
  const named = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
  const variable = named.find((name) => (env[name] ?? "") !== "");
  if (isOff || variable === undefined) return ok(null);
  const text = env[variable] ?? "";
  const isWhole = variable === named[0];
  const url = parseSpanEndpoint(isWhole ? text : `${text.replace(/\/$/, "")}/${TRACES_PATH}`);
  if (url === null) return fault(`${variable} is ${SPAN_ENDPOINT_WANTS}, not ${JSON.stringify(text)}`);
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? "";
  if (protocol !== "" && protocol !== "http/json")
    return fault(
      `${variable} asks for spans and OTEL_EXPORTER_OTLP_PROTOCOL for ${JSON.stringify(protocol)}: they are sent as http/json, so leave it out or say that`,
    );
  return ok({ variable, url });
}

function fault(why: string): Result<never, SpanVariableFault> {
  return err({ type: "SpanVariableFault", why });
}
