/** `dovetail inbox redact` and `delete`: messages taken back for everyone, or deleted on the own devices. */
import type { Command } from "commander";
import { type Client, err, type OpId, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count } from "../../errors/error-words.ts";
import { plainLine } from "../../output/plain-text.ts";
import { reportChange } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import { findMessage, findNamedPlace, type NamedPlace } from "../find-things.ts";

interface DeleteOptions {
  readonly all?: boolean;
}

const WHAT_REDACTING_CANNOT =
  "What they have read, copied or saved elsewhere stays with them, and a device of theirs that never connects again keeps it.";
const WHAT_DELETING_IS =
  "It goes from all your devices and your server, and cannot be brought back. The other side keeps it.";

export function addInboxDeleteCommands(inbox: Command, run: RunCommand): void {
  const redact = inbox
    .command("redact")
    .description("take a message of yours back, on your devices and theirs")
    .argument("<contact>")
    .argument("<message>", "the start of its id, or `last`")
    .action((query: string, message: string, _options: unknown, command: Command) =>
      run(command, (context) => redactMessage(context, query, message)),
    );
  addExamples(redact, [
    ["dovetail inbox redact Ben last", "take the newest message back"],
    ["dovetail inbox redact Ben 3fa9c02e --yes", "without being asked"],
  ]);
  const remove = inbox
    .command("delete")
    .description("delete messages, or with --all the conversation, on your devices only")
    .argument("<contact>")
    .argument("[messages...]", "the start of each id, or `last`")
    .option("--all", "everything there is in the conversation; the contact stays")
    .action((query: string, messages: readonly string[], options: DeleteOptions, command: Command) =>
      run(command, (context) => deleteFrom(context, query, messages, options)),
    );
  addExamples(remove, [
    ["dovetail inbox delete Ben 3fa9c02e 77b1", "two messages, on all your devices"],
    ["dovetail inbox delete Ben --all", "the whole conversation"],
  ]);
}

function redactMessage(
  context: CommandContext,
  query: string,
  wanted: string,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const conversation = await findNamedPlace(client, query);
    if (!conversation.ok) return conversation;
    const message = await findMessage(client, conversation.value, wanted);
    if (!message.ok) return message;
    if (!message.value.isOwn) return err({ type: "NotYourMessage" });
    if (!context.isYes) context.output.warn(WHAT_REDACTING_CANNOT);
    const name = plainLine(conversation.value.name);
    const question = `Take this message to ${name} back, for everyone?`;
    const agreed = await isAgreed(context, question, "take it back");
    if (!agreed.ok) return agreed;
    const { id, conversationId } = message.value;
    const redacted = await client.redact({ conversationId, id });
    if (!redacted.ok) return redacted;
    return reportChange(context, client, {
      json: { redacted: id },
      message: `Taken back. ${conversation.value.isRoom ? `The others in ${name}` : `Devices of ${name}`} remove it when they next connect.`,
    });
  });
}

function deleteFrom(
  context: CommandContext,
  query: string,
  wanted: readonly string[],
  { all: isAll = false }: DeleteOptions,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    if (isAll === wanted.length > 0)
      return err({
        type: "Usage",
        message: isAll ? "name messages, or give --all" : "name the messages to delete",
        hint: "dovetail inbox delete Ben last, or for everything: dovetail inbox delete Ben --all",
      });
    const conversation = await findNamedPlace(client, query);
    if (!conversation.ok) return conversation;
    return isAll
      ? deleteAll(context, client, conversation.value)
      : deleteSome(context, client, conversation.value, wanted);
  });
}

async function deleteAll(
  context: CommandContext,
  client: Client,
  { id, name: called, messageCount, isRoom }: NamedPlace,
): Promise<Result<Outcome, CliError>> {
  if (!context.isYes) context.output.warn(WHAT_DELETING_IS);
  const name = plainLine(called);
  const question = `Delete the whole conversation ${isRoom ? "in" : "with"} ${name}, ${count(messageCount, "message")}?`;
  const agreed = await isAgreed(context, question, "delete the conversation");
  if (!agreed.ok) return agreed;
  const deleted = await client.deleteConversation(id);
  if (!deleted.ok) return deleted;
  return reportChange(context, client, {
    json: { conversationId: id, ...deleted.value },
    message: `${count(deleted.value.deletedMessages, "message")} deleted; other devices you have follow when they next connect. ${isRoom ? `You stay in ${name}.` : `${name} is still a contact.`}`,
  });
}

async function deleteSome(
  context: CommandContext,
  client: Client,
  conversation: NamedPlace,
  wanted: readonly string[],
): Promise<Result<Outcome, CliError>> {
  const ids = new Set<OpId>();
  for (const one of wanted) {
    const message = await findMessage(client, conversation, one);
    if (!message.ok) return message;
    ids.add(message.value.id);
  }
  if (!context.isYes) context.output.warn(WHAT_DELETING_IS);
  const question = `Delete ${count(ids.size, "message")} for yourself?`;
  const agreed = await isAgreed(context, question, "delete them");
  if (!agreed.ok) return agreed;
  const deleted = await client.deleteMessages(conversation.id, [...ids]);
  if (!deleted.ok) return deleted;
  return reportChange(context, client, {
    json: { deleted: [...ids] },
    message: `${count(deleted.value.deletedMessages, "message")} deleted; other devices you have follow when they next connect.`,
  });
}
