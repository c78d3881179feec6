/**
 * A disk that is full: a small file system of its own under the server's data or one person's profile, filled by writing.
 *
 * What is refused is refused by name, nothing that was confirmed is lost, and when there is room again all of it goes on.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientError } from "@dovetail/core";
import { settle } from "../support/story.ts";
import { createCrashWorld, findBroken, type PARTS } from "./crash-world.ts";

const DISK_BYTES = 33_554_432;
const BALLAST_BYTES = 20_971_520;
const TEXT_CHARS = 16_000;
const ROUNDS_AFTER_MAX = 4;
/** Far more than the disk takes. */
const MESSAGES_MAX = 2_000;

export interface FullDiskReport {
  /** Names of what was refused, in the order they first came. */
  readonly refusals: readonly string[];
  readonly confirmed: number;
  readonly broken: readonly string[];
}

/** Whether this process may make a file system, which only the system's administrator may. */
export function mountDisk(path: string): boolean {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES},mode=0700`, "tmpfs", path], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

export function unmountDisk(path: string): void {
  execFileSync("umount", ["-l", path], { stdio: "ignore" });
}

/** Fills the disk of `part` in `folder`, which is mounted, and makes room again. */
export async function fillDisk(folder: string, part: (typeof PARTS)[number]): Promise<FullDiskReport> {
  const ballast = join(folder, part, "ballast");
  writeFileSync(ballast, new Uint8Array(BALLAST_BYTES));
  const world = await createCrashWorld(folder);
  const { ada, ben, conversationId } = world;
  const texts: string[] = [];
  const refusals = new Set<string>();
  for (let i = 0; i < MESSAGES_MAX && refusals.size === 0; i++) {
    const text = `${i} ${"x".repeat(TEXT_CHARS)}`;
    const sent = await ada.client.send(conversationId, text);
    if (sent.ok) texts.push(text);
    else refusals.add(nameOf(sent.error));
    if (i % 8 !== 7) continue;
    const synced = await ada.client.sync();
    if (!synced.ok) refusals.add(nameOf(synced.error));
  }
  // Full is full: it goes on being refused by name, and what is there is read.
  for (let i = 0; i < 3; i++) {
    const synced = await ada.client.sync();
    if (!synced.ok) refusals.add(nameOf(synced.error));
  }
  rmSync(ballast);
  // A save that failed before is told once more, and tried again.
  for (let round = 0; round < ROUNDS_AFTER_MAX; round++) if ((await ada.client.sync()).ok) break;
  await settle(ada, ben);
  const after = await ada.client.send(conversationId, "after");
  if (after.ok) texts.push("after");
  await settle(ada, ben);
  const broken = await findBroken(world, { texts, tags: [], takenBack: [] });
  await world.stop();
  return {
    refusals: [...refusals],
    confirmed: texts.length,
    broken: [
      ...broken.map((what) => what.slice(0, 200)),
      ...(after.ok ? [] : ["nothing is sent afterwards"]),
    ],
  };
}

function nameOf(error: ClientError): string {
  return "code" in error ? `${error.type} ${error.code}` : error.type;
}
