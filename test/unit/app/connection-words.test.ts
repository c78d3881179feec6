import { expect, test } from "vitest";
import { versionGapOf } from "../../../app/ui/session/connection-words.ts";
import { PROTOCOL_VERSION } from "../../../core/protocol/version.ts";

const away = (lastError: Parameters<typeof versionGapOf>[0]["lastError"]) =>
  ({ state: "offline", sinceMs: 0, pendingCount: 0, lastError }) as const;

test("which side is too old follows from the versions the server speaks", () => {
  const speaks = (versionMin: number, versionMax: number) =>
    away({ type: "IncompatibleServer", versionMin, versionMax });
  expect(versionGapOf(speaks(PROTOCOL_VERSION + 1, PROTOCOL_VERSION + 3))).toBe("server-newer");
  expect(versionGapOf(speaks(PROTOCOL_VERSION - 1, PROTOCOL_VERSION - 1))).toBe("server-older");
});

test("a server that is only away is neither", () => {
  expect(versionGapOf(away(null))).toBe(null);
  expect(
    versionGapOf(away({ type: "ServerUnreachable", origin: "http://localhost", detail: "timeout" })),
  ).toBe(null);
});
