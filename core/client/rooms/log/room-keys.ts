/**
 * What opens a room's log, and how that changes: with every commit that takes a device out, the key of the log and the key of the
 * entries' outer layer become those of the new epoch, so that who is out follows nothing any more. Rules RM29, RM30.
 */
import type { Bytes } from "../../../base/bytes.ts";
import { type ConversationId, idBytes, type LogId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { LABEL } from "../../../crypto/labels.ts";
import { exportGroupSecret, type Group, type GroupDeps, groupEpoch } from "../../../group/group.ts";
import { openRoomEntry, sealRoomEntry } from "../../../messenger/room/room-entry.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../../store/tx-store.ts";
import { capabilityKey } from "../../devices/device-identity.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomKeysRow } from "../../tables.ts";

const KEY_BYTES = 32;

/** The keys that begin with the epoch of `group`. - Secrets: both; whoever has them reads and fills the log. */
export async function roomKeysOf(
  deps: Pick<GroupDeps, "suite">,
  logId: LogId,
  group: Group,
): Promise<RoomKeysRow> {
  const secret = (label: string): Promise<Bytes> =>
    exportGroupSecret({ ...deps, authenticate: () => false }, group, {
      label,
      context: idBytes(logId),
      length: KEY_BYTES,
    });
  return {
    generation: Number(groupEpoch(group)),
    accessSeed: await secret(LABEL.exportRoomAccess),
    roomKey: await secret(LABEL.exportRoomKey),
  };
}

/** What the server knows of keys. */
export function publicRoomKey({ accessSeed }: Pick<RoomKeysRow, "accessSeed">): Bytes {
  return capabilityKey(accessSeed).publicKey;
}

/**
 * Writes that put letters which wait to be sent under another outer key: they were sealed before it changed, and the log takes
 * nothing from the former one. What they hold stays the same ciphertext. RM30
 */
export async function rewrapLetters(
  { tables, random, entryId, padding }: Pick<EngineContext, "tables" | "random" | "entryId" | "padding">,
  { roomId, logId }: { readonly roomId: ConversationId; readonly logId: LogId },
  keys: { readonly before: Bytes; readonly after: Bytes },
  isPlaced: (writerSeq: number) => boolean,
): Promise<Result<readonly WriteOp[], StoreError>> {
  const rows = await tables.letter.scan({ under: [roomId] });
  if (!rows.ok) return rows;
  const writes: WriteOp[] = [];
  for (const { key, value } of rows.value) {
    const seq = Number(rowKeyParts(key).at(-1));
    if (isPlaced(seq)) continue;
    const place = { logId, header: value.entry.header };
    const body = openRoomEntry(keys.before, place, value.entry.sealed);
    const sealed = body === null ? null : sealRoomEntry(random, keys.after, place, body, padding());
    if (sealed === null || !sealed.ok) continue;
    const entry = { header: value.entry.header, sealed: sealed.value };
    writes.push(tables.letter.put([roomId, seq], { ...value, entry, entryId: entryId(logId, entry) }));
  }
  return ok(writes);
}
