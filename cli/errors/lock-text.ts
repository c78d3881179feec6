/** Errors about the lock of a profile in words. */
import { unreachable } from "@dovetail/core";
import { plainLine } from "../output/plain-text.ts";
import type { CliError } from "./command-error.ts";
import { count, type ErrorText, say } from "./error-words.ts";
import { EXIT } from "./exit-code.ts";

export type LockError = Extract<
  CliError,
  {
    readonly type:
      | "PassphraseNeeded"
      | "WrongPassphrase"
      | "PassphrasesDiffer"
      | "PassphraseUnreadable"
      | "PassphraseEmpty"
      | "PassphraseTooLong"
      | "PassphraseNotText"
      | "ProfileDamaged"
      | "RekeyRefused";
  }
>;

/** The three ways, named wherever a passphrase is missing. */
const WAYS = "give it at a terminal, by --passphrase-fd N, or in DOVETAIL_PASSPHRASE";

/** `error` in words. */
export function describeLockError(error: LockError): ErrorText {
  switch (error.type) {
    case "PassphraseNeeded":
      return say(EXIT.locked, `profile ${plainLine(error.profile)} is locked by a passphrase`, WAYS);
    case "WrongPassphrase":
      return say(
        EXIT.locked,
        `that is not the passphrase of profile ${plainLine(error.profile)}`,
        "check the keyboard layout and capitals; nobody can bring a passphrase back, but another device of yours can link this machine anew",
      );
    case "PassphrasesDiffer":
      return say(EXIT.usage, "the two passphrases differ; nothing was changed", "type the same one twice");
    case "PassphraseUnreadable":
      return say(
        EXIT.usage,
        `no passphrase can be read from descriptor ${plainLine(error.descriptor)} (${error.detail})`,
        "name a descriptor that is open for reading, as in: dovetail --passphrase-fd 3 status 3<file",
      );
    case "PassphraseEmpty":
      return say(
        EXIT.usage,
        "an empty passphrase protects nothing",
        "give at least one character; several words are better",
      );
    case "PassphraseTooLong":
      return say(
        EXIT.usage,
        `the passphrase has ${error.sizeBytes} bytes; it has at most ${error.sizeBytesMax}`,
        "choose a shorter one",
      );
    case "PassphraseNotText":
      return say(EXIT.usage, "the passphrase is not text in UTF-8", "choose another, or give it another way");
    case "ProfileDamaged":
      return say(
        EXIT.storage,
        `${count(error.chunks, "stored chunk")} of documents ${error.chunks === 1 ? "does" : "do"} not open, so the key was not changed`,
        "link this device anew in another profile: your other devices bring everything that was sent",
      );
    case "RekeyRefused":
      return say(
        EXIT.storage,
        `the disk refused (${error.detail}) while the profile was being sealed anew; all it had is there`,
        "check free space, which must be as much again as the profile has, then try again",
      );
    default:
      return unreachable(error);
  }
}
