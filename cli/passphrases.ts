/**
 * Where passphrases come from: a descriptor, the environment, or a person at a terminal, in this order.
 *
 * From a descriptor only its first line is taken, a byte at a time, so that what follows stays for the command.
 */
import { read } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { err, ok, type Passphrase, parsePassphrase, type Result, wipe } from "@dovetail/core";
import type { CliError } from "./errors/command-error.ts";
import type { Unlock } from "./platform/profile-folder.ts";
import type { Prompts } from "./prompts.ts";

export interface Passphrases {
  /** Opens a locked profile. At a terminal there are three tries. */
  readonly unlock: Unlock<CliError>;
  /** The passphrase of a profile that is being made. */
  chooseFirst(): Promise<Result<Passphrase, CliError>>;
  /** A passphrase in place of the one there is; it has ways of its own, as the one there is may be needed as well. */
  chooseNext(): Promise<Result<Passphrase, CliError>>;
  /** A passphrase for a backup that is being made. */
  chooseForBackup(): Promise<Result<Passphrase, CliError>>;
  /** The one of a backup that is there. Whether it is the right one the backup says. */
  ofBackup(): Promise<Result<Passphrase, CliError>>;
  /** The one that opened the profile. */
  used(): Passphrase | null;
  wipe(): void;
}

export interface PassphraseSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly descriptor: string | undefined;
  readonly nextDescriptor: string | undefined;
  readonly backupDescriptor?: string | undefined;
  readonly prompts: Prompts;
  readonly say: (message: string) => void;
  /** Ends a question that waits. */
  readonly interrupted: AbortSignal;
}

const TRIES = 3;
const LINE_BYTES_MAX = 8_192;
const RETRY_MS = 10;
const LINE_FEED = 0x0a;

export function createPassphrases(sources: PassphraseSources): Passphrases {
  const { env, descriptor, nextDescriptor, backupDescriptor, prompts, say, interrupted } = sources;
  const held: Passphrase[] = [];
  let used: Passphrase | null = null;

  const parse = (typed: string): Result<Passphrase, CliError> => {
    const passphrase = parsePassphrase(typed);
    if (passphrase.ok) held.push(passphrase.value);
    return passphrase;
  };
  /** Null when neither is given, so that a person is to be asked. */
  const given = async (fd: string | undefined, variable: string) => {
    if (fd !== undefined) {
      const line = await readFirstLine(fd);
      return line.ok ? parse(line.value) : line;
    }
    const value = env[variable];
    return value === undefined || value === "" ? null : parse(value);
  };
  const ask = async (question: string): Promise<Result<string, CliError>> => {
    const typed = await Promise.race([prompts.askSecret(question), aborted(interrupted)]);
    if (interrupted.aborted) return err({ type: "Interrupted" });
    return typed === null ? err({ type: "Cancelled" }) : ok(typed);
  };
  const givenForBackup = () => given(backupDescriptor, "DOVETAIL_BACKUP_PASSPHRASE");
  const askTwice = async (): Promise<Result<Passphrase, CliError>> => {
    if (!prompts.isInteractive) {
      return err({ type: "NeedsTerminal", what: "a new passphrase", hint: NEW_WAYS });
    }
    const first = await ask("New passphrase: ");
    if (!first.ok) return first;
    const passphrase = parse(first.value);
    if (!passphrase.ok) return passphrase;
    const second = await ask("The same again: ");
    if (!second.ok) return second;
    return second.value === first.value ? passphrase : err({ type: "PassphrasesDiffer" });
  };
  const askOnce = async (profile: string): Promise<Result<Passphrase, CliError>> => {
    const typed = await ask(`Passphrase of profile ${profile}: `);
    return typed.ok ? parse(typed.value) : typed;
  };

  return {
    async unlock(tryPassphrase, profile) {
      const known = await given(descriptor, "DOVETAIL_PASSPHRASE");
      if (known === null && !prompts.isInteractive) return err({ type: "PassphraseNeeded", profile });
      for (let triesLeft = known === null ? TRIES : 1; triesLeft > 0; triesLeft--) {
        const passphrase = known ?? (await askOnce(profile));
        if (!passphrase.ok) return passphrase;
        const opened = tryPassphrase(passphrase.value);
        if (opened.ok) {
          used = passphrase.value;
          return opened;
        }
        if (triesLeft > 1) say("That is not it.");
      }
      return err({ type: "WrongPassphrase", profile });
    },
    async chooseFirst() {
      const first = (await given(descriptor, "DOVETAIL_PASSPHRASE")) ?? (await askTwice());
      if (first.ok) used = first.value;
      return first;
    },
    chooseNext: async () => (await given(nextDescriptor, "DOVETAIL_NEW_PASSPHRASE")) ?? askTwice(),
    chooseForBackup: async () => (await givenForBackup()) ?? askTwice(),
    async ofBackup() {
      const known = await givenForBackup();
      if (known !== null) return known;
      if (!prompts.isInteractive)
        return err({ type: "NeedsTerminal", what: "the passphrase of the backup", hint: BACKUP_WAYS });
      const typed = await ask("Passphrase of the backup: ");
      return typed.ok ? parse(typed.value) : typed;
    },
    used: () => used,
    wipe: () => wipe(...held),
  };
}

const BACKUP_WAYS = "give it at a terminal, by --backup-passphrase-fd N, or in DOVETAIL_BACKUP_PASSPHRASE";
const NEW_WAYS =
  "give it at a terminal; or by --passphrase-fd N or DOVETAIL_PASSPHRASE for a new profile, by --new-passphrase-fd N or DOVETAIL_NEW_PASSPHRASE for `lock set`, by --backup-passphrase-fd N or DOVETAIL_BACKUP_PASSPHRASE for a backup";

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}

const readBytes = promisify(read);

async function readFirstLine(descriptor: string): Promise<Result<string, CliError>> {
  if (!/^[0-9]{1,4}$/.test(descriptor))
    return err({ type: "PassphraseUnreadable", descriptor, detail: "no number" });
  const line = new Uint8Array(LINE_BYTES_MAX);
  let length = 0;
  try {
    while (length < line.length) {
      const isMore = await readByte(Number(descriptor), line, length);
      if (!isMore || line[length] === LINE_FEED) break;
      length += 1;
    }
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line.subarray(0, length));
    return ok(text.replace(/\r$/, ""));
  } catch (thrown) {
    return err(thrown instanceof TypeError ? { type: "PassphraseNotText" } : unreadable(descriptor, thrown));
  } finally {
    wipe(line);
  }
}

/** Reads one byte, waiting for it where the descriptor does not block. False at the end. */
async function readByte(descriptor: number, into: Uint8Array, offset: number): Promise<boolean> {
  for (;;) {
    try {
      return (await readBytes(descriptor, into, offset, 1, null)).bytesRead === 1;
    } catch (thrown) {
      const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
      if (code === "EOF") return false;
      if (code !== "EAGAIN") throw thrown;
      await delay(RETRY_MS);
    }
  }
}

function unreadable(descriptor: string, thrown: unknown): CliError {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return { type: "PassphraseUnreadable", descriptor, detail: typeof code === "string" ? code : "unknown" };
}
