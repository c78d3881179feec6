/** The new device's side of linking: whose account, yes or no, six digits, wait, fetch everything. */
import {
  err,
  joinAccount,
  type LinkingGuest,
  ok,
  openClient,
  type Platform,
  type Result,
} from "@dovetail/core";
import { interruption, stopAfter, withPlatform } from "../../client-session.ts";
import type { CommandContext, Outcome } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count, shortId } from "../../errors/error-words.ts";
import { plainLine } from "../../output/plain-text.ts";
import { syncWithProgress } from "../../send-off.ts";

export interface LinkRequest {
  readonly code: string | undefined;
  /** Of a code that is typed; the others name theirs. */
  readonly origin: string | undefined;
  readonly deviceName: string;
  readonly isToBeLocked: boolean;
}

/** `dovetail account link`. With `--json` it is a stream: account, digits, then the report. */
export function linkThisDevice(
  context: CommandContext,
  request: LinkRequest,
): Promise<Result<Outcome, CliError>> {
  return withPlatform(context, { create: true, isToBeLocked: request.isToBeLocked }, async (platform) => {
    const existing = await openClient(platform);
    if (!existing.ok) return existing;
    if (existing.value !== null) {
      await existing.value.stop();
      return err({ type: "AccountExists", profile: context.choice.name });
    }
    const code = await readCode(context, request.code);
    if (!code.ok) return code;
    const origin = await serverOf(context, code.value, request.origin);
    if (!origin.ok) return origin;
    const joined = await joinAccount(platform, {
      code: code.value,
      deviceName: request.deviceName,
      origin: origin.value,
    });
    if (!joined.ok) return joined;
    const guest = joined.value;
    const linked = await Promise.race([talk(context, guest), interruption(context)]);
    if (!linked.ok) {
      await guest.cancel();
      return linked;
    }
    return fetchAll(context, platform);
  });
}

async function readCode(
  context: CommandContext,
  given: string | undefined,
): Promise<Result<string, CliError>> {
  if (given !== undefined && given !== "-") return ok(given.trim());
  const typed = (await context.prompts.ask("Paste or type the code the other device shows: "))?.trim() ?? "";
  if (typed !== "") return ok(typed);
  return err({
    type: "Usage",
    message: "a linking code is needed",
    hint: "show one on your other device with `dovetail device link`",
  });
}

/** A code that is typed does not say where; the other device shows its server below it. */
async function serverOf(
  context: CommandContext,
  code: string,
  given: string | undefined,
): Promise<Result<string | null, CliError>> {
  if (given !== undefined) return ok(given);
  if (isWholeCode(code) || !context.prompts.isInteractive) return ok(null);
  const typed = (await context.prompts.ask("Server of your account, as https://host: "))?.trim() ?? "";
  return ok(typed === "" ? null : typed);
}

/** One that was scanned or pasted, of whichever kind. */
const isWholeCode = (code: string): boolean => code.includes(":");

async function talk(context: CommandContext, guest: LinkingGuest): Promise<Result<void, CliError>> {
  const { output, prompts, isYes } = context;
  const name = plainLine(guest.accountName);
  if (output.isJson) output.stream({ accountName: guest.accountName, accountId: guest.accountId });
  if (!isYes) {
    if (!prompts.isInteractive) {
      return err({
        type: "NeedsTerminal",
        what: `a yes to joining the account of ${name}`,
        hint: "look at the name first, then give --yes",
      });
    }
    const isTheirs = await prompts.confirm(
      `The code is from the account ${name} (${shortId(guest.accountId)}). Is that you?`,
    );
    if (!isTheirs) return err({ type: "Cancelled" });
  }
  const accepted = await guest.accept();
  if (!accepted.ok) return accepted;
  const { digits } = accepted.value;
  if (output.isJson) output.stream({ digits });
  else output.print([output.page.paint(`${digits.slice(0, 3)} ${digits.slice(3)}`, "strong")]);
  output.say("Type these 6 digits on the other device. Never read them to anyone else.");
  output.live("Waiting for the other device.");
  const linked = await guest.whenLinked();
  output.live(null);
  return linked.ok ? ok() : linked;
}

async function fetchAll(context: CommandContext, platform: Platform): Promise<Result<Outcome, CliError>> {
  const opened = await openClient(platform);
  if (!opened.ok) return opened;
  const client = opened.value;
  if (client === null) return err({ type: "NoAccount", profile: context.choice.name });
  context.output.say("Linked. Fetching what your other devices have.");
  return stopAfter(
    client,
    (async (): Promise<Result<Outcome, CliError>> => {
      const synced = await syncWithProgress(context, client);
      if (!synced.ok) return synced;
      const account = await client.account();
      if (!account.ok) return account;
      const { receivedMessages } = synced.value;
      return ok({
        json: { account: account.value, sync: synced.value },
        messages: [
          `This device is one of ${plainLine(account.value.displayName)}'s now. ${count(receivedMessages, "message")} came.`,
        ],
      });
    })(),
  );
}
