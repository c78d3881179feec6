/** `dovetail verify`: what this device holds, as hashes to compare with another device's. */
import type { Command } from "commander";
import { ok, type Result, type StateFingerprint } from "@dovetail/core";
import { withClient } from "../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { count } from "../errors/error-words.ts";
import { layOutFields } from "../output/columns.ts";
import type { Page } from "../output/output.ts";
import { addExamples } from "./examples.ts";

const HASH_CHARS_SHOWN = 16;

export function addVerifyCommand(program: Command, run: RunCommand): void {
  const verify = program
    .command("verify")
    .description("what this device holds, as hashes: two devices that show the same hold the same")
    .action((_options: unknown, command: Command) => run(command, showFingerprint));
  addExamples(verify, [
    ["dovetail sync && dovetail verify", "on each of your devices, then compare"],
    ["dovetail verify --json", "the whole hashes"],
  ]);
}

async function showFingerprint(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const fingerprint = await client.fingerprint();
    if (!fingerprint.ok) return fingerprint;
    return ok({
      json: { fingerprint: fingerprint.value },
      text: (page) => layOutFingerprint(fingerprint.value, page),
    });
  });
}

function layOutFingerprint(
  { headsByKind, ops, opCount, view }: StateFingerprint,
  page: Page,
): readonly string[] {
  const documents = Object.entries(headsByKind).sort(([a], [b]) => (a < b ? -1 : 1));
  return layOutFields(
    [
      ...documents.map(([kind, hash]) => [kind, hash.slice(0, HASH_CHARS_SHOWN)] as const),
      ["ops", `${ops.slice(0, HASH_CHARS_SHOWN)} (${count(opCount, "op")})`],
      ["view", view.slice(0, HASH_CHARS_SHOWN)],
    ],
    page,
  );
}
