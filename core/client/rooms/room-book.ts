/** Rooms as the rest of the client uses them, kept in the groups document that all own devices share. */
import type { ConversationId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import { GROUPS, groupsSchema, type RoomPart, type RoomRecord } from "../../document/groups.ts";
import { setField } from "../../document/state-field.ts";
import type { RoomKeys } from "../../messenger/room/room-invitation.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { EditOptions } from "../account-log/own-changes.ts";
import type { ClientError } from "../client-error.ts";

export interface RoomBook {
  all(): Promise<Result<ReadonlyMap<ConversationId, RoomRecord>, ClientError>>;
  get(roomId: ConversationId): Promise<Result<RoomRecord | null, ClientError>>;
  /** Sets parts of a room; null takes one away. */
  set(
    roomId: ConversationId,
    parts: ReadonlyMap<string, RoomPart | null>,
    options?: EditOptions,
  ): Promise<Result<void, ClientError>>;
  /** Forgets what was read, after the document changed. */
  refresh(): void;
}

export function createRoomBook(log: AccountLog, documents: Documents): RoomBook {
  let cached: ReadonlyMap<ConversationId, RoomRecord> | null = null;
  let version = 0;

  function refresh(): void {
    cached = null;
    version++;
  }

  async function all(): Promise<Result<ReadonlyMap<ConversationId, RoomRecord>, ClientError>> {
    if (cached !== null) return ok(cached);
    const before = version;
    const groups = await documents.read(log.ref({ type: "groups" }), groupsSchema);
    if (!groups.ok) return groups;
    if (version === before) cached = groups.value.roomsById;
    return ok(groups.value.roomsById);
  }

  return {
    all,
    async get(roomId) {
      const rooms = await all();
      return rooms.ok ? ok(rooms.value.get(roomId) ?? null) : rooms;
    },
    async set(roomId, parts, options) {
      const edited = await log.edit(
        { type: "groups" },
        (draft) => {
          for (const [key, part] of parts) setField(draft, GROUPS.part, [roomId, key] as const, part);
        },
        options,
      );
      refresh();
      return edited;
    },
    refresh,
  };
}

/** What opens a room, as an invitation carries it. */
export function keysOf({ keys }: RoomRecord): RoomKeys {
  const { logId, origin, accessSeed, roomKey, fromSeq, fromChain } = keys;
  return { logId, origin, accessSeed, roomKey, from: { incarnation: 0, seq: fromSeq, chain: fromChain } };
}
