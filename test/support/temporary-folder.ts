/** A folder of its own for a test that needs files. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes an empty folder; `discard` removes it with all that is in it. */
export function createTemporaryFolder(): { readonly path: string; discard(): void } {
  const path = mkdtempSync(join(tmpdir(), "dovetail-"));
  return { path, discard: () => rmSync(path, { recursive: true, force: true }) };
}
