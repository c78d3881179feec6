/** `npm run crash`: kills, fills and bends what is real (processes, disks, stored bytes), and says what came of it. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { flipBits, makeUsedDatabase } from "./flip-bits.ts";
import { fillDisk, mountDisk, unmountDisk } from "./full-disk.ts";
import { killClients } from "./kill-clients.ts";
import { fillServer, killServers } from "./kill-servers.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { engineReady } from "../support/client-world.ts";
import { startServer } from "../support/server-process.ts";
import { recordStates, verifyState } from "./crash-points.ts";
import { ACCOUNT_STORIES } from "./refused/account-stories.ts";
import { CONTACT_STORIES } from "./refused/contact-stories.ts";
import { HISTORY_STORIES } from "./refused/history-stories.ts";
import { LINKING_STORIES } from "./refused/linking-stories.ts";
import { ROOM_STORIES } from "./refused/room-stories.ts";
import { killAtEachWrite } from "./server-paths/kill-each-write.ts";
import { SERVER_PATHS } from "./server-paths/server-paths.ts";

const REFUSED_STORIES = [
  ...[...CONTACT_STORIES, ...ACCOUNT_STORIES],
  ...[...HISTORY_STORIES, ...LINKING_STORIES, ...ROOM_STORIES],
];

const HELP = `Kills, fills and bends what is real, and says what came of it.

Usage: npm run crash -- SUITE… [options]

  points       a crash before every write of two people and their server
  servers      kill -9 of the server under load, over a filled database
  clients      kill -9 of commands that send
  paths        a kill at each write of what takes a server many: restore, backup, a log begun anew, an account put
               back or deleted, trimming, a room's keys
  refused      every write of a client's disk refused once, and all from it on, while it does this and that
  full-disk    a disk that fills under the server, and under a profile (as root: it mounts one)
  bits         one bit in every 64-byte block of a server's database

  --every N    points, bits: only every N-th                         (1)
  --kills N    servers, clients: how many                            (1000)
  --records N  servers: what the database holds before               (1000000)
  --story WORD refused, paths: only those whose name holds it
  --help

The exit code is 1 when anything was lost, doubled, half there or wrong.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    every: { type: "string", default: "1" },
    kills: { type: "string", default: "1000" },
    records: { type: "string", default: "1000000" },
    story: { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});

const SUITES: Readonly<Record<string, (folder: string) => Promise<boolean>>> = {
  points,
  servers,
  clients,
  bits,
  refused,
  paths,
  "full-disk": fullDisk,
};
const unknown = positionals.filter((name) => !Object.hasOwn(SUITES, name));
if (values.help || positionals.length === 0 || unknown.length > 0) {
  process.stdout.write(HELP);
  process.exitCode = values.help ? 0 : 2;
} else {
  for (const name of positionals) {
    const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dovetail-crash-"));
    try {
      if ((await SUITES[name]?.(folder)) !== true) process.exitCode = 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  // Devices that were cut off have timers which nobody ends.
  process.exit();
}

async function points(folder: string): Promise<boolean> {
  const startedAtMs = performance.now();
  const recording = recordStates(folder, Number(values.every));
  let broken = 0;
  for (const number of recording.kept) {
    const found = await verifyState(folder, recording, number);
    for (const what of found) print(`before effect ${number}: ${what}`);
    broken += found.length > 0 ? 1 : 0;
  }
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0);
  print(
    `${recording.effects} effects, ${recording.kept.length} states opened, ${broken} not whole (${seconds} s)`,
  );
  return broken === 0;
}

async function servers(folder: string): Promise<boolean> {
  const [kills, records] = [Number(values.kills), Number(values.records)];
  await fillServer(folder, records);
  const report = await killServers(folder, { kills, records }, progress(kills));
  const { servingMs, servingCpuMs, acknowledged, duplicates } = report;
  const at = (ms: readonly number[], share: number): string =>
    `${(ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? 0).toFixed(0)} ms`;
  print(
    `${kills} kills over ${records.toLocaleString("en")} records: ${acknowledged.toLocaleString("en")} acknowledged, none lost, no seq used twice`,
  );
  print(`${duplicates} answers were lost after their commit, and known when they were sent again`);
  print(
    `from the start of the process to a sign-in: half ${at(servingMs, 0.5)}, 99 of 100 ${at(servingMs, 0.99)}, longest ${at(servingMs, 1)}; processor time ${at(servingCpuMs, 0.5)}, longest ${at(servingCpuMs, 1)}`,
  );
  return true;
}

async function clients(): Promise<boolean> {
  const kills = Number(values.kills);
  const { ended, confirmed, keptUnsaid, broken } = await killClients(kills, progress(kills));
  for (const what of broken) print(what);
  print(
    `${kills} commands, ${kills - ended} killed before their end; ${confirmed} confirmed, ${keptUnsaid} kept without having said so, ${broken.length} promises broken`,
  );
  return broken.length === 0;
}

async function refused(folder: string): Promise<boolean> {
  await engineReady();
  const server = await startServer(folder, ["--rate-factor", "1000", "--work-bits", "4", "--memory"]);
  let isWhole = true;
  try {
    for (const { name, play } of REFUSED_STORIES.filter((story) => story.name.includes(values.story))) {
      const { played, broken } = await play(server.origin, true);
      for (const what of broken) print(`  ${what}`);
      print(`${name}: ${played} times, ${broken.length} promises broken`);
      isWhole &&= broken.length === 0;
    }
  } finally {
    await server.stop();
  }
  return isWhole;
}

async function paths(folder: string): Promise<boolean> {
  await cryptoReady();
  let isWhole = true;
  for (const [at, path] of SERVER_PATHS.map((make) => make()).entries()) {
    if (!path.name.includes(values.story)) continue;
    const place = join(folder, `path-${at}`);
    const { effects, states, broken } = await killAtEachWrite(place, path, { isLong: true });
    for (const what of broken) print(`  ${what}`);
    print(`${path.name}: ${effects} effects, ${states} states opened, ${broken.length} promises broken`);
    isWhole &&= broken.length === 0;
    rmSync(place, { recursive: true });
  }
  return isWhole;
}

async function bits(folder: string): Promise<boolean> {
  const { blocks, found, harmless, unnoticed } = flipBits(
    await makeUsedDatabase(folder),
    Number(values.every),
  );
  print(`${blocks} bits flipped: ${found} found by the check, ${harmless} without effect on any value`);
  for (const [column, count] of [...unnoticed].sort(([, a], [, b]) => b - a))
    print(
      `  ${String(count).padStart(5)}  ${column} is other than it was, and nothing in the database tells`,
    );
  return true;
}

async function fullDisk(folder: string): Promise<boolean> {
  let isWhole = true;
  for (const part of ["server", "ada"] as const) {
    const world = join(folder, part);
    const disk = join(world, part);
    if (!mountDisk(disk)) {
      print("only root may mount the small disk this needs");
      return false;
    }
    try {
      const { refusals, confirmed, broken } = await fillDisk(world, part);
      for (const what of broken) print(what);
      print(
        `${part}: ${confirmed} messages confirmed, then ${refusals.join(", ")}; with room again ${broken.length} promises broken`,
      );
      isWhole &&= broken.length === 0 && refusals.length > 0;
    } finally {
      unmountDisk(disk);
    }
  }
  return isWhole;
}

function progress(count: number): (done: number) => void {
  return (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${count} `);
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
