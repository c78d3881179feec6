/** `dovetail account delete`: the account goes from its server, with what that means said before and after. */
import { err, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { plainLine } from "../../output/plain-text.ts";
import { quoteArgument } from "../quote-argument.ts";

const WHAT_IT_MEANS = [
  "The server erases this account: its chain, logs, keys and snapshots. Nobody can bring it back, not with the recovery words either.",
  "Its handle and id stay taken. Contacts keep what they have and are not told; what they write does not arrive any more.",
  "Other devices of yours keep what they hold and get nothing new.",
];
const ID_CHARS_TYPED = 8;

/** Deletes after the person has typed the account's handle, or at once with `--yes`. */
export function deleteOwnAccount(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(
    context,
    async (client) => {
      const account = await client.account();
      if (!account.ok) return account;
      const { accountId, handle, origin } = account.value;
      const agreed = await isAgreed(context, handle ?? accountId.slice(0, ID_CHARS_TYPED));
      if (!agreed.ok) return agreed;
      const deleted = await client.deleteAccount();
      if (!deleted.ok) return deleted;
      return ok({
        json: { deleted: accountId },
        messages: [
          `The account is deleted from ${plainLine(origin)}.`,
          `What this device holds is still here. To erase it too: dovetail profile remove ${quoteArgument(context.choice.name)}`,
        ],
      });
    },
    { isGuarded: true },
  );
}

async function isAgreed(
  { prompts, isYes, output }: CommandContext,
  name: string,
): Promise<Result<void, CliError>> {
  if (isYes) return ok();
  if (!prompts.isInteractive)
    return err({ type: "NeedsTerminal", what: "a yes", hint: "give --yes to delete the account" });
  for (const line of WHAT_IT_MEANS) output.warn(line);
  const typed = (await prompts.ask(`Type ${plainLine(name)} to delete the account: `))?.trim();
  return typed === name ? ok() : err({ type: "Cancelled" });
}
