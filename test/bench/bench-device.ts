/** A device on real files for benchmarks: SQLite store, sealed document files, sockets to a real server process. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { automergeReady, cryptoReady, type Platform } from "@dovetail/core";
import { createNodePlatform } from "../../cli/platform/node-platform.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { good } from "../support/client-world.ts";

/** Loads what every device needs. */
export async function devicesReady(): Promise<void> {
  await cryptoReady();
  await automergeReady();
}

/** Ports of a device in a folder of its own; an empty one, unless `storeKey` is that of one which is there. */
export function benchPlatform(
  folder: string,
  name: string,
  storeKey: Uint8Array = createPlatformRandom().bytes(32),
): Platform {
  const home = join(folder, name);
  const documentsFolder = join(home, "documents");
  mkdirSync(documentsFolder, { recursive: true, mode: 0o700 });
  const profile = {
    name,
    folder: home,
    storePath: join(home, "store.db"),
    documentsFolder,
    storeKey,
    announce: () => {},
    release: () => {},
  };
  return good(createNodePlatform(profile));
}
