/** `dovetail contact show, note`: all there is to a contact, and what you note about them. */
import type { Command } from "commander";
import { type ContactDetails, type LastSeen, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count, shortId } from "../../errors/error-words.ts";
import { describeNotice } from "../../errors/notice-text.ts";
import { layOutFields } from "../../output/columns.ts";
import { localDay } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { plainLine, plainLines } from "../../output/plain-text.ts";
import { reportChange } from "../../send-off.ts";
import { CONTACT_STATE_WORDS } from "./contact-words.ts";
import { layOutSafetyNumber } from "./contact-trust.ts";
import { findContact } from "../find-things.ts";

const LAST_SEEN_WORDS: Readonly<Record<LastSeen, string>> = {
  day: "within a day",
  week: "within a week",
  month: "within a month",
  longer: "more than a month ago",
  never: "never",
};

export function addContactDetailCommands(contact: Command, run: RunCommand): void {
  contact
    .command("show")
    .description("all there is to a contact: names, notes, number, when they were last heard of")
    .argument("<contact>")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => show(context, query)),
    );

  contact
    .command("note")
    .description("what you want to remember about them; only your devices see it")
    .argument("<contact>")
    .argument("[text...]", "without it, the note is removed")
    .action((query: string, words: readonly string[], _options: unknown, command: Command) =>
      run(command, (context) => note(context, query, words.join(" "))),
    );
}

async function show(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const details = await client.contactDetails(contact.value.accountId);
    if (!details.ok) return details;
    const notices = await client.deviceNotices(contact.value.accountId);
    if (!notices.ok) return notices;
    const name = plainLine(contact.value.name);
    return ok({
      json: { details: details.value, notices: notices.value },
      text: (page) => layOutDetails(details.value, page),
      messages: notices.value.map((one) => `${localDay(one.atMs)}: ${describeNotice(one, name)}`),
    });
  });
}

function layOutDetails(
  { contact, notes, safetyNumber, lastSeen, deviceCount }: ContactDetails,
  page: Page,
): readonly string[] {
  const { petname, displayName, handle, verifiedAtMs, deletedSinceMs } = contact;
  const fields: (readonly [string, string])[] = [
    ["name", plainLine(contact.name)],
    ...(petname !== null && displayName !== null
      ? [["calls themselves", plainLine(displayName)] as const]
      : []),
    ...(handle === null ? [] : [["handle", `@${plainLine(handle)}`] as const]),
    ["state", CONTACT_STATE_WORDS[contact.state]],
    ...(deletedSinceMs === null
      ? []
      : [
          [
            "account",
            `deleted, their server says, first on ${localDay(deletedSinceMs)}; what you write waits here`,
          ] as const,
        ]),
    [
      "verified",
      verifiedAtMs === null ? "no: compare numbers when you meet" : `on ${localDay(verifiedAtMs)}`,
    ],
    ["heard of", `${LAST_SEEN_WORDS[lastSeen]}, by what came from them`],
    ["devices", deviceCount === null ? "not known yet" : count(deviceCount, "device")],
    ["server", plainLine(contact.origin)],
    ["since", localDay(contact.addedAtMs)],
    ["id", shortId(contact.accountId)],
  ];
  const noted = notes === null ? [] : ["", ...plainLines(notes)];
  return [
    ...layOutFields(fields, page),
    "",
    ...layOutSafetyNumber(safetyNumber.replace(/\D/g, "")),
    ...noted,
  ];
}

async function note(
  context: CommandContext,
  query: string,
  text: string,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, query);
    if (!contact.ok) return contact;
    const noted = await client.setContactNotes(contact.value.accountId, text === "" ? null : text);
    if (!noted.ok) return noted;
    const name = plainLine(contact.value.name);
    return reportChange(context, client, {
      json: { contact: noted.value, notes: text === "" ? null : text },
      message: text === "" ? `Nothing is noted about ${name}.` : `Noted about ${name}, on your devices only.`,
    });
  });
}
