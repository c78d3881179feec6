/**
 * What a program does with Dovetail: one client per device and profile. Faces (CLI, web app) are built on this alone.
 *
 * Everything works offline: what has to leave waits in the store and goes when the server answers. Views are plain
 * values read from local rows; `onEvent` tells when to read them again.
 */
import type { Bytes } from "../base/bytes.ts";
import type { AccountId, ConversationId, DeviceId, OpId } from "../base/ids.ts";
import type { Result } from "../base/result.ts";
import type { BackupKey } from "./backup/backup-secret.ts";
import type { Alarm, ClientError } from "./client-error.ts";
import type { AccountView, DeviceView, FrontierReport, ServerView } from "./views/account-view.ts";
import type { AlarmView, DeviceNoticeView } from "./views/alarm-view.ts";
import type { ContactDetails, ContactView, ContactsImport } from "./views/contact-view.ts";
import type {
  ConversationView,
  DraftView,
  ExportPage,
  MessagePage,
  MessageRef,
  MessageView,
  SearchPage,
  StarredPage,
  TagRuleView,
  TagView,
} from "./views/conversation-view.ts";
import type {
  RoomDocumentEdit,
  RoomDocumentView,
  RoomHappeningView,
  RoomLinkView,
  RoomRole,
  RoomView,
} from "./views/room-view.ts";
import type { Padding } from "../crypto/padding.ts";
import type { ExportProof } from "../messenger/exported/export-proof.ts";
import type { RoomHistoryPolicy } from "../messenger/room/room-history.ts";
import type { SearchOrder } from "../messenger/search/search-index.ts";

/** How the client stands to its server. `sinceMs` is when that began; attempts to connect go on without changing it. */
export interface ConnectionStatus {
  readonly state: "offline" | "connecting" | "online" | "stopped";
  readonly sinceMs: number;
  /** Why it is not online, when it is not. */
  readonly lastError: ClientError | null;
  /** Document changes and messages not yet taken by the server. */
  readonly pendingCount: number;
}

export interface PutBackOptions {
  /** Another server, which becomes the home of the account; its present one unless named. */
  readonly origin?: string;
  /** For a server that lets nobody in without. */
  readonly invitation?: string;
  /** The handle to have there, where somebody else has the present one. It counts where the server does not know the account. */
  readonly handle?: string;
}

export interface PutBackReport {
  readonly origin: string;
  /** Logs that were begun anew; 0 when the server had all that this device has read. */
  readonly logs: number;
}

export interface DeletionReport {
  readonly deletedMessages: number;
}

/** A backup as it is made, a piece at a time. */
export interface BackupSource {
  /** The next bytes of the file; null when it is whole. `done` and `total` count documents. */
  next(): Promise<
    Result<{ readonly bytes: Bytes; readonly done: number; readonly total: number } | null, ClientError>
  >;
  cancel(): Promise<void>;
}

/** A backup as it is read, a piece at a time. After a failure nothing more is taken. */
export interface BackupIntake {
  push(bytes: Bytes): Promise<Result<void, ClientError>>;
  /** All was pushed. - Fails: `BackupTruncated`. */
  finish(): Promise<Result<BackupReport, ClientError>>;
  cancel(): Promise<void>;
}

/** What a backup is of, and how much of it there was. `ops` counts marks and the like too. */
export interface BackupReport {
  readonly accountId: AccountId;
  readonly origin: string;
  readonly handle: string | null;
  readonly displayName: string;
  readonly createdAtMs: number;
  readonly documents: number;
  readonly ops: number;
}

export type ClientEvent =
  | { readonly type: "connection"; readonly status: ConnectionStatus }
  | { readonly type: "message"; readonly message: MessageView }
  | { readonly type: "request"; readonly contact: ContactView }
  | { readonly type: "delivered"; readonly conversationId: ConversationId }
  /** Messages of this conversation were deleted, or taken back by who wrote them. */
  | { readonly type: "deleted"; readonly conversationId: ConversationId }
  /** Contacts, inbox, tags or settings changed, here or on another device. */
  | { readonly type: "state" }
  | {
      readonly type: "progress";
      /** `restoring`: links and logs that were put back on a server. */
      readonly phase: "history" | "sending" | "indexing" | "restoring";
      readonly done: number;
      readonly total: number;
    }
  /**
   * What becomes of an own device that dialled this one: `equal` once both hold the same, for the first time. `device` is
   * null, and `why` says the reason, where one was refused before it had proven anything.
   */
  | {
      readonly type: "direct";
      readonly state: "refused" | "connected" | "equal" | "left";
      readonly device: DeviceId | null;
      readonly why: string | null;
    }
  /** A quiet line for the conversation. */
  | { readonly type: "notice"; readonly notice: DeviceNoticeView }
  | { readonly type: "alarm"; readonly alarm: Alarm };

/** What a device holds, as hashes: equal on two devices when, and only when, they hold the same. */
export interface StateFingerprint {
  /** By document kind: hash over ids and heads of all its documents. */
  readonly headsByKind: Readonly<Record<string, string>>;
  /** Hash over the ids of all ops. */
  readonly ops: string;
  readonly opCount: number;
  /** Hash over contacts, tags, rules and the order of messages as they are shown. */
  readonly view: string;
}

export interface LinkDeviceOptions {
  /**
   * A device that goes as the new one comes, in one link of the chain: one that was lost, or whose browser has thrown its
   * storage away. It is as if it had been revoked: an epoch begins that it cannot open.
   */
  readonly replaces?: DeviceId;
}

/** Linking another device from this one, which shows the code. */
export interface LinkingHost {
  /** Text of the QR and of the link to paste. Works once, until `expiresAtMs`. */
  readonly code: string;
  /** The same code to type on a device of the same server, where it can be neither scanned nor pasted. */
  readonly typedCode: string;
  readonly expiresAtMs: number;
  /** Resolves when a new device has answered and shows its 6 digits. */
  readonly whenAnswered: Promise<Result<{ readonly deviceName: string }, LinkingError>>;
  /** The digits as the person reads them on the new device. One attempt. */
  confirm(digits: string): Promise<Result<{ readonly deviceId: DeviceId }, LinkingError>>;
  /** Resolves when the other side has been told, as far as it can be: then the program may end. */
  cancel(): Promise<void>;
}

/** Linking this device to an account, from the code another device shows. */
export interface LinkingGuest {
  readonly accountName: string;
  readonly accountId: AccountId;
  /** After the person has said that this is their account: the 6 digits to type on the other device. */
  accept(): Promise<Result<{ readonly digits: string }, LinkingError>>;
  /** Resolves when the other device has added this one; the profile is stored then. */
  whenLinked(): Promise<Result<{ readonly deviceId: DeviceId }, LinkingError>>;
  /** Resolves when the other side has been told, as far as it can be: then the program may end. */
  cancel(): Promise<void>;
}

/** Why nothing was linked. `rule` is the fixed word of core/sigchain/linking. */
export type LinkingError = ClientError | { readonly type: "LinkingFailed"; readonly rule: string };

/** Own devices may dial this one while it is open. */
export interface DirectListener {
  /** `host:port`, one for each address of this machine where it listens on all. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

export interface DirectReport {
  readonly device: DeviceId;
  /** Documents the other device had more of. */
  readonly receivedDocuments: number;
}

export interface SyncReport {
  readonly receivedMessages: number;
  readonly sentMessages: number;
  /** Messages that wait: for the other side to accept the request, or for the server. */
  readonly waitingMessages: number;
  readonly alarms: readonly Alarm[];
}

export interface Client {
  account(): Promise<Result<AccountView, ClientError>>;
  /** The 24 words of an account made on this device, until `confirmRecoveryWords`; null from then on, and elsewhere. */
  recoveryWords(): Promise<Result<string | null, ClientError>>;
  /** The person has written the words down: they are erased here, and nobody can show them again. */
  confirmRecoveryWords(): Promise<Result<void, ClientError>>;
  /**
   * Needs the server, which keeps the recovery key sealed under what a passkey gives: who can use that passkey has the account.
   * `words` is null while they are kept here.
   */
  keepForPasskey(passkeyKey: Bytes, words: string | null): Promise<Result<void, ClientError>>;
  devices(): Promise<Result<readonly DeviceView[], ClientError>>;
  /** Which own device is where, and what it lacks. Asks the server while there is a connection; works without. */
  deviceFrontiers(): Promise<Result<FrontierReport, ClientError>>;
  /** How much of the length of what this device seals is hidden from its servers. */
  padding(): Promise<Result<Padding, ClientError>>;
  /** From now on; what is sealed already keeps its size. Other devices of the account have their own setting. */
  setPadding(padding: Padding): Promise<Result<void, ClientError>>;
  setDisplayName(name: string): Promise<Result<void, ClientError>>;
  setDeviceName(device: DeviceId, name: string): Promise<Result<void, ClientError>>;
  /**
   * Needs the server. The device opens nothing that is written from then on; what it holds it keeps. The account goes on
   * under a new epoch, and contacts are told of new logs. Other own devices need nothing done.
   */
  revokeDevice(device: DeviceId): Promise<Result<void, ClientError>>;
  /** Needs the server. Starts a new epoch for the same devices. */
  rotateEpoch(): Promise<Result<void, ClientError>>;
  /**
   * Needs the server, which erases the account with everything it keeps for it. There is no way back. What this and other
   * devices hold stays; contacts are not told.
   */
  deleteAccount(): Promise<Result<void, ClientError>>;

  /**
   * Puts the account back on a server that lost it or was set back, or on another one. Other own devices go on there by
   * themselves, contacts send again what had not arrived. Nothing that a device holds is lost; it may be repeated.
   *
   * - Fails: `BoxesMissing` on a device that was never connected since it has its epochs; the server's refusals.
   */
  putBack(options?: PutBackOptions): Promise<Result<PutBackReport, ClientError>>;
  /**
   * Looks at a server the account could move to with `putBack`; tells it nothing and changes nothing.
   *
   * - Fails: `IncompatibleServer`; server errors.
   */
  lookAtServer(address: string): Promise<Result<ServerView, ClientError>>;

  status(): ConnectionStatus;
  /** Connects and stays connected, with growing pauses between attempts, until `stop`. */
  start(): void;
  /** Connects unless connected, and resolves once everything there is has come and everything that can go has gone. */
  sync(): Promise<Result<SyncReport, ClientError>>;
  /** Stops, brings everything to disk, releases the profile. */
  stop(): Promise<Result<void, ClientError>>;
  onEvent(listener: (event: ClientEvent) => void): () => void;

  /** Lets own devices synchronise with this one without a server. `address` is `host:port`; port 0 is any. */
  listenDirect(address: string): Promise<Result<DirectListener, ClientError>>;
  /** Dials an own device that listens, and resolves when both hold the same. Needs no server. */
  syncDirect(address: string): Promise<Result<DirectReport, ClientError>>;

  /** Needs the server: shows a code that links one more device. */
  linkDevice(options?: LinkDeviceOptions): Promise<Result<LinkingHost, LinkingError>>;

  /** Text to hand to people who want to write to this account; lets their request in without proof of work. */
  contactLink(): Promise<Result<string, ClientError>>;
  /** Makes another link; who has an earlier one can still ask, at the price of work. */
  replaceContactLink(): Promise<Result<string, ClientError>>;
  /** Needs the server once. `address` is a contact link or a handle; the request goes out with the first sync. */
  addContact(
    address: string,
    options?: { readonly petname?: string; readonly greeting?: string },
  ): Promise<Result<ContactView, ClientError>>;
  contacts(): Promise<Result<readonly ContactView[], ClientError>>;
  acceptContact(accountId: AccountId): Promise<Result<ContactView, ClientError>>;
  declineContact(accountId: AccountId): Promise<Result<void, ClientError>>;
  setPetname(accountId: AccountId, petname: string | null): Promise<Result<void, ClientError>>;
  setContactNotes(accountId: AccountId, notes: string | null): Promise<Result<ContactView, ClientError>>;
  /** What was found and has to be known, newest first: open ones, and those that are over or read, for a while. */
  alarms(): Promise<Result<readonly AlarmView[], ClientError>>;
  /** A person has read it. It stays in the list while it is open, and what it stops stays stopped. - Fails: `UnknownAlarm`. */
  acknowledgeAlarm(id: string): Promise<Result<void, ClientError>>;
  /** Devices that came to a contact's account since it was known here, oldest first. */
  deviceNotices(accountId: AccountId): Promise<Result<readonly DeviceNoticeView[], ClientError>>;
  contactDetails(accountId: AccountId): Promise<Result<ContactDetails, ClientError>>;
  /** 60 digits that are the same on both sides. */
  safetyNumber(accountId: AccountId): Promise<Result<string, ClientError>>;
  /**
   * Notes that the contact was verified. `shown` is what the other side shows: the 60 digits in any spacing, or their
   * contact link, read from their screen.
   *
   * - Fails: `SafetyNumberDiffers`; `BadSafetyNumber` for what is neither. What was noted before stays as it is.
   */
  verifyContact(accountId: AccountId, shown: string): Promise<Result<ContactView, ClientError>>;
  forgetVerification(accountId: AccountId): Promise<Result<ContactView, ClientError>>;
  /**
   * Nothing of them is let in or shown from now on, on any device; they are not told, but find the conversation closed.
   * Contact links handed out before cost work from then on.
   */
  blockContact(accountId: AccountId): Promise<Result<ContactView, ClientError>>;
  /** Back to what it was. What they wrote meanwhile does not come. */
  unblockContact(accountId: AccountId): Promise<Result<ContactView, ClientError>>;
  /** Needs the server once. Asks somebody who is `known`, at the price of work; the request goes out with the first sync. */
  askContact(
    accountId: AccountId,
    options?: { readonly greeting?: string },
  ): Promise<Result<ContactView, ClientError>>;
  /** The text of a file with all contacts, in clear; docs/protocol/exports.md. */
  exportContacts(): Promise<Result<string, ClientError>>;
  /**
   * Takes over the text of such a file: of whom is here what is empty, of others all but the way to them, which they have
   * to give. Asks nobody. A verified mark counts when a device of this account wrote it. `isDryRun` only says what would be.
   *
   * - Fails: with the line and field that is wrong, before anything was changed.
   */
  importContacts(
    text: string,
    options?: { readonly isDryRun?: boolean },
  ): Promise<Result<ContactsImport, ClientError>>;

  send(conversationId: ConversationId, text: string): Promise<Result<MessageView, ClientError>>;
  conversations(): Promise<Result<readonly ConversationView[], ClientError>>;
  /** Newest first; `beforeHlcKey` continues where a page ended. */
  messages(
    conversationId: ConversationId,
    page?: { readonly limit?: number; readonly before?: string },
  ): Promise<Result<MessagePage, ClientError>>;
  markRead(conversationId: ConversationId): Promise<Result<void, ClientError>>;
  setArchived(conversationId: ConversationId, isArchived: boolean): Promise<Result<void, ClientError>>;
  /** On all devices, until it is taken back; the other side is not told. */
  setMuted(conversationId: ConversationId, isMuted: boolean): Promise<Result<void, ClientError>>;
  setStarred(
    message: { readonly conversationId: ConversationId; readonly id: OpId },
    isStarred: boolean,
  ): Promise<Result<void, ClientError>>;
  /** Messages with a star, of all conversations, newest first; `before` continues where a page ended. */
  starred(page?: {
    readonly limit?: number;
    readonly before?: string;
  }): Promise<Result<StarredPage, ClientError>>;

  /** As `messages`, with the bytes of each and the proof that makes them come back in this account. */
  exportMessages(
    conversationId: ConversationId,
    page?: { readonly limit?: number; readonly before?: string },
  ): Promise<Result<ExportPage, ClientError>>;
  /**
   * Brings messages of an export of this account back where they are missing, on all devices; at most
   * `IMPORT_MESSAGES_MAX` at once, all of them or none. `isDryRun` only says what would be.
   *
   * - Fails: `ImportUnproven` with the first that no device of this account is known to have written so.
   */
  importMessages(
    messages: readonly ImportMessage[],
    options?: { readonly isDryRun?: boolean },
  ): Promise<Result<MessagesImport, ClientError>>;
  /**
   * Takes an own message back, for everyone: devices of both sides remove its text and show that there was a message. What
   * the other side has read, copied or saved elsewhere nobody can take back.
   *
   * - Fails: `UnknownMessage`; `NotYourMessage`.
   */
  redact(message: MessageRef): Promise<Result<void, ClientError>>;
  /**
   * Deletes messages on every device of this account, and on nobody else's. What is on its way still arrives there.
   *
   * - Fails: `UnknownMessage`. - Limits: `DELETED_MESSAGES_MAX` at once.
   */
  deleteMessages(
    conversationId: ConversationId,
    ids: readonly OpId[],
  ): Promise<Result<DeletionReport, ClientError>>;
  /**
   * Deletes all messages of a conversation that are here, on every device of this account; the contact stays, and what comes
   * later is shown. - Fails: `HistoryIncomplete` while this device is still loading its history.
   */
  deleteConversation(conversationId: ConversationId): Promise<Result<DeletionReport, ClientError>>;

  /** Every room this account is in, was in, or is invited to; newest first. */
  rooms(): Promise<Result<readonly RoomView[], ClientError>>;
  /** What happened in a room, oldest first; at most `ROOM_HAPPENINGS_MAX` things are kept of each. */
  roomHappenings(roomId: ConversationId): Promise<Result<readonly RoomHappeningView[], ClientError>>;
  /** Founds a room with this account as its owner. Works offline; others come in once the server is there. */
  createRoom(name: string): Promise<Result<RoomView, ClientError>>;
  /**
   * Begins a conversation of two over MLS with a contact, who decides whether they join; the one there is already, if there is one. Works
   * offline.
   *
   * - Fails: `UnknownContact` for who has not accepted; `RoomTooLarge` when their chain is too long to be let in anywhere.
   */
  createConversationOfTwo(accountId: AccountId): Promise<Result<RoomView, ClientError>>;
  /** Lets a contact in, with all their devices. They are told, and decide whether they join. */
  inviteToRoom(
    roomId: ConversationId,
    accountId: AccountId,
    role?: RoomRole,
  ): Promise<Result<RoomView, ClientError>>;
  acceptRoom(roomId: ConversationId): Promise<Result<RoomView, ClientError>>;
  /** Leaves a room, or declines an invitation to it. The others are told; what was written here and is not there yet has failed. */
  leaveRoom(roomId: ConversationId): Promise<Result<RoomView, ClientError>>;
  removeFromRoom(roomId: ConversationId, accountId: AccountId): Promise<Result<RoomView, ClientError>>;
  renameRoom(roomId: ConversationId, name: string): Promise<Result<RoomView, ClientError>>;
  /** Says what a room is for; "" takes it away. Takes an admin. - Fails: `NameTooLong` over 4 KiB. */
  describeRoom(roomId: ConversationId, about: string): Promise<Result<RoomView, ClientError>>;
  /**
   * How long messages stay that are written from then on; null for ever. Takes an admin. What was written before stays as it was.
   *
   * - Fails: `RoomForbids` with `lifetime`; `BadRoomLifetime` outside of `ROOM_LIFETIME_MS_MIN` to `ROOM_LIFETIME_MS_MAX`.
   */
  setRoomLifetime(roomId: ConversationId, lifetimeMs: number | null): Promise<Result<RoomView, ClientError>>;
  /**
   * What those get who come later, of what is written from then on: the last days, all with `days` null, or nothing with null. Takes an
   * admin. Where they get something each message carries a proof of its author that can be shown to anybody.
   *
   * - Fails: `RoomForbids` with `history`; `BadRoomHistory` outside of 1 to `ROOM_HISTORY_DAYS_MAX` days.
   */
  setRoomHistory(
    roomId: ConversationId,
    history: RoomHistoryPolicy | null,
  ): Promise<Result<RoomView, ClientError>>;
  /**
   * Makes a link that lets people into a room as members, for a while and a number of times. Who comes by it becomes a contact, and
   * is let in by any device of this account that is there. Takes a moderator.
   *
   * - Fails: `RoomForbids` with `links` at `ROOM_LINKS_MAX` that still work; `BadRoomLink` with `lifetime` or `uses`.
   */
  createRoomLink(
    roomId: ConversationId,
    options: { readonly lifetimeMs: number; readonly usesMax: number },
  ): Promise<Result<RoomLinkView, ClientError>>;
  /** The links this account has made into a room, oldest first; those that are over until another is made. */
  roomLinks(roomId: ConversationId): Promise<Result<readonly RoomLinkView[], ClientError>>;
  /** Who came by it stays. - Fails: `UnknownRoomLink`. */
  revokeRoomLink(roomId: ConversationId, id: string): Promise<Result<void, ClientError>>;
  /**
   * Asks to come into a room by a link. It shows in `rooms` as joined once a device of whoever made it has let this account in;
   * nothing says no to a link that is over. - Fails: `BadRoomLink`.
   */
  joinRoom(
    code: string,
  ): Promise<Result<{ readonly roomId: ConversationId; readonly by: AccountId }, ClientError>>;
  setRoomRole(
    roomId: ConversationId,
    accountId: AccountId,
    role: RoomRole,
  ): Promise<Result<RoomView, ClientError>>;
  /** What they write until then is not shown to anybody; null lifts it. */
  muteInRoom(
    roomId: ConversationId,
    accountId: AccountId,
    untilMs: number | null,
  ): Promise<Result<RoomView, ClientError>>;

  /** The documents of a room that its members write together, oldest first; readable also where one is not in it any more. */
  roomDocuments(roomId: ConversationId): Promise<Result<readonly RoomDocumentView[], ClientError>>;
  /** Makes a note or a list for everybody in the room. Works offline. Who comes in later sees what is made from then on. */
  createRoomDocument(
    roomId: ConversationId,
    form: "note" | "list",
    title: string,
  ): Promise<Result<RoomDocumentView, ClientError>>;
  /**
   * Changes a document. `since` is the `version` the person was looking at: what others wrote meanwhile stays. Works offline.
   *
   * - Fails: `UnknownRoomDocument`; `RoomDocumentRefused`; `NotInRoom`.
   */
  editRoomDocument(
    roomId: ConversationId,
    documentId: OpId,
    edit: RoomDocumentEdit,
    since?: readonly OpId[],
  ): Promise<Result<RoomDocumentView, ClientError>>;
  /** Takes a document away for everybody. - Fails: `RoomDocumentRefused` with `creator` unless this account has made it. */
  removeRoomDocument(roomId: ConversationId, documentId: OpId): Promise<Result<void, ClientError>>;

  /**
   * Makes a backup of the whole account, under the recovery words or a passphrase of its own. No device's keys are in it.
   *
   * - Fails: `HistoryIncomplete`; `BadRecoveryWords`; `WrongRecoveryKey`.
   */
  createBackup(key: BackupKey): Promise<Result<BackupSource, ClientError>>;
  /** Brings back what the account lacks of a backup of it. Read the file through with `verifyBackup` first. */
  restoreBackup(key: BackupKey): Promise<Result<BackupIntake, ClientError>>;

  /** What is being written to somebody and not sent, on any device of the account; null when nothing is. */
  draft(conversationId: ConversationId): Promise<Result<DraftView | null, ClientError>>;
  /** All of them, in the order of `conversations`, those in rooms last. */
  drafts(): Promise<Result<readonly DraftView[], ClientError>>;
  /** Null or an empty text clears it. Each call is a change that goes to all devices: not for each key that is pressed. */
  setDraft(conversationId: ConversationId, text: string | null): Promise<Result<void, ClientError>>;

  tags(): Promise<Result<readonly TagView[], ClientError>>;
  createTag(name: string): Promise<Result<TagView, ClientError>>;
  deleteTag(tagId: string): Promise<Result<void, ClientError>>;
  setTagged(
    conversationId: ConversationId,
    tagId: string,
    isTagged: boolean,
  ): Promise<Result<void, ClientError>>;
  tagRules(): Promise<Result<readonly TagRuleView[], ClientError>>;
  createTagRule(sender: AccountId, tagId: string): Promise<Result<TagRuleView, ClientError>>;
  deleteTagRule(ruleId: string): Promise<Result<void, ClientError>>;

  /**
   * Messages that `query` finds, in the language of core/messenger/search/search-query.ts. The first search makes the
   * index, with events of progress. Conversations with people who are not heard are left out.
   *
   * - Fails: `BadSearch` with its position; `SearchNameUnknown`; `SearchUnavailable` where there is no index.
   */
  search(query: string, options?: SearchOptions): Promise<Result<SearchPage, ClientError>>;

  fingerprint(): Promise<Result<StateFingerprint, ClientError>>;
}

export interface SearchOptions {
  /** 20 unless named, `SEARCH_PAGE_HITS_MAX` at most. */
  readonly limit?: number;
  /** `newest` first unless named. By relevance only the newest 1,000 hits are ordered and given. */
  readonly order?: SearchOrder;
  /** What the last page ended with. */
  readonly older?: string;
}

export interface ImportMessage {
  readonly op: Bytes;
  readonly proof: ExportProof;
}

export interface MessagesImport {
  /** Messages that were missing. */
  readonly added: number;
  /** Messages that were here. */
  readonly known: number;
  /** Messages of conversations with nobody who is here; they were left out. */
  readonly strangers: number;
}
