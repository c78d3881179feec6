/** `dovetail contact`: people, requests, names, and the number that says nobody stands between. */
import type { Command } from "commander";
import { type ContactView, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { shortId } from "../../errors/error-words.ts";
import { layOutTable } from "../../output/columns.ts";
import type { Page } from "../../output/output.ts";
import { localDay } from "../../output/local-time.ts";
import { plainLine } from "../../output/plain-text.ts";
import { reportChange } from "../../send-off.ts";
import { addContactDetailCommands } from "./contact-details.ts";
import { addContactTransferCommands } from "./contact-transfer.ts";
import { addContactTrustCommands } from "./contact-trust.ts";
import { CONTACT_STATE_WORDS } from "./contact-words.ts";
import { addExamples } from "../examples.ts";
import { findContact } from "../find-things.ts";

interface AddOptions {
  readonly name?: string;
  readonly greeting?: string;
}

export function addContactCommands(program: Command, run: RunCommand): void {
  const contact = program.command("contact").description("people you write with");
  addExamples(contact, [
    ["dovetail contact link", "your contact link, to hand to others"],
    ['dovetail contact add dovetail-contact:… --name Ben --greeting "Hello"', "ask somebody"],
    ["dovetail contact accept Ada", "let somebody write to you"],
    ["dovetail contact safety Ada", "the number to compare when you meet"],
    ["dovetail contact verify Ada", "type the number Ada shows"],
    ["dovetail contact export --output contacts.ndjson", "all of them, to keep or to take along"],
    ["dovetail contact block Eve", "let nothing of them in any more"],
  ]);

  contact
    .command("list")
    .description("all contacts and open requests")
    .action((_options: unknown, command: Command) => run(command, list));

  contact
    .command("add")
    .description("ask somebody, by contact link or by handle")
    .argument("<address>", "a line that begins with dovetail-contact: or a handle")
    .option("--name <petname>", "what you call them; only your devices see it")
    .option("--greeting <text>", "goes with the request")
    .action((address: string, options: AddOptions, command: Command) =>
      run(command, (context) => add(context, address, options)),
    );

  contact
    .command("accept")
    .description("accept a request")
    .argument("<contact>")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => accept(context, query)),
    );

  contact
    .command("decline")
    .description("decline a request; they are not told")
    .argument("<contact>")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => decline(context, query)),
    );

  contact
    .command("rename")
    .description("change what you call them; only your devices see it")
    .argument("<contact>")
    .argument("[petname]", "without it, the name they gave themselves is shown again")
    .action((query: string, petname: string | undefined, _options: unknown, command: Command) =>
      run(command, (context) => rename(context, query, petname ?? null)),
    );

  contact
    .command("link")
    .description("your contact link: whoever has it can ask to write to you")
    .option("--new", "make another; who has an earlier one can still ask, which costs their device some work")
    .action((options: { readonly new?: boolean }, command: Command) =>
      run(command, (context) => (options.new === true ? renewLink(context) : link(context))),
    );

  addContactTrustCommands(contact, run);
  addContactDetailCommands(contact, run);
  addContactTransferCommands(contact, run);
}

async function list(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contacts = await client.contacts();
    if (!contacts.ok) return contacts;
    return ok({
      json: { contacts: contacts.value },
      text: (page) => layOutContacts(contacts.value, page),
      messages: contacts.value.length === 0 ? ["Nobody here yet. Show your link: dovetail contact link"] : [],
    });
  });
}

function layOutContacts(contacts: readonly ContactView[], page: Page): readonly string[] {
  return layOutTable(
    [
      { title: "CONTACT", isFlexible: true },
      { title: "STATE" },
      { title: "VERIFIED" },
      { title: "HANDLE" },
      { title: "SINCE" },
      { title: "ID" },
    ],
    contacts.map(({ name, state, handle, addedAtMs, verifiedAtMs, accountId, deletedSinceMs }) => [
      { text: plainLine(name), style: "strong" },
      deletedSinceMs === null
        ? { text: CONTACT_STATE_WORDS[state], style: state === "incoming" ? "warning" : undefined }
        : { text: "account deleted?", style: "warning" },
      {
        text: verifiedAtMs === null ? "no" : localDay(verifiedAtMs),
        style: verifiedAtMs === null ? "faint" : "good",
      },
      { text: handle === null ? "" : `@${plainLine(handle)}` },
      { text: localDay(addedAtMs), style: "faint" },
      { text: shortId(accountId), style: "faint" },
    ]),
    page,
  );
}

async function add(
  context: CommandContext,
  address: string,
  options: AddOptions,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const added = await client.addContact(address, {
      ...(options.name === undefined ? {} : { petname: options.name }),
      ...(options.greeting === undefined ? {} : { greeting: options.greeting }),
    });
    if (!added.ok) return added;
    const name = plainLine(added.value.name);
    const isAnswer = added.value.state === "accepted";
    const message = isAnswer
      ? `${name} had asked already: you can write to each other now.`
      : `${name} is asked, and sees it as a request until accepting.`;
    return reportChange(context, client, { json: { contact: added.value }, message });
  });
}

async function accept(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const accepted = await client.acceptContact(contact.value.accountId);
    if (!accepted.ok) return accepted;
    const name = plainLine(accepted.value.name);
    return reportChange(context, client, {
      json: { contact: accepted.value },
      message: `You and ${name} can write to each other now. Not verified: compare numbers when you meet.`,
    });
  });
}

async function decline(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const declined = await client.declineContact(contact.value.accountId);
    if (!declined.ok) return declined;
    return reportChange(context, client, {
      json: { accountId: contact.value.accountId },
      message: `Declined. ${plainLine(contact.value.name)} is not told.`,
    });
  });
}

async function rename(
  context: CommandContext,
  query: string,
  petname: string | null,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const renamed = await client.setPetname(contact.value.accountId, petname);
    if (!renamed.ok) return renamed;
    const message =
      petname === null
        ? "They are shown by their own name again."
        : `Shown as ${plainLine(petname)} on your devices.`;
    return reportChange(context, client, { json: { accountId: contact.value.accountId, petname }, message });
  });
}

async function link(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contactLink = await client.contactLink();
    if (!contactLink.ok) return contactLink;
    return ok({
      json: { link: contactLink.value },
      text: () => [contactLink.value],
      messages: ["Whoever has this line can ask to write to you. It links no device and opens nothing."],
    });
  });
}

async function renewLink(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contactLink = await client.replaceContactLink();
    if (!contactLink.ok) return contactLink;
    const reported = await reportChange(context, client, {
      json: { link: contactLink.value },
      message: "Hand out this one from now on.",
    });
    return reported.ok ? ok({ ...reported.value, text: () => [contactLink.value] }) : reported;
  });
}
