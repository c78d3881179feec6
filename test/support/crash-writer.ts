/**
 * Writes for ever and prints each number once it is acknowledged, until it is killed: `crash-writer.ts <medium> <path> <from>`.
 *
 * What it writes is a function of the number, so that whoever looks afterwards can tell torn from whole.
 */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { DurableNodeFsAdapter } from "../../cli/platform/durable-nodefs-adapter.ts";
import { openSqliteTxStore } from "../../cli/platform/sqlite-tx-store.ts";
import type { TxStore } from "../../core/store/tx-store.ts";

/** Bytes for a number, from a few to some thousand. */
export function payloadOf(number: number): Uint8Array {
  const block = createHash("sha256").update(String(number)).digest();
  const payload = new Uint8Array(32 + ((number * 997) % 6_000));
  for (let i = 0; i < payload.length; i++) payload[i] = block[i % 32] ?? 0;
  return payload;
}

/** Which chunk a number is written to, and the one that every number overwrites. */
export const chunkKeyOf = (number: number): string[] => [`doc${number % 3}`, "incremental", `c${number}`];
export const OVERWRITTEN_KEY: string[] = ["doc0", "snapshot", "latest"];

/** The number at the front of an overwritten chunk, and its payload behind. */
export function latestOf(number: number): Uint8Array {
  return new Uint8Array([...Buffer.from(String(number).padStart(8, "0")), ...payloadOf(number)]);
}

/** Opens the store of the crash test. */
export function openCrashStore(path: string): TxStore {
  const opened = openSqliteTxStore(path);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  return opened.value;
}

const acknowledge = (number: number): void => void writeSync(1, `${number}\n`);

async function writeRows(path: string, from: number): Promise<void> {
  const store = openCrashStore(path);
  for (let n = from; ; n += 4) {
    const batches = [n, n + 1, n + 2, n + 3].map((number) =>
      store.batch([
        { type: "put", key: `n/${number}`, value: payloadOf(number) },
        { type: "put", key: `twin/${number}`, value: payloadOf(number) },
        { type: "put", key: "latest", value: latestOf(number) },
      ]),
    );
    for (const [index, batch] of batches.entries()) if ((await batch).ok) acknowledge(n + index);
  }
}

async function writeChunks(path: string, from: number): Promise<void> {
  const adapter = new DurableNodeFsAdapter(path);
  for (let number = from; ; number++) {
    await adapter.save(chunkKeyOf(number), payloadOf(number));
    await adapter.save(OVERWRITTEN_KEY, latestOf(number));
    acknowledge(number);
  }
}

const [, script, medium, path = "", from = "0"] = process.argv;
if (script?.endsWith("crash-writer.ts") === true) {
  await (medium === "rows" ? writeRows(path, Number(from)) : writeChunks(path, Number(from)));
}
