/** A process that writes is killed again and again: nothing that it acknowledged is lost, nothing is half there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DurableNodeFsAdapter } from "../../cli/platform/durable-nodefs-adapter.ts";
import { chunkKeyOf, latestOf, openCrashStore, OVERWRITTEN_KEY, payloadOf } from "../support/crash-writer.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const KILLS = 30;
const WRITER = join(import.meta.dirname, "..", "support", "crash-writer.ts");

test("[ST3] a killed process loses no acknowledged batch of node:sqlite, and leaves none in part", {
  timeout: 240_000,
}, async () => {
  const folder = createTemporaryFolder();
  const path = join(folder.path, "store.db");
  const random = createSeededRandom("kill rows");
  let acknowledged = -1;
  for (let kill = 0; kill < KILLS; kill++) {
    acknowledged = Math.max(
      acknowledged,
      await runUntilKilled("rows", path, acknowledged + 1, 1 + random.below(60)),
    );
    const store = openCrashStore(path);
    for (let number = 0; number <= acknowledged; number++)
      expect(await store.get(`n/${number}`)).toEqual({ ok: true, value: payloadOf(number) });
    const [rows, twins] = [await store.scan({ prefix: "n/" }), await store.scan({ prefix: "twin/" })];
    if (!rows.ok || !twins.ok) throw new Error("the store reads");
    expect(twins.value.map((row) => row.key.slice(5))).toEqual(rows.value.map((row) => row.key.slice(2)));
    const latest = Math.max(...rows.value.map((row) => Number(row.key.slice(2))));
    expect(await store.get("latest")).toEqual({ ok: true, value: latestOf(latest) });
    await store.close();
    // What was written but not acknowledged counts from now on: it must not go away again.
    acknowledged = latest;
  }
  expect(acknowledged).toBeGreaterThan(KILLS);
  folder.discard();
});

test("[ST40] a killed process loses no acknowledged chunk, and leaves none in part", {
  timeout: 240_000,
}, async () => {
  const folder = createTemporaryFolder();
  const random = createSeededRandom("kill chunks");
  let acknowledged = -1;
  for (let kill = 0; kill < KILLS; kill++) {
    acknowledged = Math.max(
      acknowledged,
      await runUntilKilled("chunks", folder.path, acknowledged + 1, 1 + random.below(60)),
    );
    const adapter = new DurableNodeFsAdapter(folder.path);
    for (let number = 0; number <= acknowledged; number++) {
      const chunk = await adapter.load(chunkKeyOf(number));
      expect(chunk).toEqual(payloadOf(number));
    }
    const latest = (await adapter.load(OVERWRITTEN_KEY)) ?? new Uint8Array();
    const number = Number(Buffer.from(latest.subarray(0, 8)).toString());
    expect(number).toBeGreaterThanOrEqual(acknowledged);
    expect(latest).toEqual(latestOf(number));
    const found = [
      ...(await adapter.loadRange(["doc0"])),
      ...(await adapter.loadRange(["doc1"])),
      ...(await adapter.loadRange(["doc2"])),
    ];
    for (const { key, data } of found)
      if (key[1] === "incremental") expect(data).toEqual(payloadOf(Number(key[2]?.slice(1))));
    expect(found.length).toBeGreaterThanOrEqual(acknowledged + 2);
  }
  expect(acknowledged).toBeGreaterThan(KILLS);
  folder.discard();
});

/** Runs the writer, kills it some milliseconds after its first acknowledgement, and gives the last number it printed. */
async function runUntilKilled(medium: string, path: string, from: number, delayMs: number): Promise<number> {
  const writer = spawn(process.execPath, ["--no-warnings", WRITER, medium, path, String(from)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  let isKilling = false;
  writer.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
    if (isKilling) return;
    isKilling = true;
    setTimeout(() => writer.kill("SIGKILL"), delayMs);
  });
  const [code, signal] = await once(writer, "close");
  expect([code, signal]).toEqual([null, "SIGKILL"]);
  // A last line without its end was not printed whole.
  return Number(printed.slice(0, printed.lastIndexOf("\n")).split("\n").at(-1));
}
