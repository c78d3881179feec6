/**
 * Up to where a room's log is needed by nobody: its founder's devices say so to its server, a month later, so that the server need not
 * keep it. Who has made a commit has read all before the one it follows; nobody says anything for it. Rule RM74.
 */
import type { ConversationId, DeviceId } from "../../../base/ids.ts";
import { ROOM_LOG_KEPT_MS } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import type { LogReader } from "../../../log/log-reader.ts";
import type { RoomContext } from "../../../messenger/room/room-context.ts";
import { isRoomLogOf } from "../../../protocol/room-log-id.ts";
import { isActiveAt } from "../../../sigchain/chain-state.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { Gateway } from "../../connection/gateway.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { EngineContext } from "../../engine-context.ts";
import { hasPlace } from "../reading/room-judge.ts";

/** A commit that was followed. */
export interface FollowedCommit {
  readonly by: DeviceId;
  /** Its entry. */
  readonly seq: number;
}

export interface RoomReleaseDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "identity" | "times" | "serial">;
  readonly chains: Pick<ChainStore, "load">;
  /** The signed-in connection to the home server, or null. */
  home(): Gateway | null;
  /** The room as its group has it; null while this device is not in it. */
  contextOf(roomId: ConversationId): Promise<Result<RoomContext | null, ClientError>>;
}

export interface RoomRelease {
  /** Tells the server what is due. */
  release(roomId: ConversationId, room: RoomRecord): Promise<Result<void, ClientError>>;
}

/** Writes that note how far whoever has made this commit had read. Whom it brings may have read less, until they make one. RM74 */
export async function readRows(
  { tables, identity, times }: Pick<EngineContext, "tables" | "identity" | "times">,
  roomId: ConversationId,
  { logId, point: { incarnation } }: LogReader,
  { by, seq }: FollowedCommit,
): Promise<Result<readonly WriteOp[], ClientError>> {
  if (!isRoomLogOf(logId, identity.accountId)) return ok([]);
  const row = await tables.roomrelease.get(roomId);
  if (!row.ok) return row;
  const isSame = row.value?.incarnation === incarnation;
  // What is brought again in a log that began anew (RM62) says nothing of how far its author has read. It leads on from what was lost, and
  // so nothing of it counts behind a commit that was made in this log: the first this device knows to be such is its own.
  if (incarnation > 0 && !isSame && by !== identity.deviceId) return ok([]);
  const before = isSame ? (row.value?.lastSeq ?? 0) : 0;
  const noted = isSame && row.value !== null ? row.value : { upto: 0, sinceMs: times.steadyMs() };
  return ok([
    tables.roomrelease.put([roomId], { ...noted, incarnation, lastSeq: seq }),
    tables.roomread.put([roomId, by], { incarnation, seq: before }),
  ]);
}

export function createRoomRelease({ context, chains, home, contextOf }: RoomReleaseDeps): RoomRelease {
  const { tables, store, identity, times, serial } = context;

  /** What everybody in the room has read: each active device of each member, in the group or not. */
  async function readByAll(
    roomId: ConversationId,
    incarnation: number,
  ): Promise<Result<number, ClientError>> {
    const room = await contextOf(roomId);
    if (!room.ok || room.value === null) return room.ok ? ok(0) : room;
    const rows = await tables.roomread.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    const seqByKey = new Map(
      rows.value
        .filter(({ value }) => value.incarnation === incarnation)
        .map(({ key, value }) => [key, value.seq]),
    );
    let upto = Infinity;
    for (const member of room.value.members) {
      const { accountId, seq } = member;
      const chain = await chains.load(accountId);
      if (!chain.ok) return chain;
      // Who gives less of a chain than the room has may leave devices out.
      if (!hasPlace(chain.value, member)) return ok(0);
      for (const [deviceId, device] of chain.value.devicesById)
        if (isActiveAt(device, seq))
          upto = Math.min(upto, seqByKey.get(tables.roomread.key(roomId, deviceId)) ?? 0);
    }
    return ok(Number.isFinite(upto) ? upto : 0);
  }

  /** What is to be told now, or null. */
  async function due(roomId: ConversationId) {
    const row = await tables.roomrelease.get(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok(null) : row;
    const heldMs = times.steadyMs() - row.value.sinceMs;
    if (heldMs >= 0 && heldMs < ROOM_LOG_KEPT_MS) return ok(null);
    const { incarnation, upto } = row.value;
    const read = await readByAll(roomId, incarnation);
    if (!read.ok) return read;
    // Whoever has come is waited for: what had been read by then counts once they have made a commit of their own.
    if (heldMs >= 0 && upto > 0 && read.value === 0) return ok(null);
    // Who has come since then may have read less.
    return ok({ incarnation, upto: heldMs >= 0 ? Math.min(upto, read.value) : 0 });
  }

  async function release(roomId: ConversationId, { keys }: RoomRecord): Promise<Result<void, ClientError>> {
    const gateway = home();
    if (gateway === null || !isRoomLogOf(keys.logId, identity.accountId)) return ok();
    const held = await serial.run(() => due(roomId));
    if (!held.ok || held.value === null) return held.ok ? ok() : held;
    const { incarnation, upto } = held.value;
    if (upto > 0) {
      const told = await gateway.call("done", { type: "releaseLog", logId: keys.logId, incarnation, upto });
      // What is refused is said again with what has been read by then.
      if (!told.ok && told.error.type !== "Refused") return told;
    }
    return serial.run(async () => {
      const row = await tables.roomrelease.get(roomId);
      if (!row.ok || row.value?.incarnation !== incarnation) return row.ok ? ok() : row;
      const read = await readByAll(roomId, incarnation);
      if (!read.ok) return read;
      const next = { ...row.value, upto: read.value, sinceMs: times.steadyMs() };
      return store.batch([tables.roomrelease.put([roomId], next)]);
    });
  }

  return { release };
}
