/** `dovetail send`: one message to one contact, or to a room. */
import type { Command } from "commander";
import {
  type Client,
  type ContactView,
  err,
  type MessageView,
  ok,
  type Result,
  type RoomView,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { plainLine } from "../../output/plain-text.ts";
import { type SendOff, sendChangeOff } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import { findContact, findPlace } from "../find-things.ts";

interface SendOptions {
  readonly draft?: boolean;
}

export function addSendCommand(program: Command, run: RunCommand): void {
  const send = program
    .command("send")
    .description("send a message to a contact or to a room")
    .argument("<contact>", "name, handle, or the start of the id; or a room")
    .argument("[text...]", "the message; without it, standard input is read")
    .option("--draft", "send the draft kept for this contact; it is cleared then")
    .action((query: string, words: readonly string[], options: SendOptions, command: Command) =>
      run(command, (context) =>
        options.draft === true ? sendDraft(context, query, words) : sendMessage(context, query, words),
      ),
    );
  addExamples(send, [
    ["dovetail send Ben Are you there?", "the rest of the line is the message"],
    ["dovetail send Garden Good morning", "to everybody in a room"],
    ["dovetail send Ben --draft", "what was kept with dovetail draft set"],
    ["git log -1 | dovetail send Ben", "what another program says"],
    ['dovetail send Ben --offline "later"', "keep it here; it goes with the next sync"],
  ]);
}

async function sendMessage(
  context: CommandContext,
  query: string,
  words: readonly string[],
): Promise<Result<Outcome, CliError>> {
  const text = words.length > 0 ? words.join(" ") : await readText(context);
  if (text.trim() === "") return err({ type: "MessageEmpty" });
  const startedAtMs = Date.now();
  const sent = await withClient(context, async (client) => {
    const place = await findPlace(client, query);
    if (!place.ok) return place;
    return place.value.type === "room"
      ? sendToRoom(context, client, { room: place.value.room, text })
      : sendTo(context, client, { contact: place.value.conversation.contact, text });
  });
  const isUnknown = !sent.ok && sent.error.type === "OwnerGone";
  return isUnknown ? lookForMessage(context, { query, text, startedAtMs }) : sent;
}

/** The process that was to keep the message is gone: its profile is free now, and tells whether it did. */
function lookForMessage(
  context: CommandContext,
  {
    query,
    text,
    startedAtMs,
  }: { readonly query: string; readonly text: string; readonly startedAtMs: number },
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const place = await findPlace(client, query);
    if (!place.ok) return place;
    const { id } = place.value.type === "room" ? place.value.room : place.value.conversation;
    const page = await client.messages(id, { limit: 20 });
    if (!page.ok) return page;
    const message = page.value.messages.find(
      (one) => one.isOwn && one.text === text && one.sentAtMs >= startedAtMs,
    );
    if (message === undefined) return err({ type: "MessageNotKept" });
    return ok({
      json: { message, sync: { server: "not-asked" } },
      messages: [
        "The process that had this profile open ended in the middle. The message is kept; it goes with `dovetail sync`.",
      ],
    });
  });
}

async function sendDraft(
  context: CommandContext,
  query: string,
  words: readonly string[],
): Promise<Result<Outcome, CliError>> {
  if (words.length > 0) {
    return err({
      type: "Usage",
      message: "--draft sends the draft, and a text was given too",
      hint: "leave one of the two out",
    });
  }
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const draft = await client.draft(contact.value.conversationId);
    if (!draft.ok) return draft;
    const name = plainLine(contact.value.name);
    if (draft.value === null) {
      return err({
        type: "Usage",
        message: `there is no draft for ${name}`,
        hint: "dovetail draft list shows those there are",
      });
    }
    if (draft.value.textCount > 1 && !context.isYes) {
      return err({
        type: "Usage",
        message: `the draft for ${name} is of ${draft.value.textCount} texts that your devices wrote apart`,
        hint: "look at it with `dovetail draft show`, then set one text, or give --yes to send all of it",
      });
    }
    return sendTo(context, client, { contact: contact.value, text: draft.value.text, isDraft: true });
  });
}

async function sendTo(
  context: CommandContext,
  client: Client,
  { contact, text, isDraft }: { contact: ContactView; text: string; isDraft?: boolean },
): Promise<Result<Outcome, CliError>> {
  const { conversationId } = contact;
  if (contact.state === "blocked") {
    return err({
      type: "Usage",
      message: `${plainLine(contact.name)} is blocked: nothing was sent`,
      hint: "dovetail contact unblock NAME lets you both write again",
    });
  }
  if (contact.state === "known") {
    return err({
      type: "Usage",
      message: `${plainLine(contact.name)} is not asked yet: nothing was sent`,
      hint: "dovetail contact ask NAME asks them; what you write then goes when they accept",
    });
  }
  if (contact.state === "incoming" || contact.state === "declined") {
    return err({
      type: "Usage",
      message: `${plainLine(contact.name)} is not accepted: nothing was sent`,
      hint: "dovetail contact accept NAME lets you both write",
    });
  }
  const message = await client.send(conversationId, text);
  if (!message.ok) return message;
  // After sending: should this process end in between, the text is there twice rather than not at all.
  const cleared = isDraft === true ? await client.setDraft(conversationId, null) : ok();
  if (!cleared.ok) return cleared;
  const sent = await sendChangeOff(context, client);
  if (!sent.ok) return sent;
  const now = await client.messages(conversationId, { limit: 20 });
  if (!now.ok) return now;
  const current = now.value.messages.find(({ id }) => id === message.value.id) ?? message.value;
  return ok({
    json: { message: current, sync: sent.value },
    messages: [describeState(current, plainLine(contact.name), sent.value)],
  });
}

async function sendToRoom(
  context: CommandContext,
  client: Client,
  { room, text }: { readonly room: RoomView; readonly text: string },
): Promise<Result<Outcome, CliError>> {
  const name = plainLine(room.name);
  if (room.state === "invited") {
    return err({
      type: "Usage",
      message: `you have not joined ${name}: nothing was sent`,
      hint: "dovetail room accept ROOM joins it",
    });
  }
  const message = await client.send(room.id, text);
  if (!message.ok) return message;
  const sent = await sendChangeOff(context, client);
  if (!sent.ok) return sent;
  const now = await client.messages(room.id, { limit: 20 });
  if (!now.ok) return now;
  const current = now.value.messages.find(({ id }) => id === message.value.id) ?? message.value;
  return ok({ json: { message: current, sync: sent.value }, messages: [describeRoomState(current, name)] });
}

/** The text of standard input; a terminal is told how to end it. */
export function readText({ prompts, output }: CommandContext): Promise<string> {
  if (prompts.isInteractive) output.say("Type the message, then Ctrl-D on a line of its own.");
  return prompts.readAll().then((text) => text.replace(/\n$/, ""));
}

function describeRoomState({ state, failure }: MessageView, name: string): string {
  if (state === "sent") return `Sent to ${name}.`;
  if (failure === "outside") return `Not sent: you are not in ${name} any more. It is kept here.`;
  if (failure === "muted") return `Not sent: you are muted in ${name}. It is kept here.`;
  if (state === "failed") return "Not sent: the server refused it. It is kept here.";
  return "Kept here, goes out when the server answers.";
}

function describeState({ state, failure }: MessageView, name: string, sent: SendOff): string {
  if (state === "delivered") return `Delivered to a device of ${name}.`;
  if (state === "sent") return `Sent. Waiting for one of ${name}'s devices.`;
  if (failure === "closed") return "Not sent: the other side closed this conversation. It is kept here.";
  if (failure === "deleted")
    return `Kept here: the server of ${name} says that their account was deleted there. It goes if the account is there again; reach them another way, and if they have a new one: dovetail contact add.`;
  if (state === "failed") return `Not sent: the other side refused it. It is kept here.`;
  return sent.server === "reached"
    ? `Kept here. It goes once ${name} has accepted.`
    : "Kept here, goes out when the server answers.";
}
