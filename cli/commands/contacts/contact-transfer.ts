/** `dovetail contact ask, export, import`: contacts out to a file, in from one, and asking those who came that way. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import {
  CONTACTS_FILE_BYTES_MAX,
  type ContactImport,
  type ContactsImport,
  err,
  ok,
  type Result,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count, shortId } from "../../errors/error-words.ts";
import { layOutTable } from "../../output/columns.ts";
import { codeOf, openSink } from "../../output/file-sink.ts";
import type { Page } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";
import { readWhole } from "../../platform/read-lines.ts";
import { reportChange } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import { findContact } from "../find-things.ts";

export function addContactTransferCommands(contact: Command, run: RunCommand): void {
  contact
    .command("ask")
    .description("ask somebody who is not asked yet, as those from an imported file are")
    .argument("<contact>")
    .option("--greeting <text>", "goes with the request")
    .action((query: string, { greeting }: { readonly greeting?: string }, command: Command) =>
      run(command, (context) => ask(context, query, greeting)),
    );

  const exporting = contact
    .command("export")
    .description("write all contacts into a file, with petnames and notes, in clear")
    .option("--output <file>", "a file that only you can read, instead of standard output")
    .action((flags: { readonly output?: string }, command: Command) =>
      run(command, (context) => exportContacts(context, flags.output)),
    );
  addExamples(exporting, [
    ["dovetail contact export --output contacts.ndjson", "all of them, in a file only you can read"],
    ["dovetail contact export | jq -r 'select(.type == \"contact\") | .petname'", "for programs"],
  ]);

  const importing = contact
    .command("import")
    .description("take over contacts from such a file; nobody is asked anything, and what is here stands")
    .argument("<file>", "made by contact export")
    .option("--dry-run", "only say what would be done")
    .action((file: string, flags: { readonly dryRun?: boolean }, command: Command) =>
      run(command, (context) => importContacts(context, file, flags.dryRun === true)),
    );
  addExamples(importing, [
    ["dovetail contact import contacts.ndjson --dry-run", "what it would do"],
    ["dovetail contact import contacts.ndjson", "petnames and notes where you have none; others as contacts"],
    ["dovetail contact ask Ben", "then, whom you want to write to"],
  ]);
}

async function ask(
  context: CommandContext,
  query: string,
  greeting: string | undefined,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const asked = await client.askContact(
      contact.value.accountId,
      greeting === undefined ? {} : { greeting },
    );
    if (!asked.ok) return asked;
    return reportChange(context, client, {
      json: { contact: asked.value },
      message: `${plainLine(asked.value.name)} is asked, and sees it as a request until accepting.`,
    });
  });
}

async function exportContacts(
  context: CommandContext,
  output: string | undefined,
): Promise<Result<Outcome, CliError>> {
  if (output !== undefined && existsSync(output)) {
    const agreed = await isAgreed(context, `${plainLine(output)} exists. Replace it?`, "replace the file");
    if (!agreed.ok) return agreed;
  }
  return withClient<Outcome>(context, async (client) => {
    const text = await client.exportContacts();
    if (!text.ok) return text;
    const lines = text.value.split("\n").slice(0, -1);
    const contacts = lines.length - 2;
    const sink = openSink(context.output, output);
    if (!sink.ok) return sink;
    // On standard output the last record is the report itself.
    const last = lines.at(-1) ?? "{}";
    try {
      sink.value.write(output === undefined ? lines.slice(0, -1) : lines);
      sink.value.keep();
    } catch (thrown) {
      sink.value.discard();
      return err({ type: "FileRefused", path: output ?? "standard output", detail: codeOf(thrown) });
    }
    const words = "in clear, with your notes: whoever reads it reads them.";
    return ok(
      output === undefined
        ? {
            json: { type: "end", contacts },
            text: () => [last],
            messages: [`${count(contacts, "contact")}, ${words}`],
          }
        : {
            json: { file: output, contacts },
            messages: [`${count(contacts, "contact")} in ${plainLine(output)}, ${words}`],
          },
    );
  });
}

async function importContacts(
  context: CommandContext,
  path: string,
  isDryRun: boolean,
): Promise<Result<Outcome, CliError>> {
  const text = readWhole(path, CONTACTS_FILE_BYTES_MAX);
  if (!text.ok) return text;
  return withClient<Outcome>(context, async (client) => {
    const imported = await client.importContacts(text.value, { isDryRun });
    if (!imported.ok) return imported;
    const { contacts } = imported.value;
    const layOut = (page: Page) => layOutImport(contacts, page);
    const messages = describeImport(imported.value);
    if (isDryRun) return ok({ json: { contacts, isDryRun }, text: layOut, messages });
    const [message = "", ...more] = messages;
    const sent = await reportChange(context, client, { json: { contacts, isDryRun }, message });
    if (!sent.ok) return sent;
    return ok({ ...sent.value, text: layOut, messages: [...(sent.value.messages ?? []), ...more] });
  });
}

const OUTCOME_WORDS: Readonly<Record<ContactImport["outcome"], string>> = {
  new: "new, not asked yet",
  changed: "completed",
  unchanged: "as it was",
  self: "is you; left out",
};

function layOutImport(contacts: readonly ContactImport[], page: Page): readonly string[] {
  return layOutTable(
    [
      { title: "CONTACT", isFlexible: true },
      { title: "WHAT" },
      { title: "FROM THE FILE" },
      { title: "KEPT" },
      { title: "ID" },
    ],
    contacts.map(({ name, outcome, isBlocked, taken, kept, accountId }) => [
      { text: plainLine(name), style: "strong" },
      { text: outcome === "new" && isBlocked ? "new, blocked" : OUTCOME_WORDS[outcome] },
      { text: taken.join(", ") },
      { text: kept.join(", "), style: "faint" },
      { text: shortId(accountId), style: "faint" },
    ]),
    page,
  );
}

function describeImport({ contacts, isDryRun }: ContactsImport): readonly string[] {
  const numberOf = (outcome: ContactImport["outcome"]) =>
    contacts.filter((one) => one.outcome === outcome).length;
  const sums = `${numberOf("new")} new, ${numberOf("changed")} completed, ${numberOf("unchanged")} as before`;
  const claimed = contacts.filter((one) => one.isClaimedVerified).length;
  const kept = contacts.some((one) => one.kept.length > 0);
  return [
    isDryRun ? `This would be done: ${sums}. Nothing was changed.` : `Taken over: ${sums}.`,
    ...(kept ? ["What you call and note about somebody here stands; the file says otherwise."] : []),
    ...(claimed > 0
      ? [
          `${count(claimed, "contact")} verified by the file's word alone: not verified here. Compare numbers.`,
        ]
      : []),
    ...(!isDryRun && numberOf("new") > 0
      ? ["Nobody was asked. Whom you want to write to: dovetail contact ask NAME"]
      : []),
  ];
}
