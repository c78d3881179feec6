/** Why a search found nothing to do, in words. */
import { type ClientError, SEARCH_FILTERS, type SearchRule, similarWords } from "@dovetail/core";
import { plainLine } from "../output/plain-text.ts";
import { type ErrorText, joinWords, quote, say } from "./error-words.ts";
import { EXIT } from "./exit-code.ts";

type SearchError = Extract<
  ClientError,
  { readonly type: "BadSearch" | "SearchNameUnknown" | "SearchUnavailable" | "BadSearchCursor" }
>;

const LANGUAGE_HINT = "dovetail help search explains the language";
const THING_BY_FILTER = { in: "conversation", from: "contact", tag: "tag" } as const;

/** What is wrong, and the right form of it. */
const TEXT_BY_RULE: Readonly<Record<SearchRule, readonly [text: string, hint: string]>> = {
  Empty: ["there is nothing to search for", LANGUAGE_HINT],
  TooLong: ["the search is too long", "search for less at a time"],
  TooManyTerms: ["the search has too many words", "search for fewer at a time"],
  TooDeep: ["the search has too many parentheses within each other", "take some away"],
  QuoteOpen: ["a quotation mark is opened and not closed", 'a phrase stands between two: "good morning"'],
  GroupOpen: ["a parenthesis is opened and not closed", "close it, or quote it to search for text"],
  GroupNotOpen: ["a parenthesis is closed and none is open", "take it away, or quote it to search for text"],
  GroupEmpty: ["there is nothing between the parentheses", LANGUAGE_HINT],
  OperandMissing: ["something to search for is missing", "OR, AND and - stand before a word: a OR b, -c"],
  NothingToFind: ["there is no letter and no digit to search for", "search for words"],
  StarMisplaced: [
    "a star stands at the end of a word: meet*",
    "the end of a word finds nothing; its beginning does",
  ],
  UnknownFilter: ["there is no such filter", LANGUAGE_HINT],
  FilterEmpty: ["nothing stands after the colon", 'a name with spaces is quoted: from:"Ben Adler"'],
  BadDate: ["that is no date", "2026, 2026-03, 2026-03-31, today, yesterday, 7d, 2w, 3m or 1y"],
  BadHas: ["messages have no such thing", "has:link"],
  DateMisplaced: [
    "a date holds for the whole search and cannot stand beside OR, behind - or in parentheses",
    "put what is joined by OR in parentheses: (tea OR coffee) after:2026-03",
  ],
};

/** A search that was refused, in words. */
export function describeSearchError(error: SearchError): ErrorText {
  switch (error.type) {
    case "BadSearch":
      return describeBadSearch(error);
    case "SearchNameUnknown": {
      const thing = THING_BY_FILTER[error.filter];
      const names = error.names.map(plainLine);
      if (error.isAmbiguous)
        return say(
          EXIT.notFound,
          `${quote(error.name)} fits several: ${joinWords(names, "and")}`,
          "write the whole name",
        );
      const list = thing === "conversation" ? "dovetail inbox" : `dovetail ${thing} list`;
      const guess = names.length === 0 ? list : `did you mean ${joinWords(names, "or")}?`;
      return say(EXIT.notFound, `no ${thing} is called ${quote(error.name)}`, guess);
    }
    case "SearchUnavailable":
      return say(
        EXIT.failure,
        `the search index failed (${plainLine(error.detail)}); no message is lost`,
        "try again",
      );
    case "BadSearchCursor":
      return say(EXIT.usage, "that is no place to go on from", "use the line the last page ended with");
  }
}

function describeBadSearch(error: Extract<SearchError, { readonly type: "BadSearch" }>): ErrorText {
  const [text, hint] = TEXT_BY_RULE[error.rule];
  const where = error.word === "" ? "" : `: ${quote(error.word)}, character ${error.position + 1}`;
  if (error.rule !== "UnknownFilter") return say(EXIT.usage, `${text}${where}`, hint);
  const similar = similarWords(SEARCH_FILTERS, error.word).map((name) => `${name}:`);
  const guess =
    similar.length > 0
      ? `did you mean ${joinWords(similar, "or")}?`
      : `there are ${joinWords(
          SEARCH_FILTERS.map((name) => `${name}:`),
          "and",
        )}; quote it to search for the text`;
  return say(EXIT.usage, `${text}${where}`, guess);
}
