/**
 * One process a profile. Two engines on one store would use ratchet keys twice.
 *
 * The lock is the operating system's, held on `lock` through SQLite: it is gone the moment its process is, so none is
 * ever stale and there is no moment at which two processes take one over. `owner` says who holds it, for people.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "@dovetail/core";
import { removeSocket } from "./profile-socket.ts";

/** The process that holds a profile. */
export interface ProfileOwner {
  readonly pid: number;
  readonly startedAtMs: number;
  /** Where it serves other processes of this user; null when it does not. */
  readonly socket: string | null;
}

/** Another process holds the profile; `owner` is null when it did not come to say who it is. */
export interface ProfileBusy {
  readonly type: "ProfileBusy";
  readonly profile: string;
  readonly owner: ProfileOwner | null;
}

export interface ProfileLock {
  /** Tells other processes where this one serves them. */
  announce(socket: string | null): void;
  release(): void;
}

const LOCK_FILE = "lock";
const OWNER_FILE = "owner";
const SQLITE_BUSY = 5;

/**
 * Takes the lock in `folder`, which exists.
 *
 * - Fails: `ProfileBusy` at once, without waiting. Throws what the file system throws.
 */
export function lockProfile(folder: string, profile: string): Result<ProfileLock, ProfileBusy> {
  const path = join(folder, LOCK_FILE);
  // Made by us for its mode; SQLite would use the umask alone.
  writeFileSync(path, "", { flag: "a", mode: 0o600 });
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (thrown) {
    database.close();
    if (!isBusy(thrown)) throw thrown;
    return err({ type: "ProfileBusy", profile, owner: readOwner(folder) });
  }
  const left = readOwner(folder)?.socket ?? null;
  if (left !== null) removeSocket(folder, left);
  writeOwner(folder, null);
  let isHeld = true;
  return ok({
    announce(socket) {
      if (isHeld) writeOwner(folder, socket);
    },
    release() {
      if (!isHeld) return;
      isHeld = false;
      rmSync(join(folder, OWNER_FILE), { force: true });
      database.exec("ROLLBACK");
      database.close();
    },
  });
}

function isBusy(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if ("errcode" in thrown && typeof thrown.errcode === "number")
    return (thrown.errcode & 0xff) === SQLITE_BUSY;
  // Deno gives SQLite's message without its code.
  return thrown.message === "database is locked";
}

function writeOwner(folder: string, socket: string | null): void {
  const owner: ProfileOwner = { pid: process.pid, startedAtMs: Math.round(performance.timeOrigin), socket };
  const temporary = join(folder, `${OWNER_FILE}.${process.pid}`);
  writeFileSync(temporary, JSON.stringify(owner), { mode: 0o600 });
  renameSync(temporary, join(folder, OWNER_FILE));
}

/** Who says to hold the profile in `folder`; whether it still does, only the lock can tell. */
export function readOwner(folder: string): ProfileOwner | null {
  try {
    const owner: unknown = JSON.parse(readFileSync(join(folder, OWNER_FILE), "utf8"));
    if (typeof owner !== "object" || owner === null || !("pid" in owner) || !("startedAtMs" in owner))
      return null;
    const { pid, startedAtMs } = owner;
    const socket = "socket" in owner && typeof owner.socket === "string" ? owner.socket : null;
    return Number.isSafeInteger(pid) && typeof pid === "number" && typeof startedAtMs === "number"
      ? { pid, startedAtMs, socket }
      : null;
  } catch {
    return null;
  }
}
