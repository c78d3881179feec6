/**
 * A profile on disk: one folder per device of an account.
 *
 * `<home>/profiles/<name>/` holds `store.db`, `documents/`, `store.key`, `lock`, `owner` and, while other processes are
 * served, `socket`; folders are 0700, files 0600. Everything in it is sealed by the key in `store.key`. That key may be wrapped by a passphrase; without one, what
 * protects a profile at rest is these permissions and nothing else: whoever can read `store.key` can read everything. A
 * profile that others can read is therefore refused, and never quietly mended.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import {
  type Bytes,
  cryptoReady,
  err,
  ok,
  type Passphrase,
  type Result,
  unwrapStoreKey,
  type WrongPassphrase,
} from "@dovetail/core";
import { lockProfile, type ProfileBusy, type ProfileLock } from "./profile-lock.ts";
import { settleRekey } from "./rekey-profile.ts";
import {
  createStoreKeyFile,
  protectionOf,
  readStoreKeyFile,
  replaceStoreKeyFile,
  type Protection,
  type StoreKeyFileError,
  storeKeyPath,
} from "./store-key-file.ts";

export const DEFAULT_PROFILE = "default";
/** Lower case only: some file systems do not tell `Ada` from `ada`. */
export const PROFILE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const OTHERS = 0o077;

export type ProfileError =
  | ProfileBusy
  | { readonly type: "BadProfileName"; readonly profile: string }
  | { readonly type: "NoProfile"; readonly profile: string }
  | { readonly type: "ProfileExists"; readonly profile: string }
  /** Other users of this machine can read `path`. */
  | { readonly type: "ProfileExposed"; readonly path: string; readonly mode: number }
  | StoreKeyFileError
  /** The profile is locked by a passphrase, and there is nobody to ask for it. */
  | { readonly type: "PassphraseNeeded"; readonly profile: string }
  /** There is a store and no key to it. A new key would make what is there unreadable for ever. */
  | { readonly type: "StoreKeyMissing"; readonly path: string }
  /** The disk refused; `detail` is the system's word. */
  | { readonly type: "ProfileUnavailable"; readonly path: string; readonly detail: string };

/** An open profile; it is this process's until `release`. */
export interface Profile {
  readonly name: string;
  readonly folder: string;
  readonly storePath: string;
  readonly documentsFolder: string;
  /** 32 bytes. */
  readonly storeKey: Bytes;
  /** Tells other processes where this one serves them. */
  announce(socket: string | null): void;
  release(): void;
}

/** Tries one passphrase; takes as long as Argon2id does. */
export type TryPassphrase = (passphrase: Passphrase) => Result<Bytes, WrongPassphrase>;

/** Where the passphrase of a locked profile comes from. `E`: why none came, or none was right. */
export type Unlock<E> = (tryPassphrase: TryPassphrase, profile: string) => Promise<Result<Bytes, E>>;

export interface OpenProfileOptions<E> {
  readonly create: boolean;
  /** Asked only when the profile is locked. Without it a locked profile is `PassphraseNeeded`. */
  readonly unlock?: Unlock<E>;
  /** Wraps the key of a profile that is made now. The caller wipes it. */
  readonly newPassphrase?: Passphrase | null;
}

/** A profile as it was opened. */
export interface OpenedProfile extends Profile {
  readonly protection: Protection;
}

export interface ProfileChoice {
  readonly name: string;
  /** Where all profiles of this user are; see `dovetailHome`. */
  readonly home: string;
}

/** `$DOVETAIL_HOME`, or where the system keeps data of programs. */
export function dovetailHome(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (isSet(env.DOVETAIL_HOME)) return env.DOVETAIL_HOME;
  if (process.platform === "win32" && isSet(env.LOCALAPPDATA)) return join(env.LOCALAPPDATA, "Dovetail");
  if (isSet(env.XDG_DATA_HOME)) return join(env.XDG_DATA_HOME, "dovetail");
  return join(homedir(), ".local", "share", "dovetail");
}

/** Names of the profiles under `home`, sorted. */
export function listProfiles(home: string): readonly string[] {
  try {
    return readdirSync(join(home, "profiles"))
      .filter((name) => PROFILE_NAME.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** Stands in the folder until there is an account, so that the profile's key is not needed to tell. */
const UNFINISHED_FILE = "unfinished";

/** Whether the profile in `folder` was made for an account that did not come to be, or not yet. */
export function isUnfinished(folder: string): boolean {
  return existsSync(join(folder, UNFINISHED_FILE));
}

/** The profile in `folder` has an account. */
export function noteFinished(folder: string): void {
  rmSync(join(folder, UNFINISHED_FILE), { force: true });
}

/** The folder of a profile, whether it exists or not. */
export function profileFolder({ home, name }: ProfileChoice): string {
  return join(home, "profiles", name);
}

/**
 * Opens a profile for this process alone, and unlocks it; with `create`, makes it when there is none.
 *
 * What an interrupted change of its key left is settled first.
 *
 * - Fails: see `ProfileError`; nothing was changed then, except that a new folder may exist.
 * - Secrets: the returned `storeKey` is read from disk, or fresh from the system's generator.
 */
export async function openProfile<E = never>(
  choice: ProfileChoice,
  options: OpenProfileOptions<E>,
): Promise<Result<OpenedProfile, ProfileError | E>> {
  const { name } = choice;
  if (!PROFILE_NAME.test(name)) return err({ type: "BadProfileName", profile: name });
  const folder = profileFolder(choice);
  if (!options.create && !existsSync(folder)) return err({ type: "NoProfile", profile: name });
  await cryptoReady();
  let lock: ProfileLock | null = null;
  let opened: Result<OpenedProfile, ProfileError | E>;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const exposed = findExposed(folder);
    if (exposed !== null) return err(exposed);
    const locked = lockProfile(folder, name);
    if (!locked.ok) return locked;
    lock = locked.value;
    settleRekey(folder);
    mkdirSync(join(folder, "documents"), { recursive: true, mode: 0o700 });
    opened = await openLocked({ name, folder, ...lock }, options);
  } catch (thrown) {
    opened = err({ type: "ProfileUnavailable", path: folder, detail: codeOf(thrown) });
  }
  if (!opened.ok) lock?.release();
  return opened;
}

/** The rest of opening, in a folder that is this process's. */
async function openLocked<E>(
  profile: Pick<Profile, "name" | "folder" | "announce" | "release">,
  { unlock, newPassphrase = null }: OpenProfileOptions<E>,
): Promise<Result<OpenedProfile, ProfileError | E>> {
  const { name, folder } = profile;
  const storePath = join(folder, "store.db");
  const path = storeKeyPath(folder);
  if (!existsSync(path)) {
    if (existsSync(storePath)) return err({ type: "StoreKeyMissing", path });
    writeFileSync(join(folder, UNFINISHED_FILE), "", { mode: 0o600 });
    createStoreKeyFile(folder, newPassphrase);
  }
  const stored = readStoreKeyFile(folder);
  if (!stored.ok) return stored;
  const protection = protectionOf(stored.value);
  const ready = { ...profile, storePath, documentsFolder: join(folder, "documents"), protection };
  if (stored.value.type === "open") {
    if (stored.value.isLegacy) replaceStoreKeyFile(folder, stored.value.key, null); // ST54
    return ok({ ...ready, storeKey: stored.value.key });
  }
  const wrapped = stored.value;
  const tryPassphrase: TryPassphrase = (passphrase) => unwrapStoreKey(wrapped, passphrase);
  // Whoever has just chosen it for a profile that was made earlier is not asked again.
  const known = newPassphrase === null ? null : tryPassphrase(newPassphrase);
  if (known?.ok === true) return ok({ ...ready, storeKey: known.value });
  if (unlock === undefined) return err({ type: "PassphraseNeeded", profile: name });
  const storeKey = await unlock(tryPassphrase, name);
  return storeKey.ok ? ok({ ...ready, storeKey: storeKey.value }) : storeKey;
}

/** The first path of the profile that other users may read. Windows has no such modes. */
function findExposed(folder: string): ProfileError | null {
  if (process.platform === "win32") return null;
  for (const path of [
    folder,
    join(folder, "documents"),
    join(folder, "store.key"),
    join(folder, "store.db"),
  ]) {
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
    if ((mode & OTHERS) !== 0) return { type: "ProfileExposed", path, mode: mode & 0o777 };
  }
  return null;
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") return thrown.code;
  return thrown instanceof Error ? thrown.name : "unknown";
}
