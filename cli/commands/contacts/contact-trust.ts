/** `dovetail contact verify, safety, block, unblock`: whom you know for sure, and whom you do not want to hear. */
import type { Command } from "commander";
import { type Client, type ContactView, err, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { localDay } from "../../output/local-time.ts";
import { plainLine } from "../../output/plain-text.ts";
import { reportChange } from "../../send-off.ts";
import { findContact } from "../find-things.ts";
import { quoteArgument } from "../quote-argument.ts";

const SAFETY_GROUPS_PER_LINE = 4;
const SAFETY_GROUP_CHARS = 5;

export function addContactTrustCommands(contact: Command, run: RunCommand): void {
  contact
    .command("safety")
    .description("60 digits that are the same on both sides when nobody stands between you")
    .argument("<contact>")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => safety(context, query)),
    );

  contact
    .command("verify")
    .description("compare the number they show with yours, and note that it is the same")
    .argument("<contact>")
    .argument("[shown...]", "the 60 digits they show, or their contact link; without it, you are asked")
    .option("--forget", "note that it is not verified after all")
    .action((query: string, shown: readonly string[], options: { readonly forget?: boolean }, command) =>
      run(command, (context) => verify(context, query, shown.join(" "), options.forget === true)),
    );

  contact
    .command("block")
    .description("let nothing of them in any more; they are not told, and find the conversation closed")
    .argument("<contact>")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => block(context, query)),
    );

  contact
    .command("unblock")
    .description("let them write again; what they wrote meanwhile does not come")
    .argument("<contact>")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => unblock(context, query)),
    );
}

async function safety(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const digits = await safetyDigits(client, contact.value);
    if (!digits.ok) return digits;
    return ok({
      json: { accountId: contact.value.accountId, safetyNumber: digits.value },
      text: () => layOutSafetyNumber(digits.value),
      messages: [
        `Compare with ${plainLine(contact.value.name)}, in person or by voice. The same 60 digits: nobody stands between you.`,
        describeVerification(contact.value),
      ],
    });
  });
}

/** Whether, and since when, somebody is known for sure. */
export function describeVerification({ name, verifiedAtMs }: ContactView): string {
  return verifiedAtMs === null
    ? `Not verified. When the numbers are the same: dovetail contact verify ${quoteArgument(plainLine(name))}`
    : `Verified on ${localDay(verifiedAtMs)}.`;
}

async function safetyDigits(client: Client, contact: ContactView): Promise<Result<string, CliError>> {
  const number = await client.safetyNumber(contact.accountId);
  return number.ok ? ok(number.value.replace(/\D/g, "")) : number;
}

export function layOutSafetyNumber(digits: string): readonly string[] {
  const groups = digits.match(new RegExp(`.{1,${SAFETY_GROUP_CHARS}}`, "g")) ?? [];
  return Array.from({ length: Math.ceil(groups.length / SAFETY_GROUPS_PER_LINE) }, (_, line) =>
    groups.slice(line * SAFETY_GROUPS_PER_LINE, (line + 1) * SAFETY_GROUPS_PER_LINE).join(" "),
  );
}

async function verify(
  context: CommandContext,
  query: string,
  given: string,
  isForgotten: boolean,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const { accountId } = contact.value;
    const name = plainLine(contact.value.name);
    if (isForgotten) {
      const forgotten = await client.forgetVerification(accountId);
      if (!forgotten.ok) return forgotten;
      return reportChange(context, client, {
        json: { contact: forgotten.value },
        message: `${name} is not verified any more.`,
      });
    }
    const shown = given === "" ? await askShown(context, client, contact.value) : ok(given);
    if (!shown.ok) return shown;
    const verified = await client.verifyContact(accountId, shown.value);
    if (!verified.ok) return verified;
    return reportChange(context, client, {
      json: { contact: verified.value },
      message: `The same. ${name} is verified, on all your devices.`,
    });
  });
}

/** Shows the own number only where a person compares: who types what they are shown compares nothing. */
async function askShown(
  { prompts, output }: CommandContext,
  client: Client,
  contact: ContactView,
): Promise<Result<string, CliError>> {
  const name = plainLine(contact.name);
  if (!prompts.isInteractive) {
    const line = await prompts.ask("");
    return line === null
      ? err({ type: "NeedsTerminal", what: "the number they show", hint: "give it after the contact" })
      : ok(line);
  }
  const digits = await safetyDigits(client, contact);
  if (!digits.ok) return digits;
  output.say(`Your number with ${name}, to be compared in person or by voice:`);
  for (const line of layOutSafetyNumber(digits.value)) output.say(line);
  const answer = await prompts.ask(`Type the digits ${name} shows: `);
  return answer === null ? err({ type: "Cancelled" }) : ok(answer);
}

async function block(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const blocked = await client.blockContact(contact.value.accountId);
    if (!blocked.ok) return blocked;
    const name = plainLine(contact.value.name);
    return reportChange(context, client, {
      json: { contact: blocked.value },
      message: `${name} is blocked, on all your devices. Undo: dovetail contact unblock ${quoteArgument(name)}`,
    });
  });
}

async function unblock(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const unblocked = await client.unblockContact(contact.value.accountId);
    if (!unblocked.ok) return unblocked;
    const name = plainLine(contact.value.name);
    const message = describeUnblocked(unblocked.value.state, name);
    return reportChange(context, client, { json: { contact: unblocked.value }, message });
  });
}

function describeUnblocked(state: ContactView["state"], name: string): string {
  const named = quoteArgument(name);
  switch (state) {
    case "incoming":
      return `${name} is not blocked any more, and not accepted: dovetail contact accept ${named}`;
    case "known":
      return `${name} is not blocked any more, and was never asked: dovetail contact ask ${named}`;
    default:
      return `${name} can write to you again. What was written meanwhile does not come.`;
  }
}
