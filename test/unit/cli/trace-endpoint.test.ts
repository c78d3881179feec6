import { describe, expect, test } from "vitest";
import { traceEndpointOf } from "../../../cli/trace-endpoint.ts";

const OWN = { DOVETAIL_TRACE_ENDPOINT: "http://own.example" };
const STANDARD = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://standard.example" };

function urlOf(option: string | undefined, env: Readonly<Record<string, string>>): string | null {
  const endpoint = traceEndpointOf(option, env);
  return endpoint.ok ? endpoint.value : `${endpoint.error.type === "Usage" && endpoint.error.message}`;
}

describe("the collector of a process that stays", () => {
  test("is nobody unless somebody asks: the option, else our variable, else the standard's", () => {
    expect(urlOf(undefined, {})).toBeNull();
    expect(urlOf(undefined, STANDARD)).toBe("http://standard.example/v1/traces");
    expect(urlOf(undefined, { ...STANDARD, ...OWN })).toBe("http://own.example/v1/traces");
    expect(urlOf(undefined, { ...STANDARD, DOVETAIL_TRACE_ENDPOINT: "" })).toBe(
      "http://standard.example/v1/traces",
    );
    expect(urlOf("http://option.example", { ...STANDARD, ...OWN })).toBe("http://option.example/v1/traces");
  });

  test("is nobody where that is said, whatever asks behind it", () => {
    expect(urlOf("none", { ...STANDARD, ...OWN })).toBeNull();
    expect(urlOf(undefined, { ...STANDARD, DOVETAIL_TRACE_ENDPOINT: "none" })).toBeNull();
  });

  test("has an address, or it is said where none stands", () => {
    for (const given of ["", "collector:4317"])
      expect(urlOf(given, OWN), given).toMatch(/^--trace-endpoint is none or the address/);
    expect(urlOf(undefined, { DOVETAIL_TRACE_ENDPOINT: "?" })).toMatch(/^DOVETAIL_TRACE_ENDPOINT is none or/);
    expect(urlOf(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: "?" })).toMatch(/^OTEL_EXPORTER_OTLP_ENDPOINT is/);
  });
});
