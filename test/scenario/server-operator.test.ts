/** What an operator does: settings, the first owner, invitations, figures. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createCliWorld } from "../support/cli-process.ts";
import { runServerCommand } from "../support/server-command.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function temporaryFolder(): string {
  const folder = createTemporaryFolder();
  cleanUps.push(folder.discard);
  return folder.path;
}

async function serve(folder: string, args: readonly string[]): Promise<ServerProcess> {
  const server = await startServer(folder, args);
  cleanUps.push(() => server.stop());
  return server;
}

const json = async (args: readonly string[]): Promise<Record<string, unknown>> => {
  const { exitCode, stdout, stderr } = await runServerCommand([...args, "--json"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
};

describe("settings", () => {
  test("that are wrong stop the server before it does anything, all of them named", async () => {
    const folder = join(temporaryFolder(), "data");
    const { exitCode, stderr } = await runServerCommand([
      ...["--data", folder, "--port", "x", "--host", "0.0.0.0", "--bogus"],
    ]);
    expect(exitCode).toBe(2);
    expect(stderr.match(/^error: /gm)).toHaveLength(4);
    expect(stderr).toMatch(/without TLS/);
    expect(stderr).toMatch(/^hint: dovetail server start --help$/m);
    expect(existsSync(folder)).toBe(false);
  });

  test("are shown with where they came from", async () => {
    const { exitCode, stdout } = await runServerCommand(["config", "--port", "9"], {
      DOVETAIL_WORK_BITS: "7",
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^port +9 +flag$/m);
    expect(stdout).toMatch(/^work-bits +7 +DOVETAIL_WORK_BITS$/m);
    expect(stdout).toMatch(/^host +127\.0\.0\.1 +first value$/m);
  });

  test("have a help, and what is no command is refused", async () => {
    expect((await runServerCommand(["--help"])).stdout).toMatch(/invite revoke NUMBER/);
    expect(await runServerCommand(["unvite"])).toMatchObject({ exitCode: 2 });
  });
});

describe("a closed server", () => {
  test("prints an invitation for its first owner, who comes in with it, once", {
    timeout: 240_000,
  }, async () => {
    const folder = temporaryFolder();
    const server = await serve(folder, ["--closed"]);
    const line = await server.line((text) => text.includes('"invitation"'));
    const first: { readonly invitation: string; readonly link: string; readonly uses: number } =
      JSON.parse(line);
    expect(first.link).toBe(`${server.origin}/#invitation=${first.invitation}`);
    expect(first.uses).toBe(1);
    const world = await createCliWorld();
    cleanUps.push(() => world.close());
    const create = (profile: string, more: readonly string[]) =>
      world.run(profile, ["account", "create", "--server", server.origin, "--name", profile, ...more]);
    expect(await create("nobody", [])).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/by invitation only[\s\S]*--invitation/),
    });
    expect(await create("guess", ["--invitation", "0000-0000-0000-0000-0000-0000"])).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/does not know this invitation/),
    });
    expect(await create("owner", ["--invitation", first.invitation])).toMatchObject({ exitCode: 0 });
    expect(await create("second", ["--invitation", first.invitation])).toMatchObject({ exitCode: 4 });

    // While it serves, the operator makes more, sees them, and takes one back.
    const made = await json(["invite", "--data", folder, "--uses", "2"]);
    expect(made).toMatchObject({ link: expect.stringContaining(server.origin), uses: 2 });
    expect(await json(["invite", "list", "--data", folder])).toMatchObject({
      invitations: [{ number: made.number, usesLeft: 2 }],
    });
    const guest = ["--invitation", String(made.invitation)];
    // The link says which server, so it is enough.
    const link = ["account", "create", "--name", "guest", "--invitation", String(made.link)];
    expect(await world.run("guest", link)).toMatchObject({ exitCode: 0 });
    expect(await json(["invite", "revoke", String(made.number), "--data", folder])).toEqual({
      revoked: made.number,
    });
    expect(await create("late", guest)).toMatchObject({ exitCode: 4 });
    expect(await runServerCommand(["invite", "revoke", "99", "--data", folder])).toMatchObject({
      exitCode: 1,
    });
    expect(await json(["stats", "--data", folder])).toMatchObject({ accounts: 2, erasures: 0 });
    expect(server.log()).not.toContain(first.invitation);
  });

  test("is asked by its owner only, and by its database when it does not run", {
    timeout: 240_000,
  }, async () => {
    const folder = temporaryFolder();
    const server = await serve(folder, ["--closed"]);
    if (process.platform !== "win32")
      expect(statSync(join(folder, "operator.sock")).mode & 0o777).toBe(0o600);
    expect(await json(["stats", "--data", folder])).toMatchObject({ connections: 0 });
    expect(await server.stop()).toBe(0);
    expect(await json(["stats", "--data", folder])).toMatchObject({ connections: null });
    const made = await json(["invite", "--data", folder, "--expires", "1h"]);
    expect(made).toMatchObject({ link: null, uses: 1 });
    for (const wrong of [
      ["--uses", "0"],
      ["--expires", "soon"],
      ["--expires", "400d"],
    ])
      expect(await runServerCommand(["invite", "--data", folder, ...wrong]), wrong.join(" ")).toMatchObject({
        exitCode: 2,
      });
    // It has invitations that wait: none is printed again.
    const again = await serve(folder, ["--closed"]);
    expect(await json(["invite", "list", "--data", folder])).toMatchObject({
      invitations: [{ usesLeft: 1 }, { usesLeft: 1 }],
    });
    expect(await again.stop()).toBe(0);
  });
});
