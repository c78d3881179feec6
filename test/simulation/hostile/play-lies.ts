/** One process: tells each lie in a world of its own and prints what became of it. `play-lies.ts [part of a name]` */
import { automergeReady, cryptoReady } from "@dovetail/core";
import { openNonceLedger } from "../world/nonce-ledger.ts";
import { rememberSums } from "../world/remembered-sums.ts";
import { tellLie } from "./tell-lie.ts";
import { SERVER_LIES } from "./lies.ts";

await cryptoReady();
await automergeReady();
const ledger = openNonceLedger();
rememberSums();
for (const lie of SERVER_LIES.filter(({ name }) => name.includes(process.argv[2] ?? "")))
  process.stdout.write(`${JSON.stringify(await tellLie(lie, ledger))}\n`);
