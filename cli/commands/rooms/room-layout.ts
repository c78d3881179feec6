/** Rooms as lines of a page of any width. */
import type { RoomPending, RoomState, RoomView } from "@dovetail/core";
import { shortId } from "../../errors/error-words.ts";
import { layOutTable } from "../../output/columns.ts";
import { localTime, shortTime } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { plainLine, plainLines } from "../../output/plain-text.ts";
import { earlierText, historyText } from "./room-history.ts";
import { lifetimeText } from "./room-lifetime.ts";

export const ROOM_STATE_WORDS: Readonly<Record<RoomState, string>> = {
  invited: "you are invited",
  joining: "joining",
  joined: "in it",
  declined: "declined",
  left: "left",
  removed: "you were removed",
};

const PENDING_WORDS: Readonly<Record<RoomPending["type"], string>> = {
  invite: "to be let in",
  remove: "to be removed",
  role: "to get another role",
  mute: "to be muted or heard again",
  name: "the room is to be renamed",
  about: "the room is to be described anew",
  lifetime: "messages are to stay longer or shorter",
  history: "who comes later is to see more or less of before",
};
const PREVIEW_CHARS = 200;

/** The list of rooms. */
export function layOutRooms(rooms: readonly RoomView[], page: Page): readonly string[] {
  const nowMs = Date.now();
  return layOutTable(
    [
      { title: "ROOM", shareMax: 0.3 },
      { title: "NEW", align: "end" },
      { title: "WHEN" },
      { title: "PEOPLE", align: "end" },
      { title: "LAST MESSAGE", isFlexible: true },
    ],
    rooms.map(({ name, unreadCount, lastMessage, members, state, sinceMs, isMuted }) => [
      { text: plainLine(name), style: unreadCount > 0 || state === "invited" ? "strong" : undefined },
      { text: unreadCount === 0 ? "" : String(unreadCount), style: "strong" },
      { text: shortTime(lastMessage?.sentAtMs ?? sinceMs, nowMs), style: "faint" },
      { text: members.length === 0 ? "" : String(members.length), style: "faint" },
      {
        text:
          lastMessage === null || state !== "joined"
            ? ROOM_STATE_WORDS[state]
            : `${isMuted ? "muted · " : ""}${lastMessage.isOwn ? "you: " : ""}${plainLine(lastMessage.text.slice(0, PREVIEW_CHARS))}`,
        style: state === "invited" ? "warning" : undefined,
      },
    ]),
    page,
  );
}

/** One room: its people, and what was asked of it and has not happened. */
export function layOutRoom(room: RoomView, page: Page): readonly string[] {
  const { paint } = page;
  const people = layOutTable(
    [{ title: "WHO", isFlexible: true }, { title: "ROLE" }, { title: "MUTED UNTIL" }, { title: "ID" }],
    room.members.map(({ name, isSelf, role, mutedUntilMs, accountId }) => [
      { text: isSelf ? "you" : plainLine(name), style: "strong" },
      { text: role },
      { text: mutedUntilMs === null || mutedUntilMs < Date.now() ? "" : localTime(mutedUntilMs) },
      { text: shortId(accountId), style: "faint" },
    ]),
    page,
  );
  const nameOf = new Map(room.members.map(({ accountId, name }) => [accountId, plainLine(name)]));
  const waiting = room.pending.map(({ type, accountId }) =>
    accountId === null
      ? `waits: ${PENDING_WORDS[type]}`
      : `waits: ${nameOf.get(accountId) ?? shortId(accountId)} ${PENDING_WORDS[type]}`,
  );
  return [
    `${paint(plainLine(room.name), "strong")} ${paint(`${ROOM_STATE_WORDS[room.state]}, ${shortId(room.id)}`, "faint")}`,
    ...(room.about === "" ? [] : plainLines(room.about)),
    ...(room.lifetimeMs === null
      ? []
      : [`messages go ${lifetimeText(room.lifetimeMs)} after they were written`]),
    ...(room.history === null
      ? []
      : [`who comes later sees ${historyText(room.history)}; messages prove who wrote them`]),
    ...[earlierText(room) ?? []].flat(),
    ...people,
    ...waiting.map((line) => paint(line, "warning")),
  ];
}
