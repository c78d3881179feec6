/** `reseedLog`: a device brings back a log that the server lost. Rules IN1, IN2, IN4, LG22. */
import { openReseed } from "@dovetail/core/protocol/reseed.ts";
import { isRoomLogOf } from "@dovetail/core/protocol/room-log-id.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { Connection } from "./connection.ts";
import type { FrameOf, GatewayContext } from "./gateway-context.ts";
import { answer } from "./log-frames.ts";

/** The device signs for itself: what another one signed is not its to bring. */
export async function handleReseedLog(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"reseedLog">,
): Promise<void> {
  const { requestId, logId, kind, appendKey, reseed } = frame;
  const { identity } = connection;
  const fail = (code: FailureCode): void => connection.reply({ type: "failed", requestId, code });
  if (identity?.type !== "device") return fail("not-signed-in");
  const hasKey = kind === "inbound" || kind === "room";
  if (hasKey !== (appendKey !== null)) return fail("malformed");
  const { accountId, deviceId } = identity;
  if (kind === "room" && !isRoomLogOf(logId, accountId)) return fail("forbidden");
  const device = await context.store.findDevice(accountId, deviceId);
  if (!device.ok) return fail(device.error.code);
  if (device.value?.isActive !== true) return fail("revoked-device");
  const { signKey } = device.value;
  const opened = openReseed(reseed, (id) => (id === deviceId ? signKey : null));
  if (!opened.ok) return fail("bad-signature");
  const { incarnation, after } = opened.value;
  if (opened.value.accountId !== accountId || opened.value.logId !== logId) return fail("forbidden");
  const channels = [...connection.channels].filter(([, channel]) => channel.logId === logId);
  // Its own channel would be told to come again; this device knows.
  for (const [number] of channels) connection.channels.delete(number);
  answer(
    connection,
    requestId,
    await context.store.reseedLog({
      logId,
      ownerId: accountId,
      kind,
      appendKey,
      incarnation,
      after,
      reseed,
    }),
  );
}
