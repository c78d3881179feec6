/** `dovetail server reseed` and `dovetail server move`: the account's side of a server that is lost or left. */
import type { Command } from "commander";
import { err, ok, type PutBackOptions, type Result } from "@dovetail/core";
import { withClient } from "../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../command-runner.ts";
import { isAgreed } from "../confirm.ts";
import type { CliError } from "../errors/command-error.ts";
import { count } from "../errors/error-words.ts";
import { plainLine } from "../output/plain-text.ts";
import { withProgress } from "../send-off.ts";
import { addExamples } from "./examples.ts";

interface RegistrationOptions {
  readonly invitation?: string;
  readonly handle?: string;
}

const INVITATION = ["--invitation <code>", "for a server that lets nobody in without"] as const;
const HANDLE = ["--handle <name>", "another handle, where somebody else there has yours"] as const;

/** Adds the commands to the group of server commands. */
export function addServerAccountCommands(server: Command, run: RunCommand): void {
  const reseed = server
    .command("reseed")
    .description("put your account back on its server, when that lost its data or was restored from a backup")
    .option(...INVITATION)
    .option(...HANDLE)
    .action((options: RegistrationOptions, command: Command) =>
      run(command, (context) => putBack(context, options)),
    );
  addExamples(reseed, [
    ["dovetail server reseed", "on one of your devices; the others go on by themselves"],
    ["dovetail server reseed --invitation CODE", "where accounts need an invitation"],
  ]);

  const move = server
    .command("move")
    .description("make another server the home of your account; contacts are told, your devices follow")
    .argument("<url>", "https://host[:port] of the other server")
    .option(...INVITATION)
    .option(...HANDLE)
    .action((origin: string, options: RegistrationOptions, command: Command) =>
      run(command, (context) => putBack(context, { ...options, origin })),
    );
  addExamples(move, [
    ["dovetail server move https://chat.example.org", "with all that your devices hold"],
    [
      "dovetail server move https://chat.example.org --handle ada.b",
      "where somebody else there is `ada`; contacts keep the name they gave you",
    ],
    [
      "dovetail server move https://chat.example.org",
      "the same on a device that cannot reach the old server any more: it follows",
    ],
  ]);
}

async function putBack(context: CommandContext, options: PutBackOptions): Promise<Result<Outcome, CliError>> {
  const question =
    options.origin === undefined
      ? "Put your account back on its server, from what this device holds?"
      : `Make ${plainLine(options.origin)} the home of your account?`;
  const confirmed = await isAgreed(context, question, "do it without asking");
  if (!confirmed.ok) return confirmed;
  return withClient(context, async (client) => {
    const done = await withProgress(context, client, () => client.putBack(options));
    if (!done.ok) {
      const isTaken = done.error.type === "Refused" && done.error.code === "handle-taken";
      return isTaken ? err({ type: "HandleTakenThere", origin: options.origin ?? null }) : done;
    }
    const { origin, logs } = done.value;
    const what =
      logs === 0
        ? `${plainLine(origin)} has all this device has read; nothing was to be put back.`
        : `Your account is on ${plainLine(origin)}: ${count(logs, "log")} begun anew from what this device holds.`;
    return ok({
      json: { putBack: done.value },
      messages: [what, "Run `dovetail sync --verify` to see when your other devices have followed."],
    });
  });
}
