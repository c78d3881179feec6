/** Frames of a signed-in device about snapshots, their blobs, and ids of entries that are gone. Rules SN1-SN8, SN14. */
import type { AccountId, DeviceId } from "@dovetail/core/base/ids.ts";
import { FRAME_BYTES_MAX } from "@dovetail/core/base/limits.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { parseSnapshotHeader, snapshotId } from "@dovetail/core/protocol/snapshot.ts";
import { FRAME_OVERHEAD_BYTES } from "../limits.ts";
import type { Connection } from "./connection.ts";
import type { FrameOf, GatewayContext } from "./gateway-context.ts";
import { answer, readableChannel } from "./log-frames.ts";

/** Half a frame for ids, which are 32 bytes each, the rest for entries. */
const KEPT_BYTES_MAX = FRAME_BYTES_MAX / 2 - FRAME_OVERHEAD_BYTES;

/** SN3 */
export async function handlePutBlobs(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"putBlobs">,
): Promise<void> {
  const { requestId, blobs } = frame;
  const device = signedIn(connection, requestId);
  if (device === null) return;
  answer(connection, requestId, await context.store.putBlobs(device.accountId, blobs, context.clock.nowMs()));
}

/** Blobs of the own account, to its devices and to its recovery key. */
export async function handleReadBlobs(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"readBlobs">,
): Promise<void> {
  const { requestId, blobIds } = frame;
  const { identity } = connection;
  if (identity === null) return fail(connection, requestId, "not-signed-in");
  const bytesMax = FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES;
  const blobs = await context.store.readBlobs(identity.accountId, blobIds, bytesMax);
  if (!blobs.ok) return fail(connection, requestId, blobs.error.code);
  connection.reply({ type: "blobs", requestId, blobs: blobs.value });
}

/** SN4 */
export async function handlePutSnapshot(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"putSnapshot">,
): Promise<void> {
  const { requestId, snapshot } = frame;
  const device = signedIn(connection, requestId);
  if (device === null) return;
  const fields = parseSnapshotHeader(snapshot.header);
  if (!fields.ok) return fail(connection, requestId, "malformed");
  const installed = await context.store.putSnapshot({
    ...device,
    id: snapshotId(snapshot),
    fields: fields.value,
    snapshot,
    nowMs: context.clock.nowMs(),
  });
  answer(connection, requestId, installed);
}

/** The newest snapshot and the one before, without those the reader has. */
export async function handleReadSnapshots(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"readSnapshots">,
): Promise<void> {
  const { requestId, logId, known } = frame;
  const { identity } = connection;
  if (identity === null) return fail(connection, requestId, "not-signed-in");
  const log = await context.store.findLog(logId);
  if (!log.ok) return fail(connection, requestId, log.error.code);
  if (log.value === null) return fail(connection, requestId, "unknown-log");
  if (log.value.ownerId !== identity.accountId) return fail(connection, requestId, "forbidden");
  const found = await context.store.readSnapshots(logId);
  if (!found.ok) return fail(connection, requestId, found.error.code);
  const isKnown = found.value[0]?.id === known;
  const snapshots = found.value.map((stored) => (isKnown ? { ...stored, snapshot: null } : stored));
  connection.reply({ type: "snapshots", requestId, snapshots });
}

/** SN8 */
export async function handleEndorse(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"endorse">,
): Promise<void> {
  const { requestId, logId, snapshotId, endorsement } = frame;
  const device = signedIn(connection, requestId);
  if (device === null) return;
  answer(connection, requestId, await context.store.endorse({ ...device, logId, snapshotId, endorsement }));
}

/** SN14 */
export async function handleReadIds(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"readIds">,
): Promise<void> {
  const { requestId, after, limit } = frame;
  const channel = readableChannel(connection, frame);
  if (channel === null) return;
  const { readUpto } = channel;
  // LG21
  const idsMax = readUpto === null ? limit : Math.min(limit, readUpto.seq - after);
  if (readUpto !== null && idsMax <= 0)
    return connection.reply({ type: "ids", requestId, ids: new Uint8Array(0), kept: [], head: readUpto });
  const page = await context.store.readIds({ logId: channel.logId, after, idsMax, bytesMax: KEPT_BYTES_MAX });
  if (!page.ok) return fail(connection, requestId, page.error.code);
  connection.reply({ type: "ids", requestId, ...page.value, head: readUpto ?? page.value.head });
}

function signedIn(
  connection: Connection,
  requestId: number,
): { readonly accountId: AccountId; readonly deviceId: DeviceId } | null {
  const { identity } = connection;
  if (identity?.type === "device") return { accountId: identity.accountId, deviceId: identity.deviceId };
  fail(connection, requestId, "not-signed-in");
  return null;
}

function fail(connection: Connection, requestId: number, code: FailureCode): void {
  connection.reply({ type: "failed", requestId, code });
}
