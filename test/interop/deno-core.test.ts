/** The same sources give the same bytes in Deno and in Node. */
import { expect, test } from "vitest";
import { type Finished, runDeno, runNode } from "../support/runtimes.ts";

const SMOKE = "test/interop/deno/smoke.ts";

test("core computes in Deno what it computes in Node", () => {
  const inNode = linesOfJson(runNode([SMOKE]));
  const inDeno = linesOfJson(runDeno(["run", "--allow-all", "--no-remote", SMOKE]));
  expect(inNode).toHaveLength(1);
  expect(inNode[0]).toMatchObject({ hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(inDeno).toEqual(inNode);
});

test("the sources of core pass Deno's own type check", () => {
  const checked = runDeno(["check", SMOKE]);
  expect(checked.status, checked.stderr).toBe(0);
});

function linesOfJson(finished: Finished): readonly unknown[] {
  expect(finished.status, finished.stderr).toBe(0);
  return finished.stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}
