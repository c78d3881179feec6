/**
 * Which state a room's group had after each of the last commits, good or not: what others say of theirs is compared with it.
 * Runs within the serial. Rule RM26.
 */
import { equalBytes } from "../../../base/bytes.ts";
import { type ConversationId, type EntryId, idFromBytes } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { epochAuthenticator, type Group, groupEpoch, isActive } from "../../../group/group.ts";
import { type RoomStatePlace, roomStateAt } from "../../../messenger/room/room-stand.ts";
import type { StoreError, WriteOp } from "../../../store/tx-store.ts";
import type { Tables } from "../../tables.ts";

/** `expect` of a log's first commit, and its place in stands before there is one. */
export const NO_ENTRY: EntryId = idFromBytes("entry", new Uint8Array(32));

/** A stand that is older than this many commits says nothing any more. */
export const LANDMARKS_MAX = 32;

export interface RoomLandmarks {
  /** Oldest first; none for a device that never was in the group. */
  of(roomId: ConversationId): Promise<Result<readonly RoomStatePlace[], StoreError>>;
  put(roomId: ConversationId, places: readonly RoomStatePlace[]): { readonly write: WriteOp; commit(): void };
}

export function createRoomLandmarks(tables: Tables): RoomLandmarks {
  const byRoom = new Map<ConversationId, readonly RoomStatePlace[]>();
  return {
    async of(roomId) {
      const known = byRoom.get(roomId);
      if (known !== undefined) return ok(known);
      const row = await tables.landmark.get(roomId);
      if (!row.ok) return row;
      const places = row.value?.places ?? [];
      byRoom.set(roomId, places);
      return ok(places);
    },
    put: (roomId, places) => ({
      write: tables.landmark.put([roomId], { places }),
      commit: () => void byRoom.set(roomId, places),
    }),
  };
}

/** `places` with the state of `group` after this commit; as they are when this device is in no group. */
export function withLandmark(
  places: readonly RoomStatePlace[],
  roomId: ConversationId,
  handshake: EntryId,
  group: Group | null,
): readonly RoomStatePlace[] {
  if (group === null || !isActive(group)) return places;
  const at = roomStateAt(roomId, handshake, {
    epoch: Number(groupEpoch(group)),
    authenticator: epochAuthenticator(group),
  });
  return [...places.slice(1 - LANDMARKS_MAX), at];
}

/** `places` with the newest one as `group` is now, whatever it was when that was written. */
export function liveLandmarks(
  places: readonly RoomStatePlace[],
  roomId: ConversationId,
  group: Group | null,
): readonly RoomStatePlace[] {
  const last = places.at(-1);
  return last === undefined ? places : withLandmark(places.slice(0, -1), roomId, last.handshake, group);
}

/** `same`, `other`, or `unknown` for a place this device has no landmark of. */
export function compareState(
  places: readonly RoomStatePlace[],
  { handshake, epoch, state }: RoomStatePlace,
): "same" | "other" | "unknown" {
  const own = places.find((place) => place.handshake === handshake);
  if (own === undefined) return "unknown";
  return own.epoch === epoch && equalBytes(own.state, state) ? "same" : "other";
}
