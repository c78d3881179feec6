/**
 * Limits that only the server has, each with its unit last. What both sides share is in core/base/limits.ts.
 *
 * Those an operator may change are fields of `ServerConfig`; these are their first values.
 */

// Connections
/** From the upgrade to a sign-in or a first opened log. */
export const AUTH_DEADLINE_MS = 5_000;
/** What one connection may send before `hello` was accepted, counted on the socket. */
export const BEFORE_HELLO_BYTES_MAX = 4_096;
/** Largest frame of a connection that has proven nothing yet. */
export const BEFORE_AUTH_FRAME_BYTES_MAX = 4_096;
/** What one connection may send before it has proven anything, pipelined requests included. */
export const BEFORE_AUTH_BYTES_MAX = 131_072;
export const SOCKETS_MAX = 20_000;
export const SOCKETS_PER_ADDRESS_MAX = 1_024;
export const HEARTBEAT_MS = 25_000;
export const SWEEP_MS = 1_000;
export const PROOF_FAILURES_MAX = 8;
export const RESUME_TTL_MS = 43_200_000;
export const RESUME_TOKENS_MAX = 100_000;

/** Sites in whose pages a server may be shown: they stand in a header of every such page. */
export const EMBED_ORIGINS_MAX = 32;

// Certificates by ACME
/** How often it is looked whether the certificate is due. */
export const ACME_CHECK_MS = 3_600_000;
/** After a failed order; doubled each time. Authorities allow five failures an hour for one name. */
export const ACME_RETRY_MIN_MS = 300_000;
export const ACME_RETRY_MAX_MS = 21_600_000;
export const ACME_ORDER_TIMEOUT_MS = 300_000;
export const ACME_REQUEST_TIMEOUT_MS = 30_000;
export const ACME_REQUEST_RETRIES_MAX = 2;
export const ACME_ANSWER_BYTES_MAX = 1_048_576;
/** How often an order or a challenge is asked after, and how long it is waited between. */
export const ACME_POLLS_MAX = 20;
export const ACME_POLL_MIN_MS = 1_000;
export const ACME_POLL_MAX_MS = 15_000;

// Back-pressure
/** Above this many unsent bytes a connection is congested: its subscriptions and requests wait. */
export const BUFFERED_BYTES_MAX = 262_144;
/** A congested connection that takes nothing for this long is closed. */
export const DRAIN_TIMEOUT_MS = 60_000;
/** Bytes of one connection that wait for their commit; above it the socket is not read. */
export const IN_FLIGHT_BYTES_MAX = 4_194_304;
/** Frames of one connection that wait for an earlier one; above it the socket is not read. */
export const WAITING_FRAMES_MAX = 256;
export const CATCH_UP_PAGE_BYTES = 65_536;
/** Room that a frame's own structure may take beside its entries or boxes. */
export const FRAME_OVERHEAD_BYTES = 4_096;
export const ACK_COALESCE_MS = 200;
/** From so many subscriptions on a log rests after each delivery: a millisecond for each so many, up to so long. GW9 */
export const DELIVERY_REST_SUBSCRIPTIONS_MIN = 100;
export const SUBSCRIPTIONS_PER_REST_MS = 25;
export const DELIVERY_REST_MS_MAX = 100;

// Logs
export const LOGS_PER_ACCOUNT_MAX = 16_384;
export const LOG_BYTES_MAX_BY_KIND = {
  account: 4_294_967_296,
  inbound: 1_073_741_824,
  request: 268_435_456,
  room: 1_073_741_824,
} as const;
export const ENTRIES_MAX_BY_KIND = {
  account: 20_000_000,
  inbound: 5_000_000,
  request: 1_000_000,
  room: 5_000_000,
} as const;
/** All logs of one account together. */
export const ACCOUNT_BYTES_MAX = 17_179_869_184;
/** The part of a request log that admission by work may fill; the rest is for tickets. */
export const WORK_ADMITTED_SHARE = 0.5;
export const REQUEST_ENTRY_BYTES_MAX = 65_536;
/** What an entry costs beside its bytes, so that empty ones are not free. */
export const ENTRY_COST_BYTES = 128;
export const ADMISSION_WORK_BITS = 18;
export const LOGS_CACHED_MAX = 20_000;
export const WRITERS_CACHED_PER_LOG_MAX = 256;
/** Kinds of entries in one log; the last entry of each is kept for `expect`. */
export const KINDS_PER_LOG_MAX = 16;
/** Of one room log: who proves an older key than these is nobody. */
export const FORMER_KEYS_PER_LOG_MAX = 1_024;
export const ACCOUNTS_CACHED_MAX = 20_000;

// Snapshots
export const BLOBS_PER_ACCOUNT_BYTES_MAX = 4_294_967_296;
/** What a blob or a trimmed entry costs beside its bytes. */
export const BLOB_COST_BYTES = 96;
/** How long a snapshot stands before anything is trimmed on its strength, and a blob before it is collected unnamed. */
export const SNAPSHOT_GRACE_MS = 3_600_000;
/** A device that has not signed in for this long holds no entries back. */
export const DEVICE_SILENT_MS = 2_592_000_000;
/** How often it is noted that a device was here. */
export const DEVICE_SEEN_MS = 3_600_000;
/** Ids of trimmed entries in one row. */
export const TRIMMED_IDS_PER_ROW = 1_024;
/** Entries trimmed in one transaction. */
export const TRIM_ENTRIES_MAX = 1_024;
/** Logs looked at in one round of reclaiming. */
export const RECLAIM_LOGS_MAX = 64;
/** Pages of the file given back in one go. */
export const VACUUM_PAGES_MAX = 2_048;
export const RECLAIM_MS = 5_000;

// Directory
export const CHAIN_PAGE_BYTES_MAX = 917_504;
export const CHAINS_CACHED_MAX = 256;
export const ADDED_BOXES_PER_EPOCH_MAX = 128;
export const BOXES_PAGE_BYTES_MAX = 917_504;
/** How long an answer of `/ready` serves, and how long its write may take. */
export const READY_FRESH_MS = 5_000;
export const READY_TIMEOUT_MS = 2_000;
/** How long a chain that is put back waits for its next link. */
export const RESTORE_LAPSE_MS = 600_000;
/** Chains that are put back at once, whoever brings them; where one more begins, the one that has waited longest goes. */
export const RESTORES_MAX = 4_096;
export const HTTP_BODY_BYTES_MAX = 393_216;
export const HTTP_REQUEST_TIMEOUT_MS = 30_000;
export const HTTP_HEADERS_TIMEOUT_MS = 10_000;
export const HTTP_HEADER_BYTES_MAX = 16_384;

/** Invitations that let somebody in at once. */
export const INVITATIONS_MAX = 10_000;
export const INVITATION_USES_MAX = 100_000;
export const INVITATION_TTL_MS_MAX = 31_622_400_000;
/** Bytes of an invitation before they become text. */
export const INVITATION_SECRET_BYTES = 15;

// Erasure of deleted accounts, a transaction at a time
export const ERASE_ENTRIES_MAX = 256;
export const ERASE_BLOBS_MAX = 32;
export const ERASE_ROWS_MAX = 1_024;

// Rendezvous
export const RENDEZVOUS_SLOTS_MAX = 10_000;
export const RENDEZVOUS_WAITERS_PER_SLOT_MAX = 4;
export const RENDEZVOUS_WAITERS_MAX = 2_000;
export const RENDEZVOUS_VERSION_MAX = 32;

// Rates, per address (an IPv4 address or an IPv6 /64): a burst, then one more every so many milliseconds
export interface Rate {
  readonly burst: number;
  readonly refillMs: number;
}
export const RATE = {
  register: { burst: 60, refillMs: 10_000 },
  appendLink: { burst: 120, refillMs: 1_000 },
  readChain: { burst: 600, refillMs: 50 },
  claimPreKeys: { burst: 120, refillMs: 2_000 },
  claimKeyPackages: { burst: 240, refillMs: 1_000 },
  handle: { burst: 60, refillMs: 2_000 },
  rendezvousCreate: { burst: 60, refillMs: 2_000 },
  rendezvousUse: { burst: 600, refillMs: 100 },
  signIn: { burst: 600, refillMs: 100 },
  admittedAppend: { burst: 120, refillMs: 2_000 },
} as const satisfies Readonly<Record<string, Rate>>;
export type RateName = keyof typeof RATE;
/** Handle lookups of everybody together, so that many addresses cannot list the directory. */
export const HANDLE_RATE_OF_ALL: Rate = { burst: 1_000, refillMs: 20 };
export const RATE_BUCKETS_MAX = 100_000;
