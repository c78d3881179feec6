/**
 * Every limit of the protocol and the engine, each with its unit last. Each has a test at, under and over it.
 *
 * Changing one that both sides enforce changes the protocol: raise `PROTOCOL_VERSION` with it.
 */

// Codec
export const CBOR_DEPTH_MAX = 16;
/** Arrays and strings in one structure: so many, and one more for every so many bytes, which is less than any of ours has. */
export const CBOR_OBJECTS_MIN = 4_096;
export const CBOR_BYTES_PER_OBJECT = 8;
export const FRAME_BYTES_MAX = 1_048_576;

// Sealed log
export const ENTRY_BYTES_MAX = 262_144;
export const APPEND_BATCH_ENTRIES_MAX = 100;
export const READ_PAGE_ENTRIES_MAX = 500;
export const SUBSCRIPTIONS_PER_CONNECTION_MAX = 4_096;

// Snapshots
export const BLOB_BYTES_MAX = 524_288;
export const BLOBS_PER_READ_MAX = 256;
export const SNAPSHOT_BLOBS_MAX = 8_192;
export const SNAPSHOT_PACK_DOCUMENTS_MAX = 1_024;
export const SNAPSHOT_DOCUMENTS_MAX = 65_536;
export const SNAPSHOT_EXCEPT_MAX = 1_024;
export const ENTRY_IDS_PER_READ_MAX = 16_384;

// Incarnations
export const RESEED_BYTES_MAX = 512;

// Frontiers of own devices
export const FRONTIER_BYTES_MAX = 8_192;
export const FRONTIER_INBOUND_LOGS_MAX = 32;

// Backups
export const BACKUP_HEAD_BYTES_MAX = 1_024;
export const BACKUP_FRAME_BYTES_MAX = 1_048_576;

// Sigchain
export const LINK_BYTES_MAX = 65_536;
export const ACTIVE_DEVICES_MAX = 64;
export const CHAIN_PAGE_LINKS_MAX = 256;
/** Pages one refresh takes; what is beyond them comes with the next. */
export const CHAIN_PAGES_PER_REFRESH_MAX = 64;
export const EPOCH_BOXES_BYTES_MAX = 262_144;
export const EPOCH_WALKS_MAX = 16;
export const DEVICE_NAME_BYTES_MAX = 256;
export const NEW_DEVICE_HOLD_MS = 86_400_000;

// Handles and rendezvous
export const HANDLE_CHARS_MIN = 2;
export const HANDLE_CHARS_MAX = 32;
export const RENDEZVOUS_BYTES_MAX = 4_096;
export const RENDEZVOUS_TTL_MS = 300_000;
export const LINK_PROPOSALS_MAX = 3;
export const ACCOUNT_NAME_BYTES_MAX = 256;
export const PLATFORM_BYTES_MAX = 64;
export const SERVER_ORIGIN_CHARS_MAX = 267;
export const CODE_TEXT_CHARS_MAX = 1_024;

// What was found and has to be known
export const ALARMS_MAX = 1_024;
/** Rules and entries named in one alarm for many faults. */
export const ALARM_RULES_MAX = 16;
export const ALARM_SEQS_MAX = 64;
export const NOTICES_PER_CONTACT_MAX = 256;

// Rotation by the calendar
export const EPOCH_ROTATE_MS = 604_800_000;
export const KEM_ROTATE_MS = 2_592_000_000;
/** How much later each next device of an account does what the first has not done. */
export const CALENDAR_STAGGER_MS = 3_600_000;
/** The longest time between two looks that counts; more is taken for a clock that was wrong. */
export const CALENDAR_GAP_MS_MAX = 5_184_000_000;
/** The longest time without a word of the server for which this device's clock is believed to have gone on rightly. */
export const CLOCK_ABSENCE_MS_MAX = 31_536_000_000;
/** From here on a person is told that this device's clock and its server's differ. */
export const CLOCK_DIFFERS_MS = 3_600_000;

// Prekeys and ratchet
export const PREKEY_POOL_MAX = 100;
export const PREKEY_REFILL_BELOW = 50;
/** One-time prekeys of a device whose private halves it keeps, handed out or not. */
export const PREKEYS_KEPT_MAX = 2_000;
export const PREKEY_ROTATE_MS = 604_800_000;
export const PREKEY_LIFETIME_MS = 7_776_000_000;
export const ENVELOPES_MAX = 64;
export const ENVELOPE_PLAINTEXT_BYTES_MAX = 2_048;
export const SKIPPED_KEYS_PER_CHAIN_MAX = 1_000;
export const SKIPPED_KEYS_PER_SESSION_MAX = 2_000;
export const RECEIVING_CHAINS_MAX = 32;
export const CHAIN_MESSAGES_MAX = 4_294_967_295;
export const SESSIONS_PER_DEVICE_PAIR_MAX = 8;
export const REMEMBERED_STARTS_MAX = 256;

// Ops and documents
export const OP_BYTES_MAX = 65_536;
export const MESSAGE_TEXT_BYTES_MAX = 32_768;
export const OPS_PER_BUCKET_MAX = 512;
/** In a row of a profile. */
export const OPS_PER_PAGE_MAX = 64;
export const UNSENT_RUNS_MAX = 256;
export const DELETED_MESSAGES_MAX = 1_000;
export const DELETED_OPS_PER_EDIT_MAX = 500;
export const OP_CLOCK_AHEAD_MAX_MS = 86_400_000;
export const PADDING_FLOOR_BYTES = 256;
/** Sizes of the setting `fixed`; what is larger than the last is padded as always. */
export const PADDING_FIXED_BYTES: readonly number[] = [2_048, 16_384];
/** Of whole frames: a text of up to the first sealed size, as it travels, has the size of an acknowledgement. */
export const FRAME_PADDING_FLOOR_BYTES = 256;
export const FRAME_PADDING_FIXED_BYTES: readonly number[] = [6_144, 40_960];
/** Of a request to a directory, path and query, where padding is on: more than any of them has. */
export const HTTP_PATH_CHARS = 160;

// Storage on a device
export const STORE_KEY_CHARS_MAX = 512;
export const STORE_VALUE_BYTES_MAX = 16_777_216;
/** More than taking over a snapshot writes: its packs twice, points of logs, entries. */
export const STORE_BATCH_ROWS_MAX = 40_960;
export const DOCUMENTS_LIVE_MAX = 64;
export const STORE_KEY_FILE_BYTES_MAX = 1_024;
export const PASSPHRASE_BYTES_MAX = 1_024;
export const PASSPHRASE_MEMORY_BYTES_MIN = 8_192;
export const PASSPHRASE_MEMORY_BYTES_MAX = 268_435_456;
export const PASSPHRASE_PASSES_MAX = 16;

// State documents
export const DISPLAY_NAME_BYTES_MAX = 256;
export const CONTACT_NOTES_BYTES_MAX = 4_096;
export const TAG_NAME_BYTES_MAX = 128;

// One profile, several processes or tabs
export const SERVED_CALLS_MAX = 64;
export const SERVED_HANDLES_MAX = 16;
export const SERVED_EVENTS_UNSEEN_MAX = 256;
export const SERVED_EVENTS_WAITING_MAX = 512;
export const SERVED_MESSAGE_BYTES_MAX = 67_108_864;

// Search
export const SEARCH_QUERY_CHARS_MAX = 1_024;
export const SEARCH_TERMS_MAX = 32;
export const SEARCH_DEPTH_MAX = 8;
export const SEARCH_PAGE_HITS_MAX = 100;
export const SEARCH_SEGMENT_OPS_MAX = 4_096;
export const SEARCH_SEGMENT_BYTES_MAX = 1_048_576;
export const SEARCH_SEGMENTS_MAX = 8_192;

// Exported files
export const EXPORT_LINE_CHARS_MAX = 524_288;
/** It is read whole; a larger one has no contacts in it. */
export const CONTACTS_FILE_BYTES_MAX = 16_777_216;
export const IMPORT_CONTACTS_MAX = 1_000;
export const IMPORT_MESSAGES_MAX = 250;

// Groups
export const KEY_PACKAGE_BYTES_MAX = 4_096;
export const KEY_PACKAGE_LIFETIME_MS_MAX = 7_776_000_000;
export const KEY_PACKAGE_POOL_MAX = 20;
export const KEY_PACKAGE_REFILL_BELOW = 10;
/** Key packages of a device whose private halves it keeps, beside the last resort. */
export const KEY_PACKAGES_KEPT_MAX = 400;
export const KEY_PACKAGE_ROTATE_MS = 604_800_000;
export const GROUP_ADDS_PER_COMMIT_MAX = 50;
export const GROUP_LEAVES_MAX = 2_048;
/** A group that is joined is in such an epoch at most, so that the number of each later one can be held. */
export const GROUP_EPOCH_MAX = 2 ** 40;
/** More than 1,000 accounts take with the longest names and origins. */
export const GROUP_CONTEXT_BYTES_MAX = 917_504;

// Rooms
export const ROOM_ACCOUNTS_MAX = 1_000;
/** Of a room without a name. */
export const ROOM_OF_TWO_ACCOUNTS_MAX = 2;
/** Entries of one commit, the last of which takes effect. */
export const ROOM_COMMIT_PARTS_MAX = 16;
/** Commits that somebody has begun to send and not sent, of which a device keeps the parts. */
export const ROOM_BEGUN_COMMITS_MAX = 8;
/** Links of chains that one commit brings: of one account, and of all it lets in at once. What is more comes with the next. */
export const ROOM_EVIDENCE_LINKS_MAX = 4_096;
export const ROOM_EVIDENCE_BYTES_MAX = 1_048_576;
/** Commits a device keeps for a log that begins anew, and how large one of them may be. */
export const ROOM_PAST_COMMITS_MAX = 16;
export const ROOM_PAST_COMMIT_BYTES_MAX = 262_144;
/** When a device gives its leaf fresh keys, after the last time it did: each time another age between the two. */
export const ROOM_LEAF_RENEW_MS_MIN = 518_400_000;
export const ROOM_LEAF_RENEW_MS_MAX = 604_800_000;
/** How long a server keeps what everybody in a room has read, at least, and half of how long at most. RM74 */
export const ROOM_LOG_KEPT_MS = 2_592_000_000;
export const ROOM_NAME_BYTES_MAX = 256;
export const ROOM_ABOUT_BYTES_MAX = 4_096;
export const ROOM_INTENTS_MAX = 64;
export const ROOM_LIFETIME_MS_MIN = 3_600_000;
export const ROOM_LIFETIME_MS_MAX = 315_360_000_000;
export const ROOM_LIFETIME_SLACK_MS = 300_000;
export const ROOM_LIMITS_PER_DEVICE_MAX = 256;
export const ROOM_LINKS_MAX = 16;
export const ROOM_LINK_LIFETIME_MS_MAX = 7_776_000_000;
export const ROOM_LINK_USES_MAX = 100;
export const ROOM_HAPPENINGS_MAX = 256;
/** Own devices that are named to be in a group; of one that has more they are not told. */
export const ROOM_INSIDE_DEVICES_MAX = 128;
/** What a room's members agree on, as its eldest's devices are told of it; what is larger they are not told. */
export const ROOM_AGREED_BYTES_MAX = 4_096;
export const ROOM_MISSED_ASKED_MAX = 64;
/** Requests to come back of devices that no chain here has, of one room. */
export const ROOM_REJOINS_MAX = 64;
/** Members whose word on a room's group a device does not go by for a while. */
export const ROOM_DOUBTED_MAX = 8;
/** What waits of an account in a room until its chain is there. */
export const ROOM_UNPROVEN_OPS_MAX = 256;
/** What a device sends again in an hour because one account could not open it. */
export const ROOM_RESENT_OPS_MAX = 1_024;
export const ROOM_HISTORY_DAYS_MAX = 3_650;
/** Former members whose words a room may still hand on. */
export const ROOM_FORMER_MAX = 256;
/** Of one membership. */
export const ROOM_HISTORY_ASKS_MAX = 64;
/** Of one answer. */
export const ROOM_HISTORY_LETTERS_MAX = 8;
/** Accounts that a question for history leaves out. */
export const ROOM_HISTORY_EXCEPT_MAX = 16;
/** How far whoever answers counts what is still to come. */
export const ROOM_HISTORY_LEFT_MAX = 1_024;
/** Runs of ops that somebody who asks for history says are there. */
export const ROOM_HISTORY_RUNS_MAX = 2_048;
/** How far back who answers looks among the ops of a room. */
export const ROOM_HISTORY_OPS_MAX = 16_384;

// Coming back
export const PASSKEY_ENTRIES_READ_MAX = 64;

// Shared documents
export const SHARED_TITLE_BYTES_MAX = 256;
export const SHARED_KEY_BYTES_MAX = 256;
export const SHARED_VALUE_BYTES_MAX = 8_192;
export const SHARED_AFTER_MAX = 32;
export const SHARED_FROM_MAX = 256;
export const SHARED_STEPS_MAX = 1_024;
export const SHARED_OVER_MAX = 32;
export const SHARED_OPERATIONS_PER_CHANGE_MAX = 8_192;
export const SHARED_DEPTH_MAX = 16;
export const SHARED_CHANGES_MAX = 4_096;
export const SHARED_OPERATIONS_MAX = 131_072;
export const SHARED_BYTES_MAX = 8_388_608;
/** As many as a document has operations add up to less than 2^53. */
export const SHARED_COUNTER_MAX = 68_719_476_735;
/** What a Date holds. */
export const SHARED_TIME_MS_MAX = 8_640_000_000_000_000;
export const SHARED_DOCUMENTS_PER_ACCOUNT_MAX = 32;
export const SHARED_NOTE_BYTES_MAX = 32_768;
export const SHARED_ITEM_BYTES_MAX = 4_096;

// Direct synchronisation of own devices
export const DIRECT_HELLO_BYTES_MAX = 2_048;
export const DIRECT_FRAME_BYTES_MAX = 67_108_864;
export const DIRECT_DOCUMENTS_MAX = 65_536;
export const DIRECT_SESSIONS_MAX = 8;

// Spans
export const SPAN_ENDPOINT_CHARS_MAX = 2_048;
export const SPANS_OPEN_MAX = 1_024;
export const SPANS_QUEUED_MAX = 2_048;
export const SPAN_FLUSH_MS_MAX = 2_000;

// One process a profile
export const PROFILE_WAIT_MS_MAX = 5_000;

// Metrics of a client
export const METRICS_CONNECTIONS_MAX = 16;
export const METRICS_REQUEST_MS_MAX = 5_000;
