/**
 * Whose turn it is to answer somebody who asks for a room's history: the same order on every device, another one for each question.
 * Pure. Rule RM44.
 */
import { type Bytes, toHex } from "../../base/bytes.ts";
import { type AccountId, idBytes } from "../../base/ids.ts";
import { hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";
import { memberOf, type RoomContext } from "./room-context.ts";
import type { RoomDevice } from "./room-rules.ts";

/** A question, as everybody in the room has read it. */
export interface HistoryQuestion {
  readonly token: Bytes;
  readonly asker: AccountId;
  /** Who has answered lately, or has nothing more. */
  readonly except: readonly AccountId[];
}

/** Accounts that may answer: who was there before whoever asks. */
export function answeringAccounts(room: RoomContext, asker: AccountId): readonly AccountId[] {
  const me = memberOf(room, asker);
  if (me === null) return [];
  return room.members.filter(({ sinceEpoch }) => sinceEpoch < me.sinceEpoch).map((one) => one.accountId);
}

/** Devices in the order they are to answer: who was there when the history began first, then one device of each account in turn. */
export function answerTurns(
  room: RoomContext,
  leaves: readonly RoomDevice[],
  { token, asker, except }: HistoryQuestion,
): readonly RoomDevice[] {
  const drawn = (id: Bytes): string => toHex(hash(LABEL.roomHistoryTurn, token, id));
  const begin = room.history?.since ?? 0;
  const accounts = answeringAccounts(room, asker)
    .filter((accountId) => !except.includes(accountId))
    .map((accountId) => ({
      isLate: (memberOf(room, accountId)?.sinceEpoch ?? 0) > begin,
      order: drawn(idBytes(accountId)),
      devices: leaves
        .filter((leaf) => leaf.accountId === accountId)
        .map((device) => ({ device, order: drawn(idBytes(device.deviceId)) }))
        .sort((a, b) => (a.order < b.order ? -1 : 1)),
    }))
    .sort((a, b) => Number(a.isLate) - Number(b.isLate) || (a.order < b.order ? -1 : 1));
  const rounds = Math.max(0, ...accounts.map(({ devices }) => devices.length));
  return Array.from({ length: rounds }, (_, round) =>
    accounts.flatMap(({ devices }) => devices[round]?.device ?? []),
  ).flat();
}
