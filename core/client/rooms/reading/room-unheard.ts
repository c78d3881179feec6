/**
 * What an account has said in a log that began anew before the commit is brought again that had taken it out: whoever had followed that
 * leaves it out, so it is shown as not sent. Runs within the serial. Rule RM33.
 */
import type { ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { claimedEpoch } from "../../../group/group-message.ts";
import { groupEpoch } from "../../../group/group.ts";
import { isRedacted, type NamedOp } from "../../../messenger/op.ts";
import type { RoomCommit } from "../../../messenger/room/room-entry.ts";
import { rowKeyLastNumber, rowKeyParts } from "../../../store/row-key.ts";
import type { ClientError } from "../../client-error.ts";
import { createOpPages } from "../../conversations/op-pages.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import type { RoomOutbox } from "../room-outbox.ts";
import type { RoomDraft } from "./room-draft.ts";

export interface RoomUnheardDeps {
  readonly context: Pick<EngineContext, "tables" | "identity">;
  readonly anew: Pick<RoomAnew, "begun">;
  readonly outbox: Pick<RoomOutbox, "failPlaced">;
}

export interface RoomUnheard {
  /**
   * Whether who began the log was in a later epoch than this group: a commit that takes this account out may be one they have followed.
   * What is said here until it is read has to be in the store by then.
   */
  isBehind(roomId: ConversationId, draft: RoomDraft): Promise<Result<boolean, ClientError>>;
  /** This account is taken out by a commit, which comes next. */
  fail(roomId: ConversationId, commit: RoomCommit, draft: RoomDraft): Promise<Result<void, ClientError>>;
}

export function createRoomUnheard({ context, anew, outbox }: RoomUnheardDeps): RoomUnheard {
  const { tables, identity } = context;
  const pages = createOpPages(tables);

  async function isBefore(roomId: ConversationId, epoch: bigint | null, { reader }: RoomDraft) {
    const begun = await anew.begun(roomId, reader.point.incarnation);
    if (!begun.ok) return begun;
    return ok(begun.value !== null && epoch !== null && epoch < begun.value.epoch);
  }

  const isBehind: RoomUnheard["isBehind"] = async (roomId, draft) =>
    isBefore(roomId, draft.group === null ? null : groupEpoch(draft.group), draft);

  const fail: RoomUnheard["fail"] = async (roomId, { commit }, draft) => {
    // Before a commit that is made now everybody reads what stands there.
    const isBrought = await isBefore(roomId, await claimedEpoch(commit), draft);
    if (!isBrought.ok || !isBrought.value) return isBrought.ok ? ok() : isBrought;
    const places = await tables.roomplace.scan({ under: [roomId] });
    if (!places.ok) return places;
    const ops: NamedOp[] = [];
    for (const { key, value } of places.value) {
      if (value.incarnation !== draft.reader.point.incarnation) continue;
      const sent = await tables.roomsent.get(roomId, rowKeyLastNumber(key));
      if (!sent.ok) return sent;
      for (const outKey of sent.value?.outKeys ?? []) {
        const [, , hlc = "", opId = ""] = rowKeyParts(outKey);
        const op = await pages.get(tables.op.key(roomId, hlc, identity.deviceId, opId));
        if (!op.ok) return op;
        if (op.value !== null && !isRedacted(op.value)) ops.push(op.value);
      }
    }
    const failed = outbox.failPlaced(ops, "outside");
    draft.writes.push(...failed.writes);
    draft.commits.push(failed.commit);
    return ok();
  };

  return { isBehind, fail };
}
