/** Rows, chunks and documents are kept in Deno as they are in Node, with the same errors. */
import { expect, test } from "vitest";
import { type Finished, runDeno, runNode } from "../support/runtimes.ts";

const SMOKE = "test/interop/deno/storage-smoke.ts";

test("storage in Deno keeps and refuses what it keeps and refuses in Node", () => {
  const inNode = jsonOf(runNode(["--no-warnings", SMOKE]));
  const inDeno = jsonOf(runDeno(["run", "--allow-all", "--no-remote", SMOKE]));
  expect(inNode).toEqual({
    conflict: { ok: false, error: { type: "StoreConflict", key: "a/1" } },
    heads: [expect.stringMatching(/^[0-9a-f]{64}$/)],
    flushed: { ok: true },
    row: [1],
    ops: [["02".repeat(32), [3]]],
    busy: { ok: false, error: { type: "StoreUnavailable", detail: "sqlite-5" } },
    damaged: { ok: false, error: { type: "StoreDamaged", detail: "sqlite-26" } },
    mode: "600",
  });
  expect(inDeno).toEqual(inNode);
});

function jsonOf(finished: Finished): unknown {
  expect(finished.status, finished.stderr).toBe(0);
  return JSON.parse(finished.stdout);
}
