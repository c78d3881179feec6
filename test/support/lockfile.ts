/** What a committed package-lock.json must be like, so that `npm ci` works for everybody and installs the same bytes. */
import type { Fault } from "./checkout.ts";

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Faults of one lockfile: addresses, missing packages for other platforms, packages without a hash. */
export function findLockfileFaults(file: string, text: string): readonly Fault[] {
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, LockedPackage>> };
  return Object.entries(packages).flatMap(([path, entry]) => {
    const faults: string[] = [];
    if (entry.resolved?.includes("://") === true) faults.push(`${path} names the address ${entry.resolved}`);
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      const isThere = `node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages;
      // `npm ci` refuses the whole lockfile for one of these.
      if (!isThere) faults.push(`${name} is missing; run node tools/complete-lockfile.mjs`);
    }
    const isInstalled = path.includes("node_modules/") && entry.link !== true;
    // A package for another platform may be one that nobody who updated the lockfile could see.
    const isForOnePlatform = entry.optional === true && entry.os !== undefined;
    if (isInstalled && entry.integrity === undefined && !isForOnePlatform) faults.push(`${path} has no hash`);
    return faults.map((why) => ({ file, why }));
  });
}
