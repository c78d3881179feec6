/** What went wrong, in English: what is so and what it means, then what can be done. Places are fields of the error. */
import type { ClientError } from "@dovetail/core";

export interface ErrorWords {
  readonly text: string;
  readonly hint?: string;
}

export type NoteRule = Extract<ClientError, { readonly type: "RoomDocumentRefused" }>["rule"];

export type RefusalCode = Extract<ClientError, { readonly type: "Refused" }>["code"];

const AGAIN = "Try again.";
const LATER = "Try again later; what you wrote is kept here.";
const RELINK = "Link this browser anew: your other devices and the server bring what was sent.";
const ASK_OPERATOR = "Ask whoever runs the server.";
const REPORT = "This should not happen. Reload; if it stays so, report it.";

/** An error of the engine that is new does not compile until it stands here. Refusals are said by their code or rule. */
export const EN_ERRORS: Readonly<
  Record<Exclude<ClientError["type"], "Refused" | "RoomDocumentRefused">, ErrorWords>
> = {
  ServerUnreachable: {
    text: "No answer from {origin}.",
    hint: "Check its address and your network; what you wrote is kept and goes when it answers.",
  },
  IncompatibleServer: {
    text: "The server speaks protocol {versionMin} to {versionMax}, and this Dovetail speaks another.",
    hint: "Reload for a newer Dovetail, or ask whoever runs the server to update.",
  },
  ServerMisbehaved: {
    text: "The server broke the protocol: it {why}.",
    hint: "Nothing of it was taken over. Tell whoever runs the server.",
  },
  NotOnline: {
    text: "This needs the server, and there is no connection.",
    hint: "Try again when it answers.",
  },
  StoreUnavailable: {
    text: "The browser refused to store this ({detail}). It was not written.",
    hint: "Check the free space, then try again.",
  },
  StoreCorrupt: { text: "A stored row is not what was written.", hint: RELINK },
  ProfileOutdated: {
    text: "An earlier Dovetail wrote what is kept in this browser, and this one does not read it.",
    hint: RELINK,
  },
  ProfileTooNew: { text: "A newer Dovetail wrote what is kept in this browser.", hint: "Reload." },
  StoreConflict: {
    text: "A stored row changed while it was being written. Nothing of this was written.",
    hint: AGAIN,
  },
  DocumentDamaged: { text: "A stored document does not open. Its parts are kept.", hint: RELINK },
  DocumentIncomplete: { text: "A stored document lacks changes it once had.", hint: RELINK },
  DocumentStorageUnavailable: {
    text: "The browser refused to store a document ({detail}). Saving it goes on being tried.",
    hint: "Check the free space.",
  },
  MalformedChanges: { text: "Changes of a document are malformed. The document is as it was.", hint: REPORT },
  EditRefused: { text: "A document does not hold such a value. It is as it was.", hint: REPORT },
  DocumentEngineFailed: {
    text: "The document engine stopped. What was acknowledged is stored.",
    hint: "Reload.",
  },
  DocumentsClosed: { text: "Dovetail has stopped. Nothing was changed.", hint: "Reload." },
  ClientStopped: { text: "Dovetail has stopped. Nothing was changed.", hint: "Reload." },
  LogDistrusted: {
    text: "The server contradicts what it showed before.",
    hint: "Nothing of it was taken over. Compare your devices, and ask whoever runs the server.",
  },
  ChainDistrusted: {
    text: "A device list does not verify ({rule}).",
    hint: "Nothing of it was taken over, and nothing is sent there. Compare safety numbers.",
  },
  EpochUnavailable: {
    text: "The server has no key of epoch {epoch} that opens here.",
    hint: "Keep this device and another of yours online; if it stays so, link this one anew.",
  },
  BoxesMissing: {
    text: "This device does not have all it takes to put the account on a server.",
    hint: "Try it on another of your devices.",
  },
  DeviceRevoked: {
    text: "This device was revoked. What it holds it keeps, and it gets nothing new.",
    hint: "Link it anew from a device that is still active.",
  },
  DeviceRolledBack: {
    text: "This profile is older than what the server had from it: restored from a copy, or in use twice.",
    hint: "End every other copy, then link this browser anew.",
  },
  UnknownContact: { text: "There is no such person here.", hint: AGAIN },
  UnknownAlarm: { text: "There is no such alarm any more." },
  UnknownConversation: {
    text: "There is no open conversation with them.",
    hint: "Accept their request first.",
  },
  UnknownDevice: { text: "There is no such device on this account." },
  UnknownHandle: {
    text: "The server knows nobody with the handle {handle}.",
    hint: "Ask for their contact link: it works for every server.",
  },
  BadHandle: {
    text: "{handle} cannot be a handle.",
    hint: "Use 2 to 32 of a-z, 0-9 and single dots, dashes or underscores between them.",
  },
  BadContactCode: {
    text: "That is no contact link ({rule}).",
    hint: "It begins with dovetail-contact: and is one line; copy all of it.",
  },
  ContactIsSelf: { text: "That is your own contact link.", hint: "Hand it to others; add them by theirs." },
  ContactExists: { text: "They are among your people already." },
  NotARequest: { text: "There is no open request from them." },
  NotBlocked: { text: "They are not blocked." },
  SafetyNumberDiffers: {
    text: "It is another number. Do not trust this conversation until you know why.",
    hint: "What was noted before stays as it is.",
  },
  BadSafetyNumber: { text: "That is neither a safety number nor a contact link." },
  MessageTooLong: {
    text: "The text has {sizeBytes} bytes; at most {sizeBytesMax} go in one message.",
    hint: "Send it in parts.",
  },
  MessageEmpty: { text: "There is no text to send." },
  NotABackup: { text: "That file is no backup." },
  BackupTooNew: {
    text: "The backup is of a newer version than this program reads.",
    hint: "Update, and try again.",
  },
  BackupDamaged: { text: "The backup is damaged.", hint: "Use another copy of it." },
  BackupTruncated: { text: "The backup ends too early.", hint: "Copy it again, or use another copy." },
  WrongBackupSecret: { text: "That does not open this backup.", hint: "Try again." },
  BackupOfAnotherAccount: { text: "That backup is of another account. Nothing was changed." },
  NoPasskeyRecovery: {
    text: "The server holds nothing that this passkey opens.",
    hint: "Use another passkey, or the 24 words.",
  },
  PasskeyOfAnotherAccount: {
    text: "This passkey brings back another account already. Nothing was changed.",
    hint: "Remove it here under Passkey, add a new one, and let that one bring this account back.",
  },
  UnknownMessage: { text: "That message is not there any more." },
  NotYourMessage: {
    text: "Only who wrote a message can take it back.",
    hint: "You can delete it for yourself.",
  },
  TooManyMessages: {
    text: "{count} messages are too many at once; {countMax} go.",
    hint: "Delete fewer, or the whole conversation.",
  },
  HistoryIncomplete: {
    text: "This device is still loading your history, and would miss some of it.",
    hint: "Try again when all of it is here.",
  },
  UnknownTag: { text: "There is no such tag." },
  UnknownRoom: { text: "There is no such room." },
  NotInvited: { text: "There is no open invitation to this room." },
  NotInRoom: { text: "You are not in this room, or this device has not joined it yet." },
  RoomForbids: {
    text: "Your role in this room does not allow that ({rule}).",
    hint: "Ask somebody above you in it.",
  },
  RoomRefused: { text: "The room does not take that ({rule}).", hint: AGAIN },
  RoomTooLarge: { text: "That is more than one entry of a room holds.", hint: "Do it in smaller parts." },
  BadRoomHistory: {
    text: "Who comes later sees nothing, all, or the last 1 to 3,650 days.",
    hint: "Choose another.",
  },
  BadRoomLifetime: {
    text: "Messages of a room stay for ever, or from an hour to ten years.",
    hint: "Choose another time.",
  },
  BadRoomLink: {
    text: "That is no link into a room that can be used here ({rule}).",
    hint: "It begins with dovetail-room: and is one line; copy all of it.",
  },
  UnknownRoomDocument: { text: "This is not here any more: who made it has taken it away." },
  UnknownRoomLink: { text: "There is no such link." },
  RoomFull: { text: "A room holds {accountsMax} accounts at most.", hint: "Found another." },
  NameTooLong: {
    text: "A name has 1 to {sizeBytesMax} bytes; this one has {sizeBytes}.",
    hint: "Choose another.",
  },
  NoPreKeys: {
    text: "No device of theirs can be written to yet.",
    hint: "The message is kept here; it goes when one of their devices was online.",
  },
  BadRecoveryWords: {
    text: "These words are no recovery key.",
    hint: "24 words, in their order, as they were shown.",
  },
  AccountMoved: {
    text: "The account lives at {origin} now. Nothing was changed.",
    hint: "Open the page there, and come back to your account on it in the same way.",
  },
  WrongRecoveryKey: {
    text: "This recovery key is not this account’s.",
    hint: "Check the handle and the server.",
  },
  BadSearch: {
    text: "The search cannot be read at {word}.",
    hint: 'Words, "phrases", OR, -word, in: from: tag: has: before: after:',
  },
  SearchNameUnknown: {
    text: "Nobody and nothing here is called {name}.",
    hint: "Write the whole name in quotes.",
  },
  NotAnExport: { text: "That is not a file Dovetail exported.", hint: "Choose another file." },
  ExportVersionUnknown: {
    text: "A newer Dovetail made this file.",
    hint: "Reload for a newer Dovetail.",
  },
  BadExportLine: {
    text: "Line {line} of the file is not as it was exported ({field}: {rule}). Nothing was taken over.",
    hint: "Export it again.",
  },
  ExportCutOff: {
    text: "The file was cut off, or put together. Nothing was taken over.",
    hint: "Export it again.",
  },
  ExportTooLarge: { text: "The file has more than {linesMax} lines. Nothing was taken over." },
  ImportUnproven: {
    text: "Nothing proves that a device of this account exported these messages. Nothing was taken over.",
  },
  NotKnownOnly: { text: "They were asked already, or have asked you." },
  SearchUnavailable: { text: "The search does not start in this browser ({detail}).", hint: AGAIN },
  BadSearchCursor: { text: "The search changed meanwhile.", hint: "Search again." },
  SnapshotDistrusted: {
    text: "The server offers no packed history that holds ({rule}).",
    hint: "Nothing of it was taken over. Open Dovetail on another of your devices, which packs it anew.",
  },
  PeerUnreachable: { text: "No device answers there.", hint: "Check that it is on and in the same network." },
  DirectStranger: { text: "What answered is no device of this account." },
  DirectRefused: { text: "The other device was refused ({why})." },
  DirectRefusedByPeer: { text: "The other device refused this one ({why})." },
  DirectUnavailable: { text: "This browser cannot reach devices directly." },
  DirectLost: { text: "The connection to the other device ended.", hint: AGAIN },
  OwnerGone: {
    text: "The tab that ran Dovetail was closed in the middle. It is not known whether this was done.",
    hint: "Look before you do it again: what it acknowledged is kept.",
  },
  ProfileInUse: { text: "There is an account in this browser already.", hint: "Reload." },
};

/** Why a role in a room does not do. */
export const EN_ROOM_RULES: ReadonlyMap<string, ErrorWords> = new Map([
  [
    "of-two",
    { text: "This is a conversation of two: nobody else comes in.", hint: "Make a room for more people." },
  ],
  ["name", { text: "Only an admin or the owner renames a room.", hint: "Ask one of them." }],
  [
    "add-account",
    { text: "A moderator or above lets people in, in a role below their own.", hint: "Ask one of them." },
  ],
  [
    "remove-account",
    {
      text: "A moderator or above removes people, and only those below them.",
      hint: "Ask somebody above them.",
    },
  ],
  [
    "role",
    {
      text: "An admin or above gives roles, below their own and to people below them. An owner may share theirs.",
      hint: "Ask the owner.",
    },
  ],
  [
    "mute",
    {
      text: "A moderator or above mutes people, and only those below them.",
      hint: "Ask somebody above them.",
    },
  ],
  ["links", { text: "This room has as many of your links as it takes.", hint: "End one of them." }],
  [
    "intents",
    {
      text: "Too much was asked of this room that has not happened yet.",
      hint: "Try again when the server answers.",
    },
  ],
]);

/** Why a note or list of a room is not changed so. */
export const EN_NOTE_RULES: Readonly<Record<NoteRule, ErrorWords>> = {
  form: { text: "That is for the other kind: a note has a text, a list has items." },
  item: { text: "That item is not in the list any more.", hint: "Somebody took it off." },
  empty: { text: "There is nothing written." },
  "too-long": {
    text: "That is too long: a title has 256 bytes at most, an item 4,096, a note 32,768.",
    hint: "Make it shorter, or two of it.",
  },
  full: { text: "This takes no more changes. What is in it stays.", hint: "Go on in a new one." },
  "too-many": {
    text: "You have made 32 in this room, as many as it shows of one person.",
    hint: "Take one of yours away, then make another.",
  },
  creator: { text: "Only who made it can take it away." },
  muted: {
    text: "You are muted in this room, and what you change would be shown to nobody.",
    hint: "Try again when the mute is over.",
  },
  content: {
    text: "That could not be put together with what is in it now.",
    hint: "Look at it as it is now, then try again.",
  },
};

/** What is wrong with words that are no recovery key. */
export const EN_BAD_WORDS = {
  WrongWordCount: { text: "A recovery key has 24 words; here are {found}." },
  UnknownWord: { text: "Word {position} is none of a recovery key.", hint: "Look at what you wrote down." },
  WrongChecksum: {
    text: "Each word is one of a recovery key, but together they are none.",
    hint: "One is wrong, or two have changed places.",
  },
} satisfies Readonly<Record<string, ErrorWords>>;

/** Why a link into a room does not do. */
export const EN_ROOM_LINK_RULES: ReadonlyMap<string, ErrorWords> = new Map([
  ["own", { text: "That is a link of your own.", hint: "Hand it to others." }],
  ["joined", { text: "You are in that room already." }],
  ["UnsupportedRoomLink", { text: "A newer Dovetail made this link.", hint: "Reload for a newer Dovetail." }],
]);

/** Why a server refused. */
export const EN_REFUSALS: Readonly<Record<RefusalCode, ErrorWords>> = {
  malformed: { text: "The server could not read what this device sent.", hint: ASK_OPERATOR },
  "unsupported-version": { text: "The server speaks another version of the protocol.", hint: "Reload." },
  replaced: {
    text: "Another copy of this device has just connected in its place.",
    hint: "Stop the other copy.",
  },
  "not-signed-in": { text: "The server asks this device to sign in again.", hint: AGAIN },
  forbidden: { text: "The server does not allow this.", hint: ASK_OPERATOR },
  "bad-signature": {
    text: "The server does not accept this device’s signature.",
    hint: "Check the clock and the server’s address.",
  },
  "unknown-account": {
    text: "The server does not know this account.",
    hint: "Everything is still here. If the server lost its data, put the account back from a device that has it, under Devices.",
  },
  "unknown-device": {
    text: "The server does not know this device.",
    hint: "See on another device whether it was revoked.",
  },
  "revoked-device": {
    text: "This device was revoked. What it holds it keeps, and it gets nothing new.",
    hint: "Link it anew from a device that is still active.",
  },
  "unknown-log": {
    text: "The server has no such log.",
    hint: "The other side may have moved; it tells your devices where.",
  },
  "log-exists": { text: "The server has this log already.", hint: REPORT },
  "log-reseeded": {
    text: "Another device of yours has just put the account back on this server.",
    hint: AGAIN,
  },
  "log-closed": {
    text: "Not sent: the other side closed this conversation.",
    hint: "It is kept here. Reach them another way.",
  },
  "unknown-channel": { text: "The server lost track of this connection.", hint: AGAIN },
  "entry-too-large": { text: "One entry is larger than the server takes.", hint: "Send it in parts." },
  "batch-too-large": { text: "Too much at once for the server.", hint: AGAIN },
  "writer-seq": {
    text: "The server has newer entries of this device than this profile does: it was restored from a copy, or is in use twice.",
    hint: "End every other copy, then link this browser anew.",
  },
  "wrong-writer": { text: "The server takes this entry from another device only.", hint: REPORT },
  "stale-epoch": {
    text: "This device was behind its account’s keys.",
    hint: "Try again: it catches up first.",
  },
  "expect-mismatch": { text: "Another device was faster.", hint: AGAIN },
  "not-admitted": {
    text: "Their server did not let the request in.",
    hint: "Ask for a new contact link: each lets one first message in.",
  },
  quota: { text: "The server keeps no more for this account.", hint: "Ask whoever runs it for more room." },
  "rate-limited": { text: "Too many requests from this address.", hint: LATER },
  "too-many-subscriptions": { text: "This connection follows too many logs.", hint: AGAIN },
  "chain-conflict": { text: "Another device changed the account at the same moment.", hint: AGAIN },
  "bad-link": { text: "The server does not accept this change of the account.", hint: ASK_OPERATOR },
  "device-on-hold": {
    text: "This device was linked less than 24 hours ago and can neither link nor revoke others yet.",
    hint: "Do it from your first device, or wait.",
  },
  "handle-taken": { text: "That handle is taken.", hint: "Choose another, or leave it out." },
  "bad-handle": {
    text: "The server does not accept that handle.",
    hint: "Use 2 to 32 of a-z, 0-9 and single dots, dashes or underscores between them.",
  },
  "registration-closed": {
    text: "This server takes new accounts by invitation only.",
    hint: "Ask whoever runs it for one.",
  },
  "no-prekeys": {
    text: "None of their devices can be written to yet.",
    hint: "The message is kept here; it goes when one of them was online.",
  },
  "rendezvous-conflict": { text: "Another device has answered this code already." },
  "rendezvous-gone": { text: "This code was used or is too old: it works once, for five minutes." },
  "resume-expired": { text: "The connection was away too long to go on.", hint: AGAIN },
  "seq-out-of-range": {
    text: "The server has less of the log than this device has read.",
    hint: "It may have been put back from a copy. Ask whoever runs it.",
  },
  "log-trimmed": {
    text: "The server has packed this part of the history into a snapshot.",
    hint: "Try again: this device loads the snapshot first.",
  },
  "snapshot-conflict": { text: "Another device has just packed the history.", hint: AGAIN },
  "unknown-snapshot": { text: "The server has no such snapshot.", hint: AGAIN },
  "blob-missing": { text: "The server lacks a part of what was sent.", hint: AGAIN },
  "account-deleted": {
    text: "This account was deleted from its server.",
    hint: "What this browser holds it keeps.",
  },
  "bad-invitation": {
    text: "This invitation does not hold: used, too old, or mistyped.",
    hint: "Ask for another.",
  },
  overloaded: { text: "The server has too much to do.", hint: LATER },
  "storage-full": {
    text: "The server’s disk is full.",
    hint: "Tell whoever runs it; what you wrote is kept here.",
  },
  internal: { text: "The server failed.", hint: "Tell whoever runs it; what you wrote is kept here." },
};

/**
 * How linking ended, on either device: what shows it offers to begin again. The engine gives a fixed word; one that is not here
 * gets a general sentence.
 */
export const EN_LINKING_ENDS: ReadonlyMap<string, ErrorWords> = new Map([
  [
    "ContactLinkIsNotALinkCode",
    {
      text: "That is somebody’s contact link. It links no device.",
      hint: "Add them under People; a linking code comes from Devices on your own device.",
    },
  ],
  [
    "NotALinkCode",
    {
      text: "That is no linking code.",
      hint: "It begins with dovetail-link: and is one line, or has 20 letters and digits to type.",
    },
  ],
  [
    "MistypedCode",
    {
      text: "The code is mistyped.",
      hint: "It has 20 letters and digits; compare them with the other device. There is no I, L, O or U in it.",
    },
  ],
  [
    "TypedCodeUnknown",
    {
      text: "No device shows this code at this server now.",
      hint: "A code works once, for five minutes. Check that both devices are of one server.",
    },
  ],
  ["MalformedLinkCode", { text: "The linking code is damaged.", hint: "It is one line; copy all of it." }],
  ["UnsupportedLinkCode", { text: "A newer Dovetail made this linking code.", hint: "Reload." }],
  ["LinkCancelled", { text: "Linking was stopped. Nothing was linked." }],
  ["LinkExpired", { text: "The code is older than five minutes. Nothing was linked." }],
  [
    "LinkCodeUsed",
    {
      text: "Another device has answered this code already. Nothing was linked from here.",
      hint: "If it was no device of yours, someone else saw the code.",
    },
  ],
  ["LinkClosed", { text: "The other device gave up. Nothing was linked." }],
  [
    "WrongCode",
    {
      text: "Wrong code. Nothing was linked.",
      hint: "If you read it right, someone else may be answering. Show the next one where nobody else sees it.",
    },
  ],
  ["AccountDeclined", { text: "The new device said that this is not its account. Nothing was linked." }],
  [
    "LinkTampered",
    {
      text: "What the server brought is not from the device that showed the code. Nothing was linked.",
      hint: "If it happens again, the server or the network changes messages.",
    },
  ],
  [
    "BadNewDevice",
    { text: "The new device’s keys cannot be on an account. Nothing was linked.", hint: "Update it." },
  ],
  ["WrongProposal", { text: "The other device asked to sign something else. Nothing was linked." }],
  ["BadReverseSignature", { text: "The new device’s signature does not verify. Nothing was linked." }],
  [
    "LinkNotAppended",
    {
      text: "The server did not take the new device. Nothing was linked.",
      hint: "A device linked less than 24 hours ago cannot link others: use your first one, or wait.",
    },
  ],
  [
    "LinkUnconfirmed",
    {
      text: "The connection ended before anyone said whether this device was added.",
      hint: "See Devices on the other one; if this one is not there, begin again.",
    },
  ],
]);

export const EN_LINKING_OTHER: ErrorWords = { text: "Nothing was linked ({rule})." };
