/** The system's Chromium, in which the browser tests run: found, or installed from the system's packages. */
import { existsSync } from "node:fs";
import process from "node:process";
import { installCommand, installPackage } from "./system-packages.ts";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** For tests only: a sandbox needs rights that a container does not have, and nothing but our own page is opened. */
export const CHROMIUM_ARGS: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where Chromium is; null when it is not there. `CHROMIUM` names another. */
export function findChromium(): string | null {
  const named = process.env.CHROMIUM;
  if (named !== undefined && named !== "") return existsSync(named) ? named : null;
  return PLACES.find((path) => existsSync(path)) ?? null;
}

/** Makes sure that Chromium is there. Gives what to do when it cannot be installed here. */
export function ensureChromium(): string | null {
  if (findChromium() !== null) return null;
  installPackage("chromium");
  if (findChromium() !== null) return null;
  return [
    "the browser tests need Chromium, and it could not be installed from the system's packages",
    `hint: ${installCommand("chromium")
      .filter((word) => word !== "-n")
      .join(" ")}; or name one: CHROMIUM=/path/to/chromium npm test -- browser`,
  ].join("\n");
}
