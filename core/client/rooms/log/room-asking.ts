/** What a device that is not where the others are asks of them: to be added again, and letters that did not open. Rules RM23, RM24, RM26, RM72. */
import type { ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { isActive } from "../../../group/group.ts";
import { activeDevices } from "../../../sigchain/chain-state.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import { roomContextOf } from "../reading/room-judge.ts";
import type { RoomCalling } from "../membership/room-calling.ts";
import { isBegunAlone } from "../membership/room-info.ts";
import type { RoomLetters } from "../sending/room-letters.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import type { RoomMissed } from "../reading/room-missed.ts";

/** How often a device that cannot follow asks to be added again. */
const REJOIN_INTERVAL_MS = 60_000;
/** How often the time is doubled after which it asks again by itself. */
const REJOIN_DOUBLINGS_MAX = 6;
/** So often a device has asked to be added again before it takes it that nobody is there who could. RM64 */
const UNANSWERED_MAX = 2;
/** How often a device says where it stands in a room. */
const STAND_INTERVAL_MS = 60_000;
/** So many say where they stand to a device that was called into its group: it may not go by what one of them says. RM72 */
const VOICES = 2;

export interface RoomAskingDeps {
  readonly context: EngineContext;
  readonly groups: RoomGroups;
  readonly letters: Pick<RoomLetters, "sealRejoin" | "sealStand">;
  readonly missed: RoomMissed;
  readonly calling: Pick<RoomCalling, "of">;
  /** The room is to be looked at again then. */
  lookIn(roomId: ConversationId, afterMs: number): void;
}

export interface RoomAsking {
  /** Others are to be told what this device sees, or somebody has told them. */
  owe(roomId: ConversationId): void;
  /** Somebody asks where others stand: more than one is to say. RM72 */
  oweTo(roomId: ConversationId): void;
  agree(roomId: ConversationId): void;
  /** This device asks once more to be added, once a minute at once; `even` where it is in a group. RM72 */
  askAgain(roomId: ConversationId, even: "in" | "out"): void;
  /** Back in the group: what did not open may be asked for at once. */
  noteBack(roomId: ConversationId): void;
  /** Whether this device has asked to come back, time and again, and nobody has brought it. Until then it looks again. RM64 */
  isUnanswered(roomId: ConversationId): boolean;
  /** Both run within the serial; true when a word is on its way. */
  askToComeBack(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
  takeStand(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
}

export function createRoomAsking(all: RoomAskingDeps): RoomAsking {
  const { context, groups, letters, missed, calling, lookIn } = all;
  /** Rooms whose others are to be told what this device sees, unless so many others say the same, and when they were last. */
  const owed = new Map<ConversationId, number>();
  /** Rooms in which this device asks to be added though it is in a group. */
  const asksInside = new Set<ConversationId>();
  const toldAtMs = new Map<ConversationId, number>();
  const askedAtMs = new Map<ConversationId, number>();
  /** When it last asked sooner than after that interval. */
  const againAtMs = new Map<ConversationId, number>();
  const askedCount = new Map<ConversationId, number>();
  const nowMs = () => Math.max(0, context.clock.nowMs());

  const sinceMs = (atMs: number | undefined) => Math.abs(nowMs() - (atMs ?? -REJOIN_INTERVAL_MS));
  const isRecent = (roomId: ConversationId) => sinceMs(askedAtMs.get(roomId)) < REJOIN_INTERVAL_MS;

  /** RM23: what this device has of the group leads nowhere, or it has nothing of it. */
  async function askToComeBack(
    roomId: ConversationId,
    room: RoomRecord,
  ): Promise<Result<boolean, ClientError>> {
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    if (group.value !== null && isActive(group.value) && !asksInside.has(roomId)) return ok(false);
    if (isRecent(roomId)) {
      askAgainLater(roomId);
      return ok(false);
    }
    asksInside.delete(roomId);
    askedAtMs.set(roomId, nowMs());
    const asked = await letters.sealRejoin(roomId, room);
    if (asked.ok) askedCount.set(roomId, (askedCount.get(roomId) ?? 0) + 1);
    askAgainLater(roomId);
    return asked.ok ? ok(true) : asked;
  }

  /** Whoever could bring it may have lost that it asked. Each time after twice as long, where nothing else has it look. */
  function askAgainLater(roomId: ConversationId): void {
    const doublings = Math.min(REJOIN_DOUBLINGS_MAX, askedCount.get(roomId) ?? 0);
    lookIn(roomId, Math.max(0, REJOIN_INTERVAL_MS * 2 ** doublings - sinceMs(askedAtMs.get(roomId))));
  }

  /** RM24, RM26: letters that did not open are asked for, and who may see another group is told what this device sees. */
  async function takeStand(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>> {
    const hasSiblings = activeDevices(context.chain()).length > 1;
    const missing = missed.due(roomId, nowMs(), hasSiblings);
    const dueInMs = missing.length === 0 ? missed.dueInMs(roomId, nowMs(), hasSiblings) : null;
    if (dueInMs !== null) lookIn(roomId, dueInMs);
    const called = await calling.of(roomId);
    if (!called.ok) return called;
    // RM72: what it had to say before it was started again it may not have said.
    const isOwed = owed.has(roomId) || (called.value !== null && !toldAtMs.has(roomId));
    if (missing.length === 0 && !isOwed) return ok(false);
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const now = group.value === null || !isActive(group.value) ? null : roomContextOf(group.value);
    // RM69: who has the group it was keeps it.
    if (group.value === null || now === null || isBegunAlone(group.value, now, context.identity.accountId))
      return ok(false);
    const last = toldAtMs.get(roomId);
    if (last !== undefined && Math.abs(nowMs() - last) < STAND_INTERVAL_MS) {
      lookIn(roomId, STAND_INTERVAL_MS - Math.abs(nowMs() - last));
      return ok(false);
    }
    const sealed = await letters.sealStand(roomId, room, { missing, isCalled: called.value !== null });
    if (!sealed.ok || !sealed.value) return sealed;
    toldAtMs.set(roomId, nowMs());
    owed.delete(roomId);
    return ok(true);
  }

  return {
    owe: (roomId) => void owed.set(roomId, Math.max(1, owed.get(roomId) ?? 0)),
    oweTo: (roomId) => void owed.set(roomId, VOICES),
    agree(roomId) {
      const left = (owed.get(roomId) ?? 1) - 1;
      if (left <= 0) owed.delete(roomId);
      else owed.set(roomId, left);
    },
    askAgain(roomId, even) {
      if (even === "in") asksInside.add(roomId);
      const askedMs = sinceMs(askedAtMs.get(roomId));
      // Somebody may say another state each time it is back.
      if (sinceMs(againAtMs.get(roomId)) < REJOIN_INTERVAL_MS && askedMs < REJOIN_INTERVAL_MS)
        return lookIn(roomId, REJOIN_INTERVAL_MS - askedMs);
      askedAtMs.delete(roomId);
      againAtMs.set(roomId, nowMs());
    },
    noteBack(roomId) {
      toldAtMs.delete(roomId);
      askedCount.delete(roomId);
    },
    isUnanswered(roomId) {
      const isOver = (askedCount.get(roomId) ?? 0) >= UNANSWERED_MAX && !isRecent(roomId);
      if (!isOver) lookIn(roomId, REJOIN_INTERVAL_MS);
      return isOver;
    },
    askToComeBack,
    takeStand,
  };
}
