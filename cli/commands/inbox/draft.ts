/** `dovetail draft`: what is being written and not sent, on all devices of the account. */
import type { Command } from "commander";
import { type Client, type DraftView, err, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { layOutTable } from "../../output/columns.ts";
import type { Page } from "../../output/output.ts";
import { plainLine, plainLines } from "../../output/plain-text.ts";
import { wrapText } from "../../output/text-width.ts";
import { reportChange } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import { findNamedPlace, type NamedPlace } from "../find-things.ts";
import { readText } from "./send.ts";

const PREVIEW_CHARS = 200;

export function addDraftCommands(program: Command, run: RunCommand): void {
  const draft = program
    .command("draft")
    .description("messages you have begun; they are on all your devices and nobody else's");
  addExamples(draft, [
    ["dovetail draft set Ben 'About Sunday:'", "keep it for later, on all your devices"],
    ["dovetail draft list", "which there are"],
    ["dovetail draft show Ben", "what is kept"],
    ["dovetail draft clear Ben", "delete it"],
    ["dovetail send Ben --draft", "send it"],
  ]);

  draft
    .command("list")
    .description("all drafts")
    .action((_options: unknown, command: Command) => run(command, list));
  draft
    .command("show")
    .description("the draft for a contact")
    .argument("<contact>", "name, handle, or the start of the id")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => show(context, query)),
    );
  draft
    .command("set")
    .description("keep a text as the draft for a contact, in place of the one there is")
    .argument("<contact>", "name, handle, or the start of the id")
    .argument("[text...]", "the draft; without it, standard input is read")
    .action((query: string, words: readonly string[], _options: unknown, command: Command) =>
      run(command, (context) => set(context, query, words)),
    );
  draft
    .command("clear")
    .description("delete the draft for a contact; the text is printed once more")
    .argument("<contact>", "name, handle, or the start of the id")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => clear(context, query)),
    );
}

async function list(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient<Outcome>(context, async (client) => {
    const drafts = await client.drafts();
    if (!drafts.ok) return drafts;
    return ok({
      json: { drafts: drafts.value },
      text: (page) =>
        layOutTable(
          [
            { title: "CONTACT", shareMax: 0.3 },
            { title: "DRAFT", isFlexible: true },
          ],
          drafts.value.map(({ name, text }) => [
            { text: plainLine(name), style: "strong" },
            { text: plainLine(text.slice(0, PREVIEW_CHARS)) },
          ]),
          page,
        ),
      messages: drafts.value.length === 0 ? ["No drafts."] : [],
    });
  });
}

function show(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withDraft(context, query, async (draft) =>
    ok({
      json: { draft },
      text: (page) => layOutDraft(draft, page),
      messages:
        draft.textCount > 1
          ? [`Your devices wrote ${draft.textCount} texts apart: they stand below each other.`]
          : [],
    }),
  );
}

/** Runs `act` on the draft for a contact or a room; says so when there is none. */
function withDraft(
  context: CommandContext,
  query: string,
  act: (draft: DraftView, place: NamedPlace, client: Client) => Promise<Result<Outcome, CliError>>,
): Promise<Result<Outcome, CliError>> {
  return withClient<Outcome>(context, async (client) => {
    const place = await findNamedPlace(client, query);
    if (!place.ok) return place;
    const draft = await client.draft(place.value.id);
    if (!draft.ok) return draft;
    return draft.value === null
      ? ok({ json: { draft: null }, messages: [`No draft for ${plainLine(place.value.name)}.`] })
      : act(draft.value, place.value, client);
  });
}

function layOutDraft({ text }: DraftView, { width }: Page): readonly string[] {
  return plainLines(text).flatMap((line) => wrapText(line, width));
}

async function set(
  context: CommandContext,
  query: string,
  words: readonly string[],
): Promise<Result<Outcome, CliError>> {
  const text = words.length > 0 ? words.join(" ") : await readText(context);
  if (text.trim() === "") {
    return err({ type: "Usage", message: "there is no text to keep", hint: "dovetail draft clear CONTACT" });
  }
  return withClient<Outcome>(context, async (client) => {
    const conversation = await findNamedPlace(client, query);
    if (!conversation.ok) return conversation;
    const { id, name } = conversation.value;
    const kept = await client.setDraft(id, text);
    if (!kept.ok) return kept;
    return reportChange(context, client, {
      json: { conversationId: id },
      message: `Kept as the draft for ${plainLine(name)}, on all your devices.`,
    });
  });
}

function clear(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withDraft(context, query, async (draft, { id, name }, client) => {
    const cleared = await client.setDraft(id, null);
    if (!cleared.ok) return cleared;
    const report = await reportChange(context, client, {
      json: { draft },
      message: `The draft for ${plainLine(name)} is gone. This is what it said.`,
    });
    return report.ok ? ok({ ...report.value, text: (page: Page) => layOutDraft(draft, page) }) : report;
  });
}
