/**
 * Who comes into a group by a Welcome has nothing to judge its commit by. A member with a changed program can call a device that is in
 * no group into one of their own, in which nobody else is. So who was called so asserts no state against others, and leaves for theirs,
 * until somebody else has shown that it is the room's. Rule RM72.
 */
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { ROOM_DOUBTED_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import type { RoomContext } from "../../../messenger/room/room-context.ts";
import type { LogPoint } from "../../../protocol/entry.ts";
import { isRoomLogOf } from "../../../protocol/room-log-id.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomCalledRow } from "../../tables.ts";

/** So long a device goes by nothing that somebody says of their group whose group it has left for another's. */
const DOUBT_MS = 600_000;

/** Who has called this device into the group it is in, and where. */
export interface Called {
  readonly by: AccountId;
  readonly at: Pick<LogPoint, "incarnation" | "seq">;
}

/** A Welcome that was followed. */
export interface FollowedWelcome {
  /** Whose device has made its commit, and whether that account's chain says so, or the group alone (RM65). */
  readonly by: AccountId;
  readonly isProven: boolean;
  readonly context: RoomContext;
  readonly at: Called["at"];
  /** Whether it led from another group into this one. */
  readonly isElsewhere: boolean;
}

/** All of it but `hasBrought` reads or makes rows; what it makes is stored with what it follows from. */
export interface RoomCalling {
  /** Who has called this device into the group it is in; null where it is in none, or knows it to be the room's. */
  of(roomId: ConversationId): Promise<Result<Called | null, ClientError>>;
  /** Whether a device that was called goes by what this account says of its group. */
  isHeeded(roomId: ConversationId, by: AccountId): Promise<Result<boolean, ClientError>>;
  /** A Welcome was followed. `isCalled`: by nobody whom this device goes by; `lacksKnown`: not all are in that group who were in the room. */
  cameIn(
    roomId: ConversationId,
    room: RoomRecord,
    welcome: FollowedWelcome,
  ): Promise<
    Result<{ readonly write: WriteOp; readonly isCalled: boolean; readonly lacksKnown: boolean }, ClientError>
  >;
  /** Somebody else sees the group this device was called into. */
  confirmed(roomId: ConversationId): Promise<Result<WriteOp, ClientError>>;
  /** Somebody else sees another, and this device leaves. */
  left(roomId: ConversationId): Promise<Result<WriteOp, ClientError>>;
  /** Devices that a commit of this account has added: of those others say where they stand. */
  noteBrought(devices: ReadonlySet<string>): void;
  hasBrought(device: string): boolean;
}

const NOBODY: RoomCalledRow = { by: null, incarnation: 0, seq: 0, doubted: [] };

export function createRoomCalling(
  context: Pick<EngineContext, "tables" | "identity" | "clock">,
): RoomCalling {
  const { tables, identity, clock } = context;
  const self = identity.accountId;
  const brought = new Set<string>();
  const nowMs = () => Math.max(0, clock.nowMs());

  async function rowOf(roomId: ConversationId): Promise<Result<RoomCalledRow, ClientError>> {
    const row = await tables.roomcalled.get(roomId);
    return row.ok ? ok(row.value ?? NOBODY) : row;
  }

  const isDoubted = ({ doubted }: RoomCalledRow, by: AccountId) =>
    doubted.some(({ accountId, atMs }) => accountId === by && Math.abs(nowMs() - atMs) < DOUBT_MS);

  /** The row once the group was left that it tells of. */
  function withDoubt({ by, doubted }: RoomCalledRow): RoomCalledRow {
    if (by === null) return { ...NOBODY, doubted };
    const others = doubted.filter(({ accountId }) => accountId !== by);
    const kept = others.slice(Math.max(0, others.length + 1 - ROOM_DOUBTED_MAX));
    return { ...NOBODY, doubted: [...kept, { accountId: by, atMs: nowMs() }] };
  }

  /** Whose word is as good as the room's: an own device's, the founder's, and who has asked this account in, as it comes for the first time. */
  function isTrusted({ keys: { logId }, standing, info }: RoomRecord, by: AccountId): boolean {
    const isFirst = info === null || info.members.length === 0 || info.epoch < standing.since;
    return by === self || isRoomLogOf(logId, by) || (isFirst && standing.by === by);
  }

  return {
    async of(roomId) {
      const row = await rowOf(roomId);
      if (!row.ok || row.value.by === null) return row.ok ? ok(null) : row;
      const { by, incarnation, seq } = row.value;
      return ok({ by, at: { incarnation, seq } });
    },
    async isHeeded(roomId, by) {
      const row = await rowOf(roomId);
      return row.ok ? ok(!isDoubted(row.value, by)) : row;
    },
    async cameIn(roomId, room, { by, isProven, context: { members }, at, isElsewhere }) {
      const before = await rowOf(roomId);
      if (!before.ok) return before;
      const { doubted } = isElsewhere ? withDoubt(before.value) : before.value;
      const inside = new Set(members.map(({ accountId }) => accountId));
      const known = (room.info?.members ?? []).map(({ accountId }) => accountId);
      const hasOthers = [...inside, ...known].some((one) => one !== self && one !== by);
      // Whoever makes a group can put a leaf of anybody's into it.
      const isCalled = hasOthers && !(isProven && isTrusted(room, by));
      const { incarnation, seq } = at;
      const row = isCalled ? { by, incarnation, seq, doubted } : { ...NOBODY, doubted };
      const lacksKnown = known.some((one) => !inside.has(one));
      return ok({ write: tables.roomcalled.put([roomId], row), isCalled, lacksKnown });
    },
    async confirmed(roomId) {
      const row = await rowOf(roomId);
      if (!row.ok) return row;
      return ok(tables.roomcalled.put([roomId], { ...NOBODY, doubted: row.value.doubted }));
    },
    async left(roomId) {
      const row = await rowOf(roomId);
      return row.ok ? ok(tables.roomcalled.put([roomId], withDoubt(row.value))) : row;
    },
    noteBrought(devices) {
      for (const device of devices) brought.add(device);
    },
    hasBrought: (device) => brought.has(device),
  };
}
