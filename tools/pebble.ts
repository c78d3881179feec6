/** Pebble, an authority for tests of ACME: found, or installed from the system's packages. */
import { existsSync } from "node:fs";
import process from "node:process";
import { installPackage } from "./system-packages.ts";

const PLACES = ["/usr/bin/pebble", "/usr/local/bin/pebble"];

/** The path of `pebble`; null when it is not there. */
export function findPebble(): string | null {
  return PLACES.find((path) => existsSync(path)) ?? null;
}

/** Installs `pebble` where it can be. Without it the test of a server's own certificates says that it did not run. */
export function ensurePebble(): void {
  if (process.platform === "linux" && findPebble() === null) installPackage("pebble");
}
