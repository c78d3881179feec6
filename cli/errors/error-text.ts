/**
 * Every error in words: what is so, what it means, what can be done, and the exit code.
 *
 * The one place for this. A new error of the engine does not compile until it has its sentence here. Parts that come
 * from other people or from servers are made plain before they are printed.
 */
import { type MalformedWords, unreachable } from "@dovetail/core";
import type { CliError } from "./command-error.ts";
import { count, type ErrorText, joinWords, quote, say, shortId } from "./error-words.ts";
import { EXIT } from "./exit-code.ts";
import { describeImportError } from "./import-text.ts";
import { describeLinkingRule } from "./linking-text.ts";
import { describeLockError } from "./lock-text.ts";
import { describeLogFault, hintOfLogFault } from "./log-fault-text.ts";
import { localTime } from "../output/local-time.ts";
import { plainLine } from "../output/plain-text.ts";
import { describeRefusal } from "./refusal-text.ts";
import { describeRoomError } from "./room-text.ts";
import { describeSearchError } from "./search-text.ts";

/** `error` in words. */
export function describeError(error: CliError): ErrorText {
  switch (error.type) {
    // The command line
    case "Usage":
      return say(EXIT.usage, error.message, error.hint);
    case "NeedsTerminal":
      return say(EXIT.usage, `this needs ${error.what}, and no terminal is there to ask`, error.hint);
    case "NoAccount":
      return say(
        EXIT.notFound,
        `profile ${plainLine(error.profile)} holds no account`,
        "make one with `dovetail account create`, or join yours with `dovetail account link`",
      );
    case "AccountExists":
    case "ProfileInUse":
      return say(
        EXIT.conflict,
        "this profile holds an account already",
        "one profile holds one account: name another with --profile NAME",
      );
    case "NotFound": {
      const similar = error.similar.map(plainLine);
      const guess = similar.length === 0 ? listHint(error.what) : `did you mean ${joinWords(similar, "or")}?`;
      return say(EXIT.notFound, `no ${error.what} is called ${quote(error.query)}`, guess);
    }
    case "Ambiguous":
      return say(
        EXIT.notFound,
        `${quote(error.query)} fits ${error.candidates.length} ${error.what}s: ${joinWords(error.candidates.map(plainLine), "and")}`,
        "name one by its whole name, or by the start of its id",
      );
    case "FileRefused":
      return say(
        EXIT.storage,
        `${plainLine(error.path)} cannot be written (${plainLine(error.detail)})`,
        "check the folder, its permissions and the free space",
      );
    case "FileUnreadable":
      return say(
        error.detail === "ENOENT" ? EXIT.notFound : EXIT.storage,
        `${plainLine(error.path)} cannot be read (${plainLine(error.detail)})`,
        "check the path and its permissions",
      );
    case "Cancelled":
      return say(EXIT.failure, "cancelled; nothing was changed", null);
    case "Interrupted":
      return say(EXIT.interrupted, "interrupted; what was acknowledged is kept here", null);
    case "DemoFailed":
      return say(
        EXIT.failure,
        `the demo failed: ${someOf(error.failures.map(plainLine))}`,
        error.folder === null
          ? "run it with --keep to look at the files"
          : `its files are in ${error.folder}`,
      );
    case "ServerProgramFailed":
      return say(
        EXIT.failure,
        `the server program did not run (${plainLine(error.detail)})`,
        "run it from the checkout: npm start",
      );

    // The profile on disk
    case "BadProfileName":
      return say(
        EXIT.usage,
        `${quote(error.profile)} cannot be the name of a profile`,
        "use 1 to 64 of a-z, 0-9, dot, dash and underscore",
      );
    case "ProfileExists":
      return say(
        EXIT.conflict,
        `there is a profile ${plainLine(error.profile)} already`,
        "choose another name: dovetail profile list",
      );
    case "NoProfile":
      return say(
        EXIT.notFound,
        `there is no profile ${plainLine(error.profile)}`,
        "make an account with `dovetail account create`, join yours with `dovetail account link`, or bring it back with `dovetail account recover`",
      );
    case "ProfileBusy": {
      const { owner } = error;
      const since = owner === null ? "" : `: process ${owner.pid}, since ${localTime(owner.startedAtMs)}`;
      return say(
        EXIT.conflict,
        `profile ${plainLine(error.profile)} is in use${since}`,
        "wait until it ends, or end it; one process at a time has a profile",
      );
    }
    case "ProfileNotServed":
      return say(
        EXIT.conflict,
        error.why === "OwnerSilent"
          ? `process ${error.owner.pid} has profile ${plainLine(error.profile)} open and does not answer`
          : `process ${error.owner.pid} has profile ${plainLine(error.profile)} open and is of another version`,
        "end it, then try again: dovetail daemon stop",
      );
    case "MessageNotKept":
      return say(
        EXIT.failure,
        "the process that has this profile open ended before it kept the message; nothing was sent",
        "send it again",
      );
    case "DaemonNotRunning":
      return say(
        EXIT.notFound,
        `nothing serves profile ${plainLine(error.profile)}`,
        "dovetail daemon start, or dovetail sync --watch in a terminal of its own",
      );
    case "NotifierMissing":
      return say(
        EXIT.failure,
        `this system has no notifications to give (${plainLine(error.program)})`,
        "install it, or give a command of your own: dovetail notify --run COMMAND",
      );
    case "NotifierFailed":
      return say(
        EXIT.failure,
        `nobody was told: ${plainLine(error.program)} ${plainLine(error.detail)}`,
        "try the command by itself",
      );
    case "DaemonTurnedAway":
      return say(
        EXIT.deviceLost,
        "the process ended: the server takes nothing more from this device",
        "see why with `dovetail sync`",
      );
    case "DaemonFailed":
      return say(
        EXIT.failure,
        `the process ended at its start (${plainLine(error.detail)})`,
        "see why with `dovetail sync --watch`",
      );
    case "MetricsNotServed":
      return say(
        error.detail === "EADDRINUSE" ? EXIT.conflict : EXIT.failure,
        error.detail === "EADDRINUSE"
          ? `port ${error.port} of ${error.host} is in use`
          : `nothing can listen on port ${error.port} of ${error.host} (${plainLine(error.detail)})`,
        "give --metrics-listen another port of this machine; each profile's process needs its own",
      );
    case "ProfileExposed":
      return say(
        EXIT.storage,
        `other users of this machine can read ${error.path} (mode ${error.mode.toString(8)})`,
        `run chmod go-rwx '${error.path}'; if someone may have read it, revoke this device and link it anew`,
      );
    case "StoreKeyMissing":
      return say(
        EXIT.storage,
        `the key of this profile is gone (${error.path})`,
        "bring the file back from a copy; without it nothing here opens, and a new link from another device brings the rest",
      );
    case "StoreKeyDamaged":
      return say(
        EXIT.storage,
        `the key file of this profile is damaged (${error.path})`,
        "bring the file back from a copy; without it nothing here opens, and a new link from another device brings the rest",
      );
    case "StoreKeyTooNew":
      return say(
        EXIT.storage,
        `a newer Dovetail wrote the key file of this profile (version ${error.version}, this one knows ${error.versionMax})`,
        "run the newer Dovetail",
      );
    case "PassphraseNeeded":
    case "WrongPassphrase":
    case "PassphrasesDiffer":
    case "PassphraseUnreadable":
    case "PassphraseEmpty":
    case "PassphraseTooLong":
    case "PassphraseNotText":
    case "ProfileDamaged":
    case "RekeyRefused":
      return describeLockError(error);
    case "HandleTakenThere": {
      const command = error.origin === null ? "reseed" : `move ${plainLine(error.origin)}`;
      return say(
        EXIT.conflict,
        "somebody else has your handle there; nothing was changed",
        `choose another one for there: dovetail server ${command} --handle NAME; your contacts keep the name they gave you`,
      );
    }
    case "ProfileUnavailable":
      return say(
        EXIT.storage,
        `the profile cannot be opened (${error.detail}): ${error.path}`,
        "check the disk and the folder's permissions",
      );

    // Storage
    case "StoreForeign":
      return say(
        EXIT.storage,
        "store.db of this profile belongs to another program",
        "move it away, or name another profile with --profile NAME",
      );
    case "StoreTooNew":
      return say(
        EXIT.storage,
        `a newer Dovetail wrote this profile (schema ${error.schemaVersion}, this one knows ${error.schemaVersionMax})`,
        "run the newer Dovetail",
      );
    case "ProfileOutdated":
      return say(
        EXIT.storage,
        `an earlier Dovetail wrote this profile, and this one does not read it (layout ${error.layout}, this one reads ${error.layoutNow}); nothing was changed`,
        "link this device anew in another profile: dovetail account link --profile NAME; your other devices and the server bring everything that was sent. What was not sent yet, the Dovetail that wrote it sends",
      );
    case "ProfileTooNew":
      return say(
        EXIT.storage,
        `a newer Dovetail wrote this profile (layout ${error.layout}, this one reads ${error.layoutNow})`,
        "run the newer Dovetail",
      );
    case "StoreDamaged":
      return say(EXIT.storage, `store.db of this profile is damaged (${error.detail})`, REBUILD_HINT);
    case "StoreBusy":
      return say(EXIT.conflict, "another process holds store.db of this profile", "end it, then try again");
    case "StoreUnavailable":
      return say(
        EXIT.storage,
        `the disk refused (${error.detail}); what was asked for was not written`,
        "check free space and permissions, then try again",
      );
    case "StoreCorrupt":
      return say(
        EXIT.storage,
        "a stored row is not what was written",
        "run the command again: what can be brought back is brought back as the profile opens. If this stays, link this device anew in another profile: your other devices bring everything that was sent",
      );
    case "StoreConflict":
      return say(
        EXIT.storage,
        "a stored row changed while it was being written; nothing of this was written",
        "try again",
      );
    case "DocumentDamaged":
      return say(
        EXIT.storage,
        `${count(error.chunks, "stored chunk")} of a document ${error.chunks === 1 ? "does" : "do"} not open; they are kept`,
        REBUILD_HINT,
      );
    case "DocumentIncomplete":
      return say(
        EXIT.storage,
        `a stored document lacks ${count(error.missingHeads, "change")} it once had`,
        REBUILD_HINT,
      );
    case "DocumentStorageUnavailable":
      return say(
        EXIT.storage,
        `the disk refused a document (${error.detail}); saving it goes on being tried`,
        "check free space and permissions",
      );
    case "MalformedChanges":
      return say(EXIT.failure, "changes of a document are malformed; the document is as it was", REPORT_HINT);
    case "EditRefused":
      return say(EXIT.failure, "a document does not hold such a value; it is as it was", REPORT_HINT);
    case "DocumentEngineFailed":
      return say(
        EXIT.failure,
        "the document engine stopped; what was acknowledged is on disk",
        "run the command again",
      );
    case "DocumentsClosed":
    case "ClientStopped":
      return say(EXIT.failure, "the client has stopped; nothing was changed", "run the command again");
    case "PeerUnreachable":
      return say(
        EXIT.serverUnreachable,
        `no device answers at ${plainLine(error.address)} (${plainLine(error.detail)})`,
        "on the other device run `dovetail device direct --listen HOST:PORT`, and give the address it shows",
      );
    case "DirectUnavailable":
      return say(
        EXIT.failure,
        "this platform has no sockets to other devices",
        "use the command line on both",
      );
    case "DirectLost":
      return say(
        EXIT.serverUnreachable,
        "the other device went away before both held the same; what came is kept",
        "run it again",
      );
    case "DirectStranger":
      return say(
        EXIT.distrusted,
        "what answers there is not a device of this account",
        "compare the address with the one your other device shows; nothing was told to it",
      );
    case "DirectRefused":
      return say(
        EXIT.distrusted,
        `the other device is not talked to: ${DIRECT_WORDS[error.why]}`,
        DIRECT_HINT,
      );
    case "DirectRefusedByPeer":
      return say(
        EXIT.distrusted,
        `the other device does not talk to this one: ${DIRECT_WORDS[error.why]}`,
        DIRECT_HINT,
      );
    case "OwnerGone":
      return say(
        EXIT.failure,
        "the process that has this profile open ended in the middle; it is not known whether this was done",
        "look before you do it again: what it acknowledged is kept",
      );

    // The server
    case "ServerUnreachable":
      return say(
        EXIT.serverUnreachable,
        `no answer from ${plainLine(error.origin)} (${plainLine(error.detail)})`,
        unreachableHint(error.detail),
      );
    case "NotOnline":
      return say(
        EXIT.serverUnreachable,
        "this needs the server, and there is no connection",
        "try again when it answers: dovetail sync",
      );
    case "IncompatibleServer":
      return say(
        EXIT.refused,
        `the server speaks protocol ${error.versionMin} to ${error.versionMax}, and this Dovetail speaks another`,
        "update the older of the two",
      );
    case "Refused":
      return describeRefusal(error.code, error.retryAfterMs);
    case "ServerMisbehaved":
      return say(
        EXIT.refused,
        `the server broke the protocol: it ${plainLine(error.why)}`,
        "nothing of it was taken over; tell whoever runs the server",
      );

    // Trust
    case "LogDistrusted":
      return say(EXIT.distrusted, describeLogFault(error.fault), hintOfLogFault(error.fault));
    case "SnapshotDistrusted":
      return say(
        EXIT.distrusted,
        `the server offers no packed history that holds (${plainLine(error.rule)}), and has let the rest go`,
        "nothing of it was taken over; run `dovetail sync` on another of your devices, which packs it anew, then here",
      );
    case "ChainDistrusted":
      return say(
        EXIT.distrusted,
        `the device list of account ${shortId(error.accountId)} does not verify (${plainLine(error.rule)})`,
        "nothing of it was taken over, and nothing is sent there; compare numbers with `dovetail contact safety`",
      );
    case "EpochUnavailable":
      return say(
        EXIT.distrusted,
        `the server has no key of epoch ${error.epoch} that opens here (${plainLine(error.rule)})`,
        "keep this device and another of yours online; if it stays so, link this device anew",
      );
    case "BoxesMissing":
      return say(
        EXIT.notFound,
        "this device does not have all it takes to put the account on a server",
        "run the same command on another of your devices",
      );
    case "DeviceRevoked":
      return say(
        EXIT.deviceLost,
        "this device was revoked: what it holds it keeps, and it gets nothing new",
        "link it anew in another profile, from a device that is still active",
      );
    case "DeviceRolledBack":
      return say(
        EXIT.deviceLost,
        "this profile is older than what the server had from it: restored from a copy, or in use twice",
        "end every other copy; then link this device anew in another profile",
      );

    // What was asked for
    case "UnknownContact":
      return say(EXIT.notFound, "no such contact", "dovetail contact list");
    case "UnknownAlarm":
      return say(EXIT.notFound, "no such alarm", "dovetail alarm list");
    case "UnknownConversation":
      return say(EXIT.notFound, "no such conversation", "dovetail inbox");
    case "NoPasskeyRecovery":
      return say(EXIT.notFound, "the server holds nothing that this passkey opens", "use the 24 words");
    case "PasskeyOfAnotherAccount":
      return say(
        EXIT.conflict,
        "this passkey brings back another account already; nothing was changed",
        "use another passkey",
      );
    case "BadRecoveryWords":
      return describeBadWords(error.why);
    case "AccountMoved":
      return say(
        EXIT.conflict,
        `the account lives at ${plainLine(error.origin)} now; nothing was changed`,
        `do it there: --server ${plainLine(error.origin)}`,
      );
    case "WrongRecoveryKey":
      return say(EXIT.refused, "this recovery key is not this account's", "check the handle and the server");
    case "UnknownDevice":
      return say(EXIT.notFound, "no such device on this account", "dovetail device list");
    case "NotABackup":
      return say(EXIT.usage, "that file is no backup", "dovetail backup create FILE makes one");
    case "BackupTooNew":
      return say(
        EXIT.storage,
        `the backup is of version ${error.version}; this program reads up to ${error.versionMax}`,
        "use the version that made it, or a newer one",
      );
    case "BackupDamaged":
      return say(
        EXIT.storage,
        `the backup is not as it was written, from byte ${error.atByte} on; nothing was taken from there`,
        "use another copy of it",
      );
    case "BackupTruncated":
      return say(
        EXIT.storage,
        `the backup ends too early, at byte ${error.atByte}`,
        "copy it again, or use another copy; one that is whole says so: dovetail backup verify FILE",
      );
    case "WrongBackupSecret":
      return error.lock === "passphrase"
        ? say(EXIT.locked, "that is not the passphrase of this backup", "try again; it has one of its own")
        : say(EXIT.locked, "these are not the recovery words of this backup", "use those it was made with");
    case "BackupOfAnotherAccount":
      return say(
        EXIT.conflict,
        "the backup is of another account; nothing was changed",
        "choose another profile, or an empty one: dovetail --profile NAME backup restore FILE",
      );
    case "UnknownMessage":
      return say(EXIT.notFound, "no such message in this conversation", "dovetail inbox show CONTACT");
    case "NotYourMessage":
      return say(
        EXIT.refused,
        "only who wrote a message can take it back",
        "delete it for yourself: dovetail inbox delete CONTACT MESSAGE",
      );
    case "TooManyMessages":
      return say(
        EXIT.usage,
        `${count(error.count, "message")} at once; ${error.countMax} go`,
        "delete the whole conversation: dovetail inbox delete CONTACT --all",
      );
    case "HistoryIncomplete":
      return say(
        EXIT.conflict,
        "this device is still loading its history, and would miss some of it",
        "dovetail sync, and then again",
      );
    case "UnknownRoom":
    case "NotInvited":
    case "NotInRoom":
    case "RoomForbids":
    case "RoomRefused":
    case "RoomTooLarge":
    case "RoomFull":
    case "BadRoomLink":
    case "BadRoomLifetime":
    case "BadRoomHistory":
    case "UnknownRoomLink":
    case "UnknownRoomDocument":
    case "RoomDocumentRefused":
      return describeRoomError(error);
    case "UnknownTag":
      return say(EXIT.notFound, "no such tag", "dovetail tag list");
    case "UnknownHandle":
      return say(
        EXIT.notFound,
        `this server knows nobody with the handle ${quote(error.handle)}`,
        "ask for their contact link: it works for every server",
      );
    case "BadHandle":
      return say(
        EXIT.usage,
        `${quote(error.handle)} cannot be a handle`,
        "use 2 to 32 of a-z, 0-9 and single dots, dashes or underscores between them",
      );
    case "BadContactCode":
      return describeContactCode(error.rule);
    case "ContactIsSelf":
      return say(EXIT.usage, "that is your own contact link", "hand it to others; add them by theirs");
    case "ContactExists":
      return say(
        EXIT.conflict,
        `account ${shortId(error.accountId)} is among your contacts already`,
        "dovetail contact list",
      );
    case "NotARequest":
      return say(EXIT.conflict, "that contact has no open request", "dovetail contact list");
    case "NotBlocked":
      return say(EXIT.conflict, "that contact is not blocked", "dovetail contact list");
    case "SafetyNumberDiffers":
      return say(
        EXIT.distrusted,
        `that is not the number of you and account ${shortId(error.accountId)}: nothing was noted`,
        "read it again, both of you; if it stays different, somebody stands between you, or it is another account: write nothing there that matters",
      );
    case "BadSafetyNumber":
      return say(
        EXIT.usage,
        `a safety number has ${error.digitsMin} digits, and that is not one`,
        "type all digits they show, in any spacing, or paste their contact link",
      );
    case "MessageTooLong":
      return say(
        EXIT.usage,
        `the text has ${error.sizeBytes} bytes; at most ${error.sizeBytesMax} go in one message`,
        "send it in parts",
      );
    case "MessageEmpty":
      return say(EXIT.usage, "there is no text to send", "give it after the contact, or on standard input");
    case "NameTooLong":
      return say(
        EXIT.usage,
        `the name has ${error.sizeBytes} bytes; a name has 1 to ${error.sizeBytesMax}`,
        "choose another",
      );
    case "NoPreKeys":
      return say(
        EXIT.refused,
        `no device of account ${shortId(error.accountId)} can be written to yet`,
        "the message is kept here; it goes when one of their devices was online",
      );
    case "BadSearch":
    case "SearchNameUnknown":
    case "SearchUnavailable":
    case "BadSearchCursor":
      return describeSearchError(error);
    case "NotAnExport":
    case "ExportVersionUnknown":
    case "BadExportLine":
    case "ExportCutOff":
    case "ExportTooLarge":
    case "ImportUnproven":
      return describeImportError(error);
    case "NotKnownOnly":
      return say(
        EXIT.conflict,
        "they were asked already, or have asked you",
        "see how it stands: dovetail contact show NAME",
      );
    case "LinkingFailed":
      return describeLinkingRule(error.rule);
    default:
      return unreachable(error);
  }
}

const DIRECT_HINT =
  "connect both to the server once with `dovetail sync`, and look at `dovetail device list`";
const DIRECT_WORDS = {
  "revoked-device": "one of the two is revoked",
  "unknown-device": "it is not on the account's list of devices",
  "same-device": "it is this very device, or a copy of it",
  "chains-disagree": "the two have seen different lists of devices",
  "too-far-behind": "one of the two lacks too many changes of the list of devices",
  "bad-signature": "it does not prove to be the device it names",
} as const;

const REBUILD_HINT =
  "link this device anew in another profile: your other devices bring everything that was sent";
const REPORT_HINT = "this should not happen: report it with the output of `dovetail status --json`";

function unreachableHint(detail: string): string {
  if (detail === "http-off-loopback") return "an address beyond this machine begins with https://";
  return "check its address and your network; what you have written is kept and goes when it answers";
}

function describeContactCode(rule: string): ErrorText {
  switch (rule) {
    case "LinkCodeIsNotAContact":
      return say(
        EXIT.usage,
        "that is a code for linking a device; it adds nobody",
        "whoever gave it to you as an invitation wants a device on your account, or has mixed them up: ask for their contact link",
      );
    case "RoomLinkIsNotAContact":
      return say(EXIT.usage, "that is a link into a room", "come in by it: dovetail room join LINK");
    case "UnsupportedContactLink":
      return say(EXIT.usage, "a newer Dovetail made this contact link", "update Dovetail");
    default:
      return say(
        EXIT.usage,
        `that is no contact link (${plainLine(rule)})`,
        "it begins with dovetail-contact: and is one line; copy all of it",
      );
  }
}

function listHint(what: string): string {
  if (what === "message") return "dovetail inbox show CONTACT shows the start of each id";
  if (what === "note") return "dovetail room note list ROOM";
  if (what === "item") return "dovetail room note show ROOM LIST";
  if (what === "rule") return "dovetail tag rule list";
  if (what === "member") return "dovetail room show ROOM";
  return what === "conversation" ? "dovetail inbox" : `dovetail ${what} list`;
}

const FAILURES_SHOWN = 3;

/** The first few of a list of sentences; the rest as a number. */
function someOf(sentences: readonly string[]): string {
  const rest = sentences.length - FAILURES_SHOWN;
  return sentences.slice(0, FAILURES_SHOWN).join("; ") + (rest > 0 ? `; and ${rest} more` : "");
}

/** Which word it is, never the word. */
function describeBadWords(why: MalformedWords): ErrorText {
  switch (why.type) {
    case "UnknownWord":
      return say(
        EXIT.usage,
        `word ${why.position} is no word of a recovery key`,
        "check its spelling: all of them are short English words, in small letters",
      );
    case "WrongWordCount":
      return say(
        EXIT.usage,
        `a recovery key has 24 words; here are ${why.found}`,
        "type all of them in their order, with spaces",
      );
    case "WrongChecksum":
      return say(
        EXIT.usage,
        "each of the words may be right, but together they are no recovery key",
        "one is another than was shown, or two are swapped",
      );
    default:
      return unreachable(why);
  }
}
