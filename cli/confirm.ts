/** A yes before something is destroyed. */
import { err, ok, type Result } from "@dovetail/core";
import type { CommandContext } from "./command-runner.ts";
import type { CliError } from "./errors/command-error.ts";

/**
 * Asks `question`, unless `--yes` has answered it.
 *
 * - Fails: `Cancelled` on no; `NeedsTerminal` where nobody can be asked. `what` completes "give --yes to …".
 */
export async function isAgreed(
  { prompts, isYes }: CommandContext,
  question: string,
  what: string,
): Promise<Result<void, CliError>> {
  if (isYes) return ok();
  if (!prompts.isInteractive)
    return err({ type: "NeedsTerminal", what: "a yes", hint: `give --yes to ${what}` });
  return (await prompts.confirm(question)) ? ok() : err({ type: "Cancelled" });
}
