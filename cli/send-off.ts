/**
 * After a change: lets it go out at once where that is possible.
 *
 * The change is durable before this begins, so a server that does not answer is no failure of the command.
 */
import { type Client, type ClientEvent, err, ok, type Result, type SyncReport } from "@dovetail/core";
import type { CommandContext } from "./command-runner.ts";
import type { CliError } from "./errors/command-error.ts";
import { describeAlarm } from "./errors/alarm-text.ts";
import { describeNotice, describeRequest } from "./errors/notice-text.ts";
import { describeError } from "./errors/error-text.ts";
import { EXIT } from "./errors/exit-code.ts";
import type { Report } from "./output/output.ts";
import { plainLine } from "./output/plain-text.ts";
import { showProgress } from "./output/progress.ts";

/** What became of the attempt. */
export type SendOff =
  | { readonly server: "reached"; readonly report: SyncReport }
  | { readonly server: "unreachable" }
  /** With `--offline`. */
  | { readonly server: "not-asked" };

/** What a change did, before it is known whether it went out. */
export interface Change {
  readonly json: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** What a progress bar is called, by what goes on. */
export const LABEL_BY_PHASE = {
  history: "receiving",
  sending: "sending",
  indexing: "preparing the search",
  restoring: "putting back",
} as const;

/** Synchronises once, unless the command is offline. - Fails: on all but an unreachable server, such as trust alarms. */
export async function sendOff(context: CommandContext, client: Client): Promise<Result<SendOff, CliError>> {
  if (context.isOffline) return ok({ server: "not-asked" });
  const synced = await syncWithProgress(context, client);
  if (synced.ok) return ok({ server: "reached", report: synced.value });
  if (describeError(synced.error).exitCode === EXIT.serverUnreachable) return ok({ server: "unreachable" });
  return err(synced.error);
}

/** `sendOff` after a change: where it fails, that the change is kept is said before why. */
export async function sendChangeOff(
  context: CommandContext,
  client: Client,
): Promise<Result<SendOff, CliError>> {
  const sent = await sendOff(context, client);
  if (!sent.ok) context.output.say("Kept here. It has not gone out:");
  return sent;
}

/** Lets a change go out and reports both: what it did, and how far it got. */
export async function reportChange(
  context: CommandContext,
  client: Client,
  { json, message }: Change,
): Promise<Result<Report, CliError>> {
  const sent = await sendChangeOff(context, client);
  if (!sent.ok) return sent;
  return ok({ json: { ...json, sync: sent.value }, messages: [message, ...describeSendOff(sent.value)] });
}

/** One whole synchronisation with a bar while it lasts, and a warning for each alarm. `told`: which news are said when it is done. */
export async function syncWithProgress(
  context: CommandContext,
  client: Client,
  told: readonly ClientEvent["type"][] = ["notice", "request"],
): Promise<Result<SyncReport, CliError>> {
  const news: ClientEvent[] = [];
  const stopListening = client.onEvent((event) => {
    if (told.includes(event.type)) news.push(event);
  });
  const synced = await withProgress(context, client, () => client.sync()).finally(stopListening);
  await tellNews(context, client, news);
  const alarms = synced.ok ? synced.value.alarms : [];
  for (const alarm of alarms) context.output.warn(describeAlarm(alarm));
  if (alarms.length > 0) context.output.say("What to do: dovetail alarm list");
  return synced;
}

/** What came to a contact's account, and who asks: nobody would look for either. */
async function tellNews(
  { output }: CommandContext,
  client: Client,
  news: readonly ClientEvent[],
): Promise<void> {
  if (news.length === 0) return;
  const contacts = await client.contacts();
  const known = contacts.ok ? contacts.value : [];
  for (const event of news) {
    if (event.type === "request") output.say(describeRequest(event.contact));
    if (event.type !== "notice") continue;
    const contact = known.find(({ accountId }) => accountId === event.notice.contact);
    output.say(describeNotice(event.notice, contact === undefined ? "somebody" : plainLine(contact.name)));
  }
}

/** What to say when a change did not go out. */
export function describeSendOff(sent: SendOff): readonly string[] {
  switch (sent.server) {
    case "reached":
      return [];
    case "unreachable":
      return ["Kept here, goes out when the server answers."];
    case "not-asked":
      return ["Kept here, goes out with `dovetail sync`."];
  }
}

/** Does `work` with a bar while it tells of progress. */
export async function withProgress<T>(
  { output }: CommandContext,
  client: Client,
  work: () => Promise<T>,
): Promise<T> {
  const show = (event: ClientEvent): void => {
    if (event.type === "progress") showProgress(output, LABEL_BY_PHASE[event.phase], event.done, event.total);
  };
  const stopListening = client.onEvent(show);
  try {
    return await work();
  } finally {
    stopListening();
    output.live(null);
  }
}
