/** `dovetail inbox`, `inbox list, starred`: which conversations there are, and the messages with a star. */
import type { Command } from "commander";
import { type ConversationView, ok, type Result, type RoomView, type TagView } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count } from "../../errors/error-words.ts";
import { attentionLines } from "../devices/alarm.ts";
import { addExamples } from "../examples.ts";
import { findTag } from "../find-things.ts";
import { layOutConversations, layOutStarred } from "./inbox-layout.ts";
import { parseCount } from "../parse-count.ts";
import { layOutRooms } from "../rooms/room-layout.ts";

interface ListFlags {
  readonly archived?: boolean;
  readonly unread?: boolean;
  readonly starred?: boolean;
  readonly tag?: string;
}
interface StarredFlags {
  readonly limit: number;
  readonly before?: string;
}

const STARRED_SHOWN = 20;
const STARRED_SHOWN_MAX = 1_000;

/** `inbox` by itself lists, with the same options as `inbox list`. */
export function addInboxListCommands(inbox: Command, run: RunCommand): void {
  addListOptions(inbox).action((_flags: ListFlags, command: Command) => runList(command, run));
  const list = addListOptions(
    inbox.command("list").description("conversations, newest first; filters go together"),
  ).action((_flags: ListFlags, command: Command) => runList(command, run));
  addExamples(list, [
    ["dovetail inbox list --unread --tag work", "what is new under a tag"],
    ["dovetail inbox list --archived --starred", "put away, with something you marked"],
    ["dovetail inbox list --json | jq -r '.conversations[].contact.name'", "for programs"],
  ]);

  const starred = inbox
    .command("starred")
    .description("messages with a star, of all conversations, newest first")
    .option(
      "--limit <n>",
      `how many, at most ${STARRED_SHOWN_MAX}`,
      parseCount(STARRED_SHOWN_MAX),
      STARRED_SHOWN,
    )
    .option("--before <cursor>", "older ones: the cursor the last page ended with")
    .action((flags: StarredFlags, command: Command) =>
      run(command, (context) => listStarred(context, flags)),
    );
  addExamples(starred, [
    ["dovetail inbox starred", "what you marked"],
    ["dovetail inbox starred --limit 100 --json", "for programs"],
  ]);
}

function addListOptions(command: Command): Command {
  return command
    .option("--archived", "archived ones instead")
    .option("--unread", "only with unread messages")
    .option("--starred", "only with starred messages")
    .option("--tag <tag>", "only under this tag");
}

function runList(command: Command, run: RunCommand): Promise<void> {
  // What stands behind `list` the group has taken, which has the same options.
  return run(command, (context) => listConversations(context, command.optsWithGlobals<ListFlags>()));
}

async function listConversations(
  context: CommandContext,
  flags: ListFlags,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const conversations = await client.conversations();
    if (!conversations.ok) return conversations;
    const tag = flags.tag === undefined ? null : await findTag(client, flags.tag);
    if (tag !== null && !tag.ok) return tag;
    const rooms = await client.rooms();
    if (!rooms.ok) return rooms;
    const heard = conversations.value.filter(isHeard);
    const shown = heard.filter((one) => isWanted(one, flags, tag?.value ?? null));
    const shownRooms = rooms.value
      .filter(({ state }) => state === "invited" || state === "joining" || state === "joined")
      .filter((one) => isWanted(one, flags, tag?.value ?? null));
    // Tags are a document of their own, which takes its time to open.
    const isTagged = [...shown, ...shownRooms].some(({ tagIds }) => tagIds.length > 0);
    const tags = isTagged ? await client.tags() : ok([]);
    if (!tags.ok) return tags;
    const alarms = await client.alarms();
    if (!alarms.ok) return alarms;
    const isEmpty = shown.length + shownRooms.length === 0;
    const tagNames = new Map(tags.value.map(({ id, name }) => [id, name]));
    return ok({
      json: { conversations: shown, rooms: shownRooms },
      text: (page) => [
        ...(shown.length === 0 && shownRooms.length > 0 ? [] : layOutConversations(shown, tagNames, page)),
        ...(shownRooms.length === 0 ? [] : layOutRooms(shownRooms, page)),
      ],
      messages: [...(isEmpty ? [describeEmpty(heard.length)] : []), ...attentionLines(alarms.value)],
    });
  });
}

function isWanted(
  { isArchived, unreadCount, starredCount, tagIds }: ConversationView | RoomView,
  flags: ListFlags,
  tag: TagView | null,
): boolean {
  return (
    isArchived === (flags.archived === true) &&
    (flags.unread !== true || unreadCount > 0) &&
    (flags.starred !== true || starredCount > 0) &&
    (tag === null || tagIds.includes(tag.id))
  );
}

/** Whom one declined is not told, and is not looked at either; `contact list` has them. */
export function isHeard({ contact }: ConversationView): boolean {
  return contact.state !== "declined";
}

function describeEmpty(others: number): string {
  return others === 0
    ? "Nobody here yet. Show your link: dovetail contact link"
    : `None of these. ${count(others, "other conversation")} in the inbox.`;
}

async function listStarred(
  context: CommandContext,
  { limit, before }: StarredFlags,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const page = await client.starred({ limit, ...(before === undefined ? {} : { before }) });
    if (!page.ok) return page;
    const { messages, older } = page.value;
    const none = "Nothing is starred. Star a message: dovetail inbox star CONTACT last";
    return ok({
      json: { messages, older },
      text: (on) => layOutStarred(messages, on),
      messages: [
        ...(messages.length === 0 ? [none] : []),
        ...(older === null ? [] : [`Older ones: dovetail inbox starred --before ${older}`]),
      ],
    });
  });
}
