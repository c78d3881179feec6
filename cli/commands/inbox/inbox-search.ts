/** `dovetail inbox search`: messages by what they say, by whom, where and when. */
import { type Command, Option } from "commander";
import { err, ok, type Result, type SearchHit, type SearchOrder } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count, shortId } from "../../errors/error-words.ts";
import { localTime } from "../../output/local-time.ts";
import { layOutMarked } from "../../output/marked-text.ts";
import type { Page } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";
import { truncateText } from "../../output/text-width.ts";
import { withProgress } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import { parseCount } from "../parse-count.ts";
import { quoteArgument } from "../quote-argument.ts";

interface SearchFlags {
  readonly limit: number;
  readonly order: SearchOrder;
  readonly before?: string;
}

const HITS_SHOWN = 20;
const HITS_SHOWN_MAX = 100;
const INDENT = "  ";
/** Less of a name says nothing. */
const NAME_WIDTH_MIN = 8;

export function addInboxSearchCommand(inbox: Command, run: RunCommand): void {
  const search = inbox
    .command("search")
    .description("messages by their words, and by who, where and when")
    .argument("<query...>", "words, and filters: dovetail help search")
    .option("--limit <n>", `how many, at most ${HITS_SHOWN_MAX}`, parseCount(HITS_SHOWN_MAX), HITS_SHOWN)
    .addOption(
      new Option("--order <order>", "newest first, or what fits best")
        .choices(["newest", "relevance"])
        .default("newest"),
    )
    .option("--before <cursor>", "more: the cursor the last page ended with")
    // A word that begins with a dash excludes; it is no option.
    .allowUnknownOption()
    .action((words: readonly string[], flags: SearchFlags, command: Command) =>
      run(command, (context) => searchInbox(context, words, flags)),
    );
  addExamples(search, [
    ["dovetail inbox search lunch", "newest first"],
    ["dovetail inbox search 'lunch OR dinner -monday from:Ben'", "one of two words, not a third, by Ben"],
    [
      "dovetail inbox search '\"see you there\" after:2026-03 has:link'",
      "a phrase, since March, with a link",
    ],
    [
      "dovetail inbox search 'meet* tag:work' --order relevance --json",
      "the beginning of a word; for programs",
    ],
  ]);
}

async function searchInbox(
  context: CommandContext,
  words: readonly string[],
  { limit, order, before }: SearchFlags,
): Promise<Result<Outcome, CliError>> {
  const option = words.find((word) => word.startsWith("--"));
  if (option !== undefined) {
    return err({
      type: "Usage",
      message: `unknown option ${plainLine(option)}`,
      hint: "dovetail inbox search --help",
    });
  }
  const query = words.join(" ");
  return withClient(context, async (client) => {
    const options = { limit, order, ...(before === undefined ? {} : { older: before }) };
    const found = await withProgress(context, client, () => client.search(query, options));
    if (!found.ok) return found;
    const { hits, older } = found.value;
    const more = `More: dovetail inbox search ${quoteArgument(query)}${order === "newest" ? "" : ` --order ${order}`} --before ${older}`;
    return ok({
      json: { query, hits, older },
      text: (page) => layOutHits(hits, page),
      messages: [
        hits.length === 0 ? "Nothing found." : `${count(hits.length, "message")} found.`,
        ...(older === null ? [] : [more]),
      ],
    });
  });
}

/** A line with when, who and where, then the text around what was found. */
function layOutHits(hits: readonly SearchHit[], page: Page): readonly string[] {
  const { paint, width } = page;
  return hits.flatMap(({ message, contact, snippet, ...place }) => {
    const name = plainLine(contact === null ? `in ${place.name}` : place.name);
    const who = message.isOwn ? `you ${contact === null ? "" : "to "}${name}` : name;
    const time = localTime(message.sentAtMs);
    const id = shortId(message.id);
    const shown = truncateText(who, Math.max(NAME_WIDTH_MIN, width - time.length - id.length - 2));
    const head = `${paint(time, "faint")} ${paint(shown, "strong")} ${paint(id, "faint")}`;
    const lead = snippet.isCutBefore ? "…" : "";
    const text = `${lead}${snippet.text}${snippet.isCutAfter ? "…" : ""}`;
    const ranges = snippet.ranges.map(({ start, end }) => ({
      start: start + lead.length,
      end: end + lead.length,
    }));
    const body = layOutMarked(text, ranges, { paint, width: width - INDENT.length });
    return [head, ...body.map((line) => (INDENT + line).trimEnd())];
  });
}
