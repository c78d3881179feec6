/**
 * Frames a client sends over the gateway's WebSocket, one binary message each. Rules GW1-GW12.
 *
 * The server speaks first (`challenge`); the client answers `hello`, then either `signIn`, `signInRecovery` or `resume`
 * (its own logs) or opens logs by capability (other people's logs, on a connection that never signs in).
 */
import {
  APPEND_BATCH_ENTRIES_MAX,
  BLOB_BYTES_MAX,
  BLOBS_PER_READ_MAX,
  ENTRY_BYTES_MAX,
  ENTRY_IDS_PER_READ_MAX,
  FRONTIER_BYTES_MAX,
  KEY_PACKAGE_BYTES_MAX,
  READ_PAGE_ENTRIES_MAX,
  RESEED_BYTES_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "../base/limits.ts";
import {
  bytes,
  flag,
  id,
  integer,
  list,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  variants,
} from "../codec/shape.ts";
import { SIGNATURE_BYTES } from "../crypto/verify.ts";
import { logRightShape, NONCE_BYTES } from "./claims.ts";
import { entryShape } from "./entry.ts";
import { ENDORSEMENT_BYTES_MAX, snapshotShape } from "./snapshot.ts";

export const REQUEST_ID_MAX = 0xffff_ffff;
export const CHANNEL_MAX = SUBSCRIPTIONS_PER_CONNECTION_MAX;
export const RESUME_TOKEN_BYTES = 32;
export const TICKET_BYTES = 16;
export const INSTANCE_BYTES = 16;
export const PREKEY_BYTES_MAX = 2_048;
export const PREKEYS_PER_PUBLISH_MAX = 128;
export const TICKETS_PER_LOG_MAX = 64;

const requestId = integer(1, REQUEST_ID_MAX);
const channel = integer(1, CHANNEL_MAX);
const proof = struct({ publicKey: bytes(32), signature: bytes(SIGNATURE_BYTES) });

/**
 * Kinds of sealed logs. An account has one `account` and one `request` log, an `inbound` log per contact, and a `room` log
 * for each room it has founded.
 */
export const logKindShape = oneOf("account", "request", "inbound", "room");
export type LogKind = ShapeOf<typeof logKindShape>;

/** What lets a stranger append to a request log: a ticket of a contact link, or work over the entry's id (rule LG12). */
export const admissionShape = variants({
  ticket: [1, { secret: bytes(TICKET_BYTES) }],
  work: [2, { nonce: bytes(8) }],
});
export type Admission = ShapeOf<typeof admissionShape>;

export const clientFrameShape = variants({
  /** `padding` is that of every frame after this one, in both directions. GW15 */
  hello: [
    1,
    {
      versionMin: integer(1, 255),
      versionMax: integer(1, 255),
      clientNonce: bytes(NONCE_BYTES),
      padding: oneOf("padme", "fixed", "off"),
    },
  ],
  /** `instance` is random for each start of a program: two that are there at once are two copies of one device. */
  signIn: [
    2,
    {
      requestId,
      accountId: id("account"),
      deviceId: id("device"),
      instance: bytes(INSTANCE_BYTES),
      signature: bytes(SIGNATURE_BYTES),
    },
  ],
  signInRecovery: [3, { requestId, accountId: id("account"), signature: bytes(SIGNATURE_BYTES) }],
  resume: [4, { requestId, token: bytes(RESUME_TOKEN_BYTES) }],
  createLog: [5, { requestId, logId: id("log"), kind: logKindShape, appendKey: nullable(bytes(32)) }],
  /** `capability` is null for an own log of a signed-in device; `writer` is null when nothing will be appended. */
  openLog: [
    6,
    {
      requestId,
      channel,
      logId: id("log"),
      right: logRightShape,
      capability: nullable(proof),
      writer: nullable(proof),
    },
  ],
  closeChannel: [7, { requestId, channel }],
  append: [
    8,
    {
      requestId,
      channel,
      entries: list(entryShape, APPEND_BATCH_ENTRIES_MAX, 1),
      admission: nullable(admissionShape),
    },
  ],
  /** Asked by the writer's place, not by the id alone: an index over random ids would double what an append writes. */
  lookup: [
    9,
    { requestId, channel, writerTag: id("writerTag"), writerSeq: integer(1), entryId: id("entry") },
  ],
  read: [10, { requestId, channel, after: integer(0), limit: integer(1, READ_PAGE_ENTRIES_MAX) }],
  subscribe: [11, { requestId, channel, after: integer(0) }],
  unsubscribe: [12, { requestId, channel }],
  ack: [13, { requestId, channel, upto: integer(0) }],
  heads: [14, { requestId, logIds: list(id("log"), SUBSCRIPTIONS_PER_CONNECTION_MAX) }],
  /** Forbids every later append by capability; the owner still reads. */
  closeLog: [15, { requestId, logId: id("log") }],
  setTickets: [16, { requestId, logId: id("log"), ticketHashes: list(bytes(32), TICKETS_PER_LOG_MAX) }],
  publishPreKeys: [17, { requestId, preKeys: list(bytes(1, PREKEY_BYTES_MAX), PREKEYS_PER_PUBLISH_MAX, 1) }],
  preKeyCounts: [18, { requestId }],
  /** Epoch boxes of the own account from `epoch` on. */
  readBoxes: [19, { requestId, epoch: integer(1) }],
  ping: [20, { requestId }],
  /** Key packages of this device, opaque to the server. One that is a last resort replaces the one before. */
  publishKeyPackages: [
    21,
    {
      requestId,
      keyPackages: list(
        struct({
          keyPackage: bytes(1, KEY_PACKAGE_BYTES_MAX),
          isLastResort: flag,
          expiresAtMs: integer(0),
        }),
        PREKEYS_PER_PUBLISH_MAX,
        1,
      ),
    },
  ],
  keyPackageCounts: [22, { requestId }],
  /** Deletes the account with everything the server keeps for it. Signed anew: a resumed sign-in is not enough. */
  deleteAccount: [40, { requestId, signature: bytes(SIGNATURE_BYTES) }],
  /** Blobs of the own account; each is named by the hash of its bytes. */
  putBlobs: [30, { requestId, blobs: list(bytes(1, BLOB_BYTES_MAX), BLOBS_PER_READ_MAX, 1) }],
  readBlobs: [31, { requestId, blobIds: list(id("blob"), BLOBS_PER_READ_MAX, 1) }],
  /** Installs a snapshot of the own account log, by compare-and-swap on the one it names as previous. */
  putSnapshot: [32, { requestId, snapshot: snapshotShape }],
  /** `known` is the newest one the device has already; it is not sent again. */
  readSnapshots: [33, { requestId, logId: id("log"), known: nullable(id("snapshot")) }],
  endorse: [
    34,
    {
      requestId,
      logId: id("log"),
      snapshotId: id("snapshot"),
      endorsement: bytes(1, ENDORSEMENT_BYTES_MAX),
    },
  ],
  /** Begins a log anew that the server lost, or has only from before; refused while nothing is lost. */
  reseedLog: [
    38,
    {
      requestId,
      logId: id("log"),
      kind: logKindShape,
      appendKey: nullable(bytes(32)),
      reseed: bytes(1, RESEED_BYTES_MAX),
    },
  ],
  /**
   * Appends one entry to a room's log and replaces the key of the log, as one act: who proves the former key reads up to this
   * entry and no further, and appends nothing.
   */
  appendAndRekey: [41, { requestId, channel, entry: entryShape, appendKey: bytes(32) }],
  /** Replaces the key of an own room log: for the day somebody has set one that nobody knows. */
  setLogKey: [42, { requestId, logId: id("log"), appendKey: bytes(32) }],
  /** Says that nobody in the room of an own log needs its entries up to `upto`, in this incarnation. */
  releaseLog: [43, { requestId, logId: id("log"), incarnation: integer(0), upto: integer(0) }],
  /** What this device says of itself to its siblings; takes the place of what it said before. */
  putFrontier: [36, { requestId, frontier: bytes(1, FRONTIER_BYTES_MAX) }],
  /** The last frontier of each active device of the own account. */
  readFrontiers: [37, { requestId }],
  /** Ids of entries after `after`, also of those the server has trimmed. */
  readIds: [35, { requestId, channel, after: integer(0), limit: integer(1, ENTRY_IDS_PER_READ_MAX) }],
});
export type ClientFrame = ShapeOf<typeof clientFrameShape>;

/** Upper bound of one append frame: a full batch of full entries is split by the client to stay under the frame limit. */
export const APPEND_ENTRY_BYTES_MAX = ENTRY_BYTES_MAX;
