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
      | "RoomFull"
      | "BadRoomLink"
      | "UnknownRoomLink"
      | "BadRoomLifetime"
      | "BadRoomHistory"
      | "UnknownRoomDocument"
      | "RoomDocumentRefused";
  }
>;

/** Why a role, or the kind of room, does not do. */
const TEXT_BY_RULE: ReadonlyMap<string, readonly [text: string, hint: string]> = new Map([
  [
    "of-two",
    [
      "this is a conversation of two: nobody else comes in, and it has no name, roles or history to change",
      "for more people: dovetail room create NAME",
    ],
  ],
  ["name", ["only an admin or the owner renames a room", "ask one of them: dovetail room show ROOM"]],
  ["about", ["only an admin or the owner describes a room", "ask one of them: dovetail room show ROOM"]],
  [
    "lifetime",
    ["only an admin or the owner says how long messages stay", "ask one of them: dovetail room show ROOM"],
  ],
  [
    "history",
    [
      "only an admin or the owner says what those see who come later",
      "ask one of them: dovetail room show ROOM",
    ],
  ],
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
  ["links", ["this room has as many links that work as go", "end one: dovetail room unlink ROOM LINK"]],
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
      return say(
        EXIT.failure,
        "that is more than a room takes at once",
        "do it in smaller parts; whose chain of devices is too long alone cannot be let in",
      );
    case "BadRoomLink":
      return describeBadLink(error.rule);
    case "BadRoomLifetime":
      return say(
        EXIT.usage,
        "messages of a room stay for ever, or from an hour to ten years",
        "dovetail room lifetime ROOM 7d, or dovetail room lifetime ROOM off",
      );
    case "BadRoomHistory":
      return say(
        EXIT.usage,
        "who comes later sees nothing, all, or the last 1 to 3,650 days",
        "dovetail room history ROOM 7d, or dovetail room history ROOM none",
      );
    case "UnknownRoomLink":
      return say(EXIT.notFound, "there is no such link, or more than one", "dovetail room links ROOM");
    case "UnknownRoomDocument":
      return say(
        EXIT.notFound,
        "there is no such shared document in this room",
        "dovetail room note list ROOM",
      );
    case "RoomDocumentRefused":
      return describeDocumentRule(error.rule);
    case "RoomFull":
      return say(
        EXIT.conflict,
        `a room holds ${count(error.accountsMax, "account")} at most`,
        "found another",
      );
  }
}

type DocumentRule = Extract<ClientError, { readonly type: "RoomDocumentRefused" }>["rule"];

function describeDocumentRule(rule: DocumentRule): ErrorText {
  switch (rule) {
    case "form":
      return say(EXIT.usage, "that is for the other kind of document", "notes have a text, lists have items");
    case "item":
      return say(EXIT.notFound, "that item is not in the list any more", "dovetail room note show ROOM LIST");
    case "empty":
      return say(EXIT.usage, "there is nothing written", "give a text");
    case "too-long":
      return say(
        EXIT.usage,
        "that is too long",
        "a title has 256 bytes, an item 4 KiB, a note 32 KiB at most",
      );
    case "full":
      return say(
        EXIT.conflict,
        "this document takes no more changes",
        "go on in a new one: dovetail room note add ROOM",
      );
    case "too-many":
      return say(
        EXIT.conflict,
        "you have made as many notes and lists in this room as anybody may: 32",
        "take one away: dovetail room note remove ROOM NOTE",
      );
    case "creator":
      return say(EXIT.refused, "only who made a document takes it away", "ask them");
    case "muted":
      return say(EXIT.refused, "you are muted in this room", "dovetail room show ROOM tells until when");
    case "content":
      return say(
        EXIT.failure,
        "the document does not take that",
        "look at it again: dovetail room note show ROOM NAME",
      );
  }
}

function describeBadLink(rule: string): ErrorText {
  switch (rule) {
    case "own":
      return say(EXIT.usage, "that is a link of your own", "hand it to others");
    case "joined":
      return say(EXIT.conflict, "you are in that room already", "dovetail room list");
    case "lifetime":
      return say(EXIT.usage, "a link works for 90 days at most", "make another when it is over");
    case "uses":
      return say(EXIT.usage, "a link lets 100 people in at most", "make another for more");
    case "UnsupportedRoomLink":
      return say(EXIT.usage, "a newer Dovetail made this link", "update Dovetail");
    default:
      return say(
        EXIT.usage,
        `that is no link into a room (${plainLine(rule)})`,
        "it begins with dovetail-room: and is one line; copy all of it",
      );
  }
}
