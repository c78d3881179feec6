/** `dovetail notify`: stays, and tells the desktop or a command of new messages. Texts only when asked for. */
import type { Command } from "commander";
import {
  type Client,
  type ClientEvent,
  type ContactView,
  err,
  type MessageView,
  ok,
  type Result,
} from "@dovetail/core";
import { withClient } from "../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { describeError } from "../errors/error-text.ts";
import { count } from "../errors/error-words.ts";
import { plainLine } from "../output/plain-text.ts";
import {
  createCommandNotifier,
  createDesktopNotifier,
  type Note,
  type Notifier,
} from "../platform/notifier.ts";
import { addExamples } from "./examples.ts";
import { isQuiet, parseQuietHours, type QuietHours } from "./account/quiet-hours.ts";
import { endOfWatch } from "./devices/sync.ts";

interface NotifyOptions {
  readonly run?: string;
  readonly quietHours?: QuietHours;
  readonly text?: boolean;
}

/** What comes together is told together: after a night there may be hundreds. */
const TOGETHER_MS = 700;

export function addNotifyCommand(program: Command, run: RunCommand): void {
  const notify = program
    .command("notify")
    .description("stay, and tell this desktop of new messages and requests, until Ctrl-C")
    .option("--run <command>", "run this instead, with DOVETAIL_FROM and DOVETAIL_COUNT in its environment")
    .option("--quiet-hours <from-to>", "say nothing between these times, as 22:00-07:00", parseQuietHours)
    .option("--text", "show the newest text too; without it nobody who sees the screen reads it")
    .action((options: NotifyOptions, command: Command) =>
      run(command, (context) => stayAndTell(context, options)),
    );
  addExamples(notify, [
    ["dovetail notify --quiet-hours 22:00-07:00", "names, no texts, and none at night"],
    ["dovetail notify --run 'paplay ding.ogg'", "a sound instead"],
    ["dovetail notify --text --run 'say \"From $DOVETAIL_FROM: $DOVETAIL_TEXT\"'", "read out what comes"],
  ]);
}

async function stayAndTell(
  context: CommandContext,
  options: NotifyOptions,
): Promise<Result<Outcome, CliError>> {
  const notifier =
    options.run === undefined ? createDesktopNotifier() : ok(createCommandNotifier(options.run));
  if (!notifier.ok) return notifier;
  const body = (client: Client) => watch({ context, client, options, notifier: notifier.value });
  return withClient({ ...context, interrupted: new AbortController().signal }, body, { isServing: true });
}

interface Watch {
  readonly context: CommandContext;
  readonly client: Client;
  readonly options: NotifyOptions;
  readonly notifier: Notifier;
}

async function watch(deps: Watch): Promise<Result<Outcome, CliError>> {
  const { context, client } = deps;
  const ended = Promise.withResolvers<Result<Outcome, CliError>>();
  let waiting: (MessageView | ContactView)[] = [];
  let telling: Promise<void> = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (): void => {
    timer = undefined;
    telling = telling.then(() => {
      // A slow command is not run once for each thing that came while it ran.
      const news = waiting;
      waiting = [];
      return news.length === 0 ? undefined : tellOf(deps, news);
    });
  };
  const stopListening = client.onEvent((event) => {
    const one = newsOf(event);
    if (one !== null) {
      waiting.push(one);
      timer ??= setTimeout(tell, TOGETHER_MS);
    }
    const end = endOfWatch(event);
    if (end !== null) ended.resolve(err(end));
  });
  const interrupt = (): void =>
    ended.resolve(ok({ json: { event: { type: "stopped" } }, messages: ["Stopped."] }));
  if (context.interrupted.aborted) interrupt();
  context.interrupted.addEventListener("abort", interrupt, { once: true });
  client.start();
  context.output.say("Telling of new messages. Ctrl-C ends it.");
  context.output.stream({ event: { type: "started" } });
  const result = await ended.promise;
  stopListening();
  clearTimeout(timer);
  await telling;
  return result;
}

function newsOf(event: ClientEvent): MessageView | ContactView | null {
  if (event.type === "request") return event.contact;
  return event.type === "message" && !event.message.isOwn ? event.message : null;
}

async function tellOf(
  { context, client, options, notifier }: Watch,
  news: readonly (MessageView | ContactView)[],
): Promise<void> {
  const { output } = context;
  const { quietHours } = options;
  if (quietHours !== undefined && isQuiet(quietHours, new Date())) return;
  const known = await loadPlaces(client);
  if (!known.ok) return output.warn(describeError(known.error).text);
  const { names, muted } = known.value;
  const heard = news.filter((one) => !("text" in one && muted.has(one.conversationId)));
  if (heard.length === 0) return;
  const told = await notifier.notify(composeNote(names, heard, options.text === true));
  if (told.ok) output.stream({ event: { type: "notified", messages: heard.length } });
  else output.warn(describeError(told.error).text);
}

const FROM_SHOWN_MAX = 3;
/** Of names together, and of a text: a system takes only so much in a variable, and others choose how much comes. */
const PART_LENGTH_MAX = 2_000;

/** One note of all of `news`; `names` are those of conversations. */
export function composeNote(
  names: ReadonlyMap<string, string>,
  news: readonly (MessageView | ContactView)[],
  hasText: boolean,
): Note {
  const nameOf = (one: MessageView | ContactView): string =>
    "text" in one ? (names.get(one.conversationId) ?? "somebody") : plainLine(one.name);
  const from = [...new Set(news.map(nameOf))];
  const messages = news.filter((one) => "text" in one);
  const requests = news.length - messages.length;
  const sums = [
    ...(messages.length === 0 ? [] : [count(messages.length, "new message")]),
    ...(requests === 0 ? [] : [count(requests, "request")]),
  ].join(", ");
  const newest = messages.at(-1);
  const text = hasText && newest !== undefined ? cut(plainLine(newest.text)) : null;
  return {
    title: from.length > FROM_SHOWN_MAX ? `${from.slice(0, FROM_SHOWN_MAX).join(", ")} …` : from.join(", "),
    body: text ?? sums,
    env: {
      DOVETAIL_FROM: cut(from.join(", ")),
      DOVETAIL_COUNT: `${news.length}`,
      ...(text === null ? {} : { DOVETAIL_TEXT: text }),
    },
  };
}

function cut(text: string): string {
  return text.length <= PART_LENGTH_MAX ? text : `${text.slice(0, PART_LENGTH_MAX).toWellFormed()}…`;
}

interface Places {
  readonly names: ReadonlyMap<string, string>;
  readonly muted: ReadonlySet<string>;
}

/** What conversations and rooms are called, and which of them are muted. */
async function loadPlaces(client: Client): Promise<Result<Places, CliError>> {
  const conversations = await client.conversations();
  if (!conversations.ok) return conversations;
  const rooms = await client.rooms();
  if (!rooms.ok) return rooms;
  const all = [...conversations.value, ...rooms.value];
  return ok({
    names: new Map<string, string>([
      ...conversations.value.map(({ id, contact }) => [id, plainLine(contact.name)] as const),
      ...rooms.value.map((room) => [room.id, plainLine(room.name)] as const),
    ]),
    muted: new Set<string>(all.filter(({ isMuted }) => isMuted).map(({ id }) => id)),
  });
}
