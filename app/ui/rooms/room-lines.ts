/** What happened in a room, as lines between its messages. */
import type { AccountId, RoomHappeningView, RoomRole } from "@dovetail/core";
import { html, type TemplateResult } from "lit";
import { unreachable } from "../session/certain.ts";
import type { MessageKey } from "../words/en.ts";
import { type Params, say, text } from "../words/say.ts";
import { comingTime, momentTime } from "../words/times.ts";
import { historyWords } from "./room-history.ts";
import { lifetimeSpan } from "./room-lifetime.ts";
import type { TimelineLine } from "../conversation/message-row.ts";

export const ROLE_WORDS: Readonly<Record<RoomRole, MessageKey>> = {
  member: "roleMember",
  moderator: "roleModerator",
  admin: "roleAdmin",
  owner: "roleOwner",
};

/** The lines; `self` is told of as "you". */
export function roomLines(
  happenings: readonly RoomHappeningView[],
  self: AccountId | undefined,
  nowMs: number,
): readonly TimelineLine[] {
  return happenings.map((one) => ({
    id: one.id,
    atMs: one.atMs,
    words: html`${wordsOf(one, self, nowMs)}<time datetime=${new Date(one.atMs).toISOString()}
        >${momentTime(one.atMs, nowMs)}</time
      >`,
    isProven: false,
  }));
}

function wordsOf(
  { by, byName, happening }: RoomHappeningView,
  self: AccountId | undefined,
  nowMs: number,
): TemplateResult {
  const isMine = by !== null && by === self;
  const isMe = "accountId" in happening && happening.accountId === self;
  const params: Params = { by: byName ?? text("someone"), name: "name" in happening ? happening.name : "" };
  /** Who did it, if it was not oneself; to whom, if it was oneself. */
  const pick = (theirs: MessageKey, mine: MessageKey, me: MessageKey) =>
    say(isMine ? mine : isMe ? me : theirs, params);
  switch (happening.type) {
    case "founded":
      return say(isMine ? "happenedFoundedYou" : "happenedFounded", params);
    case "added":
      if (by === null) return say(isMe ? "happenedCameMe" : "happenedCame", params);
      return pick("happenedAdded", "happenedAddedYou", "happenedAddedMe");
    case "left":
      return say("happenedLeft", params);
    case "removed":
      return pick("happenedRemoved", "happenedRemovedYou", "happenedRemovedMe");
    case "renamed":
      return say(isMine ? "happenedRenamedYou" : "happenedRenamed", params);
    case "described":
      return say(isMine ? "happenedDescribedYou" : "happenedDescribed", params);
    case "lifetime": {
      const { lifetimeMs } = happening;
      if (lifetimeMs === null) return say(isMine ? "happenedLifetimeOffYou" : "happenedLifetimeOff", params);
      const span = lifetimeSpan(lifetimeMs);
      return say(isMine ? "happenedLifetimeYou" : "happenedLifetime", { ...params, span });
    }
    case "history": {
      const { history } = happening;
      if (history === null) return say(isMine ? "happenedHistoryOffYou" : "happenedHistoryOff", params);
      const what = historyWords(history);
      return say(isMine ? "happenedHistoryYou" : "happenedHistory", { ...params, what });
    }
    case "role": {
      const role = text(ROLE_WORDS[happening.role]);
      return say(isMe ? "happenedRoleMe" : "happenedRole", { ...params, role });
    }
    case "muted": {
      const { untilMs } = happening;
      if (untilMs === null) return say(isMe ? "happenedUnmutedMe" : "happenedUnmuted", params);
      const key = isMine ? "happenedMutedYou" : isMe ? "happenedMutedMe" : "happenedMuted";
      return say(key, { ...params, time: comingTime(untilMs, nowMs) });
    }
    default:
      return unreachable(happening);
  }
}
