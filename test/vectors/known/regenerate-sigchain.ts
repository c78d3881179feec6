/**
 * Writes sigchain.json of this folder from our builders; `test/vectors/sigchain.test.ts` checks it against the second
 * implementation.
 *
 * Usage: node test/vectors/known/regenerate-sigchain.ts. Needed when docs/protocol changes, or the test's own world.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { knownSigchain } from "../../support/known-sigchain.ts";

await cryptoReady();
writeFileSync(join(import.meta.dirname, "sigchain.json"), `${JSON.stringify(knownSigchain(), null, 2)}\n`);
