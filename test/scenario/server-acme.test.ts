/** A server that has its certificate made by an authority over ACME: a real one for tests, as a real server process asks it. */
import { readFileSync, statSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { present } from "../../core/base/assert.ts";
import { findPebble } from "../../tools/pebble.ts";
import { ROOT } from "../support/checkout.ts";
import { createCliWorld } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";
import { type PebbleAuthority, startPebble } from "../support/pebble-authority.ts";
import { runServerCommand } from "../support/server-command.ts";
import { startServer } from "../support/server-process.ts";
import { startProgram } from "../support/start-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { hasOpenSsl } from "../support/test-certificate.ts";

const isPossible = findPebble() !== null && hasOpenSsl();
if (!isPossible)
  console.log("note: there is no pebble or no openssl here, so no certificate was asked for over ACME");

const folder = createTemporaryFolder();
let authority: PebbleAuthority | null = null;
beforeAll(async () => {
  if (!isPossible) return;
  authority = await startPebble(folder.path);
  // Servers that are started here trust the authority's own address.
  vi.stubEnv("NODE_EXTRA_CA_CERTS", authority.ownCertificate);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await authority?.stop();
  folder.discard();
});

function pebble(): PebbleAuthority {
  return present(authority, "it was started");
}

/** What a server with `data` is told: its certificate is for `localhost`. */
function acmeArgs(port: number, { directoryUrl, challengePort } = pebble()): readonly string[] {
  return [
    ...["--port", String(port), "--origin", `https://localhost:${port}`, "--open", "--tls"],
    ...["--acme", directoryUrl, "--acme-listen", `127.0.0.1:${challengePort}`],
  ];
}

describe.skipIf(!isPossible)("a server with an authority", () => {
  test("has a certificate made, serves with it, and has it after a restart", async () => {
    const data = join(folder.path, "data");
    const port = await freePort();
    const start = () => startServer(data, acmeArgs(port));
    const server = await start();
    expect(pebble().issuedCount()).toBe(1);

    const world = await createCliWorld({ NODE_EXTRA_CA_CERTS: pebble().rootCertificate });
    const create = ["account", "create", "--server", server.origin, "--handle", "ada", "--name", "Ada"];
    expect(await world.run("ada", create)).toMatchObject({ exitCode: 0 });
    await world.close();

    // Who asks for no challenge is sent to the address, without what they asked for.
    const clear = `http://127.0.0.1:${pebble().challengePort}`;
    const sent = await fetch(`${clear}/somewhere?else`, { redirect: "manual" });
    expect([sent.status, sent.headers.get("location")]).toEqual([308, `${server.origin}/`]);
    expect((await fetch(`${clear}/.well-known/acme-challenge/unknown`)).status).toBe(404);
    expect((await fetch(clear, { method: "POST", body: "text" })).status).toBe(405);

    const path = join(data, "tls", "certificate.pem");
    const held = readFileSync(path, "utf8");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, "tls", "acme-account.pem")).mode & 0o777).toBe(0o600);
    for (const line of held.split("\n").filter((each) => each.length > 20))
      expect(server.log()).not.toContain(line);
    expect(await server.stop()).toBe(0);

    const again = await start();
    expect(pebble().issuedCount()).toBe(1);
    expect(readFileSync(path, "utf8")).toBe(held);
    expect(await again.stop()).toBe(0);

    const checked = await runServerCommand(["check", "--data", data, ...acmeArgs(port)]);
    expect(checked).toMatchObject({ exitCode: 0 });
    expect(checked.stdout).toMatch(/ok +key .*\n(.*\n)*ok +certificate +valid until/);
  });

  test("says why it has none and what to do, goes on asking, and serves nothing", async () => {
    const port = await freePort();
    const elsewhere = { ...pebble(), challengePort: await freePort() };
    const absent = { ...elsewhere, directoryUrl: `https://localhost:${await freePort()}/dir` };
    const say = async (args: readonly string[], name: string): Promise<string> => {
      const child = startProgram(
        join(ROOT, "sync-server", "main.ts"),
        ["start", "--data", join(folder.path, name), ...args],
        {
          cwd: ROOT,
        },
      );
      let said = "";
      await new Promise<void>((resolve, reject) => {
        child.once("exit", () => reject(new Error(`it ended: ${said}`)));
        for (const stream of [child.stdout, child.stderr])
          present(stream, "it is a pipe")
            .setEncoding("utf8")
            .on("data", (part: string) => {
              said += part;
              if (/tried again|retryMs/.test(said)) resolve();
            });
      });
      child.removeAllListeners("exit");
      await expect(fetch(`https://localhost:${port}/health`)).rejects.toThrow();
      child.kill("SIGTERM");
      await once(child, "exit");
      return said;
    };
    // The authority asks at a port where nobody is; there is no authority.
    const [refused, unreachable] = await Promise.all([
      say(acmeArgs(port, elsewhere), "refused"),
      say(acmeArgs(port, { ...absent, challengePort: await freePort() }), "unreachable"),
    ]);
    expect(refused).toMatch(/error: the certificate authority gave no certificate: .*refused/);
    expect(refused).toMatch(/hint: every --origin must lead to this machine.* tried again in 5m/);
    const told = await say(
      [...acmeArgs(port, { ...absent, challengePort: await freePort() }), "--json"],
      "told",
    );
    const events = told.split("\n").flatMap((line) => (line.startsWith('{"event') ? [JSON.parse(line)] : []));
    expect(events).toMatchObject([
      { event: "certificate-not-issued", text: expect.stringContaining("ECONNREFUSED"), retryMs: 300_000 },
    ]);
    expect(unreachable).toMatch(/error: the certificate authority cannot be reached \(ECONNREFUSED\)/);
  });

  test("ends at once when it cannot listen where the authority asks", async () => {
    const taken = await freePort();
    const holder = await startServer(join(folder.path, "holder"), ["--port", String(taken)]);
    const port = await freePort();
    const args = acmeArgs(port, { ...pebble(), challengePort: taken });
    expect(await runServerCommand(["start", "--data", join(folder.path, "busy"), ...args])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/cannot listen on port \d+ \(EADDRINUSE\)[\s\S]*--acme-listen/),
    });
    await holder.stop();
  });

  test("ends when it cannot listen where it serves, or where its figures are", async () => {
    const taken = await freePort();
    const holder = await startServer(join(folder.path, "holds"), ["--port", String(taken)]);
    const data = join(folder.path, "certified");
    // Nobody is where the environment has a proxy: it is asked for nothing.
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${await freePort()}`);
    const certified = await startServer(data, acmeArgs(await freePort()));
    expect(await certified.stop()).toBe(0);
    const start = (...args: readonly string[]) => runServerCommand(["start", "--data", data, ...args]);
    expect(await start(...acmeArgs(taken))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/cannot listen on port \d+ \(EADDRINUSE\)[\s\S]*--port/),
    });
    expect(
      await start(...acmeArgs(await freePort()), "--metrics-listen", `127.0.0.1:${taken}`),
    ).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/cannot serve metrics on port \d+ \(EADDRINUSE\)/),
    });
    await holder.stop();
  });
});
