/**
 * Rooms as the rest of the client uses them, kept in the groups document that all own devices share. What opens a room is this
 * device's own where it has read so far: a sibling may be ahead, and its keys open nothing here yet. Rule RM29.
 */
import type { AccountId, ConversationId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import {
  GROUPS,
  type Groups,
  groupsSchema,
  type RoomPart,
  type RoomRecord,
} from "../../document/schema/groups.ts";
import { setField } from "../../document/schema/state-field.ts";
import type { RoomKeys } from "../../messenger/room/room-invitation.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { EditOptions } from "../account-log/own-changes.ts";
import type { ClientError } from "../client-error.ts";
import type { RoomKeysRow, Tables } from "../tables.ts";

export interface RoomBook {
  all(): Promise<Result<ReadonlyMap<ConversationId, RoomRecord>, ClientError>>;
  get(roomId: ConversationId): Promise<Result<RoomRecord | null, ClientError>>;
  /** A room with the newest keys any own device has. */
  shared(roomId: ConversationId): Promise<Result<RoomRecord | null, ClientError>>;
  /** Whom this account has asked to let it into a room, and when; null for nobody. */
  wanted(
    roomId: ConversationId,
  ): Promise<Result<{ readonly by: AccountId; readonly atMs: number } | null, ClientError>>;
  /** Sets parts of a room; null takes one away. */
  set(
    roomId: ConversationId,
    parts: ReadonlyMap<string, RoomPart | null>,
    options?: EditOptions,
  ): Promise<Result<void, ClientError>>;
  /** This device's keys from now on; null for those the document has. `commit` follows the write. */
  keep(roomId: ConversationId, keys: RoomKeysRow | null): { readonly write: WriteOp; commit(): void };
  /** Whether this device has keys of its own. */
  hasKept(roomId: ConversationId): boolean;
  /** Forgets what was read, after the document changed. */
  refresh(): void;
}

export function createRoomBook(
  log: AccountLog,
  documents: Documents,
  tables: Pick<Tables, "roomkeys">,
): RoomBook {
  let cached: Groups | null = null;
  let version = 0;
  let kept: Map<ConversationId, RoomKeysRow> | null = null;

  function refresh(): void {
    cached = null;
    version++;
  }

  async function ownKeys(): Promise<Result<Map<ConversationId, RoomKeysRow>, ClientError>> {
    if (kept !== null) return ok(kept);
    const rows = await tables.roomkeys.scan();
    if (!rows.ok) return rows;
    kept ??= new Map(
      rows.value.map(({ key, value }) => [rowKeyParts(key)[1] as ConversationId, value] as const),
    );
    return ok(kept);
  }

  async function groups(): Promise<Result<Groups, ClientError>> {
    if (cached !== null) return ok(cached);
    const before = version;
    const read = await documents.read(log.ref({ type: "groups" }), groupsSchema);
    if (!read.ok) return read;
    if (version === before) cached = read.value;
    return read;
  }

  async function document(): Promise<Result<Groups["roomsById"], ClientError>> {
    const read = await groups();
    return read.ok ? ok(read.value.roomsById) : read;
  }

  async function all(): Promise<Result<ReadonlyMap<ConversationId, RoomRecord>, ClientError>> {
    const rooms = await document();
    if (!rooms.ok) return rooms;
    const own = await ownKeys();
    if (!own.ok) return own;
    const withOwn = ([roomId, room]: readonly [ConversationId, RoomRecord]) =>
      [roomId, { ...room, keys: { ...room.keys, ...own.value.get(roomId) } }] as const;
    return ok(new Map([...rooms.value].map(withOwn)));
  }

  return {
    all,
    async get(roomId) {
      const rooms = await document();
      if (!rooms.ok) return rooms;
      const own = await ownKeys();
      if (!own.ok) return own;
      const room = rooms.value.get(roomId);
      return ok(room === undefined ? null : { ...room, keys: { ...room.keys, ...own.value.get(roomId) } });
    },
    async shared(roomId) {
      const rooms = await document();
      return rooms.ok ? ok(rooms.value.get(roomId) ?? null) : rooms;
    },
    async wanted(roomId) {
      const read = await groups();
      return read.ok ? ok(read.value.wantedById.get(roomId) ?? null) : read;
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
    keep(roomId, keys) {
      const commit = () => {
        if (keys === null) kept?.delete(roomId);
        else kept?.set(roomId, keys);
      };
      return {
        write: keys === null ? tables.roomkeys.remove(roomId) : tables.roomkeys.put([roomId], keys),
        commit,
      };
    },
    hasKept: (roomId) => kept?.has(roomId) === true,
    refresh,
  };
}

/** What opens a room, as an invitation carries it. */
export function keysOf({ keys }: RoomRecord): RoomKeys {
  const { fromSeq, fromChain, ...rest } = keys;
  return { ...rest, from: { incarnation: 0, seq: fromSeq, chain: fromChain } };
}

/** The part of those that a device keeps for itself. */
export function keptKeysOf({ keys: { generation, accessSeed, roomKey } }: RoomRecord): RoomKeysRow {
  return { generation, accessSeed, roomKey };
}
