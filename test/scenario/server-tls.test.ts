/** A server that speaks TLS itself: HTTPS and WSS with a certificate of the test's own, renewed while it serves. */
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect } from "node:tls";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ROOT } from "../support/checkout.ts";
import { createCliWorld } from "../support/cli-process.ts";
import { runServerCommand } from "../support/server-command.ts";
import { startServer } from "../support/server-process.ts";
import { type Runtime, startProgram, THIS_NODE } from "../support/start-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { hasDrawnQr, onTerminal, readDrawnQr, shown } from "../support/terminal-page.ts";
import { hasOpenSsl, makeCertificate } from "../support/test-certificate.ts";

const isPossible = hasOpenSsl();
if (!isPossible) console.warn("SKIPPED: there is no openssl here, so nothing was tested over TLS");

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function temporaryFolder(): string {
  const folder = createTemporaryFolder();
  cleanUps.push(folder.discard);
  return folder.path;
}

/** Name in the certificate that is served now. */
function servedName(origin: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: Number(new URL(origin).port),
      host: "127.0.0.1",
      rejectUnauthorized: false,
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      resolve(String(subject.CN));
    });
  });
}

describe.skipIf(!isPossible)("a server with a certificate", () => {
  test("is reached over HTTPS and WSS by those who trust it, and by nobody else", async () => {
    const folder = temporaryFolder();
    const { cert, key } = makeCertificate(folder, "first");
    const server = await startServer(join(folder, "data"), ["--tls", "--cert", cert, "--key", key]);
    cleanUps.push(() => server.stop());
    expect(server.origin).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const trusting = await createCliWorld({ NODE_EXTRA_CA_CERTS: cert });
    cleanUps.push(() => trusting.close());
    const distrusting = await createCliWorld();
    cleanUps.push(() => distrusting.close());
    const create = ["account", "create", "--server", server.origin, "--handle", "ada", "--name", "Ada"];
    expect(await distrusting.run("ada", create)).toMatchObject({ exitCode: 3 });
    expect(await trusting.run("ada", create)).toMatchObject({
      exitCode: 0,
      stderr: expect.not.stringContaining("error"),
    });
    // What it wrote went over WSS: nothing waits.
    const synced = await trusting.run("ada", ["sync", "--json"]);
    expect({ ...synced, stdout: JSON.parse(synced.stdout) }).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await fetchClear(server.origin)).isServed).toBe(false);
  });

  test("takes a renewed one at SIGHUP, and keeps the old when the new is broken", async () => {
    const folder = temporaryFolder();
    const [first, second] = [makeCertificate(folder, "first"), makeCertificate(folder, "second")];
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    copyFileSync(first.cert, cert);
    copyFileSync(first.key, key);
    const server = await startServer(join(folder, "data"), ["--tls", "--cert", cert, "--key", key]);
    cleanUps.push(() => server.stop());
    expect(await servedName(server.origin)).toBe("first");

    // Half of a renewal: the key does not fit yet.
    renameSync(second.cert, cert);
    process.kill(server.pid, "SIGHUP");
    await expect.poll(() => server.log()).toContain("certificate-not-taken");
    expect(await servedName(server.origin)).toBe("first");

    renameSync(second.key, key);
    process.kill(server.pid, "SIGHUP");
    await expect.poll(() => server.log()).toContain("certificate-taken");
    expect(await servedName(server.origin)).toBe("second");
    expect(server.log()).not.toContain(readFileSync(key, "utf8").split("\n")[1]);
  });

  test("behind a CDN, open, shows the address that others dial as a QR code on a terminal, and on none else", async () => {
    const folder = temporaryFolder();
    const { cert, key } = makeCertificate(folder, "origin");
    const origin = "https://chat.example";
    const start = (runtime: Runtime) => {
      const running = startProgram(
        join(ROOT, "sync-server", "main.ts"),
        [
          ...["--port", "0", "--memory", "--open", "--origin", origin, "--trust-proxy"],
          ...["--tls", "--cert", cert, "--key", key],
        ],
        { cwd: ROOT, runtime },
      );
      cleanUps.push(async () => {
        running.kill("SIGTERM");
        await once(running, "exit");
      });
      return running;
    };
    const drawn = await shown(start(onTerminal(THIS_NODE)), hasDrawnQr);
    expect(await readDrawnQr(drawn)).toBe(origin);
    const plain = start(THIS_NODE);
    expect(await shown(plain, (text) => text.includes("listening"))).not.toContain("▀");
  });

  test("does not start with files that are absent, or do not fit", async () => {
    const folder = temporaryFolder();
    const [first, second] = [makeCertificate(folder, "first"), makeCertificate(folder, "second")];
    const start = (cert: string, key: string) =>
      runServerCommand([
        "--data",
        join(folder, "data"),
        "--port",
        "0",
        "--tls",
        "--cert",
        cert,
        "--key",
        key,
      ]);
    expect(await start(join(folder, "absent"), first.key)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/cannot read .*absent \(ENOENT\)/),
    });
    expect(await start(first.cert, second.key)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/cannot be used together/),
    });
    writeFileSync(join(folder, "text"), "no certificate");
    expect(await start(join(folder, "text"), first.key)).toMatchObject({ exitCode: 1 });
  });
});

async function fetchClear(origin: string): Promise<{ readonly isServed: boolean }> {
  const answered = await fetch(`${origin.replace("https:", "http:")}/health`).catch(() => null);
  return { isServed: answered?.ok === true };
}
