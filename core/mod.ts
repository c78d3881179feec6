/** The public door of the engine: everything a face or a program may use, by name. */
export { assert, InvariantError, present, unreachable } from "./base/assert.ts";
export {
  type Bytes,
  concatBytes,
  parseBase64Url,
  parseHex,
  toBase64Url,
  toHex,
  toUtf8,
} from "./base/bytes.ts";
export { type Clock, createSystemClock, sleep } from "./base/clock.ts";
export {
  type AccountId,
  type ConversationId,
  type DeviceId,
  idBytes,
  type OpId,
  parseId,
} from "./base/ids.ts";
export {
  CODE_TEXT_CHARS_MAX,
  CONTACTS_FILE_BYTES_MAX,
  DEVICE_NAME_BYTES_MAX,
  DISPLAY_NAME_BYTES_MAX,
  EXPORT_LINE_CHARS_MAX,
  FRAME_BYTES_MAX,
  IMPORT_CONTACTS_MAX,
  IMPORT_MESSAGES_MAX,
  MESSAGE_TEXT_BYTES_MAX,
  METRICS_CONNECTIONS_MAX,
  METRICS_REQUEST_MS_MAX,
  PROFILE_WAIT_MS_MAX,
  PASSPHRASE_BYTES_MAX,
  SHARED_NOTE_BYTES_MAX,
} from "./base/limits.ts";
export { createLineLogger, parseLogFilter } from "./base/log-lines.ts";
export { type Logger, type LogLevel, silentLogger } from "./base/logger.ts";
export { createPlatformRandom, type Random } from "./base/random.ts";
export { type Err, err, type Ok, ok, type Result } from "./base/result.ts";
export { parseServerOrigin, type ServerOrigin } from "./base/server-origin.ts";
export { NO_SPANS, parseSpanEndpoint, SPAN_ENDPOINT_WANTS, spanEndpointOf } from "./base/span-endpoint.ts";
export { createSpanExport, type SpanExport, type SpanExportOptions } from "./base/span-export.ts";
export type { ClientMeter } from "./client/client-meter.ts";
export { fixedWord, joinSpanSinks, type SpanSink } from "./base/spans.ts";
export type {
  BackupIntake,
  BackupReport,
  BackupSource,
  Client,
  ClientEvent,
  ConnectionStatus,
  DirectListener,
  DirectReport,
  ImportMessage,
  LinkingError,
  LinkingGuest,
  LinkingHost,
  DeletionReport,
  MessagesImport,
  PutBackOptions,
  PutBackReport,
  SearchOptions,
  StateFingerprint,
  SyncReport,
} from "./client/client.ts";
export type {
  AccountView,
  DeviceFrontier,
  DeviceView,
  FrontierReport,
  FrontierState,
  ServerView,
} from "./client/views/account-view.ts";
export type { AlarmView, ChainDisagreement, DeviceNoticeView } from "./client/views/alarm-view.ts";
export type {
  ContactDetails,
  ContactImport,
  ContactImportField,
  ContactsImport,
  ContactState,
  ContactView,
  LastSeen,
  PlaceView,
} from "./client/views/contact-view.ts";
export type {
  ConversationView,
  DeliveryFailure,
  DeliveryState,
  DraftView,
  ExportMessage,
  ExportPage,
  MessagePage,
  MessageRef,
  MessageView,
  SearchHit,
  SearchPage,
  StarredMessage,
  StarredPage,
  TagRuleView,
  TagView,
} from "./client/views/conversation-view.ts";
export type {
  RoomDocumentEdit,
  RoomDocumentItem,
  RoomDocumentView,
  RoomEarlier,
  RoomHappeningView,
  RoomMemberView,
  RoomPending,
  RoomRole,
  RoomState,
  RoomLinkView,
  RoomView,
} from "./client/views/room-view.ts";
export type { DeviceKind } from "./document/schema/settings.ts";
export type { Alarm, ClientError } from "./client/client-error.ts";
export type { BackupKey } from "./client/backup/backup-secret.ts";
export type { BackupLock } from "./log/backup/backup-head.ts";
export { peekBackupLock } from "./client/backup/peek-backup.ts";
export { verifyBackup } from "./client/backup/restore-backup.ts";
export { createAccount, type NewAccount } from "./client/account/create-account.ts";
export { findLinkCode } from "./client/devices/find-link-code.ts";
export { joinAccount } from "./client/devices/join-account.ts";
export { recoverByPasskey } from "./client/account/recover-by-passkey.ts";
export { type ContactLink, readContactLink } from "./sigchain/contact/contact-link.ts";
export { passkeyRecoveryInput } from "./sigchain/keys/passkey-recovery.ts";
export { type AccountRecovery, recoverAccount } from "./client/account/recover-account.ts";
export { openClient } from "./client/open-client.ts";
export { backupIntakeRule, backupKeyArgument } from "./client/served-client/client-service.ts";
export { createClientEvents, type ClientEvents } from "./client/client-events.ts";
export { connectClient } from "./client/served-client/connect-client.ts";
export {
  type ConnectedObject,
  type ConnectError,
  connectObject,
  type ConnectOptions,
} from "./client/served-client/connect-object.ts";
export {
  createMessageSplitter,
  encodeMessage,
  type MessageSplitter,
} from "./client/served-client/message-bytes.ts";
export {
  createPortPair,
  type MessageChannelPort,
  type MessageHandlers,
} from "./client/served-client/message-port.ts";
export {
  type ArgumentParser,
  booleanArgument,
  bytesArgument,
  idArgument,
  integerArgument,
  listArgument,
  nullableArgument,
  optionalArgument,
  recordArgument,
  textArgument,
  wordArgument,
} from "./client/served-client/parse-argument.ts";
export { serveClient, type ServeClientOptions } from "./client/served-client/serve-client.ts";
export { serveObject, type ServedObject } from "./client/served-client/serve-object.ts";
export { handleRule, type HandleRule, type Service } from "./client/served-client/service.ts";
export type { Platform } from "./client/platform.ts";
export {
  editDistance,
  findNamed,
  type Named,
  type NotNamed,
  similarWords,
} from "./messenger/find-named.ts";
export { createFts5Index } from "./messenger/search/fts5-index.ts";
export type { SqlDatabase, SqlStatement, SqlValue } from "./messenger/search/fts5-table.ts";
export type { ExportFault, LineRule } from "./messenger/exported/export-line.ts";
export {
  exportEndLine,
  type ExportedPlace,
  exportedName,
  exportHeadLine,
  exportMessageLine,
  exportPlaceLine,
  type MessagesLine,
} from "./client/export/messages-lines.ts";
export { encodeProof, type ExportProof, type ProofFault } from "./messenger/exported/export-proof.ts";
export {
  createMessagesReader,
  type FileMessage,
  type MessagesFile,
  type MessagesReader,
} from "./messenger/exported/messages-file.ts";
export type { SearchFault, SearchIndex, SearchOrder } from "./messenger/search/search-index.ts";
export { type BadSearch, SEARCH_FILTERS, type SearchRule } from "./messenger/search/search-query.ts";
export type { TextRange } from "./messenger/search/search-text.ts";
export type { Snippet } from "./messenger/search/snippet.ts";
export {
  type BadPassphrase,
  type Passphrase,
  PASSPHRASE_COST,
  type PassphraseCost,
  parsePassphrase,
} from "./crypto/passphrase.ts";
export { wipe } from "./crypto/secret.ts";
export { cryptoReady } from "./crypto/sodium.ts";
export { automergeReady } from "./document/automerge.ts";
export { type ChunkSeal, createChunkSeal } from "./document/storage/chunk-seal.ts";
export { GATEWAY_PATH, GATEWAY_SUBPROTOCOL, PROTOCOL_VERSION } from "./protocol/version.ts";
export { assertBatch, assertRange } from "./store/check-request.ts";
export { createMemoryTxStore, isAsExpected } from "./store/memory-tx-store.ts";
export { type Padding, PADDINGS } from "./crypto/padding.ts";
export { watchRows } from "./client/mend/watch-rows.ts";
export { copyRows, countRows } from "./store/reseal-rows.ts";
export { assertRowKey } from "./store/row-key.ts";
export { sealTxStore } from "./store/sealing-tx-store.ts";
export {
  encodeOpenStoreKey,
  parseStoreKey,
  STORE_KEY_BYTES,
  type StoredKey,
  type StoreKeyFault,
  unwrapStoreKey,
  type WrappedStoreKey,
  wrapStoreKey,
  type WrongPassphrase,
} from "./store/store-key.ts";
export type { Expectation, Row, ScanRange, StoreError, TxStore, WriteOp } from "./store/tx-store.ts";
export { CONNECT_TIMEOUT_MS, createWebConnector } from "./transport/web-connector.ts";
export type {
  PeerConnector,
  PeerHandlers,
  PeerListener,
  PeerSocket,
  PeerUnreachable,
} from "./transport/peer-connector.ts";
export type {
  FrameHandlers,
  FrameSocket,
  HttpRequest,
  HttpResponse,
  ServerConnector,
  ServerUnreachable,
} from "./transport/server-connector.ts";
export type { MalformedWords } from "./sigchain/keys/bip39.ts";
export { formatLinkCode, type LinkCode } from "./sigchain/linking/link-code.ts";
export { isSameServer } from "./client/connection/same-server.ts";
