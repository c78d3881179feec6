/**
 * `dovetail inbox import`: messages of an export of this account, back where they are missing.
 *
 * The file is read twice: once to check every line of it, then to take the messages over. Each is checked again as it is
 * taken, so a file that changes in between brings in nothing unproven.
 */
import type { Command } from "commander";
import {
  type Client,
  createMessagesReader,
  err,
  type FileMessage,
  IMPORT_MESSAGES_MAX,
  type MessagesFile,
  ok,
  type Result,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count } from "../../errors/error-words.ts";
import { showProgress } from "../../output/progress.ts";
import { readLines } from "../../platform/read-lines.ts";
import { reportChange } from "../../send-off.ts";
import { addExamples } from "../examples.ts";

interface Sums {
  added: number;
  known: number;
  strangers: number;
}

const PROGRESS_STEPS = 1_000;

export function addInboxImportCommand(inbox: Command, run: RunCommand): void {
  const command = inbox
    .command("import")
    .description(
      "bring messages of an export back where they are missing; only of this account's own exports",
    )
    .argument("<file>", "made by inbox export")
    .option("--dry-run", "check every line, and say what would be done")
    .action((file: string, flags: { readonly dryRun?: boolean }, self: Command) =>
      run(self, (context) => importInbox(context, file, flags.dryRun === true)),
    );
  addExamples(command, [
    ["dovetail inbox import messages.ndjson --dry-run", "what it would do"],
    ["dovetail inbox import messages.ndjson", "messages that are here stay as they are"],
  ]);
}

async function importInbox(
  context: CommandContext,
  path: string,
  isDryRun: boolean,
): Promise<Result<Outcome, CliError>> {
  return withClient<Outcome>(context, async (client) => {
    const checked = await pass(context, client, { path, label: "checking", isDryRun: true });
    if (!checked.ok) return checked;
    if (isDryRun) return ok(report(checked.value, true));
    const taken = await pass(context, client, { path, label: "taking over", isDryRun: false });
    if (!taken.ok) return taken;
    const { json, messages } = report(taken.value, false);
    const [message = "", ...more] = messages;
    const sent = await reportChange(context, client, { json, message });
    return sent.ok ? ok({ ...sent.value, messages: [...(sent.value.messages ?? []), ...more] }) : sent;
  });
}

/** Reads the whole file through the client. */
async function pass(
  { output }: CommandContext,
  client: Client,
  { path, label, isDryRun }: { readonly path: string; readonly label: string; readonly isDryRun: boolean },
): Promise<Result<{ readonly file: MessagesFile; readonly sums: Sums }, CliError>> {
  const account = await client.account();
  if (!account.ok) return account;
  const reader = createMessagesReader();
  const sums: Sums = { added: 0, known: 0, strangers: 0 };
  let waiting: FileMessage[] = [];
  const take = async (): Promise<Result<void, CliError>> => {
    const messages = waiting;
    waiting = [];
    if (messages.length === 0) return ok();
    const imported = await client.importMessages(
      messages.map(({ op, proof }) => ({ op, proof })),
      { isDryRun },
    );
    if (!imported.ok) {
      // By its line, and with the account's own word for what does not prove anything here.
      if (imported.error.type !== "ImportUnproven") return imported;
      const line = messages[imported.error.index]?.line ?? 0;
      const other = reader.account() !== account.value.accountId;
      return err({ ...imported.error, index: line - 1, rule: other ? "other-account" : imported.error.rule });
    }
    for (const name of ["added", "known", "strangers"] as const) sums[name] += imported.value[name];
    return ok();
  };
  const read = await readLines(path, async (text, share) => {
    const message = reader.read(text);
    if (!message.ok) return message;
    if (message.value !== null) waiting.push(message.value);
    if (waiting.length < IMPORT_MESSAGES_MAX) return ok();
    showProgress(output, label, Math.round(share * PROGRESS_STEPS) / 10, 100);
    return take();
  });
  if (!read.ok) return read;
  const last = await take();
  output.live(null);
  if (!last.ok) return last;
  const file = reader.finish();
  return file.ok ? ok({ file: file.value, sums }) : file;
}

function report(
  { file, sums }: { readonly file: MessagesFile; readonly sums: Sums },
  isDryRun: boolean,
): { readonly json: Readonly<Record<string, unknown>>; readonly messages: readonly string[] } {
  const { added, known, strangers } = sums;
  const said = isDryRun
    ? `${count(added, "message")} would be brought back; ${known} of ${file.messages} are here.`
    : `${count(added, "message")} brought back, on all your devices; ${known} were here.`;
  return {
    json: { ...sums, unproven: file.unproven, isDryRun },
    messages: [
      said,
      ...(strangers > 0
        ? [
            `${count(strangers, "message")} left out: with nobody you know here. dovetail contact import first.`,
          ]
        : []),
      ...(file.unproven > 0
        ? [`${count(file.unproven, "message")} left out: the export has no proof of them.`]
        : []),
    ],
  };
}
