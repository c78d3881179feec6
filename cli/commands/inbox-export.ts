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
  type ConversationView,
  encodeProof,
  err,
  type ExportMessage,
  ok,
  type Result,
  toBase64Url,
} from "@dovetail/core";
import { withClient } from "../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../command-runner.ts";
import { isAgreed } from "../confirm.ts";
import type { CliError } from "../errors/command-error.ts";
import { count } from "../errors/error-words.ts";
import { codeOf, openSink, type Sink } from "../output/file-sink.ts";
import { localTime } from "../output/local-time.ts";
import { jsonLine, plainLine, plainLines } from "../output/plain-text.ts";
import { showProgress } from "../output/progress.ts";
import { addExamples } from "./examples.ts";
import { findConversation } from "./find-things.ts";

interface ExportFlags {
  readonly format: "ndjson" | "text";
  readonly output?: string;
}

export const EXPORT_VERSION = 1;
const PAGE_MESSAGES = 500;

type ExportRecord = Readonly<Record<string, unknown>> & { readonly type: string };

export function addInboxExportCommand(inbox: Command, run: RunCommand): void {
  const command = inbox
    .command("export")
    .description("write messages in clear, one conversation or all of them")
    .argument("[contact]", "one conversation; without it, all, archived ones too")
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
    const chosen = query === undefined ? await client.conversations() : await oneConversation(client, query);
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

async function oneConversation(
  client: Client,
  query: string,
): Promise<Result<readonly ConversationView[], CliError>> {
  const found = await findConversation(client, query);
  return found.ok ? ok([found.value]) : found;
}

/** What is said at the end. On standard output the last record is the report itself. */
function report(
  end: ExportRecord & { readonly conversations: number; readonly messages: number },
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
  }: { readonly conversations: readonly ConversationView[]; readonly isText: boolean; readonly sink: Sink },
): Promise<Result<ExportRecord & { readonly conversations: number; readonly messages: number }, CliError>> {
  const account = await client.account();
  if (!account.ok) return account;
  const { accountId, displayName } = account.value;
  const put = (record: ExportRecord): void => sink.write([jsonLine(record)]);
  const head = { type: "export", version: EXPORT_VERSION, exportedAtMs: Date.now() };
  if (!isText) put({ ...head, account: { accountId, name: displayName } });
  const total = conversations.reduce((sum, { messageCount }) => sum + messageCount, 0);
  let done = 0;
  for (const conversation of conversations) {
    const messages = await allMessages(client, conversation, (read) =>
      showProgress(output, "reading", done + read, total),
    );
    if (!messages.ok) return messages;
    if (isText) sink.write(textOf(conversation, messages.value));
    else {
      put(conversationRecord(conversation, messages.value.length));
      for (const message of messages.value) put(messageRecord(conversation, message, displayName));
    }
    done += messages.value.length;
  }
  output.live(null);
  const end = { type: "end", conversations: conversations.length, messages: done };
  return ok(end);
}

/** Oldest first. */
async function allMessages(
  client: Client,
  { id }: ConversationView,
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

function conversationRecord({ id, contact, isArchived }: ConversationView, messages: number): ExportRecord {
  const { accountId, name, handle, origin } = contact;
  return {
    type: "conversation",
    id,
    contact: { accountId, name, handle, origin },
    isArchived,
    messages,
  };
}

function messageRecord(
  { contact }: ConversationView,
  { message, op, proof }: ExportMessage,
  ownName: string,
): ExportRecord {
  const { id, conversationId, author, isOwn, device, sentAtMs, text, isStarred } = message;
  return {
    type: "message",
    id,
    conversationId,
    author,
    authorName: isOwn ? ownName : contact.name,
    isOwn,
    device,
    sentAtMs,
    sentAt: new Date(sentAtMs).toISOString(),
    text,
    isStarred,
    op: toBase64Url(op),
    proof: proof === null ? null : toBase64Url(encodeProof(proof)),
  };
}

function textOf({ contact }: ConversationView, messages: readonly ExportMessage[]): readonly string[] {
  const name = plainLine(contact.name);
  return [
    `# ${name}`,
    "",
    ...messages.flatMap(({ message: { sentAtMs, isOwn, text } }) => [
      `${localTime(sentAtMs)} ${isOwn ? "you" : name}`,
      ...plainLines(text).map((line) => `  ${line}`.trimEnd()),
    ]),
    "",
  ];
}
