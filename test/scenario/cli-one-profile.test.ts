/** One profile, several processes: the first has it open, the others are served by it or told who it is. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Client, openClient, serveClient } from "@dovetail/core";
import { createNodePlatform } from "../../cli/platform/node-platform.ts";
import { prepareEngine } from "../../cli/platform/prepare-engine.ts";
import { openProfile } from "../../cli/platform/profile-folder.ts";
import { listenInProfile } from "../../cli/platform/profile-socket.ts";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliWorld, type RunningCommand } from "../support/cli-process.ts";
import { good } from "../support/client-world.ts";

let world: CliWorld;
let watching: RunningCommand;
beforeAll(async () => {
  world = await createCliWorld();
  for (const [profile, name] of [
    ["ada", "Ada"],
    ["ben", "Ben"],
  ] as const)
    await json(profile, "account", "create", "--server", world.origin, "--name", name, "--device", "laptop");
  const { link } = await json("ada", "contact", "link");
  await json("ben", "contact", "add", `${link}`, "--name", "Ada");
  await json("ada", "sync");
  await json("ada", "contact", "accept", "Ben");
  await json("ben", "sync");
}, 240_000);
afterAll(() => world.close());

/** In this process, which is not the one that has a served profile: a start costs more than the command. */
async function json(profile: string, ...args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const end = await runHere(world.home, profile, ["--json", ...args]);
  expect(`${end.exitCode} ${end.stderr}`).toBe("0 ");
  return JSON.parse(end.stdout);
}

async function startWatching(profile: string): Promise<RunningCommand> {
  const started = world.start(profile, ["sync", "--watch", "--json"], true);
  await started.line((line) => line.includes('"online"'));
  return started;
}

const folderOf = (profile: string) => join(world.home, "profiles", profile);

test("every command works while another process has the profile, and both see the same", {
  timeout: 300_000,
}, async () => {
  watching = await startWatching("ben");
  expect(await json("ben", "send", "Ada", "served")).toMatchObject({ sync: { server: "reached" } });
  await watching.line((line) => line.includes('"connection"'));
  await json("ada", "sync");
  await json("ada", "send", "Ben", "to the one who watches");
  const line = JSON.parse(await watching.line((text) => text.includes("to the one who watches")));
  expect(line).toMatchObject({ event: { type: "message" } });
  const shown = await world.run("ben", ["inbox", "show", "Ada"]);
  expect(shown.stdout).toContain("to the one who watches");
  await json("ben", "tag", "add", "friends");
  expect(await json("ben", "tag", "list")).toMatchObject({ tags: [{ name: "friends" }] });
  expect(await json("ben", "status")).toMatchObject({ profile: "ben", server: "reached" });
  expect(await json("ben", "daemon", "status")).toMatchObject({
    daemon: { isRunning: true, state: "online" },
  });
  const second = await startWatching("ben");
  await json("ada", "send", "Ben", "to both who watch");
  await Promise.all([watching, second].map((one) => one.line((text) => text.includes("to both who watch"))));
  second.signal("SIGINT");
  expect((await second.end).exitCode).toBe(0);
});

test("a device is linked through the process that has the profile", { timeout: 180_000 }, async () => {
  const host = world.start("ben", ["device", "link", "--json"]);
  const { code } = JSON.parse(await host.line((text) => text.includes("dovetail-link:")));
  const guest = world.start("ben-phone", ["account", "link", code, "--yes", "--json", "--device", "phone"]);
  const { digits } = JSON.parse(await guest.line((text) => text.includes("digits")));
  host.type(`${digits}\n`);
  const [shown, joined] = await Promise.all([host.end, guest.end]);
  expect(`${shown.exitCode} ${shown.stderr} ${joined.exitCode} ${joined.stderr}`).toBe("0  0 ");
  expect((await json("ben", "device", "list")).devices).toHaveLength(2);
  await json("ben", "send", "Ada", "from one of two devices");
  const told = await runHere(world.home, "ada", ["sync"]);
  expect(`${told.stdout}${told.stderr}`).toContain("Ben linked a new device");
  const again = await runHere(world.home, "ada", ["sync"]);
  expect(`${again.stdout}${again.stderr}`).not.toContain("new device");
});

test("the socket is for this user alone, and goes with its process", { timeout: 120_000 }, async () => {
  const owner = JSON.parse(readFileSync(join(folderOf("ben"), "owner"), "utf8"));
  expect(statSync(owner.socket).mode & 0o777).toBe(0o600);
  expect(statSync(join(owner.socket, "..")).mode & 0o777).toBe(0o700);
  watching.signal("SIGINT");
  expect((await watching.end).exitCode).toBe(0);
  expect(existsSync(owner.socket)).toBe(false);
  expect(await json("ben", "send", "Ada", "opened here again")).toMatchObject({
    sync: { server: "reached" },
  });
});

test("a process that was killed leaves nothing in the way", { timeout: 180_000 }, async () => {
  const first = await startWatching("ben");
  const owner = JSON.parse(readFileSync(join(folderOf("ben"), "owner"), "utf8"));
  process.kill(owner.pid, "SIGKILL");
  await first.end;
  expect(existsSync(owner.socket)).toBe(true);
  await json("ben", "send", "Ada", "after a crash");
  expect(existsSync(owner.socket)).toBe(false);
});

/** Holds ben's profile in this process and serves it; `send` ends everything before or after it has kept the message. */
async function serveAndEnd(isKept: boolean): Promise<void> {
  await prepareEngine();
  const profile = good(await openProfile({ name: "ben", home: world.home }, { create: false }));
  const client = good(await openClient(good(createNodePlatform(profile))));
  if (client === null) throw new Error("the profile has an account");
  const dying: Client = {
    ...client,
    send: async (...args) => {
      if (isKept) good(await client.send(...args));
      await client.stop();
      profile.release();
      socket?.close();
      return new Promise(() => {});
    },
  };
  const socket = await listenInProfile(profile.folder, (port) => {
    serveClient(port, dying, { onFault: () => {} });
  });
  profile.announce(socket?.path ?? null);
}

test("when the owner ends in the middle of a send, it is told that the message is kept", {
  timeout: 120_000,
}, async () => {
  await serveAndEnd(true);
  const end = await world.run("ben", ["send", "Ada", "kept in time"]);
  expect(end.stderr).toMatch(/ended in the middle. The message is kept; it goes with `dovetail sync`/);
  expect(end.exitCode).toBe(0);
  await json("ben", "sync");
  await json("ada", "sync");
  expect((await world.run("ada", ["inbox", "show", "Ben"])).stdout).toContain("kept in time");
});

test("and when it is not kept, that too", { timeout: 120_000 }, async () => {
  await serveAndEnd(false);
  const end = await world.run("ben", ["send", "Ada", "never kept"]);
  expect(end).toMatchObject({ exitCode: 1, stdout: "" });
  expect(end.stderr).toMatch(/ended before it kept the message; nothing was sent/);
  expect((await world.run("ben", ["inbox", "show", "Ada"])).stdout).not.toContain("never kept");
});

test("an owner of another version is named, and what it serves is not touched", {
  timeout: 120_000,
}, async () => {
  const profile = good(await openProfile({ name: "ben", home: world.home }, { create: false }));
  const socket = await listenInProfile(profile.folder, (port) => {
    port.listen({ onMessage: () => port.send({ type: "refused", why: "version" }), onClose: () => {} });
  });
  profile.announce(socket?.path ?? null);
  const end = await world.run("ben", ["inbox"]);
  expect(end.exitCode).toBe(6);
  expect(end.stderr).toContain(`process ${process.pid} has profile ben open and is of another version`);
  expect(end.stderr).toContain("dovetail daemon stop");
  profile.announce(null);
  socket?.close();
  expect((await world.run("ben", ["inbox"])).stderr).toContain(`process ${process.pid}, since`);
  profile.release();
});

test("a daemon starts in the background with a locked profile's passphrase, guards linking, and stops", {
  timeout: 300_000,
}, async () => {
  const locked = await world.run("ben", ["lock", "set", "--new-passphrase-fd", "0"], "correct horse\n");
  expect(locked.exitCode).toBe(0);
  const wrong = await world.run("ben", ["daemon", "start", "--passphrase-fd", "0"], "wrong\n");
  expect(wrong.exitCode).toBe(10);
  const logFile = join(world.home, "lines.log");
  const started = await world.run(
    "ben",
    ["daemon", "start", "--json", "--passphrase-fd", "0", "--log-file", logFile, "--log-format", "json"],
    "correct horse\n",
  );
  expect(`${started.exitCode} ${started.stderr}`).toBe("0 ");
  expect(JSON.parse(started.stdout)).toMatchObject({ daemon: { isRunning: true } });
  // Asked for no passphrase: it is served. For what gives access away it is asked all the same.
  await json("ben", "send", "Ada", "through the daemon");
  expect((await world.run("ben", ["device", "link"])).exitCode).toBe(10);
  expect((await world.run("ben", ["device", "revoke", "phone", "--yes"])).exitCode).toBe(10);
  await json("ben", "daemon", "stop");
  expect((await world.run("ben", ["daemon", "status"])).exitCode).toBe(5);
  expect((await world.run("ben", ["inbox"])).exitCode).toBe(10);
  expect(statSync(logFile).mode & 0o777).toBe(0o600);
  const lines = readFileSync(logFile, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).not.toEqual([]);
  expect(lines.join()).not.toMatch(/correct horse|through the daemon|Ada/);
});

test("lines that cannot be written are said before anything starts", async () => {
  const nowhere = join(world.home, "no such folder", "lines.log");
  const refused = await runHere(world.home, "ben-phone", ["daemon", "start", "--log-file", nowhere]);
  expect(refused).toMatchObject({
    exitCode: 9,
    stderr: expect.stringContaining("cannot be written (ENOENT)"),
  });
  expect((await runHere(world.home, "ben-phone", ["daemon", "status"])).exitCode).toBe(5);
});

test("a daemon on a device that was revoked does not stay, and says so", { timeout: 120_000 }, async () => {
  const revoked = await world.run(
    "ben",
    ["device", "revoke", "phone", "--yes", "--passphrase-fd", "0"],
    "correct horse\n",
  );
  expect(`${revoked.exitCode} ${revoked.stderr}`).toMatch(/^0 /);
  const started = await world.run("ben-phone", ["daemon", "start"]);
  // It waits a while for what the server says, not for ever: on a machine that is too busy it ends a little later.
  expect(started.exitCode === 0 || started.stderr.includes("takes nothing more from this device")).toBe(true);
  expect([0, 8]).toContain(started.exitCode);
  await vi.waitFor(
    async () => expect((await runHere(world.home, "ben-phone", ["daemon", "status"])).exitCode).toBe(5),
    { timeout: 60_000 },
  );
  const why = await runHere(world.home, "ben-phone", ["sync"]);
  expect(why).toMatchObject({ exitCode: 8, stderr: expect.stringContaining("this device was revoked") });
});
