/** What a device keeps of a room to be in it: keys, group, commits, and what it still had to do there. Rule RM67. */
import type { ConversationId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { Tables } from "../tables.ts";

/** Each has its rows by room; what people read there stands in none of them. */
export const ROOM_STATE_TABLES = [
  "group",
  "epochfacts",
  "ratchet",
  "commit",
  "letter",
  "handshake",
  "roompart",
  "roomsent",
  "roompast",
  "roomanew",
  "roombegun",
  "roombring",
  "roomplace",
  "roomredo",
  "roomdone",
  "roomleaf",
  "roomrelease",
  "roomread",
  "roomgap",
  "roomcalled",
  "roomunproven",
  "roomwords",
  "departure",
  "rejoin",
  "invitee",
  "history",
  "historyask",
  "historyin",
  "roomplaced",
] as const satisfies readonly (keyof Tables)[];

/** Writes that erase them; none when there is nothing. */
export async function eraseRoomState(
  tables: Tables,
  roomId: ConversationId,
): Promise<Result<readonly WriteOp[], StoreError>> {
  const keys: string[] = [];
  for (const name of ROOM_STATE_TABLES) {
    const table = tables[name];
    const rows: Result<readonly { readonly key: string }[], StoreError> = await table.scan({
      under: [roomId],
    });
    if (!rows.ok) return rows;
    keys.push(...rows.value.map(({ key }) => key));
    const single: Result<unknown, StoreError> = await table.get(roomId);
    if (!single.ok) return single;
    if (single.value !== null) keys.push(table.key(roomId));
  }
  return ok(keys.map((key) => ({ type: "delete" as const, key })));
}
