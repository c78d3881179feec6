/** `dovetail lock`: the passphrase of a profile, and a new key for all that it holds. */
import type { Command } from "commander";
import { cryptoReady, err, ok, type Result } from "@dovetail/core";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count } from "../../errors/error-words.ts";
import { layOutFields } from "../../output/columns.ts";
import { showProgress } from "../../output/progress.ts";
import { openWhenFree } from "../../open-when-free.ts";
import { type OpenedProfile, profileFolder } from "../../platform/profile-folder.ts";
import { rekeyProfile } from "../../platform/rekey-profile.ts";
import {
  type Protection,
  protectionOf,
  readStoreKeyFile,
  replaceStoreKeyFile,
} from "../../platform/store-key-file.ts";
import { addExamples } from "../examples.ts";

/** What protects a profile at rest, for people. */
export const PROTECTION_WORDS: Readonly<Record<Protection, string>> = {
  passphrase: "locked by a passphrase",
  permissions: "protected by file permissions only",
};

export function addLockCommands(program: Command, run: RunCommand): void {
  const lock = program.command("lock").description("a passphrase for what this profile has on disk");
  addExamples(lock, [
    ["dovetail lock set", "set a passphrase, or change it"],
    ["dovetail --passphrase-fd 3 sync 3<secret.txt", "unlock without a terminal"],
    ["dovetail lock rekey", "a new key, and everything sealed anew"],
  ]);
  lock
    .command("status")
    .description("what protects this profile at rest; asks for no passphrase")
    .action((_options: unknown, command: Command) => run(command, status));
  lock
    .command("set")
    .description("set a passphrase, or change it; what is on disk stays sealed by the same key")
    .option("--new-passphrase-fd <n>", "read the new one from this descriptor: its first line")
    .action((_options: unknown, command: Command) => run(command, set));
  lock
    .command("remove")
    .description("take the passphrase away; file permissions protect the profile then")
    .action((_options: unknown, command: Command) => run(command, remove));
  lock
    .command("rekey")
    .description("give the profile a new key and seal everything anew; needs as much space again")
    .action((_options: unknown, command: Command) => run(command, rekey));
}

async function status({ choice }: CommandContext): Promise<Result<Outcome, CliError>> {
  const folder = profileFolder(choice);
  await cryptoReady();
  try {
    const stored = readStoreKeyFile(folder);
    if (!stored.ok) return stored;
    const protection = protectionOf(stored.value);
    const cost = stored.value.type === "wrapped" ? stored.value.cost : null;
    const costWords =
      cost === null
        ? "none"
        : `Argon2id, ${cost.memoryBytes / 1_048_576} MiB, ${cost.passes} ${cost.passes === 1 ? "pass" : "passes"}`;
    return ok({
      json: { profile: choice.name, protection, cost },
      text: (page) =>
        layOutFields(
          [
            ["profile", `${choice.name}: ${folder}`],
            ["at rest", PROTECTION_WORDS[protection]],
            ["passphrase", costWords],
          ],
          page,
        ),
    });
  } catch (thrown) {
    const detail = codeOf(thrown);
    if (detail === "ENOENT") return err({ type: "NoProfile", profile: choice.name });
    return err({ type: "ProfileUnavailable", path: folder, detail });
  }
}

async function set(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withProfile(context, async ({ folder, storeKey, protection }) => {
    const passphrase = await context.passphrases.chooseNext();
    if (!passphrase.ok) return passphrase;
    replaceStoreKeyFile(folder, storeKey, passphrase.value);
    const wasLocked = protection === "passphrase";
    return ok({
      json: { profile: context.choice.name, protection: "passphrase", wasLocked },
      messages: wasLocked
        ? [
            "The passphrase is changed.",
            "Copies of this profile made before open with the old one. If somebody may have both, run `dovetail lock rekey`.",
          ]
        : [
            "This profile opens with the passphrase only from now on. Nobody can bring it back; your other devices and the recovery words are not bound to it.",
            "Its key lay unprotected until now. If somebody may have copied it, run `dovetail lock rekey`.",
          ],
    });
  });
}

async function remove(context: CommandContext): Promise<Result<Outcome, CliError>> {
  const { choice, prompts, isYes } = context;
  return withProfile(context, async ({ folder, storeKey, protection }) => {
    const json = { profile: choice.name, protection: "permissions", wasLocked: protection === "passphrase" };
    if (protection === "permissions") return ok({ json, messages: ["This profile has no passphrase."] });
    if (!isYes) {
      if (!prompts.isInteractive)
        return err({ type: "NeedsTerminal", what: "a yes", hint: "give --yes to remove the passphrase" });
      const question =
        "Without it, whoever can read the files of this profile can read everything. Remove it?";
      if (!(await prompts.confirm(question))) return err({ type: "Cancelled" });
    }
    replaceStoreKeyFile(folder, storeKey, null);
    return ok({
      json,
      messages: ["The passphrase is removed. Only file permissions protect this profile now."],
    });
  });
}

async function rekey(context: CommandContext): Promise<Result<Outcome, CliError>> {
  const { output, passphrases, choice, interrupted } = context;
  return withProfile(context, async (profile) => {
    const done = await rekeyProfile(profile, {
      passphrase: profile.protection === "passphrase" ? passphrases.used() : null,
      signal: interrupted,
      onProgress: ({ done: { rows, chunks }, total }) =>
        showProgress(output, "sealing rows and chunks anew", rows + chunks, total.rows + total.chunks),
    });
    output.live(null);
    if (!done.ok) return done;
    const { rows, chunks } = done.value;
    return ok({
      json: { profile: choice.name, protection: profile.protection, rows, chunks },
      messages: [
        `${count(rows, "row")} and ${count(chunks, "chunk")} are sealed by a new key, ${PROTECTION_WORDS[profile.protection]}.`,
      ],
    });
  });
}

/** Runs `body` on the profile without a client. What the disk refuses to it is an error, not a fault of ours. */
async function withProfile(
  context: CommandContext,
  body: (profile: OpenedProfile) => Promise<Result<Outcome, CliError>>,
): Promise<Result<Outcome, CliError>> {
  const profile = await openWhenFree(context, { create: false, unlock: context.passphrases.unlock });
  if (!profile.ok) return profile;
  try {
    return await body(profile.value);
  } catch (thrown) {
    return err({ type: "ProfileUnavailable", path: profile.value.folder, detail: codeOf(thrown) });
  } finally {
    profile.value.release();
  }
}

/** The system's word for what it refused. Anything else that was thrown is a fault of ours, and goes on. */
function codeOf(thrown: unknown): string {
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") return thrown.code;
  throw thrown;
}
