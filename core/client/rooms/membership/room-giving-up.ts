/** What this device has of a group leads nowhere: it is forgotten, and asked for again. Runs within the serial. Rules RM22, RM64. */
import type { ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { groupEpoch, isActive } from "../../../group/group.ts";
import type { NamedEntry } from "../../../log/log-reader.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomDraft } from "../reading/room-draft.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import type { RoomGroups } from "./room-groups.ts";

export interface RoomGivingUpDeps {
  readonly context: Pick<EngineContext, "tables">;
  readonly groups: Pick<RoomGroups, "forget">;
  readonly anew: Pick<RoomAnew, "begun">;
  onChanged(): void;
}

export interface RoomGivingUp {
  /** The draft goes on without a group. It was lost, or has come apart from others, who are in another one. RM22 */
  give(roomId: ConversationId, draft: RoomDraft, why: "lost" | "forked"): Promise<Result<void, ClientError>>;
  /** RM64: of a group that this device has begun, and no landmark tells of, the first commit comes too late. */
  giveUnplaced(
    roomId: ConversationId,
    entry: NamedEntry,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>>;
}

export function createRoomGivingUp({ context, groups, anew, onChanged }: RoomGivingUpDeps): RoomGivingUp {
  const { tables } = context;

  const give: RoomGivingUp["give"] = async (roomId, draft, why) => {
    const forgotten = await groups.forget(roomId);
    if (!forgotten.ok) return forgotten;
    draft.writes.push(...forgotten.value);
    // RM62: what it had done is done again.
    const { incarnation } = draft.reader.point;
    if (draft.group !== null && incarnation > 0) {
      const { context } = draft.group;
      const begun = why === "forked" ? await anew.begun(roomId, incarnation) : ok(null);
      if (!begun.ok) return begun;
      draft.writes.push(
        tables.roomredo.put([roomId], { epoch: Number(groupEpoch(draft.group)), context }),
        begun.value === null
          ? tables.roomforked.remove(roomId)
          : tables.roomforked.put([roomId], { epoch: begun.value.epoch }),
      );
    }
    draft.group = null;
    onChanged();
    return ok();
  };

  const giveUnplaced: RoomGivingUp["giveUnplaced"] = async (roomId, entry, draft) => {
    if (draft.group === null || !isActive(draft.group) || draft.landmarks.length > 0) return ok();
    const pending = await tables.commit.get(roomId);
    if (!pending.ok) return pending;
    return pending.value?.entryId === entry.id ? ok() : give(roomId, draft, "lost");
  };

  return { give, giveUnplaced };
}
