/**
 * Which commits of a room's log this device follows: its own that has its place, and those of others that hold. What does not is
 * passed over. Runs within the serial. Rules RM17, RM21, RM22, RM26.
 */
import type { ConversationId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { claimedEpoch } from "../../../group/group-message.ts";
import { type Group, type GroupDeps, groupEpoch, isActive } from "../../../group/group.ts";
import { receiveCommit } from "../../../group/receive-commit.ts";
import type { NamedEntry } from "../../../log/log-reader.ts";
import { memberOf } from "../../../messenger/room/room-context.ts";
import type { RoomCommit } from "../../../messenger/room/room-entry.ts";
import type { LogPoint } from "../../../protocol/entry.ts";
import type { ChainState } from "../../../sigchain/chain-state.ts";
import type { ClientError } from "../../client-error.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { CommitRow } from "../../tables.ts";
import type { RoomIncarnation } from "../log/room-incarnation.ts";
import type { RoomGivingUp } from "../membership/room-giving-up.ts";
import { groupAfter } from "../membership/room-groups.ts";
import { markCommit, passEntry, type RoomDraft } from "./room-draft.ts";
import type { MoveGroup } from "./room-group-move.ts";
import { createRoomJudge, roomContextOf } from "./room-judge.ts";

/** A whole commit, and where it is. */
export interface PlacedCommit {
  /** The last one. */
  readonly entry: NamedEntry;
  /** Whether this device wrote it, as the log says. */
  readonly isOwn: boolean;
  readonly sent: RoomCommit;
  /** Where the log stands before its first entry. */
  readonly before: LogPoint;
}

export interface RoomFollowingDeps {
  readonly context: Pick<EngineContext, "tables" | "identity">;
  readonly chains: ChainStore;
  readonly deps: Pick<GroupDeps, "suite">;
  readonly incarnation: Pick<RoomIncarnation, "placeOf" | "takeAgain">;
  readonly givingUp: Pick<RoomGivingUp, "give">;
  readonly moveGroup: MoveGroup;
  /** A commit has brought links of a chain, which are stored now. */
  onChain(before: ChainState | null, after: ChainState): void;
  /** Others may see another group than this device does: they are to be told what it sees. */
  onDisagreement(roomId: ConversationId): void;
}

export interface RoomFollowing {
  /** Moves past a commit, with the group when it holds. RM17, RM21 */
  follow(roomId: ConversationId, placed: PlacedCommit, draft: RoomDraft): Promise<Result<void, ClientError>>;
}

export function createRoomFollowing(all: RoomFollowingDeps): RoomFollowing {
  const { chains, deps, incarnation, givingUp, moveGroup } = all;
  const { tables, identity } = all.context;

  const follow: RoomFollowing["follow"] = async (roomId, placed, draft) => {
    const { entry, isOwn, sent } = placed;
    const { group } = draft;
    if (group === null || !isActive(group)) return passOver(roomId, entry, draft);
    const pending = await tables.commit.get(roomId);
    if (!pending.ok) return pending;
    const place = await incarnation.placeOf(roomId, sent, group, draft);
    if (!place.ok) return place;
    if (place.value !== "counts") {
      // Nobody follows it here; what was to be done is planned again.
      if (pending.value?.entryId === entry.id) draft.writes.push(tables.commit.remove(roomId));
      // It may be what the others follow.
      else if (place.value === "elsewhere" && (await claimedEpoch(sent.commit)) === groupEpoch(group))
        all.onDisagreement(roomId);
      return passOver(roomId, entry, draft);
    }
    const again = await incarnation.takeAgain(roomId, sent, group, draft);
    if (!again.ok) return again;
    if (again.value) return passOver(roomId, entry, draft);
    if (pending.value?.entryId === entry.id)
      return followOwn(roomId, placed, { group, pending: pending.value }, draft);
    if (isOwn) {
      // RM22: ours, and not the one on its way: what it made is not here.
      const isNext = (await claimedEpoch(sent.commit)) === groupEpoch(group);
      return isNext ? giveUp(roomId, entry, draft) : passOver(roomId, entry, draft);
    }
    return followOther(roomId, placed, group, draft);
  };

  /** A commit that leaves the group as it is. */
  function passOver(roomId: ConversationId, entry: NamedEntry, draft: RoomDraft): Result<void, ClientError> {
    markCommit(draft, roomId, entry);
    passEntry(draft, entry);
    return ok();
  }

  /** A commit after which what this device has of the group leads nowhere. */
  async function giveUp(
    roomId: ConversationId,
    entry: NamedEntry,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const given = await givingUp.give(roomId, draft, "lost");
    return given.ok ? passOver(roomId, entry, draft) : given;
  }

  /** What it makes was kept when it was sent. */
  async function followOwn(
    roomId: ConversationId,
    { entry, sent, before }: PlacedCommit,
    { group, pending }: { readonly group: Group; readonly pending: CommitRow },
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const next = await groupAfter(group, pending);
    if (next === null) return err({ type: "StoreCorrupt", key: tables.commit.key(roomId) });
    const after = roomContextOf(next);
    for (const accountId of pending.invitees) {
      const sinceEpoch = after === null ? null : (memberOf(after, accountId)?.sinceEpoch ?? null);
      if (sinceEpoch !== null)
        // With the keys the log has up to this commit: its entries are the first they read.
        draft.writes.push(
          tables.invitee.put([roomId, accountId], { ...draft.keys, from: before, sinceEpoch }),
        );
    }
    draft.writes.push(tables.commit.remove(roomId));
    passEntry(draft, entry);
    return moveGroup(
      roomId,
      entry,
      {
        before: roomContextOf(group),
        after,
        by: identity.accountId,
        byDevice: identity.deviceId,
        timeMs: null,
        departed: [],
        next,
        added: new Set(pending.added),
        commit: sent,
        carried: pending.carried,
      },
      draft,
    );
  }

  async function followOther(
    roomId: ConversationId,
    { entry, sent }: PlacedCommit,
    group: Group,
    draft: RoomDraft,
  ): Promise<Result<void, ClientError>> {
    const { judge, judged, brought, fault } = createRoomJudge(chains, roomId, group, sent.context);
    const received = await receiveCommit({ ...deps, authenticate: () => false }, group, sent.commit, judge);
    const broken = fault();
    if (broken !== null) return err(broken);
    if (!received.ok) {
      // RM22: others have followed what this device made and lost, and bring it again.
      if (received.error.rule === "OwnCommit") return giveUp(roomId, entry, draft);
      // RM26: the others may be somewhere else. Only they can tell, signed: anybody could write such bytes.
      const epoch = await claimedEpoch(sent.commit);
      if (epoch !== null && epoch > groupEpoch(group)) all.onDisagreement(roomId);
      return passOver(roomId, entry, draft);
    }
    passEntry(draft, entry);
    const links = judged();
    draft.writes.push(...(links?.writes ?? []));
    for (const chain of links?.learned ?? []) {
      const before = await chains.load(chain.accountId);
      if (!before.ok) return before;
      chains.keep(chain);
      draft.commits.push(() => all.onChain(before.value, chain));
    }
    const { change, next } = received.value;
    const evidence = brought();
    return moveGroup(
      roomId,
      entry,
      {
        before: roomContextOf(group),
        after: roomContextOf({ context: change.context ?? group.context }),
        by: change.committer.member.accountId,
        byDevice: change.committer.member.deviceId,
        timeMs: evidence?.timeMs ?? null,
        departed: evidence?.departures.map(({ accountId }) => accountId) ?? [],
        next,
        added: new Set(change.added.map(({ member }) => member.deviceId)),
        commit: sent,
        carried: [],
      },
      draft,
    );
  }

  return { follow };
}
