/** Frames of a signed-in device about itself and its account: prekeys, key packages and epoch boxes. */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import { ID_BYTES, idFromBytes } from "@dovetail/core/base/ids.ts";
import { hash } from "@dovetail/core/crypto/hash.ts";
import { LABEL } from "@dovetail/core/crypto/labels.ts";
import { encodeDeletionClaim } from "@dovetail/core/protocol/claims.ts";
import { verifyPreKey } from "@dovetail/core/protocol/prekey.ts";
import { BOXES_PAGE_BYTES_MAX } from "../limits.ts";
import type { NewPreKey } from "../store/directory-store.ts";
import type { Connection } from "./connection.ts";
import type { FrameOf, GatewayContext } from "./gateway-context.ts";
import { answer } from "./log-frames.ts";
import { isClaimSigned, refuseProof } from "./sign-in-frames.ts";

/** Stores prekeys that the device itself signed for itself. DI5 */
export async function handlePublishPreKeys(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"publishPreKeys">,
): Promise<void> {
  const { requestId } = frame;
  const { identity } = connection;
  if (identity?.type !== "device")
    return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const { accountId, deviceId } = identity;
  const device = await context.store.findDevice(accountId, deviceId);
  if (!device.ok) return connection.reply({ type: "failed", requestId, code: device.error.code });
  if (device.value === null) return connection.reply({ type: "failed", requestId, code: "unknown-device" });
  const owner = { accountId, deviceId, signPk: device.value.signKey };
  const preKeys: NewPreKey[] = [];
  for (const bytes of frame.preKeys) {
    const preKey = readPreKey(bytes, owner);
    if (preKey === null) return connection.reply({ type: "failed", requestId, code: "bad-signature" });
    preKeys.push(preKey);
  }
  const published = await context.store.publishPreKeys(accountId, deviceId, preKeys, context.clock.nowMs());
  connection.reply(
    published.ok ? { type: "done", requestId } : { type: "failed", requestId, code: published.error.code },
  );
}

function readPreKey(bytes: Bytes, owner: Parameters<typeof verifyPreKey>[1]): NewPreKey | null {
  const verified = verifyPreKey(bytes, owner);
  if (!verified.ok) return null;
  const { kind, id, expiresAtMs } = verified.value;
  return { kind, preKeyId: id, bytes, expiresAtMs };
}

/** Stores key packages. What they say is for those who add the device to check; the connection says whose they are. DI18 */
export async function handlePublishKeyPackages(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"publishKeyPackages">,
): Promise<void> {
  const { requestId } = frame;
  const { identity } = connection;
  if (identity?.type !== "device")
    return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const keyPackages = frame.keyPackages.map(({ keyPackage, isLastResort, expiresAtMs }): NewPreKey => {
    const digest = hash(LABEL.keyPackageId, keyPackage);
    return {
      kind: isLastResort ? "lastKeyPackage" : "keyPackage",
      preKeyId: idFromBytes("preKey", digest.slice(0, ID_BYTES.preKey)),
      bytes: keyPackage,
      expiresAtMs,
    };
  });
  const { accountId, deviceId } = identity;
  const nowMs = context.clock.nowMs();
  answer(connection, requestId, await context.store.publishPreKeys(accountId, deviceId, keyPackages, nowMs));
}

/** What of the device's key packages waits for others. DI18 */
export async function handleKeyPackageCounts(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"keyPackageCounts">,
): Promise<void> {
  const { requestId } = frame;
  const { identity } = connection;
  if (identity?.type !== "device")
    return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const { accountId, deviceId } = identity;
  const counts = await context.store.countKeyPackages(accountId, deviceId, context.clock.nowMs());
  if (!counts.ok) return connection.reply({ type: "failed", requestId, code: counts.error.code });
  connection.reply({ type: "keyPackageCounts", requestId, ...counts.value });
}

/** Deletes the account of a device that signs for it on this connection. DI15 */
export async function handleDeleteAccount(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"deleteAccount">,
): Promise<void> {
  const { requestId, signature } = frame;
  const { identity } = connection;
  if (identity?.type !== "device")
    return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const { accountId, deviceId } = identity;
  const device = await context.store.findDevice(accountId, deviceId);
  if (!device.ok) return connection.reply({ type: "failed", requestId, code: device.error.code });
  if (device.value?.isActive !== true)
    return connection.reply({ type: "failed", requestId, code: "revoked-device" });
  const isSigned = isClaimSigned(context, connection, {
    publicKey: device.value.signKey,
    label: LABEL.signAccountDeletion,
    signature,
    encodeClaim: (claim) => encodeDeletionClaim({ ...claim, accountId, deviceId }),
  });
  if (!isSigned) return refuseProof(connection, requestId, "bad-signature");
  // Answered before the connection ends, which the deletion itself brings about.
  connection.isDeletingAccount = true;
  const deleted = await context.directory.deleteAccount(accountId, deviceId);
  connection.isDeletingAccount = false;
  if (!deleted.ok) return connection.reply({ type: "failed", requestId, code: deleted.error.code });
  connection.reply({ type: "done", requestId });
  connection.goodbye("account-deleted");
}

/** What of the device's prekeys waits for others. */
export async function handlePreKeyCounts(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"preKeyCounts">,
): Promise<void> {
  const { requestId } = frame;
  const { identity } = connection;
  if (identity?.type !== "device")
    return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const nowMs = Math.max(0, context.clock.nowMs());
  const counts = await context.store.countPreKeys(identity.accountId, identity.deviceId, nowMs);
  if (!counts.ok) return connection.reply({ type: "failed", requestId, code: counts.error.code });
  connection.reply({ type: "preKeyCounts", requestId, ...counts.value, nowMs });
}

/** Epoch boxes of the own account; the client asks again after the last epoch it got until there is none. */
export async function handleReadBoxes(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"readBoxes">,
): Promise<void> {
  const { requestId } = frame;
  const { identity } = connection;
  if (identity === null) return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const boxes = await context.store.readBoxes(identity.accountId, frame.epoch, BOXES_PAGE_BYTES_MAX);
  if (!boxes.ok) return connection.reply({ type: "failed", requestId, code: boxes.error.code });
  connection.reply({ type: "boxes", requestId, boxes: boxes.value });
}
