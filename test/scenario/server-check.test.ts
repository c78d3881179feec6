/** `server check`: each thing that is wrong is found, and what is right is said to be. */
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { Finding } from "../../sync-server/commands/check.ts";
import { runServerCommand } from "../support/server-command.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { hasOpenSsl, makeCertificate } from "../support/test-certificate.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function temporaryFolder(): string {
  const folder = createTemporaryFolder();
  cleanUps.push(folder.discard);
  return folder.path;
}

async function check(folder: string, ...args: readonly string[]) {
  const { exitCode, stdout } = await runServerCommand(["check", "--data", folder, "--json", ...args]);
  const { findings }: { readonly findings: readonly Finding[] } = JSON.parse(stdout);
  const wrong = findings.filter(({ state }) => state !== "ok").map(({ name, state }) => `${state} ${name}`);
  return { exitCode, wrong, findings };
}

test("words that are half a command are answered with the whole ones", async () => {
  const { exitCode, stderr } = await runServerCommand(["accounts"]);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(
    /hint: dovetail server accounts delete .*, or dovetail server accounts release-handle/,
  );
});

test("a server that is well is said to be, while it runs and after", { timeout: 240_000 }, async () => {
  const folder = join(temporaryFolder(), "data");
  expect(await check(folder)).toMatchObject({ exitCode: 0, wrong: [] });
  const server = await startServer(folder);
  const running = await check(folder);
  expect(running).toMatchObject({ exitCode: 0, wrong: [] });
  expect(running.findings.find(({ name }) => name === "server")?.text).toMatch(/runs and answers/);
  await fetch(`${server.origin}/ready`);
  expect(await server.stop()).toBe(0);
  const stopped = await check(folder);
  expect(stopped).toMatchObject({ exitCode: 0, wrong: [] });
  expect(stopped.findings.some(({ text }) => /whole: 0 accounts/.test(text))).toBe(true);

  expect(await check(folder, "--open", "--origin", "https://a.example")).toMatchObject({
    exitCode: 0,
    wrong: ["warn registration"],
  });
  expect(await check(folder, "--metrics-listen", "0.0.0.0:1")).toMatchObject({ wrong: ["warn metrics"] });
  const spansTo = (url: string) => check(folder, "--trace-endpoint", url);
  expect(await spansTo("http://collector.example:4318")).toMatchObject({ wrong: ["warn spans"] });
  expect(await spansTo("https://collector.example")).toMatchObject({ wrong: [] });
  expect(await spansTo("http://[::1]:4318")).toMatchObject({ wrong: [] });

  const db = new DatabaseSync(join(folder, "server.sqlite"));
  db.exec(`UPDATE meta SET value = ${Date.now() + 3_600_000} WHERE key = 'probed_at_ms'`);
  db.close();
  expect(await check(folder)).toMatchObject({ exitCode: 1, wrong: ["fail clock"] });
  if (process.platform !== "win32") {
    chmodSync(folder, 0o755);
    expect((await check(folder)).wrong).toContain("fail data");
    chmodSync(folder, 0o700);
  }
  truncateSync(join(folder, "server.sqlite"), 8_192);
  expect((await check(folder)).wrong).toContain("fail database");
});

test.skipIf(!hasOpenSsl())(
  "a certificate that ends, or is for another name, is found",
  { timeout: 240_000 },
  async () => {
    const folder = temporaryFolder();
    const data = join(folder, "data");
    mkdirSync(data, { mode: 0o700 });
    const tls = ({ cert, key }: { readonly cert: string; readonly key: string }) => [
      "--tls",
      "--cert",
      cert,
      "--key",
      key,
    ];
    const long = makeCertificate(folder, "long", 60);
    const short = makeCertificate(folder, "short", 5);
    for (const { key } of [long, short]) chmodSync(key, 0o600);
    expect(await check(data, ...tls(long), "--origin", "https://localhost:8787")).toMatchObject({
      exitCode: 0,
      wrong: [],
    });
    expect((await check(data, ...tls(short))).wrong).toEqual(["warn certificate"]);
    expect(await check(data, ...tls(long), "--origin", "https://other.example")).toMatchObject({
      exitCode: 1,
      wrong: ["fail certificate"],
    });
    expect((await check(data, ...tls({ cert: long.cert, key: short.key }))).wrong).toEqual([
      "fail certificate",
    ]);
    chmodSync(long.key, 0o644);
    expect((await check(data, ...tls(long))).wrong).toEqual(["fail key"]);
    writeFileSync(join(data, "server.json"), "{}");
    chmodSync(join(data, "server.json"), 0o666);
    expect((await check(data)).wrong).toEqual(["fail settings"]);
  },
);
