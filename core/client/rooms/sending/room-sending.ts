/**
 * What this device puts into a room's log. Each entry is stored with its final bytes before it is sent and sent as those bytes until the
 * server has decided; one is on its way at a time. Runs within the serial. Rules RM18, RM20, RM27, RM33.
 */
import type { EngineContext } from "../../engine-context.ts";
import { createRoomCommits, type RoomCommits, type RoomCommitsDeps } from "./room-commits.ts";
import { createRoomLetters, type RoomLetters, type RoomLettersDeps } from "./room-letters.ts";
import { createRoomOutgoing, type RoomOutgoing, type RoomOutgoingDeps } from "./room-outgoing.ts";
import { createRoomSealing } from "./room-sealing.ts";

export type RoomSendingDeps = Omit<
  RoomCommitsDeps & RoomLettersDeps & RoomOutgoingDeps,
  "context" | "sealing" | "outgoing"
> & { readonly context: EngineContext };

export interface RoomSending {
  readonly outgoing: RoomOutgoing;
  readonly letters: RoomLetters;
  readonly commits: RoomCommits;
}

export function createRoomSending(all: RoomSendingDeps): RoomSending {
  const sealing = createRoomSealing(all.context);
  const outgoing = createRoomOutgoing({ ...all, sealing });
  const letters = createRoomLetters({ ...all, sealing, outgoing });
  return { outgoing, letters, commits: createRoomCommits({ ...all, sealing, outgoing }) };
}
