/** Before and after the vectors project: says which vector sets ran and which were not there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VECTOR_RECORD_VARIABLE } from "./shared-data.ts";
import { VECTOR_SETS, vectorSet } from "./vector-set.ts";

/** Called by vitest once; what it returns is called at the end. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "dovetail-vectors-"));
  const file = join(folder, "ran.txt");
  writeFileSync(file, "");
  // Workers start later and take over the environment.
  process.env[VECTOR_RECORD_VARIABLE] = file;
  return () => {
    const ran = [...new Set(readFileSync(file, "utf8").split("\n"))].filter((line) => line !== "").sort();
    rmSync(folder, { recursive: true, force: true });
    const absent = VECTOR_SETS.filter((name) => vectorSet(name) === undefined);
    const unused = VECTOR_SETS.filter(
      (name) => !absent.includes(name) && !ran.some((line) => line.startsWith(`${name}/`)),
    );
    console.log(`note: vectors that ran: ${ran.join(", ") || "none"}`);
    console.log(`note: sets on this machine that no test ran: ${unused.join(", ") || "none"}`);
    console.log(`note: sets that are absent: ${absent.join(", ") || "none"}`);
  };
}
