/** Two devices with nothing but the command line and each other: real processes, real sockets, the server stopped. */
import { createConnection, createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliWorld, type RunningCommand } from "../support/cli-process.ts";
import { startTcpTap } from "../support/tcp-tap.ts";

let world: CliWorld;
beforeAll(async () => {
  world = await createCliWorld();
  for (const [profile, name] of [
    ["laptop", "Ada"],
    ["ben", "Ben"],
  ] as const)
    await json(profile, "account", "create", "--server", world.origin, "--name", name, "--device", "laptop");
  await link("laptop", "phone");
  const { link: benLink } = await json("ben", "contact", "link");
  await json("laptop", "contact", "add", `${benLink}`, "--name", "Ben");
  await json("ben", "sync");
  await json("ben", "contact", "accept", "Ada");
  await json("laptop", "sync");
  await json("phone", "sync");
}, 240_000);
afterAll(() => world.close());

/** In this process, which is not the one that has a served profile: a start costs more than the command. */
async function json(profile: string, ...args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const end = await runHere(world.home, profile, ["--json", ...args]);
  expect(`${end.exitCode} ${end.stderr}`).toBe("0 ");
  return JSON.parse(end.stdout);
}

async function link(existing: string, added: string): Promise<void> {
  const host = world.start(existing, ["device", "link", "--json"]);
  const { code } = JSON.parse(await host.line((line) => line.includes("dovetail-link:")));
  const guest = world.start(added, ["account", "link", code, "--yes", "--json", "--device", added]);
  const { digits } = JSON.parse(await guest.line((line) => line.includes("digits")));
  host.type(`${digits}\n`);
  const [shown, joined] = await Promise.all([host.end, guest.end]);
  expect(`${shown.exitCode} ${shown.stderr} ${joined.exitCode} ${joined.stderr}`).toBe("0  0 ");
}

async function listen(
  profile: string,
): Promise<{ readonly running: RunningCommand; readonly address: string }> {
  const running = world.start(profile, ["device", "direct", "--listen", "127.0.0.1:0", "--json"], true);
  const { addresses } = JSON.parse(await running.line((line) => line.includes("addresses")));
  return { running, address: addresses[0] };
}

async function endListening({ running }: { readonly running: RunningCommand }): Promise<void> {
  running.signal("SIGINT");
  expect((await running.end).exitCode).toBe(0);
}

const textsOf = async (profile: string) =>
  (await runHere(world.home, profile, ["inbox", "show", "Ben"])).stdout;

test("edits and messages of both are on both, and go to the server and to others later", {
  timeout: 180_000,
}, async () => {
  await world.stopServer();
  await json("laptop", "send", "Ben", "written on the laptop");
  await json("phone", "send", "Ben", "written on the phone");
  await json("phone", "tag", "add", "from the phone");
  const listening = await listen("laptop");
  const dialled = await json("phone", "device", "direct", "--peer", listening.address);
  expect(dialled).toMatchObject({ direct: { receivedDocuments: 1 } });
  await listening.running.line((line) => line.includes('"left"'));
  await endListening(listening);
  for (const profile of ["laptop", "phone"]) {
    expect(await textsOf(profile)).toContain("written on the laptop");
    expect(await textsOf(profile)).toContain("written on the phone");
  }
  const offline = await Promise.all(["laptop", "phone"].map((one) => json(one, "verify", "--offline")));
  expect(offline[0]).toEqual(offline[1]);
  await world.startServer();
  for (const profile of ["laptop", "phone", "laptop"]) await json(profile, "sync");
  await json("ben", "sync");
  const atBen = (await world.run("ben", ["inbox", "show", "Ada"])).stdout;
  expect(atBen.match(/written on the/g)).toHaveLength(2);
  expect(await json("laptop", "tag", "list")).toMatchObject({ tags: [{ name: "from the phone" }] });
  const online = await Promise.all(["laptop", "phone"].map((one) => json(one, "verify", "--offline")));
  expect(online[0]).toEqual(online[1]);
});

test("another account's device and a stranger are refused and told nothing", {
  timeout: 120_000,
}, async () => {
  const listening = await listen("laptop");
  const ben = await world.run("ben", ["device", "direct", "--peer", listening.address]);
  expect(ben.exitCode).toBe(7);
  expect(ben.stderr).toContain("not a device of this account");
  await listening.running.line((line) => line.includes('"refused"') && line.includes("DirectStranger"));
  const heard = await new Promise<Buffer[]>((resolve) => {
    const parts: Buffer[] = [];
    const [host = "", port = ""] = listening.address.split(":");
    const socket = createConnection({ host, port: Number(port) }, () => socket.end("GET / HTTP/1.1\r\n\r\n"));
    socket.on("data", (part) => parts.push(part));
    socket.on("close", () => resolve(parts));
  });
  expect(heard).toEqual([]);
  await endListening(listening);
});

test("who replays what two devices have said gets nowhere, on either side", {
  timeout: 120_000,
}, async () => {
  const listening = await listen("laptop");
  const [host = "", port = ""] = listening.address.split(":");
  const said = { up: [] as Buffer[], down: [] as Buffer[] };
  const middle = await startTcpTap(Number(port), () => ({
    sent: (part) => said.up.push(part),
    received: (part) => said.down.push(part),
  }));
  await json("phone", "device", "direct", "--peer", `127.0.0.1:${middle.port}`);
  expect(Buffer.concat(said.up).length).toBeGreaterThan(1_000);
  // To the listener, everything the phone said; nothing of it is a proof in another connection.
  await listening.running.line((line) => line.includes('"left"'));
  await middle.close();
  const replayed = createConnection({ host, port: Number(port) });
  replayed.on("error", () => {});
  replayed.write(Buffer.concat(said.up));
  await listening.running.line((line) => line.includes('"refused"') && line.includes("DirectStranger"));
  replayed.destroy();
  await endListening(listening);
  // To the dialler, everything the laptop said.
  const echo = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(Buffer.concat(said.down));
  });
  const echoPort = await listenOn(echo);
  const fooled = await world.run("phone", ["device", "direct", "--peer", `127.0.0.1:${echoPort}`]);
  expect([fooled.exitCode, fooled.stderr]).toEqual([
    7,
    expect.stringContaining("not a device of this account"),
  ]);
  echo.close();
});

function listenOn(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
    }),
  );
}

test("a revoked device is refused by name; what goes through a serving process works too", {
  timeout: 180_000,
}, async () => {
  const watching = world.start("laptop", ["sync", "--watch", "--json"], true);
  await watching.line((line) => line.includes('"online"'));
  const listening = await listen("laptop");
  expect(await json("phone", "device", "direct", "--peer", listening.address)).toMatchObject({ direct: {} });
  await watching.line((line) => line.includes('"direct"') && line.includes('"equal"'));
  await endListening(listening);
  watching.signal("SIGINT");
  await watching.end;
  await json("laptop", "device", "revoke", "phone", "--yes");
  const again = await listen("laptop");
  const refused = await world.run("phone", ["device", "direct", "--peer", again.address]);
  expect(refused.exitCode).toBe(7);
  expect(refused.stderr).toContain("does not talk to this one: one of the two is revoked");
  await again.running.line((line) => line.includes('"refused"') && line.includes("revoked-device"));
  await endListening(again);
});

test("wrong use is said with what to do", async () => {
  const neither = await world.run("laptop", ["device", "direct"]);
  expect(neither).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("one of --listen and --peer"),
  });
  const nobody = await world.run("laptop", ["device", "direct", "--peer", "127.0.0.1:1"]);
  expect(nobody).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining("dovetail device direct --listen"),
  });
});
