/** What a room does not allow, in words. */
import type { ClientError } from "@dovetail/core";
import { plainLine } from "../output/plain-text.ts";
import { count, type ErrorText, say } from "./error-words.ts";
import { EXIT } from "./exit-code.ts";

export type RoomError = Extract<
  ClientError,
  {
    readonly type:
      | "UnknownRoom"
      | "NotInvited"
      | "NotInRoom"
      | "RoomForbids"
      | "RoomRefused"
      | "RoomTooLarge"
      | "RoomFull";
  }
>;

/** Why a role does not do. */
const TEXT_BY_RULE: ReadonlyMap<string, readonly [text: string, hint: string]> = new Map([
  ["name", ["only an admin or the owner renames a room", "ask one of them: dovetail room show ROOM"]],
  ["about", ["only an admin or the owner describes a room", "ask one of them: dovetail room show ROOM"]],
  [
    "add-account",
    [
      "a moderator or above lets people in, in a role below their own",
      "ask one of them: dovetail room show ROOM",
    ],
  ],
  [
    "remove-account",
    [
      "a moderator or above removes people, and only those below them",
      "ask somebody above them: dovetail room show ROOM",
    ],
  ],
  [
    "role",
    [
      "an admin or above gives roles, below their own and to people below them; an owner may share theirs",
      "ask the owner: dovetail room show ROOM",
    ],
  ],
  [
    "mute",
    [
      "a moderator or above mutes people, and only those below them",
      "ask somebody above them: dovetail room show ROOM",
    ],
  ],
  [
    "intents",
    ["too much was asked of this room that has not happened yet", "run dovetail sync, then try again"],
  ],
]);

/** `error` in words. */
export function describeRoomError(error: RoomError): ErrorText {
  switch (error.type) {
    case "UnknownRoom":
      return say(EXIT.notFound, "no such room", "dovetail room list");
    case "NotInvited":
      return say(EXIT.conflict, "there is no open invitation to this room", "dovetail room list");
    case "NotInRoom":
      return say(
        EXIT.conflict,
        "you are not in this room, or this device has not joined it yet",
        "see dovetail room list; where it says joining, run dovetail sync",
      );
    case "RoomForbids": {
      const [text, hint] = TEXT_BY_RULE.get(error.rule) ?? [
        `your role in this room does not allow that (${plainLine(error.rule)})`,
        "dovetail room show ROOM",
      ];
      return say(EXIT.refused, text, hint);
    }
    case "RoomRefused":
      return say(
        EXIT.failure,
        `the room does not take that (${plainLine(error.rule)})`,
        "run dovetail sync, then try again",
      );
    case "RoomTooLarge":
      return say(EXIT.failure, "that is more than one entry of a room holds", "do it in smaller parts");
    case "RoomFull":
      return say(
        EXIT.conflict,
        `a room holds ${count(error.accountsMax, "account")} at most`,
        "found another",
      );
  }
}
