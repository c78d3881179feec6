/** Backups: made while the server is written to, checked, and put back. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { connectSignedIn, createWriter, nextEntry, openRequest } from "../support/raw-client.ts";
import { createAccountLog, registerWorld } from "../support/server-account.ts";
import { runServerCommand } from "../support/server-command.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

beforeAll(cryptoReady);

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function temporaryFolder(): string {
  const folder = createTemporaryFolder();
  cleanUps.push(folder.discard);
  return folder.path;
}

/** A server with an account that appends until it is told to stop. */
async function busyServer(folder: string) {
  const server = await startServer(join(folder, "data"), ["--rate-factor", "1000"]);
  const world = await registerWorld(server.origin, "backup", "ann");
  const client = await connectSignedIn(server.origin, world);
  const logId = await createAccountLog(client, world);
  const writer = createWriter(logId, world.random.bytes(32));
  await client.call(openRequest(client, 1, logId, { writer }));
  let isWriting = true;
  let accepted = 0;
  const append = async (): Promise<void> => {
    const entries = Array.from({ length: 20 }, () =>
      nextEntry(writer, world.random.bytes(2_000), { epoch: 1 }),
    );
    const answer = await client.call({ type: "append", channel: 1, entries, admission: null });
    if (answer.type !== "appended") throw new Error(JSON.stringify(answer));
    accepted += answer.results.filter(({ type }) => type === "accepted").length;
  };
  const writing = (async () => {
    while (isWriting) await append();
  })();
  return {
    server,
    world,
    logId,
    count: () => accepted,
    append,
    stopWriting: async () => {
      isWriting = false;
      await writing;
    },
  };
}

test("a backup is made while the server is written to, and holds all that was acknowledged before", {
  timeout: 240_000,
}, async () => {
  const folder = temporaryFolder();
  const file = join(folder, "dovetail.backup");
  const busy = await busyServer(folder);
  await expect.poll(busy.count, { timeout: 20_000 }).toBeGreaterThan(200);
  const before = busy.count();
  const made = await runServerCommand(["backup", file, "--data", join(folder, "data"), "--json"]);
  expect(made).toMatchObject({ exitCode: 0, stderr: "" });
  const after = busy.count();
  expect(after, "it was written to meanwhile").toBeGreaterThan(before);
  const report: { readonly entries: number; readonly accounts: number; readonly sha256: string } = JSON.parse(
    made.stdout,
  );
  expect(report.accounts).toBe(1);
  expect(report.entries).toBeGreaterThanOrEqual(before);
  expect(report.entries).toBeLessThanOrEqual(after + 20);
  expect(readFileSync(`${file}.sha256`, "utf8")).toBe(`${report.sha256}  dovetail.backup\n`);
  if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(existsSync(`${file}.partial`)).toBe(false);
  await busy.stopWriting();
  await busy.append();

  // It is checked without a change, and goes into a folder of its own.
  expect(await runServerCommand(["restore", file, "--verify"])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/is whole: 1 accounts/),
  });
  const elsewhere = join(folder, "elsewhere");
  expect(await runServerCommand(["restore", file, "--data", elsewhere])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/the server went back/),
  });
  const restored = await startServer(elsewhere);
  cleanUps.push(() => restored.stop());
  const client = await connectSignedIn(restored.origin, busy.world);
  const heads = await client.call({ type: "heads", logIds: [busy.logId] });
  expect(heads).toMatchObject({ heads: [{ head: { seq: report.entries } }] });

  // A running server's data is not replaced, and a present database only when asked for.
  const restore = (...args: readonly string[]) =>
    runServerCommand(["restore", file, "--data", join(folder, "data"), ...args]);
  expect(await restore("--replace")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/a server runs/),
  });
  expect(await busy.server.stop()).toBe(0);
  // What is hashed is whole too.
  expect(await runServerCommand(["check", "--data", join(folder, "data")])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/whole: 1 accounts/),
  });
  expect(await restore()).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/--replace/) });
  expect(await restore("--replace")).toMatchObject({ exitCode: 0 });
  // A second one of the stopped server, over the restored data.
  const again = await runServerCommand([
    "backup",
    join(folder, "second"),
    "--data",
    join(folder, "data"),
    "--json",
  ]);
  expect(JSON.parse(again.stdout)).toMatchObject({ entries: report.entries });
});

test("a backup that was changed, cut short or is none is not put in place", {
  timeout: 240_000,
}, async () => {
  const folder = temporaryFolder();
  const file = join(folder, "dovetail.backup");
  const busy = await busyServer(folder);
  await expect.poll(busy.count, { timeout: 20_000 }).toBeGreaterThan(20);
  await busy.stopWriting();
  const data = ["--data", join(folder, "data")];
  expect(await runServerCommand(["backup", file, ...data])).toMatchObject({ exitCode: 0 });
  expect(await runServerCommand(["backup", file, ...data])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/exists/),
  });
  expect(await runServerCommand(["backup", join(folder, "none", "file"), ...data])).toMatchObject({
    exitCode: 1,
  });
  expect(await busy.server.stop()).toBe(0);

  const target = join(folder, "target");
  const attempt = async (name: string, bytes: Uint8Array, hashed: boolean) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    if (hashed) writeFileSync(`${path}.sha256`, readFileSync(`${file}.sha256`));
    const end = await runServerCommand(["restore", path, "--data", target]);
    expect(existsSync(join(target, "server.sqlite"))).toBe(false);
    return end;
  };
  const whole = readFileSync(file);
  const flipped = new Uint8Array(whole);
  const middle = Math.floor(flipped.length / 2);
  flipped[middle] = (flipped[middle] ?? 0) ^ 1;
  expect(await attempt("flipped", flipped, true)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/SHA-256/),
  });
  expect(await attempt("short", whole.subarray(0, 8_192), false)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/damaged/),
  });
  expect(await attempt("text", new TextEncoder().encode("no database at all"), false)).toMatchObject({
    exitCode: 1,
  });
  expect(await runServerCommand(["restore", join(folder, "absent"), "--data", target])).toMatchObject({
    exitCode: 1,
  });
});
