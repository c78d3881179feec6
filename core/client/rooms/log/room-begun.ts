/** Who began a room's log anew, and what they say first: it names the commits that count there. Rule RM66. */
import type { Bytes } from "../../../base/bytes.ts";
import type { ConversationId, LogId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { memberOf, type RoomContext } from "../../../messenger/room/room-context.ts";
import { openRoomEntry } from "../../../messenger/room/room-entry.ts";
import { isPositionSigned, type RoomPosition } from "../../../messenger/room/room-position.ts";
import type { PlacedEntry } from "../../../protocol/entry.ts";
import { isActiveAt } from "../../../sigchain/chain-state.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { RoomBegunRow } from "../../tables.ts";

/** Whether a member's device signed the position; of the founder's also one that is newer than the room has their chain. */
export async function isPositionTrue(
  chains: Pick<ChainStore, "load">,
  { roomId, now }: { readonly roomId: ConversationId; readonly now: RoomContext },
  position: RoomPosition,
): Promise<Result<boolean, ClientError>> {
  const { accountId, deviceId } = position;
  const member = memberOf(now, accountId);
  if (member === null) return ok(false);
  const chain = await chains.load(accountId);
  if (!chain.ok) return chain;
  const device = chain.value?.devicesById.get(deviceId);
  // What brings the room to a newer device of the founder's may be what comes next.
  const isActiveHere = device !== undefined && member.sinceEpoch === 0 && device.revokedSeq === null;
  if (device === undefined || !(isActiveHere || isActiveAt(device, member.seq))) return ok(false);
  return ok(isPositionSigned(roomId, position, device.signKey));
}

/**
 * What who began the log says first among its first entries, for a device that read them before it was in the group and could not tell whose
 * they are; null where its key does not open that.
 */
export async function findBegun(
  chains: Pick<ChainStore, "load">,
  at: {
    readonly roomId: ConversationId;
    readonly logId: LogId;
    readonly roomKey: Bytes;
    readonly incarnation: number;
    readonly now: RoomContext;
  },
  entries: readonly PlacedEntry[],
): Promise<Result<RoomBegunRow | null, ClientError>> {
  for (const { header, sealed } of entries) {
    const body = openRoomEntry(at.roomKey, { logId: at.logId, header }, sealed);
    if (body?.type !== "position") continue;
    const { accountId, incarnation, epoch, commits } = body.position;
    if (incarnation !== at.incarnation || memberOf(at.now, accountId)?.sinceEpoch !== 0) continue;
    const isTrue = await isPositionTrue(chains, at, body.position);
    if (!isTrue.ok) return isTrue;
    if (isTrue.value) return ok({ incarnation, epoch, commits });
  }
  return ok(null);
}
