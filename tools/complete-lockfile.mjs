// Names in a lockfile the packages for other platforms that npm left out: node tools/complete-lockfile.mjs [folder]
//
// npm drops an optional package from the lockfile when the registry at hand does not have it, and `npm ci` then
// refuses that lockfile everywhere. The added entries have a version and no hash, because nobody here has seen the
// package. Run it after installing or updating a tool that brings a binary for each platform.

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ROOT } from "./workspace.mjs";

const PLATFORM = /[-/](aix|android|darwin|freebsd|linux|win32)-([a-z0-9]+)(?:-(glibc|musl))?$/;

const file = join(resolve(ROOT, process.argv[2] ?? "."), "package-lock.json");
const lock = JSON.parse(readFileSync(file, "utf8"));
const packages = lock.packages;
for (const [path, owner] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (packages[place] !== undefined || packages[`${path}/${place}`] !== undefined) continue;
    const [, os, cpu, libc] = PLATFORM.exec(name) ?? [];
    if (os === undefined) throw new Error(`${name} does not say which platform it is for`);
    packages[place] = {
      version,
      cpu: [cpu],
      ...(owner.dev === true ? { dev: true } : {}),
      ...(libc === undefined ? {} : { libc: [libc] }),
      license: owner.license,
      optional: true,
      os: [os],
    };
    console.log(`added ${name} ${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
