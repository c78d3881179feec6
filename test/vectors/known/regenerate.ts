/**
 * Writes crypto.json and ratchet.json of this folder, from the second implementation only.
 *
 * Usage: node test/vectors/known/regenerate.ts. Needed when docs/protocol changes, never because `core` did;
 * `npm run format` then gives the files their line breaks.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { knownCrypto, knownRatchet } from "../../support/second/known-answers.ts";

for (const [file, known] of [
  ["crypto.json", knownCrypto()],
  ["ratchet.json", knownRatchet()],
] as const)
  writeFileSync(join(import.meta.dirname, file), `${JSON.stringify(known, null, 2)}\n`);
