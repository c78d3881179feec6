/**
 * `dovetail inbox export`: messages in clear, for reading or for other programs.
 *
 * As NDJSON: one object a line, each with a `type`. The first is `export` with the version of the format, then for each
 * conversation a `conversation` and its messages, oldest first, as `message`; the last is `end` with the counts, so that a
 * file that was cut off is known by its absence. docs/CLI.md lists the fields.
 */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import {
  type Client,
  err,
  exportEndLine,
  exportHeadLine,
  type ExportedPlace,
  exportedName,
  type ExportMessage,
  exportMessageLine,
  exportPlaceLine,
  type MessagesLine,
  ok,
  type Result,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count } from "../../errors/error-words.ts";
import { codeOf, openSink, type Sink } from "../../output/file-sink.ts";
import { localTime } from "../../output/local-time.ts";
import { jsonLine, plainLine, plainLines } from "../../output/plain-text.ts";
import { showProgress } from "../../output/progress.ts";
import { addExamples } from "../examples.ts";
import { findPlace } from "../find-things.ts";

interface ExportFlags {
  readonly format: "ndjson" | "text";
  readonly output?: string;
}

const PAGE_MESSAGES = 500;

export function addInboxExportCommand(inbox: Command, run: RunCommand): void {
  const command = inbox
    .command("export")
    .description("write messages in clear, one conversation or all of them")
    .argument("[contact]", "one conversation or room; without it, all, archived ones too")
    .addOption(
      new Option("--format <format>", "for programs, or to be read")
        .choices(["ndjson", "text"])
        .default("ndjson"),
    )
    .option("--output <file>", "a file that only you can read, instead of standard output")
    .action((query: string | undefined, flags: ExportFlags, self: Command) =>
      run(self, (context) => exportInbox(context, query, flags)),
    );
  addExamples(command, [
    ["dovetail inbox export --output messages.ndjson", "everything, for programs"],
    ["dovetail inbox export Ben --format text | less", "one conversation, to be read"],
    ["dovetail inbox export --json | jq -r 'select(.type == \"message\") | .text'", "only what was said"],
  ]);
}

async function exportInbox(
  context: CommandContext,
  query: string | undefined,
  { format, output }: ExportFlags,
): Promise<Result<Outcome, CliError>> {
  if (output !== undefined && existsSync(output)) {
    const agreed = await isAgreed(context, `${plainLine(output)} exists. Replace it?`, "replace the file");
    if (!agreed.ok) return agreed;
  }
  return withClient<Outcome>(context, async (client) => {
    const chosen = query === undefined ? await allPlaces(client) : await onePlace(client, query);
    if (!chosen.ok) return chosen;
    const isText = format === "text" && !context.output.isJson;
    const sink = openSink(context.output, output);
    if (!sink.ok) return sink;
    try {
      const written = await writeAll(context, client, {
        conversations: chosen.value,
        isText,
        sink: sink.value,
      });
      if (!written.ok) {
        sink.value.discard();
        return written;
      }
      if (!isText && output !== undefined) sink.value.write([jsonLine(written.value)]);
      sink.value.keep();
      return ok(report(written.value, { isText, output }));
    } catch (thrown) {
      sink.value.discard();
      return err({ type: "FileRefused", path: output ?? "standard output", detail: codeOf(thrown) });
    }
  });
}

async function allPlaces(client: Client): Promise<Result<readonly ExportedPlace[], CliError>> {
  const conversations = await client.conversations();
  if (!conversations.ok) return conversations;
  const rooms = await client.rooms();
  return rooms.ok ? ok([...conversations.value, ...rooms.value]) : rooms;
}

async function onePlace(client: Client, query: string): Promise<Result<readonly ExportedPlace[], CliError>> {
  const place = await findPlace(client, query);
  if (!place.ok) return place;
  return ok([place.value.type === "room" ? place.value.room : place.value.conversation]);
}

/** What is said at the end. On standard output the last record is the report itself. */
function report(
  end: ReturnType<typeof exportEndLine>,
  { isText, output }: { readonly isText: boolean; readonly output: string | undefined },
): Outcome {
  const { conversations, messages } = end;
  const done = `${count(messages, "message")} of ${count(conversations, "conversation")}`;
  if (output !== undefined) {
    const words = `${done} in ${plainLine(output)}. They are in clear: whoever reads the file reads them.`;
    return { json: { file: output, conversations, messages }, messages: [words] };
  }
  return {
    json: end,
    ...(isText ? {} : { text: () => [jsonLine(end)] }),
    messages: [`${done}, in clear.`],
  };
}

async function writeAll(
  { output }: CommandContext,
  client: Client,
  {
    conversations,
    isText,
    sink,
  }: { readonly conversations: readonly ExportedPlace[]; readonly isText: boolean; readonly sink: Sink },
): Promise<Result<ReturnType<typeof exportEndLine>, CliError>> {
  const account = await client.account();
  if (!account.ok) return account;
  const { displayName } = account.value;
  const put = (line: MessagesLine): void => sink.write([jsonLine(line)]);
  if (!isText) put(exportHeadLine(account.value, Date.now()));
  const total = conversations.reduce((sum, { messageCount }) => sum + messageCount, 0);
  let done = 0;
  for (const conversation of conversations) {
    const messages = await allMessages(client, conversation, (read) =>
      showProgress(output, "reading", done + read, total),
    );
    if (!messages.ok) return messages;
    if (isText) sink.write(textOf(conversation, messages.value));
    else {
      put(exportPlaceLine(conversation, messages.value.length));
      for (const exported of messages.value) {
        const sentAt = new Date(exported.message.sentAtMs).toISOString();
        put(exportMessageLine(conversation, exported, { ownName: displayName, sentAt }));
      }
    }
    done += messages.value.length;
  }
  output.live(null);
  return ok(exportEndLine(conversations.length, done));
}

/** Oldest first. */
async function allMessages(
  client: Client,
  { id }: ExportedPlace,
  onRead: (count: number) => void,
): Promise<Result<readonly ExportMessage[], CliError>> {
  const messages: ExportMessage[] = [];
  let before: string | null = null;
  do {
    const page = await client.exportMessages(id, {
      limit: PAGE_MESSAGES,
      ...(before === null ? {} : { before }),
    });
    if (!page.ok) return page;
    messages.push(...page.value.messages);
    onRead(messages.length);
    before = page.value.older;
  } while (before !== null);
  return ok(messages.reverse());
}

function textOf(place: ExportedPlace, messages: readonly ExportMessage[]): readonly string[] {
  const name = plainLine("contact" in place ? place.contact.name : place.name);
  return [
    `# ${name}`,
    "",
    ...messages.flatMap(({ message }) => [
      `${localTime(message.sentAtMs)} ${message.isOwn ? "you" : plainLine(exportedName(place, message))}`,
      ...plainLines(message.text).map((line) => `  ${line}`.trimEnd()),
    ]),
    "",
  ];
}
