/** `dovetail inbox`: conversations, what is in them, and what you marked. */
import type { Command } from "commander";
import { type Client, type ConversationId, type MessageView, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count, shortId } from "../../errors/error-words.ts";
import { plainLine } from "../../output/plain-text.ts";
import { type Change, reportChange } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import {
  findConversation,
  findCursor,
  findMessage,
  findNamedPlace,
  findPlace,
  type Place,
} from "../find-things.ts";
import { addInboxDeleteCommands } from "./inbox-delete.ts";
import { layOutMessages } from "./inbox-layout.ts";
import { addInboxExportCommand } from "./inbox-export.ts";
import { addInboxImportCommand } from "./inbox-import.ts";
import { addInboxListCommands } from "./inbox-list.ts";
import { addInboxSearchCommand } from "./inbox-search.ts";
import { parseCount } from "../parse-count.ts";
import { quoteArgument } from "../quote-argument.ts";
import { setTag } from "./tag.ts";

interface ShowOptions {
  readonly limit: number;
  readonly before?: string;
}

const MESSAGES_SHOWN = 20;
const MESSAGES_SHOWN_MAX = 10_000;

export function addInboxCommands(program: Command, run: RunCommand): void {
  const inbox = program
    .command("inbox")
    .description("conversations and messages; without a command, lists the conversations");
  addInboxListCommands(inbox, run);
  addExamples(inbox, [
    ["dovetail inbox --unread", "what is new"],
    ["dovetail inbox --archived --tag work", "filters go together"],
    ["dovetail inbox show Ben --limit 50", "the last 50 messages"],
    ["dovetail inbox search lunch from:Ben", "find a message"],
    ["dovetail inbox read Ben", "mark everything as read, on all your devices"],
    ["dovetail inbox tag Ben work", "put it under a tag; make one by dovetail tag add work"],
    ["dovetail inbox untag Ben work", "take it off again"],
    ["dovetail inbox mute Ben", "no notice of what comes; dovetail inbox unmute Ben takes it back"],
    ["dovetail inbox archive Ben", "put it away until you want it again"],
    ["dovetail inbox unarchive Ben", "bring it back"],
    ["dovetail inbox unstar Ben last", "take the star off the newest message"],
    ["dovetail inbox star Ben 3fa9c02e", "by the start of a message's id, as shown"],
  ]);

  inbox
    .command("show")
    .description("the messages of a conversation, oldest first")
    .argument("<contact>")
    .option(
      "--limit <n>",
      `how many, at most ${MESSAGES_SHOWN_MAX}`,
      parseCount(MESSAGES_SHOWN_MAX),
      MESSAGES_SHOWN,
    )
    .option("--before <message>", "older ones than this: the start of its id, or a page's cursor")
    .action((query: string, options: ShowOptions, command: Command) =>
      run(command, (context) => show(context, query, options)),
    );

  addInboxSearchCommand(inbox, run);
  addInboxDeleteCommands(inbox, run);
  addInboxExportCommand(inbox, run);
  addInboxImportCommand(inbox, run);

  inbox
    .command("read")
    .description("mark everything in a conversation as read; the other side is not told")
    .argument("<contact>")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => read(context, query)),
    );

  for (const [name, isStarred] of [
    ["star", true],
    ["unstar", false],
  ] as const) {
    inbox
      .command(name)
      .description(isStarred ? "put a star on a message" : "take the star off a message")
      .argument("<contact>")
      .argument("<message>", "the start of its id, or `last`")
      .action((query: string, message: string, _options: unknown, command: Command) =>
        run(command, (context) => star(context, { query, message }, isStarred)),
      );
  }
  for (const [name, isTagged] of [
    ["tag", true],
    ["untag", false],
  ] as const) {
    inbox
      .command(name)
      .description(isTagged ? "put a conversation under a tag" : "take a conversation off a tag")
      .argument("<contact>")
      .argument("<tag>")
      .action((contact: string, tag: string, _options: unknown, command: Command) =>
        run(command, (context) => setTag(context, { contact, tag }, isTagged)),
      );
  }
  for (const [name, isMuted] of [
    ["mute", true],
    ["unmute", false],
  ] as const) {
    inbox
      .command(name)
      .description(
        isMuted
          ? "tell nothing of what comes in a conversation"
          : "tell of what comes in a conversation again",
      )
      .argument("<contact>")
      .action((query: string, _options: unknown, command: Command) =>
        run(command, (context) => mute(context, query, isMuted)),
      );
  }
  for (const [name, isArchived] of [
    ["archive", true],
    ["unarchive", false],
  ] as const) {
    inbox
      .command(name)
      .description(isArchived ? "put a conversation away" : "bring a conversation back")
      .argument("<contact>")
      .action((query: string, _options: unknown, command: Command) =>
        run(command, (context) => archive(context, query, isArchived)),
      );
  }
}

async function show(
  context: CommandContext,
  query: string,
  options: ShowOptions,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const found = await findPlace(client, query);
    if (!found.ok) return found;
    const place = found.value;
    const shown = place.type === "room" ? place.room : place.conversation;
    const before = options.before === undefined ? undefined : await findCursor(client, shown, options.before);
    if (before?.ok === false) return before;
    const page =
      before?.value === null
        ? ok({ messages: [], older: null })
        : await client.messages(shown.id, {
            limit: options.limit,
            ...(before === undefined ? {} : { before: before.value }),
          });
    if (!page.ok) return page;
    const { messages, older } = page.value;
    const oldest = messages.at(-1);
    return ok({
      json: {
        [place.type === "room" ? "room" : "conversation"]: shown,
        messages: messages.toReversed(),
        older,
      },
      text: (on) => layOutMessages(authorIn(place), messages.toReversed(), on),
      messages:
        older === null || oldest === undefined
          ? []
          : [`Older ones: dovetail inbox show ${quoteArgument(query)} --before ${shortId(oldest.id)}`],
    });
  });
}

/** Who wrote a message, by what this account calls them. */
function authorIn(place: Place): (message: MessageView) => string {
  if (place.type === "contact") return () => place.conversation.contact.name;
  const { members, former } = place.room;
  const nameOf = new Map([...former, ...members].map(({ accountId, name }) => [accountId, name]));
  return ({ author }) => nameOf.get(author) ?? shortId(author);
}

async function read(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const found = await findPlace(client, query);
    if (!found.ok) return found;
    const { id, unreadCount } = found.value.type === "room" ? found.value.room : found.value.conversation;
    const marked = await client.markRead(id);
    if (!marked.ok) return marked;
    return reportChange(context, client, {
      json: { conversationId: id, readMessages: unreadCount },
      message: `${count(unreadCount, "message")} marked as read, on all your devices.`,
    });
  });
}

async function star(
  context: CommandContext,
  named: { readonly query: string; readonly message: string },
  isStarred: boolean,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const conversation = await findConversation(client, named.query);
    if (!conversation.ok) return conversation;
    const message = await findMessage(client, conversation.value, named.message);
    if (!message.ok) return message;
    const { id, conversationId } = message.value;
    const set = await client.setStarred({ conversationId, id }, isStarred);
    if (!set.ok) return set;
    return reportChange(context, client, {
      json: { messageId: id, isStarred },
      message: isStarred ? "Starred." : "The star is off.",
    });
  });
}

function mute(context: CommandContext, query: string, isMuted: boolean): Promise<Result<Outcome, CliError>> {
  return setOnPlace(context, query, {
    set: (client, id) => client.setMuted(id, isMuted),
    facts: { isMuted },
    tell: (name) =>
      isMuted
        ? `${name} is muted on all your devices: what comes is listed, and nothing tells of it.`
        : `${name} is not muted any more.`,
  });
}

function archive(
  context: CommandContext,
  query: string,
  isArchived: boolean,
): Promise<Result<Outcome, CliError>> {
  return setOnPlace(context, query, {
    set: (client, id) => client.setArchived(id, isArchived),
    facts: { isArchived },
    tell: (name) =>
      isArchived
        ? `${name} is archived. Show it: dovetail inbox --archived`
        : `${name} is back in the inbox.`,
  });
}

/** Sets something of a contact's conversation or a room, and tells so by its name. */
function setOnPlace(
  context: CommandContext,
  query: string,
  change: {
    readonly set: (client: Client, id: ConversationId) => Promise<Result<void, CliError>>;
    readonly facts: Change["json"];
    readonly tell: (name: string) => string;
  },
): Promise<Result<Outcome, CliError>> {
  return withClient<Outcome>(context, async (client) => {
    const place = await findNamedPlace(client, query);
    if (!place.ok) return place;
    const { id, name } = place.value;
    const set = await change.set(client, id);
    if (!set.ok) return set;
    return reportChange(context, client, {
      json: { conversationId: id, ...change.facts },
      message: change.tell(plainLine(name)),
    });
  });
}
