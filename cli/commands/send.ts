/** `dovetail send`: one message to one contact. */
import type { Command } from "commander";
import { err, ok, type Result } from "@dovetail/core";
import { withClient } from "../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { plainLine } from "../output/plain-text.ts";
import { type SendOff, sendOff } from "../send-off.ts";
import { addExamples } from "./examples.ts";
import { findContact } from "./find-things.ts";

export function addSendCommand(program: Command, run: RunCommand): void {
  const send = program
    .command("send")
    .description("send a message")
    .argument("<contact>", "name, handle, or the start of the id")
    .argument("[text...]", "the message; without it, standard input is read")
    .action((query: string, words: readonly string[], _options: unknown, command: Command) =>
      run(command, (context) => sendMessage(context, query, words)),
    );
  addExamples(send, [
    ["dovetail send Ben Are you there?", "the rest of the line is the message"],
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
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const { conversationId } = contact.value;
    if (contact.value.state === "incoming" || contact.value.state === "declined") {
      return err({
        type: "Usage",
        message: `${plainLine(contact.value.name)} is not accepted: nothing was sent`,
        hint: "dovetail contact accept NAME lets you both write",
      });
    }
    const message = await client.send(conversationId, text);
    if (!message.ok) return message;
    const sent = await sendOff(context, client);
    if (!sent.ok) return sent;
    const now = await client.messages(conversationId, { limit: 20 });
    if (!now.ok) return now;
    const current = now.value.messages.find(({ id }) => id === message.value.id) ?? message.value;
    return ok({
      json: { message: current, sync: sent.value },
      messages: [describeState(current.state, plainLine(contact.value.name), sent.value)],
    });
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
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const page = await client.messages(contact.value.conversationId, { limit: 20 });
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

function readText({ prompts, output }: CommandContext): Promise<string> {
  if (prompts.isInteractive) output.say("Type the message, then Ctrl-D on a line of its own.");
  return prompts.readAll().then((text) => text.replace(/\n$/, ""));
}

function describeState(state: string, name: string, sent: SendOff): string {
  if (state === "delivered") return `Delivered to a device of ${name}.`;
  if (state === "sent") return `Sent. Waiting for one of ${name}'s devices.`;
  if (state === "failed") return `Not sent: the other side refused it. It is kept here.`;
  return sent.server === "reached"
    ? `Kept here. It goes once ${name} has accepted.`
    : "Kept here, goes out when the server answers.";
}
