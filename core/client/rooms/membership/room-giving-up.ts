/** What this device has of a group leads nowhere: it is forgotten, and asked for again. Runs within the serial. Rules RM22, RM64. */
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { groupEpoch, isActive } from "../../../group/group.ts";
import type { NamedEntry } from "../../../log/log-reader.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import { memberOf } from "../../../messenger/room/room-context.ts";
import type { RoomDraft } from "../reading/room-draft.ts";
import { roomContextOf } from "../reading/room-judge.ts";
import { happeningsIn, membersLastActs } from "../room-happenings.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { RoomCalling } from "./room-calling.ts";
import type { RoomGroups } from "./room-groups.ts";

export interface RoomGivingUpDeps {
  readonly context: Pick<EngineContext, "tables" | "identity">;
  readonly groups: Pick<RoomGroups, "forget">;
  readonly anew: Pick<RoomAnew, "begun">;
  readonly calling: Pick<RoomCalling, "of">;
  onChanged(): void;
}

/** Why a group is given up: it was lost, or has come apart from others, who are in another one. */
export type GivenUp = "lost" | "forked";

export interface RoomGivingUp {
  /** The draft goes on without a group. RM22 */
  give(roomId: ConversationId, draft: RoomDraft, why: GivenUp): Promise<Result<void, ClientError>>;
  /** RM64: of a group that this device has begun, and no landmark tells of, the first commit comes too late. */
  giveUnplaced(
    roomId: ConversationId,
    entry: NamedEntry,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>>;
}

export function createRoomGivingUp({
  context,
  groups,
  anew,
  calling,
  onChanged,
}: RoomGivingUpDeps): RoomGivingUp {
  const { tables, identity } = context;
  const self = identity.accountId;

  const give: RoomGivingUp["give"] = async (roomId, draft, why) => {
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    draft.writes.push(...forgotten.value);
    const kept = await redoRows(roomId, draft, why);
    if (!kept.ok) return kept;
    draft.writes.push(...kept.value);
    draft.group = null;
    onChanged();
    return ok();
  };

  /** RM62: what it had done is done again. Nothing that a group says counts into which this device was called (RM72). */
  async function redoRows(
    roomId: ConversationId,
    { group, reader }: RoomDraft,
    why: GivenUp,
  ): Promise<Result<readonly WriteOp[], ClientError>> {
    const { incarnation } = reader.point;
    if (group === null || incarnation === 0) return ok([]);
    const called = await calling.of(roomId);
    if (!called.ok) return called;
    const earlier = await tables.roomredo.get(roomId);
    if (!earlier.ok) return earlier;
    // What was to be done before is not done yet.
    if (called.value !== null || earlier.value !== null) return ok([]);
    const begun = await anew.begun(roomId, incarnation);
    if (!begun.ok) return begun;
    const rows = await happeningsIn(tables, roomId);
    if (!rows.ok) return rows;
    // Who is where the log began may go on from there before the commits it is to be brought are.
    const from = begun.value === null ? 0 : begun.value.epoch - begun.value.commits.length;
    const acts = membersLastActs(rows.value, from);
    const now = roomContextOf(group);
    const isIn = (accountId: AccountId) => now !== null && memberOf(now, accountId) !== null;
    const isApart = why === "forked" && begun.value !== null;
    const gone = [...acts].flatMap(([who, { type }]) => (type !== "added" && !isIn(who) ? [who] : []));
    const came = [...acts].flatMap(([who, { type, by }]) =>
      isApart && type === "added" && by === self && isIn(who) ? [who] : [],
    );
    return ok([
      tables.roomredo.put([roomId], { epoch: Number(groupEpoch(group)), context: group.context }),
      tables.roomdone.put([roomId], { gone, came }),
    ]);
  }

  const giveUnplaced: RoomGivingUp["giveUnplaced"] = async (roomId, entry, draft) => {
    if (draft.group === null || !isActive(draft.group) || draft.landmarks.length > 0) return ok();
    const pending = await tables.commit.get(roomId);
    if (!pending.ok) return pending;
    return pending.value?.entryId === entry.id ? ok() : give(roomId, draft, "lost");
  };

  return { give, giveUnplaced };
}
