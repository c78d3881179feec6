/** Frames about what own devices say of themselves. Rules FR9, FR10. */
import type { Connection } from "./connection.ts";
import type { FrameOf, GatewayContext } from "./gateway-context.ts";
import { answer } from "./log-frames.ts";

/** FR9 */
export async function handlePutFrontier(
  context: GatewayContext,
  connection: Connection,
  { requestId, frontier }: FrameOf<"putFrontier">,
): Promise<void> {
  const { identity } = connection;
  if (identity?.type !== "device")
    return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const { accountId, deviceId } = identity;
  answer(connection, requestId, await context.store.putFrontier(accountId, deviceId, frontier));
}

/** FR10 */
export async function handleReadFrontiers(
  context: GatewayContext,
  connection: Connection,
  { requestId }: FrameOf<"readFrontiers">,
): Promise<void> {
  const { identity } = connection;
  if (identity === null) return connection.reply({ type: "failed", requestId, code: "not-signed-in" });
  const frontiers = await context.store.readFrontiers(identity.accountId);
  connection.reply(
    frontiers.ok
      ? { type: "frontiers", requestId, frontiers: [...frontiers.value] }
      : { type: "failed", requestId, code: frontiers.error.code },
  );
}
