/** The whole `Client` as a service: what each method takes, and how its events wait for a slow reader. */
import { idArgument, booleanArgument, bytesArgument, integerArgument } from "./parse-argument.ts";
import { listArgument, nullableArgument, oneOfArguments } from "./parse-argument.ts";
import { optionalArgument, recordArgument, textArgument, wordArgument } from "./parse-argument.ts";
import type { DeviceId } from "../../base/ids.ts";
import {
  DELETED_MESSAGES_MAX,
  IMPORT_MESSAGES_MAX,
  SERVED_EVENTS_WAITING_MAX,
  SHARED_CHANGES_MAX,
} from "../../base/limits.ts";
import { PADDINGS } from "../../crypto/padding.ts";
import type { ExportProof } from "../../messenger/exported/export-proof.ts";
import { ROOM_ROLES } from "../../messenger/room/room-context.ts";
import type { RoomHistoryPolicy } from "../../messenger/room/room-history.ts";
import type { BackupKey } from "../backup/backup-secret.ts";
import type {
  BackupIntake,
  BackupSource,
  Client,
  ClientEvent,
  DirectListener,
  ImportMessage,
  LinkingHost,
  PutBackOptions,
  SearchOptions,
} from "../client.ts";
import type { RoomDocumentEdit } from "../views/room-view.ts";
import { handleRule, type Service } from "./service.ts";

/** `stop` is each side's own; what does not answer with a promise is made from `start` and the events. */
export type ServedClient = Omit<Client, "stop" | "start" | "status" | "onEvent"> & { start(): Promise<void> };

const account = idArgument("account");
const conversation = idArgument("conversation");
const device = idArgument("device");
const dryRun = optionalArgument(
  recordArgument<{ readonly isDryRun?: boolean }>({ required: {}, optional: { isDryRun: booleanArgument } }),
);
const importMessage = recordArgument<ImportMessage>({
  required: {
    op: bytesArgument,
    proof: recordArgument<ExportProof>({
      required: { epoch: integerArgument, mac: bytesArgument },
      optional: {},
    }),
  },
  optional: {},
});
const op = idArgument("op");
const ROOM_DOCUMENT_EDITS: readonly RoomDocumentEdit["type"][] = [
  "title",
  "text",
  "add",
  "item-text",
  "check",
  "uncheck",
  "remove",
];

/** What opens a backup. */
export const backupKeyArgument = oneOfArguments<BackupKey>([
  recordArgument<BackupKey & { readonly type: "words" }>({
    required: { type: wordArgument(["words"]), words: textArgument },
    optional: {},
  }),
  recordArgument<BackupKey & { readonly type: "passphrase" }>({
    required: { type: wordArgument(["passphrase"]), passphrase: bytesArgument },
    optional: {},
  }),
]);

/** A backup that is being read. */
export const backupIntakeRule = handleRule<BackupIntake>({
  methods: { push: [bytesArgument], finish: [], cancel: [] },
  promises: [],
  ends: ["finish", "cancel"],
  cancel: "cancel",
});

export const CLIENT_SERVICE: Service<ServedClient> = {
  name: "client",
  version: 1,
  methods: {
    account: [],
    recoveryWords: [],
    confirmRecoveryWords: [],
    keepForPasskey: [bytesArgument, nullableArgument(textArgument)],
    devices: [],
    deviceFrontiers: [],
    padding: [],
    setPadding: [wordArgument(PADDINGS)],
    setDisplayName: [textArgument],
    setDeviceName: [device, textArgument],
    revokeDevice: [device],
    rotateEpoch: [],
    deleteAccount: [],
    putBack: [
      optionalArgument(
        recordArgument<PutBackOptions>({
          required: {},
          optional: { origin: textArgument, invitation: textArgument, handle: textArgument },
        }),
      ),
    ],
    lookAtServer: [textArgument],
    start: [],
    sync: [],
    listenDirect: [textArgument],
    syncDirect: [textArgument],
    linkDevice: [
      optionalArgument(
        recordArgument<{ readonly replaces?: DeviceId }>({ required: {}, optional: { replaces: device } }),
      ),
    ],
    contactLink: [],
    replaceContactLink: [],
    addContact: [
      textArgument,
      optionalArgument(
        recordArgument<{ readonly petname?: string; readonly greeting?: string }>({
          required: {},
          optional: { petname: textArgument, greeting: textArgument },
        }),
      ),
    ],
    contacts: [],
    acceptContact: [account],
    declineContact: [account],
    setPetname: [account, nullableArgument(textArgument)],
    safetyNumber: [account],
    setContactNotes: [account, nullableArgument(textArgument)],
    alarms: [],
    acknowledgeAlarm: [textArgument],
    deviceNotices: [account],
    contactDetails: [account],
    verifyContact: [account, textArgument],
    forgetVerification: [account],
    blockContact: [account],
    unblockContact: [account],
    askContact: [
      account,
      optionalArgument(
        recordArgument<{ readonly greeting?: string }>({
          required: {},
          optional: { greeting: textArgument },
        }),
      ),
    ],
    exportContacts: [],
    importContacts: [textArgument, dryRun],
    exportMessages: [
      conversation,
      optionalArgument(
        recordArgument<{ readonly limit?: number; readonly before?: string }>({
          required: {},
          optional: { limit: integerArgument, before: textArgument },
        }),
      ),
    ],
    importMessages: [listArgument(importMessage, IMPORT_MESSAGES_MAX), dryRun],
    send: [conversation, textArgument],
    conversations: [],
    messages: [
      conversation,
      optionalArgument(
        recordArgument<{ readonly limit?: number; readonly before?: string }>({
          required: {},
          optional: { limit: integerArgument, before: textArgument },
        }),
      ),
    ],
    markRead: [conversation],
    setArchived: [conversation, booleanArgument],
    setMuted: [conversation, booleanArgument],
    setStarred: [
      recordArgument({ required: { conversationId: conversation, id: idArgument("op") }, optional: {} }),
      booleanArgument,
    ],
    starred: [
      optionalArgument(
        recordArgument<{ readonly limit?: number; readonly before?: string }>({
          required: {},
          optional: { limit: integerArgument, before: textArgument },
        }),
      ),
    ],
    redact: [recordArgument({ required: { conversationId: conversation, id: op }, optional: {} })],
    deleteMessages: [conversation, listArgument(op, 2 * DELETED_MESSAGES_MAX)],
    deleteConversation: [conversation],
    rooms: [],
    roomHappenings: [conversation],
    createRoom: [textArgument],
    createConversationOfTwo: [account],
    inviteToRoom: [conversation, account, optionalArgument(wordArgument(ROOM_ROLES))],
    acceptRoom: [conversation],
    leaveRoom: [conversation],
    removeFromRoom: [conversation, account],
    renameRoom: [conversation, textArgument],
    describeRoom: [conversation, textArgument],
    setRoomLifetime: [conversation, nullableArgument(integerArgument)],
    setRoomHistory: [
      conversation,
      nullableArgument(
        recordArgument<RoomHistoryPolicy>({
          required: { days: nullableArgument(integerArgument) },
          optional: {},
        }),
      ),
    ],
    createRoomLink: [
      conversation,
      recordArgument<{ readonly lifetimeMs: number; readonly usesMax: number }>({
        required: { lifetimeMs: integerArgument, usesMax: integerArgument },
        optional: {},
      }),
    ],
    roomLinks: [conversation],
    revokeRoomLink: [conversation, textArgument],
    joinRoom: [textArgument],
    setRoomRole: [conversation, account, wordArgument(ROOM_ROLES)],
    muteInRoom: [conversation, account, nullableArgument(integerArgument)],
    roomDocuments: [conversation],
    createRoomDocument: [conversation, wordArgument(["note", "list"]), textArgument],
    editRoomDocument: [
      conversation,
      op,
      recordArgument<RoomDocumentEdit>({
        required: { type: wordArgument(ROOM_DOCUMENT_EDITS) },
        optional: { text: textArgument, item: textArgument },
      }),
      optionalArgument(listArgument(op, SHARED_CHANGES_MAX)),
    ],
    removeRoomDocument: [conversation, op],
    createBackup: [backupKeyArgument],
    restoreBackup: [backupKeyArgument],
    draft: [conversation],
    drafts: [],
    setDraft: [conversation, nullableArgument(textArgument)],
    tags: [],
    createTag: [textArgument],
    deleteTag: [textArgument],
    setTagged: [conversation, textArgument, booleanArgument],
    tagRules: [],
    createTagRule: [account, textArgument],
    deleteTagRule: [textArgument],
    search: [
      textArgument,
      optionalArgument(
        recordArgument<SearchOptions>({
          required: {},
          optional: {
            limit: integerArgument,
            order: wordArgument(["newest", "relevance"]),
            older: textArgument,
          },
        }),
      ),
    ],
    fingerprint: [],
  },
  handles: {
    listenDirect: handleRule<DirectListener>({
      methods: { close: [] },
      promises: [],
      ends: ["close"],
      cancel: "close",
    }),
    createBackup: handleRule<BackupSource>({
      methods: { next: [], cancel: [] },
      promises: [],
      ends: ["cancel"],
      cancel: "cancel",
    }),
    restoreBackup: backupIntakeRule,
    linkDevice: handleRule<LinkingHost>({
      methods: { confirm: [textArgument], cancel: [] },
      promises: ["whenAnswered"],
      ends: ["confirm", "cancel"],
      cancel: "cancel",
    }),
  },
};

/**
 * Events that wait for a slow reader: of what is only a state the newest; over `SERVED_EVENTS_WAITING_MAX` the oldest
 * messages go, and a `state` event says that all has to be read again.
 */
export function mergeClientEvent(
  waiting: readonly ClientEvent[],
  event: ClientEvent,
): readonly ClientEvent[] {
  const kept = waiting.filter((older) => !isReplacedBy(older, event));
  const merged = [...kept, event];
  if (merged.length <= SERVED_EVENTS_WAITING_MAX) return merged;
  const alarms = merged.filter(({ type }) => type === "alarm").slice(-SERVED_EVENTS_WAITING_MAX / 2);
  const room = SERVED_EVENTS_WAITING_MAX - alarms.length - 1;
  const rest = merged.filter(({ type }) => type !== "alarm" && type !== "state").slice(-room);
  return [...alarms, ...rest, { type: "state" }];
}

function isReplacedBy(older: ClientEvent, newer: ClientEvent): boolean {
  switch (newer.type) {
    case "connection":
    case "state":
      return older.type === newer.type;
    case "progress":
      return older.type === "progress" && older.phase === newer.phase;
    case "delivered":
    case "deleted":
      return older.type === newer.type && older.conversationId === newer.conversationId;
    default:
      return false;
  }
}
