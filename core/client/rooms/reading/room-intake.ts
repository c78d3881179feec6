/**
 * Reading a room's log: commits move the group on, messages become ops, and the reading position moves with them, each in one
 * transaction. What does not hold is passed over and stops nothing. Runs within the serial. Rules RM16, RM17, RM19-RM23.
 *
 * | what | where |
 * |---|---|
 * | a page, entry by entry | `room-entries.ts`; what it adds up to: `room-draft.ts`, stored by `room-flush.ts` |
 * | letters and other words | `room-words.ts` |
 * | commits | `room-following.ts`; what follows from one: `room-group-move.ts` |
 * | Welcomes | `room-welcome.ts` |
 * | other keys, another place | `../log/room-changeover.ts` |
 */
import type { ConversationId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import type { GroupDeps } from "../../../group/group.ts";
import type { LogReader } from "../../../log/log-reader.ts";
import type { RoomStatePlace } from "../../../messenger/room/room-stand.ts";
import type { ChainState } from "../../../sigchain/chain-state.ts";
import type { ClientError } from "../../client-error.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { Lifetimes } from "../../deletion/lifetimes.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomAnew } from "../log/room-anew.ts";
import { createRoomChangeover, type RoomChangeover } from "../log/room-changeover.ts";
import { createRoomIncarnation } from "../log/room-incarnation.ts";
import { liveLandmarks, type RoomLandmarks } from "../log/room-landmarks.ts";
import { createRoomReaders, type RoomReaders } from "../log/room-readers.ts";
import { createRoomRekeying } from "../log/room-rekeying.ts";
import type { RoomCalling } from "../membership/room-calling.ts";
import { createRoomGivingUp } from "../membership/room-giving-up.ts";
import type { RoomGroups } from "../membership/room-groups.ts";
import type { RoomBook } from "../room-book.ts";
import type { RoomOutbox } from "../room-outbox.ts";
import { createRoomEntries, type RoomEntries } from "./room-entries.ts";
import { createRoomFlush } from "./room-flush.ts";
import { createRoomFollowing } from "./room-following.ts";
import { createMoveGroup } from "./room-group-move.ts";
import type { RoomMissed } from "./room-missed.ts";
import { createRoomUnheard } from "./room-unheard.ts";
import type { RoomUnproven } from "./room-unproven.ts";
import { createRoomWelcome, type RoomWelcome } from "./room-welcome.ts";
import { createRoomWords } from "./room-words.ts";

export interface RoomIntakeDeps {
  readonly context: EngineContext;
  readonly chains: ChainStore;
  readonly book: RoomBook;
  readonly groups: RoomGroups;
  readonly conversations: Pick<Conversations, "takeRoom" | "isArchived">;
  readonly outbox: RoomOutbox;
  readonly missed: RoomMissed;
  readonly anew: RoomAnew;
  readonly landmarks: RoomLandmarks;
  readonly unproven: RoomUnproven;
  readonly calling: RoomCalling;
  readonly limit: Lifetimes["limit"];
  readonly deps: Pick<GroupDeps, "suite">;
  /** A commit has brought links of a chain, which are stored now. */
  onChain(before: ChainState | null, after: ChainState): void;
  /** Others may see another group than this device does: they are to be told what it sees. */
  onDisagreement(roomId: ConversationId): void;
  /** Somebody else has said what this device sees. */
  onAgreement(roomId: ConversationId): void;
  /** RM72: somebody asks where others stand; this device was called into its group, and where it has left that. */
  onAsked(roomId: ConversationId): void;
  onCalled(roomId: ConversationId, lacksKnown: boolean): void;
  onLeft(roomId: ConversationId): void;
  /** The room's founder says that the log goes on, and this device has not come there. */
  onElsewhere(roomId: ConversationId): void;
  onChanged(): void;
}

export interface RoomIntake
  extends RoomEntries,
    Pick<RoomWelcome, "pass">,
    Pick<RoomReaders, "hasOpened" | "noteOpened">,
    RoomChangeover {
  /** What this device would say of where it stands; null when it is in no group. */
  place(roomId: ConversationId): Promise<Result<RoomStatePlace | null, ClientError>>;
  /** How far the room's log has been read. */
  reader(room: RoomRecord): Promise<Result<LogReader, ClientError>>;
}

export function createRoomIntake(all: RoomIntakeDeps): RoomIntake {
  const { context, groups, landmarks } = all;
  const readers = createRoomReaders(context);
  const flush = createRoomFlush({ ...all, readers });
  const givingUp = createRoomGivingUp(all);
  const unheard = createRoomUnheard(all);
  const { isArchived } = all.conversations;
  const words = createRoomWords({ ...all, unheard, isArchived, give: givingUp.give });
  const rekeying = createRoomRekeying(all);
  const incarnation = createRoomIncarnation({ ...all, rekeying });
  const moveGroup = createMoveGroup({ ...all, rekeying, incarnation, flush, unheard });
  const following = createRoomFollowing({ ...all, incarnation, givingUp, moveGroup });
  const welcome = createRoomWelcome({ ...all, readers, words, incarnation, rekeying, flush });
  const entries = createRoomEntries({ ...all, readers, flush, givingUp, words, following, welcome });
  const changeover = createRoomChangeover({ ...all, readers, words, givingUp });

  const place: RoomIntake["place"] = async (roomId) => {
    const places = await landmarks.of(roomId);
    if (!places.ok) return places;
    const group = await groups.load(roomId);
    return group.ok ? ok(liveLandmarks(places.value, roomId, group.value).at(-1) ?? null) : group;
  };

  const { of: reader, hasOpened, noteOpened } = readers;
  return { place, reader, hasOpened, noteOpened, ...entries, pass: welcome.pass, ...changeover };
}
