/**
 * Why something a person or program asked of the client did not happen. Each says enough to choose the next step.
 */
import type { AccountId, ConversationId, DeviceId, LogId } from "../base/ids.ts";
import type { StoreError } from "../store/tx-store.ts";
import type { DocumentError } from "../document/document-error.ts";
import type { BackupFault } from "../log/backup/backup-file.ts";
import type { LogFault } from "../log/log-reader.ts";
import type { ExportFault } from "../messenger/exported/export-line.ts";
import type { ProofFault } from "../messenger/exported/export-proof.ts";
import type { SearchFault } from "../messenger/search/search-index.ts";
import type { BadSearch, NameFilter } from "../messenger/search/search-query.ts";
import type { MalformedWords } from "../sigchain/keys/bip39.ts";
import type { DirectError } from "../sigchain/direct/direct-handshake.ts";
import type { PeerUnreachable } from "../transport/peer-connector.ts";
import type { ServerError } from "./connection/gateway.ts";

/**
 * Why a shared document is not changed so: not of that form, no such item, nothing written, too much, no more changes fit, this
 * account has made too many, another account made it, this account is muted, or it cannot be held.
 */
export type RoomDocumentRule =
  | "form"
  | "item"
  | "empty"
  | "too-long"
  | "full"
  | "too-many"
  | "creator"
  | "muted"
  | "content";

export type ClientError =
  | ServerError
  | StoreError
  | DocumentError
  /** An earlier version of this program wrote the profile, and this one does not read it: the device is linked anew. */
  | { readonly type: "ProfileOutdated"; readonly layout: number; readonly layoutNow: number }
  /** A newer version of this program wrote the profile. */
  | { readonly type: "ProfileTooNew"; readonly layout: number; readonly layoutNow: number }
  /** The server's log contradicts what was seen before. Nothing of it was taken over; see the alarm. */
  | { readonly type: "LogDistrusted"; readonly logId: LogId; readonly fault: LogFault }
  /** What the server has packed away is needed, and no snapshot it offers holds. `rule` names what the newest one breaks. */
  | { readonly type: "SnapshotDistrusted"; readonly rule: string }
  /** A chain that does not verify, does not continue what is pinned, or is another account's. `rule` names what it breaks. */
  | { readonly type: "ChainDistrusted"; readonly accountId: AccountId; readonly rule: string }
  /** Boxes that are not those the chain commits to, or none for this device. */
  | { readonly type: "EpochUnavailable"; readonly epoch: number; readonly rule: string }
  /** This device never had the boxes of some epoch, so it cannot put the account back; another one can. */
  | { readonly type: "BoxesMissing" }
  /** This device was revoked. What it holds it keeps; it gets nothing new. */
  | { readonly type: "DeviceRevoked" }
  /** This profile is older than what the server has had from this device: restored from a copy, or copied. */
  | { readonly type: "DeviceRolledBack"; readonly logId: LogId }
  | { readonly type: "UnknownContact" }
  | { readonly type: "UnknownAlarm" }
  | { readonly type: "UnknownConversation" }
  | { readonly type: "UnknownDevice" }
  | { readonly type: "UnknownRoom" }
  /** There is no invitation to this room, or it was answered. */
  | { readonly type: "NotInvited" }
  /** The account is not in this room, or this device has not joined it yet. */
  | { readonly type: "NotInRoom" }
  /** The account's role in the room does not allow that. `rule` is the word of core/messenger/room. */
  | { readonly type: "RoomForbids"; readonly rule: string }
  /** What was to be done in a room cannot be. `rule` is the word of core/group. */
  | { readonly type: "RoomRefused"; readonly rule: string }
  /** An entry of the room would be larger than a log takes. */
  | { readonly type: "RoomTooLarge" }
  | { readonly type: "RoomFull"; readonly accountsMax: number }
  /** Not a link into a room, one's own, one into a room this account is in, or one that cannot be made so. */
  | { readonly type: "BadRoomLink"; readonly rule: string }
  | { readonly type: "UnknownRoomLink" }
  /** Messages of a room stay for ever, or from an hour to ten years. */
  | { readonly type: "BadRoomLifetime" }
  | { readonly type: "BadRoomHistory" }
  /** There is no such shared document in this room, or its maker has taken it away. */
  | { readonly type: "UnknownRoomDocument" }
  /** A shared document cannot be changed so. */
  | { readonly type: "RoomDocumentRefused"; readonly rule: RoomDocumentRule }
  | { readonly type: "UnknownHandle"; readonly handle: string }
  | { readonly type: "BadHandle"; readonly handle: string }
  | { readonly type: "BadContactCode"; readonly rule: string }
  | { readonly type: "ContactIsSelf" }
  | { readonly type: "ContactExists"; readonly accountId: AccountId }
  | { readonly type: "NotARequest" }
  | { readonly type: "NotBlocked" }
  /** The number the other side shows is not the one of these two accounts: somebody stands between, or it is another. */
  | { readonly type: "SafetyNumberDiffers"; readonly accountId: AccountId }
  | { readonly type: "BadSafetyNumber"; readonly digitsMin: number }
  | { readonly type: "MessageTooLong"; readonly sizeBytes: number; readonly sizeBytesMax: number }
  | { readonly type: "MessageEmpty" }
  | BackupFault
  /** A backup of somebody else's account. Nothing of it was taken. */
  | { readonly type: "BackupOfAnotherAccount" }
  /** The server holds no recovery key for this passkey. */
  | { readonly type: "NoPasskeyRecovery" }
  /** It brings back another account of this server. */
  | { readonly type: "PasskeyOfAnotherAccount" }
  | { readonly type: "UnknownMessage" }
  /** Only who wrote a message can take it back. */
  | { readonly type: "NotYourMessage" }
  | { readonly type: "TooManyMessages"; readonly count: number; readonly countMax: number }
  /** Part of the account's history is not on this device yet. */
  | { readonly type: "HistoryIncomplete" }
  | { readonly type: "UnknownTag" }
  | { readonly type: "NameTooLong"; readonly sizeBytes: number; readonly sizeBytesMax: number }
  /** No live device of the contact has published prekeys. */
  | { readonly type: "NoPreKeys"; readonly accountId: AccountId }
  | { readonly type: "BadRecoveryWords"; readonly why: MalformedWords }
  /** A recovery key, but not the one of this account. */
  | { readonly type: "WrongRecoveryKey" }
  /** The account has moved to the server at `origin`: a link that is appended here is another one than that chain has. */
  | { readonly type: "AccountMoved"; readonly origin: string }
  | BadSearch
  | ExportFault
  /** A message of an import that no device of this account is known to have exported. `index` counts from 0. */
  | { readonly type: "ImportUnproven"; readonly index: number; readonly rule: ProofFault }
  /** Somebody who is asked, or has asked, or is blocked, is asked by `askContact` no more. */
  | { readonly type: "NotKnownOnly" }
  /** A name in a query that means nobody, or several. `names` are similar ones, or those it may mean. */
  | {
      readonly type: "SearchNameUnknown";
      readonly filter: NameFilter;
      readonly name: string;
      readonly position: number;
      readonly isAmbiguous: boolean;
      readonly names: readonly string[];
    }
  | SearchFault
  | { readonly type: "NotOnline" }
  /** There is an account in this profile already. */
  | { readonly type: "ProfileInUse" }
  | { readonly type: "ClientStopped" }
  | DirectError
  | PeerUnreachable
  /** This platform has no sockets to other devices. */
  | { readonly type: "DirectUnavailable" }
  /** The other device went away, or stopped answering, before both held the same. What came is kept. */
  | { readonly type: "DirectLost" }
  /** The process or worker that has the profile ended. What it was doing for this one it may have done or not. */
  | { readonly type: "OwnerGone" };

/** Something found while working in the background that a person has to know. Each is raised once. */
export type Alarm =
  | { readonly type: "LogDistrusted"; readonly logId: LogId; readonly fault: LogFault }
  | { readonly type: "ChainDistrusted"; readonly accountId: AccountId; readonly rule: string }
  /** A contact's device sees another chain of ours than we do, or quotes one of theirs that does not exist. */
  | { readonly type: "ChainsDisagree"; readonly accountId: AccountId }
  | { readonly type: "EntryRefused"; readonly logId: LogId; readonly seq: number; readonly rule: string }
  /** A snapshot that is not what it says, or not of a device entitled to make it. Nothing of it was taken over. */
  | { readonly type: "SnapshotDistrusted"; readonly rule: string }
  /** What the server shows as a device's own word is not: older than before, or not of that device. */
  | { readonly type: "FrontierDistrusted"; readonly device: DeviceId; readonly rule: string }
  /** An own device has read the same as this one and holds something else. */
  | { readonly type: "DevicesDiffer"; readonly device: DeviceId }
  /** A member has handed on what its author has not written so. Nothing of it was taken over. */
  | { readonly type: "HistoryForged"; readonly roomId: ConversationId; readonly accountId: AccountId }
  | { readonly type: "DocumentDamaged"; readonly documentKind: string }
  /** So many rows on this device were not what was written, and have been brought back. */
  | { readonly type: "RowsMended"; readonly rows: number }
  /** This device's clock and its server's differ by so much; `isAhead` when this device's is the later one. */
  | { readonly type: "ClockDiffers"; readonly hours: number; readonly isAhead: boolean }
  /** What another own device says of the time cannot be right. */
  | { readonly type: "DeviceClockWrong"; readonly device: DeviceId }
  /** A room's log is not on its server any more, or not where its founder lives now. It is for an own device to put it back, or for its founder's. */
  | { readonly type: "RoomGone"; readonly roomId: ConversationId; readonly isOurs: boolean }
  | { readonly type: "DeviceRevoked" }
  /** Another copy of this profile has connected while this one was: only one of them may go on. */
  | { readonly type: "DeviceDoubled" }
  | { readonly type: "DeviceRolledBack"; readonly logId: LogId };
