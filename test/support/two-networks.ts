/**
 * Two networks that only a cable joins, as a server and a phone are: network namespaces of a user namespace of the test's own.
 * Nothing outside of the two reaches them, and they reach nothing outside. They go when the test's process does.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { present } from "../../core/base/assert.ts";
import { findIp } from "../../tools/network-tools.ts";

/** One side. */
export interface Network {
  readonly address: string;
  /** What starts a program there: in front of the program and its arguments. */
  readonly within: readonly string[];
  /** A file in `folder` that starts `program` there, for who can only name a file. */
  starter(folder: string, program: string): string;
}

export interface TwoNetworks {
  readonly server: Network;
  readonly phone: Network;
  close(): Promise<void>;
}

/** Of the addresses that are for documentation. */
const SERVER_ADDRESS = "192.0.2.1";
const PHONE_ADDRESS = "192.0.2.2";
const PREFIX_BITS = 24;

/** Why there can be no two networks here, or null. */
export function networksObstacle(): string | null {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (findIp() === null) return "there is no ip (iproute2)";
  const tried = spawnSync("unshare", ["--user", "--map-root-user", "--net", "true"]);
  return tried.status === 0 ? null : "this user may make no user and network namespaces";
}

/** Makes the two and lays the cable. */
export async function openTwoNetworks(): Promise<TwoNetworks> {
  const ip = present(findIp(), "networksObstacle was asked");
  const outer = await holdNamespaces(["unshare", "--user", "--map-root-user", "--net"]);
  const inServer = entering(outer);
  const inner = await holdNamespaces([...inServer, "unshare", "--net"]);
  const inPhone = entering(inner);
  const ends = { server: [inServer, SERVER_ADDRESS], phone: [inPhone, PHONE_ADDRESS] } as const;
  run([...inServer, ip, ..."link add server type veth peer name phone netns".split(" "), `${inner.pid}`]);
  for (const [name, [within, address]] of Object.entries(ends)) {
    run([...within, ip, "address", "add", `${address}/${PREFIX_BITS}`, "dev", name]);
    for (const device of ["lo", name]) run([...within, ip, "link", "set", device, "up"]);
  }
  return {
    server: networkOf(SERVER_ADDRESS, inServer),
    phone: networkOf(PHONE_ADDRESS, inPhone),
    async close() {
      for (const holder of [inner, outer]) {
        holder.stdin?.end();
        if (holder.exitCode === null) await once(holder, "exit");
      }
    },
  };
}

/** Starts what keeps new namespaces until its standard input ends, which it does at the latest with the test. */
async function holdNamespaces(within: readonly string[]): Promise<ChildProcess> {
  const [program = "", ...args] = within;
  const holder = spawn(program, [...args, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const output = present(holder.stdout, "it is a pipe");
  // Until it has said so, it is where this process is.
  await Promise.race([
    once(output, "data"),
    once(holder, "exit").then(() => Promise.reject(new Error("the namespaces could not be made"))),
  ]);
  return holder;
}

/** The namespaces of `holder`: it was replaced by what it runs, so its number is still its own. */
function entering({ pid }: ChildProcess): readonly string[] {
  return ["nsenter", "--target", `${pid}`, "--user", "--net", "--preserve-credentials"];
}

function networkOf(address: string, within: readonly string[]): Network {
  return {
    address,
    within,
    starter(folder, program) {
      const file = join(folder, `start-at-${address}`);
      writeFileSync(file, `#!/bin/sh\nexec ${within.join(" ")} '${program}' "$@"\n`);
      chmodSync(file, 0o700);
      return file;
    },
  };
}

function run([program = "", ...args]: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
}
