/**
 * What happened in a room, for people to read between its messages: who came, went, or may do something else. Each device
 * keeps what it has followed itself; the group alone says how things are now. Rule RM28.
 */
import type { AccountId, ConversationId } from "../../base/ids.ts";
import { ROOM_HAPPENINGS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { memberOf, type RoomContext } from "../../messenger/room/room-context.ts";
import { isSamePolicy } from "../../messenger/room/room-history.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { Tables } from "../tables.ts";
import type { HappeningRow, RoomHappening } from "./room-happening-shape.ts";

/** What a change of a room's context says to people, in an order that is the same everywhere. */
export function happeningsOf(
  before: RoomContext,
  after: RoomContext,
  departed: ReadonlySet<AccountId>,
): readonly RoomHappening[] {
  const found: RoomHappening[] = [];
  for (const { accountId, name } of before.members)
    if (memberOf(after, accountId) === null)
      found.push({ type: departed.has(accountId) ? "left" : "removed", accountId, name });
  for (const { accountId, name, role, sinceEpoch, mutedUntilMs } of after.members) {
    const was = memberOf(before, accountId);
    if (was?.sinceEpoch !== sinceEpoch) found.push({ type: "added", accountId, name, role });
    else if (was.role !== role) found.push({ type: "role", accountId, name, role });
    if (was !== null && was.mutedUntilMs !== mutedUntilMs)
      found.push({ type: "muted", accountId, name, untilMs: mutedUntilMs });
  }
  if (before.name !== after.name) found.push({ type: "renamed", name: after.name });
  if (before.about !== after.about) found.push({ type: "described" });
  if (before.lifetimeMs !== after.lifetimeMs) found.push({ type: "lifetime", lifetimeMs: after.lifetimeMs });
  if (!isSamePolicy(before.history, after.history))
    found.push({ type: "history", history: after.history && { days: after.history.days } });
  return found;
}

/** Rows that keep `happenings` of the commit that made `epoch`; the oldest of the room go. RM28 */
export async function keepHappenings(
  tables: Tables,
  place: { readonly roomId: ConversationId; readonly epoch: number },
  rows: readonly HappeningRow[],
): Promise<Result<readonly WriteOp[], StoreError>> {
  if (rows.length === 0) return ok([]);
  const { roomId, epoch } = place;
  const earlier = await tables.happening.scan({ under: [roomId] });
  if (!earlier.ok) return earlier;
  const kept = rows.slice(-ROOM_HAPPENINGS_MAX);
  const spare = Math.max(0, earlier.value.length + kept.length - ROOM_HAPPENINGS_MAX);
  return ok([
    ...earlier.value.slice(0, spare).map(({ key }) => tables.happening.remove(...rowKeyParts(key).slice(1))),
    ...kept.map((row, index) => tables.happening.put([roomId, epoch, index], row)),
  ]);
}

/** What happened in a room as far as it is kept here, oldest first. */
export async function happeningsIn(
  tables: Tables,
  roomId: ConversationId,
): Promise<Result<readonly (HappeningRow & { readonly id: string })[], StoreError>> {
  const rows = await tables.happening.scan({ under: [roomId] });
  if (!rows.ok) return rows;
  return ok(rows.value.map(({ key, value }) => ({ ...value, id: rowKeyParts(key).slice(2).join("/") })));
}

/** Who came or went by commits behind an epoch, each by their last, with who made it. `rows` are oldest first. */
export function membersLastActs(
  rows: readonly (HappeningRow & { readonly id: string })[],
  epoch: number,
): ReadonlyMap<AccountId, { readonly type: "added" | "removed" | "left"; readonly by: AccountId | null }> {
  const acts = new Map<
    AccountId,
    { readonly type: "added" | "removed" | "left"; readonly by: AccountId | null }
  >();
  for (const { id, by, happening } of rows) {
    const isBehind = Number(id.split("/")[0]) > epoch;
    const { type } = happening;
    if (isBehind && (type === "added" || type === "removed" || type === "left"))
      acts.set(happening.accountId, { type, by });
  }
  return acts;
}
