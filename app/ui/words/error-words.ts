/** Any error of the engine in words for a person. Parts that come from other people or servers are set apart as text. */
import type { ClientError, LinkingError } from "@dovetail/core";
import {
  EN_BAD_WORDS,
  EN_ERRORS,
  EN_LINKING_ENDS,
  EN_LINKING_OTHER,
  EN_NOTE_RULES,
  EN_REFUSALS,
  EN_ROOM_LINK_RULES,
  EN_ROOM_RULES,
  type ErrorWords,
} from "./en-errors.ts";
import { fill, type Params } from "./say.ts";

/** What is so, and what can be done, joined where there is one line for both. */
export function describeError(error: ClientError | LinkingError): ErrorWords {
  const words = wordsOf(error);
  const params = paramsOf(error.type === "BadRecoveryWords" ? error.why : error);
  const text = fill(words.text, params);
  return words.hint === undefined ? { text } : { text, hint: fill(words.hint, params) };
}

function wordsOf(error: ClientError | LinkingError): ErrorWords {
  if (error.type === "Refused") return EN_REFUSALS[error.code];
  if (error.type === "RoomDocumentRefused") return EN_NOTE_RULES[error.rule];
  if (error.type === "LinkingFailed") return EN_LINKING_ENDS.get(error.rule) ?? EN_LINKING_OTHER;
  // A linking code is never a contact; the person learns which of the two it was.
  if (error.type === "BadContactCode" && error.rule === "LinkCodeIsNotAContact") return LINK_CODE_ELSEWHERE;
  if (error.type === "RoomForbids") return EN_ROOM_RULES.get(error.rule) ?? EN_ERRORS.RoomForbids;
  if (error.type === "BadRecoveryWords") return EN_BAD_WORDS[error.why.type];
  if (error.type === "BadRoomLink") return EN_ROOM_LINK_RULES.get(error.rule) ?? EN_ERRORS.BadRoomLink;
  return EN_ERRORS[error.type];
}

const LINK_CODE_ELSEWHERE: ErrorWords = {
  text: "This is a linking code. It links nothing from here.",
  hint: "Ask them for their contact link.",
};

function paramsOf(error: object): Params {
  return Object.fromEntries(
    Object.entries(error).filter(
      (entry): entry is [string, string | number] =>
        typeof entry[1] === "string" || typeof entry[1] === "number",
    ),
  );
}
