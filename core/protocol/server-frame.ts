/**
 * Frames the server sends over the gateway's WebSocket. Every request gets exactly one answer with its `requestId`;
 * `challenge`, `deliver` and `goodbye` come unasked. Rules GW1-GW12.
 */
import {
  ACTIVE_DEVICES_MAX,
  APPEND_BATCH_ENTRIES_MAX,
  BLOB_BYTES_MAX,
  BLOBS_PER_READ_MAX,
  ENTRY_IDS_PER_READ_MAX,
  FRONTIER_BYTES_MAX,
  READ_PAGE_ENTRIES_MAX,
  RESEED_BYTES_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "../base/limits.ts";
import { bytes, flag, id, integer, list, nullable, type ShapeOf, struct, variants } from "../codec/shape.ts";
import { HASH_BYTES } from "../crypto/hash.ts";
import { NONCE_BYTES } from "./claims.ts";
import { REQUEST_ID_MAX, RESUME_TOKEN_BYTES } from "./client-frame.ts";
import { logPointShape, placedEntryShape } from "./entry.ts";
import { failureCodeShape } from "./failure.ts";
import { storedSnapshotShape } from "./snapshot.ts";

export const BOXES_BYTES_MAX = 262_144;

const requestId = integer(1, REQUEST_ID_MAX);

/** What became of one entry of an append. `writerSeq` in a refusal is the writer's last accepted one. */
export const appendResultShape = variants({
  accepted: [1, { seq: integer(1), chain: bytes(HASH_BYTES) }],
  duplicate: [2, { seq: integer(1) }],
  refused: [3, { code: failureCodeShape, writerSeq: nullable(integer(0)) }],
});
export type AppendResult = ShapeOf<typeof appendResultShape>;

/** Boxes that came with the link of one epoch, then any added for later devices; opaque to the server. */
export const storedBoxesShape = struct({
  epoch: integer(1),
  boxes: bytes(1, BOXES_BYTES_MAX),
  added: list(bytes(1, 4_096), 4_096),
});
export type StoredBoxes = ShapeOf<typeof storedBoxesShape>;

export const serverFrameShape = variants({
  challenge: [
    1,
    { versionMin: integer(1, 255), versionMax: integer(1, 255), serverNonce: bytes(NONCE_BYTES) },
  ],
  done: [2, { requestId }],
  failed: [3, { requestId, code: failureCodeShape }],
  /** `nowMs` is the server's clock: a device whose own is wrong can say so. */
  signedIn: [
    4,
    {
      requestId,
      resumeToken: nullable(bytes(RESUME_TOKEN_BYTES)),
      expiresInMs: integer(0),
      nowMs: integer(0),
    },
  ],
  /** `writerSeq` is the last accepted one of the proven writer, 0 for none. */
  opened: [
    5,
    {
      requestId,
      head: logPointShape,
      trimmedUpto: integer(0),
      writerSeq: integer(0),
      isClosed: flag,
      /** The owner's word that a log above incarnation 0 goes on. */
      reseed: nullable(bytes(1, RESEED_BYTES_MAX)),
    },
  ],
  appended: [6, { requestId, results: list(appendResultShape, APPEND_BATCH_ENTRIES_MAX, 1) }],
  found: [7, { requestId, seq: nullable(integer(1)) }],
  entries: [8, { requestId, entries: list(placedEntryShape, READ_PAGE_ENTRIES_MAX), head: logPointShape }],
  heads: [
    9,
    {
      requestId,
      heads: list(
        struct({ logId: id("log"), head: nullable(logPointShape) }),
        SUBSCRIPTIONS_PER_CONNECTION_MAX,
      ),
    },
  ],
  /** Entries of a subscribed log in seq order without gaps. The same bytes go to every subscriber. */
  deliver: [10, { logId: id("log"), entries: list(placedEntryShape, READ_PAGE_ENTRIES_MAX) }],
  preKeyCounts: [
    11,
    { requestId, oneTime: integer(0), hasSigned: flag, hasLastResort: flag, nowMs: integer(0) },
  ],
  boxes: [12, { requestId, boxes: list(storedBoxesShape, 1_024) }],
  pong: [13, { requestId }],
  keyPackageCounts: [15, { requestId, oneTime: integer(0), hasLastResort: flag }],
  /** In the order asked for, null for what is not there; fewer than asked for when they fill a frame. */
  blobs: [30, { requestId, blobs: list(nullable(bytes(1, BLOB_BYTES_MAX)), BLOBS_PER_READ_MAX) }],
  /** Newest first; the one before is kept until its successor has been there for a while. */
  snapshots: [31, { requestId, snapshots: list(storedSnapshotShape, 2) }],
  /** `ids` of the entries after the seq asked for, 32 bytes each; `kept` are those of them below the trimmed end that are still whole. */
  ids: [
    32,
    {
      requestId,
      ids: bytes(0, ENTRY_IDS_PER_READ_MAX * HASH_BYTES),
      kept: list(placedEntryShape, READ_PAGE_ENTRIES_MAX),
      head: logPointShape,
    },
  ],
  frontiers: [
    33,
    {
      requestId,
      frontiers: list(
        struct({ device: id("device"), frontier: bytes(1, FRONTIER_BYTES_MAX) }),
        ACTIVE_DEVICES_MAX,
      ),
    },
  ],
  /** The server closes the connection after this. */
  goodbye: [14, { code: failureCodeShape }],
});
export type ServerFrame = ShapeOf<typeof serverFrameShape>;
