/** What can go wrong in the command line itself, beside what the engine and the profile report. */
import type { BadPassphrase, ClientError, LinkingError } from "@dovetail/core";
import type { ProfileError } from "../platform/profile-folder.ts";
import type { NotifierError } from "../platform/notifier.ts";
import type { ProfileOwner } from "../platform/profile-lock.ts";
import type { RekeyError } from "../platform/rekey-profile.ts";
import type { OpenStoreError } from "../platform/sqlite-tx-store.ts";

/** Things a person names on the command line. */
export type Nameable =
  | "contact"
  | "conversation"
  | "device"
  | "item"
  | "member"
  | "message"
  | "note"
  | "room"
  | "tag"
  | "rule";

export type CommandError =
  | { readonly type: "Usage"; readonly message: string; readonly hint: string }
  /** An answer is needed and nobody is there to give it. */
  | { readonly type: "NeedsTerminal"; readonly what: string; readonly hint: string }
  | { readonly type: "NoAccount"; readonly profile: string }
  | { readonly type: "AccountExists"; readonly profile: string }
  | {
      readonly type: "NotFound";
      readonly what: Nameable;
      readonly query: string;
      readonly similar: readonly string[];
    }
  | {
      readonly type: "Ambiguous";
      readonly what: Nameable;
      readonly query: string;
      readonly candidates: readonly string[];
    }
  /** No passphrase that was given opens the profile. */
  | { readonly type: "WrongPassphrase"; readonly profile: string }
  /** The two times a new passphrase was typed differ. */
  | { readonly type: "PassphrasesDiffer" }
  /** A passphrase was to be read from a descriptor, and could not be. */
  | { readonly type: "PassphraseUnreadable"; readonly descriptor: string; readonly detail: string }
  /** A file could not be written. */
  | { readonly type: "FileRefused"; readonly path: string; readonly detail: string }
  /** A file could not be read. */
  | { readonly type: "FileUnreadable"; readonly path: string; readonly detail: string }
  /** Somebody else has the account's handle at the server it was to be put on; nothing was changed. */
  | { readonly type: "HandleTakenThere"; readonly origin: string | null }
  /** The person said no; nothing was done. */
  | { readonly type: "Cancelled" }
  /** Ctrl-C, or a signal, in the middle. */
  | { readonly type: "Interrupted" }
  /** Another process has the profile, and what it serves is not for this one. */
  | {
      readonly type: "ProfileNotServed";
      readonly profile: string;
      readonly owner: ProfileOwner;
      readonly why: "OwnerOtherVersion" | "OwnerSilent";
    }
  /** The process that was to keep a message ended before it did. */
  | { readonly type: "MessageNotKept" }
  /** No process serves the profile. */
  | { readonly type: "DaemonNotRunning"; readonly profile: string }
  | { readonly type: "DaemonFailed"; readonly detail: string }
  /** The device was revoked, or set back: its process does not stay. */
  | { readonly type: "DaemonTurnedAway" }
  /** Nobody can be told of this process where that was asked for. `detail` is the system's word. */
  | {
      readonly type: "MetricsNotServed";
      readonly host: string;
      readonly port: number;
      readonly detail: string;
    }
  /** The demo found a difference, or could not go on. Each failure is a sentence. */
  | { readonly type: "DemoFailed"; readonly failures: readonly string[]; readonly folder: string | null }
  /** The server program could not be run. */
  | { readonly type: "ServerProgramFailed"; readonly detail: string };

/** Everything a command can end with. */
export type CliError =
  | CommandError
  | NotifierError
  | BadPassphrase
  | ClientError
  | LinkingError
  | ProfileError
  | RekeyError
  | OpenStoreError;
