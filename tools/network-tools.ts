/** Where `ip` of iproute2 is, by which tests join networks of their own: found, or installed from the system's packages. */
import { existsSync } from "node:fs";
import process from "node:process";
import { installPackage } from "./system-packages.ts";

const PLACES = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"];

/** The path of `ip`, which often is not among the programs of a user; null when it is not there. */
export function findIp(): string | null {
  return PLACES.find((path) => existsSync(path)) ?? null;
}

/** Installs `ip` where it can be. Without it one test says that it did not run. */
export function ensureIp(): void {
  if (process.platform === "linux" && findIp() === null) installPackage("iproute2");
}
