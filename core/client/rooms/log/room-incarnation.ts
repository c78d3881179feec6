/**
 * Reading commits in a later incarnation of a room's log: which of them count there, those that are brought again, and how far the log
 * has come. In the first incarnation every commit counts. Runs within the serial. Rules RM62, RM66.
 */
import { equalBytes } from "../../../base/bytes.ts";
import type { ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { encode } from "../../../codec/shape.ts";
import { claimedEpoch } from "../../../group/group-message.ts";
import { type Group, groupEpoch } from "../../../group/group.ts";
import { memberOf, type RoomContext } from "../../../messenger/room/room-context.ts";
import { type RoomCommit, roomCommitShape } from "../../../messenger/room/room-entry.ts";
import type { PlacedEntry } from "../../../protocol/entry.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomDraft } from "../reading/room-draft.ts";
import { roomContextOf } from "../reading/room-judge.ts";
import { isNamed, type RoomAnew } from "./room-anew.ts";
import { findBegun } from "./room-begun.ts";
import type { RoomRekeying } from "./room-rekeying.ts";

export interface RoomIncarnationDeps {
  readonly context: Pick<EngineContext, "tables" | "identity">;
  readonly chains: Pick<ChainStore, "load">;
  readonly anew: RoomAnew;
  readonly rekeying: Pick<RoomRekeying, "rekey">;
  onDisagreement(roomId: ConversationId): void;
}

export interface RoomIncarnation {
  /**
   * In a log that began anew, what comes before its founder's first word, or leads elsewhere than they say, does not (RM66), nor what
   * comes before the log has the keys of its epoch: those who are not there yet could never follow (RM62).
   */
  placeOf(
    roomId: ConversationId,
    sent: RoomCommit,
    group: Group,
    draft: RoomDraft,
  ): Promise<Result<"counts" | "elsewhere" | "early", ClientError>>;
  /** RM62: a commit this device has followed before the log began anew. What it did to the keys of the log it does again. */
  takeAgain(
    roomId: ConversationId,
    sent: RoomCommit,
    group: Group,
    draft: RoomDraft,
  ): Promise<Result<boolean, ClientError>>;
  /** How far the commits in the log lead by now. */
  noteLogEpoch(
    roomId: ConversationId,
    at: { readonly logEpoch: number; readonly isRekeyed: boolean },
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>>;
  /** RM66: who comes into a log that began anew goes by what its founder said first, or from their own epoch on by what holds. */
  beginWith(
    roomId: ConversationId,
    draft: RoomDraft,
    first: readonly PlacedEntry[],
    joined: { readonly group: Group; readonly context: RoomContext },
  ): Promise<Result<{ readonly writes: readonly WriteOp[]; commit(): void }, ClientError>>;
}

export function createRoomIncarnation(all: RoomIncarnationDeps): RoomIncarnation {
  const { chains, anew, rekeying } = all;
  const { tables, identity } = all.context;

  const placeOf: RoomIncarnation["placeOf"] = async (roomId, sent, group, draft) => {
    const { incarnation } = draft.reader.point;
    if (incarnation === 0) return ok("counts");
    const begun = await anew.begun(roomId, incarnation);
    if (!begun.ok || begun.value === null) return begun.ok ? ok("elsewhere") : begun;
    const epoch = await claimedEpoch(sent.commit);
    if (epoch === null || !isNamed(begun.value, Number(epoch), encode(roomCommitShape, sent)))
      return ok("elsewhere");
    const past = await tables.roompast.get(roomId, Number(epoch));
    if (!past.ok) return past;
    const isNext = epoch === groupEpoch(group);
    const since = isNext ? roomContextOf(group)?.keysSince : past.value?.before.generation;
    return ok(since === undefined || since === draft.keys.generation ? "counts" : "early");
  };

  const takeAgain: RoomIncarnation["takeAgain"] = async (roomId, sent, group, draft) => {
    if (draft.reader.point.incarnation === 0) return ok(false);
    const epoch = await claimedEpoch(sent.commit);
    if (epoch === null || epoch >= groupEpoch(group)) return ok(false);
    const past = await tables.roompast.get(roomId, Number(epoch));
    if (!past.ok) return past;
    if (past.value === null) return ok(false);
    if (!equalBytes(past.value.commit, encode(roomCommitShape, sent))) {
      // Somebody has gone on from there in another way, if it holds: which is not for this device to see any more.
      all.onDisagreement(roomId);
      return ok(false);
    }
    const { after } = past.value;
    const isRekeyed = after.generation !== draft.keys.generation;
    const noted = await noteLogEpoch(roomId, { logEpoch: Number(epoch) + 1, isRekeyed }, draft);
    if (!noted.ok) return noted;
    if (!isRekeyed) return ok(true);
    const changed = await rekeying.rekey({ roomId, logId: draft.reader.logId }, after, draft);
    return changed.ok ? ok(true) : changed;
  };

  const noteLogEpoch: RoomIncarnation["noteLogEpoch"] = async (roomId, { logEpoch, isRekeyed }, draft) => {
    if (draft.reader.point.incarnation === 0) return ok();
    const row = await anew.of(roomId);
    if (!row.ok || row.value === null) return row.ok ? ok() : row;
    const now = draft.group === null ? null : roomContextOf(draft.group);
    const isFounder = now !== null && memberOf(now, identity.accountId)?.sinceEpoch === 0;
    // What is still to be brought with the keys there are is not passed by because something further has its place.
    const missing =
      row.value.logEpoch === null ? ok(null) : await tables.roompast.get(roomId, row.value.logEpoch);
    if (!missing.ok) return missing;
    const isFurther = row.value.logEpoch !== null && logEpoch > row.value.logEpoch + 1;
    if (isFurther && missing.value?.before.generation === draft.keys.generation) return ok();
    // RM66: who has none but these keys has read nothing of what began the log.
    const isTold = row.value.isTold && !(isRekeyed && isFounder);
    const noted = anew.put(roomId, { ...row.value, logEpoch, isTold });
    draft.writes.push(noted.write);
    draft.commits.push(noted.commit);
    return ok();
  };

  const beginWith: RoomIncarnation["beginWith"] = async (roomId, { keys, reader }, first, joined) => {
    const { group, context: now } = joined;
    const { incarnation } = reader.point;
    const row = await anew.of(roomId);
    if (!row.ok) return row;
    const known = await anew.begun(roomId, incarnation);
    if (!known.ok) return known;
    const at = { roomId, logId: reader.logId, roomKey: keys.roomKey, incarnation, now };
    const found = known.value === null ? await findBegun(chains, at, first) : known;
    if (!found.ok) return found;
    const epoch = Number(groupEpoch(group));
    const begun = found.value ?? { incarnation, epoch, commits: [] };
    const noted = row.value && anew.put(roomId, { ...row.value, logEpoch: row.value.logEpoch ?? epoch });
    return ok({
      writes: [tables.roombegun.put([roomId], begun), ...(noted === null ? [] : [noted.write])],
      commit: () => noted?.commit(),
    });
  };

  return { placeOf, takeAgain, noteLogEpoch, beginWith };
}
