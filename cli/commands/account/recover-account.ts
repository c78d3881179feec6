/** `dovetail account recover`: the account back on an empty profile, from the 24 words and the server alone. */
import { err, ok, openClient, parseId, recoverAccount, type Result } from "@dovetail/core";
import { stopAfter, withPlatform } from "../../client-session.ts";
import type { CommandContext, Outcome } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { plainLine } from "../../output/plain-text.ts";
import { syncWithProgress } from "../../send-off.ts";

/** What becomes of the other devices where they are not kept. */
export const OTHERS_OUT = "All other devices of the account are out; link them again.";

export interface RecoverRequest {
  readonly origin: string;
  /** Handle or account id. */
  readonly account: string;
  readonly deviceName: string;
  readonly keepsDevices: boolean;
  readonly isToBeLocked: boolean;
}

/** Asks for the words, or reads them from standard input, so that they are in no list of processes. */
export async function recoverFromWords(
  context: CommandContext,
  request: RecoverRequest,
): Promise<Result<Outcome, CliError>> {
  const words = (await context.prompts.ask("The 24 words of the recovery key: "))?.trim() ?? "";
  if (words === "")
    return err({
      type: "Usage",
      message: "the 24 words are needed",
      hint: "type them, or give them on standard input",
    });
  const id = parseId("account", request.account);
  const account = id.ok
    ? { type: "id" as const, accountId: id.value }
    : { type: "handle" as const, handle: request.account };
  return withPlatform(context, { create: true, isToBeLocked: request.isToBeLocked }, async (platform) => {
    const existing = await openClient(platform);
    if (!existing.ok) return existing;
    if (existing.value !== null) {
      await existing.value.stop();
      return err({ type: "AccountExists", profile: context.choice.name });
    }
    const { origin, deviceName, keepsDevices } = request;
    const recovered = await recoverAccount(platform, { origin, account, words, deviceName, keepsDevices });
    if (!recovered.ok) return recovered;
    const client = recovered.value;
    return stopAfter(client, describe(context, client, keepsDevices));
  });
}

async function describe(
  context: CommandContext,
  client: Parameters<typeof syncWithProgress>[1],
  keepsDevices: boolean,
): Promise<Result<Outcome, CliError>> {
  const synced = await syncWithProgress(context, client);
  if (!synced.ok) return synced;
  const account = await client.account();
  if (!account.ok) return account;
  const others = keepsDevices ? "Your other devices stay." : OTHERS_OUT;
  return ok({
    json: { account: account.value },
    messages: [`${plainLine(account.value.displayName)} is back on this device. ${others}`],
  });
}
