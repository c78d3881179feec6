// Finds the workspace's own Node and keeps node_modules in step with package-lock.json.
//
// Plain JavaScript without dependencies, for Node 18 and later: it is what runs before anything is installed.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the checkout. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

const NODE_BINARY_NAME = process.platform === "win32" ? "node.exe" : "node";

/** The Node that `npm ci` installs for the workspace; it may not exist yet. */
export const WORKSPACE_NODE = join(ROOT, "node_modules", "node", "bin", NODE_BINARY_NAME);

/**
 * Tells whether an install of `folder` is missing or belongs to another lockfile.
 *
 * npm keeps a copy of what it installed in `node_modules/.package-lock.json`. Comparing that copy, not dates,
 * survives `git checkout` and says nothing changed after an ordinary `npm install`.
 */
export function isInstallStale(folder) {
  const wanted = readPackages(join(folder, "package-lock.json"));
  const installed = readPackages(join(folder, "node_modules", ".package-lock.json"));
  if (wanted === undefined) throw new Error(`package-lock.json is missing or broken in ${folder}`);
  if (installed === undefined) return true;
  return Object.entries(wanted).some(([path, entry]) => {
    if (path === "" || entry.optional === true || entry.devOptional === true) return false;
    const found = installed[path];
    if (found === undefined) return true;
    return found.version !== entry.version || found.integrity !== entry.integrity;
  });
}

/** Runs `npm ci` in `folder` when its install is stale. What it says goes to stderr, so stdout stays clean. */
export function ensureInstalled(folder) {
  if (!isInstallStale(folder)) return;
  console.error("Installing dependencies (npm ci) …");
  // npm tells its children where it is; started by hand, it is looked up on the path.
  const npmFile = process.env.npm_execpath;
  const isNpmScript = npmFile !== undefined && /npm-cli\.[cm]?js$/.test(npmFile);
  const [command, first] = isNpmScript ? [process.execPath, [npmFile]] : ["npm", []];
  // NODE_ENV=production would leave out the tools; engine warnings are about the Node that only starts us.
  const args = [
    ...first,
    "ci",
    "--include=dev",
    "--include=optional",
    "--no-fund",
    "--no-audit",
    "--loglevel=error",
  ];
  const done = spawnSync(command, args, {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    shell: !isNpmScript && process.platform === "win32",
  });
  if (done.status !== 0)
    throw new Error(`npm ci failed in ${folder}${done.error ? `: ${done.error.message}` : ""}`);
}

/** The Node to run sources with: the workspace's own, else this one when it is new enough. */
export function findNode() {
  if (existsSync(WORKSPACE_NODE)) return WORKSPACE_NODE;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  throw new Error(
    "Node 24 was not installed with the dependencies. Remove node_modules and run the command again.",
  );
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}
