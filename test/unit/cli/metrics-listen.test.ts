import { describe, expect, test } from "vitest";
import { metricsListenOf } from "../../../cli/metrics-listen.ts";

const VARIABLE = "DOVETAIL_METRICS_LISTEN";

function mistakeIn(given: string): string {
  const address = metricsListenOf(given, {});
  return !address.ok && address.error.type === "Usage" ? address.error.message : "";
}

describe("where a process tells how it does", () => {
  test.each([
    ["127.0.0.1:9465", { host: "127.0.0.1", port: 9_465 }],
    ["127.8.0.1:0", { host: "127.8.0.1", port: 0 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
  ])("%s is of this machine alone", (given, value) => {
    expect(metricsListenOf(given, {})).toEqual({ ok: true, value });
  });

  test.each(["0.0.0.0:9465", "192.168.1.4:9465", "[::]:9465", "[fe80::1]:9465", "[::ffff:127.0.0.1]:9465"])(
    "%s is refused, because others reach it",
    (given) => {
      expect(mistakeIn(given)).toContain("is for this machine alone");
    },
  );

  // A name leads where somebody else says it does.
  test.each([
    "",
    "9465",
    "127.0.0.1",
    "localhost:9465",
    "127.0.0.1:65536",
    "::1:9465",
    "[127.0.0.1]:1",
    "127.1:1",
  ])("%j is no address", (given) => {
    expect(mistakeIn(given)).toContain("--metrics-listen is none, or an address of this machine");
  });

  test("is nowhere unless somebody asks: the option, else the variable", () => {
    const nowhere = { ok: true, value: null };
    const here = { [VARIABLE]: "127.0.0.1:1" };
    expect(metricsListenOf(undefined, {})).toEqual(nowhere);
    expect(metricsListenOf(undefined, { [VARIABLE]: "" })).toEqual(nowhere);
    expect(metricsListenOf(undefined, { [VARIABLE]: "none" })).toEqual(nowhere);
    expect(metricsListenOf(undefined, here)).toMatchObject({ value: { port: 1 } });
    expect(metricsListenOf("127.0.0.1:2", here)).toMatchObject({ value: { port: 2 } });
    expect(metricsListenOf("none", here)).toEqual(nowhere);
    const unclear = metricsListenOf(undefined, { [VARIABLE]: "everywhere" });
    expect(unclear).toMatchObject({ error: { message: expect.stringContaining(VARIABLE) } });
  });
});
