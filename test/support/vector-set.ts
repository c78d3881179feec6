/**
 * The one place that finds the data shared beside the checkout: vectors of other authorities, which are not ours to
 * ship. `DOVETAIL_SHARED` names the folder; by default it is `../shared` from the root of the checkout.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ROOT } from "./checkout.ts";

/** The vector sets by name: each is a folder of `vectors`. */
export const VECTOR_SETS = [
  "argon2",
  "bip39",
  "blns",
  "cbor",
  "keybase",
  "merkle",
  "mls",
  "wycheproof",
] as const;

export type VectorSetName = (typeof VECTOR_SETS)[number];

/** A set that is there. File names are given without `.gz`. */
export interface VectorSet {
  readonly name: VectorSetName;
  /** Names of the files, sorted. */
  files(): readonly string[];
  bytes(file: string): Uint8Array;
  text(file: string): string;
  /** What the file holds, to be checked by whoever reads it. */
  json(file: string): unknown;
}

/** The folder of shared data, whether it exists or not. */
export function sharedFolder(): string {
  const named = process.env.DOVETAIL_SHARED;
  return named === undefined || named === "" ? join(ROOT, "..", "shared") : named;
}

/** The set called `name`, or undefined when it is not on this machine. */
export function vectorSet(name: VectorSetName): VectorSet | undefined {
  const folder = join(sharedFolder(), "vectors", name);
  if (!existsSync(folder)) return undefined;
  const bytes = (file: string): Uint8Array => {
    const plain = join(folder, file);
    return existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(`${plain}.gz`));
  };
  const text = (file: string): string => new TextDecoder().decode(bytes(file));
  return {
    name,
    files: () =>
      readdirSync(folder)
        .map((file) => (file.endsWith(".gz") ? basename(file, ".gz") : file))
        .sort(),
    bytes,
    text,
    json: (file): unknown => JSON.parse(text(file)),
  };
}
