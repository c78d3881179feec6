/** A server that lies in every way it can: each lie is found and named within one exchange, and nobody is shown anything wrong. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { SERVER_LIES } from "./hostile/lies.ts";
import type { LieResult } from "./hostile/tell-lie.ts";

const FOUND_WITHIN_MS = 10_000;
const results = new Map<string, LieResult>();

beforeAll(async () => {
  const player = join(import.meta.dirname, "hostile", "play-lies.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [player], { maxBuffer: 16_777_216 });
  for (const line of stdout.trim().split("\n")) {
    const result: LieResult = JSON.parse(line);
    results.set(result.name, result);
  }
});

describe("a server that lies", () => {
  test.each(SERVER_LIES.map(({ name, foundAs }) => [name, foundAs] as const))("%s", (name, foundAs) => {
    const result = results.get(name);
    expect(result?.fault).toBeNull();
    if (foundAs === null) expect(result?.alarms).toEqual([]);
    else expect(result?.foundAfterMs).toBeLessThan(FOUND_WITHIN_MS);
  });
});
